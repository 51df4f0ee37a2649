/*! What estimates of one target have to be multiplied by, learned from what it reports.

Tokenizers differ: the same text comes to more tokens at one provider than at another. One
small record per target, which all workers share, follows what was reported ÷ what was
estimated, slowly, and within bounds: a provider that reports nonsense does little harm. */

use crate::host::Host;
use crate::state::{self, Exhausted, Space};

/// What was reported ÷ what was estimated: a fraction of 4096, from a half to 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Factor(u32);

/// The factor 1.
const ONE: u32 = 4096;
const LEAST: u32 = ONE / 2;
const MOST: u32 = ONE * 2;

/// Estimates below so many tokens say little: that of a short text is coarse.
pub const MIN_TOKENS: u64 = 50;

/// Of how many of the last samples the factor is about the mean, once so many have come;
/// before, it is the mean of all.
const MEMORY: u64 = 64;

/// From so many samples on, one that agrees with what is known to a 32nd is not taken up: then
/// a target that is known costs a read a call, no write.
const SETTLED: u64 = 32;

const VERSION: u8 = 1;

impl Default for Factor {
    fn default() -> Self {
        Self(ONE)
    }
}

impl Factor {
    /// An estimate, corrected for a reservation: never lowered, since all tenants teach the
    /// factor and one of them must not make the others' calls pass with too little; rounded up.
    pub fn correct(self, tokens: u64) -> u64 {
        let raised = self.0.max(ONE);
        let product = u128::from(tokens).saturating_mul(raised.into());
        let corrected = product.div_ceil(ONE.into());
        u64::try_from(corrected).unwrap_or(u64::MAX)
    }

    /// In thousandths, for records: 1000 changes nothing.
    pub fn permille(self) -> u64 {
        u64::from(self.0).saturating_mul(1000) >> 12
    }

    /// What would have made `estimated` the `reported` tokens; `None` if that says nothing.
    fn of(estimated: u64, reported: u64) -> Option<Self> {
        if estimated < MIN_TOKENS || reported == 0 {
            return None;
        }
        let ratio = u128::from(reported).saturating_mul(ONE.into());
        let ratio = ratio.checked_div(estimated.into())?;
        let ratio = u32::try_from(ratio).unwrap_or(MOST);
        Some(Self(ratio.clamp(LEAST, MOST)))
    }
}

/// What is known of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Known {
    factor: Factor,
    samples: u64,
}

/// The factor of a target, by its key (`backend/model`): 1 if nothing is known.
pub fn read(host: &dyn Host, space: &Space, target: &str) -> Factor {
    known(host, space, target).factor
}

/// Takes up that a prompt without images, sounds and files was estimated, before any
/// correction, and what the provider reported for it, cached tokens included. Costs a read of
/// shared data, and a write only while there is something to learn.
///
/// # Errors
/// [`Exhausted`] if other workers won every round; nothing was learned then.
pub fn learn(
    host: &dyn Host,
    space: &Space,
    target: &str,
    estimated: u64,
    reported: u64,
) -> Result<(), Exhausted> {
    let Some(sample) = Factor::of(estimated, reported) else {
        return Ok(());
    };
    if known(host, space, target).agrees(sample) {
        return Ok(());
    }
    state::update(host, &key(space, target), |old| {
        let known = old.map(Known::decode).unwrap_or_default();
        known.with(sample).encode()
    })
}

fn known(host: &dyn Host, space: &Space, target: &str) -> Known {
    let found = host.shared_get(&key(space, target));
    found.map_or_else(Known::default, |(bytes, _)| Known::decode(&bytes))
}

fn key(space: &Space, target: &str) -> String {
    space.key(&format!("tokens/{target}"))
}

impl Known {
    fn agrees(self, sample: Factor) -> bool {
        let off = self.factor.0.abs_diff(sample.0);
        self.samples >= SETTLED && off <= self.factor.0 / 32
    }

    /// Moves towards a sample by its share of the mean.
    fn with(self, sample: Factor) -> Self {
        let samples = self.samples.saturating_add(1);
        let share = i64::try_from(samples.min(MEMORY)).unwrap_or(1);
        let (old, new) = (i64::from(self.factor.0), i64::from(sample.0));
        let apart = new.saturating_sub(old);
        let step = apart.checked_div(share).unwrap_or(0);
        // A step always leads somewhere, so that what is learned is not stuck beside the mean.
        let step = if step == 0 { apart.signum() } else { step };
        let factor = u32::try_from(old.saturating_add(step)).unwrap_or(ONE);
        Self {
            factor: Factor(factor.clamp(LEAST, MOST)),
            samples: samples.min(MEMORY),
        }
    }

    fn encode(self) -> Vec<u8> {
        state::encode_words(VERSION, [self.factor.0.into(), self.samples])
    }

