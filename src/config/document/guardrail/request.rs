/*! `detect: { request: … }`: rules on requests as such. */

mod parameters;

use super::super::super::fields::{Fields, Located, Node};
use super::super::super::guardrail::{Action, Detect, Phases};
use super::super::super::problem::Problems;
use super::super::super::rule::Pattern;
use super::super::super::scalars::{self, count};
use super::super::super::tree::Tree;
use super::super::super::values::{references, size};
use super::super::choice;
use crate::guardrails::{Measure, Name, RequestRules, SystemRule, Tools};
use std::rc::Rc;

/// Most messages, or images, that a rule can allow: more than fit into a body.
const MOST: u64 = 1_000_000_000;

/// Most names of tools in a list.
const MOST_TOOLS: usize = 1_024;

/// Longest beginning of a system prompt, in bytes.
const LONGEST_BEGINNING: usize = 16 * 1024;

/// Roles of messages in the protocols of callers.
const ROLES: [(&str, &str); 6] = [
    ("system", "system"),
    ("developer", "developer"),
    ("user", "user"),
    ("assistant", "assistant"),
    ("tool", "tool"),
    ("function", "function"),
];

pub(super) fn request(node: &Node<'_>, problems: &mut Problems) -> Option<Detect> {
    let mut fields = node.fields(problems)?;
    let models = fields.optional("models", references, problems);
    let most = most(&mut fields, problems);
    let roles = fields.optional("roles", roles, problems);
    let tools = fields.optional("tools", tools, problems);
    let system_prompt = fields.optional("system_prompt", system_prompt, problems);
    let parameters = fields.optional("parameters", parameters::parameters, problems);
    fields.finish(problems);
    let rules = RequestRules {
        models: values(models.unwrap_or_default()),
        most,
        roles: roles.unwrap_or_default(),
        tools: tools.unwrap_or_default(),
        system_prompt: system_prompt.unwrap_or_default(),
        parameters: parameters.unwrap_or_default(),
    };
    let only_models = |(name, _): &(String, Tree)| name == "models";
    if node.tree.as_map()?.iter().all(only_models) {
        problems.error(&node.path, "must have a rule, such as messages: 100");
    }
    check_roles(node, &rules, problems);
    Some(Detect::Request(Rc::new(rules)))
}

fn values(located: Vec<Located<String>>) -> Vec<String> {
    located.into_iter().map(|name| name.value).collect()
}

fn most(fields: &mut Fields<'_>, problems: &mut Problems) -> Vec<(Measure, u64)> {
    let mut most = Vec::new();
    for measure in Measure::ALL {
        let Some(node) = fields.find(measure.name()) else {
            continue;
        };
        let value = match measure {
            Measure::Bytes => bytes(&node, problems),
            Measure::Tokens => scalars::tokens(&node, problems).map(|tokens| tokens.value),
            Measure::Messages => count(&node, problems, 1..=MOST),
            Measure::Images => count(&node, problems, 0..=MOST),
        };
        most.extend(value.map(|value| (measure, value)));
    }
    most
}

fn bytes(node: &Node<'_>, problems: &mut Problems) -> Option<u64> {
    let bytes = size(node, problems)?.value;
    if bytes == 0 {
        problems.error(&node.path, "must be at least 1 byte");
    }
    Some(bytes)
}

fn roles(node: &Node<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    let mut roles: Vec<String> = Vec::new();
    for element in &node.elements(problems)? {
        let Some(role) = choice(element, problems, &ROLES) else {
            continue;
        };
        if roles.iter().any(|known| known == role) {
            problems.error(&element.path, format!("{role:?} stands twice"));
        }
        roles.push(role.to_owned());
    }
    Some(roles)
}

/// `false`, or a list of what is allowed or not.
fn tools(node: &Node<'_>, problems: &mut Problems) -> Option<Tools> {
    match node.tree {
        Tree::Bool(false) => Some(Tools::None),
        Tree::Map(_) => {
            let mut fields = node.fields(problems)?;
            let lists = [fields.find("allow"), fields.find("deny")];
            fields.finish(problems);
            match lists.map(|list| list.map(|list| names(&list, problems))) {
                [Some(allowed), None] => allowed.map(Tools::Allow),
                [None, Some(denied)] => denied.map(Tools::Deny),
                _ => {
                    problems.error(&node.path, "must have exactly one of allow, deny");
                    None
                }
            }
        }
        _ => node.wanted("false, { allow: … } or { deny: … }", problems),
    }
}

fn names(node: &Node<'_>, problems: &mut Problems) -> Option<Vec<Name>> {
    let elements = node.elements(problems)?;
    if elements.len() > MOST_TOOLS {
        problems.error(&node.path, format!("must not have more than {MOST_TOOLS}"));
    }
    let mut names: Vec<Name> = Vec::new();
    for element in &elements {
        let name = match scalars::pattern(element, problems) {
            Some(Pattern::Exact(name)) => Name::Exact(name),
            Some(Pattern::Prefix(name)) => Name::Prefix(name),
            None => continue,
        };
        if names.contains(&name) {
            problems.error(&element.path, "stands twice");
        }
        names.push(name);
    }
    Some(names)
}

/// A word, or how it has to begin.
fn system_prompt(node: &Node<'_>, problems: &mut Problems) -> Option<SystemRule> {
    let words = [
        ("required", SystemRule::Required),
        ("forbidden", SystemRule::Forbidden),
    ];
    match node.tree {
        Tree::Map(_) => {
            let mut fields = node.fields(problems)?;
            let beginning = fields.required("starts_with", beginning, problems);
            fields.finish(problems);
            beginning.map(SystemRule::StartsWith)
        }
        _ => choice(node, problems, &words),
    }
}

/// As it stands in requests, spaces and line ends included.
fn beginning(node: &Node<'_>, problems: &mut Problems) -> Option<String> {
    let Some(text) = node.tree.as_str() else {
        return node.wanted("a string", problems);
    };
    if !(1..=LONGEST_BEGINNING).contains(&text.len()) || text.trim().is_empty() {
        let message = format!("must have 1 to {LONGEST_BEGINNING} bytes, and not only spaces");
        problems.error(&node.path, message);
        return None;
    }
    Some(text.to_owned())
}

/// A system prompt has a role.
fn check_roles(node: &Node<'_>, rules: &RequestRules, problems: &mut Problems) {
    let wanted = matches!(
        rules.system_prompt,
        SystemRule::Required | SystemRule::StartsWith(_)
    );
    let mut roles = rules.roles.iter();
    let silent = !roles.any(|role| matches!(role.as_str(), "system" | "developer"));
    if wanted && silent && !rules.roles.is_empty() {
        let message = "no request has a system prompt without the role system or developer";
        problems.error(format!("{}.roles", node.path), message);
    }
}

/// Requests come in one phase, and nothing of them can be masked.
pub(super) fn check(
    node: &Node<'_>,
    phase: &Located<Phases>,
    (detect, action): (&Detect, &Action),
    problems: &mut Problems,
) {
    if !matches!(detect, Detect::Request(_)) {
        return;
    }
    if phase.value != Phases::Input {
        problems.error(&phase.path, "must be input: these rules are about requests");
    }
    if !matches!(action, Action::Block | Action::Monitor) {
        let message = "must be block or monitor: rules on requests find nothing to mask";
        problems.error(format!("{}.action", node.path), message);
    }
}
