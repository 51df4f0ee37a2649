/*! `unscannable`. */

use super::super::fields::{Fields, Node};
use super::super::problem::Problems;
use super::super::tree::Tree;
use super::super::unscannable::{UnscannableRules, Unscanned};
use super::{Located, choice};

pub(in super::super) fn unscannable(
    node: &Node<'_>,
    problems: &mut Problems,
) -> Option<Located<UnscannableRules>> {
    let Tree::Map(_) = node.tree else {
        let all = unscanned(node, problems)?;
        return Some(node.located(UnscannableRules::all(all)));
    };
    let mut fields = node.fields(problems)?;
    let rules = UnscannableRules {
        media: one(&mut fields, "media", problems),
        remote: one(&mut fields, "remote", problems),
        tools: one(&mut fields, "tools", problems),
        answers: one(&mut fields, "answers", problems),
        paths: one(&mut fields, "paths", problems),
    };
    fields.finish(problems);
    Some(node.located(rules))
}

fn one(fields: &mut Fields<'_>, name: &'static str, problems: &mut Problems) -> Unscanned {
    let written = fields.optional(name, unscanned, problems);
    written.unwrap_or_default()
}

fn unscanned(node: &Node<'_>, problems: &mut Problems) -> Option<Unscanned> {
    let words = [("refuse", Unscanned::Refuse), ("pass", Unscanned::Pass)];
    choice(node, problems, &words)
}
