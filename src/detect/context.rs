/*! The words to the left of a candidate: what a number is called before it is written.

Only to the left, so that a stream never waits for words that may come. */

use super::words::{Hit, Subject, scan};

/// How far to the left words count, in code points.
pub const REACH: usize = 64;

/// The longest reach, in bytes.
const REACH_BYTES: usize = REACH * 4;

/// Where the [`REACH`] code points before `end` begin.
pub(super) fn reach(text: &str, end: usize) -> usize {
    let start = end.saturating_sub(REACH);
    let near = text.as_bytes().get(start..end).unwrap_or_default();
    if near.is_ascii() {
        return start;
    }
    let front = text.get(..end).unwrap_or_default();
    let place = front.char_indices().rev().nth(REACH.saturating_sub(1));
    place.map_or(0, |(start, _)| start)
}

/// What stands within reach before `end`.
pub(super) fn left(text: &str, end: usize) -> &[u8] {
    let bytes = text.as_bytes();
    bytes.get(reach(text, end)..end).unwrap_or_default()
}

/// How many bytes before `end` the nearest word about `subject` ends, if one begins at most
/// `far` bytes before it.
pub(super) fn nearest(text: &str, end: usize, far: usize, subject: Subject) -> Option<usize> {
    let from = end.saturating_sub(far).max(reach(text, end));
    let mut nearest = None;
    scan(text.as_bytes(), from, end, |hit| {
        if hit.counts(subject, from, end) {
            nearest = nearest.max(Some(hit.end));
        }
    });
    nearest.map(|word| end.saturating_sub(word))
}

/// The text before a candidate, and the words in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'r> {
    text: &'r str,
    /// Where the candidate begins.
    end: usize,
    /// Words about anything whose start is within reach.
    hits: &'r [Hit],
}

impl<'r> Context<'r> {
    /// Of the candidate at `end`; `hits` are all words of the text near it.
    pub(super) fn new(text: &'r str, end: usize, hits: &'r [Hit]) -> Self {
        let from = end.saturating_sub(REACH_BYTES);
        let first = hits.partition_point(|hit| hit.start < from);
        let last = hits.partition_point(|hit| hit.start < end);
        let hits = hits.get(first..last).unwrap_or_default();
        Self { text, end, hits }
    }

    /// How many bytes before the candidate the nearest word about `subject` ends.
    pub(super) fn nearest(&self, subject: Subject) -> Option<usize> {
        if self.hits.is_empty() {
            return None;
        }
        let from = reach(self.text, self.end);
        let hits = self.hits.iter();
        let hits = hits.filter(|hit| hit.counts(subject, from, self.end));
        let end = hits.map(|hit| hit.end).max();
        end.map(|end| self.end.saturating_sub(end))
    }

    /// Whether a word about `subject` is there.
    pub(super) fn has(&self, subject: Subject) -> bool {
        self.nearest(subject).is_some()
    }

    /// All that words near it are about, more than only those that count included.
    pub(super) fn subjects(&self) -> u64 {
        let hits = self.hits.iter();
        hits.fold(0, |all, hit| all | hit.subjects())
    }

    /// Whether the candidate goes on a number, such as `262` of `1,262`, or is an amount.
    pub(super) fn follows_digits(&self) -> bool {
        let front = self.text.get(..self.end).unwrap_or_default();
        let mut back = front.chars().rev();
        match back.next() {
            Some(',' | '.') => back.next().is_some_and(|c| c.is_ascii_digit()),
            Some('$' | '€' | '£' | '¥' | '₩') => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nearest_of(text: &str, subject: Subject) -> Option<usize> {
        let mut hits = Vec::new();
        scan(text.as_bytes(), 0, text.len(), |hit| hits.push(hit));
        let by_index = Context::new(text, text.len(), &hits).nearest(subject);
        assert_eq!(by_index, nearest(text, text.len(), REACH_BYTES, subject));
        by_index
    }

    #[test]
    fn the_nearest_word_counts_and_short_ones_stand_alone() {
        let text = "My TELEPHONE, not the id: ";
        assert_eq!(nearest_of(text, Subject::PHONE), Some(14));
        assert_eq!(nearest_of(text, Subject::NO_PHONE), Some(2));
        assert_eq!(nearest_of("tel. ", Subject::PHONE), Some(2));
        assert_eq!(nearest_of("hotel tel ", Subject::PHONE), Some(1));
        assert_eq!(nearest_of("hotel ", Subject::PHONE), None);
        assert_eq!(nearest_of("", Subject::PHONE), None);
    }

    #[test]
    fn nothing_beyond_the_reach_counts() {
        let far = format!("phone{}", "é".repeat(REACH));
        assert_eq!(nearest_of(&far, Subject::PHONE), None);
        let near = format!("phone{}", "é".repeat(REACH - 5));
        assert_eq!(nearest_of(&near, Subject::PHONE), Some(2 * (REACH - 5)));
    }
}