    /// What no version of Tollgate wrote counts as nothing known.
    fn decode(bytes: &[u8]) -> Self {
        let mut words = state::decode_words(bytes);
        let (Some(factor), Some(samples)) = (words.next(), words.next()) else {
            return Self::default();
        };
        match u32::try_from(factor) {
            Ok(factor @ LEAST..=MOST) => Self {
                factor: Factor(factor),
                samples: samples.min(MEMORY),
            },
            _ => Self::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Expect;
    use crate::host::memory::MemoryHost;

    fn space() -> Space {
        Space::new("t")
    }

    fn after(samples: &[(u64, u64)]) -> u64 {
        let host = MemoryHost::default();
        for (estimated, reported) in samples {
            learn(&host, &space(), "b/m", *estimated, *reported).unwrap();
        }
        read(&host, &space(), "b/m").permille()
    }

    #[test]
    fn moves_to_what_is_reported_and_stays_within_its_bounds() {
        for (samples, wanted) in [
            (vec![], 1000),
            (vec![(100, 120)], 1199),
            (vec![(100, 120), (100, 100)], 1100),
            (vec![(1000, 1250); 200], 1250),
            (vec![(1000, 900); 200], 899),
            (vec![(100, 1_000_000_000)], 2000),
            (vec![(u64::MAX, 1); 9], 500),
            (vec![(100, u64::MAX)], 2000),
            // Too short, or nothing that a prompt can come to.
            (vec![(49, 98), (100, 0), (0, 5)], 1000),
        ] {
            assert_eq!(after(&samples), wanted, "{samples:?}");
        }
    }

    #[test]
    fn nobody_makes_estimates_lower_than_they_are() {
        let host = MemoryHost::default();
        for _ in 0..200 {
            learn(&host, &space(), "b/m", 1_000_000, 1).unwrap();
        }
        let factor = read(&host, &space(), "b/m");
        assert_eq!((factor.permille(), factor.correct(1000)), (500, 1000));
    }

    #[test]
    fn one_wild_report_among_many_does_little() {
        let mut samples = vec![(1000, 1100); 100];
        samples.push((1000, 1_000_000));
        let factor = after(&samples);
        assert!((1100..=1130).contains(&factor), "{factor}");
    }

    #[test]
    fn follows_a_target_that_changes() {
        let mut samples = vec![(1000, 800); 300];
        samples.extend(vec![(1000, 1400); 400]);
        let factor = after(&samples);
        assert!((1355..=1400).contains(&factor), "{factor}");
    }

    #[test]
    fn what_is_known_is_not_written_again() {
        let host = MemoryHost::default();
        for _ in 0..100 {
            learn(&host, &space(), "b/m", 1000, 1100).unwrap();
        }
        let version = || host.shared_get(&key(&space(), "b/m")).unwrap().1;
        let before = version();
        learn(&host, &space(), "b/m", 1000, 1110).unwrap();
        assert_eq!(version(), before);
        learn(&host, &space(), "b/m", 1000, 1300).unwrap();
        assert_ne!(version(), before);
    }

    #[test]
    fn targets_and_policies_do_not_meet() {
        let host = MemoryHost::default();
        learn(&host, &space(), "b/m", 100, 200).unwrap();
        assert_eq!(read(&host, &space(), "b/n"), Factor::default());
        assert_eq!(read(&host, &Space::new("u"), "b/m"), Factor::default());
    }

    #[test]
    fn losing_every_round_is_told() {
        let host = MemoryHost::default();
        host.conflict_next(state::MAX_TRIES);
        assert_eq!(learn(&host, &space(), "b/m", 100, 200), Err(Exhausted));
        assert_eq!(read(&host, &space(), "b/m"), Factor::default());
    }

    #[test]
    fn broken_records_count_as_nothing_known() {
        let words = |words: [u64; 2]| state::encode_words(VERSION, words);
        for bytes in [
            vec![],
            vec![1; 9],
            words([0, 3]),
            words([u64::MAX, 3]),
            words([9000, 1]),
        ] {
            let host = MemoryHost::default();
            host.shared_set(&key(&space(), "b/m"), &bytes, Expect::Absent)
                .unwrap();
            assert_eq!(read(&host, &space(), "b/m"), Factor::default(), "{bytes:?}");
            learn(&host, &space(), "b/m", 100, 150).unwrap();
            assert_eq!(read(&host, &space(), "b/m").permille(), 1500, "{bytes:?}");
        }
    }

    #[test]
    fn estimates_are_corrected_upwards_only_and_never_overflow() {
        assert_eq!(Factor::default().correct(7), 7);
        assert_eq!(Factor(ONE + 1).correct(1), 2);
        assert_eq!(Factor(ONE - 1).correct(1000), 1000);
        assert_eq!(Factor(MOST).correct(u64::MAX), u64::MAX);
        assert_eq!(Factor(MOST).correct(0), 0);
    }
}
