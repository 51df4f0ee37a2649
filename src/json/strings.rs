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
#[inline]
pub(super) fn scan(text: &[u8]) -> Result<Scanned, Broken> {
    let mut at = 0_usize;
    let mut rest = text;
    // Most strings are names and end here.
    for _ in 0..SHORT {
        let Some((block, behind)) = rest.split_first_chunk::<BLOCK>() else {
            break;
        };
        let hits = specials(true).mask(block);
        let place = first_bit(hits);
        if hits != 0 && block.get(place) == Some(&b'"') {
            return Ok(Scanned {
                length: at.saturating_add(place),
                escaped: false,
                ascii: true,
            });
        }
        if hits != 0 {
            break;
        }
        at = at.saturating_add(BLOCK);
        rest = behind;
    }
    scan_on(text, at)
}

/// Blocks that are looked at before a string counts as long.
const SHORT: usize = 2;

/// Goes on at `at`, before which all is plain.
fn scan_on(text: &[u8], at: usize) -> Result<Scanned, Broken> {
    let front = Front {
        at,
        escaped: false,
        ascii: true,
    };
    match closely(text, front, SHORT.saturating_mul(BLOCK))? {
        Came::Ended(scanned) => Ok(scanned),
        Came::On(front) => {
            let front = quickly(text, front);
            match closely(text, front, usize::MAX)? {
                Came::Ended(scanned) => Ok(scanned),
                Came::On(_) => Err((ErrorKind::Truncated, text.len())),
            }
        }
    }
}

/// What is known of the bytes before `at`, which no escape goes across.
#[derive(Debug, Clone, Copy)]
struct Front {
    at: usize,
    escaped: bool,
    ascii: bool,
}

enum Came {
    Ended(Scanned),
    On(Front),
}

/// Passes over all that is plain, many bytes at once: up to the block in which the string ends or
/// something is wrong, or stands by its code.
fn quickly(text: &[u8], from: Front) -> Front {
    let rest = text.get(from.at..).unwrap_or_default();
    let (chunks, _) = rest.as_chunks::<CHUNK>();
    let mut front = from;
    // Whether the byte before the chunk escapes its first one.
    let mut open = false;
    for chunk in chunks {
        let signs = Signs::of(chunk);
        let escapes = escaped(signs.backslash, &mut open);
        let odd = signs.control | (escapes & !signs.plain) | (signs.quote & !escapes);
        if odd != 0 {
            break;
        }
        front = Front {
            at: front.at.saturating_add(CHUNK),
            escaped: front.escaped | (signs.backslash != 0),
            ascii: front.ascii & !signs.high,
        };
    }
    // The backslash before is read again.
    let split = front.at > from.at && ends_in_escape(text, from.at, front.at);
    Front {
        at: front.at.saturating_sub(usize::from(split)),
        ..front
    }
}

/// Whether the last byte of `from..end`, in which no escape is cut, escapes the one behind it.
fn ends_in_escape(text: &[u8], from: usize, end: usize) -> bool {
    let part = text.get(from..end).unwrap_or_default();
    let run = part.iter().rev().take_while(|byte| **byte == b'\\').count();
    run % 2 == 1
}

/// Which bytes are escaped by the one before, where `backslash` says which are backslashes: of
/// each run of these every other one, and the byte behind it if it is odd.
fn escaped(backslash: u64, open: &mut bool) -> u64 {
    const EVEN: u64 = 0x5555_5555_5555_5555;
    let first = u64::from(*open);
    if backslash == 0 {
        *open = false;
        return first;
    }
    let escaping = backslash & !first;
    let follows = (escaping << 1) | first;
    let odd_starts = escaping & !EVEN & !follows;
    let (from_even, over) = odd_starts.overflowing_add(escaping);
    *open = over;
    (EVEN ^ (from_even << 1)) & follows
}

/// Bytes looked at in one step where most are plain.
const CHUNK: usize = 64;

/// What each of 64 bytes is: bit 0 stands for the first.
struct Signs {
    quote: u64,
    backslash: u64,
    control: u64,
    /// What may stand behind a backslash, but `u`.
    plain: u64,
    high: bool,
}

impl Signs {
    fn of(chunk: &[u8; CHUNK]) -> Self {
        let (blocks, _) = chunk.as_chunks::<BLOCK>();
        let mut signs = Self {
            quote: 0,
            backslash: 0,
            control: 0,
            plain: 0,
            high: false,
        };
        let join = |bits: u64, block: u32| (bits << BLOCK) | u64::from(block);
        for block in blocks.iter().rev() {
            signs.quote = join(signs.quote, Set::of([b'"'; 2]).mask(block));
            signs.backslash = join(signs.backslash, Set::of([b'\\'; 2]).mask(block));
            signs.control = join(signs.control, CONTROL.mask(block));
            signs.high |= HIGH.mask(block) != 0;
            signs.plain = join(signs.plain, plain_escapes(block));
        }
        signs
    }
}

