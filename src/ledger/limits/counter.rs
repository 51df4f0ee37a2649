/*! One counter: what was used and what is reserved, by the buckets of its window. */

use super::window::Window;

/// What fell into one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Bucket {
    /// Its running number.
    pub(super) index: u64,
    /// By calls that are settled.
    pub(super) used: u64,
    /// For calls that are not.
    pub(super) reserved: u64,
}

/// Something that holds for the window of one bucket only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Noted {
    /// What; 0 for nothing.
    pub(super) value: u64,
    /// When it was noted.
    pub(super) bucket: u64,
}

impl Noted {
    /// That of the later window; of the same one, the larger.
    pub(super) fn or_later(self, other: Self) -> Self {
        let order = |noted: &Self| (noted.bucket, noted.value);
        std::cmp::max_by_key(self, other, order)
    }
}

/// A counter of a record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Counter {
    /// Which meter's it is.
    pub(super) id: u32,
    /// Whether it outlives a restart.
    pub(super) long: bool,
    /// When it says nothing any more, in milliseconds since the Unix epoch.
    pub(super) expires_ms: u64,
    /// The highest percentage that an alert was raised for.
    pub(super) alerted: Noted,
    /// What an operator has added to the limit.
    pub(super) topped_up: Noted,
    /// Ordered by index.
    pub(super) buckets: Vec<Bucket>,
    /// What a newer layout has added, as bytes.
    pub(super) tail: Vec<u8>,
}

impl Counter {
    pub(super) fn new(id: u32, window: Window) -> Self {
        Self {
            id,
            long: window.is_long(),
            ..Self::default()
        }
    }

    /// Drops what no longer counts at `now`, a bucket's index.
    ///
    /// A clock that steps back leaves buckets in the future: those within a window's length
    /// stay and count, those beyond, which would block for ever, are taken for used now.
    pub(super) fn tidy(&mut self, window: Window, now: u64) {
        let first = now.saturating_sub(window.before());
        let last = now.saturating_add(window.before().max(1));
        self.buckets.retain(|bucket| bucket.index >= first);
        let beyond = self.buckets.iter().position(|bucket| bucket.index > last);
        let beyond = beyond.map(|at| self.buckets.split_off(at));
        for bucket in beyond.into_iter().flatten() {
            let taken = bucket.used.saturating_add(bucket.reserved);
            self.add(now, taken, 0);
        }
        for noted in [&mut self.alerted, &mut self.topped_up] {
            if noted.bucket < first || noted.bucket > last {
                *noted = Noted::default();
            }
        }
        self.expires_ms = 0;
        let noted = [self.alerted, self.topped_up].map(|noted| noted.bucket);
        let last = self.buckets.last().map_or(0, |bucket| bucket.index);
        let last = noted.into_iter().fold(last, u64::max);
        if last > 0 {
            self.stays_until(window, last);
        }
    }

    /// Settled and reserved, of all buckets that count.
    pub(super) fn taken(&self) -> u64 {
        let taken = self.buckets.iter();
        let taken = taken.map(|bucket| bucket.used.saturating_add(bucket.reserved));
        taken.fold(0, u64::saturating_add)
    }

    /// Settled, of all buckets that count.
    pub(super) fn used(&self) -> u64 {
        let used = self.buckets.iter().map(|bucket| bucket.used);
        used.fold(0, u64::saturating_add)
    }

    /// Reserves in the bucket of now.
    pub(super) fn reserve(&mut self, window: Window, now: u64, amount: u64) {
        self.add(now, 0, amount);
        self.stays_until(window, now);
    }

    /// Puts `used` in the place of what was reserved in `bucket`. If that one no longer counts,
    /// only what was used beyond the reservation counts, now.
    pub(super) fn settle(
        &mut self,
        window: Window,
        (bucket, now): (u64, u64),
        reserved: u64,
        used: u64,
    ) {
        if let Some(held) = self.buckets.iter_mut().find(|held| held.index == bucket) {
            held.reserved = held.reserved.saturating_sub(reserved);
            held.used = held.used.saturating_add(used);
            return;
        }
        let beyond = used.saturating_sub(reserved);
        if beyond > 0 {
            self.add(now, beyond, 0);
            self.stays_until(window, now);
        }
    }

    /// When `amount` more can be taken of `limit`, in milliseconds since the Unix epoch;
    /// `None`: never. What is reserved may come back earlier.
    pub(super) fn free_ms(&self, window: Window, amount: u64, limit: u64) -> Option<u64> {
        let wanted = limit.checked_sub(amount)?;
        let mut taken = self.taken();
        let mut at = 0;
        for bucket in &self.buckets {
            if taken <= wanted {
                break;
            }
            taken = taken
                .saturating_sub(bucket.used)
                .saturating_sub(bucket.reserved);
            at = window.ends_ms(bucket.index);
        }
        Some(at)
    }

