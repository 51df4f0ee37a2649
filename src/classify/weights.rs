/*! The file of weights, as `train/export.py` writes it. Numbers are little-endian.

| bytes | what |
| --- | --- |
| 8 | `TGCLASS3` |
| 4, 4 | numbers of listed words: whole, beginnings |
| 24 each | injection, toxicity: scale of words, letters, concepts; thresholds low, medium, high (i32; scales in 1/2^20, thresholds in 1/1024) |
| 288 each | injection, toxicity: the layer, in the order of [`Layer`] (i32) |
| 2 × 1792 | folded code points below 0x600 and of 1E00 to 1EFF |
| 5 each | listed words in order: hash (u32), concept, or what stands in its place ([`SPARED`], [`REVERSED`], [`ROT13`]) |
| 2 × 196608 | weights of injection and toxicity (i8) by bucket | */

use std::sync::LazyLock;

use super::{
    hash::{BUCKETS, Word},
    layer::Layer,
    windows::Sums,
};

pub(super) const CLASSES: usize = 2;
pub(super) const GROUPS: usize = 3;

/// Fewer features than these weigh as if there were so many.
const LEAST: [u32; GROUPS] = [8, 8, 2];

/// Features of words in a text of about three, and what then is taken from the odds of injection and
/// toxicity in 1/1024 if none is listed: letters alone tell little (`train/evaluate.py`).
const SHORT: u32 = 15;
const LESS: [i32; CLASSES] = [0, 1400];

const FOLDED: usize = 0x700;

static FILE: &[u8] = include_bytes!("weights/tollgate.bin");
static WEIGHTS: LazyLock<Weights> = LazyLock::new(|| Weights::read(FILE).unwrap_or_default());

/// One classifier: scales of the groups in 1/2^20.
#[derive(Debug, Clone, Copy, Default)]
struct Class {
    scales: [i32; GROUPS],
    /// Log odds above which 0.1 %, 1 % and 5 % of clean prompts are.
    thresholds: [i32; 3],
    layer: Layer,
}

#[derive(Debug, Default)]
pub(super) struct Weights {
    classes: [Class; CLASSES],
    folded: Vec<u32>,
    whole: List,
    beginnings: List,
    table: Table,
}

/// Which list a word is looked up in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Listed {
    Whole,
    Beginning,
}

/// What stands in the place of a concept for common words that are written in rot13.
pub(super) const ROT13: u32 = 254;

/// The same for words written backwards.
pub(super) const REVERSED: u32 = 255;

/// The same for innocent words that their letters, or chance, would have taken for toxic.
pub(super) const SPARED: u32 = 253;

/// Words by hash: open places, the next one if one is taken, and bits that tell most words which
/// are not listed.
#[derive(Debug, Default)]
struct List {
    places: Vec<(u32, u8)>,
    bits: Vec<u64>,
}

impl List {
    fn of(words: &[(u32, u8)]) -> List {
        let size = words.len().saturating_mul(2).next_power_of_two();
        let mut list = List {
            places: vec![(0, 0); size],
            bits: vec![0; 1 << 10],
        };
        for (hash, concept) in words {
            let (lane, bit) = List::bit(*hash);
            if let Some(lane) = list.bits.get_mut(lane) {
                *lane |= bit;
            }
            let free = list.probe(*hash).find(|n| list.at(*n).1 == 0);
            if let Some(place) = free.and_then(|n| list.places.get_mut(n)) {
                *place = (*hash, *concept);
            }
        }
        list
    }

    fn bit(hash: u32) -> (usize, u64) {
        (
            usize::try_from(hash >> 22).unwrap_or(0),
            1_u64 << ((hash >> 16) & 63),
        )
    }

    /// The places of a hash, in order.
    fn probe(&self, hash: u32) -> impl Iterator<Item = usize> + use<> {
        let last = self.places.len().wrapping_sub(1);
        let first = usize::try_from(hash).unwrap_or(0);
        (0..=last).map(move |n| first.wrapping_add(n) & last)
    }

    /// What stands in a place; no concept is 0.
    fn at(&self, place: usize) -> (u32, u8) {
        self.places.get(place).copied().unwrap_or_default()
    }

