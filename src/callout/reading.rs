/*! Reading what services say: JSON by members that are known, the rest skipped. */

use super::{MAX_NAME, MAX_REASONS};
use crate::config::Score;
use crate::json::{Error, Kind, Reader};

/// Reads a whole document with `read`; `None` if it is not as expected.
pub(super) fn document<'a, T>(
    body: &'a [u8],
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, Unfit>,
) -> Option<T> {
    let mut reader = Reader::new(body, |_| None).ok()?;
    let value = read(&mut reader).ok()?;
    reader.finish().ok()?;
    Some(value)
}

/// A document that is not as expected.
#[derive(Debug)]
pub(super) struct Unfit;

impl From<Error> for Unfit {
    fn from(_: Error) -> Self {
        Self
    }
}

/// Reads a whole number.
pub(super) fn whole(reader: &mut Reader<'_>) -> Result<usize, Unfit> {
    reader.number()?.parse().map_err(|_| Unfit)
}

/// Reads a score of 0 to 1, down to thousandths. What a service thinks is more than sure
/// counts as sure, and less than nothing as nothing.
pub(super) fn score(reader: &mut Reader<'_>) -> Result<Score, Unfit> {
    Ok(thousandths(reader.number()?))
}

/// A JSON number in whole thousandths, from 0 to 1000. No floating point: a score is as
/// great as its threshold exactly if it is written so.
fn thousandths(number: &str) -> Score {
    let (digits, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let over = || Score::new(1000).unwrap_or_default();
    if number.starts_with('-') {
        return Score::default();
    }
    // Where the point goes, counted in digits behind the first: three more for thousandths.
    let moved = exponent.parse().unwrap_or(match exponent.starts_with('-') {
        true => -1_000_i64,
        false => 1_000,
    });
    let places = i64::try_from(whole.len()).unwrap_or(i64::MAX);
    let places = places.saturating_add(moved).saturating_add(3);
    let mut value = 0_u16;
    let digits = whole.bytes().chain(fraction.bytes());
    let mut digits = digits.map(|digit| u16::from(digit.saturating_sub(b'0')));
    for _ in 0..places.clamp(0, 1_000) {
        value = value.saturating_mul(10);
        value = value.saturating_add(digits.next().unwrap_or(0));
        if value >= 1000 {
            return over();
        }
    }
    Score::new(value).unwrap_or_default()
}

/// Reads a string that names something; empty if there is nothing in it that a name has.
/// Other signs than letters, digits and `also` become `_`.
pub(super) fn name(reader: &mut Reader<'_>, also: &[char]) -> Result<String, Unfit> {
    Ok(tidy(&reader.string()?.value(), also))
}

/// A name that can stand in masks and records.
pub(super) fn tidy(name: &str, also: &[char]) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || also.contains(&c);
    if !name.contains(fits) {
        return String::new();
    }
    let signs = name.chars().take(MAX_NAME);
    signs.map(|c| if fits(c) { c } else { '_' }).collect()
}

/// Keeps a reason, once, as long as there are few.
pub(super) fn keep(reasons: &mut Vec<String>, reason: &str) {
    let reason = tidy(reason, &['-', '/', '.', '_']);
    if reasons.len() < MAX_REASONS && !reason.is_empty() && !reasons.contains(&reason) {
        reasons.push(reason);
    }
}

/// Whether a `null` comes next, which is read then.
pub(super) fn null(reader: &mut Reader<'_>) -> Result<bool, Unfit> {
    let is_null = reader.kind()? == Kind::Null;
    if is_null {
        reader.skip()?;
    }
    Ok(is_null)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_read_to_thousandths() {
        let cases = [
            ("0", 0),
            ("0.0", 0),
            ("1", 1000),
            ("1.0", 1000),
            ("0.85", 850),
            ("0.8499999999999999", 849),
            ("0.5", 500),
            ("8.5e-1", 850),
            ("85E-2", 850),
            ("0.085e+1", 850),
            ("0.0004", 0),
            ("1.2e-7", 0),
            ("1e-99999999999999999999", 0),
            ("1e99999999999999999999", 1000),
            ("0e99999999999999999999", 0),
            ("17", 1000),
            ("-0.5", 0),
            ("0.999", 999),
            ("0.9999", 999),
        ];
        for (text, wanted) in cases {
            assert_eq!(thousandths(text).thousandths(), wanted, "{text}");
        }
    }

    #[test]
    fn names_are_made_fit_for_masks() {
        assert_eq!(tidy("PERSON", &['_']), "PERSON");
        assert_eq!(tidy("per>son\n", &['_']), "per_son_");
        assert_eq!(tidy("><", &['_']), "");
        assert_eq!(tidy("", &['_']), "");
        assert_eq!(tidy(&"é".repeat(99), &['_']), "");
        assert_eq!(tidy(&"a".repeat(99), &[]).len(), MAX_NAME);
    }
}
