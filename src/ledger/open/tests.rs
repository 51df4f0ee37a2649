use super::*;
use crate::host::memory::MemoryHost;
use crate::host::{Conflict, Expect, MetricId, MetricKind};
use crate::ledger::limits::counted_of;
use crate::state::MAX_TRIES;
use std::cell::RefCell;

fn charge(at_ms: u64) -> Charge {
    Charge {
        at_ms,
        until_ms: at_ms + 1_000,
        user: 9,
        input: 2,
        output: 3,
        nano_usd: 4,
        priced: true,
        model: 5,
        target: 6,
        passed: passed(0, 7, 8),
        over: false,
        counted: counted_of(3, 0, 1),
    }
}

fn passed(pieces: u64, from: u64, until: u64) -> Passed {
    Passed {
        pieces,
        wholes: 0,
        from,
        until,
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
        assert_eq!(
            Charge::see(&host, &space, ("t", id), at(9)),
            Some(charge(id))
        );
        assert_eq!(take("t", id), Ok(Some(charge(id))));
        assert_eq!(take("t", id), Ok(None));
        assert_eq!(Charge::see(&host, &space, ("t", id), at(9)), None);
    }
}

#[test]
fn a_charge_is_replaced_as_long_as_it_is_what_it_was() {
    let (host, space) = (MemoryHost::default(), Space::new("a"));
    let replace = |old: &Charge, new| old.replace(new, &host, &space, ("t", 7), at(9));
    let (old, new, other) = (charge(7), charge(8), charge(9));
    assert_eq!(replace(&old, &new), Ok(false));
    old.leave(&host, &space, ("t", 7), at(9)).unwrap();
    assert_eq!(replace(&old, &new), Ok(true));
    assert_eq!(replace(&old, &other), Ok(false));
    host.conflict_next(MAX_TRIES);
    assert_eq!(replace(&new, &old), Err(Lost));
    let taken = Charge::take(&host, &space, ("t", 7), at(9));
    assert_eq!(taken, Ok(Some(new)));
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

/// What another worker does.
type Act<'h> = Box<dyn FnOnce(&MemoryHost) + 'h>;

/// Another worker does something between a worker's read and its write.
struct Between<'h> {
    host: &'h MemoryHost,
    other: RefCell<Option<Act<'h>>>,
}

impl Host for Between<'_> {
    fn now(&self) -> Instant {
        self.host.now()
    }

    fn shared_get(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        self.host.shared_get(key)
    }

    fn shared_set(&self, key: &str, value: &[u8], expect: Expect) -> Result<(), Conflict> {
        if let Some(other) = self.other.take() {
            other(self.host);
        }
        self.host.shared_set(key, value, expect)
    }

    fn metric(&self, kind: MetricKind, name: &str) -> MetricId {
        self.host.metric(kind, name)
    }

    fn record(&self, metric: MetricId, value: u64) {
        self.host.record(metric, value);
    }
}

