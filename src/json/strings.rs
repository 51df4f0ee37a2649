/*! Finding the end of a JSON string, and checking all of it on the way.

Prompts are nearly all string, and text in JSON has an escape in every line: so a block's
special bytes are found at once and then visited one by one. */

use super::error::ErrorKind;
use crate::bytes::{BLOCK, Set, first_bit};

/// A string that was checked; what UTF-8 forbids is left to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scanned {
    /// Bytes before the closing quote.
    pub(super) length: usize,
    /// Whether there are escapes.
    pub(super) escaped: bool,
    /// Whether all bytes are ASCII.
    pub(super) ascii: bool,
}

/// What is wrong, and at which byte.
pub(super) type Broken = (ErrorKind, usize);

/// Scans `text`, which begins after the opening quote.
pub(super) fn scan(text: &[u8]) -> Result<Scanned, Broken> {
    let mut ascii = true;
    let mut escaped = false;
    // Everything before this byte belongs to an escape that was read.
    let mut resume = 0_usize;
    let (blocks, tail) = text.as_chunks::<BLOCK>();
    // Most strings end before the tail.
    let last = std::iter::once_with(|| padded(tail));
    let mut base = 0_usize;
    for block in blocks.iter().copied().chain(last) {
        let mut hits = specials(ascii).mask(&block);
        while hits != 0 {
            let at = base.saturating_add(first_bit(hits));
            hits &= hits.wrapping_sub(1);
            if at < resume {
                continue;
            }
            match text.get(at..) {
                Some([b'"', ..]) => {
                    return Ok(Scanned {
                        length: at,
                        escaped,
                        ascii,
                    });
                }
                Some([b'\\', rest @ ..]) => {
                    escaped = true;
                    resume = escape(rest, at)?;
                }
                Some([0x80..=0xFF, ..]) => ascii = false,
                _ => return Err((ErrorKind::ControlCharacter, at)),
            }
        }
        base = base.saturating_add(BLOCK);
    }
    Err((ErrorKind::Truncated, text.len()))
}

/// The bytes that need a look: after the first one that is not ASCII, others are
/// nothing new.
const fn specials(ascii: bool) -> Set {
    Set {
        any: [b'"', b'\\'],
        below: 0x20,
        high: ascii,
    }
}

/// The rest of the text as a block, filled up with bytes that are not special.
fn padded(tail: &[u8]) -> [u8; BLOCK] {
    let mut block = [b' '; BLOCK];
    block
        .iter_mut()
        .zip(tail)
        .for_each(|(to, from)| *to = *from);
    block
}

/// One past an escape whose backslash stands at `at`; `rest` follows the backslash.
fn escape(rest: &[u8], at: usize) -> Result<usize, Broken> {
    match rest {
        [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => Ok(at.saturating_add(2)),
        [b'u', digits @ ..] => unicode_escape(digits, at),
        [_, ..] => Err((ErrorKind::Unexpected, at.saturating_add(1))),
        [] => Err((ErrorKind::Truncated, at.saturating_add(1))),
    }
}

/// One past `\uXXXX`, or past both halves of a surrogate pair.
fn unicode_escape(digits: &[u8], at: usize) -> Result<usize, Broken> {
    let lone = (ErrorKind::LoneSurrogate, at.saturating_add(1));
    match hex_unit(digits, at.saturating_add(2))? {
        0xDC00..=0xDFFF => Err(lone),
        0xD800..=0xDBFF => match digits.get(4..) {
            Some([b'\\', b'u', low @ ..]) => match hex_unit(low, at.saturating_add(8))? {
                0xDC00..=0xDFFF => Ok(at.saturating_add(12)),
                _ => Err(lone),
            },
            _ => Err(lone),
        },
        _ => Ok(at.saturating_add(6)),
    }
}

/// Four hexadecimal digits; the first stands at `at`.
fn hex_unit(digits: &[u8], at: usize) -> Result<u32, Broken> {
    let mut unit = 0_u32;
    for index in 0..4 {
        let here = at.saturating_add(index);
        let Some(&byte) = digits.get(index) else {
            return Err((ErrorKind::Truncated, here));
        };
        let Some(digit) = char::from(byte).to_digit(16) else {
            return Err((ErrorKind::Unexpected, here));
        };
        unit = (unit << 4) | digit;
    }
    Ok(unit)
}
