/*! How quick targets are, learned from their answers; all workers know.

One record per target: the time to the first token and the time for each further one, as
moving averages. They fade with age, so that what was slow long ago is tried again. */

use super::millis;
use crate::config::Target;
use crate::host::{Host, Instant};
use crate::state::{self, Exhausted, Space};

/// Weight of a new measurement, in 1024ths: a fifth.
const NEW: u64 = 205;

/// After so long, a new measurement replaces what was known, in milliseconds.
const REPLACED_MS: u64 = 300_000;

/// After so long, nothing is known any more, in milliseconds.
const FADED_MS: u64 = 600_000;

/// As how many tokens the first one counts in an answer that came as a whole, if nothing
/// better is known.
const FIRST_TOKEN: u64 = 20;

/// Longest time that is believed, in milliseconds: a day.
const MAX_MS: u64 = 86_400_000;

const VERSION: u8 = 1;

/// What an answer showed. Times in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sample {
    /// It was streamed.
    Stream {
        /// Until the first content.
        first_token_ms: u64,
        /// From there to the end.
        generation_ms: u64,
        /// Tokens of the answer.
        output_tokens: u64,
    },
    /// It came as a whole.
    Whole {
        /// Until its end.
        ms: u64,
        /// Tokens of the answer.
        output_tokens: u64,
    },
}

/// Times in microseconds, but for when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Speed {
    first_token: u64,
    per_token: u64,
    /// Milliseconds since the Unix epoch.
    pub(super) measured_at: u64,
}

/// Takes up what an answer of `target` showed. Worth a call only for models whose strategy is
/// [`crate::config::Strategy::Fastest`]: nobody else reads it.
///
/// # Errors
/// [`Exhausted`] if other workers won every round; the answer is not taken up then.
pub fn learned(
    host: &dyn Host,
    space: &Space,
    target: &Target,
    sample: Sample,
    now: Instant,
) -> Result<(), Exhausted> {
    state::update(host, &key(space, target), |old| {
        Speed::learn(old.and_then(Speed::decode), sample, millis(now)).encode()
    })
}

/// What is known of `target`.
pub(super) fn read(host: &dyn Host, space: &Space, target: &Target) -> Option<Speed> {
    let (bytes, _) = host.shared_get(&key(space, target))?;
    Speed::decode(&bytes)
}

fn key(space: &Space, target: &Target) -> String {
    space.key(&format!("speed/{}", target.key))
}

impl Speed {
    /// How long an answer of so many tokens will take, in microseconds; the less the longer
    /// nothing was measured.
    pub(super) fn predict(&self, tokens: u64, now: Instant) -> u64 {
        let whole = u128::from(self.per_token)
            .saturating_mul(u128::from(tokens))
            .saturating_add(u128::from(self.first_token));
        let age = millis(now).saturating_sub(self.measured_at);
        let left = u128::from(FADED_MS.saturating_sub(age));
        let faded = whole.saturating_mul(left).checked_div(FADED_MS.into());
        u64::try_from(faded.unwrap_or(0)).unwrap_or(u64::MAX)
    }

    fn learn(known: Option<Self>, sample: Sample, now: u64) -> Self {
        let new = Self::measured(known, sample, now);
        let Some(known) = known else { return new };
        let age = now.saturating_sub(known.measured_at).min(REPLACED_MS);
        let weight = (age.saturating_mul(1024) / REPLACED_MS).max(NEW);
        Self {
            first_token: blend(known.first_token, new.first_token, weight),
            per_token: blend(known.per_token, new.per_token, weight),
            measured_at: now,
        }
    }

    fn measured(known: Option<Self>, sample: Sample, now: u64) -> Self {
        let micros = |ms: u64| ms.min(MAX_MS).saturating_mul(1000);
        match sample {
            Sample::Stream {
                first_token_ms,
                generation_ms,
                output_tokens,
            } => Self {
                first_token: micros(first_token_ms),
                // The first token is no part of the rest.
                per_token: micros(generation_ms)
                    .checked_div(output_tokens.saturating_sub(1))
                    .unwrap_or_else(|| known.map_or(0, |known| known.per_token)),
                measured_at: now,
            },
            Sample::Whole { ms, output_tokens } => {
                Self::split(known, micros(ms), output_tokens, now)
            }
        }
    }

