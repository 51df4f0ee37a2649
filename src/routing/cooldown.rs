/*! Targets that fail go last for a while; all workers know.

One record per target. Consecutive failures begin a cool-down, and each failure after it a
longer one; a 429 begins one of the length that the provider tells. When it is over, one
call at a time probes the target, and a success clears the record. A target without
trouble is only read, never written. */

use super::{Try, millis};
use crate::config::{CoolDown, Target};
use crate::host::{Expect, Host, Instant};
use crate::state::{self, Exhausted, Space};

/// How long the others wait for a probe, in milliseconds: its call may have died, or may
/// never have come to this target.
const PROBE_MS: u64 = 30_000;

const VERSION: u8 = 1;

/// How a target is doing, as a call finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It is the only target of its model: nobody has looked.
    Alone,
    /// Nothing is known against it.
    Well,
    /// It has failed, but not often enough.
    Noted,
    /// Its cool-down is over, and nobody has tried it yet; this call would, as a fallback.
    Due,
    /// Its cool-down is over, and this call is the one that finds out.
    Probing,
    /// It goes last.
    Cooling,
}

/// What is known of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing against it.
    Well,
    /// It has failed, but not often enough.
    Noted,
    /// Its cool-down is over, and nobody has tried it yet.
    Due,
    /// It is cooling down, or somebody is trying it.
    Cooling,
}

/// Times in milliseconds since the Unix epoch; 0: none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Record {
    /// Consecutive ones.
    failures: u64,
    /// Consecutive cool-downs for failures.
    cool_downs: u64,
    failed_at: u64,
    failed_until: u64,
    limited_until: u64,
    probed_until: u64,
}

/// A try has failed: not reached, reset, too late, or answered with an error that is its
/// target's own. Writes nothing for a target that is alone: its successes are not noted
/// either, so its failures would never be consecutive.
///
/// # Errors
/// [`Exhausted`] if other workers won every round; the failure is not counted then.
pub fn failed(
    host: &dyn Host,
    space: &Space,
    rules: &CoolDown,
    tried: &Try,
    now: Instant,
) -> Result<(), Exhausted> {
    if tried.health == Health::Alone {
        return Ok(());
    }
    change(host, space, &tried.target, |record| {
        record.failed(rules, millis(now))
    })
}

/// A try was answered with 429; `until` is when the target will answer again, if it told
/// ([`super::reset_hint`]).
///
/// # Errors
/// As [`failed`].
pub fn rate_limited(
    host: &dyn Host,
    space: &Space,
    rules: &CoolDown,
    tried: &Try,
    until: Option<Instant>,
    now: Instant,
) -> Result<(), Exhausted> {
    change(host, space, &tried.target, |record| {
        record.rate_limited(rules, until.map(millis), millis(now))
    })
}

/// A try was answered. Writes nothing unless the call had found something against its target.
///
/// # Errors
/// As [`failed`].
pub fn succeeded(
    host: &dyn Host,
    space: &Space,
    tried: &Try,
    now: Instant,
) -> Result<(), Exhausted> {
    if matches!(tried.health, Health::Alone | Health::Well) {
        return Ok(());
    }
    change(host, space, &tried.target, |record| {
        record.succeeded(tried.health, millis(now))
    })
}

/// How `target` is doing, for those who only look.
pub fn state(
    host: &dyn Host,
    space: &Space,
    rules: &CoolDown,
    target: &Target,
    now: Instant,
) -> State {
    match host.shared_get(&key(space, target)) {
        Some((bytes, _)) => Record::decode(&bytes).state(rules, millis(now)),
        None => State::Well,
    }
}

/// How a call finds `target`.
pub(super) fn look(
    host: &dyn Host,
    space: &Space,
    rules: &CoolDown,
    target: &Target,
    now: Instant,
) -> Health {
    match state(host, space, rules, target, now) {
        State::Well => Health::Well,
        State::Noted => Health::Noted,
        State::Due => Health::Due,
        State::Cooling => Health::Cooling,
    }
}