/// All that two workers do at once with charges of one record.
#[test]
fn two_workers_at_once_lose_no_charge_and_get_none_twice() {
    #[derive(Debug, Clone, Copy)]
    enum Does {
        Leaves(u64),
        Takes(u64),
    }
    use Does::{Leaves, Takes};
    let space = Space::new("a");
    let act = |host: &dyn Host, does| match does {
        Leaves(id) => {
            charge(id).leave(host, &space, ("t", id), at(9)).unwrap();
            None
        }
        Takes(id) => Charge::take(host, &space, ("t", id), at(9)).unwrap(),
    };
    let (one, two) = (RECORDS, 2 * RECORDS);
    for (here, there, taken, left) in [
        (Takes(one), Takes(one), 1, vec![]),
        (Takes(one), Leaves(two), 1, vec![two]),
        (Leaves(two), Takes(one), 1, vec![two]),
        (
            Leaves(two),
            Leaves(3 * RECORDS),
            0,
            vec![one, two, 3 * RECORDS],
        ),
    ] {
        let host = MemoryHost::default();
        act(&host, Leaves(one));
        let other = RefCell::new(None);
        let between = Between {
            host: &host,
            other: RefCell::new(Some(Box::new(|host: &MemoryHost| {
                *other.borrow_mut() = act(host, there);
            }))),
        };
        let own = act(&between, here);
        drop(between);
        let found = [own, other.into_inner()];
        assert_eq!(found.iter().flatten().count(), taken, "{here:?} {there:?}");
        for id in [one, two, 3 * RECORDS] {
            let stands = act(&host, Takes(id)).is_some();
            assert_eq!(stands, left.contains(&id), "{here:?} {there:?} {id}");
        }
    }
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
    assert_eq!(take(0, 1_000), Ok(Some(charge(1_000))));
    // Those that have ended make room, the oldest first.
    let over = |at_ms| Charge {
        over: true,
        until_ms: 2_000,
        ..charge(at_ms)
    };
    let whose = ("t", 0);
    for at_ms in [999, 998] {
        let _ = take(1, 1_000);
        let left = over(at_ms).leave(&host, &space, whose, at(1_000));
        assert_eq!(left, Ok(()));
    }
    assert_eq!(leave(1, 1_000, 1_000), Ok(()));
    assert_eq!(take(0, 1_000), Ok(Some(over(999))));
    assert_eq!(leave(0, 1_000, 1_000), Ok(()));
    assert_eq!(leave(most, 1_000, 1_000), Err(Lost));
    let (key, last) = (key(&space, "t", 0), 1_999);
    // Its own numbers, and those of four meters.
    const BYTES: usize = 8 * (15 + 2 + 2);
    assert_eq!(host.shared_get(&key).unwrap().0.len(), 1 + MOST * BYTES);
    assert_eq!(take(0, last), Ok(Some(charge(1_000))));
    assert_eq!(leave(most, 2_000, last), Ok(()));
    // Now the others are over, and make room.
    assert_eq!(take(1, last + 1), Ok(None));
    assert_eq!(leave(most + 1, last, last + 1), Ok(()));
    assert_eq!(host.shared_get(&key).unwrap().0.len(), 1 + 2 * BYTES);
    // Each has a time of its own.
    let long = Charge {
        until_ms: 9_000,
        ..charge(1_000)
    };
    let left = long.leave(&host, &space, ("t", 0), at(last + 2));
    assert_eq!(left, Ok(()));
    assert_eq!(take(0, 8_999), Ok(Some(long)));
}

#[test]
fn another_layout_keeps_its_charges() {
    let (host, space) = (MemoryHost::default(), Space::new("a"));
    let old = encode_words(2, [7; 9 * 20]);
    let key = key(&space, "t", 7);
    host.shared_set(&key, &old, Expect::Absent).unwrap();
    assert_eq!(Charge::take(&host, &space, ("t", 7), at(1)), Ok(None));
}

#[test]
fn what_has_passed_twice_counts_once() {
    let nothing = Passed::default();
    for (before, more, wanted) in [
        (nothing, passed(50, 0, 10), passed(50, 0, 10)),
        // Again from the beginning, less far and farther.
        (passed(50, 0, 10), passed(50, 0, 10), passed(50, 0, 10)),
        (passed(50, 0, 10), passed(20, 0, 4), passed(50, 0, 10)),
        (passed(50, 0, 10), passed(90, 0, 20), passed(90, 0, 20)),
        // On from where it was cut, or a little before.
        (passed(50, 0, 10), passed(40, 10, 20), passed(90, 0, 20)),
        (passed(50, 0, 10), passed(41, 8, 18), passed(83, 0, 18)),
        // From behind.
        (passed(50, 10, 20), passed(40, 0, 10), passed(90, 0, 20)),
        // Apart: what lies between may come later.
        (passed(50, 0, 10), passed(40, 30, 60), passed(90, 30, 60)),
        (
            passed(90, 30, 60),
            passed(70, 0, 40),
            passed(90 + 53, 0, 60),
        ),
        // Nothing that has a number.
        (passed(50, 0, 10), passed(70, 0, 0), passed(70, 0, 10)),
        (passed(50, 0, 10), passed(9, 0, 0), passed(50, 0, 10)),
    ] {
        assert_eq!(before.and(more), wanted, "{before:?} {more:?}");
    }
    let wholes = |wholes, from, until| Passed {
        wholes,
        ..passed(10, from, until)
    };
    assert_eq!(wholes(30, 5, 6).and(wholes(40, 6, 7)).tokens(), 70);
    assert_eq!(wholes(30, 5, 6).and(wholes(40, 5, 7)).tokens(), 40);
    assert_eq!(wholes(30, 5, 6).and(wholes(30, 5, 6)).tokens(), 30);
}

#[test]
fn no_order_of_reads_hides_what_has_passed() {
    // Each event brings a token, and reads cover all of them: whatever comes first.
    let parts = [(0, 25), (25, 50), (50, 75), (75, 100), (10, 60), (40, 90)];
    for first in 0..parts.len() {
        for step in [1, 5] {
            let order = (0..parts.len()).map(|at| parts[(first + at * step) % parts.len()]);
            let all = order.map(|(from, until)| passed(until - from, from, until));
            let all = all.fold(Passed::default(), Passed::and);
            assert!(all.tokens() >= 100, "{first} {step}: {all:?}");
        }
    }
}
