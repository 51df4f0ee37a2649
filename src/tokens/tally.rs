/*! Counts of text, and what they come to in tokens. */

use super::escapes::{BACKSLASH, decode};
use super::scripts::SCRIPTS;
use super::shapes::{AHEAD, Counts, NAMES, SHAPES, Scan};
use super::weights;
use crate::bytes::find;

/// Bytes that are decoded at a time, so that a prompt never stands in memory twice.
const PIECE: usize = 8192;

/// What was counted of any number of texts. Tallies add up: that of two texts is the sum of
/// theirs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// A kilobyte, which would be dear to move about.
    counts: Box<Counts>,
}

impl Tally {
    /// How many numbers [`Tally::features`] gives.
    pub const FEATURES: usize = SHAPES + 4 * SCRIPTS;

    /// Counts a text, which is UTF-8; what is not is counted all the same.
    pub fn add(&mut self, text: &[u8]) {
        Scan::default().last(&mut self.counts, text);
    }

    /// Counts a valid JSON string, given as it stands between its quotes: escapes count as
    /// what they stand for.
    pub fn add_json(&mut self, raw: &[u8]) {
        if find(raw, BACKSLASH).is_none() {
            return self.add(raw);
        }
        let mut scan = Scan::default();
        let mut waiting = Vec::with_capacity(raw.len().min(PIECE));
        let mut rest = raw;
        while !rest.is_empty() {
            rest = decode(rest, PIECE.saturating_sub(waiting.len()), &mut waiting);
            let counted = scan.blocks(&mut self.counts, &waiting);
            waiting.drain(..counted.min(waiting.len()));
        }
        scan.last(&mut self.counts, &waiting);
    }

    /// Counts what another tally has counted.
    pub fn add_tally(&mut self, other: &Self) {
        self.counts.add(&other.counts);
    }

    /// Bytes of the texts, of escapes those of what they stand for.
    pub fn bytes(&self) -> u64 {
        self.counts.bytes
    }

    /// Whether no text was counted.
    pub fn is_empty(&self) -> bool {
        self.counts.bytes == 0
    }

    /// The texts in tokens, estimated: at least 1 if there is text, and never more than
    /// there are bytes, which no tokenizer of bytes exceeds.
    pub fn tokens(&self) -> u64 {
        let shapes = self.counts.shapes.iter().zip(&weights::SHAPES);
        let shapes = shapes.map(|(count, weight)| product(*count, *weight));
        let runs = self.counts.runs.iter().zip(&weights::RUNS);
        let runs = runs.flat_map(|(run, [all, starts, late, later])| {
            [
                product(run.characters, *all),
                product(run.starts, *starts),
                product(run.late, *late),
                product(run.later, *later),
            ]
        });
        let sum = shapes.chain(runs).fold(0, u128::saturating_add);
        let rounded = sum
            .saturating_add(weights::UNIT / 2)
            .checked_div(weights::UNIT);
        let tokens = u64::try_from(rounded.unwrap_or(0)).unwrap_or(u64::MAX);
        tokens.max(1).min(self.counts.bytes)
    }

    /// All counts, in the order of [`Tally::names`]: what the weights are fitted on.
    pub fn features(&self) -> Vec<u64> {
        let runs = self.counts.runs.iter();
        let runs = runs.flat_map(|run| [run.characters, run.starts, run.late, run.later]);
        self.counts.shapes.iter().copied().chain(runs).collect()
    }

    /// What each of the first of [`Tally::features`] is; then come four for each script.
    pub const fn names() -> &'static [&'static str] {
        &NAMES
    }
}

fn product(count: u64, weight: u64) -> u128 {
    u128::from(count).saturating_mul(weight.into())
}

/// One text that comes in pieces, which may be cut anywhere.
#[derive(Debug, Clone, Default)]
pub struct Stream {
    tally: Tally,
    scan: Box<Scan>,
    /// What came and is not counted yet.
    waiting: Vec<u8>,
}

impl Stream {
    /// The next piece, a valid JSON string as it stands between its quotes.
    pub fn push_json(&mut self, raw: &[u8]) {
        let mut rest = raw;
        while !rest.is_empty() {
            rest = decode(rest, PIECE, &mut self.waiting);
            self.count();
        }
    }

    /// The next piece as plain text.
    pub fn push(&mut self, text: &[u8]) {
        for piece in text.chunks(PIECE) {
            self.waiting.extend_from_slice(piece);
            self.count();
        }
    }

    fn count(&mut self) {
        if self.waiting.len() >= PIECE {
            let counted = self.scan.blocks(&mut self.tally.counts, &self.waiting);
            self.waiting.drain(..counted.min(self.waiting.len()));
        }
    }

    /// What has come so far, as if it ended here.
    pub fn tally(&self) -> Tally {
        let mut tally = self.tally.clone();
        Scan::clone(&self.scan).last(&mut tally.counts, &self.waiting);
        tally
    }

    /// Bytes of text that have come.
    pub fn bytes(&self) -> u64 {
        let waiting = u64::try_from(self.waiting.len()).unwrap_or(u64::MAX);
        self.tally.bytes().saturating_add(waiting)
    }

    /// Whether no text has come.
    pub fn is_empty(&self) -> bool {
        self.tally.is_empty() && self.waiting.is_empty()
    }
}

// A piece leaves less than a block behind.
const _: () = assert!(PIECE > 2 * (64 + AHEAD));

#[cfg(test)]
mod tests;
