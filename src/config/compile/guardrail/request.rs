/*! Rules on requests, compiled once for each set of guardrails that have some. */

mod contradictions;

use super::super::super::document::GuardrailEntry;
use super::super::super::guardrail::{Action, Detect};
use super::super::super::policy::{Limits, Tenant};
use super::super::super::problem::Problems;
use super::super::super::suggest::suggest;
use crate::guardrails::{Measure, RequestRules, Rule, Rules};
use std::collections::HashMap;
use std::rc::Rc;

pub(super) use contradictions::warn_of_contradictions;

/// What was compiled, by the guardrails that it was compiled of.
#[derive(Default)]
pub(super) struct Compiled(HashMap<Vec<u16>, Rc<Rules>>);

impl Compiled {
    /// The rules of all of `set` that have some.
    pub(super) fn rules<'d>(
        &mut self,
        set: impl Iterator<Item = (u16, &'d GuardrailEntry)>,
    ) -> Option<Rc<Rules>> {
        let rules = set.filter_map(|(index, entry)| rule(index, entry));
        let rules: Vec<Rule> = rules.collect();
        if rules.is_empty() {
            return None;
        }
        let indexes = rules.iter().map(|rule| rule.guardrail).collect();
        let known = self.0.entry(indexes);
        Some(Rc::clone(
            known.or_insert_with(|| Rc::new(Rules::new(rules))),
        ))
    }
}

fn rule(guardrail: u16, entry: &GuardrailEntry) -> Option<Rule> {
    Some(Rule {
        guardrail,
        name: entry.guardrail.name.clone(),
        blocks: entry.guardrail.action == Action::Block,
        asks: Rc::clone(asks(entry)?),
    })
}

fn asks(entry: &GuardrailEntry) -> Option<&Rc<RequestRules>> {
    match &entry.guardrail.detect {
        Detect::Request(rules) => Some(rules),
        _ => None,
    }
}

/// Warns of rules on models that nobody may use for whom they are.
pub(in super::super) fn warn_of_idle(
    entries: &[GuardrailEntry],
    tenants: &HashMap<String, Rc<Tenant>>,
    problems: &mut Problems,
) {
    for entry in entries {
        let Some(rules) = asks(entry) else { continue };
        let mut bound = tenants
            .values()
            .filter(|tenant| entry.guardrail.is_for(&tenant.name));
        let may = |tenant: &Rc<Tenant>| tenant.models.iter().any(|one| rules.is_about(&one.name));
        if !bound.any(may) {
            let message = "can never act: no tenant that it is for may use these models";
            problems.warning(format!("{}.detect.request.models", entry.path), message);
        }
    }
}

/// Models that there are not, or that stand twice, and bounds that nothing reaches.
pub(in super::super) fn check_requests<'k, I: Iterator<Item = &'k str>>(
    entries: &[GuardrailEntry],
    models: impl Fn() -> I,
    limits: &Limits,
    problems: &mut Problems,
) {
    for entry in entries {
        let Some(rules) = asks(entry) else { continue };
        for (index, name) in rules.models.iter().enumerate() {
            let path = format!("{}.detect.request.models[{index}]", entry.path);
            let mut before = rules.models.iter().take(index);
            if before.any(|other| other == name) {
                problems.error(path, format!("{name:?} stands twice"));
            } else if !models().any(|known| known == name) {
                let hint = suggest(name, models());
                problems.error(path, format!("no model {name:?}{hint}"));
            }
        }
        let bytes =
            |(measure, most): &&(Measure, u64)| *measure == Measure::Bytes && *most >= limits.body;
        if rules.most.iter().any(|one| bytes(&one)) {
            let message = format!("has no effect: limits.body is {} bytes", limits.body);
            problems.warning(format!("{}.detect.request.bytes", entry.path), message);
        }
    }
}
