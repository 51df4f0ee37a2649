/*! Short words of ASCII that came before: what they add need not be looked up again. Words are kept
by their letters, so what came before changes no score. */

use std::cell::RefCell;

use super::{weights::CLASSES, windows::Sums};

/// Places; a word has one, which the next one takes. Some 200 KB in each thread.
const PLACES: usize = 1 << 12;

/// Letters of a word that is kept.
const LONGEST: usize = 13;

/// Small letters, digits and underscores; none are a word that is not there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Short(u128);

impl Short {
    pub(super) const NONE: Short = Short(0);

    /// Letters in any case; none if they are too many.
    pub(super) fn of(letters: &[u8]) -> Option<Short> {
        let mut bytes = [0; size_of::<u128>()];
        if letters.len() > LONGEST {
            return None;
        }
        for (place, letter) in bytes.iter_mut().zip(letters) {
            *place = letter.to_ascii_lowercase();
        }
        Some(Short(u128::from_le_bytes(bytes)))
    }

    pub(super) fn is_none(self) -> bool {
        self == Short::NONE
    }

    /// The letters, and zeros.
    pub(super) fn letters(self) -> impl Iterator<Item = u8> {
        self.0.to_le_bytes().into_iter().take_while(|c| *c != 0)
    }

    /// The letter of a word of one.
    pub(super) fn single(self) -> Option<u32> {
        u32::try_from(self.0).ok().filter(|c| *c < 128)
    }

    fn place(self) -> usize {
        let folded = (self.0 ^ (self.0 >> 64)) & u128::from(u64::MAX);
        let mixed = u64::try_from(folded)
            .unwrap_or(0)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15);
        usize::try_from(mixed >> 52).unwrap_or(0)
    }
}

/// What a word adds wherever it stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    pub(super) hash: u32,
    pub(super) concept: Option<u32>,
    /// Weights of the word alone.
    pub(super) word: [i32; CLASSES],
    /// Its letters in rows.
    pub(super) letters: Sums,
}

thread_local! {
    static WORDS: RefCell<Vec<(Short, Known)>> = const { RefCell::new(Vec::new()) };
}

/// What is known of a word.
pub(super) fn get(word: Short) -> Option<Known> {
    WORDS.with_borrow(|words| {
        let (kept, known) = words.get(word.place())?;
        (*kept == word).then_some(*known)
    })
}

/// Keeps what a word adds.
pub(super) fn keep(word: Short, known: Known) {
    WORDS.with_borrow_mut(|words| {
        if words.is_empty() {
            words.resize(PLACES, (Short::NONE, Known::default()));
        }
        if let Some(place) = words.get_mut(word.place()) {
            *place = (word, known);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_by_their_letters() {
        for (letters, word) in [
            ("Of", "of"),
            ("a_1", "a_1"),
            ("thirteenletts", "thirteenletts"),
        ] {
            let short = Short::of(letters.as_bytes()).unwrap();
            assert!(short.letters().eq(word.bytes()));
            assert!(!short.is_none());
        }
        assert_eq!(Short::of(b"fourteenletter"), None);
        assert_eq!(Short::of(b"A").unwrap().single(), Some(97));
        assert_eq!(Short::of(b"ab").unwrap().single(), None);
        assert_ne!(Short::of(b"ab"), Short::of(b"ba"));
    }

    #[test]
    fn a_word_is_known_until_another_takes_its_place() {
        let word = |n: u32| Short::of(format!("w{n}").as_bytes()).unwrap();
        let known = |n| Known {
            hash: n,
            ..Known::default()
        };
        for n in 0..5000 {
            keep(word(n), known(n));
            assert_eq!(get(word(n)).unwrap().hash, n);
        }
        let left = (0..5000).filter_map(|n| Some((n, get(word(n))?)));
        let left: Vec<(u32, Known)> = left.collect();
        assert!(left.len() <= PLACES && left.len() > PLACES / 2);
        assert!(left.iter().all(|(n, known)| known.hash == *n));
    }
}
