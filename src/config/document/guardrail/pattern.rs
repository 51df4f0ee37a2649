/*! `detect: { patterns: … }`. Whether an expression can be compiled is seen when all
of a policy are. */

use super::super::super::fields::Node;
use super::super::super::guardrail::Detect;
use super::super::super::problem::Problems;
use super::super::super::scalars::count;
use super::super::super::tree::Tree;
use super::super::super::values::text;
use super::super::choice;
use super::{GuardrailEntry, texts};
use crate::detect::{Check, Entity, LONGEST_MATCH, Pattern, USUAL_MATCH};
use std::collections::HashMap;

/// Longest expression, in bytes.
const LONGEST_REGEX: usize = 1_024;

/// Longest name: it stands in masks.
const LONGEST_NAME: usize = 64;

/// Most words of one pattern.
const MOST_WORDS: usize = 64;

/// What masks say of other findings.
const TAKEN: [&str; 3] = ["LINK", "PHRASE", "SYSTEM_PROMPT"];

pub(super) fn patterns(node: &Node<'_>, problems: &mut Problems) -> Option<Detect> {
    let elements = node.elements(problems)?;
    let read = |element: &Node<'_>| pattern(element, problems);
    let patterns: Vec<Pattern> = elements.iter().filter_map(read).collect();
    (patterns.len() == elements.len() && !patterns.is_empty()).then_some(Detect::Patterns(patterns))
}

fn pattern(node: &Node<'_>, problems: &mut Problems) -> Option<Pattern> {
    let mut fields = node.fields(problems)?;
    let name = fields.required("name", name, problems);
    let regex = fields.required("regex", regex, problems);
    let check = fields.optional("check", check, problems);
    let context = fields.optional("context", words, problems);
    let max_length = fields.optional("max_length", max_length, problems);
    fields.finish(problems);
    Some(Pattern {
        name: name?,
        regex: regex?,
        check,
        context: context.unwrap_or_default(),
        max_length: max_length.unwrap_or(USUAL_MATCH),
    })
}

/// Written like an entity's, since it stands in masks and placeholders like one.
fn name(node: &Node<'_>, problems: &mut Problems) -> Option<String> {
    let name = text(node, problems)?;
    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let good = name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.len() <= LONGEST_NAME
        && name.chars().all(plain)
        && !name.ends_with('_')
        && !name.contains("__");
    if !good {
        let message = format!(
            "must be a name such as EMPLOYEE_ID: up to {LONGEST_NAME} capital letters, digits \
             and single _ between them"
        );
        problems.error(&node.path, message);
        return None;
    }
    if Entity::named(&name).is_some() || TAKEN.contains(&name.as_str()) {
        let message =
            format!("{name:?} is found without a pattern: masks would not tell them apart");
        problems.error(&node.path, message);
    }
    Some(name)
}

fn regex(node: &Node<'_>, problems: &mut Problems) -> Option<String> {
    match node.tree {
        Tree::String(regex) if (1..=LONGEST_REGEX).contains(&regex.len()) => Some(regex.clone()),
        Tree::String(_) => {
            problems.error(&node.path, format!("must have 1 to {LONGEST_REGEX} bytes"));
            None
        }
        _ => node.wanted("a regular expression in quotes", problems),
    }
}

fn check(node: &Node<'_>, problems: &mut Problems) -> Option<Check> {
    choice(node, problems, &Check::NAMED)
}

fn words(node: &Node<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    texts(node, MOST_WORDS, problems)
}

fn max_length(node: &Node<'_>, problems: &mut Problems) -> Option<usize> {
    let longest = u64::try_from(LONGEST_MATCH).ok()?;
    usize::try_from(count(node, problems, 1..=longest)?).ok()
}

/// A name means the same wherever it stands.
pub(super) fn check_names(read: &[GuardrailEntry], problems: &mut Problems) {
    let mut known: HashMap<&str, (usize, &Pattern)> = HashMap::new();
    for (guardrail, entry) in read.iter().enumerate() {
        let Detect::Patterns(patterns) = &entry.guardrail.detect else {
            continue;
        };
        for (index, pattern) in patterns.iter().enumerate() {
            let message = match known.get(pattern.name.as_str()) {
                Some((of, _)) if *of == guardrail => "stands twice",
                Some((_, other)) if *other != pattern => "is another pattern in a guardrail before",
                _ => {
                    known.insert(&pattern.name, (guardrail, pattern));
                    continue;
                }
            };
            let path = format!("{}.detect.patterns[{index}].name", entry.path);
            problems.error(path, format!("{:?} {message}", pattern.name));
        }
    }
}
