/*! The text of a prompt: counted as closely as somebody wants to know it. */

use super::Tally;
use std::hash::{DefaultHasher, Hasher};

/// Bytes of a prompt that are counted whole; of what follows, pieces here and there are.
const WHOLE: usize = 16 * 1024;

/// Bytes of a piece, about.
const PIECE: usize = 1024;

/// One of so many pieces is counted.
const ONE_OF: u64 = 8;

/// How far behind its place the end of a piece may be, in bytes.
const LEEWAY: usize = 256;

/// Bytes of a token where nobody wants to know it closely: the usual figure for English.
const BYTES_PER_TOKEN: u64 = 4;

/// The text of a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    counting: Counting,
    /// Bytes of text as they stand in the request.
    bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Counting {
    Bytes,
    Shapes(Box<Sample>),
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Sample {
    /// What decides which pieces are counted, so that nobody can write a prompt that is dense
    /// where nobody looks.
    seed: u64,
    whole: Tally,
    /// Pieces of what lies behind the first [`WHOLE`] bytes.
    pieces: Tally,
    counted: u64,
    beyond: u64,
    number: u64,
}

impl Default for Prompt {
    fn default() -> Self {
        Self::counted(0)
    }
}

impl Prompt {
    /// Of which only the length is wanted.
    pub const fn by_length() -> Self {
        Self {
            counting: Counting::Bytes,
            bytes: 0,
        }
    }

    /// To be estimated well; `seed`: something that nobody foresees.
    pub fn counted(seed: u64) -> Self {
        let sample = Sample {
            seed,
            ..Sample::default()
        };
        Self {
            counting: Counting::Shapes(Box::new(sample)),
            bytes: 0,
        }
    }

    /// Adds text; what is not UTF-8 counts all the same.
    pub fn add(&mut self, text: &[u8]) {
        self.add_by(text, Tally::add);
    }

    /// Adds a valid JSON string, as it stands between its quotes.
    pub fn add_json(&mut self, raw: &[u8]) {
        self.add_by(raw, Tally::add_json);
    }

    /// Bytes of text, of escapes those of the escape.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether more is known than the length.
    pub const fn is_counted(&self) -> bool {
        matches!(self.counting, Counting::Shapes(_))
    }

    /// In tokens, estimated.
    pub fn tokens(&self) -> u64 {
        match &self.counting {
            Counting::Bytes => self.bytes.div_ceil(BYTES_PER_TOKEN),
            Counting::Shapes(sample) => sample.tokens(),
        }
    }

    fn add_by(&mut self, text: &[u8], add: fn(&mut Tally, &[u8])) {
        let before = usize::try_from(self.bytes).unwrap_or(usize::MAX);
        self.bytes = self.bytes.saturating_add(length(text));
        let Counting::Shapes(sample) = &mut self.counting else {
            return;
        };
        let room = WHOLE.saturating_sub(before);
        let (whole, beyond) = match text.len() <= room {
            true => (text, Default::default()),
            false => cut(text, room),
        };
        if !whole.is_empty() {
            add(&mut sample.whole, whole);
        }
        sample.add_beyond(beyond, add);
    }
}

impl Sample {
    fn add_beyond(&mut self, text: &[u8], add: fn(&mut Tally, &[u8])) {
        let mut rest = text;
        while !rest.is_empty() {
            let (piece, after) = cut(rest, PIECE);
            rest = after;
            self.beyond = self.beyond.saturating_add(length(piece));
            if self.counts_next() {
                self.counted = self.counted.saturating_add(length(piece));
                add(&mut self.pieces, piece);
            }
        }
    }

    fn counts_next(&mut self) -> bool {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.seed);
        hasher.write_u64(self.number);
        // What is said of the rest has to stand on something.
        let first = self.number == 0;
        self.number = self.number.saturating_add(1);
        first || hasher.finish().is_multiple_of(ONE_OF)
    }

    fn tokens(&self) -> u64 {
        let pieces = u128::from(self.pieces.tokens()).saturating_mul(self.beyond.into());
        let beyond = pieces.checked_div(self.counted.into()).unwrap_or(0);
        let beyond = u64::try_from(beyond).unwrap_or(u64::MAX);
        match self.whole.is_empty() {
            true => beyond,
            false => self.whole.tokens().saturating_add(beyond),
        }
    }
}

