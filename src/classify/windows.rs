/*! Sums of weights by block, and the worst window of two blocks. */

use super::weights::{self, CLASSES, GROUPS};

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
        self
    }

    fn scores(&self) -> Scores {
        let [injection, toxicity] = weights::scores(&self.counts, &self.sums);
        Scores {
            injection,
            toxicity,
        }
    }
}

/// How a text scores: log odds by the training's balance, so only thresholds give them a meaning
/// ([`super::Sensitivity`]).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scores {
    /// Prompt injection or jailbreak.
    pub injection: f32,
    /// Insults, hate, profanity.
    pub toxicity: f32,
}

impl Scores {
    fn worse(self, other: Scores) -> Scores {
        Scores {
            injection: self.injection.max(other.injection),
            toxicity: self.toxicity.max(other.toxicity),
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
        worst: Scores,
    },
}

impl Windows {
    pub(super) fn push(&mut self, block: Block) {
        *self = match *self {
            Windows::Empty => Windows::One(block),
            Windows::One(last) => Windows::More {
                last: block,
                worst: last.with(&block).scores(),
            },
            Windows::More { last, worst } => Windows::More {
                last: block,
                worst: worst.worse(last.with(&block).scores()),
            },
        };
    }

    pub(super) fn scores(&self) -> Scores {
        match self {
            Windows::Empty => Block::default().scores(),
            Windows::One(block) => block.scores(),
            Windows::More { worst, .. } => *worst,
        }
    }
}
