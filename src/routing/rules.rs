/*! Which rule decides. */

use super::Asked;
use crate::config::{Condition, HeaderIs, Model, Resolve, Rule, Rules};
use std::rc::Rc;

/// What the rules say of a call.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// The first live rule that matches.
    pub(super) rule: Option<Rc<Rule>>,
    /// Shadow rules that would each have been first.
    pub(super) shadow: Vec<Rc<Rule>>,
}

/// Goes through the rules for a call that asks for `model`.
pub(super) fn judge(rules: &Rules, model: &Model, asked: &Asked<'_>) -> Verdict {
    let open = model.resolve == Resolve::Rules;
    let mut verdict = Verdict::default();
    for rule in &rules.list {
        let applies = open || rule.overrides;
        if !applies || !rule.when.iter().all(|condition| holds(condition, asked)) {
            continue;
        }
        if !rule.shadow {
            verdict.rule = Some(Rc::clone(rule));
            break;
        }
        verdict.shadow.push(Rc::clone(rule));
    }
    verdict
}

fn holds(condition: &Condition, asked: &Asked<'_>) -> bool {
    let traits = asked.traits;
    let one_of = |names: &[String], name: &str| names.iter().any(|known| known == name);
    match condition {
        Condition::Model(patterns) => patterns.iter().any(|it| it.matches(asked.model)),
        Condition::Tenant(names) => one_of(names, &asked.tenant.name),
        Condition::Tier(names) => one_of(names, &asked.tenant.tier),
        Condition::User(names) => one_of(names, asked.user),
        Condition::Headers(headers) => headers.iter().all(|(name, is)| header_is(name, is, asked)),
        Condition::Stream(wanted) => traits.stream == *wanted,
        Condition::PromptTokens(range) => range.has(traits.prompt_tokens()),
        Condition::MaxOutput(range) => traits.max_output.is_some_and(|most| range.has(most)),
        Condition::BudgetUsedOver(percent) => asked.budget_percent >= u64::from(*percent),
        Condition::Tools(wanted) => traits.tools == *wanted,
        Condition::Modality(wanted) => wanted.iter().any(|one| one.is_in(traits)),
    }
}

/// Of several values, one has to be right.
fn header_is(name: &str, is: &HeaderIs, asked: &Asked<'_>) -> bool {
    let mut values = asked.headers(name);
    match is {
        HeaderIs::Present(wanted) => values.next().is_some() == *wanted,
        HeaderIs::OneOf(patterns) => {
            values.any(|value| patterns.iter().any(|it| it.matches(value)))
        }
    }
}
