/*! The word that is read, and the words that it may be in disguise. */

use super::{
    concepts::Beginning,
    hash::{EDGE, Word},
    held::Held,
    known::Short,
    views::LONG_WORD,
    weights::Weights,
};

/// Letters of a word that are looked at in rows.
pub(super) const LETTERS: usize = 24;

/// The word that comes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Current {
    /// All of the word, if nothing else of it was read.
    pub(super) short: Short,
    pub(super) hash: Word,
    pub(super) beginning: Beginning,
    /// The letters, with an edge before them and after.
    pub(super) edged: [u32; LETTERS + 2],
    pub(super) length: usize,
    pub(super) leet: bool,
    pub(super) latin: bool,
    /// Letters beyond ASCII are in it.
    pub(super) wide: bool,
    pub(super) joints: usize,
}

impl Current {
    pub(super) const NONE: Current = Current {
        short: Short::NONE,
        hash: Word::EMPTY,
        beginning: Beginning::NONE,
        edged: [EDGE; LETTERS + 2],
        length: 0,
        leet: false,
        latin: false,
        wide: false,
        joints: 0,
    };

    pub(super) fn push(&mut self, letter: u32, weights: &Weights) {
        self.hash = self.hash.with(letter);
        self.beginning.push(self.hash, weights);
        self.length = self.length.saturating_add(1);
        if self.length <= LETTERS
            && let Some(place) = self.edged.get_mut(self.length)
        {
            *place = letter;
        }
        self.leet |= leet(letter).is_some();
        self.latin |= (97..=122).contains(&letter);
        self.wide |= letter >= 128;
        self.joints = self
            .joints
            .saturating_add(usize::from(letter == u32::from(b'_')));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length == 0 && self.short.is_none()
    }

    /// Reads the letters of a short word, since more than that is asked of it.
    pub(super) fn spell_out(&mut self, weights: &Weights) {
        let short = std::mem::take(&mut self.short);
        if !short.is_none() {
            let mut letters = [0; 16];
            let mut length = 0_usize;
            for (place, letter) in letters.iter_mut().zip(short.letters()) {
                *place = letter;
                length = length.saturating_add(1);
            }
            self.extend(letters.get(..length).unwrap_or(&[]), weights);
        }
    }

    /// Letters, digits and underscores of ASCII.
    pub(super) fn extend(&mut self, letters: &[u8], weights: &Weights) {
        let (mut hash, mut beginning) = (self.hash, self.beginning);
        let (mut leet_found, mut latin) = (self.leet, self.latin);
        let free = self.length.saturating_add(1).min(self.edged.len());
        let kept = LETTERS.saturating_sub(self.length);
        let mut places = self.edged.get_mut(free..).unwrap_or(&mut []).iter_mut();
        for (n, letter) in letters.iter().map(u8::to_ascii_lowercase).enumerate() {
            let folded = u32::from(letter);
            hash = hash.with(folded);
            beginning.push(hash, weights);
            leet_found |= leet(folded).is_some();
            latin |= letter.is_ascii_lowercase();
            if n < kept
                && let Some(place) = places.next()
            {
                *place = folded;
            }
        }
        (self.hash, self.beginning) = (hash, beginning);
        (self.leet, self.latin) = (leet_found, latin);
        self.length = self.length.saturating_add(letters.len());
        self.joints = self.joints.saturating_add(joints(letters));
    }

    /// The letters and their edges.
    pub(super) fn edged(&self) -> &[u32] {
        let end = self.length.min(LETTERS).saturating_add(2);
        self.edged.get(..end).unwrap_or(&[])
    }

    /// The letters, as many as are kept.
    pub(super) fn letters(&self) -> &[u32] {
        let end = self.length.min(LETTERS).saturating_add(1);
        self.edged.get(1..end).unwrap_or(&[])
    }

