//! Base64, either alphabet.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::{
    super::reader::Scorer,
    decoded::{Decoded, letters},
};

/// Characters that are decoded at once, and the fewest of a run.
const AT_ONCE: usize = 4096;
const LEAST: usize = 16;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What the runs of base64 in a text say. Runs with nothing but white space between them are one.
pub(super) fn read(text: &str) -> Option<Scorer> {
    let mut run = Run::default();
    for part in text.as_bytes().split_inclusive(|c| !is_in(*c)) {
        let (letters, end) = match part.split_last() {
            Some((last, before)) if !is_in(*last) => (before, Some(*last)),
            _ => (part, None),
        };
        if letters.len() >= LEAST {
            run.push(letters);
        } else if !letters.is_empty() {
            // The last line of many may be short.
            run.push_last(letters);
        }
        if end.is_some_and(|c| !c.is_ascii_whitespace()) {
            run.end();
        }
    }
    run.end();
    run.decoded.finish()
}

fn is_in(c: u8) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/' | b'-' | b'_')
}

/// A run as it comes.
struct Run {
    held: [u8; AT_ONCE],
    length: usize,
    decoded: Decoded,
}

impl Default for Run {
    fn default() -> Self {
        Run {
            held: [0; AT_ONCE],
            length: 0,
            decoded: Decoded::default(),
        }
    }
}

impl Run {
    fn push(&mut self, letters: &[u8]) {
        for letter in letters {
            if self.length == AT_ONCE {
                self.decode();
            }
            if let Some(place) = self.held.get_mut(self.length) {
                *place = match letter {
                    b'-' => b'+',
                    b'_' => b'/',
                    other => *other,
                };
                self.length = self.length.saturating_add(1);
            }
        }
    }

    fn push_last(&mut self, letters: &[u8]) {
        if self.length > 0 {
            self.push(letters);
            self.end();
        }
    }

    fn end(&mut self) {
        if self.length > 0 {
            self.decode();
            self.decoded.end_line();
        }
    }

    /// Decodes what is held. A run may stand behind letters that are none of it: it begins where
    /// there are most letters.
    fn decode(&mut self) {
        let held = self.held.get(..self.length).unwrap_or(&[]);
        let mut bytes = [0; AT_ONCE];
        let mut best = (0, 0);
        for first in 0..4 {
            let found = letters(decode(held.get(first..).unwrap_or(&[]), &mut bytes));
            if found > best.0 {
                best = (found, first);
            }
            if first == 0 && found.saturating_mul(4) >= self.length {
                break;
            }
        }
        let from = held.get(best.1..).unwrap_or(&[]);
        self.decoded.push(decode(from, &mut bytes));
        self.length = 0;
    }
}

fn decode<'a>(run: &[u8], bytes: &'a mut [u8; AT_ONCE]) -> &'a [u8] {
    // One character over is not a byte: the end of what was cut off.
    let over = usize::from(run.len() % 4 == 1);
    let whole = run.get(..run.len().saturating_sub(over)).unwrap_or(&[]);
    let n = LENIENT.decode_slice(whole, bytes).unwrap_or(0);
    bytes.get(..n).unwrap_or(&[])
}
