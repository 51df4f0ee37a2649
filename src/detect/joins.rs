/*! Where a region goes on over a space or a comma: numbers in groups, IBANs, dates of birth,
headers of keys. */

use super::find::{begins_iban, names_month};
use super::view::{at, before, part, run, run_back};

/// Longest date with its month in words.
pub(super) const LONGEST_DATE: usize = 24;

const KEY: &[u8] = b"-----BEGIN";

/// Longest header of a key.
const LONGEST_HEADER: usize = 96;

/// Whether a region may go on behind a space.
pub(super) fn may_go_on(bytes: &[u8]) -> bool {
    match before(bytes, bytes.len()) {
        b'0'..=b'9' | b')' | b'-' | b'/' | b'+' | b',' => true,
        _ => {
            at(bytes, 0).is_ascii_digit()
                || is_two_capitals(bytes)
                || begins_iban(iban_start(bytes))
                || names_month(bytes)
                || names_extension(last_word(bytes))
                || opens_key(bytes)
        }
    }
}

/// Whether `next` behind a space goes on the region; `is_birth`: whether the words before it
/// speak of a date of birth.
pub(super) fn over_space(bytes: &[u8], next: u8, is_birth: impl Fn() -> bool) -> bool {
    let last = before(bytes, bytes.len());
    let word = last_word(bytes);
    // Only whether there are seven counts.
    let digits = || {
        let digits = bytes.iter().rev().filter(|byte| byte.is_ascii_digit());
        digits.take(7).count()
    };
    let numeric = matches!(last, b'0'..=b'9' | b')' | b'-' | b'/' | b'+');
    let group = numeric && matches!(next, b'0'..=b'9' | b'(' | b'-' | b'/');
    let extension = last.is_ascii_digit() && b"xXeE".contains(&next) && digits() > 6;
    let of_extension = next.is_ascii_digit() && names_extension(word) && digits() > 6;
    group
        || extension
        || of_extension
        || opens_key(bytes)
        || goes_on_iban(bytes, word, next)
        || goes_on_letters(bytes, next)
        || (goes_on_date(bytes, word, next) && is_birth())
}

/// Whether a comma goes on the region: `June 15, 1991`.
pub(super) fn over_comma(bytes: &[u8], is_birth: impl Fn() -> bool) -> bool {
    let dated = bytes.len() < LONGEST_DATE && bytes.contains(&b' ') && is_dated(bytes);
    dated && is_birth()
}

/// Whether `bytes` end with `-----BEGIN … -----`.
pub(super) fn is_key_header(bytes: &[u8]) -> bool {
    let label = || {
        let begin = key_begin(bytes)?;
        bytes.get(begin.saturating_add(KEY.len())..)
    };
    bytes.ends_with(b"-----") && label().is_some_and(|label| label.len() > 5)
}

/// Where the first header of a key begins that is not too far back to be one.
fn key_begin(bytes: &[u8]) -> Option<usize> {
    let from = bytes.len().saturating_sub(LONGEST_HEADER);
    let part = bytes.get(from..)?;
    // Searched for by a letter, which is rarer than hyphens.
    let mut places = part.iter().enumerate();
    let begins = |&(place, byte): &(usize, &u8)| {
        *byte == b'B'
            && bytes
                .get(..from.saturating_add(place))
                .is_some_and(|front| front.ends_with(b"-----"))
            && part
                .get(place..)
                .is_some_and(|rest| rest.starts_with(b"BEGIN"))
    };
    let (place, _) = places.find(begins)?;
    from.saturating_add(place).checked_sub(5)
}

fn opens_key(bytes: &[u8]) -> bool {
    let begin = key_begin(bytes);
    begin.is_some_and(|begin| bytes.len() < begin.saturating_add(64)) && !is_key_header(bytes)
}

fn goes_on_iban(bytes: &[u8], word: &[u8], next: u8) -> bool {
    let block = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    let blocks = word.len() <= 4 || !bytes.contains(&b' ');
    begins_iban(iban_start(bytes))
        && blocks
        && block(next)
        && word
            .iter()
            .all(|byte| block(*byte) || b":=(".contains(byte))
}

/// The first four bytes of the first word, behind what may stand before a number.
fn iban_start(bytes: &[u8]) -> &[u8] {
    let end = run(bytes, 0, |byte| byte != b' ');
    let start = run_back(bytes, end, |byte| !b":=(".contains(&byte));
    part(bytes, start, start.saturating_add(4))
}

/// `AB 12 34 56 C`.
fn goes_on_letters(bytes: &[u8], next: u8) -> bool {
    let opens = is_two_capitals(part(bytes, 0, 2)) && at(bytes, 2) == b' ';
    (is_two_capitals(bytes) && next.is_ascii_digit())
        || (opens
            && bytes.len() < 12
            && next.is_ascii_uppercase()
            && before(bytes, bytes.len()).is_ascii_digit())
}

fn is_two_capitals(bytes: &[u8]) -> bool {
    bytes.len() == 2 && bytes.iter().all(u8::is_ascii_uppercase)
}

fn goes_on_date(bytes: &[u8], word: &[u8], next: u8) -> bool {
    let one = is_dated(word) || matches!(word, b"of");
    // A day, a year, a month or `of`.
    let follows = next.is_ascii_digit() || b"jfmasondJFMASOND".contains(&next);
    bytes.len() < LONGEST_DATE && follows && is_dated(bytes) && one
}

fn is_dated(bytes: &[u8]) -> bool {
    at(bytes, 0).is_ascii_digit() || names_month(bytes)
}

fn names_extension(word: &[u8]) -> bool {
    let word = word.strip_suffix(b".").unwrap_or(word);
    match word.len() {
        1 => word.eq_ignore_ascii_case(b"x"),
        3 => word.eq_ignore_ascii_case(b"ext"),
        _ => false,
    }
}

fn last_word(bytes: &[u8]) -> &[u8] {
    let start = run_back(bytes, bytes.len(), |byte| byte != b' ');
    bytes.get(start..).unwrap_or_default()
}
