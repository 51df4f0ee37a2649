/*! Sums of weights by block, and the worst window of two blocks. */

use super::{
    scores::Odds,
    weights::{self, CLASSES, GROUPS, Table},
};

/// A group of features with a scale of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    Words,
    Letters,
    Concepts,
}

/// What was found in some words, by group.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Block {
    groups: [Sums; GROUPS],
    respelled: bool,
}

/// How many features, and the sums of their weights.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    pub(super) n: u32,
    pub(super) of: [i32; CLASSES],
}

impl Sums {
    /// The weights of these buckets.
    pub(super) fn of(table: Table, buckets: impl Iterator<Item = usize>) -> Sums {
        let (mut n, mut a, mut b) = (0_u32, 0_i32, 0_i32);
        for bucket in buckets {
            let [injection, toxicity] = table.of(bucket);
            n = n.saturating_add(1);
            a = a.saturating_add(injection);
            b = b.saturating_add(toxicity);
        }
        Sums { n, of: [a, b] }
    }

    fn add(&mut self, more: Sums) {
        self.n = self.n.saturating_add(more.n);
        for (to, from) in self.of.iter_mut().zip(more.of) {
            *to = to.saturating_add(from);
        }
    }
}

impl Block {
    pub(super) fn add_all(
        &mut self,
        table: Table,
        group: Group,
        buckets: impl Iterator<Item = usize>,
    ) {
        self.add_sums(group, Sums::of(table, buckets));
    }

    pub(super) fn add_sums(&mut self, group: Group, sums: Sums) {
        let [words, letters, concepts] = &mut self.groups;
        let group = match group {
            Group::Words => words,
            Group::Letters => letters,
            Group::Concepts => concepts,
        };
        group.add(sums);
    }

    /// A word that matters was written in digits or spaced letters.
    pub(super) fn respelled(&mut self) {
        self.respelled = true;
    }

    fn with(mut self, other: &Block) -> Block {
        for (to, from) in self.groups.iter_mut().zip(other.groups) {
            to.add(from);
        }
        self.respelled |= other.respelled;
        self
    }

    fn odds(&self) -> Odds {
        Odds {
            odds: weights::odds(&self.groups),
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
