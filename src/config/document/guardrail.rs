/*! `guardrails`: each is complete in itself, but for the tenants that it names. */

mod action;
mod detect;
mod pattern;
mod request;
mod scored;
mod service;

use super::super::fields::{Located, Node};
use super::super::guardrail::{Detect, Guardrail, Phases};
use super::super::problem::Problems;
use super::super::values::{name, references, text};
use super::choice;
use crate::mask::HashKey;
use std::collections::HashSet;

/// Most guardrails: each call says what each of them found.
const MOST: usize = 64;

/// Longest key, in bytes.
const LONGEST_KEY: usize = 256;

/// A guardrail, and where its parts stand.
pub(in super::super) struct GuardrailEntry {
    pub(in super::super) path: String,
    pub(in super::super) guardrail: Guardrail,
    /// Those of `tenants`, if it has any.
    pub(in super::super) tenants: Vec<Located<String>>,
    /// What `restore` makes placeholders with, if it says so.
    pub(in super::super) restore_key: Option<Located<String>>,
    /// SHA-256 of all that it says.
    pub(in super::super) digest: [u8; 32],
}

/// All that can be read; those that can't are left out and reported.
pub(in super::super) fn guardrails(
    node: &Node<'_>,
    problems: &mut Problems,
) -> Option<Vec<GuardrailEntry>> {
    let elements = node.elements(problems)?;
    if elements.len() > MOST {
        let message = format!("must not have more than {MOST} guardrails");
        problems.error(&node.path, message);
    }
    let mut names: Vec<String> = Vec::new();
    let mut read = Vec::new();
    for element in &elements {
        let Some(entry) = guardrail(element, problems) else {
            continue;
        };
        let name = &entry.guardrail.name;
        if names.contains(name) {
            let message = format!("the name {name:?} stands twice");
            problems.error(format!("{}.name", element.path), message);
        }
        names.push(name.clone());
        read.push(entry);
    }
    detect::check_counts(node, &read, problems);
    pattern::check_names(&read, problems);
    Some(read)
}

fn guardrail(node: &Node<'_>, problems: &mut Problems) -> Option<GuardrailEntry> {
    let mut fields = node.fields(problems)?;
    let name = fields.required("name", name, problems);
    let phase = fields.required("phase", located_phase, problems);
    let tenants = fields.optional("tenants", references, problems);
    let detect = detect::detect(&mut fields, node, problems);
    let action = action::action(&mut fields, phase.as_ref(), problems);
    let failure_mode = fields.find("failure_mode");
    fields.finish(problems);
    let of_action = action.as_ref().map(|(action, _)| action);
    let detect = service::with_failure_mode((detect, of_action), failure_mode.as_ref(), problems);
    let (phase, detect, (action, restore_key)) = (phase?, detect?, action?);
    check_phase(&phase, &detect, problems);
    service::check_action(node, &detect, &action, problems);
    request::check(node, &phase, (&detect, &action), problems);
    scored::check((node, &phase), &detect, &action, problems);
    Some(GuardrailEntry {
        path: node.path.clone(),
        digest: node.tree.digest(),
        restore_key,
        guardrail: Guardrail {
            name: name?,
            phase: phase.value,
            tenants: tenants.as_deref().map(words),
            detect,
            action,
        },
        tenants: tenants.unwrap_or_default(),
    })
}

fn words(located: &[Located<String>]) -> Vec<String> {
    located.iter().map(|word| word.value.clone()).collect()
}

fn located_phase(node: &Node<'_>, problems: &mut Problems) -> Option<Located<Phases>> {
    let words = [
        ("input", Phases::Input),
        ("output", Phases::Output),
        ("both", Phases::Both),
    ];
    let phase = choice(node, problems, &words)?;
    Some(node.located(phase))
}

/// Some things can only be said of answers.
fn check_phase(phase: &Located<Phases>, detect: &Detect, problems: &mut Problems) {
    let what = match detect {
        Detect::SystemPrompt { .. } => "the system prompt",
        Detect::Links(_) => "links",
        _ => return,
    };
    if phase.value != Phases::Output {
        let message = format!("must be output: {what} can leak in answers only");
        problems.error(&phase.path, message);
    }
}

/// A key of 16 to 256 bytes. Problems do not repeat it.
pub(super) fn key(node: &Node<'_>, problems: &mut Problems) -> Option<String> {
    let Some(key) = node.tree.as_str() else {
        return node.wanted("a string", problems);
    };
    if !(HashKey::SHORTEST..=LONGEST_KEY).contains(&key.len()) {
        let message = format!("must have {} to {LONGEST_KEY} bytes", HashKey::SHORTEST);
        problems.error(&node.path, message);
        return None;
    }
    Some(key.to_owned())
}

/// A list of up to `most` texts, none twice.
pub(super) fn texts(node: &Node<'_>, most: usize, problems: &mut Problems) -> Option<Vec<String>> {
    let elements = node.elements(problems)?;
    if elements.len() > most {
        problems.error(&node.path, format!("must not have more than {most}"));
    }
    let mut seen = HashSet::new();
    let read = |element: &Node<'_>| {
        let text = text(element, problems)?;
        if !seen.insert(text.clone()) {
            problems.error(&element.path, format!("{text:?} stands twice"));
        }
        Some(text)
    };
    let texts: Vec<String> = elements.iter().filter_map(read).collect();
    (texts.len() == elements.len()).then_some(texts)
}
