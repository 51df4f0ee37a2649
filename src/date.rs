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

/// The running number of the month that a day is in, both since 1970-01.
pub(crate) fn month(day: u64) -> u64 {
    // 400 years of the Gregorian calendar have 4800 months and 146097 days.
    let mut month = day.saturating_mul(4800) / 146_097;
    while month_begins(month.saturating_add(1)) <= day {
        month = month.saturating_add(1);
    }
    while month > 0 && month_begins(month) > day {
        month = month.saturating_sub(1);
    }
    month
}

/// The first day of a month, in days since 1970-01-01.
pub(crate) fn month_begins(month: u64) -> u64 {
    let year = (month / 12).saturating_add(1970);
    let of_year = (month % 12).saturating_add(1);
    days(year, of_year, 1).unwrap_or(u64::MAX)
}

/// A second since the Unix epoch as RFC 3339, in UTC.
pub(crate) fn rfc3339(unix_seconds: u64) -> String {
    const DAY: u64 = 86_400;
    let (day, second) = (unix_seconds / DAY, unix_seconds % DAY);
    let month = month(day);
    let of_month = day.saturating_sub(month_begins(month)).saturating_add(1);
    let (year, of_year) = (
        (month / 12).saturating_add(1970),
        (month % 12).saturating_add(1),
    );
    let (hours, minutes, seconds) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{of_year:02}-{of_month:02}T{hours:02}:{minutes:02}:{seconds:02}Z")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_as_dates() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_868_799, "2000-02-29T23:59:59Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_801_418_400, "2027-01-31T18:00:00Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
        }
    }
}
