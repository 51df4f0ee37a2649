//! What decoded bytes say, if they are text.

use super::super::reader::Scorer;

/// Letters that bytes have at least, if they are text; and a part of them, if the others are noise.
const LETTERS: usize = 4;
const LETTERS_IN_NOISE: usize = 8;

/// All that is decoded of one encoding, as one text.
#[derive(Default)]
pub(super) struct Decoded(Option<Scorer>);

impl Decoded {
    /// Takes those bytes that are text.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        for text in texts(bytes) {
            let scorer = self.0.get_or_insert_default();
            let shown = text.chars().filter(|c| !is_strange(*c));
            shown.for_each(|c| scorer.read(c));
        }
    }

    /// What comes stands elsewhere.
    pub(super) fn end_line(&mut self) {
        if let Some(scorer) = &mut self.0 {
            scorer.read('\n');
        }
    }

    pub(super) fn finish(self) -> Option<Scorer> {
        self.0
    }
}

/// How many letters of text bytes have.
pub(super) fn letters(bytes: &[u8]) -> usize {
    texts(bytes)
        .map(|part| count(part, char::is_alphabetic))
        .sum()
}

/// The parts of bytes that were meant to be read. What stands between them is no UTF-8: noise, or the
/// rest of a character cut in two.
fn texts(bytes: &[u8]) -> impl Iterator<Item = &str> {
    let parts = || bytes.utf8_chunks().map(|chunk| chunk.valid());
    let shown: usize = parts()
        .map(|part| part.len().saturating_sub(count(part, is_strange)))
        .sum();
    let all: usize = parts().map(|part| count(part, char::is_alphabetic)).sum();
    let clear = all >= LETTERS && shown.saturating_mul(4) >= bytes.len().saturating_mul(3);
    parts().filter(move |part| {
        let strange = count(part, is_strange);
        let is_island = count(part, char::is_alphabetic) >= LETTERS_IN_NOISE
            && strange.saturating_mul(2) <= part.chars().count();
        clear || is_island
    })
}

fn count(text: &str, is: fn(char) -> bool) -> usize {
    text.chars().filter(|c| is(*c)).count()
}

fn is_strange(c: char) -> bool {
    (c.is_control() && !c.is_whitespace()) || c == '\u{FFFD}'
}
