/*! Guardrails that can never act, since others do before them. */

use super::super::super::document::GuardrailEntry;
use super::super::super::guardrail::{Action, Detect, Guardrail, Phase};
use super::super::super::problem::Problems;
use crate::detect::Entity;

/// Warns of each whose every finding is blocked by another, or masked by one before it.
/// What only counts always acts.
pub(super) fn warn_of_useless(entries: &[GuardrailEntry], problems: &mut Problems) {
    for (index, entry) in entries.iter().enumerate() {
        if let Some(stronger) = stronger(entries, index) {
            let message = format!("can never act: {stronger:?} acts on all that it finds");
            problems.warning(&entry.path, message);
        }
    }
}

/// The name of the first guardrail that leaves nothing to the one at `index`.
fn stronger(entries: &[GuardrailEntry], index: usize) -> Option<&str> {
    let late = &entries.get(index)?.guardrail;
    let mut first = None;
    for phase in [Phase::Input, Phase::Output] {
        if !late.phase.has(phase) {
            continue;
        }
        for tenant in cells(late) {
            let before = entries.iter().enumerate().filter(|(place, entry)| {
                let other = &entry.guardrail;
                *place != index
                    && other.phase.has(phase)
                    && is_for(other, tenant)
                    && goes_first(other, late, *place < index)
            });
            let before: Vec<&Guardrail> = before.map(|(_, entry)| &entry.guardrail).collect();
            first = first.or(Some(covering(&before, &late.detect)?));
        }
    }
    first
}

/// The tenants that it is for; `None`: any.
fn cells(guardrail: &Guardrail) -> Vec<Option<&str>> {
    match &guardrail.tenants {
        None => vec![None],
        Some(tenants) => tenants.iter().map(|name| Some(name.as_str())).collect(),
    }
}

fn is_for(guardrail: &Guardrail, tenant: Option<&str>) -> bool {
    match tenant {
        None => guardrail.tenants.is_none(),
        Some(tenant) => guardrail.is_for(tenant),
    }
}

/// Whether `other` decides where both find the same.
fn goes_first(other: &Guardrail, late: &Guardrail, stands_before: bool) -> bool {
    match (&late.action, &other.action) {
        (Action::Monitor, _) | (_, Action::Monitor) => false,
        (Action::Block, Action::Block) => stands_before,
        (Action::Block, _) => false,
        (_, Action::Block) => true,
        _ => stands_before,
    }
}

/// The name of the first of `before` if together they find all that `detect` does.
fn covering<'g>(before: &[&'g Guardrail], detect: &Detect) -> Option<&'g str> {
    if matches!(detect, Detect::Service(_)) {
        return None;
    }
    if let Some(same) = before.iter().find(|other| other.detect == *detect) {
        return Some(&same.name);
    }
    let found_by =
        |guardrail: &Guardrail, entity: &Entity| guardrail.detect.entities().has(*entity);
    let wanted = detect.entities();
    let mut wanted = Entity::ALL
        .iter()
        .filter(|entity| wanted.has(**entity))
        .peekable();
    let first = *wanted.peek()?;
    wanted
        .all(|entity| before.iter().any(|other| found_by(other, entity)))
        .then(|| {
            before
                .iter()
                .find(|other| found_by(other, first))
                .map(|other| other.name.as_str())
        })?
}
