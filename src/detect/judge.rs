/*! Of all candidates of a region, those that stand: the surer one where two overlap, the
longer one where both are as sure. */

use super::entity::{Entities, Entity};
use super::find::{Candidate, Region, Weight, candidates};
use super::{Finding, Part};
use std::cmp::Reverse;

/// The findings of a region in the order of the text; offsets are in `region.text`.
pub(super) fn judge(region: &Region<'_>, wanted: Entities) -> Vec<Finding> {
    let mut candidates = candidates(region, wanted);
    sort(&mut candidates);
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

/// Heapsort: there may be hundreds, and the standard library's sorts are large.
fn sort(candidates: &mut [Candidate]) {
    let length = candidates.len();
    for root in (0..length / 2).rev() {
        sift(candidates, root);
    }
    for last in (1..length).rev() {
        candidates.swap(0, last);
        sift(candidates.get_mut(..last).unwrap_or_default(), 0);
    }
}

/// Moves the one at `root` down until none below it ranks higher.
fn sift(heap: &mut [Candidate], root: usize) {
    let mut root = root;
    loop {
        let child = root.saturating_mul(2).saturating_add(1);
        let ranks = |place: usize| heap.get(place).map(rank);
        let Some(left) = ranks(child) else { return };
        let right = ranks(child.saturating_add(1));
        let (child, highest) = match right {
            Some(right) if right > left => (child.saturating_add(1), right),
            _ => (child, left),
        };
        if ranks(root) >= Some(highest) {
            return;
        }
        heap.swap(root, child);
        root = child;
    }
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
