/*! Keys that stand twice in an Envoy or Istio file: one of the two values is lost, and
which one depends on the parser. */

use super::at::{At, Position};
use super::findings::Findings;
use super::sources::{Held, Source};
use super::wasm::Filter;

/// Reports them, except in policies, which report their own, and in documents that have
/// none: those are not Tollgate's to judge.
pub(super) fn report(root: &At<'_>, sources: &[Source<'_>], findings: &mut Findings) {
    let policies: Vec<Position> = sources.iter().flat_map(positions).collect();
    if !sources.is_empty() {
        walk(root, &policies, findings);
    }
}

/// Where a policy is: in each of its filters.
fn positions(source: &Source<'_>) -> Vec<Position> {
    let own = source.policy.as_ref().ok().map(|it| it.position.clone());
    let mut positions = Vec::from_iter(own);
    if let Held::Filters(filters) = &source.held {
        let values = filters.iter().filter_map(Filter::value);
        positions.extend(values.map(|value| value.position));
    }
    positions
}

fn walk(at: &At<'_>, policies: &[Position], findings: &mut Findings) {
    if policies.contains(&at.position) {
        return;
    }
    let mut seen = Vec::new();
    for (name, member) in at.members() {
        if seen.contains(&name) {
            findings.error(&member, "the key stands twice");
        }
        seen.push(name);
    }
    at.children()
        .for_each(|child| walk(&child, policies, findings));
}
