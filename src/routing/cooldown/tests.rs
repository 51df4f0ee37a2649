use super::*;
use crate::host::memory::MemoryHost;
use crate::routing::tests::{policy, targets_of};
use crate::state::MAX_TRIES;
use proptest::prelude::*;
use std::rc::Rc;

const RULES: CoolDown = CoolDown {
    rate_limited_ms: 10_000,
    failures: 3,
    base_ms: 5_000,
    max_ms: 60_000,
};

/// A target, and a clock in milliseconds.
struct Bench {
    host: MemoryHost,
    space: Space,
    target: Rc<Target>,
}

impl Bench {
    fn new() -> Self {
        let policy = policy(r#"{"targets": [{"backend": "a", "model": "x"}]}"#, "");
        Self {
            host: MemoryHost::default(),
            space: Space::new("t"),
            target: Rc::clone(&targets_of(&policy, "m")[0]),
        }
    }

    fn tried(&self, health: Health) -> Try {
        Try {
            target: Rc::clone(&self.target),
            health,
        }
    }

    fn fail(&self, ms: u64) {
        let tried = self.tried(Health::Well);
        failed(&self.host, &self.space, &RULES, &tried, at(ms)).unwrap();
    }

    fn limit(&self, until: Option<u64>, ms: u64) {
        let tried = self.tried(Health::Well);
        let until = until.map(at);
        rate_limited(&self.host, &self.space, &RULES, &tried, until, at(ms)).unwrap();
    }

    fn succeed(&self, health: Health, ms: u64) {
        succeeded(&self.host, &self.space, &self.tried(health), at(ms)).unwrap();
    }

    fn find(&self, ms: u64) -> Health {
        // As the first target of a call.
        match look(&self.host, &self.space, &RULES, &self.target, at(ms)) {
            Health::Due => claim(&self.host, &self.space, &RULES, &self.target, at(ms)),
            health => health,
        }
    }

    fn state(&self, ms: u64) -> State {
        state(&self.host, &self.space, &RULES, &self.target, at(ms))
    }

    fn written(&self) -> Option<u32> {
        let value = self.host.shared_get(&key(&self.space, &self.target));
        value.map(|(_, version)| version)
    }
}

/// Some time after the epoch.
fn at(ms: u64) -> Instant {
    Instant((1_000_000_000 + ms) * 1_000_000)
}

#[test]
fn a_target_without_trouble_is_never_written() {
    let bench = Bench::new();
    assert_eq!(bench.find(0), Health::Well);
    bench.succeed(Health::Well, 1);
    bench.succeed(Health::Alone, 1);
    let alone = bench.tried(Health::Alone);
    failed(&bench.host, &bench.space, &RULES, &alone, at(1)).unwrap();
    assert_eq!(bench.written(), None);
    bench.fail(2);
    bench.succeed(Health::Noted, 3);
    let version = bench.written();
    assert_eq!(
        bench.find(4),
        Health::Well,
        "a cleared record is no trouble"
    );
    bench.succeed(Health::Well, 5);
    assert_eq!(bench.written(), version);
}

#[test]
fn consecutive_failures_begin_a_cool_down() {
    let bench = Bench::new();
    bench.fail(0);
    bench.fail(1);
    assert_eq!(bench.find(2), Health::Noted);
    bench.fail(3);
    assert_eq!(bench.find(3), Health::Cooling);
    assert_eq!(bench.find(5_002), Health::Cooling);
    assert_eq!(bench.state(5_003), State::Due);
    assert_eq!(bench.find(5_003), Health::Probing);
    assert_eq!(bench.state(5_003), State::Cooling, "for all others");
}

#[test]
fn a_success_in_between_starts_the_count_anew() {
    let bench = Bench::new();
    for round in 0..5 {
        bench.fail(round * 10);
        bench.fail(round * 10 + 1);
        let health = bench.find(round * 10 + 2);
        assert_eq!(health, Health::Noted);
        bench.succeed(health, round * 10 + 2);
        assert_eq!(bench.find(round * 10 + 3), Health::Well);
    }
}

#[test]
fn failures_long_apart_are_not_consecutive() {
    let bench = Bench::new();
    for round in 0..9 {
        bench.fail(round * 60_001);
        assert_eq!(bench.state(round * 60_001), State::Noted, "{round}");
    }
    assert_eq!(bench.state(9 * 60_001), State::Well);
}

#[test]
fn each_cool_down_is_twice_as_long_up_to_the_bound() {
    let bench = Bench::new();
    let mut now = 0;
    bench.fail(now);
    bench.fail(now);
    for length in [5_000, 10_000, 20_000, 40_000, 60_000, 60_000] {
        bench.fail(now);
        assert_eq!(bench.state(now + length - 1), State::Cooling, "{length}");
        assert_eq!(bench.find(now + length), Health::Probing, "{length}");
        now += length;
    }
    bench.succeed(Health::Probing, now);
    assert_eq!(bench.state(now), State::Well);
    (0..3).for_each(|_| bench.fail(now));
    assert_eq!(bench.state(now + 5_000), State::Due, "from the beginning");
}

#[test]
fn failures_of_calls_that_were_under_way_count_once() {
    let bench = Bench::new();
    (0..60).for_each(|ms| bench.fail(ms));
    assert_eq!(bench.state(5_001), State::Cooling);
    assert_eq!(bench.state(5_002), State::Due, "counted from the third");
}

#[test]
fn a_429_cools_down_at_once_for_as_long_as_told() {
    for (until, length) in [
        (None, 10_000),
        (Some(2_000), 2_000),
        (Some(40_000), 40_000),
        (Some(86_400_000), 60_000),
        (Some(0), 10_000),
    ] {
        let bench = Bench::new();
        bench.limit(until, 0);
        assert_eq!(bench.state(length - 1), State::Cooling, "{until:?}");
        assert_eq!(bench.state(length), State::Due, "{until:?}");
        assert_eq!(bench.find(length), Health::Probing, "{until:?}");
        bench.succeed(Health::Probing, length);
        assert_eq!(bench.state(length), State::Well, "{until:?}");
    }
}

#[test]
fn the_longest_of_several_429_counts() {
    let bench = Bench::new();
    bench.limit(Some(30_000), 0);
    bench.limit(Some(2_000), 1);
    assert_eq!(bench.state(29_999), State::Cooling);
    bench.limit(Some(31_000), 29_999);
    assert_eq!(bench.state(30_999), State::Cooling);
    assert_eq!(bench.state(31_000), State::Due);
}

#[test]
fn a_success_does_not_shorten_what_the_provider_told() {
    let bench = Bench::new();
    bench.limit(Some(30_000), 0);
    bench.succeed(Health::Cooling, 10);
    assert_eq!(bench.state(29_999), State::Cooling);
}

#[test]
fn a_call_from_before_does_not_end_a_cool_down_but_one_that_knew_does() {
    let bench = Bench::new();
    (0..3).for_each(|ms| bench.fail(ms));
    bench.succeed(Health::Noted, 5);
    assert_eq!(bench.state(6), State::Cooling);
    bench.succeed(Health::Cooling, 7);
    assert_eq!(bench.state(8), State::Well);
}

#[test]
fn one_probe_at_a_time() {
    let bench = Bench::new();
    bench.limit(Some(1_000), 0);
    assert_eq!(bench.find(1_000), Health::Probing);
    (1_000..1_100).for_each(|ms| assert_eq!(bench.find(ms), Health::Cooling));
    // The prober never comes back.
    assert_eq!(bench.find(1_000 + PROBE_MS - 1), Health::Cooling);
    assert_eq!(bench.find(1_000 + PROBE_MS), Health::Probing);
    // A probe that fails cools down again, however few failures there were.
    bench.fail(32_000);
    assert_eq!(bench.state(36_999), State::Cooling);
    assert_eq!(bench.find(37_000), Health::Probing);
    // One that is answered with another 429, too.
    bench.limit(None, 38_000);
    assert_eq!(bench.state(47_999), State::Cooling);
    assert_eq!(bench.find(48_000), Health::Probing);
}

#[test]
fn a_lost_claim_is_no_probe() {
    let bench = Bench::new();
    bench.limit(Some(1_000), 0);
    bench.host.conflict_next(1);
    assert_eq!(bench.find(1_000), Health::Cooling);
    assert_eq!(bench.find(1_000), Health::Probing);
}

#[test]
fn changes_survive_conflicts_and_end_when_there_are_too_many() {
    let bench = Bench::new();
    bench.host.conflict_next(7);
    bench.limit(None, 0);
    assert_eq!(bench.state(1), State::Cooling);
    let tried = bench.tried(Health::Well);
    bench.host.conflict_next(MAX_TRIES);
    assert_eq!(
        failed(&bench.host, &bench.space, &RULES, &tried, at(0)),
        Err(Exhausted)
    );
}

#[test]
fn a_clock_that_was_set_back_does_not_cool_for_ever() {
    let bench = Bench::new();
    bench.limit(Some(50_000), 0);
    let long_ago = Instant(1);
    let state = state(&bench.host, &bench.space, &RULES, &bench.target, long_ago);
    assert_eq!(state, State::Due);
}

#[test]
fn records_of_other_layouts() {
    let full = Record {
        failures: 1,
        cool_downs: 2,
        failed_at: 3,
        failed_until: 4,
        limited_until: 5,
        probed_until: 6,
    };
    let mut bytes = full.encode();
    assert_eq!((bytes.len(), bytes[0]), (49, VERSION));
    assert_eq!(Record::decode(&bytes), full);
    bytes[0] = 9;
    bytes.extend([7; 16]);
    assert_eq!(Record::decode(&bytes), full);
    assert_eq!(Record::decode(&bytes[..17]).cool_downs, 2);
    assert_eq!(Record::decode(&bytes[..17]).failed_at, 0);
    assert_eq!(Record::decode(&[]), Record::default());
}

proptest! {
    /// Whatever happens, a target is looked at again within the longest cool-down and the
    /// longest probe, and no two probes are under way.
    #[test]
    fn nothing_cools_for_longer_than_the_bound(
        events in proptest::collection::vec((0_u8..5, 0_u64..20_000), 1..60),
    ) {
        let bench = Bench::new();
        let mut now = 0;
        let mut probe: Option<u64> = None;
        for (event, pause) in events {
            now += pause;
            match event {
                0 => { bench.fail(now); probe = None; }
                1 => { bench.limit(Some(now + pause * 9), now); probe = None; }
                2 => { bench.succeed(Health::Probing, now); probe = None; }
                3 => bench.succeed(Health::Noted, now),
                _ => if bench.find(now) == Health::Probing {
                    if let Some(before) = probe {
                        prop_assert!(now - before >= PROBE_MS);
                    }
                    probe = Some(now);
                },
            }
            let later = now + RULES.max_ms + PROBE_MS;
            prop_assert!(bench.state(later) != State::Cooling);
        }
    }
}
