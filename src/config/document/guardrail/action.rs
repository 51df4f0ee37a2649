/*! `action`, and `mask` and `restore`, which say how. */

use super::super::super::fields::{Fields, Located, Node};
use super::super::super::guardrail::{Action, Phases};
use super::super::super::problem::Problems;
use super::super::super::tree::Tree;
use super::super::choice;
use super::key;
use crate::mask::{HashKey, Style};

/// What `restore` says.
enum Restore {
    /// With the document's key, or that of another guardrail.
    Yes,
    With(Located<String>),
}

/// The action, and the key of its placeholders if it has one.
pub(super) fn action(
    fields: &mut Fields<'_>,
    phase: Option<&Located<Phases>>,
    problems: &mut Problems,
) -> Option<(Action, Option<Located<String>>)> {
    let action = fields.required("action", word, problems);
    let style = fields.find("mask");
    let restore = fields.find("restore");
    if restore
        .as_ref()
        .is_some_and(|node| *node.tree != Tree::Bool(false))
    {
        let node = restore?;
        check_restore(&node, action.as_ref(), phase, style.as_ref(), problems);
        let style = style.map_or(Some(Style::Replace), |style| self::style(&style, problems));
        let key = match self::restore(&node, problems)? {
            Restore::Yes => None,
            Restore::With(key) => Some(key),
        };
        action?;
        return Some((Action::Restore(style?), key));
    }
    let action = match (action?, style) {
        (Action::Mask(_), Some(style)) => Action::Mask(self::style(&style, problems)?),
        (_, Some(style)) => {
            problems.error(&style.path, "needs action: mask");
            return None;
        }
        (action, None) => action,
    };
    Some((action, None))
}

fn word(node: &Node<'_>, problems: &mut Problems) -> Option<Action> {
    let words = [
        ("mask", Action::Mask(Style::Replace)),
        ("monitor", Action::Monitor),
        ("block", Action::Block),
    ];
    choice(node, problems, &words)
}

/// What is only masked in answers has nothing that could be put back.
fn check_restore(
    node: &Node<'_>,
    action: Option<&Action>,
    phase: Option<&Located<Phases>>,
    style: Option<&Node<'_>>,
    problems: &mut Problems,
) {
    if action.is_some_and(|action| !matches!(action, Action::Mask(_))) {
        problems.error(&node.path, "needs action: mask");
    }
    match (phase.map(|phase| phase.value), style) {
        (Some(Phases::Output), _) => {
            let message = "needs phase: input or both: what stands in requests is put back";
            problems.error(&node.path, message);
        }
        (Some(Phases::Input), Some(style)) => {
            let message = "has no meaning with restore and phase: input, where placeholders \
                           stand for values";
            problems.error(&style.path, message);
        }
        _ => {}
    }
}

/// `true`, or `{ key: … }`.
fn restore(node: &Node<'_>, problems: &mut Problems) -> Option<Restore> {
    match node.tree {
        Tree::Bool(true) => Some(Restore::Yes),
        Tree::Map(_) => {
            let mut fields = node.fields(problems)?;
            let key = fields.required("key", located_key, problems);
            fields.finish(problems);
            key.map(Restore::With)
        }
        _ => node.wanted("true, false, or key: with a string", problems),
    }
}

fn located_key(node: &Node<'_>, problems: &mut Problems) -> Option<Located<String>> {
    key(node, problems).map(|key| node.located(key))
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
    let key = fields.required("key", key, problems);
    fields.finish(problems);
    HashKey::new(key?)
}
