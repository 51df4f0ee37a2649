/*! Strings inside a JSON text: where they stand and what they say. */

use crate::bytes::{self, BLOCK, Set, first_bit};
use std::borrow::Cow;

/// A range of bytes in the original text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// A JSON string as it stands in the text, already validated.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    /// Valid UTF-8.
    pub(super) raw: &'a [u8],
    pub(super) escaped: bool,
    pub(super) start: usize,
}

impl<'a> Text<'a> {
    /// The string's value; borrowed unless it holds escapes.
    pub fn value(&self) -> Cow<'a, str> {
        // The reader has checked this; what is wrong all the same is nobody's key.
        if self.escaped {
            Cow::Owned(unescape(self.raw))
        } else {
            Cow::Borrowed(std::str::from_utf8(self.raw).unwrap_or_default())
        }
    }

    /// What stands between the quotes, escapes and all.
    pub const fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Bytes between the quotes.
    pub const fn len(&self) -> usize {
        self.raw.len()
    }

    /// Whether the string is `""`.
    pub const fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// The string with both quotes.
    pub const fn span(&self) -> Span {
        Span {
            start: self.start,
            end: self.start.saturating_add(self.raw.len()).saturating_add(2),
        }
    }
}

/// `value` as a JSON string with quotes.
pub fn quote(value: &str) -> String {
    let mut out = String::with_capacity(value.len().saturating_add(2));
    out.push('"');
    escape(value, &mut out);
    out.push('"');
    out
}

/// Adds `value` to `out` as it stands inside of a JSON string.
fn escape(value: &str, out: &mut String) {
    const SPECIAL: Set = Set {
        any: [b'"', b'\\'],
        below: 0x20,
        high: false,
    };
    let mut rest = value;
    while let Some(at) = bytes::find(rest.as_bytes(), SPECIAL) {
        let (plain, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(plain);
        let mut chars = from.chars();
        if let Some(special) = chars.next() {
            escape_one(special, out);
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
}

fn escape_one(special: char, out: &mut String) {
    out.push('\\');
    match special {
        '\u{8}' => out.push('b'),
        '\u{c}' => out.push('f'),
        '\n' => out.push('n'),
        '\r' => out.push('r'),
        '\t' => out.push('t'),
        control if control < ' ' => {
            let code = u32::from(control);
            out.push_str("u00");
            let digits = [code >> 4, code & 0xF].map(|digit| char::from_digit(digit, 16));
            out.extend(digits.into_iter().flatten());
        }
        other => out.push(other),
    }
}

/// Undoes the escapes of a string that the reader has validated.
fn unescape(raw: &[u8]) -> String {
    const ESCAPE: Set = Set::of([b'\\'; 2]);
    let mut out = Vec::with_capacity(raw.len().saturating_add(BLOCK));
    let mut high: Option<u32> = None;
    let mut rest = raw;
    while !rest.is_empty() {
        // Copied whole, which is quicker than up to the next escape, and then cut.
        let Some((block, _)) = rest.split_first_chunk::<BLOCK>() else {
            break;
        };
        out.extend_from_slice(block);
        let escapes = ESCAPE.mask(block);
        if escapes == 0 {
            rest = rest.get(BLOCK..).unwrap_or_default();
            continue;
        }
        let plain = first_bit(escapes);
        out.truncate(out.len().saturating_sub(BLOCK.saturating_sub(plain)));
        rest = undo(rest.get(plain..).unwrap_or_default(), &mut high, &mut out);
    }
    while let Some((byte, behind)) = rest.split_first() {
        rest = if *byte == b'\\' {
            undo(rest, &mut high, &mut out)
        } else {
            out.push(*byte);
            behind
        };
    }
    String::from_utf8(out).unwrap_or_default()
}

/// Undoes the escape that `text` begins with; gives what follows.
#[inline]
fn undo<'t>(text: &'t [u8], high: &mut Option<u32>, out: &mut Vec<u8>) -> &'t [u8] {
    let [_, sign, behind @ ..] = text else {
        return &[];
    };
    if *sign == b'u' {
        return undo_code(behind, high, out);
    }
    out.push(
        MEANINGS
            .get(usize::from(*sign))
            .copied()
            .unwrap_or_default(),
    );
    behind
}

/// What stands for what behind a backslash.
static MEANINGS: [u8; 256] = {
    let mut meanings = [0; 256];
    let mut byte = 0_u8;
    let mut places: &mut [u8] = &mut meanings;
    while let [place, rest @ ..] = places {
        *place = match byte {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            other => other,
        };
        places = rest;
        byte = byte.saturating_add(1);
    }
    meanings
};

/// Undoes the four digits that `text` begins with.
fn undo_code<'t>(text: &'t [u8], high: &mut Option<u32>, out: &mut Vec<u8>) -> &'t [u8] {
    let (digits, behind) = text.split_at_checked(4).unwrap_or((text, &[]));
    let unit = digits.iter().fold(0_u32, |unit, digit| {
        let digit = char::from(*digit).to_digit(16).unwrap_or(0);
        unit.wrapping_mul(16).wrapping_add(digit)
    });
    *high = push_unit(out, *high, unit);
    behind
}

/// Adds one UTF-16 unit; a high surrogate waits for its other half.
fn push_unit(out: &mut Vec<u8>, high: Option<u32>, unit: u32) -> Option<u32> {
    let mut push = |code: u32| {
        let c = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    };
    match (high, unit) {
        (_, 0xD800..=0xDBFF) => Some(unit),
        (Some(high), 0xDC00..=0xDFFF) => {
            let offset = ((high & 0x3FF) << 10) | (unit & 0x3FF);
            push(offset.wrapping_add(0x1_0000));
            None
        }
        _ => {
            push(unit);
            None
        }
    }
}