/// Cuts a text at a space near `at`, which no character and no escape has inside; where there
/// is none it is not cut.
fn cut(text: &[u8], at: usize) -> (&[u8], &[u8]) {
    let near = text.get(at..).unwrap_or_default();
    let space = near.iter().take(LEEWAY).position(|byte| *byte == b' ');
    let here = space.map(|space| at.saturating_add(space));
    let here = here.or_else(|| plain(text, at));
    let cut = here.and_then(|here| text.split_at_checked(here));
    cut.unwrap_or((text, &[]))
}

/// A place near `at` between two characters of ASCII that are in no escape.
fn plain(text: &[u8], at: usize) -> Option<usize> {
    /// The longest escape: a surrogate pair.
    const ESCAPE: usize = 12;
    let from = at.saturating_sub(ESCAPE);
    let around = text.get(from..at.saturating_add(LEEWAY).min(text.len()))?;
    let mut plain: usize = 0;
    for (index, byte) in around.iter().enumerate() {
        if plain > ESCAPE {
            return Some(from.saturating_add(index));
        }
        let is_plain = byte.is_ascii() && *byte != b'\\';
        plain = if is_plain { plain.saturating_add(1) } else { 0 };
    }
    None
}

fn length(text: &[u8]) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prose(sentences: usize) -> String {
        let words = [
            "The quick brown fox",
            "jumps over",
            "a lazy dog,",
            "42 times;",
            "naïvely, 語",
        ];
        let mut text = String::new();
        for number in 0..sentences * 5 {
            text.push_str(words[(number * 7 + number / 3) % 5]);
            text.push(' ');
        }
        text
    }

    #[test]
    fn a_short_prompt_is_counted_whole() {
        let text = prose(100);
        let mut prompt = Prompt::default();
        let mut tally = Tally::default();
        for piece in [&text[..900], &text[900..]] {
            prompt.add_json(piece.as_bytes());
            tally.add_json(piece.as_bytes());
        }
        assert_eq!(prompt.tokens(), tally.tokens());
        assert_eq!(prompt.bytes(), text.len() as u64);
    }

    #[test]
    fn of_a_long_prompt_a_part_says_nearly_the_same() {
        let text = prose(6000);
        let mut tally = Tally::default();
        tally.add(text.as_bytes());
        for seed in 0..20 {
            let mut prompt = Prompt::counted(seed);
            prompt.add(text.as_bytes());
            let (whole, part) = (tally.tokens(), prompt.tokens());
            assert!(part.abs_diff(whole) * 50 < whole, "{part} of {whole}");
        }
    }

    #[test]
    fn what_is_dense_far_behind_is_seen() {
        let mut text = "word ".repeat(8000);
        text.push_str(&"#9$x".repeat(20_000));
        let mut tally = Tally::default();
        tally.add(text.as_bytes());
        for seed in 0..20 {
            let mut prompt = Prompt::counted(seed);
            prompt.add_json(text.as_bytes());
            let (whole, part) = (tally.tokens(), prompt.tokens());
            assert!(part * 2 > whole && part < whole * 2, "{part} of {whole}");
        }
    }

    #[test]
    fn escapes_are_not_cut() {
        for unit in [r"\u00e9\ud83e\udd80", r"\\", r"\n", "é", "a"] {
            let text = unit.repeat(9000);
            let (mut rest, mut whole) = (text.as_bytes(), Vec::new());
            while !rest.is_empty() {
                let (piece, after) = cut(rest, 1000);
                let piece = std::str::from_utf8(piece).unwrap();
                let json = format!("\"{piece}\"");
                whole.push(serde_json::from_str::<String>(&json).unwrap());
                rest = after;
            }
            let json = format!("\"{text}\"");
            assert_eq!(
                whole.concat(),
                serde_json::from_str::<String>(&json).unwrap()
            );
        }
    }

    #[test]
    fn by_its_length_alone() {
        let mut prompt = Prompt::by_length();
        assert_eq!(prompt.tokens(), 0);
        prompt.add_json(b"12345");
        assert_eq!((prompt.tokens(), prompt.bytes()), (2, 5));
    }
}
