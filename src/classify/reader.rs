/*! A text becomes features, character by character. */

use super::{
    concepts::{self, Beginning, Ends, Row},
    fold::{Kind, fold, kind},
    hash::{EDGE, Word, letters, seeded},
    known::{self, Known, Short},
    scores::Scores,
    views::{JOINTS, LONG_WORD, Signs},
    weights::{CLASSES, Listed, REVERSED, ROT13, Weights},
    windows::{Block, Group, Sums, Windows},
};

/// Words after which a block ends.
const BLOCK: u32 = 32;

/// Words after which a block ends at the end of a sentence.
const SENTENCE: u32 = 16;

/// Letters of a word that are looked at in rows.
const LETTERS: usize = 24;

/// Single letters in a row that are a word in disguise.
const SPACED: usize = 3;

/// How often runs of punctuation count in a block: the same one, and all. Else signs around a few
/// words outweigh them.
const SAME_RUNS: usize = 4;
const RUNS: usize = 32;

/// Scores a text as it comes, in any cuts at characters; memory is bounded.
#[derive(Debug, Clone)]
pub struct Scorer {
    weights: &'static Weights,
    windows: Windows,
    block: Block,
    words: u32,
    number: u32,
    before: [u32; 2],
    row: Row,
    word: Current,
    run: Held<3>,
    runs: Held<RUNS>,
    alone: Ends,
    singles: Held<LETTERS>,
    masked: Held<LETTERS>,
    shape: Shape,
    signs: Signs,
    begun: bool,
}

impl Default for Scorer {
    fn default() -> Self {
        Scorer {
            weights: Weights::get(),
            windows: Windows::default(),
            block: Block::default(),
            words: 0,
            number: 0,
            before: [0, 0],
            row: Row::default(),
            word: Current::NONE,
            run: Held::NONE,
            runs: Held::NONE,
            alone: Ends::NONE,
            singles: Held::NONE,
            masked: Held::NONE,
            shape: Shape::default(),
            signs: Signs::default(),
            begun: false,
        }
    }
}

