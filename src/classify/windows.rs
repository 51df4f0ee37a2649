/*! Sums of weights by block, and the worst window of two blocks. */

use super::{
    scores::Odds,
    weights::{self, CLASSES, GROUPS},
};

/// A group of features with a scale of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    Words,
    Letters,
    Concepts,
}

/// What was found in some words: by group, how many features, and the sums of their weights.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Block {
    counts: [u32; GROUPS],
    sums: [[i32; CLASSES]; GROUPS],
    respelled: bool,
}

impl Block {
    pub(super) fn add(&mut self, group: Group, bucket: usize) {
        let [injection, toxicity] = weights::of_bucket(bucket);
        let [words, letters, concepts] = &mut self.sums;
        let [words_n, letters_n, concepts_n] = &mut self.counts;
        let (sums, n) = match group {
            Group::Words => (words, words_n),
            Group::Letters => (letters, letters_n),
            Group::Concepts => (concepts, concepts_n),
        };
        let [a, b] = sums;
        *a = a.wrapping_add(i32::from(injection));
        *b = b.wrapping_add(i32::from(toxicity));
        *n = n.wrapping_add(1);
    }

    /// A word that matters was written in digits or spaced letters.
    pub(super) fn respelled(&mut self) {
        self.respelled = true;
    }

    fn with(mut self, other: &Block) -> Block {
        for (to, from) in self.counts.iter_mut().zip(other.counts) {
            *to = to.wrapping_add(from);
        }
        for (to, from) in self
            .sums
            .iter_mut()
            .flatten()
            .zip(other.sums.iter().flatten())
        {
            *to = to.wrapping_add(*from);
        }
        self.respelled |= other.respelled;
        self
    }

    fn odds(&self) -> Odds {
        Odds {
            odds: weights::odds(&self.counts, &self.sums),
            respelled: [self.respelled; CLASSES],
        }
    }
}

/// The blocks of a text so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Windows {
    #[default]
    Empty,
    One(Block),
    More {
        last: Block,
        worst: Odds,
    },
}

impl Windows {
    pub(super) fn push(&mut self, block: Block) {
        *self = match *self {
            Windows::Empty => Windows::One(block),
            Windows::One(last) => Windows::More {
                last: block,
                worst: last.with(&block).odds(),
            },
            Windows::More { last, worst } => Windows::More {
                last: block,
                worst: worst.worse(&last.with(&block).odds()),
            },
        };
    }

    pub(super) fn odds(&self) -> Odds {
        match self {
            Windows::Empty => Block::default().odds(),
            Windows::One(block) => block.odds(),
            Windows::More { worst, .. } => *worst,
        }
    }
}
