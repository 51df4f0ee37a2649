/*! How long usage counts: calendar windows, sliding windows and leases.

Each window is divided into buckets with a running number. A calendar window is one bucket.
A sliding window is the bucket of now and as many before it as make up its length, so what is
told of it is never too little, and too much by less than one bucket. */

use crate::date::{month, month_begins};

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// How long a limit's window is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Period {
    /// One second.
    Second,
    /// 60 seconds.
    Minute,
    /// 60 minutes.
    Hour,
    /// A day of the calendar in UTC, or 24 hours.
    Day,
    /// A month of the calendar in UTC, or 30 days.
    Month,
}

impl Period {
    /// The word in a policy.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// Whether its windows outlive a restart of Envoy, if there is a store.
    pub const fn is_long(self) -> bool {
        matches!(self, Self::Hour | Self::Day | Self::Month)
    }

    /// The length in milliseconds, and into how many buckets a sliding window is divided:
    /// its usage is free again later than it might be by one of them at most.
    const fn sliding(self) -> (u64, u64) {
        match self {
            Self::Second => (SECOND, 10),
            Self::Minute => (MINUTE, 12),
            Self::Hour => (HOUR, 12),
            Self::Day => (DAY, 24),
            Self::Month => (30 * DAY, 30),
        }
    }
}

/// When usage begins and ceases to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Window {
    /// From one turn of the clock or the calendar (UTC) to the next.
    Fixed(Period),
    /// At any moment, what was used within the period before it.
    Sliding(Period),
    /// What is in use now; what nobody gives back comes back after so many milliseconds.
    Lease(u64),
}

/// Buckets of a lease: what is not given back comes back late by an eighth at most.
const LEASE_BUCKETS: u64 = 8;

impl Window {
    /// The bucket of a moment, given in milliseconds since the Unix epoch.
    pub(super) fn bucket(self, now_ms: u64) -> u64 {
        match self {
            Self::Fixed(Period::Month) => month(now_ms / DAY),
            Self::Fixed(_) | Self::Sliding(_) | Self::Lease(_) => {
                now_ms.checked_div(self.width()).unwrap_or(0)
            }
        }
    }

    /// How many buckets before the present one count, too.
    pub(super) const fn before(self) -> u64 {
        match self {
            Self::Fixed(_) => 0,
            Self::Sliding(period) => period.sliding().1,
            Self::Lease(_) => LEASE_BUCKETS,
        }
    }

    /// When a bucket ceases to count, in milliseconds since the Unix epoch.
    pub(super) fn ends_ms(self, bucket: u64) -> u64 {
        match self {
            Self::Fixed(Period::Month) => {
                month_begins(bucket.saturating_add(1)).saturating_mul(DAY)
            }
            Self::Fixed(period) => bucket.saturating_add(1).saturating_mul(period.sliding().0),
            Self::Sliding(_) | Self::Lease(_) => bucket
                .saturating_add(1)
                .saturating_add(self.before())
                .saturating_mul(self.width()),
        }
    }

    /// When the window of a bucket began, in milliseconds since the Unix epoch.
    pub fn begins_ms(self, bucket: u64) -> u64 {
        match self {
            Self::Fixed(Period::Month) => month_begins(bucket).saturating_mul(DAY),
            Self::Fixed(period) => bucket.saturating_mul(period.sliding().0),
            Self::Sliding(_) | Self::Lease(_) => bucket
                .saturating_sub(self.before())
                .saturating_mul(self.width()),
        }
    }

    /// Its period; a lease has none.
    pub const fn period(self) -> Option<Period> {
        match self {
            Self::Fixed(period) | Self::Sliding(period) => Some(period),
            Self::Lease(_) => None,
        }
    }

    /// Whether its usage outlives a restart of Envoy, if there is a store.
    pub const fn is_long(self) -> bool {
        match self {
            Self::Fixed(period) | Self::Sliding(period) => period.is_long(),
            Self::Lease(_) => false,
        }
    }

    /// Milliseconds of a bucket of a sliding window or a lease; at least 1.
    fn width(self) -> u64 {
        let (length, buckets) = match self {
            Self::Fixed(period) => (period.sliding().0, 1),
            Self::Sliding(period) => period.sliding(),
            Self::Lease(millis) => (millis, LEASE_BUCKETS),
        };
        length.div_ceil(buckets.max(1)).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::date;

    fn ms(date: &str) -> u64 {
        date::parse_day(date).unwrap() * DAY
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        let month = Window::Fixed(Period::Month);
        for (day, begins, ends) in [
            ("2026-11-22", "2026-11-01", "2026-12-01"),
            ("2026-12-31", "2026-12-01", "2027-01-01"),
            ("2028-02-29", "2028-02-01", "2028-03-01"),
            ("1970-01-01", "1970-01-01", "1970-02-01"),
        ] {
            let bucket = month.bucket(ms(day) + DAY - 1);
            assert_eq!(month.begins_ms(bucket), ms(begins), "{day}");
            assert_eq!(month.ends_ms(bucket), ms(ends), "{day}");
        }
    }

    #[test]
    fn every_day_of_a_century_is_in_its_month() {
        for day in 0..36_525 {
            let month = month(day);
            assert!(month_begins(month) <= day && day < month_begins(month + 1));
        }
    }

    #[test]
    fn days_turn_at_midnight_in_utc() {
        let day = Window::Fixed(Period::Day);
        let midnight = ms("2026-11-22");
        assert_eq!(day.bucket(midnight) - 1, day.bucket(midnight - 1));
        assert_eq!(day.ends_ms(day.bucket(midnight)), ms("2026-11-23"));
    }

    #[test]
    fn a_sliding_window_never_forgets_too_early_and_never_much_too_late() {
        for period in [
            Period::Second,
            Period::Minute,
            Period::Hour,
            Period::Day,
            Period::Month,
        ] {
            let (length, buckets) = period.sliding();
            let window = Window::Sliding(period);
            for used in [0, 1, 12_345_678_901, 99_999_999_999] {
                let ends = window.ends_ms(window.bucket(used));
                assert!(ends > used + length, "{period:?}");
                assert!(ends <= used + length + length / buckets, "{period:?}");
            }
        }
    }
}
