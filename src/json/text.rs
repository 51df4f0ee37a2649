/*! Strings inside a JSON text: where they stand and what they say. */

use crate::bytes::{self, Set};
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
        let raw = std::str::from_utf8(self.raw).unwrap_or_default();
        if self.escaped {
            Cow::Owned(unescape(raw))
        } else {
            Cow::Borrowed(raw)
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
fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    let mut high: Option<u32> = None;
    while let Some(at) = bytes::find(rest.as_bytes(), Set::of([b'\\'; 2])) {
        let (plain, escape) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(plain);
        let mut chars = escape.chars();
        match chars.nth(1) {
            Some('u') => {
                let unit = (0..4).fold(0_u32, |unit, _| {
                    let digit = chars.next().and_then(|c| c.to_digit(16)).unwrap_or(0);
                    unit.wrapping_mul(16).wrapping_add(digit)
                });
                high = push_unit(&mut out, high, unit);
            }
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some(other) => out.push(other),
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out
}

/// Adds one UTF-16 unit; a high surrogate waits for its other half.
fn push_unit(out: &mut String, high: Option<u32>, unit: u32) -> Option<u32> {
    match (high, unit) {
        (_, 0xD800..=0xDBFF) => Some(unit),
        (Some(high), 0xDC00..=0xDFFF) => {
            let offset = ((high & 0x3FF) << 10) | (unit & 0x3FF);
            out.push(
                char::from_u32(offset.wrapping_add(0x1_0000))
                    .unwrap_or(char::REPLACEMENT_CHARACTER),
            );
            None
        }
        _ => {
            out.push(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
            None
        }
    }
}
