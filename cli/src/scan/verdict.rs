/*! What is said of a text. */

use serde::Serialize;
use tollgate::classify::View;
use tollgate::config::{Action, Guardrail};
use tollgate::detect::Hit;
use tollgate::mask;

/// What became of a text.
#[derive(Debug, Serialize)]
pub(super) struct Verdict {
    id: serde_json::Value,
    /// The strongest of the guardrails' verdicts.
    action: &'static str,
    guardrails: Vec<OfGuardrail>,
    findings: Vec<Found>,
    /// The text that would go on; `None` if it is blocked.
    text: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct OfGuardrail {
    name: String,
    /// `pass`, or its action.
    verdict: &'static str,
    score: f64,
    /// What for; behind a slash, how the text was read, if not as it stands.
    reason: Option<String>,
}

/// Offsets are in code points.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    entity: String,
    start: usize,
    end: usize,
}

const PASS: &str = "pass";

impl Verdict {
    /// `masked` is the text as it goes on if no guardrail blocks it.
    pub(super) fn new(
        id: serde_json::Value,
        guardrails: Vec<OfGuardrail>,
        findings: Vec<Found>,
        masked: String,
    ) -> Self {
        let action = strongest(&guardrails);
        Self {
            id,
            action,
            guardrails,
            findings,
            text: (action != Action::Block.name()).then_some(masked),
        }
    }
}

impl OfGuardrail {
    pub(super) fn new(guardrail: &Guardrail, hit: bool) -> Self {
        Self {
            name: guardrail.name.clone(),
            verdict: if hit { guardrail.action.name() } else { PASS },
            score: if hit { 1.0 } else { 0.0 },
            reason: hit.then(|| guardrail.detect.reason().to_owned()),
        }
    }

    /// By a score in thousandths.
    pub(super) fn scored(guardrail: &Guardrail, hit: bool, (score, view): (u16, View)) -> Self {
        let reason = guardrail.detect.reason();
        let reason = match view {
            View::Plain => reason.to_owned(),
            other => format!("{reason}/{}", other.as_str()),
        };
        Self {
            score: f64::from(score) / 1000.0,
            reason: hit.then_some(reason),
            ..Self::new(guardrail, hit)
        }
    }
}

fn strongest(guardrails: &[OfGuardrail]) -> &'static str {
    let order = [Action::Block.name(), "mask", Action::Monitor.name()];
    let said = |action: &&&str| guardrails.iter().any(|one| one.verdict == **action);
    order.iter().find(said).copied().unwrap_or(PASS)
}

impl Found {
    /// `hits` are in the order of the text; they may overlap.
    pub(super) fn all(text: &str, guards: &mask::Guards, hits: &[Hit]) -> Vec<Self> {
        let mut points = Points::new(text);
        let one = |hit: &Hit| Self {
            entity: guards.name(hit.what).to_owned(),
            start: points.before(hit.start),
            end: points.before(hit.end),
        };
        hits.iter().map(one).collect()
    }
}

/// Counts the code points of a text, which it walks once unless it has to go back.
struct Points<'t> {
    text: &'t str,
    byte: usize,
    points: usize,
}

impl<'t> Points<'t> {
    const fn new(text: &'t str) -> Self {
        Self {
            text,
            byte: 0,
            points: 0,
        }
    }

    /// Code points before the byte at `byte`.
    fn before(&mut self, byte: usize) -> usize {
        let count = |from: usize, to: usize| {
            let passed = self.text.get(from..to).unwrap_or_default();
            passed.chars().count()
        };
        self.points = if byte < self.byte {
            self.points.saturating_sub(count(byte, self.byte))
        } else {
            self.points.saturating_add(count(self.byte, byte))
        };
        self.byte = byte;
        self.points
    }
}
