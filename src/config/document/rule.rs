/*! `routing`. */

use super::super::fields::{Node, Read};
use super::super::problem::Problems;
use super::super::rule::{Condition, HeaderIs, Modality, Range};
use super::super::scalars::{count, flag, one_or_more, pattern, percent};
use super::super::tree::Tree;
use super::super::values::{check_header_name, name, reference, text};
use super::{Located, choice};

pub(in super::super) struct RuleEntry {
    pub(in super::super) path: String,
    pub(in super::super) name: Option<Located<String>>,
    pub(in super::super) when: Vec<Located<Condition>>,
    pub(in super::super) model: Located<String>,
    pub(in super::super) overrides: bool,
    pub(in super::super) shadow: bool,
    pub(in super::super) cache: Option<Located<bool>>,
}

/// The fields of `when`.
const CONDITIONS: [(&str, Read<Condition>); 11] = [
    ("model", |node, problems| {
        one_or_more(node, problems, pattern).map(Condition::Model)
    }),
    ("tenant", |node, problems| {
        one_or_more(node, problems, text).map(Condition::Tenant)
    }),
    ("tier", |node, problems| {
        one_or_more(node, problems, text).map(Condition::Tier)
    }),
    ("user", |node, problems| {
        one_or_more(node, problems, text).map(Condition::User)
    }),
    ("headers", |node, problems| {
        headers(node, problems).map(Condition::Headers)
    }),
    ("stream", |node, problems| {
        flag(node, problems).map(Condition::Stream)
    }),
    ("prompt_tokens", |node, problems| {
        range(node, problems).map(Condition::PromptTokens)
    }),
    ("max_output", |node, problems| {
        range(node, problems).map(Condition::MaxOutput)
    }),
    ("tools", |node, problems| {
        flag(node, problems).map(Condition::Tools)
    }),
    ("budget_used_over", |node, problems| {
        percent(node, problems).map(Condition::BudgetUsedOver)
    }),
    ("modality", |node, problems| {
        one_or_more(node, problems, modality).map(Condition::Modality)
    }),
];

/// All rules; `None` in place of one that could not be read.
pub(super) fn rules(node: &Node<'_>, problems: &mut Problems) -> Option<Vec<Option<RuleEntry>>> {
    let elements = node.elements(problems)?;
    let read = |element: &Node<'_>| rule(element, problems);
    Some(elements.iter().map(read).collect())
}

fn rule(node: &Node<'_>, problems: &mut Problems) -> Option<RuleEntry> {
    let mut fields = node.fields(problems)?;
    let name = fields.optional("name", located_name, problems);
    let when = match fields.find("when") {
        Some(node) => when(&node, problems),
        None => Some(Vec::new()),
    };
    let model = fields.required("use", reference, problems);
    let overrides = fields.optional("override", flag, problems);
    let shadow = fields.optional("shadow", flag, problems);
    let cache = fields.optional("cache", located_flag, problems);
    fields.finish(problems);
    Some(RuleEntry {
        path: node.path.clone(),
        name,
        when: when?,
        model: model?,
        overrides: overrides.unwrap_or(false),
        shadow: shadow.unwrap_or(false),
        cache,
    })
}

fn located_flag(node: &Node<'_>, problems: &mut Problems) -> Option<Located<bool>> {
    flag(node, problems).map(|flag| node.located(flag))
}

fn located_name(node: &Node<'_>, problems: &mut Problems) -> Option<Located<String>> {
    name(node, problems).map(|name| node.located(name))
}

fn when(node: &Node<'_>, problems: &mut Problems) -> Option<Vec<Located<Condition>>> {
    let mut fields = node.fields(problems)?;
    if node.tree.as_map().is_some_and(<[_]>::is_empty) {
        problems.error(
            &node.path,
            "must not be empty; without it, a rule always applies",
        );
    }
    let mut conditions = Vec::new();
    for (name, read) in CONDITIONS {
        if let Some(node) = fields.find(name) {
            let condition = read(&node, problems);
            conditions.push(condition.map(|condition| node.located(condition)));
        }
    }
    fields.finish(problems);
    conditions.into_iter().collect()
}

fn headers(node: &Node<'_>, problems: &mut Problems) -> Option<Vec<(String, HeaderIs)>> {
    let mut headers: Vec<Option<(String, HeaderIs)>> = Vec::new();
    for (name, node) in node.entries(problems)? {
        let name = check_header_name(name, &node.path, problems);
        let known = headers
            .iter()
            .flatten()
            .any(|(known, _)| Some(known) == name.as_ref());
        if known {
            problems.error(&node.path, "the header stands twice");
        }
        let is = match node.tree {
            Tree::Bool(present) => Some(HeaderIs::Present(*present)),
            _ => one_or_more(&node, problems, pattern).map(HeaderIs::OneOf),
        };
        headers.push(name.zip(is));
    }
    headers.into_iter().collect()
}

fn range(node: &Node<'_>, problems: &mut Problems) -> Option<Range> {
    let mut fields = node.fields(problems)?;
    let over = fields.optional("over", bound, problems);
    let under = fields.optional("under", bound, problems);
    fields.finish(problems);
    let empty = match (over, under) {
        (Some(over), Some(under)) => over.saturating_add(1) >= under,
        (None, under) => under == Some(0),
        _ => false,
    };
    if over.is_none() && under.is_none() {
        problems.error(&node.path, "must have over, under, or both");
    } else if empty {
        problems.error(&node.path, "no number is between these");
    }
    Some(Range { over, under })
}

fn bound(node: &Node<'_>, problems: &mut Problems) -> Option<u64> {
    count(node, problems, 0..=1_000_000_000)
}

pub(super) fn modality(node: &Node<'_>, problems: &mut Problems) -> Option<Modality> {
    let words = [
        ("text", Modality::Text),
        ("image", Modality::Image),
        ("audio", Modality::Audio),
        ("file", Modality::File),
    ];
    choice(node, problems, &words)
}