const CONTROL: Set = Set {
    any: [0; 2],
    below: 0x20,
    high: false,
};

const HIGH: Set = Set {
    any: [0x80; 2],
    below: 0,
    high: true,
};

/// Which bytes may stand behind a backslash, but `u`.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[inline]
fn plain_escapes(block: &[u8; BLOCK]) -> u32 {
    use core::arch::wasm32::{
        u8x16, u8x16_add_sat, u8x16_bitmask, u8x16_shr, u8x16_splat, u8x16_swizzle, u64x2, v128_and,
    };
    let (words, _) = block.as_chunks::<8>();
    let [first, second] = words else {
        return 0;
    };
    let bytes = u64x2(u64::from_le_bytes(*first), u64::from_le_bytes(*second));
    // A bit for each upper half of a byte; in `lower` those that the lower half goes with.
    let upper = u8x16(0, 0, 1, 0, 0, 2, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0);
    let lower = u8x16(0, 0, 1 | 4 | 8, 0, 8, 0, 4, 0, 0, 0, 0, 0, 2, 0, 4, 1);
    let known = v128_and(
        u8x16_swizzle(upper, u8x16_shr(bytes, 4)),
        u8x16_swizzle(lower, v128_and(bytes, u8x16_splat(0x0f))),
    );
    u32::from(u8x16_bitmask(u8x16_add_sat(known, u8x16_splat(0x7f))))
}

/// Which bytes may stand behind a backslash, but `u`.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
#[inline]
fn plain_escapes(block: &[u8; BLOCK]) -> u32 {
    let is_plain =
        |byte: u8| matches!(byte, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't');
    block
        .iter()
        .rev()
        .fold(0, |mask, &byte| (mask << 1) | u32::from(is_plain(byte)))
}

/// Reads every sign by itself, up to the end of the string or to the first byte of a block that
/// is at least `most` bytes behind the start.
fn closely(text: &[u8], from: Front, most: usize) -> Result<Came, Broken> {
    let Front {
        at: mut base,
        mut escaped,
        mut ascii,
    } = from;
    // Everything before this byte belongs to an escape that was read.
    let mut resume = base;
    let (blocks, tail) = text.get(base..).unwrap_or_default().as_chunks::<BLOCK>();
    // Most strings end before the tail.
    let last = std::iter::once_with(|| padded(tail));
    for block in blocks.iter().copied().chain(last) {
        if base >= most {
            let at = base.max(resume);
            return Ok(Came::On(Front { at, escaped, ascii }));
        }
        let mut hits = specials(ascii).mask(&block);
        while hits != 0 {
            let at = base.saturating_add(first_bit(hits));
            hits &= hits.wrapping_sub(1);
            if at < resume {
                continue;
            }
            match text.get(at..) {
                Some([b'"', ..]) => {
                    return Ok(Came::Ended(Scanned {
                        length: at,
                        escaped,
                        ascii,
                    }));
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every sign by itself.
    fn reference(text: &[u8]) -> Result<Scanned, Broken> {
        let front = Front {
            at: 0,
            escaped: false,
            ascii: true,
        };
        match closely(text, front, usize::MAX)? {
            Came::Ended(scanned) => Ok(scanned),
            Came::On(_) => Err((ErrorKind::Truncated, text.len())),
        }
    }

    #[test]
    fn an_escape_is_seen_wherever_it_stands() {
        for escape in [
            r"\\",
            r#"\""#,
            r"\n",
            r"\u0041",
            r"\ud83d\ude00",
            r"\x",
            r"\",
            "\n",
            "é",
        ] {
            for before in 0..150 {
                for after in [0, 1, 70, 140] {
                    let text = format!("{}{escape}{}\"", "a".repeat(before), "b".repeat(after));
                    let text = text.as_bytes();
                    assert_eq!(scan(text), reference(text), "{escape} at {before}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn many_bytes_at_once_say_the_same(
            parts in proptest::collection::vec(0_usize..12, 0..120),
            plain in 0_usize..80,
        ) {
            let known = [r"\\", r#"\""#, r"\n", "a", "bc", "u", "é", r"\/", "word ", r"\t", "0", r"\u00e9"];
            let mut text = "a".repeat(plain);
            parts.iter().for_each(|part| text.push_str(known[*part]));
            text.push('"');
            prop_assert_eq!(scan(text.as_bytes()), reference(text.as_bytes()));
        }
    }
}