impl Scorer {
    /// More of the text.
    pub fn push(&mut self, text: &str) {
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let n = rest.bytes().take_while(|b| in_word(*b)).count();
            let after = if n > 0 {
                self.read_ascii(rest.as_bytes().get(..n).unwrap_or(&[]));
                n
            } else {
                self.read(first);
                first.len_utf8()
            };
            rest = rest.get(after..).unwrap_or("");
        }
    }

    /// Letters of ASCII at once, as [`Scorer::read`] does one by one.
    fn read_ascii(&mut self, letters: &[u8]) {
        self.end_run();
        self.alone.clear();
        self.shape.ascii(letters);
        match Short::of(letters) {
            Some(short) if self.word.is_empty() => self.word.short = short,
            _ => {
                self.word.spell_out(self.weights);
                self.word.extend(letters, self.weights);
            }
        }
    }

    /// The scores of what was pushed, as if it ended here; the next text begins.
    pub fn end(&mut self) -> Scores {
        let scores = self.finish();
        *self = Scorer::default();
        scores
    }

    /// The same without a next text: [`Scorer::signs`] are those of the whole.
    pub(super) fn finish(&mut self) -> Scores {
        self.end_masked_word();
        self.end_run();
        self.end_singles();
        if self.words > 0 || !self.begun {
            self.close();
        }
        self.windows.odds().scores()
    }

    /// The log odds of what was pushed.
    #[cfg(test)]
    pub(super) fn odds(mut self) -> [i32; 2] {
        self.finish();
        self.windows.odds().odds
    }

    /// Signs of hidden text so far.
    pub(super) fn signs(&self) -> Signs {
        self.signs
    }

    /// The words since the beginning.
    pub(super) fn words_so_far(&self) -> u32 {
        self.number
    }

    /// One more character.
    pub(super) fn read(&mut self, c: char) {
        match fold(c) {
            None => self.add_run(seeded(7, &[1])),
            Some(folded) => self.read_folded(c, folded),
        }
    }

    fn read_folded(&mut self, c: char, folded: u32) {
        let kind = kind(folded);
        if kind == Kind::Letter {
            self.end_run();
            self.alone.clear();
            self.word.spell_out(self.weights);
            self.word.push(folded, self.weights);
            self.shape.letter(c, folded);
            return;
        }
        if is_mask(folded) {
            self.mask(folded);
            self.end_word();
        } else {
            self.end_masked_word();
        }
        if kind == Kind::Alone {
            self.read_alone(folded);
        } else {
            self.alone.clear();
            if kind == Kind::Punctuation || c == '\n' {
                self.run.push(folded);
            } else {
                self.end_run();
            }
        }
        if self.words >= BLOCK || (self.words >= SENTENCE && ends(folded)) {
            self.end_run();
            self.end_singles();
            self.close();
        }
    }

    /// An ideograph, kana or emoji; the end of a row of them may be a concept.
    fn read_alone(&mut self, folded: u32) {
        self.end_run();
        self.end_singles();
        self.shape.alone();
        let word = Word::EMPTY.with(folded);
        let concept = self.weights.listed(Listed::Whole, word);
        self.count_word(word.0, concept);
        if let Some(concept) = self.alone.push(folded, self.weights) {
            self.add_concept(concept);
        }
    }

    fn count_word(&mut self, hash: u32, concept: Option<u32>) {
        let word = self.weights.table().of(seeded(1, &[hash]));
        self.count_weighed(hash, concept, word);
    }

    /// One more word, which alone has these weights.
    fn count_weighed(&mut self, hash: u32, concept: Option<u32>, word: [i32; CLASSES]) {
        let [second, first] = self.before;
        let rows = [seeded(2, &[first, hash]), seeded(3, &[second, first, hash])];
        let table = self.weights.table();
        self.block.add_sums(Group::Words, Sums { n: 1, of: word });
        self.block.add_all(table, Group::Words, rows.into_iter());
        self.before = [first, hash];
        self.number = self.number.wrapping_add(1);
        self.words = self.words.saturating_add(1);
        match concept {
            None => {}
            Some(ROT13) => self.signs.rot13 = self.signs.rot13.saturating_add(1),
            Some(REVERSED) => self.signs.reversed = self.signs.reversed.saturating_add(1),
            Some(concept) => self.add_concept(concept),
        }
    }

    fn add_letters(&mut self, word: &Current) {
        let table = self.weights.table();
        self.block
            .add_all(table, Group::Letters, letters(word.edged()));
    }

    fn add(&mut self, bucket: usize) {
        let table = self.weights.table();
        self.block
            .add_all(table, Group::Words, std::iter::once(bucket));
    }

    fn add_concept(&mut self, concept: u32) {
        let (block, table) = (&mut self.block, self.weights.table());
        self.row.push(concept, self.number, |bucket| {
            block.add_all(table, Group::Concepts, std::iter::once(bucket));
        });
    }

    fn end_word(&mut self) {
        let short = std::mem::take(&mut self.word.short);
        if short.is_none() {
            self.end_spelled(Short::NONE);
        } else if let Some(known) = known::get(short) {
            self.block.add_sums(Group::Letters, known.letters);
            self.count_weighed(known.hash, known.concept, known.word);
            match short.single() {
                Some(single) => self.singles.push(single),
                None => self.end_singles(),
            }
        } else {
            self.word.short = short;
            self.word.spell_out(self.weights);
            self.end_spelled(short);
        }
    }

    /// A word that was read letter by letter; kept if it is short and no disguise.
    fn end_spelled(&mut self, short: Short) {
        if self.word.length == 0 {
            return;
        }
        let (word, table) = (&self.word, self.weights.table());
        let rows = Sums::of(table, letters(word.edged()));
        let (hash, length) = (word.hash.0, word.length);
        let concept = word.beginning.concept(word.hash, self.weights);
        let plain = word.undisguised();
        let joined = word.joints >= JOINTS;
        let single = match word.letters() {
            [single @ 0..128] => Some(*single),
            _ => None,
        };
        let alone = table.of(seeded(1, &[hash]));
        if !short.is_none() && plain.is_none() && !joined {
            let (word, letters) = (alone, rows);
            known::keep(
                short,
                Known {
                    hash,
                    concept,
                    word,
                    letters,
                },
            );
        }
        self.word.clear();
        self.block.add_sums(Group::Letters, rows);
        self.count_weighed(hash, concept, alone);
        if joined {
            self.signs.joined = self.signs.joined.saturating_add(1);
        }
        if let Some(single) = single {
            self.singles.push(single);
            return;
        }
        self.end_singles();
        if let Some(plain) = plain {
            self.add_disguised(&plain);
        }
        if length >= LONG_WORD {
            self.signs.long_words = self.signs.long_words.saturating_add(1);
        }
        if length > LETTERS {
            let long = usize::BITS.saturating_sub(length.leading_zeros());
            self.add(seeded(5, &[long]));
        }
    }

    /// A word that was written to be overlooked: as it is meant.
    fn add_disguised(&mut self, word: &Current) {
        self.add(seeded(1, &[word.hash.0]));
        self.add(seeded(6, &[1]));
        self.add_letters(word);
        match concepts::of(word.letters(), self.weights) {
            None | Some(ROT13 | REVERSED) => {}
            Some(concept) => {
                self.block.respelled();
                self.add_concept(concept);
            }
        }
    }

    /// A sign that may stand for a letter, after what of the word is before it.
    fn mask(&mut self, sign: u32) {
        self.word.spell_out(self.weights);
        let before = self.masked.get().last().copied();
        if self.word.wide {
            self.masked.clear();
            return;
        }
        if self.word.length == 0 {
            let begins = self.masked.length > 0 || sign == u32::from(b'$');
            let again = sign == u32::from(b'*') && before == Some(sign);
            if !begins || again {
                return;
            }
        }
        self.masked.extend(self.word.letters(), self.word.length);
        self.masked.push(sign);
    }

    /// The word ends, and with it one that had signs in it.
    fn end_masked_word(&mut self) {
        if self.masked.length == 0 {
            self.end_word();
            return;
        }
        self.word.spell_out(self.weights);
        if self.word.wide {
            self.masked.length = LETTERS.saturating_add(1);
        } else {
            self.masked.extend(self.word.letters(), self.word.length);
        }
        let plain = unmasked(&self.masked);
        self.masked.clear();
        self.end_word();
        if let Some(plain) = plain {
            self.add_disguised(&plain);
        }
    }

    fn end_singles(&mut self) {
        if self.singles.length >= SPACED {
            let word = Current::of(self.singles.get().iter().copied());
            self.add_disguised(&word);
        }
        self.singles.clear();
    }

    fn end_run(&mut self) {
        if self.run.length == 0 {
            return;
        }
        let length = u32::try_from(self.run.length.min(8)).unwrap_or(8);
        let [a, b, c] = self.run.held;
        let bucket = match self.run.length {
            1 => seeded(4, &[a, length]),
            2 => seeded(4, &[a, b, length]),
            _ => seeded(4, &[a, b, c, length]),
        };
        self.run.clear();
        self.add_run(bucket);
    }

    /// Punctuation, or what cannot be seen.
    fn add_run(&mut self, bucket: usize) {
        let Ok(run) = u32::try_from(bucket) else {
            return;
        };
        let counted = self.runs.get();
        let same = counted.iter().filter(|other| **other == run).count();
        if counted.len() < RUNS && same < SAME_RUNS {
            self.runs.push(run);
            self.add(bucket);
        }
    }

    fn close(&mut self) {
        for bucket in self.shape.buckets(self.words) {
            self.add(bucket);
        }
        self.signs.digits = self.signs.digits.saturating_add(self.shape.digits);
        self.windows.push(std::mem::take(&mut self.block));
        self.shape = Shape::default();
        self.runs.clear();
        self.words = 0;
        self.begun = true;
    }
}

