/*! Of all candidates of a region, those that stand: the surer one where two overlap, the
longer one where both are as sure. */

use super::entity::Entities;
use super::find::{Candidate, Region, candidates};
use super::{Finding, Part};
use std::cmp::Reverse;

/// The findings of a region in the order of the text; offsets are in `region.text`.
pub(super) fn judge(region: &Region<'_>, wanted: Entities) -> Vec<Finding> {
    let mut candidates = candidates(region, wanted);
    if candidates.is_empty() {
        return Vec::new();
    }
    candidates.sort_by_key(|c| (Reverse(c.weight), Reverse(length(c)), c.start, c.entity));
    let mut standing: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        let overlaps =
            |other: &Candidate| candidate.start < other.end && other.start < candidate.end;
        if !standing.iter().any(overlaps) {
            standing.push(candidate);
        }
    }
    standing.sort_by_key(|candidate| candidate.start);
    standing
        .iter()
        .map(|candidate| finding(region, candidate))
        .collect()
}

const fn length(candidate: &Candidate) -> usize {
    candidate.end.saturating_sub(candidate.start)
}

fn finding(region: &Region<'_>, candidate: &Candidate) -> Finding {
    let text = region.text.get(region.start..).unwrap_or_default();
    let [start, end] = [
        region.view.start(candidate.start),
        region.view.end(candidate.end, text),
    ];
    Finding {
        entity: candidate.entity,
        start: region.start.saturating_add(start),
        end: region.start.saturating_add(end),
        part: Part::Whole,
    }
}
