/*! What came of the rules on a request: what is counted, and what its caller is told. */

use super::condition::Fault;
use super::rules::{Measure, RequestRules, Rule, Rules, SystemRule, Tools};
use super::shape::Shape;
use super::tally::{Counts, Tally};
use crate::protocols::{ErrorKind, Refusal};

/// Which rules a request breaks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    found: Vec<Finding>,
    refusal: Option<Refusal>,
}

/// A rule that a request breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The index of the guardrail in the policy.
    pub guardrail: u16,
    /// Which rule: the name of its field in capitals, and of the parameter behind a colon.
    pub what: String,
    /// How often.
    pub count: u64,
}

/// A rule that is broken.
struct Broken {
    what: String,
    count: u64,
    /// What the guardrail wants, for people: the end of a sentence.
    wants: String,
    kind: ErrorKind,
    /// The member at fault.
    param: Option<String>,
}

impl Verdict {
    /// What is broken, by guardrail in the order of the policy.
    pub fn found(&self) -> &[Finding] {
        &self.found
    }

    /// Adds what another request breaks.
    pub fn add_all(&mut self, other: Self) {
        for new in other.found {
            let same =
                |known: &&mut Finding| known.guardrail == new.guardrail && known.what == new.what;
            match self.found.iter_mut().find(same) {
                Some(known) => known.count = known.count.saturating_add(new.count),
                None => {
                    let behind = |known: &Finding| known.guardrail > new.guardrail;
                    let place = self.found.iter().position(behind);
                    let place = place.unwrap_or(self.found.len());
                    self.found.insert(place, new);
                }
            }
        }
        self.refusal = self.refusal.take().or(other.refusal);
    }

    /// What the caller is told if the request does not go on: of the first rule of the first
    /// guardrail that blocks.
    pub const fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }

    pub(super) fn of(
        rules: &Rules,
        shape: &Shape,
        tally: &Tally<'_, '_>,
        tokens: impl FnOnce() -> Option<u64>,
    ) -> Self {
        let model = tally.model.as_deref().unwrap_or_default();
        let about = |rule: &Rule| rule.asks.is_about(model);
        let list = rules.list();
        let counts = |rule: &RequestRules| rule.most.iter().any(|(of, _)| *of == Measure::Tokens);
        let counted = list.iter().any(|rule| about(rule) && counts(&rule.asks));
        let tokens = counted.then(tokens).flatten().unwrap_or_default();
        let mut verdict = Self::default();
        for (index, (rule, counts)) in list.iter().zip(&tally.counts).enumerate() {
            if !about(rule) {
                continue;
            }
            let mut broken = most(&rule.asks, shape, tally, tokens);
            broken.extend(content(&rule.asks, shape, tally, *counts));
            broken.extend(parameters(&rule.asks, shape, index, tally));
            for broken in broken {
                verdict.add(rule, broken);
            }
        }
        verdict
    }

    fn add(&mut self, rule: &Rule, broken: Broken) {
        if rule.blocks && self.refusal.is_none() {
            self.refusal = Some(refusal(rule, &broken));
        }
        self.found.push(Finding {
            guardrail: rule.guardrail,
            what: broken.what,
            count: broken.count,
        });
    }
}

fn refusal(rule: &Rule, broken: &Broken) -> Refusal {
    let message = format!("The guardrail '{}' wants {}.", rule.name, broken.wants);
    let mut refusal = Refusal::new(broken.kind, "request_not_allowed", message);
    refusal.param.clone_from(&broken.param);
    refusal.detail.clone_from(&rule.name);
    refusal
}

fn broken(what: &str, count: u64, wants: impl Into<String>, param: Option<&str>) -> Broken {
    Broken {
        what: what.to_uppercase(),
        count,
        wants: wants.into(),
        kind: ErrorKind::Invalid,
        param: param.map(str::to_owned),
    }
}

/// Measures of which there is too much.
fn most(asks: &RequestRules, shape: &Shape, tally: &Tally<'_, '_>, tokens: u64) -> Vec<Broken> {
    let over = |(measure, most): &(Measure, u64)| {
        let (is, unit, param) = match measure {
            Measure::Bytes => {
                let bytes = u64::try_from(tally.bytes).unwrap_or(u64::MAX);
                (bytes, "bytes in a request", None)
            }
            Measure::Tokens => (tokens, "tokens in a prompt, as estimated here", None),
            Measure::Messages => (tally.messages, "messages", shape.messages()),
            Measure::Images => (tally.images, "images", shape.messages()),
        };
        let wants = format!("at most {most} {unit}");
        let mut broken = broken(measure.name(), 1, wants, param);
        if *measure == Measure::Bytes {
            broken.kind = ErrorKind::TooLarge;
        }
        (is > *most).then_some(broken)
    };
    asks.most.iter().filter_map(over).collect()
}

/// Roles, tools and the system prompt.
fn content(
    asks: &RequestRules,
    shape: &Shape,
    tally: &Tally<'_, '_>,
    counts: Counts,
) -> Vec<Broken> {
    let mut all = Vec::new();
    if counts.roles > 0 {
        let wants = format!("no roles but these: {}", asks.roles.join(", "));
        all.push(broken("roles", counts.roles, wants, shape.messages()));
    }
    if counts.tools > 0 {
        let wants = match asks.tools {
            Tools::None => "no tools",
            _ => "no tools that its list does not allow",
        };
        all.push(broken("tools", counts.tools, wants, Some("tools")));
    }
    let system = tally.system;
    let wants = match &asks.system_prompt {
        SystemRule::Required if !system.says => "a system prompt",
        SystemRule::StartsWith(_) if !counts.begins(system) => {
            "a system prompt in front of all else, and another beginning of it"
        }
        SystemRule::Forbidden if system.any => "no system prompt",
        _ => return all,
    };
    all.push(broken("system_prompt", 1, wants, None));
    all
}

fn parameters(
    asks: &RequestRules,
    shape: &Shape,
    rule: usize,
    tally: &Tally<'_, '_>,
) -> Vec<Broken> {
    let mut all = Vec::new();
    for (index, parameter) in asks.parameters.iter().enumerate() {
        let check = (rule, index);
        let missing = parameter.condition.is_required() && !tally.seen.has(check);
        let (fault, path) = match tally.seen.fault(check) {
            Some(fault) => fault,
            None if missing => (Fault::Missing, shape.name_of(&parameter.path)),
            None => continue,
        };
        let wants = format!("'{path}' {}", parameter.condition.wanted(fault));
        let broken = Broken {
            what: format!("PARAMETER:{}", parameter.path),
            ..broken("", 1, wants, Some(path))
        };
        all.push(broken);
    }
    all
}