/// Whether a byte of ASCII is part of a word.
pub(super) fn in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether a sentence ends with this character.
fn ends(c: u32) -> bool {
    matches!(c, 33 | 46 | 63 | 10 | 0x3002 | 0x964)
}

/// The word that comes.
#[derive(Debug, Clone, Copy)]
struct Current {
    /// All of the word, if nothing else of it was read.
    short: Short,
    hash: Word,
    beginning: Beginning,
    /// The letters, with an edge before them and after.
    edged: [u32; LETTERS + 2],
    length: usize,
    leet: bool,
    latin: bool,
    /// Letters beyond ASCII are in it.
    wide: bool,
    joints: usize,
}

impl Current {
    const NONE: Current = Current {
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

    fn push(&mut self, letter: u32, weights: &Weights) {
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

    fn is_empty(&self) -> bool {
        self.length == 0 && self.short.is_none()
    }

    /// Reads the letters of a short word, since more than that is asked of it.
    fn spell_out(&mut self, weights: &Weights) {
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
    fn extend(&mut self, letters: &[u8], weights: &Weights) {
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
    fn edged(&self) -> &[u32] {
        let end = self.length.min(LETTERS).saturating_add(2);
        self.edged.get(..end).unwrap_or(&[])
    }

    /// The letters, as many as are kept.
    fn letters(&self) -> &[u32] {
        let end = self.length.min(LETTERS).saturating_add(1);
        self.edged.get(1..end).unwrap_or(&[])
    }

    /// The word with letters for its digits, or without its repeats if a letter stands three times in a row.
    fn undisguised(&self) -> Option<Current> {
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
    fn of(letters: impl Iterator<Item = u32>) -> Current {
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
    fn clear(&mut self) {
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
fn is_mask(c: u32) -> bool {
    matches!(c, 33 | 36 | 42 | 64)
}

/// The letters of a word with signs in it, if any stands within or for its end.
fn unmasked(masked: &Held<LETTERS>) -> Option<Current> {
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

/// Up to `N` characters, and how many there were.
#[derive(Debug, Clone, Copy)]
struct Held<const N: usize> {
    held: [u32; N],
    length: usize,
}

impl<const N: usize> Held<N> {
    const NONE: Self = Held {
        held: [0; N],
        length: 0,
    };

    fn push(&mut self, c: u32) {
        if let Some(place) = self.held.get_mut(self.length) {
            *place = c;
        }
        self.length = self.length.saturating_add(1);
    }

    /// More of them, `length` in all, of which the first are here.
    fn extend(&mut self, first: &[u32], length: usize) {
        let whole = self.length.saturating_add(length);
        first.iter().for_each(|c| self.push(*c));
        self.length = whole;
    }

    fn get(&self) -> &[u32] {
        self.held.get(..self.length.min(N)).unwrap_or(&[])
    }

    fn clear(&mut self) {
        self.length = 0;
    }
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

/// What a block looks like, whatever it says.
#[derive(Debug, Clone, Copy, Default)]
struct Shape {
    letters: u32,
    digits: u32,
    upper: u32,
    foreign: u32,
}

impl Shape {
    fn letter(&mut self, c: char, folded: u32) {
        if (48..=57).contains(&folded) {
            self.digits = self.digits.saturating_add(1);
            return;
        }
        self.letters = self.letters.saturating_add(1);
        self.upper = self.upper.saturating_add(u32::from(c.is_ascii_uppercase()));
        self.foreign = self.foreign.saturating_add(u32::from(folded >= 128));
    }

    fn ascii(&mut self, letters: &[u8]) {
        let count = |is: fn(&u8) -> bool| {
            let n = letters.iter().filter(|c| is(c)).count();
            u32::try_from(n).unwrap_or(u32::MAX)
        };
        let digits = count(u8::is_ascii_digit);
        let all = u32::try_from(letters.len()).unwrap_or(u32::MAX);
        self.digits = self.digits.saturating_add(digits);
        self.letters = self.letters.saturating_add(all.saturating_sub(digits));
        self.upper = self.upper.saturating_add(count(u8::is_ascii_uppercase));
    }

    fn alone(&mut self) {
        self.letters = self.letters.saturating_add(1);
        self.foreign = self.foreign.saturating_add(1);
    }

    fn buckets(self, words: u32) -> [usize; 4] {
        let total = self.letters.saturating_add(self.digits).saturating_add(1);
        let part = |n: u32, of: u32| n.saturating_mul(of).checked_div(total).unwrap_or(0);
        [
            seeded(20, &[part(self.upper, 8)]),
            seeded(21, &[part(self.digits, 8)]),
            seeded(22, &[part(self.foreign, 4)]),
            seeded(23, &[u32::BITS.saturating_sub(words.leading_zeros())]),
        ]
    }
}