    /// The word with letters for its digits, or without its repeats if a letter stands three times in a row.
    pub(super) fn undisguised(&self) -> Option<Current> {
        if self.wide || self.length > LETTERS {
            return None;
        }
        let letters = self.letters();
        if self.leet && self.latin {
            return Some(Current::of(letters.iter().map(|c| leet(*c).unwrap_or(*c))));
        }
        let stretched = |row: &[u32]| matches!(row, [a, b, c] if a == b && b == c && is_latin(*a));
        letters.windows(3).any(stretched).then(|| {
            let runs = letters.chunk_by(|a, b| a == b);
            Current::of(runs.flat_map(|run| {
                run.get(..if run.len() > 2 { 1 } else { run.len() })
                    .unwrap_or(run)
                    .iter()
                    .copied()
            }))
        })
    }

    /// A word whose letters are there at once; its beginnings are not looked up.
    pub(super) fn of(letters: impl Iterator<Item = u32>) -> Current {
        let mut word = Current::NONE;
        for letter in letters.take(LETTERS) {
            word.hash = word.hash.with(letter);
            word.length = word.length.saturating_add(1);
            if let Some(place) = word.edged.get_mut(word.length) {
                *place = letter;
            }
        }
        word
    }

    /// The next word; what follows its last letter is an edge again.
    pub(super) fn clear(&mut self) {
        let end = self.length.saturating_add(1).min(LETTERS);
        if let Some(used) = self.edged.get_mut(1..=end) {
            used.fill(EDGE);
        }
        self.hash = Word::EMPTY;
        self.beginning = Beginning::NONE;
        self.length = 0;
        self.leet = false;
        self.latin = false;
        self.wide = false;
        self.joints = 0;
    }
}

fn is_latin(c: u32) -> bool {
    (97..=122).contains(&c)
}

/// Signs that may stand for a letter within a word; a star is any.
pub(super) fn is_mask(c: u32) -> bool {
    matches!(c, 33 | 36 | 42 | 64)
}

/// The letters of a word with signs in it, if any stands within or for its end.
pub(super) fn unmasked(masked: &Held<LETTERS>) -> Option<Current> {
    if masked.length > LETTERS {
        return None;
    }
    let all = masked.get();
    let end = all.iter().rposition(|c| !matches!(c, 33 | 42));
    let word = all.get(..=end?)?;
    let is_word = word.iter().any(|c| is_latin(*c)) && word.iter().any(|c| is_mask(*c));
    is_word.then(|| Current::of(word.iter().map(|c| meant(*c))))
}

/// The letter that a sign or digit stands for, or what it is.
fn meant(c: u32) -> u32 {
    match c {
        33 => u32::from(b'i'),
        36 => u32::from(b's'),
        64 => u32::from(b'a'),
        _ => leet(c).unwrap_or(c),
    }
}

/// The letter that a digit stands for.
fn leet(c: u32) -> Option<u32> {
    let letter = match c {
        48 => b'o',
        49 => b'i',
        51 => b'e',
        52 => b'a',
        53 => b's',
        55 => b't',
        56 => b'b',
        _ => return None,
    };
    Some(u32::from(letter))
}

/// Where words may be joined: `a_b`, `aBc`; not in keys and digests, where underscores are few and
/// capitals and digits are anywhere.
pub(super) fn joints(letters: &[u8]) -> usize {
    let count = |is: fn(&u8) -> bool| letters.iter().filter(|c| is(c)).count();
    let underscores = count(|c| *c == b'_');
    if letters.len() < LONG_WORD {
        return underscores;
    }
    let rises = letters.windows(3).filter(|row| {
        let [a, b, c] = row else { return false };
        a.is_ascii_lowercase() && b.is_ascii_uppercase() && c.is_ascii_lowercase()
    });
    let (rises, capitals) = (rises.count(), count(u8::is_ascii_uppercase));
    let of_underscores = underscores.saturating_mul(LONG_WORD) >= letters.len();
    let of_capitals =
        rises.saturating_mul(2) >= capitals.saturating_sub(1) && count(u8::is_ascii_digit) == 0;
    let underscores = if of_underscores { underscores } else { 0 };
    underscores.saturating_add(if of_capitals { rises } else { 0 })
}
