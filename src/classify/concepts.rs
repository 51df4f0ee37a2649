/*! Classes of words by what they do in a prompt (`train/concepts.txt`), and which stood last. */

use super::{
    hash::{Word, seeded},
    weights::{Listed, Weights},
};

/// Words between two concepts that still stand in a row.
const GAP: u32 = 5;

/// The shortest beginning of a word that is listed, in letters.
const SHORTEST: usize = 2;

/// The concept of the word that comes letter by letter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beginning {
    letters: usize,
    concept: u32,
}

impl Beginning {
    pub(super) const NONE: Beginning = Beginning {
        letters: 0,
        concept: 0,
    };

    /// One more letter; `word` is the hash up to it.
    pub(super) fn push(&mut self, word: Word, weights: &Weights) {
        self.letters = self.letters.saturating_add(1);
        if self.letters >= SHORTEST {
            self.concept = weights
                .listed(Listed::Beginning, word)
                .unwrap_or(self.concept);
        }
    }

    /// The concept of the whole word, else of its longest listed beginning.
    pub(super) fn concept(self, whole: Word, weights: &Weights) -> Option<u32> {
        weights
            .listed(Listed::Whole, whole)
            .or(Some(self.concept).filter(|concept| *concept != 0))
    }
}

/// The concept of letters that are there at once.
pub(super) fn of(letters: &[u32], weights: &Weights) -> Option<u32> {
    let (mut word, mut beginning) = (Word::EMPTY, Beginning::NONE);
    for letter in letters {
        word = word.with(*letter);
        beginning.push(word, weights);
    }
    beginning.concept(word, weights)
}

/// The longest row of ideographs that may be a concept.
const LONGEST_ROW: usize = 6;

/// The hashes of the ends of a row of ideographs, the shortest first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends {
    hashes: [Word; LONGEST_ROW],
    length: usize,
}

impl Ends {
    pub(super) const NONE: Ends = Ends {
        hashes: [Word::EMPTY; LONGEST_ROW],
        length: 0,
    };

    pub(super) fn clear(&mut self) {
        self.length = 0;
    }

    /// One more ideograph: the concept of the longest end that is one, of two or more.
    pub(super) fn push(&mut self, c: u32, weights: &Weights) -> Option<u32> {
        let mut shorter = Word::EMPTY;
        for hash in &mut self.hashes {
            (shorter, *hash) = (*hash, shorter.with(c));
        }
        self.length = self.length.saturating_add(1).min(LONGEST_ROW);
        let ends = self.hashes.get(1..self.length).unwrap_or(&[]);
        ends.iter()
            .rev()
            .find_map(|end| weights.listed(Listed::Whole, *end))
    }
}

/// The last two concepts, and the numbers of their words.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Row {
    before: Option<(u32, u32)>,
    last: Option<(u32, u32)>,
}

impl Row {
    /// One more concept at the word of this number: its features.
    pub(super) fn push(&mut self, concept: u32, number: u32, mut found: impl FnMut(usize)) {
        let near = |at: &(u32, u32)| number.wrapping_sub(at.1) <= GAP;
        let before = self.before.filter(near);
        let last = self.last.filter(near);
        found(seeded(11, &[concept]));
        if let Some((last, _)) = last {
            found(seeded(12, &[last, concept]));
            if let Some((before, _)) = before {
                found(seeded(13, &[before, last, concept]));
                found(seeded(14, &[before, concept]));
            }
        }
        self.before = last;
        self.last = Some((concept, number));
    }
}