    /// When nothing of what is taken counts any more, in milliseconds since the Unix epoch;
    /// 0 if nothing is taken.
    pub(super) fn empty_ms(&self, window: Window) -> u64 {
        let last = self.buckets.last();
        last.map_or(0, |bucket| window.ends_ms(bucket.index))
    }

    pub(super) fn stays_until(&mut self, window: Window, bucket: u64) {
        self.expires_ms = self.expires_ms.max(window.ends_ms(bucket));
    }

    /// Adds to the bucket with this index.
    pub(super) fn add(&mut self, index: u64, used: u64, reserved: u64) {
        let found = self
            .buckets
            .binary_search_by_key(&index, |bucket| bucket.index);
        match found {
            Ok(at) => {
                if let Some(bucket) = self.buckets.get_mut(at) {
                    bucket.used = bucket.used.saturating_add(used);
                    bucket.reserved = bucket.reserved.saturating_add(reserved);
                }
            }
            Err(at) => self.buckets.insert(
                at,
                Bucket {
                    index,
                    used,
                    reserved,
                },
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::window::Period;
    use super::*;

    const MINUTE: Window = Window::Sliding(Period::Minute);
    const DAY: Window = Window::Fixed(Period::Day);

    fn counter(window: Window, buckets: &[(u64, u64, u64)]) -> Counter {
        let mut counter = Counter::new(1, window);
        for (index, used, reserved) in buckets {
            counter.add(*index, *used, *reserved);
        }
        counter
    }

    #[test]
    fn settling_replaces_what_was_reserved() {
        let mut counter = Counter::new(1, DAY);
        counter.reserve(DAY, 100, 50);
        assert_eq!((counter.taken(), counter.used()), (50, 0));
        counter.settle(DAY, (100, 100), 50, 20);
        assert_eq!((counter.taken(), counter.used()), (20, 20));
        assert_eq!(counter.expires_ms, DAY.ends_ms(100));
    }

    #[test]
    fn settled_after_its_window_a_call_counts_beyond_its_reservation_only() {
        let mut counter = Counter::new(1, DAY);
        counter.settle(DAY, (100, 101), 50, 20);
        assert_eq!(counter.taken(), 0);
        counter.settle(DAY, (100, 101), 50, 70);
        assert_eq!((counter.taken(), counter.used()), (20, 20));
    }

    #[test]
    fn what_is_past_is_dropped() {
        let mut counter = counter(MINUTE, &[(87, 1, 0), (88, 2, 0), (100, 4, 8)]);
        counter.tidy(MINUTE, 100);
        assert_eq!(counter.taken(), 14);
        counter.tidy(MINUTE, 101);
        assert_eq!(counter.taken(), 12);
        counter.tidy(MINUTE, 113);
        assert_eq!(counter.taken(), 0);
    }

    #[test]
    fn a_clock_that_steps_back_forgets_nothing() {
        let mut day = counter(DAY, &[(100, 7, 1)]);
        day.tidy(DAY, 99);
        assert_eq!(day.taken(), 8);
        day.tidy(DAY, 100);
        assert_eq!((day.taken(), day.used()), (8, 7));
    }

    #[test]
    fn a_clock_that_was_far_ahead_blocks_for_one_window_at_most() {
        let mut day = counter(DAY, &[(5_000, 7, 1)]);
        day.alerted = Noted {
            value: 80,
            bucket: 5_000,
        };
        day.tidy(DAY, 100);
        assert_eq!((day.taken(), day.alerted.value), (8, 0));
        day.tidy(DAY, 101);
        assert_eq!(day.taken(), 0);
    }

    #[test]
    fn tells_when_there_is_room_again() {
        let minute = counter(MINUTE, &[(100, 10, 0), (105, 20, 5)]);
        assert_eq!(minute.free_ms(MINUTE, 5, 40), Some(0));
        assert_eq!(minute.free_ms(MINUTE, 10, 40), Some(MINUTE.ends_ms(100)));
        assert_eq!(minute.free_ms(MINUTE, 40, 40), Some(MINUTE.ends_ms(105)));
        assert_eq!(minute.free_ms(MINUTE, 41, 40), None);
        assert_eq!(minute.empty_ms(MINUTE), MINUTE.ends_ms(105));
    }

    #[test]
    fn what_was_noted_in_the_later_window_counts() {
        let noted = |bucket, value| Noted { value, bucket };
        for (one, other, wanted) in [
            (noted(5, 80), noted(6, 50), noted(6, 50)),
            (noted(6, 50), noted(5, 80), noted(6, 50)),
            (noted(6, 50), noted(6, 80), noted(6, 80)),
            (noted(0, 0), noted(6, 80), noted(6, 80)),
        ] {
            assert_eq!(one.or_later(other), wanted);
        }
    }
}
