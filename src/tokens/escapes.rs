/*! Strings of JSON as what they stand for, a piece at a time. */

use crate::bytes::{Set, find};

pub(super) const BACKSLASH: Set = Set::of([b'\\', b'\\']);

/// Takes up to `most` bytes off the front of `raw`, which stands between quotes and is
/// valid, and appends to `out` what they stand for.
pub(super) fn decode<'a>(raw: &'a [u8], most: usize, out: &mut Vec<u8>) -> &'a [u8] {
    let full = out.len().saturating_add(most);
    let mut rest = raw;
    while !rest.is_empty() && out.len() < full {
        let room = full.saturating_sub(out.len());
        let near = rest.get(..room).unwrap_or(rest);
        let plain = find(near, BACKSLASH).unwrap_or(near.len());
        let (front, behind) = rest.split_at(plain.min(rest.len()));
        out.extend_from_slice(front);
        rest = match behind {
            [b'\\', b'u', digits @ ..] => unicode(digits, out),
            [b'\\', letter, behind @ ..] => {
                out.push(control(*letter));
                behind
            }
            // Half an escape stands for nothing.
            [b'\\'] => &[],
            behind => behind,
        };
    }
    rest
}

const fn control(letter: u8) -> u8 {
    match letter {
        b'b' => 0x8,
        b'f' => 0xC,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        other => other,
    }
}

/// Decodes what follows `\u`, of both halves if it is one of a pair.
fn unicode<'a>(digits: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let (unit, mut rest) = unit(digits);
    let mut point = unit;
    if let (0xD800..=0xDBFF, [b'\\', b'u', second @ ..]) = (unit, rest) {
        let (low, behind) = self::unit(second);
        point = 0x1_0000_u32.wrapping_add(((unit & 0x3FF) << 10) | (low & 0x3FF));
        rest = behind;
    }
    let c = char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    rest
}

fn unit(digits: &[u8]) -> (u32, &[u8]) {
    let (unit, rest) = digits.split_at(digits.len().min(4));
    let value = unit.iter().fold(0, |value, digit| {
        (value << 4) | char::from(*digit).to_digit(16).unwrap_or(0)
    });
    (value, rest)
}
