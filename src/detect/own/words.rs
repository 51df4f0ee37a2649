/*! Text as words, however it is spelled: what two texts have in common is compared by them. */

use super::fold::{NONE, Sign, is_glued, sign};

/// Most letters of a word, and most characters between two; beyond, a run of words ends.
const LONGEST: usize = 64;

/// A word of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word {
    /// What it says, as a number.
    pub(super) hash: u64,
    /// 2, or 1 for a letter of a script without spaces.
    pub(super) weight: usize,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// What a text says next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    Word(Word),
    /// What is no word, and none that follows goes on a run.
    Break,
}

/// Cuts text that comes in pieces into words.
#[derive(Debug, Clone)]
pub(super) struct Words {
    word: Option<Word>,
    last: char,
    /// Letters of the word.
    letters: usize,
    /// Characters since the last word.
    gap: usize,
    at: usize,
}

impl Words {
    pub(super) const fn new() -> Self {
        Self {
            word: None,
            last: NONE,
            letters: 0,
            gap: 0,
            at: 0,
        }
    }

    /// Takes the next piece; what it says goes to `said`.
    pub(super) fn push(&mut self, piece: &str, mut said: impl FnMut(Said)) {
        for c in piece.chars() {
            let end = self.at.saturating_add(c.len_utf8());
            match sign(c) {
                Sign::Letters(letters) => {
                    for letter in letters.into_iter().take_while(|letter| *letter != NONE) {
                        self.letter(letter, end, &mut said);
                    }
                }
                Sign::Gap => self.gap(&mut said),
                Sign::Nothing => {}
            }
            self.at = end;
        }
    }

    /// Takes the end of the text.
    pub(super) fn finish(&mut self, mut said: impl FnMut(Said)) {
        self.end(&mut said);
    }

    /// Where the word begins that has not ended; the end of the text if there is none.
    pub(super) fn open(&self) -> usize {
        self.word.map_or(self.at, |word| word.start)
    }

    fn letter(&mut self, letter: char, end: usize, said: &mut impl FnMut(Said)) {
        let glued = is_glued(letter);
        if glued || is_glued(self.last) {
            self.end(said);
        }
        if self.letters == 0 {
            self.word = Some(Word {
                hash: 0xcbf2_9ce4_8422_2325,
                weight: if glued { 1 } else { 2 },
                start: self.at,
                end,
            });
        }
        self.letters = self.letters.saturating_add(1);
        (self.last, self.gap) = (letter, 0);
        if self.letters > LONGEST {
            if self.word.take().is_some() {
                said(Said::Break);
            }
        } else if let Some(word) = &mut self.word {
            word.hash = mixed(word.hash, u64::from(u32::from(letter)));
            word.end = end;
        }
    }

    fn gap(&mut self, said: &mut impl FnMut(Said)) {
        self.end(said);
        self.gap = self.gap.saturating_add(1);
        if self.gap == LONGEST.saturating_add(1) {
            said(Said::Break);
        }
    }

    fn end(&mut self, said: &mut impl FnMut(Said)) {
        if let Some(word) = self.word.take() {
            said(Said::Word(word));
        }
        (self.letters, self.last) = (0, NONE);
    }
}

/// One step of a hash (G. Fowler, L. C. Noll, K.-P. Vo, by words instead of bytes, and
/// shifted so that high bits count).
pub(super) const fn mixed(hash: u64, value: u64) -> u64 {
    let next = (hash ^ value).wrapping_mul(0x0100_0000_01b3);
    next ^ (next >> 29)
}
