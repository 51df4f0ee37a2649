/*! What guardrails say of a text. */

use serde::Serialize;
use std::num::NonZeroUsize;
use std::rc::Rc;
use tollgate::config::{Action, Guardrail, Phase, masks};
use tollgate::detect::{Finding, Part};
use tollgate::mask::{Masked, Masker, Masks};

/// The guardrails of one phase.
pub(super) struct Guards {
    guardrails: Vec<Guardrail>,
    masks: Rc<Masks>,
}

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
struct OfGuardrail {
    name: String,
    /// `pass`, or its action.
    verdict: &'static str,
    score: f64,
    reason: Option<&'static str>,
}

/// Offsets are in code points.
#[derive(Debug, Serialize)]
struct Found {
    entity: &'static str,
    start: usize,
    end: usize,
}

const PASS: &str = "pass";

impl Guards {
    pub(super) fn new(guardrails: Vec<Guardrail>, phase: Phase) -> Self {
        let mut guardrails = guardrails;
        guardrails.retain(|guardrail| guardrail.phase.has(phase));
        let masks = Rc::new(masks(guardrails.iter()));
        Self { guardrails, masks }
    }

    pub(super) fn judge(
        &self,
        id: serde_json::Value,
        text: &str,
        pieces: Option<NonZeroUsize>,
    ) -> Verdict {
        let masked = self.masked(text, pieces);
        let guardrails: Vec<OfGuardrail> = self
            .guardrails
            .iter()
            .map(|guardrail| OfGuardrail::of(guardrail, &masked.found))
            .collect();
        let action = strongest(&guardrails);
        Verdict {
            id,
            action,
            guardrails,
            findings: in_code_points(text, &masked.found),
            text: (action != "block").then_some(masked.text),
        }
    }

    fn masked(&self, text: &str, pieces: Option<NonZeroUsize>) -> Masked {
        let mut masker = Masker::new(Rc::clone(&self.masks));
        let mut all = Masked::default();
        let mut rest = text;
        while !rest.is_empty() {
            let end = pieces.and_then(|points| rest.char_indices().nth(points.get()));
            let end = end.map_or(rest.len(), |(end, _)| end);
            let (piece, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            add(&mut all, masker.push(piece));
            rest = after;
        }
        add(&mut all, masker.finish());
        all
    }
}

/// Findings in parts become whole.
fn add(all: &mut Masked, more: Masked) {
    all.text.push_str(&more.text);
    for finding in more.found {
        match all.found.last_mut() {
            Some(last) if finding.part == Part::Next => last.end = finding.end,
            _ => all.found.push(finding),
        }
    }
}

impl OfGuardrail {
    fn of(guardrail: &Guardrail, found: &[Finding]) -> Self {
        let entities = guardrail.detect.entities();
        let hit = found.iter().any(|finding| entities.has(finding.entity));
        Self {
            name: guardrail.name.clone(),
            verdict: if hit { guardrail.action.name() } else { PASS },
            score: if hit { 1.0 } else { 0.0 },
            reason: hit.then(|| guardrail.detect.reason()),
        }
    }
}

fn strongest(guardrails: &[OfGuardrail]) -> &'static str {
    let order = [Action::Block.name(), "mask", Action::Monitor.name()];
    let said = |action: &&&str| guardrails.iter().any(|one| one.verdict == **action);
    order.iter().find(said).copied().unwrap_or(PASS)
}

/// Findings are in the order of the text, so it is walked once.
fn in_code_points(text: &str, found: &[Finding]) -> Vec<Found> {
    let mut points = 0_usize;
    let mut from = 0;
    let mut upto = |byte: usize| {
        let passed = text.get(from..byte).unwrap_or_default();
        points = points.saturating_add(passed.chars().count());
        from = byte;
        points
    };
    let one = |finding: &Finding| Found {
        entity: finding.entity.name(),
        start: upto(finding.start),
        end: upto(finding.end),
    };
    found.iter().map(one).collect()
}
