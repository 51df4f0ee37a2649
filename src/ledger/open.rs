/*! Charges that stand until somebody tells what a call took, over all workers. They are bounded
in number and in time: what does not fit, or is not told in time, stays charged. */

use crate::host::{Host, Instant};
use crate::state::{Exhausted, Space, decode_words, encode_words, try_update};

const VERSION: u8 = 2;

/// Records of a tenant, over which its charges are spread.
const RECORDS: u64 = 16;

/// Most charges of a record: 9 KB.
const MOST: usize = 128;

const WORDS: usize = 9;

/// What a call was charged, and where. Names are numbers here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    /// When it was reserved, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Until when it can be corrected, likewise.
    pub until_ms: u64,
    /// Tokens of the prompt.
    pub input: u64,
    /// Tokens of the answer.
    pub output: u64,
    /// What they cost, in nano-USD.
    pub nano_usd: u64,
    /// The virtual model.
    pub model: u64,
    /// The target, by its key.
    pub target: u64,
    /// The user.
    pub user: u64,
}

/// A charge stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost;

impl From<Exhausted> for Lost {
    fn from(_: Exhausted) -> Self {
        Self
    }
}

impl Charge {
    const fn words(self, id: u64) -> [u64; WORDS] {
        [
            id,
            self.at_ms,
            self.until_ms,
            self.input,
            self.output,
            self.nano_usd,
            self.model,
            self.target,
            self.user,
        ]
    }

    const fn of(words: &[u64; WORDS]) -> Self {
        let [
            _,
            at_ms,
            until_ms,
            input,
            output,
            nano_usd,
            model,
            target,
            user,
        ] = *words;
        Self {
            at_ms,
            until_ms,
            input,
            output,
            nano_usd,
            model,
            target,
            user,
        }
    }

    const fn stands(self, now: Instant) -> bool {
        now.unix_millis() < self.until_ms
    }

    /// Leaves the charge of `id` open: the next [`Charge::take`] of it gets it.
    ///
    /// # Errors
    /// [`Lost`] if there is no room for it, or other workers won every round.
    pub fn leave(
        self,
        host: &dyn Host,
        space: &Space,
        (tenant, id): (&str, u64),
        now: Instant,
    ) -> Result<(), Lost> {
        try_update(host, &key(space, tenant, id), |old| {
            let mut all = read(old);
            all.retain(|words| Self::of(words).stands(now));
            if all.len() >= MOST {
                return Err(Lost);
            }
            all.push(self.words(id));
            Ok((written(all), ()))
        })?
    }

    /// Takes the charge of `id`, if there is one: who gets it has to correct it, and nobody else
    /// gets it.
    ///
    /// # Errors
    /// [`Lost`] if other workers won every round; it may be there still.
    pub fn take(
        host: &dyn Host,
        space: &Space,
        (tenant, id): (&str, u64),
        now: Instant,
    ) -> Result<Option<Self>, Lost> {
        let taken = try_update(host, &key(space, tenant, id), |old| {
            let mut all = read(old);
            let at = all
                .iter()
                .position(|words| words.first() == Some(&id) && Self::of(words).stands(now));
            let charge = at.map(|at| Self::of(&all.swap_remove(at))).ok_or(())?;
            Ok::<_, ()>((written(all), charge))
        })?;
        Ok(taken.ok())
    }
}

fn key(space: &Space, tenant: &str, id: u64) -> String {
    let record = id % RECORDS;
    space.key(&format!("open/{tenant}/{record}"))
}

fn read(record: Option<&[u8]>) -> Vec<[u64; WORDS]> {
    let words: Vec<u64> = decode_words(record.unwrap_or_default()).collect();
    words.as_chunks::<WORDS>().0.to_vec()
}

fn written(all: Vec<[u64; WORDS]>) -> Vec<u8> {
    encode_words(VERSION, all.into_iter().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::memory::MemoryHost;
    use crate::state::MAX_TRIES;

    fn charge(at_ms: u64) -> Charge {
        Charge {
            at_ms,
            until_ms: at_ms + 1_000,
            input: 2,
            output: 3,
            nano_usd: 4,
            model: 5,
            target: 6,
            user: 7,
        }
    }

    fn at(millis: u64) -> Instant {
        Instant(millis * 1_000_000)
    }

    #[test]
    fn a_charge_is_taken_once() {
        let (host, space) = (MemoryHost::default(), Space::new("a"));
        let take = |tenant, id| Charge::take(&host, &space, (tenant, id), at(9));
        for id in [7, 7 + RECORDS, 8] {
            let left = charge(id).leave(&host, &space, ("t", id), at(9));
            assert_eq!(left, Ok(()));
        }
        // Another tenant has no such thing, nor has another policy.
        assert_eq!(take("u", 7), Ok(None));
        let other = Charge::take(&host, &Space::new("b"), ("t", 7), at(9));
        assert_eq!(other, Ok(None));
        for id in [7 + RECORDS, 7, 8] {
            assert_eq!(take("t", id), Ok(Some(charge(id))));
            assert_eq!(take("t", id), Ok(None));
        }
    }

    #[test]
    fn workers_that_lose_say_so() {
        let (host, space) = (MemoryHost::default(), Space::new("a"));
        let leave = || charge(0).leave(&host, &space, ("t", 7), at(9));
        let take = || Charge::take(&host, &space, ("t", 7), at(9));
        host.conflict_next(MAX_TRIES);
        assert_eq!(leave(), Err(Lost));
        host.conflict_next(5);
        assert_eq!(leave(), Ok(()));
        host.conflict_next(MAX_TRIES);
        assert_eq!(take(), Err(Lost));
        host.conflict_next(5);
        assert_eq!(take(), Ok(Some(charge(0))));
        assert_eq!(take(), Ok(None));
    }

    #[test]
    fn charges_are_bounded_and_last_as_long_as_they_say() {
        let (host, space) = (MemoryHost::default(), Space::new("a"));
        let leave = |id: u64, at_ms, now| {
            let id = id * RECORDS;
            charge(at_ms).leave(&host, &space, ("t", id), at(now))
        };
        let take = |id: u64, now| Charge::take(&host, &space, ("t", id * RECORDS), at(now));
        let most = u64::try_from(MOST).unwrap();
        for id in 0..most {
            assert_eq!(leave(id, 1_000, 1_000), Ok(()));
        }
        assert_eq!(leave(most, 1_000, 1_000), Err(Lost));
        let (key, last) = (key(&space, "t", 0), 1_999);
        assert_eq!(host.shared_get(&key).unwrap().0.len(), 1 + MOST * 8 * WORDS);
        assert_eq!(take(0, last), Ok(Some(charge(1_000))));
        assert_eq!(leave(most, 2_000, last), Ok(()));
        // Now the others are over, and make room.
        assert_eq!(take(1, last + 1), Ok(None));
        assert_eq!(leave(most + 1, last, last + 1), Ok(()));
        assert_eq!(host.shared_get(&key).unwrap().0.len(), 1 + 2 * 8 * WORDS);
        // Each has a time of its own.
        let long = Charge {
            until_ms: 9_000,
            ..charge(1_000)
        };
        let left = long.leave(&host, &space, ("t", 0), at(last + 2));
        assert_eq!(left, Ok(()));
        assert_eq!(take(0, 8_999), Ok(Some(long)));
    }
}
