/*! The words that finders look for before a candidate: all of them found in one pass. */

use super::find::{IDENTITIES, LISTS};
use super::view::{at, before};
use std::sync::OnceLock;

/// What some words are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Subject(u64);

impl Subject {
    pub(super) const PHONE: Self = Self(1);
    /// Numbers that are none to call.
    pub(super) const NO_PHONE: Self = Self(1 << 1);
    pub(super) const CARD: Self = Self(1 << 2);
    pub(super) const ACCOUNT: Self = Self(1 << 3);
    pub(super) const RECORD: Self = Self(1 << 4);
    pub(super) const SWIFT: Self = Self(1 << 5);
    pub(super) const BIRTH: Self = Self(1 << 6);
    pub(super) const VERSION: Self = Self(1 << 7);
    pub(super) const IPV6: Self = Self(1 << 8);

    /// Of a row of [`IDENTITIES`].
    pub(super) const fn of_row(row: usize) -> Self {
        Self(FIRST_ROW << row)
    }

    const fn is_among(self, subjects: u64) -> bool {
        self.0 & subjects != 0
    }
}

const FIRST_ROW: u64 = 1 << 9;

/// The rows of [`IDENTITIES`] among `subjects`, as bits.
pub(super) const fn named_rows(subjects: u64) -> u64 {
    subjects >> 9
}

/// A word that stands somewhere in a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    subjects: u64,
    pub(super) start: usize,
    pub(super) end: usize,
    /// It must stand alone, and letters stand before it, or behind it.
    goes_on: (bool, bool),
}

impl Hit {
    /// Whether it is one for a candidate at `end` for which words count from `start` on.
    pub(super) const fn counts(&self, subject: Subject, start: usize, end: usize) -> bool {
        subject.is_among(self.subjects)
            && self.start >= start
            && self.end <= end
            && (!self.goes_on.0 || self.start == start)
            && (!self.goes_on.1 || self.end == end)
    }

    pub(super) const fn is_about(&self, subject: Subject) -> bool {
        subject.is_among(self.subjects)
    }

    pub(super) const fn subjects(&self) -> u64 {
        self.subjects
    }
}

#[derive(Debug)]
struct Word {
    text: &'static str,
    subjects: u64,
    /// The next word of the same bucket: its index and one; 0: none.
    next: u8,
}

#[derive(Debug)]
struct Index {
    words: Vec<Word>,
    /// By the first two bytes: the index of a word and one.
    buckets: [u8; 1024],
}

static INDEX: OnceLock<Index> = OnceLock::new();

/// Letters in either case have the same bucket.
fn bucket(first: u8, second: u8) -> usize {
    (usize::from(first & 31) << 5) | usize::from(second & 31)
}

impl Index {
    fn new() -> Self {
        let mut index = Self {
            words: Vec::new(),
            buckets: [0; 1024],
        };
        for (subject, words) in LISTS {
            index.add(*subject, words);
        }
        for (row, identity) in IDENTITIES.iter().enumerate() {
            index.add(Subject::of_row(row), identity.words);
        }
        index
    }

    fn add(&mut self, subject: Subject, words: &[&'static str]) {
        for text in words {
            if let Some(known) = self.words.iter_mut().find(|word| word.text == *text) {
                known.subjects |= subject.0;
                continue;
            }
            let bytes = text.as_bytes();
            let bucket = bucket(at(bytes, 0), at(bytes, 1));
            let Some(head) = self.buckets.get_mut(bucket) else {
                continue;
            };
            self.words.push(Word {
                text,
                subjects: subject.0,
                next: *head,
            });
            *head = u8::try_from(self.words.len()).unwrap_or_default();
        }
    }

    fn word(&self, number: u8) -> Option<&Word> {
        self.words.get(usize::from(number).checked_sub(1)?)
    }
}

/// Finds all words that stand in `start..end` of a text, in the order of their starts.
/// Those of up to four ASCII letters must stand alone; a longer one may be part of another
/// (`phone` of `telephone`).
pub(super) fn scan(text: &[u8], start: usize, end: usize, mut found: impl FnMut(Hit)) {
    let index = INDEX.get_or_init(Index::new);
    let part = text.get(start..end).unwrap_or_default();
    for (offset, pair) in part.windows(2).enumerate() {
        let &[first, second] = pair else { continue };
        let mut number = index
            .buckets
            .get(bucket(first, second))
            .copied()
            .unwrap_or_default();
        while let Some(word) = index.word(number) {
            number = word.next;
            let rest = part.get(offset..).unwrap_or_default();
            if begins(rest, word.text) {
                found(hit(text, start.saturating_add(offset), word));
            }
        }
    }
}

fn begins(rest: &[u8], word: &str) -> bool {
    rest.get(..word.len())
        .is_some_and(|front| front.eq_ignore_ascii_case(word.as_bytes()))
}

fn hit(text: &[u8], start: usize, word: &Word) -> Hit {
    let end = start.saturating_add(word.text.len());
    let short = word.text.len() <= 4 && word.text.is_ascii();
    Hit {
        subjects: word.subjects,
        start,
        end,
        goes_on: (
            short && before(text, start).is_ascii_alphabetic(),
            short && at(text, end).is_ascii_alphabetic(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_found_in_either_case() {
        let index = Index::new();
        assert!(index.words.len() < 255, "{}", index.words.len());
        assert!(IDENTITIES.len() < 64 - 9);
        for word in &index.words {
            assert!(word.text.len() > 1, "{}", word.text);
            assert_eq!(word.text, word.text.to_ascii_lowercase());
            let text = format!(" {} ", word.text.to_ascii_uppercase());
            let mut found = false;
            scan(text.as_bytes(), 0, text.len(), |hit| {
                let whole = hit.start == 1 && hit.end == text.len() - 1;
                found |= whole && hit.subjects == word.subjects;
            });
            assert!(found, "{}", word.text);
        }
    }
}
