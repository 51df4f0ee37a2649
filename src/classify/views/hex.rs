//! Hexadecimal bytes, close together or divided as in `69 67`, `\x69\x67`, `0x69, 0x67`, `%69%67`,
//! `69:67`.

use super::{
    super::reader::Scorer,
    decoded::{Decoded, letters},
};

/// Bytes that are decoded at once, and the fewest of a run.
const AT_ONCE: usize = 2048;
const LEAST: usize = 10;

/// Digits that are bytes even if letters stand beside them.
const LONG: usize = 20;

/// What the runs of hexadecimal bytes in a text say.
pub(super) fn read(text: &str) -> Option<Scorer> {
    let mut run = Run::default();
    let mut rest = text.as_bytes();
    let mut before = b' ';
    while let [first, others @ ..] = rest {
        let n = digits(rest);
        if n == 0 {
            if !divides(*first) {
                run.end();
            }
            (before, rest) = (*first, others);
            continue;
        }
        let (digits, after) = rest.split_at_checked(n).unwrap_or((rest, &[]));
        let glued = is_letter(before) || after.first().is_some_and(|c| is_letter(*c));
        match digits {
            // The beginning of 0x69.
            [b'0'] if after.first() == Some(&b'x') => {}
            _ if n >= LONG => run.push(align(digits)),
            _ if glued || n % 2 == 1 => run.end(),
            _ => run.push(digits),
        }
        before = digits.last().copied().unwrap_or(b' ');
        rest = after;
    }
    run.end();
    run.decoded.finish()
}

/// How many digits there are at the beginning; the 0 of a 0x is not one of a number before.
fn digits(text: &[u8]) -> usize {
    let n = text.iter().take_while(|c| c.is_ascii_hexdigit()).count();
    match text.get(n.saturating_sub(1)..) {
        Some([b'0', b'x', ..]) if n > 1 => n.saturating_sub(1),
        _ => n,
    }
}

/// What stands between bytes.
fn divides(c: u8) -> bool {
    c.is_ascii_whitespace() || matches!(c, b',' | b':' | b'%' | b'\\' | b'x')
}

/// Whether digits beside this one are part of a word; x says that they are digits.
fn is_letter(c: u8) -> bool {
    (c.is_ascii_alphabetic() && c != b'x') || c >= 0x80
}

/// Many digits may stand behind one that is none of them: they begin where there are most letters.
fn align(digits: &[u8]) -> &[u8] {
    let later = digits.get(1..).unwrap_or(&[]);
    let found = |digits: &[u8]| {
        let mut bytes = [0; LEAST * 10];
        let n = bytes
            .iter_mut()
            .zip(bytes_of(digits))
            .map(|(place, byte)| *place = byte)
            .count();
        letters(bytes.get(..n).unwrap_or(&[]))
    };
    if found(later) > found(digits) {
        later
    } else {
        digits
    }
}

fn bytes_of(digits: &[u8]) -> impl Iterator<Item = u8> {
    let value = |c: u8| {
        char::from(c)
            .to_digit(16)
            .and_then(|n| u8::try_from(n).ok())
    };
    let (pairs, _) = digits.as_chunks();
    pairs
        .iter()
        .filter_map(move |[high, low]| Some(value(*high)? << 4 | value(*low)?))
}

/// Bytes as they come.
struct Run {
    held: [u8; AT_ONCE],
    length: usize,
    /// Whether bytes of this run were decoded already.
    goes_on: bool,
    decoded: Decoded,
}

impl Default for Run {
    fn default() -> Self {
        Run {
            held: [0; AT_ONCE],
            length: 0,
            goes_on: false,
            decoded: Decoded::default(),
        }
    }
}

impl Run {
    fn push(&mut self, digits: &[u8]) {
        for byte in bytes_of(digits) {
            if self.length == AT_ONCE {
                self.decode();
            }
            if let Some(place) = self.held.get_mut(self.length) {
                *place = byte;
                self.length = self.length.saturating_add(1);
            }
        }
    }

    fn end(&mut self) {
        if self.goes_on || self.length >= LEAST {
            self.decode();
            self.decoded.end_line();
        }
        (self.length, self.goes_on) = (0, false);
    }

    fn decode(&mut self) {
        self.decoded
            .push(self.held.get(..self.length).unwrap_or(&[]));
        (self.length, self.goes_on) = (0, true);
    }
}
