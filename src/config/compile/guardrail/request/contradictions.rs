/*! Guardrails that together let no request pass. */

use super::super::super::super::document::GuardrailEntry;
use super::super::super::super::guardrail::{Action, Guardrail};
use super::super::super::super::problem::Problems;
use super::asks;
use crate::guardrails::{Bounds, Condition, Parameter, RequestRules, SystemRule, spellings};

/// Warns of each that wants what one before it refuses.
pub(in super::super) fn warn_of_contradictions(
    entries: &[GuardrailEntry],
    problems: &mut Problems,
) {
    for (index, late) in entries.iter().enumerate() {
        for early in entries.iter().take(index) {
            let both = asks(early).zip(asks(late));
            let Some((first, second)) = both.filter(|_| meet(&early.guardrail, &late.guardrail))
            else {
                continue;
            };
            if share_models(first, second)
                && let Some(what) = contradiction(first, second)
            {
                let name = &early.guardrail.name;
                let message = format!("lets no request pass together with {name:?}: see {what}");
                problems.warning(&late.path, message);
            }
        }
    }
}

/// Whether both are about requests for the same model.
fn share_models(first: &RequestRules, second: &RequestRules) -> bool {
    match (first.models.as_slice(), second.models.as_slice()) {
        ([], _) | (_, []) => true,
        (models, _) => models.iter().any(|model| second.is_about(model)),
    }
}

/// Whether both refuse calls of the same tenant.
fn meet(first: &Guardrail, second: &Guardrail) -> bool {
    let block = first.action == Action::Block && second.action == Action::Block;
    let tenants = match (&first.tenants, &second.tenants) {
        (Some(tenants), _) => tenants.iter().any(|tenant| second.is_for(tenant)),
        (None, Some(tenants)) => tenants.iter().any(|tenant| first.is_for(tenant)),
        (None, None) => true,
    };
    block && tenants
}

/// What no request can keep both of.
fn contradiction(first: &RequestRules, second: &RequestRules) -> Option<String> {
    if prompts_differ(&first.system_prompt, &second.system_prompt) {
        return Some("system_prompt".to_owned());
    }
    let differ = |one: &Parameter| {
        let mut others = second.parameters.iter();
        others.any(|other| {
            let same = spellings(&other.path).contains(&one.path.as_str());
            same && differ(&one.condition, &other.condition)
        })
    };
    let parameter = first.parameters.iter().find(|one| differ(one))?;
    Some(format!("parameters.{}", parameter.path))
}

fn prompts_differ(first: &SystemRule, second: &SystemRule) -> bool {
    use SystemRule::{Any, Forbidden, StartsWith};
    match (first, second) {
        (Any, _) | (_, Any) | (Forbidden, Forbidden) => false,
        (Forbidden, _) | (_, Forbidden) => true,
        (StartsWith(first), StartsWith(second)) => {
            !first.starts_with(second.as_str()) && !second.starts_with(first.as_str())
        }
        _ => false,
    }
}

fn differ(first: &Condition, second: &Condition) -> bool {
    match (first, second) {
        (Condition::Absent, other) | (other, Condition::Absent) => other.is_required(),
        (Condition::Bounds(first), Condition::Bounds(second)) => {
            let needed = first.required || second.required;
            needed && (is_over(first, second) || is_over(second, first))
        }
    }
}

/// Whether the least of one is above the most of the other.
fn is_over(first: &Bounds, second: &Bounds) -> bool {
    let bounds = first.minimum.as_ref().zip(second.maximum.as_ref());
    bounds.is_some_and(|(least, most)| least.is_above(most))
}
