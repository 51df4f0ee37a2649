/*! What the system prompt of a call says, to be found in its answer. */

use super::words::{Said, Word, Words, mixed};
use std::collections::{HashSet, VecDeque};

/// Most words of a system prompt; what follows is not looked for.
const MOST_WORDS: usize = 16_384;

/// Fewest and most words in a row.
const ROW: std::ops::RangeInclusive<usize> = 3..=64;

/// What the system prompt of a call says.
///
/// Case, marks and what is no letter or digit count for nothing. In scripts without spaces
/// two letters count as a word.
#[derive(Debug)]
pub struct SystemPrompt {
    weight: usize,
    count: usize,
    /// Whether it has more words than count.
    is_cut: bool,
    /// All rows of words that count as repeated, by their hash.
    rows: HashSet<u64>,
    /// All words, and all pairs of words that follow each other.
    words: HashSet<u64>,
}

impl SystemPrompt {
    /// One that counts `words` words in a row as repeated: 3 to 64.
    pub fn new(words: usize) -> Self {
        let words = words.clamp(*ROW.start(), *ROW.end());
        Self {
            weight: words.saturating_mul(2),
            count: 0,
            is_cut: false,
            rows: HashSet::new(),
            words: HashSet::new(),
        }
    }

    /// Adds a text of it. Of all texts, at most the first 16,384 words count.
    pub fn add(&mut self, text: &str) {
        let mut row = Row::default();
        let mut words = Words::new();
        let mut add = |said| match said {
            Said::Word(word) if self.count < MOST_WORDS => {
                self.count = self.count.saturating_add(1);
                if let Some(pair) = row.pair(word) {
                    self.words.insert(pair);
                }
                self.words.insert(word.hash);
                row.push(word, self.weight);
                if row.weight >= self.weight {
                    self.rows.insert(row.hash());
                }
            }
            Said::Word(_) => {
                self.is_cut = true;
                row = Row::default();
            }
            Said::Break => row = Row::default(),
        };
        words.push(text, &mut add);
        words.finish(add);
    }

    /// Whether it has more words than are looked for.
    pub const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Whether nothing of it could be found: it has too few words.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How a word stands to the row before it: whether it goes on, or begins one.
    pub(super) fn goes_on(&self, row: &mut Row, word: Word) -> bool {
        let known = self.words.contains(&word.hash);
        let follows = row
            .pair(word)
            .is_some_and(|pair| self.words.contains(&pair));
        if !known || !follows {
            *row = Row::default();
        }
        if known {
            row.push(word, self.weight);
        }
        row.weight >= self.weight && self.rows.contains(&row.hash())
    }

    /// Drops words that no row to come has.
    pub(super) fn trim(&self, row: &mut Row) {
        // The lightest word that may come.
        row.trim(self.weight.saturating_sub(1));
    }
}

/// The last words of a text: the fewest that have the weight of a row.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    words: VecDeque<Word>,
    weight: usize,
}

impl Row {
    /// Where it begins.
    pub(super) fn start(&self) -> Option<usize> {
        self.words.front().map(|word| word.start)
    }

    fn pair(&self, next: Word) -> Option<u64> {
        let last = self.words.back()?;
        Some(mixed(mixed(1, last.hash), next.hash))
    }

    fn push(&mut self, word: Word, least: usize) {
        self.weight = self.weight.saturating_add(word.weight);
        self.words.push_back(word);
        self.trim(least);
    }

    fn trim(&mut self, least: usize) {
        while let Some(first) = self.words.front() {
            let rest = self.weight.saturating_sub(first.weight);
            if rest < least {
                return;
            }
            self.weight = rest;
            self.words.pop_front();
        }
    }

    fn hash(&self) -> u64 {
        let words = self.words.iter();
        words.fold(2, |hash, word| mixed(hash, word.hash))
    }
}
