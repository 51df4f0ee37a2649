/*! `parameters`: what members of requests may be, in words of JSON schemas. */

use super::super::super::super::fields::Node;
use super::super::super::super::problem::Problems;
use super::super::super::super::scalars::flag;
use super::super::super::super::suggest::suggest;
use super::super::super::super::tree::Tree;
use super::super::super::super::values::is_name;
use crate::guardrails::{Bounds, Condition, Number, Parameter, Scalar, spellings};

/// Most parameters of a guardrail.
const MOST: usize = 64;

/// Most values of a list.
const MOST_VALUES: usize = 256;

/// Longest string in such a list, in bytes.
const LONGEST_VALUE: usize = 256;

/// Members that other rules are about.
const OTHERS: [(&str, &str); 8] = [
    ("model", "models of the tenant"),
    ("messages", "messages, roles and images"),
    ("input", "messages, roles and images"),
    ("prompt", "tokens and bytes"),
    ("system", "system_prompt"),
    ("instructions", "system_prompt"),
    ("tools", "tools"),
    ("functions", "tools"),
];

/// Parameters of the APIs that callers speak. Others are allowed: servers have their own.
const KNOWN: [&str; 47] = [
    "audio",
    "best_of",
    "echo",
    "enable_search",
    "frequency_penalty",
    "function_call",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_output_tokens",
    "max_tokens",
    "mcp_servers",
    "metadata",
    "min_p",
    "modalities",
    "n",
    "output_config",
    "output_config.effort",
    "parallel_tool_calls",
    "plugins",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "reasoning",
    "reasoning.effort",
    "reasoning_effort",
    "repetition_penalty",
    "response_format",
    "response_format.type",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "stop_sequences",
    "store",
    "stream",
    "stream_options",
    "suffix",
    "temperature",
    "thinking",
    "thinking.budget_tokens",
    "tool_choice",
    "top_k",
    "top_logprobs",
    "top_p",
    "user",
    "web_search_options",
];

pub(super) fn parameters(node: &Node<'_>, problems: &mut Problems) -> Option<Vec<Parameter>> {
    let entries = node.entries(problems)?;
    if entries.len() > MOST {
        problems.error(&node.path, format!("must not have more than {MOST}"));
    }
    let mut parameters: Vec<Parameter> = Vec::new();
    for (path, node) in &entries {
        check_path(path, node, problems);
        let same = |known: &&Parameter| spellings(&known.path).contains(path);
        if let Some(known) = parameters.iter().find(same).filter(|one| one.path != *path) {
            let message = format!("is {:?} by another name: write one of them", known.path);
            problems.error(&node.path, message);
        }
        if let Some(condition) = condition(node, problems) {
            parameters.push(Parameter {
                path: (*path).to_owned(),
                condition,
            });
        }
    }
    Some(parameters)
}

fn check_path(path: &str, node: &Node<'_>, problems: &mut Problems) {
    let first = path.split('.').next().unwrap_or_default();
    let other = OTHERS.iter().find(|(name, _)| *name == first);
    // It stands in metrics.
    if !is_name(path) || path.split('.').any(str::is_empty) {
        let message = "must be a member such as temperature, or reasoning.effort for one inside of \
                       another: up to 128 letters, digits and _ - : @ +";
        problems.error(&node.path, message);
    } else if let Some((_, rules)) = other {
        problems.error(&node.path, format!("is no parameter: see {rules}"));
    } else if !KNOWN.contains(&path) {
        let hint = suggest(path, KNOWN);
        if !hint.is_empty() {
            let message = format!("is no parameter that is known here{hint}");
            problems.warning(&node.path, message);
        }
    }
}

/// `false`, or bounds.
fn condition(node: &Node<'_>, problems: &mut Problems) -> Option<Condition> {
    match node.tree {
        Tree::Bool(false) => Some(Condition::Absent),
        Tree::Map(_) => bounds(node, problems).map(Condition::Bounds),
        _ => node.wanted("false, or bounds such as { maximum: 1 }", problems),
    }
}

fn bounds(node: &Node<'_>, problems: &mut Problems) -> Option<Bounds> {
    let mut fields = node.fields(problems)?;
    let bounds = Bounds {
        required: fields
            .optional("required", flag, problems)
            .unwrap_or_default(),
        minimum: fields.optional("minimum", number, problems),
        maximum: fields.optional("maximum", number, problems),
        one_of: fields
            .optional("enum", scalars, problems)
            .unwrap_or_default(),
    };
    fields.finish(problems);
    if node.tree.as_map().is_some_and(<[_]>::is_empty) {
        let message = "says nothing: write false, or minimum, maximum, enum or required";
        problems.error(&node.path, message);
    }
    check_bounds(node, &bounds, problems);
    Some(bounds)
}

/// Bounds that nothing keeps.
fn check_bounds(node: &Node<'_>, bounds: &Bounds, problems: &mut Problems) {
    let above =
        |a: Option<&Number>, b: Option<&Number>| a.zip(b).is_some_and(|(a, b)| a.is_above(b));
    let (least, most) = (bounds.minimum.as_ref(), bounds.maximum.as_ref());
    if above(least, most) {
        problems.error(&node.path, "minimum must not be larger than maximum");
    }
    if least.or(most).is_none() {
        return;
    }
    for (index, value) in bounds.one_of.iter().enumerate() {
        let number = match value {
            Scalar::Number(number) => Some(number.clone()),
            Scalar::String(text) => Number::new(text),
            Scalar::Null => continue,
            Scalar::Bool(_) => None,
        };
        let number = number.as_ref();
        let outside = above(least, number) || above(number, most);
        if number.is_none() || outside {
            let message = "is no number from minimum to maximum";
            problems.error(format!("{}.enum[{index}]", node.path), message);
        }
    }
}

fn number(node: &Node<'_>, problems: &mut Problems) -> Option<Number> {
    let (Tree::String(text) | Tree::Number(text)) = node.tree else {
        return node.wanted("a number", problems);
    };
    let number = Number::new(text);
    if number.is_none() {
        problems.error(&node.path, "must be a number such as 4096 or 0.5");
    }
    number
}

fn scalars(node: &Node<'_>, problems: &mut Problems) -> Option<Vec<Scalar>> {
    let elements = node.elements(problems)?;
    if elements.len() > MOST_VALUES {
        problems.error(&node.path, format!("must not have more than {MOST_VALUES}"));
    }
    let mut scalars: Vec<Scalar> = Vec::new();
    for element in &elements {
        let Some(scalar) = scalar(element, problems) else {
            continue;
        };
        if scalars.contains(&scalar) {
            problems.error(&element.path, format!("{scalar} stands twice"));
        }
        scalars.push(scalar);
    }
    Some(scalars)
}

fn scalar(node: &Node<'_>, problems: &mut Problems) -> Option<Scalar> {
    match node.tree {
        Tree::Null => Some(Scalar::Null),
        Tree::Bool(value) => Some(Scalar::Bool(*value)),
        Tree::Number(_) => number(node, problems).map(Scalar::Number),
        Tree::String(text) if text.len() <= LONGEST_VALUE => Some(Scalar::String(text.clone())),
        Tree::String(_) => {
            let message = format!("must have at most {LONGEST_VALUE} bytes");
            problems.error(&node.path, message);
            None
        }
        _ => node.wanted("a string, a number, a boolean or null", problems),
    }
}