    fn get(&self, word: Word) -> Option<u32> {
        let (lane, bit) = List::bit(word.0);
        if self.bits.get(lane)? & bit == 0 {
            return None;
        }
        let (_, concept) = self
            .probe(word.0)
            .map(|n| self.at(n))
            .find(|(hash, concept)| *hash == word.0 || *concept == 0)?;
        Some(u32::from(concept)).filter(|concept| *concept != 0)
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

    fn signed(&mut self) -> Option<i32> {
        self.take().map(i32::from_le_bytes)
    }

    fn signed_row<const N: usize>(&mut self) -> Option<[i32; N]> {
        let mut row = [0; N];
        for number in &mut row {
            *number = self.signed()?;
        }
        Some(row)
    }

    fn class(&mut self) -> Option<Class> {
        Some(Class {
            scales: self.signed_row()?,
            thresholds: self.signed_row()?,
            layer: Layer::default(),
        })
    }

    fn layer(&mut self) -> Option<Layer> {
        let mut layer = Layer {
            low: self.signed_row()?,
            high: self.signed_row()?,
            ..Layer::default()
        };
        for unit in &mut layer.to_units {
            *unit = self.signed_row()?;
        }
        layer.units = self.signed_row()?;
        layer.from_units = self.signed_row()?;
        layer.straight = self.signed_row()?;
        layer.bias = self.signed()?;
        Some(layer)
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
            .map(|words| List::of(&words))
    }
}

impl Weights {
    /// Those of this build.
    pub(super) fn get() -> &'static Weights {
        &WEIGHTS
    }

    pub(super) fn table(&self) -> Table {
        self.table
    }

    /// The concept of a listed word.
    pub(super) fn listed(&self, list: Listed, word: Word) -> Option<u32> {
        match list {
            Listed::Whole => self.whole.get(word),
            Listed::Beginning => self.beginnings.get(word),
        }
    }

    fn read(file: &'static [u8]) -> Option<Weights> {
        let mut rest = Rest(file);
        if rest.take()? != *b"TGCLASS3" {
            return None;
        }
        let (whole, beginnings) = (rest.number()?, rest.number()?);
        let mut classes: [Class; CLASSES] = [rest.class()?, rest.class()?];
        for class in &mut classes {
            class.layer = rest.layer()?;
        }
        let weights = Weights {
            classes,
            folded: (0..FOLDED)
                .map(|_| rest.take().map(u16::from_le_bytes).map(u32::from))
                .collect::<Option<Vec<_>>>()?,
            whole: rest.list(whole)?,
            beginnings: rest.list(beginnings)?,
            table: Table(rest.0.as_chunks().0),
        };
        (u32::try_from(weights.table.0.len()) == Ok(BUCKETS)).then_some(weights)
    }
}

/// The weights by bucket.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Table(&'static [[u8; CLASSES]]);

impl Table {
    /// The weights of a bucket.
    pub(super) fn of(self, bucket: usize) -> [i32; CLASSES] {
        let pair = self.0.get(bucket).copied().unwrap_or_default();
        pair.map(|weight| i32::from(weight.cast_signed()))
    }
}

/// The folded code point of the `n`th of the table; 0 is dropped.
pub(super) fn folded(n: u32) -> u32 {
    usize::try_from(n)
        .ok()
        .and_then(|n| WEIGHTS.folded.get(n).copied())
        .unwrap_or(0)
}

/// Log odds in 1/1024 of sums of weights: each group by the root of how many features it has, then
/// the layer.
pub(super) fn odds(groups: &[Sums; GROUPS]) -> [i32; CLASSES] {
    let mut roots = [1; GROUPS];
    for ((root, sums), least) in roots.iter_mut().zip(groups).zip(LEAST) {
        *root = root_of(sums.n.max(least));
    }
    let [words, _, concepts] = roots;
    let [in_words, _, listed] = groups;
    let is_short = in_words.n <= SHORT && listed.n == 0;
    let mut odds = [0; CLASSES];
    for (n, (odds, class)) in odds.iter_mut().zip(&WEIGHTS.classes).enumerate() {
        let mut inputs = [0, 0, 0, words >> 2, concepts >> 2];
        let scaled = groups.iter().zip(class.scales).zip(roots);
        for (input, ((sums, scale), root)) in inputs.iter_mut().zip(scaled) {
            let sum = sums.of.get(n).copied().unwrap_or(0);
            let product = i64::from(sum).saturating_mul(i64::from(scale));
            *input = product.saturating_mul(4).checked_div(root).unwrap_or(0);
        }
        *odds = class.layer.odds(inputs);
    }
    if is_short {
        for (odds, less) in odds.iter_mut().zip(LESS) {
            *odds = odds.saturating_sub(less);
        }
    }
    odds
}

/// In 1/4096.
fn root_of(n: u32) -> i64 {
    i64::try_from((u64::from(n) << 24).isqrt()).unwrap_or(i64::MAX)
}

/// The thresholds of injection and toxicity: low, medium, high.
pub(super) fn thresholds() -> [[i32; 3]; CLASSES] {
    WEIGHTS.classes.map(|class| class.thresholds)
}

/// Whether the file was read; a test says so.
#[cfg(test)]
pub(super) fn are_there() -> bool {
    !WEIGHTS.table.0.is_empty()
}
