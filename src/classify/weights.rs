/*! The file of weights, as `train/export.py` writes it. Numbers are little-endian.

| bytes | what |
| --- | --- |
| 8 | `TGCLASS1` |
| 4, 4 | numbers of listed words: whole, beginnings |
| 28 each | injection, toxicity: bias, scale of words, letters, concepts; thresholds low, medium, high (f32) |
| 2 × 1792 | folded code points below 0x600 and of 1E00 to 1EFF |
| 5 each | listed words in order: hash (u32), concept |
| 2 × 196608 | weights of injection and toxicity (i8) by bucket | */

use std::sync::LazyLock;

use super::hash::{BUCKETS, Word};

pub(super) const CLASSES: usize = 2;
pub(super) const GROUPS: usize = 3;

/// Fewer features than these weigh as if there were so many.
const LEAST: [u32; GROUPS] = [8, 8, 2];

const FOLDED: usize = 0x700;

static FILE: &[u8] = include_bytes!("weights/tollgate.bin");
static WEIGHTS: LazyLock<Weights> = LazyLock::new(|| Weights::read(FILE).unwrap_or_default());

/// How many clean prompts may be flagged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sensitivity {
    /// One of a thousand.
    Low,
    /// One of a hundred.
    Medium,
    /// One of twenty.
    High,
}

impl Sensitivity {
    /// The score of injection above which a text is flagged.
    #[must_use]
    pub fn injection(self) -> f32 {
        let [injection, _] = &WEIGHTS.classes;
        injection.threshold(self)
    }

    /// The score of toxicity above which a text is flagged.
    #[must_use]
    pub fn toxicity(self) -> f32 {
        let [_, toxicity] = &WEIGHTS.classes;
        toxicity.threshold(self)
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Class {
    bias: f32,
    scales: [f32; GROUPS],
    thresholds: [f32; 3],
}

impl Class {
    fn threshold(&self, sensitivity: Sensitivity) -> f32 {
        let [low, medium, high] = self.thresholds;
        match sensitivity {
            Sensitivity::Low => low,
            Sensitivity::Medium => medium,
            Sensitivity::High => high,
        }
    }
}

#[derive(Debug, Default)]
struct Weights {
    classes: [Class; CLASSES],
    folded: Vec<u32>,
    whole: List,
    beginnings: List,
    table: &'static [[u8; CLASSES]],
}

/// Which list a word is looked up in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Listed {
    Whole,
    Beginning,
}

/// Words by hash, with bits that tell most which are not listed.
#[derive(Debug, Default)]
struct List {
    words: Vec<(u32, u8)>,
    bits: Vec<u64>,
}

impl List {
    fn of(words: Vec<(u32, u8)>) -> List {
        let mut bits = vec![0_u64; 1 << 10];
        for (hash, _) in &words {
            let (place, bit) = List::place(*hash);
            if let Some(lane) = bits.get_mut(place) {
                *lane |= bit;
            }
        }
        List { words, bits }
    }

    fn place(hash: u32) -> (usize, u64) {
        (
            usize::try_from(hash >> 22).unwrap_or(0),
            1_u64 << ((hash >> 16) & 63),
        )
    }

    fn get(&self, word: Word) -> Option<u32> {
        let (place, bit) = List::place(word.0);
        if self.bits.get(place)? & bit == 0 {
            return None;
        }
        let at = self
            .words
            .binary_search_by_key(&word.0, |(hash, _)| *hash)
            .ok()?;
        self.words.get(at).map(|(_, concept)| u32::from(*concept))
    }
}

/// What is left of the file.
struct Rest(&'static [u8]);

impl Rest {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn float(&mut self) -> Option<f32> {
        self.take().map(f32::from_le_bytes)
    }

    fn class(&mut self) -> Option<Class> {
        Some(Class {
            bias: self.float()?,
            scales: [self.float()?, self.float()?, self.float()?],
            thresholds: [self.float()?, self.float()?, self.float()?],
        })
    }

    fn list(&mut self, n: u32) -> Option<List> {
        let word = |rest: &mut Rest| {
            let hash = rest.number()?;
            let [concept] = rest.take()?;
            Some((hash, concept))
        };
        (0..n)
            .map(|_| word(self))
            .collect::<Option<Vec<_>>>()
            .map(List::of)
    }
}

impl Weights {
    fn read(file: &'static [u8]) -> Option<Weights> {
        let mut rest = Rest(file);
        if rest.take()? != *b"TGCLASS1" {
            return None;
        }
        let (whole, beginnings) = (rest.number()?, rest.number()?);
        let weights = Weights {
            classes: [rest.class()?, rest.class()?],
            folded: (0..FOLDED)
                .map(|_| rest.take().map(u16::from_le_bytes).map(u32::from))
                .collect::<Option<Vec<_>>>()?,
            whole: rest.list(whole)?,
            beginnings: rest.list(beginnings)?,
            table: rest.0.as_chunks().0,
        };
        (u32::try_from(weights.table.len()) == Ok(BUCKETS)).then_some(weights)
    }
}

/// The weights of a bucket.
pub(super) fn of_bucket(bucket: usize) -> [i8; CLASSES] {
    WEIGHTS
        .table
        .get(bucket)
        .map_or([0; CLASSES], |pair| pair.map(u8::cast_signed))
}

/// The folded code point of the `n`th of the table; 0 is dropped.
pub(super) fn folded(n: u32) -> u32 {
    usize::try_from(n)
        .ok()
        .and_then(|n| WEIGHTS.folded.get(n).copied())
        .unwrap_or(0)
}

/// The concept of a listed word.
pub(super) fn listed(list: Listed, word: Word) -> Option<u32> {
    match list {
        Listed::Whole => WEIGHTS.whole.get(word),
        Listed::Beginning => WEIGHTS.beginnings.get(word),
    }
}

/// The scores of sums of weights: each group by the fourth root of how many features it has. Root,
/// product and sum of f32 are the same everywhere.
pub(super) fn scores(counts: &[u32; GROUPS], sums: &[[i32; CLASSES]; GROUPS]) -> [f32; CLASSES] {
    let [injection, toxicity] = &WEIGHTS.classes;
    let mut all = [injection.bias, toxicity.bias];
    for (((sums, n), least), (a, b)) in sums
        .iter()
        .zip(counts)
        .zip(LEAST)
        .zip(injection.scales.iter().zip(toxicity.scales))
    {
        let root = float(i64::from((*n).max(least))).sqrt().sqrt();
        for ((score, sum), scale) in all.iter_mut().zip(sums).zip([*a, b]) {
            *score += float(i64::from(*sum)) * scale / root;
        }
    }
    all
}

/// Exact up to 2^24, rounded beyond; a window has far less.
fn float(n: i64) -> f32 {
    n as f32
}

/// Whether the file was read; a test says so.
#[cfg(test)]
pub(super) fn are_there() -> bool {
    !WEIGHTS.table.is_empty()
}
