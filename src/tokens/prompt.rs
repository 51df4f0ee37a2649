/*! The text of a prompt: counted as closely as somebody wants to know it. */

use super::Tally;
use super::cut::cut;
use std::hash::{DefaultHasher, Hasher};

/// Bytes of a prompt that are counted whole; of what follows, a part is.
const WHOLE: usize = 64 * 1024;

/// Bytes of a piece, about.
const PIECE: usize = 512;

/// Of so many pieces in a row one is counted.
const RUN: usize = 8;

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
    whole: Tally,
    whole_bytes: u64,
    /// Pieces of what lies behind the first [`WHOLE`] bytes.
    pieces: Tally,
    /// Bytes of those pieces.
    counted: u64,
    /// Bytes behind the first [`WHOLE`].
    beyond: u64,
    places: Places,
}

/// Where the pieces are that are counted: one of each run of [`RUN`], which one is drawn by lot.
/// So nobody can write a prompt that is dense where nobody looks, and no part of a prompt, however
/// it is laid out, is looked at much less than others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Places {
    /// What the lots are drawn from.
    seed: u64,
    /// Runs that have begun.
    runs: u64,
    /// Pieces of this run behind the one that is counted.
    behind: usize,
    /// Bytes before the next piece that is counted.
    skip: usize,
    /// Bytes that this piece still has.
    room: usize,
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
        let places = Places {
            seed,
            ..Places::default()
        };
        let sample = Sample {
            places,
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
        let (whole, beyond) = cut(text, WHOLE.saturating_sub(before));
        if !whole.is_empty() {
            sample.whole_bytes = sample.whole_bytes.saturating_add(length(whole));
            add(&mut sample.whole, whole);
        }
        sample.add_beyond(beyond, add);
    }
}

impl Sample {
    fn add_beyond(&mut self, text: &[u8], add: fn(&mut Tally, &[u8])) {
        let mut rest = text;
        while !rest.is_empty() {
            let (stretch, after, counts) = self.places.take(rest);
            rest = after;
            self.beyond = self.beyond.saturating_add(length(stretch));
            if counts {
                self.counted = self.counted.saturating_add(length(stretch));
                add(&mut self.pieces, stretch);
            }
        }
    }

    /// What was not looked at is taken to be as dense as the pieces, or, if it ends before the
    /// first of them, as what was counted whole.
    fn tokens(&self) -> u64 {
        let whole = match self.whole.is_empty() {
            true => 0,
            false => self.whole.tokens(),
        };
        let beyond = match self.counted {
            0 => share(whole, self.beyond, self.whole_bytes),
            counted => share(self.pieces.tokens(), self.beyond, counted),
        };
        whole.saturating_add(beyond)
    }
}

/// `tokens` × `part` ÷ `of`; 0 of nothing.
fn share(tokens: u64, part: u64, of: u64) -> u64 {
    let product = u128::from(tokens).saturating_mul(part.into());
    let share = product.checked_div(of.into()).unwrap_or(0);
    u64::try_from(share).unwrap_or(u64::MAX)
}

impl Places {
    /// Takes a stretch off the front of a text, which is not empty; gives it, the rest, and
    /// whether it is counted.
    fn take<'a>(&mut self, text: &'a [u8]) -> (&'a [u8], &'a [u8], bool) {
        if self.skip == 0 && self.room == 0 {
            self.draw();
        }
        let counts = self.skip == 0;
        let left = if counts {
            &mut self.room
        } else {
            &mut self.skip
        };
        let (stretch, rest) = cut(text, *left);
        // One that was cut is over, even if a better place to cut was before its end.
        *left = match rest.is_empty() {
            true => left.saturating_sub(stretch.len()),
            false => 0,
        };
        (stretch, rest, counts)
    }

    fn draw(&mut self) {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.seed);
        hasher.write_u64(self.runs);
        self.runs = self.runs.saturating_add(1);
        let pieces = u64::try_from(RUN).unwrap_or(1);
        let lot = hasher.finish().checked_rem(pieces).unwrap_or(0);
        let before = usize::try_from(lot).unwrap_or(0);
        self.skip = self.behind.saturating_add(before).saturating_mul(PIECE);
        self.room = PIECE;
        self.behind = RUN.saturating_sub(1).saturating_sub(before);
    }
}

fn length(text: &[u8]) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
