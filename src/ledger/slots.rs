/*! Places for charges that stay open, over all workers: each call takes one before it is sent, so
that no tenant can have more of them than there is room for. A place comes back by itself when the
time is over in which its charge can be corrected. */

use crate::host::{Host, Instant};
use crate::state::{Exhausted, Space, decode_words, encode_words, try_update};

/// Most charges of a tenant that are open at a time.
pub const MOST_OPEN: u64 = 2_000;

const VERSION: u8 = 1;

/// How exactly it is known when a place comes back by itself, in milliseconds.
const HOUR_MS: u64 = 60 * 60 * 1000;

/// A place for one charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Until when the charge can be corrected, in milliseconds since the Unix epoch.
    pub until_ms: u64,
}

/// All places are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl Slot {
    /// Takes a place of a tenant.
    ///
    /// # Errors
    /// [`Exhausted`] if other workers won every round; inside, [`Full`].
    pub fn take(
        host: &dyn Host,
        space: &Space,
        tenant: &str,
        until_ms: u64,
        now: Instant,
    ) -> Result<Result<Self, Full>, Exhausted> {
        let slot = Self { until_ms };
        try_update(host, &key(space, tenant), |old| {
            let mut hours = read(old, now);
            let taken = hours
                .iter()
                .fold(0, |sum: u64, [_, count]| sum.saturating_add(*count));
            if taken >= MOST_OPEN {
                return Err(Full);
            }
            match hours.iter_mut().find(|[hour, _]| *hour == slot.hour()) {
                Some([_, count]) => *count = count.saturating_add(1),
                None => hours.push([slot.hour(), 1]),
            }
            Ok((written(&hours), slot))
        })
    }

    /// Gives it back. Where other workers win every round, it comes back by itself.
    pub fn give_back(self, host: &dyn Host, space: &Space, tenant: &str, now: Instant) {
        let _ = try_update(host, &key(space, tenant), |old| {
            let mut hours = read(old, now);
            let mut counts = hours.iter_mut();
            let [_, count] = counts.find(|[hour, _]| *hour == self.hour()).ok_or(())?;
            *count = count.saturating_sub(1);
            hours.retain(|[_, count]| *count > 0);
            Ok::<_, ()>((written(&hours), ()))
        });
    }

    /// The hour at whose beginning it comes back.
    const fn hour(self) -> u64 {
        self.until_ms.div_ceil(HOUR_MS)
    }
}

fn key(space: &Space, tenant: &str) -> String {
    space.key(&format!("open/{tenant}/slots"))
}

/// How many are taken until which hour.
fn read(record: Option<&[u8]>, now: Instant) -> Vec<[u64; 2]> {
    let words: Vec<u64> = decode_words(record.unwrap_or_default()).collect();
    let mut hours = words.as_chunks::<2>().0.to_vec();
    hours.retain(|[hour, _]| now.unix_millis() < hour.saturating_mul(HOUR_MS));
    hours
}

fn written(hours: &[[u64; 2]]) -> Vec<u8> {
    encode_words(VERSION, hours.iter().flatten().copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::memory::MemoryHost;
    use crate::state::MAX_TRIES;

    fn at(millis: u64) -> Instant {
        Instant(millis * 1_000_000)
    }

    #[test]
    fn places_are_bounded_and_come_back() {
        let (host, space) = (MemoryHost::default(), Space::new("a"));
        let take = |until_ms, now| Slot::take(&host, &space, "t", until_ms, at(now)).unwrap();
        let (day, now) = (24 * HOUR_MS, 90);
        for number in 0..MOST_OPEN {
            let until_ms = day + number % 2 * HOUR_MS;
            assert_eq!(take(until_ms, now), Ok(Slot { until_ms }));
        }
        assert_eq!(take(day, now), Err(Full));
        // Another tenant has its own.
        let other = Slot::take(&host, &space, "u", day, at(now)).unwrap();
        assert_eq!(other, Ok(Slot { until_ms: day }));
        let slot = Slot { until_ms: day };
        slot.give_back(&host, &space, "t", at(now));
        assert_eq!(take(day, now), Ok(slot));
        assert_eq!(take(day, now), Err(Full));
        // Half of them come back by themselves.
        for _ in 0..MOST_OPEN / 2 {
            assert!(take(2 * day, day).is_ok());
        }
        assert_eq!(take(2 * day, day), Err(Full));
        // What came back already is not there twice.
        slot.give_back(&host, &space, "t", at(day));
        assert_eq!(take(2 * day, day), Err(Full));
        let size = host.shared_get(&key(&space, "t")).unwrap().0.len();
        assert_eq!(size, 1 + 2 * 16);
    }

    #[test]
    fn who_loses_every_round_has_none() {
        let (host, space) = (MemoryHost::default(), Space::new("a"));
        host.conflict_next(MAX_TRIES);
        let taken = Slot::take(&host, &space, "t", 9, at(1));
        assert_eq!(taken, Err(Exhausted));
        host.conflict_next(5);
        let slot = Slot::take(&host, &space, "t", 9, at(1)).unwrap().unwrap();
        host.conflict_next(5);
        slot.give_back(&host, &space, "t", at(1));
        assert_eq!(host.shared_get(&key(&space, "t")).unwrap().0.len(), 1);
    }
}
