/*! `guardrails`. */

use super::super::fields::{Fields, Located, Node};
use super::super::guardrail::{Action, Detect, Guardrail, Phases};
use super::super::problem::Problems;
use super::super::suggest::suggest;
use super::super::tree::Tree;
use super::super::values::{name, references};
use super::choice;
use crate::detect::{Entities, Entity, Group};
use crate::mask::{HashKey, Style};

/// Longest key of hashes, in bytes.
const LONGEST_KEY: usize = 256;

/// All that can be read; those that can't are left out and reported.
pub(in super::super) fn guardrails(
    node: &Node<'_>,
    problems: &mut Problems,
) -> Option<Vec<Guardrail>> {
    let mut names: Vec<String> = Vec::new();
    let mut read = Vec::new();
    for element in node.elements(problems)? {
        let Some(guardrail) = guardrail(&element, problems) else {
            continue;
        };
        if names.contains(&guardrail.name) {
            let message = format!("the name {:?} stands twice", guardrail.name);
            problems.error(format!("{}.name", element.path), message);
        }
        names.push(guardrail.name.clone());
        read.push(guardrail);
    }
    Some(read)
}

fn guardrail(node: &Node<'_>, problems: &mut Problems) -> Option<Guardrail> {
    let mut fields = node.fields(problems)?;
    let name = fields.required("name", name, problems);
    let phase = fields.required("phase", phase, problems);
    let detect = detect(&mut fields, node, problems);
    let action = action(&mut fields, problems);
    fields.finish(problems);
    Some(Guardrail {
        name: name?,
        phase: phase?,
        detect: detect?,
        action: action?,
    })
}

fn phase(node: &Node<'_>, problems: &mut Problems) -> Option<Phases> {
    let words = [
        ("input", Phases::Input),
        ("output", Phases::Output),
        ("both", Phases::Both),
    ];
    choice(node, problems, &words)
}

/// `detect` says the group, `entities` beside it which of it; or one of them alone.
fn detect(fields: &mut Fields<'_>, node: &Node<'_>, problems: &mut Problems) -> Option<Detect> {
    let group = fields.find("detect");
    let listed = fields.find("entities");
    let Some(group) = group else {
        let Some(listed) = listed else {
            problems.error(&node.path, "must have detect, entities, or both");
            return None;
        };
        return Some(Detect::Listed(entities(&listed, None, problems)?));
    };
    if let Tree::Map(_) = group.tree {
        return detect_map(&group, listed.as_ref(), problems);
    }
    let words = [
        ("personal_data", Group::Personal),
        ("secrets", Group::Secret),
    ];
    let group = choice(&group, problems, &words)?;
    let entities = match listed {
        Some(listed) => entities(&listed, Some(group), problems)?,
        None => Entities::of(group),
    };
    Some(match group {
        Group::Secret => Detect::Secrets(entities),
        Group::Personal | Group::Other => Detect::PersonalData(entities),
    })
}

/// `detect: { entities: [ … ] }`.
fn detect_map(
    node: &Node<'_>,
    beside: Option<&Node<'_>>,
    problems: &mut Problems,
) -> Option<Detect> {
    let mut fields = node.fields(problems)?;
    let listed = fields.required("entities", references, problems);
    fields.finish(problems);
    if let Some(beside) = beside {
        problems.error(&beside.path, "is in detect already");
    }
    Some(Detect::Listed(named(&listed?, None, problems)?))
}

fn entities(node: &Node<'_>, group: Option<Group>, problems: &mut Problems) -> Option<Entities> {
    named(&references(node, problems)?, group, problems)
}

/// The entities of these names, which must be of `group` if there is one.
fn named(
    names: &[Located<String>],
    group: Option<Group>,
    problems: &mut Problems,
) -> Option<Entities> {
    let mut all = Vec::with_capacity(names.len());
    for name in names {
        match Entity::named(&name.value) {
            Some(entity) if group.is_none_or(|group| entity.group() == group) => all.push(entity),
            Some(_) => problems.error(&name.path, "is not part of what detect says"),
            None => {
                let known = Entity::ALL.iter().map(|entity| entity.name());
                let hint = suggest(&name.value, known);
                problems.error(&name.path, format!("no entity {:?}{hint}", name.value));
            }
        }
    }
    (all.len() == names.len()).then(|| all.into_iter().collect())
}

/// `action`, and `mask`, which says how, beside `mask` only.
fn action(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Action> {
    const WORDS: [(&str, Action); 3] = [
        ("mask", Action::Mask(Style::Replace)),
        ("monitor", Action::Monitor),
        ("block", Action::Block),
    ];
    let action = fields.required(
        "action",
        |node, problems| choice(node, problems, &WORDS),
        problems,
    );
    let style = fields.find("mask");
    match (action?, style) {
        (Action::Mask(_), Some(style)) => Some(Action::Mask(self::style(&style, problems)?)),
        (_, Some(style)) => {
            problems.error(&style.path, "needs action: mask");
            None
        }
        (action, None) => Some(action),
    }
}

fn style(node: &Node<'_>, problems: &mut Problems) -> Option<Style> {
    if let Tree::Map(_) = node.tree {
        let mut fields = node.fields(problems)?;
        let key = fields.required("hash", hash, problems);
        fields.finish(problems);
        return key.map(Style::Hash);
    }
    let words = [
        ("replace", Style::Replace),
        ("keep_last_4", Style::KeepLast4),
    ];
    choice(node, problems, &words)
}

fn hash(node: &Node<'_>, problems: &mut Problems) -> Option<HashKey> {
    let mut fields = node.fields(problems)?;
    let key = fields.required("key", hash_key, problems);
    fields.finish(problems);
    key
}

/// Problems of a key do not repeat it.
fn hash_key(node: &Node<'_>, problems: &mut Problems) -> Option<HashKey> {
    let Some(key) = node.tree.as_str() else {
        return node.wanted("a string", problems);
    };
    let key = (key.len() <= LONGEST_KEY).then(|| HashKey::new(key.to_owned()));
    if key.as_ref().is_none_or(Option::is_none) {
        let message = format!("must have {} to {LONGEST_KEY} bytes", HashKey::SHORTEST);
        problems.error(&node.path, message);
    }
    key.flatten()
}
