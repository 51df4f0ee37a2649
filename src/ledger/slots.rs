/*! Places for charges that stay open, over all workers: each call takes one before it is sent, so
that no tenant can have more of them than there is room for, and none of its users most of them. A
place comes back by itself when the time is over in which its charge can be corrected. */

use crate::host::{Host, Instant};
use crate::state::{Exhausted, Space, decode_words, encode_words, try_update};

/// Most charges of a tenant that are open at a time.
pub const MOST_OPEN: u64 = 2_000;

/// Most of them that one user has: one alone shuts out none of the others.
pub const MOST_OF_USER: u64 = MOST_OPEN / 4;

const VERSION: u8 = 2;

/// How exactly it is known when a place comes back by itself, in milliseconds.
const HOUR_MS: u64 = 60 * 60 * 1000;

/// A place for one charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Until when the charge can be corrected, in milliseconds since the Unix epoch.
    pub until_ms: u64,
    /// The number of the user who has it; 0 without one.
    pub user: u64,
}

/// All places are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full {
    /// Whether these are the user's.
    pub of_user: bool,
    /// When the first of them comes back by itself, in milliseconds since the Unix epoch.
    pub free_ms: u64,
}

/// Places that come back at the same hour, of one user.
#[derive(Debug, Clone, Copy)]
struct Taken {
    hour: u64,
    user: u64,
    count: u64,
}

impl Slot {
    /// Takes this place of a tenant.
    ///
    /// # Errors
    /// [`Exhausted`] if other workers won every round; inside, [`Full`].
    pub fn take(
        self,
        host: &dyn Host,
        space: &Space,
        tenant: &str,
        now: Instant,
    ) -> Result<Result<Self, Full>, Exhausted> {
        try_update(host, &key(space, tenant), |old| {
            let mut all = read(old, now);
            if let Some(full) = self.full(&all) {
                return Err(full);
            }
            match all.iter_mut().find(|taken| self.is_of(taken)) {
                Some(taken) => taken.count = taken.count.saturating_add(1),
                None => all.push(Taken {
                    hour: self.hour(),
                    user: self.user,
                    count: 1,
                }),
            }
            Ok((written(&all), self))
        })
    }

    /// Why there is no room for it, if there is none.
    fn full(self, all: &[Taken]) -> Option<Full> {
        let is_own = |taken: &&Taken| self.user != 0 && taken.user == self.user;
        let (own, own_hour) = of(all.iter().filter(is_own));
        let (count, hour) = of(all.iter());
        let (of_user, hour) = match own >= MOST_OF_USER {
            true => (true, own_hour),
            false if count >= MOST_OPEN => (false, hour),
            false => return None,
        };
        let free_ms = hour.saturating_mul(HOUR_MS);
        Some(Full { of_user, free_ms })
    }

    /// Gives it back. Where other workers win every round, it comes back by itself.
    pub fn give_back(self, host: &dyn Host, space: &Space, tenant: &str, now: Instant) {
        let _ = try_update(host, &key(space, tenant), |old| {
            let mut all = read(old, now);
            let taken = all.iter_mut().find(|taken| self.is_of(taken)).ok_or(())?;
            taken.count = taken.count.saturating_sub(1);
            all.retain(|taken| taken.count > 0);
            Ok::<_, ()>((written(&all), ()))
        });
    }

    fn is_of(self, taken: &Taken) -> bool {
        taken.hour == self.hour() && taken.user == self.user
    }

    /// The hour at whose beginning it comes back.
    const fn hour(self) -> u64 {
        self.until_ms.div_ceil(HOUR_MS)
    }
}

fn key(space: &Space, tenant: &str) -> String {
    space.key(&format!("open/{tenant}/slots"))
}

/// How many these are, and the hour at which the first of them comes back.
fn of<'t>(taken: impl Iterator<Item = &'t Taken>) -> (u64, u64) {
    taken.fold((0, u64::MAX), |(count, hour), taken| {
        (count.saturating_add(taken.count), hour.min(taken.hour))
    })
}

