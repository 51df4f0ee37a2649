/*! Dates of birth: dates that the words before them call so. */

use super::super::checks::{is_day, number};
use super::super::context::nearest;
use super::super::entity::Entity;
use super::super::view::{at, before, is_word, part, run};
use super::super::words::Subject;
use super::{Candidate, Region, Weight};

pub(super) const WORDS: [&str; 15] = [
    "born",
    "birth",
    "dob",
    "d.o.b",
    "b-day",
    "geboren",
    "geburtsdatum",
    "né le",
    "née le",
    "naissance",
    "nacimiento",
    "nascimento",
    "nascita",
    "생년월일",
    "出生",
];

const MONTHS: [&[u8]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];

/// How near such a word must be, in bytes.
const NEAR: usize = 24;

/// The longest such word, in bytes.
const LONGEST_WORD: usize = 16;

/// Whether the words before `end` call a date there one of birth.
pub(in super::super) fn is_called_birth(text: &str, end: usize) -> bool {
    let far = NEAR.saturating_add(LONGEST_WORD);
    nearest(text, end, far, Subject::BIRTH).is_some_and(|distance| distance <= NEAR)
}

/// Whether `word` begins as a month's name does.
pub(in super::super) fn names_month(word: &[u8]) -> bool {
    let start = part(word, 0, 3);
    // Most words begin with another letter.
    if !b"jfmasondJFMASOND".contains(&at(word, 0)) {
        return false;
    }
    MONTHS.iter().any(|month| start.eq_ignore_ascii_case(month))
}

pub(super) fn find(region: &Region<'_>, found: &mut Vec<Candidate>) {
    let bytes = region.bytes();
    if !region.speaks_of(Subject::BIRTH) {
        return;
    }
    for start in 0..bytes.len() {
        if is_word(before(bytes, start)) || !at(bytes, start).is_ascii_alphanumeric() {
            continue;
        }
        let Some(end) = date_end(bytes, start) else {
            continue;
        };
        let called = || {
            let distance = region.context(start).nearest(Subject::BIRTH);
            distance.is_some_and(|distance| distance <= NEAR)
        };
        if !is_word(at(bytes, end)) && called() {
            found.push(Candidate {
                entity: Entity::DateOfBirth,
                start,
                end,
                weight: Weight::CheckedAndWords,
            });
        }
    }
}

/// One part of a date.
#[derive(Debug, Clone, Copy)]
enum Part {
    Number(u64, usize),
    Month(u64),
}

/// The end of three parts that together are a day.
fn date_end(bytes: &[u8], start: usize) -> Option<usize> {
    let (first, end) = date_part(bytes, start)?;
    let (second, end) = date_part(bytes, separator_end(bytes, end)?)?;
    let (third, end) = date_part(bytes, separator_end(bytes, end)?)?;
    let year =
        |value: u64, digits: usize| digits == 2 || (digits == 4 && (1900..=2100).contains(&value));
    let good = match (first, second, third) {
        (Part::Number(y, 4), Part::Number(m, _), Part::Number(d, _)) => year(y, 4) && is_day(m, d),
        (Part::Number(a, 1..=2), Part::Number(b, 1..=2), Part::Number(y, digits)) => {
            year(y, digits) && (is_day(a, b) || is_day(b, a))
        }
        (Part::Number(d, _), Part::Month(m), Part::Number(y, digits))
        | (Part::Month(m), Part::Number(d, _), Part::Number(y, digits)) => {
            year(y, digits) && is_day(m, d)
        }
        _ => false,
    };
    good.then_some(end)
}

fn date_part(bytes: &[u8], start: usize) -> Option<(Part, usize)> {
    let digits = run(bytes, start, |byte| byte.is_ascii_digit());
    if digits > start {
        let value = number(part(bytes, start, digits))?;
        let ordinal = matches!(
            part(bytes, digits, digits.saturating_add(2)),
            b"st" | b"nd" | b"rd" | b"th"
        );
        let end = if ordinal {
            digits.saturating_add(2)
        } else {
            digits
        };
        return Some((Part::Number(value, digits.saturating_sub(start)), end));
    }
    let end = run(bytes, start, |byte| byte.is_ascii_alphabetic());
    let name = part(bytes, start, end).to_ascii_lowercase();
    let month = MONTHS.iter().position(|month| name.starts_with(month))?;
    let month = u64::try_from(month).ok()?;
    Some((Part::Month(month.saturating_add(1)), end))
}

fn separator_end(bytes: &[u8], start: usize) -> Option<usize> {
    let end = run(bytes, start, |byte| b" .-/,".contains(&byte));
    let end = if part(bytes, end, end.saturating_add(3)) == b"of " {
        end.saturating_add(3)
    } else {
        end
    };
    (end > start && end <= start.saturating_add(5)).then_some(end)
}
