/*! International bank account numbers (ISO 13616). */

use super::super::checks::rest_97;
use super::super::entity::Entity;
use super::super::view::{at, before, part};
use super::{Candidate, Region, Weight};

/// Lengths by country, from the IBAN registry of SWIFT.
const LENGTHS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

/// The longest of them.
const LONGEST: usize = 33;

pub(super) fn find(region: &Region<'_>, found: &mut Vec<Candidate>) {
    let bytes = region.bytes();
    for start in 0..bytes.len() {
        if before(bytes, start).is_ascii_alphanumeric()
            || !begins(part(bytes, start, start.saturating_add(4)))
        {
            continue;
        }
        let Some(end) = end(bytes, start) else {
            continue;
        };
        found.push(Candidate {
            entity: Entity::IbanCode,
            start,
            end,
            weight: Weight::CheckedAndWords,
        });
    }
}

/// Whether `bytes` are a country and two check digits.
pub(in super::super) fn begins(bytes: &[u8]) -> bool {
    let same_case = |a: &u8, b: &u8| {
        (a.is_ascii_uppercase() && b.is_ascii_uppercase())
            || (a.is_ascii_lowercase() && b.is_ascii_lowercase())
    };
    matches!(bytes, [a, b, c, d] if same_case(a, b) && c.is_ascii_digit() && d.is_ascii_digit())
}

/// The end of a valid number that begins at `start`: single spaces or hyphens may stand in
/// it, and all its letters are in one case.
fn end(bytes: &[u8], start: usize) -> Option<usize> {
    let lower = at(bytes, start).is_ascii_lowercase();
    let country = part(bytes, start, start.saturating_add(2));
    let (_, length) = LENGTHS
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(country))?;
    let mut number = [0; LONGEST];
    let mut places = number.iter_mut().take(*length);
    let mut left = *length;
    let mut index = start;
    while left > 0 {
        match at(bytes, index) {
            byte if byte.is_ascii_digit()
                || (byte.is_ascii_alphabetic() && byte.is_ascii_lowercase() == lower) =>
            {
                *places.next()? = byte;
                left = left.saturating_sub(1);
            }
            b' ' | b'-' if at(bytes, index.saturating_add(1)).is_ascii_alphanumeric() => {}
            _ => return None,
        }
        index = index.saturating_add(1);
    }
    let (front, account) = number.get(..*length)?.split_at_checked(4)?;
    let valid = rest_97(account.iter().chain(front).copied()) == 1;
    (valid && !at(bytes, index).is_ascii_alphanumeric()).then_some(index)
}