/// Those that are taken now. Another layout says nothing here: there is room for these charges.
fn read(record: Option<&[u8]>, now: Instant) -> Vec<Taken> {
    let record = record.filter(|bytes| bytes.first() == Some(&VERSION));
    let words: Vec<u64> = decode_words(record.unwrap_or_default()).collect();
    let all = words.as_chunks::<3>().0.iter();
    let all = all.map(|[hour, user, count]| Taken {
        hour: *hour,
        user: *user,
        count: *count,
    });
    let stands = |taken: &Taken| now.unix_millis() < taken.hour.saturating_mul(HOUR_MS);
    all.filter(stands).collect()
}

fn written(all: &[Taken]) -> Vec<u8> {
    let words = all
        .iter()
        .flat_map(|taken| [taken.hour, taken.user, taken.count]);
    encode_words(VERSION, words)
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
        let slot = |until_ms| Slot { until_ms, user: 0 };
        let take = |until_ms, now| slot(until_ms).take(&host, &space, "t", at(now)).unwrap();
        let full = |free_ms| {
            Err(Full {
                of_user: false,
                free_ms,
            })
        };
        let (day, now) = (24 * HOUR_MS, 90);
        for number in 0..MOST_OPEN {
            let until_ms = day + number % 2 * HOUR_MS;
            assert_eq!(take(until_ms, now), Ok(slot(until_ms)));
        }
        assert_eq!(take(day, now), full(day));
        // Another tenant has its own.
        let other = slot(day).take(&host, &space, "u", at(now)).unwrap();
        assert_eq!(other, Ok(slot(day)));
        let slot = slot(day);
        slot.give_back(&host, &space, "t", at(now));
        assert_eq!(take(day, now), Ok(slot));
        assert_eq!(take(day, now), full(day));
        // Half of them come back by themselves.
        for _ in 0..MOST_OPEN / 2 {
            assert!(take(2 * day, day).is_ok());
        }
        assert_eq!(take(2 * day, day), full(day + HOUR_MS));
        // What came back already is not there twice.
        slot.give_back(&host, &space, "t", at(day));
        assert_eq!(take(2 * day, day), full(day + HOUR_MS));
        let size = host.shared_get(&key(&space, "t")).unwrap().0.len();
        assert_eq!(size, 1 + 2 * 24);
    }

    #[test]
    fn who_loses_every_round_has_none() {
        let (host, space) = (MemoryHost::default(), Space::new("a"));
        host.conflict_next(MAX_TRIES);
        let slot = Slot {
            until_ms: 9,
            user: 0,
        };
        let taken = slot.take(&host, &space, "t", at(1));
        assert_eq!(taken, Err(Exhausted));
        host.conflict_next(5);
        let slot = slot.take(&host, &space, "t", at(1)).unwrap().unwrap();
        host.conflict_next(5);
        slot.give_back(&host, &space, "t", at(1));
        assert_eq!(host.shared_get(&key(&space, "t")).unwrap().0.len(), 1);
    }

    #[test]
    fn a_user_has_a_share_of_them() {
        let (host, space) = (MemoryHost::default(), Space::new("a"));
        let take = |user| {
            let slot = Slot {
                until_ms: HOUR_MS,
                user,
            };
            slot.take(&host, &space, "t", at(9)).unwrap()
        };
        let full = |of_user| {
            Err(Full {
                of_user,
                free_ms: HOUR_MS,
            })
        };
        for _ in 0..MOST_OF_USER {
            assert!(take(7).is_ok());
        }
        assert_eq!(take(7), full(true));
        let of_another = take(8).unwrap();
        // Who names no user has what is left of the tenant's.
        for _ in MOST_OF_USER + 1..MOST_OPEN {
            assert!(take(0).is_ok());
        }
        for user in [0, 8] {
            assert_eq!(take(user), full(false));
        }
        assert_eq!(take(7), full(true));
        of_another.give_back(&host, &space, "t", at(9));
        assert_eq!(take(7), full(true));
        assert!(take(9).is_ok());
    }
}
