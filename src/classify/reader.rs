/*! A text becomes features, character by character. */

use super::{
    concepts::{self, Ends, Row},
    fold::{Kind, fold, kind},
    hash::{Word, letters, seeded},
    held::Held,
    known::{self, Known, Short},
    scores::Scores,
    shape::Shape,
    views::{JOINTS, LONG_WORD, Signs},
    weights::{CLASSES, Listed, REVERSED, ROT13, SPARED, Weights},
    windows::{Block, Group, Sums, Windows},
    word::{Current, LETTERS, is_mask, unmasked},
};

/// Words after which a block ends.
const BLOCK: u32 = 32;

/// Words after which a block ends at the end of a sentence.
const SENTENCE: u32 = 16;

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
            } else if first == ' ' {
                self.space();
                1
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

    /// The most frequent character, as [`Scorer::read`] does it.
    fn space(&mut self) {
        self.end_masked_word();
        self.alone.clear();
        self.end_run();
        if self.words >= BLOCK {
            self.end_singles();
            self.close();
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
            None | Some(SPARED) => {}
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
        let mut rows = Sums::of(table, letters(word.edged()));
        let (hash, length) = (word.hash.0, word.length);
        let concept = word.beginning.concept(word.hash, self.weights);
        let plain = word.undisguised();
        let joined = word.joints >= JOINTS;
        let single = match word.letters() {
            [single @ 0..128] => Some(*single),
            _ => None,
        };
        let mut alone = table.of(seeded(1, &[hash]));
        if concept == Some(SPARED) {
            (alone, rows.of) = (without_toxicity(alone), without_toxicity(rows.of));
        }
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
            None | Some(ROT13 | REVERSED | SPARED) => {}
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

/// Weights of a word that is known to be innocent.
fn without_toxicity([injection, toxicity]: [i32; CLASSES]) -> [i32; CLASSES] {
    [injection, toxicity.min(0)]
}

/// Whether a byte of ASCII is part of a word.
pub(super) fn in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether a sentence ends with this character.
fn ends(c: u32) -> bool {
    matches!(c, 33 | 46 | 63 | 10 | 0x3002 | 0x964)
}