    /// Divides the time of a whole answer between its first token and the rest, as they were
    /// to each other before.
    fn split(known: Option<Self>, time: u64, tokens: u64, now: u64) -> Self {
        let rest = tokens.saturating_sub(1);
        let first = known
            .filter(|known| known.per_token > 0)
            .and_then(|known| known.first_token.checked_div(known.per_token))
            .unwrap_or(FIRST_TOKEN)
            .max(1);
        let per_token = time.checked_div(first.saturating_add(rest)).unwrap_or(0);
        Self {
            first_token: time.saturating_sub(per_token.saturating_mul(rest)),
            per_token,
            measured_at: now,
        }
    }

    fn encode(self) -> Vec<u8> {
        state::encode_words(
            VERSION,
            [self.first_token, self.per_token, self.measured_at],
        )
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut words = state::decode_words(bytes);
        Some(Self {
            first_token: words.next()?,
            per_token: words.next()?,
            measured_at: words.next()?,
        })
    }
}

/// `new` by `weight` 1024ths, `old` by the rest.
const fn blend(old: u64, new: u64, weight: u64) -> u64 {
    let old = old.saturating_mul(1024_u64.saturating_sub(weight));
    old.saturating_add(new.saturating_mul(weight)) / 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: Sample = Sample::Stream {
        first_token_ms: 500,
        generation_ms: 1_000,
        output_tokens: 101,
    };

    const fn speed(first_token: u64, per_token: u64, measured_at: u64) -> Speed {
        Speed {
            first_token,
            per_token,
            measured_at,
        }
    }

    #[test]
    fn a_stream_shows_both_times() {
        assert_eq!(Speed::learn(None, STREAM, 7), speed(500_000, 10_000, 7));
        for output_tokens in [0, 1] {
            let sample = Sample::Stream {
                first_token_ms: 500,
                generation_ms: 1_000,
                output_tokens,
            };
            assert_eq!(Speed::learn(None, sample, 7), speed(500_000, 0, 7));
            let known = Some(speed(500_000, 10_000, 7));
            assert_eq!(Speed::learn(known, sample, 7), speed(500_000, 10_000, 7));
        }
    }

    #[test]
    fn a_whole_answer_is_divided_as_was_known() {
        let whole = |ms, output_tokens| Sample::Whole { ms, output_tokens };
        let first = Speed::learn(None, whole(1_200, 101), 0);
        assert_eq!(
            first,
            speed(200_000, 10_000, 0),
            "the first token as twenty"
        );
        let known = Some(speed(500_000, 10_000, 0));
        assert_eq!(
            Speed::learn(known, whole(3_000, 101), REPLACED_MS),
            speed(1_000_000, 20_000, REPLACED_MS)
        );
        assert_eq!(Speed::learn(None, whole(5, 0), 0), speed(5_000, 250, 0));
    }

    #[test]
    fn the_longer_ago_the_less_it_weighs() {
        let known = Some(speed(1_000_000, 0, 0));
        for (now, first_token) in [(0, 899_902), (150_000, 750_000), (300_000, 500_000)] {
            let learned = Speed::learn(known, STREAM, now);
            assert_eq!(
                (learned.first_token, learned.measured_at),
                (first_token, now)
            );
        }
        let ahead = Some(speed(1_000_000, 0, 900_000));
        let learned = Speed::learn(ahead, STREAM, 5);
        assert_eq!(learned.first_token, 899_902, "the clock was set back");
    }

    #[test]
    fn a_prediction_fades_to_nothing() {
        let at = |ms: u64| Instant(ms * 1_000_000);
        let known = speed(400_000, 2_000, 1_000);
        for (ms, tokens, micros) in [
            (1_000, 0, 400_000),
            (1_000, 100, 600_000),
            (0, 100, 600_000),
            (301_000, 100, 300_000),
            (601_000, 100, 0),
            (9_000_000, u64::MAX, 0),
            (1_000, u64::MAX, u64::MAX),
        ] {
            assert_eq!(known.predict(tokens, at(ms)), micros, "{ms} {tokens}");
        }
    }

    #[test]
    fn records_of_other_layouts() {
        let known = speed(1, 2, 3);
        let mut bytes = known.encode();
        bytes.extend([9; 11]);
        assert_eq!(Speed::decode(&bytes), Some(known));
        assert_eq!(Speed::decode(&bytes[..24]), None);
        assert_eq!(Speed::decode(&[]), None);
    }
}
