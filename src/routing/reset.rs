/*! When a provider says that it will answer again.

Sources: `retry-after`: RFC 9110 §10.2.3; `retry-after-ms` and `x-ratelimit-*`: OpenAI's
and Azure OpenAI's API references, "Rate limits"; `anthropic-ratelimit-*`: Anthropic's, the
same section. */

use crate::date::{days, digits, parse_day, parse_time};
use crate::host::Instant;
use crate::http::Headers;

const SECOND: u64 = 1_000_000_000;

/// Longest wait that is told, in nanoseconds: a day, the longest window of a provider.
const MAX_WAIT: u64 = 86_400 * SECOND;

/// From here on a bare number is a second since 1970, not a wait.
const UNIX_TIMES: u64 = 1_000_000_000;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// When to come again, by the headers of an answer: at `now` or later, by at most a day.
///
/// `retry-after-ms` goes before `retry-after`, and both before the windows of rate limits.
/// Of these the last counts to end among those with nothing left, or among all if none is
/// known to be spent: a call may need more than what is left. What can't be read is ignored.
///
/// Windows count only under status 429: providers tell them with every answer.
pub fn reset_hint(headers: Headers<'_>, status: u16, now: Instant) -> Option<Instant> {
    let wait = headers
        .text("retry-after-ms")
        .and_then(|text| decimal(text.trim(), 1_000_000))
        .or_else(|| retry_after(headers.text("retry-after")?.trim(), now))
        .or_else(|| windows(headers, now).filter(|_| status == 429))?;
    Some(Instant(now.0.saturating_add(wait.min(MAX_WAIT))))
}

/// When to come again after a wait that is written as a duration (`34.5s`), by at most a day.
pub fn reset_after(wait: &str, now: Instant) -> Option<Instant> {
    let wait = duration(wait)?.min(MAX_WAIT);
    Some(Instant(now.0.saturating_add(wait)))
}

fn retry_after(text: &str, now: Instant) -> Option<u64> {
    decimal(text, SECOND).or_else(|| Some(until(http_date(text)?, now)))
}

/// The wait for the windows of rate limits.
fn windows(headers: Headers<'_>, now: Instant) -> Option<u64> {
    let mut spent = None;
    let mut any = None;
    for (name, value) in headers.0 {
        let Some(remaining) = remaining_of(name) else {
            continue;
        };
        let wait = std::str::from_utf8(value).ok();
        let wait = wait.and_then(|text| window(text.trim(), now));
        // Azure sends zeros where it has nothing to say.
        let Some(wait) = wait.filter(|wait| *wait > 0) else {
            continue;
        };
        any = any.max(Some(wait));
        if headers
            .text(&remaining)
            .is_some_and(|left| left.trim() == "0")
        {
            spent = spent.max(Some(wait));
        }
    }
    spent.or(any)
}

/// The header that says what is left in the window that `name` tells the end of.
fn remaining_of(name: &str) -> Option<String> {
    if let Some(kind) = name.strip_prefix("x-ratelimit-reset-") {
        return Some(format!("x-ratelimit-remaining-{kind}"));
    }
    let kind = name.strip_prefix("anthropic-ratelimit-")?;
    let kind = kind.strip_suffix("-reset")?;
    Some(format!("anthropic-ratelimit-{kind}-remaining"))
}

/// The wait until a window ends: seconds, a duration, or a point in time.
fn window(text: &str, now: Instant) -> Option<u64> {
    match digits_only(text) {
        Some(seconds) if seconds >= UNIX_TIMES => Some(until(seconds.checked_mul(SECOND)?, now)),
        _ => decimal(text, SECOND)
            .or_else(|| duration(text))
            .or_else(|| Some(until(rfc_3339(text)?, now))),
    }
}

/// From now on; nothing for times that are past.
const fn until(moment: u64, now: Instant) -> u64 {
    moment.saturating_sub(now.0)
}

/// `6m0s`, `1h2m`, `1.5s`, `12ms`: as Go writes durations.
fn duration(mut text: &str) -> Option<u64> {
    let mut sum: u64 = 0;
    while !text.is_empty() {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, rest) = text.split_at_checked(end)?;
        let end = rest.find(|c: char| c.is_ascii_digit());
        let (unit, rest) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
        let unit = match unit {
            "d" => 86_400 * SECOND,
            "h" => 3600 * SECOND,
            "m" => 60 * SECOND,
            "s" => SECOND,
            "ms" => 1_000_000,
            "us" | "µs" => 1_000,
            "ns" => 1,
            _ => return None,
        };
        sum = sum.checked_add(decimal(number, unit)?)?;
        text = rest;
    }
    Some(sum)
}