/// Lets a call that will try `target` first be the one that finds out, if no other is.
pub(super) fn claim(
    host: &dyn Host,
    space: &Space,
    rules: &CoolDown,
    target: &Target,
    now: Instant,
) -> Health {
    let key = key(space, target);
    let Some((bytes, version)) = host.shared_get(&key) else {
        return Health::Well;
    };
    let record = Record::decode(&bytes);
    if record.state(rules, millis(now)) != State::Due {
        return Health::Cooling;
    }
    let claim = Record {
        probed_until: millis(now).saturating_add(PROBE_MS),
        ..record
    };
    // Once only: if another worker was faster, the probe is that one's.
    match host.shared_set(&key, &claim.encode(), Expect::Version(version)) {
        Ok(()) => Health::Probing,
        Err(_) => Health::Cooling,
    }
}

fn key(space: &Space, target: &Target) -> String {
    space.key(&format!("cooldown/{}", target.key))
}

fn change(
    host: &dyn Host,
    space: &Space,
    target: &Target,
    change: impl Fn(Record) -> Record,
) -> Result<(), Exhausted> {
    state::update(host, &key(space, target), |old| {
        change(old.map(Record::decode).unwrap_or_default()).encode()
    })
}

/// Whether `until` is ahead, by no more than can be: the clock may have been set back.
fn ahead(until: u64, now: u64, most: u64) -> bool {
    (1..=most).contains(&until.saturating_sub(now))
}

impl Record {
    fn state(&self, rules: &CoolDown, now: u64) -> State {
        let until = self.failed_until.max(self.limited_until);
        if ahead(until, now, rules.max_ms) || ahead(self.probed_until, now, PROBE_MS) {
            State::Cooling
        } else if until > 0 {
            State::Due
        } else if self.failures > 0 && !self.forgotten(rules, now) {
            State::Noted
        } else {
            State::Well
        }
    }

    /// Failures are consecutive only if the last one is not long ago.
    const fn forgotten(&self, rules: &CoolDown, now: u64) -> bool {
        let last = if self.failed_at > self.failed_until {
            self.failed_at
        } else {
            self.failed_until
        };
        now.saturating_sub(last) > rules.max_ms
    }

    fn failed(mut self, rules: &CoolDown, now: u64) -> Self {
        let probe =
            matches!(self.state(rules, now), State::Due) || ahead(self.probed_until, now, PROBE_MS);
        if self.forgotten(rules, now) {
            self.failures = 0;
            self.cool_downs = 0;
        }
        self.failures = self.failures.saturating_add(1);
        self.failed_at = now;
        self.probed_until = 0;
        let enough = self.failures >= u64::from(rules.failures);
        // Calls that were under way when it began do not make it longer.
        let cooling = ahead(self.failed_until, now, rules.max_ms);
        if (enough || probe) && !cooling {
            let length = rules.base_ms.saturating_mul(doubled(self.cool_downs));
            self.failed_until = now.saturating_add(length.min(rules.max_ms));
            self.cool_downs = self.cool_downs.saturating_add(1);
        }
        self
    }

    fn rate_limited(mut self, rules: &CoolDown, until: Option<u64>, now: u64) -> Self {
        let until = until
            .filter(|until| *until > now)
            .unwrap_or(now.saturating_add(rules.rate_limited_ms));
        let until = until.min(now.saturating_add(rules.max_ms));
        self.probed_until = 0;
        self.limited_until = if ahead(self.limited_until, now, rules.max_ms) {
            self.limited_until.max(until)
        } else {
            until
        };
        self
    }

    fn succeeded(self, health: Health, now: u64) -> Self {
        // A call from before the cool-down says nothing of the time since.
        if health == Health::Noted && self.failed_until > now {
            return self;
        }
        Self {
            limited_until: if self.limited_until > now {
                self.limited_until
            } else {
                0
            },
            ..Self::default()
        }
    }

    /// Version byte, then six little-endian 64-bit numbers.
    fn encode(self) -> Vec<u8> {
        let fields = [
            self.failures,
            self.cool_downs,
            self.failed_at,
            self.failed_until,
            self.limited_until,
            self.probed_until,
        ];
        state::encode_words(VERSION, fields)
    }

    /// Fields that an older layout lacks are zero, those of a newer one are not seen.
    fn decode(bytes: &[u8]) -> Self {
        let mut words = state::decode_words(bytes);
        let mut next = || words.next().unwrap_or(0);
        Self {
            failures: next(),
            cool_downs: next(),
            failed_at: next(),
            failed_until: next(),
            limited_until: next(),
            probed_until: next(),
        }
    }
}

/// 2 to the power of `times`, or as much as there is.
fn doubled(times: u64) -> u64 {
    let times = u32::try_from(times).unwrap_or(u32::MAX);
    1_u64.checked_shl(times).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
