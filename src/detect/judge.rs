/*! Of all candidates of a region, those that stand: the surer one where two overlap, the
longer one where both are as sure. */

use super::entity::{Entities, Entity};
use super::find::{Candidate, Region, Weight, candidates};
use super::{Finding, Part};
use crate::sorting::sort_many;
use std::cmp::Reverse;

/// The findings of a region in the order of the text; offsets are in `region.text`.
pub(super) fn judge(region: &Region<'_>, wanted: Entities) -> Vec<Finding> {
    let mut candidates = candidates(region, wanted);
    // There may be hundreds.
    sort_many(&mut candidates, rank);
    let mut standing: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        // Those that stand are in the order of the text, and so of their ends.
        let place = standing.partition_point(|other| other.end <= candidate.start);
        let next = standing.get(place);
        if next.is_none_or(|other| candidate.end <= other.start) {
            standing.insert(place, candidate);
        }
    }
    standing
        .iter()
        .map(|candidate| finding(region, candidate))
        .collect()
}

type Rank = (Reverse<Weight>, Reverse<usize>, usize, Entity);

fn rank(candidate: &Candidate) -> Rank {
    let length = candidate.end.saturating_sub(candidate.start);
    (
        Reverse(candidate.weight),
        Reverse(length),
        candidate.start,
        candidate.entity,
    )
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