/// So many units, with a fraction or not, in nanoseconds.
fn decimal(text: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let whole = digits_only(whole)?.checked_mul(unit)?;
    let billionths: String = fraction
        .chars()
        .chain("000000000".chars())
        .take(9)
        .collect();
    digits_only(fraction)?;
    let part = u128::from(digits_only(&billionths)?).checked_mul(u128::from(unit))? / 1_000_000_000;
    whole.checked_add(u64::try_from(part).ok()?)
}

fn digits_only(text: &str) -> Option<u64> {
    digits(text, text.len())
}

/// Nanoseconds since 1970 of `2026-01-31T18:00:00Z`, with a fraction or an offset or not.
fn rfc_3339(text: &str) -> Option<u64> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let zone = time.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = time.split_at_checked(zone)?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let fraction = decimal(&format!("0.{fraction}"), SECOND)?;
    let seconds = seconds(parse_day(date)?, parse_time(time)?)?;
    let moment = seconds.checked_mul(SECOND)?.checked_add(fraction)?;
    match zone.split_at_checked(1)? {
        ("Z" | "z", "") => Some(moment),
        ("+", offset) => moment.checked_sub(offset_nanos(offset)?),
        ("-", offset) => moment.checked_add(offset_nanos(offset)?),
        _ => None,
    }
}

/// Of `HH:MM`.
fn offset_nanos(offset: &str) -> Option<u64> {
    parse_time(&format!("{offset}:00"))?.checked_mul(SECOND)
}

/// Nanoseconds since 1970 of `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7; the two
/// obsolete forms have not been seen from providers).
fn http_date(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once(", ")?;
    let mut parts = rest.split(' ');
    let day = digits(parts.next()?, 2)?;
    let name = parts.next()?;
    let month = MONTHS.iter().position(|month| *month == name)?;
    let month = u64::try_from(month).ok()?.checked_add(1)?;
    let year = digits(parts.next()?, 4)?;
    let time = parse_time(parts.next()?)?;
    if (parts.next(), parts.next()) != (Some("GMT"), None) {
        return None;
    }
    seconds(days(year, month, day)?, time)?.checked_mul(SECOND)
}

