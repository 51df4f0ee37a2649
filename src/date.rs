/*! Days and times of day, as numbers. */

/// Days since 1970-01-01 of a date in the Gregorian calendar; `None` before, and for
/// dates that do not exist.
pub(crate) fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let february = if leap { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let index = usize::try_from(month.checked_sub(1)?).ok()?;
    if year < 1970 || day == 0 || day > *lengths.get(index)? {
        return None;
    }
    let before: u64 = lengths.iter().take(index).sum();
    let past = year.checked_sub(1)?;
    // Days before the year in the proleptic Gregorian calendar, less those before 1970.
    let years = past
        .checked_mul(365)?
        .checked_add(past / 4)?
        .checked_sub(past / 100)?
        .checked_add(past / 400)?
        .checked_sub(719_162)?;
    years.checked_add(before)?.checked_add(day)?.checked_sub(1)
}

/// Days since 1970-01-01 of `YYYY-MM-DD`.
pub(crate) fn parse_day(date: &str) -> Option<u64> {
    let mut parts = date.splitn(3, '-');
    days(
        digits(parts.next()?, 4)?,
        digits(parts.next()?, 2)?,
        digits(parts.next()?, 2)?,
    )
}

/// Seconds since midnight of `HH:MM:SS`.
pub(crate) fn parse_time(time: &str) -> Option<u64> {
    let mut parts = time.splitn(3, ':');
    let [hour, minute, second] = [
        digits(parts.next()?, 2)?,
        digits(parts.next()?, 2)?,
        digits(parts.next()?, 2)?,
    ];
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    hour.checked_mul(3600)?
        .checked_add(minute.checked_mul(60)?)?
        .checked_add(second)
}

/// A number of exactly so many digits.
pub(crate) fn digits(text: &str, length: usize) -> Option<u64> {
    let only_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    (text.len() == length && only_digits).then(|| text.parse().ok())?
}
