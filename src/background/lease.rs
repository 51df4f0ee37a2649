/*! Work that one virtual machine at a time does. A lease that its holder lets run out is
free: virtual machines die, and nobody is told. */

use crate::host::Host;
use crate::state::{self, Space};
use std::cell::Cell;

/// How long a lease holds after it was last renewed, in milliseconds: many ticks, so that a
/// busy worker keeps what it has.
pub(super) const LEASE_MS: u64 = 5_000;

const VERSION: u8 = 1;

#[derive(Clone, Copy)]
struct Lease {
    holder: u64,
    until: u64,
}

/// Takes or renews the lease called `record` for machine `vm`; whether it has it now, for
/// [`LEASE_MS`] from `now` (milliseconds).
pub(super) fn hold(host: &dyn Host, space: &Space, record: &str, vm: u64, now: u64) -> bool {
    let key = space.key(record);
    // Most machines only look: a lost race is not worth a write.
    let found = host.shared_get(&key);
    if found.is_some_and(|(bytes, _)| decode(&bytes).is_some_and(|it| it.is_others(vm, now))) {
        return false;
    }
    let held = Cell::new(false);
    let taken = state::update(host, &key, |old| {
        let old = old.and_then(decode);
        let other = old.filter(|lease| lease.is_others(vm, now));
        held.set(other.is_none());
        other.unwrap_or_else(|| Lease::of(vm, now)).encode()
    });
    taken.is_ok() && held.get()
}

impl Lease {
    const fn of(holder: u64, now: u64) -> Self {
        Self {
            holder,
            until: now.saturating_add(LEASE_MS),
        }
    }

    /// Whether somebody else has it. One that ends later than any can was taken before the
    /// clock stepped back.
    const fn is_others(self, vm: u64, now: u64) -> bool {
        let latest = now.saturating_add(LEASE_MS);
        self.holder != vm && self.until > now && self.until <= latest
    }

    fn encode(self) -> Vec<u8> {
        state::encode_words(VERSION, [self.holder, self.until])
    }
}

fn decode(bytes: &[u8]) -> Option<Lease> {
    let mut words = state::decode_words(bytes);
    Some(Lease {
        holder: words.next()?,
        until: words.next()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::memory::MemoryHost;

    #[test]
    fn one_holds_it_until_it_lets_it_run_out() {
        let host = MemoryHost::default();
        let space = Space::new("t");
        let hold = |vm, now| hold(&host, &space, "lease", vm, now);
        assert!(hold(1, 10_000));
        assert!(!hold(2, 10_000));
        assert!(hold(1, 14_000), "renewed");
        assert!(!hold(2, 18_999));
        assert!(hold(2, 19_000), "run out");
        assert!(!hold(1, 19_001));
        assert!(
            hold(1, 5_000),
            "the clock has stepped back by more than a lease"
        );
    }

    #[test]
    fn a_race_has_one_winner() {
        let host = MemoryHost::default();
        let space = Space::new("t");
        host.conflict_next(state::MAX_TRIES);
        assert!(!hold(&host, &space, "lease", 1, 0), "it never got through");
        host.conflict_next(3);
        assert!(hold(&host, &space, "lease", 2, 0));
        assert!(!hold(&host, &space, "lease", 1, 0));
    }

    #[test]
    fn garbage_is_no_lease() {
        let host = MemoryHost::default();
        let space = Space::new("t");
        let key = space.key("lease");
        host.shared_set(&key, &[9, 9], crate::host::Expect::Absent)
            .unwrap();
        assert!(hold(&host, &space, "lease", 1, 0));
    }
}