fn seconds(days: u64, time: u64) -> Option<u64> {
    days.checked_mul(86_400)?.checked_add(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2026-01-31T18:00:00Z.
    const NOW: Instant = Instant(1_769_882_400 * SECOND);

    /// The wait in milliseconds.
    fn wait(headers: &[(&str, &str)]) -> Option<u64> {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
            .collect();
        let hint = reset_hint(Headers(&headers), 429, NOW)?;
        assert!(hint >= NOW);
        Some((hint.0 - NOW.0) / 1_000_000)
    }

    #[test]
    fn retry_after_in_every_form() {
        for (text, ms) in [
            ("30", Some(30_000)),
            (" 30 ", Some(30_000)),
            ("0", Some(0)),
            ("0.25", Some(250)),
            ("1.5", Some(1_500)),
            ("Sat, 31 Jan 2026 18:00:20 GMT", Some(20_000)),
            ("Sun, 01 Feb 2026 00:00:00 GMT", Some(6 * 3_600_000)),
            ("Sat, 31 Jan 2026 17:59:00 GMT", Some(0)),
            ("999999", Some(86_400_000)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", None),
            ("99999999999999999999", None),
            ("Sat, 31 Feb 2026 18:00:20 GMT", None),
            ("Sat, 31 Jan 2026 18:00:20 CET", None),
            ("Sat, 31 Jan 2026 18:00:20 GMT x", None),
            ("Sat, 31 jan 2026 18:00:20 GMT", None),
            ("Sat, 1 Jan 2026 18:00:20 GMT", None),
            ("-1", None),
            ("+1", None),
            ("1e3", None),
            ("1.", None),
            (".5", None),
            ("1.x", None),
            ("6m0s", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(wait(&[("retry-after", text)]), ms, "{text:?}");
        }
    }

    #[test]
    fn windows_in_every_form() {
        for (text, ms) in [
            ("6m0s", Some(360_000)),
            ("1h2m", Some(3_720_000)),
            ("1d", Some(86_400_000)),
            ("12ms", Some(12)),
            ("1.5s", Some(1_500)),
            ("2m59.56s", Some(179_560)),
            ("1500us", Some(1)),
            ("1500µs", Some(1)),
            ("2000000ns", Some(2)),
            ("17", Some(17_000)),
            ("0.5", Some(500)),
            ("1769882405", Some(5_000)),
            ("2026-01-31T18:00:05Z", Some(5_000)),
            ("2026-01-31T18:00:05.250Z", Some(5_250)),
            ("2026-01-31T19:00:05+01:00", Some(5_000)),
            ("2026-01-31T12:30:05-05:30", Some(5_000)),
            ("9999h", Some(86_400_000)),
            // Past, or nothing to say
            ("0", None),
            ("0s", None),
            ("1769882300", None),
            ("2026-01-31T17:59:05Z", None),
            // No times
            ("5x", None),
            ("5m3", None),
            ("m5", None),
            ("-5s", None),
            ("1.2.3s", None),
            ("..s", None),
            ("2026-01-31", None),
            ("2026-01-31T18:00:05", None),
            ("2026-01-31T18:00:05Zz", None),
            ("2026-01-31T18:00:05+01", None),
            ("2026-13-31T18:00:05Z", None),
            ("99999999999999999h", None),
            ("", None),
        ] {
            for name in [
                "x-ratelimit-reset-tokens",
                "anthropic-ratelimit-tokens-reset",
            ] {
                assert_eq!(wait(&[(name, text)]), ms, "{text:?}");
            }
        }
    }

    #[test]
    fn which_header_counts() {
        let requests = ("x-ratelimit-reset-requests", "1s");
        let tokens = ("x-ratelimit-reset-tokens", "6m0s");
        let claude = (
            "anthropic-ratelimit-input-tokens-reset",
            "2026-01-31T18:00:40Z",
        );
        for (headers, ms) in [
            (&[][..], None),
            (
                &[("retry-after", "9"), ("retry-after-ms", "1200.5")],
                Some(1_200),
            ),
            (
                &[("retry-after", "9"), ("retry-after-ms", "soon")],
                Some(9_000),
            ),
            (&[("retry-after", "9"), tokens], Some(9_000)),
            (&[("retry-after", "soon"), requests], Some(1_000)),
            (&[requests, tokens], Some(360_000)),
            (
                &[requests, tokens, ("x-ratelimit-remaining-requests", "0")],
                Some(1_000),
            ),
            (
                &[
                    requests,
                    tokens,
                    ("x-ratelimit-remaining-requests", "0"),
                    ("x-ratelimit-remaining-tokens", "0"),
                ],
                Some(360_000),
            ),
            (
                &[
                    requests,
                    tokens,
                    ("x-ratelimit-remaining-requests", "5"),
                    ("x-ratelimit-remaining-tokens", "9"),
                ],
                Some(360_000),
            ),
            (&[claude, requests], Some(40_000)),
            (
                &[
                    claude,
                    ("anthropic-ratelimit-requests-reset", "2026-01-31T18:00:50Z"),
                    ("anthropic-ratelimit-requests-remaining", "3"),
                    ("anthropic-ratelimit-input-tokens-remaining", "0"),
                ],
                Some(40_000),
            ),
            // What Azure sends where it knows nothing.
            (
                &[
                    ("x-ratelimit-reset-tokens", "0"),
                    ("x-ratelimit-remaining-tokens", "-1"),
                ],
                None,
            ),
            (&[("x-ratelimit-limit-tokens", "5")], None),
        ] {
            assert_eq!(wait(headers), ms, "{headers:?}");
        }
        let bytes = [("retry-after".to_owned(), vec![0xff, b'1'])];
        assert_eq!(reset_hint(Headers(&bytes), 429, NOW), None);
    }

    proptest! {
        #[test]
        fn whatever_is_told_the_hint_is_bounded(
            name in proptest::sample::select(vec!["retry-after", "retry-after-ms", "x-ratelimit-reset-a"]),
            text in "[-+0-9.:TZhmsdn µ,GMTJan]{0,30}",
            now in any::<u64>(),
        ) {
            let headers = [(name.to_owned(), text.into_bytes())];
            if let Some(hint) = reset_hint(Headers(&headers), 429, Instant(now)) {
                prop_assert!(hint.0 >= now && hint.0 - now <= MAX_WAIT);
            }
        }
    }
}
