mod race;

use super::geometry::{SMALL, VALUE, answer_cost};
use super::*;
use crate::host::memory::MemoryHost;
use crate::host::{Conflict, Instant, MetricId, MetricKind};
use sha2::{Digest, Sha256};
use std::cell::Cell;
use std::collections::BTreeSet;

const MIB: u64 = 1 << 20;
const START_MS: u64 = 1_700_000_000_000;
const HOUR_MS: u64 = 3_600_000;

fn store(memory: u64, longest: u64) -> Store {
    Store::new(&Space::new("test"), memory, longest)
}

fn digest(of: u64) -> [u8; 32] {
    Sha256::digest(of.to_le_bytes()).into()
}

/// An answer of `length` bytes that says what it answers and which one it is.
fn payload(of: u64, serial: u64, length: usize) -> Vec<u8> {
    let words = (0_u64..).flat_map(|word| {
        let mixed = (of * 1_000_003 + serial).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ word).to_le_bytes()
    });
    words.take(length).collect()
}

fn host() -> MemoryHost {
    let host = MemoryHost::default();
    host.set_now(START_MS * 1_000_000);
    host
}

/// As a test asks for it: at the start, for an hour, for owner 1.
fn put(digest: [u8; 32], payload: &[u8]) -> Put<'_> {
    Put {
        digest,
        owner: 1,
        payload,
        asked_ms: START_MS,
        now_ms: START_MS,
        ttl_ms: HOUR_MS,
    }
}

fn get(store: &Store, host: &dyn Host, of: u64, now_ms: u64) -> Option<Vec<u8>> {
    let found = store.get(host, &digest(of), now_ms);
    found.map(|found| found.payload)
}

fn segments(store: &Store) -> impl Iterator<Item = Place<'_>> {
    let classes = store.geometry.classes();
    classes.flat_map(|class| (0..class.segments).map(|index| store.segment(class, index)))
}

/// Every segment says what can be; how many answers there are, and their chunks' bytes.
fn check(store: &Store, host: &dyn Host) -> usize {
    let mut entries = 0;
    for place in segments(store) {
        let Some((record, _)) = host.shared_get(&place.record) else {
            continue;
        };
        assert!(record.len() <= VALUE);
        let segment = place.view(&record).unwrap().decode();
        segment.check(place.class);
        entries += segment.entries.len();
    }
    entries
}

#[test]
fn answers_of_all_lengths_come_back() {
    let host = host();
    let store = store(64 * MIB, 2 * MIB);
    let lengths = [
        0,
        1,
        700,
        PIECE - SUM,
        PIECE - SUM + 1,
        3 * PIECE,
        SMALL,
        SMALL + 1,
        2 << 20,
    ];
    for (of, length) in (0..).zip(lengths) {
        let payload = payload(of, 0, length);
        store.put(&host, &put(digest(of), &payload)).unwrap();
        check(&store, &host);
    }
    for (of, length) in (0..).zip(lengths) {
        let found = store.get(&host, &digest(of), START_MS + 5).unwrap();
        assert_eq!((found.payload, found.age_ms), (payload(of, 0, length), 5));
    }
    let long = vec![0; (2 << 20) + crate::cache::Kept::HEAD + 1];
    let refused = store.put(&host, &put(digest(99), &long));
    assert_eq!(refused, Err(NotStored::TooLong));
    assert_eq!(get(&store, &host, 99, START_MS), None);
}

#[test]
fn answers_end_and_those_of_the_future_are_none() {
    let host = host();
    let store = store(4 * MIB, 1 << 16);
    let bytes = payload(1, 0, 100);
    store.put(&host, &put(digest(1), &bytes)).unwrap();
    for (now_ms, there) in [
        (START_MS, true),
        (START_MS + HOUR_MS - 1, true),
        (START_MS + HOUR_MS, false),
        (START_MS - 1, false),
        (0, false),
        (u64::MAX, false),
    ] {
        assert_eq!(get(&store, &host, 1, now_ms).is_some(), there, "{now_ms}");
    }
}

#[test]
fn after_the_clock_stepped_back_new_answers_are_stored_all_the_same() {
    let host = host();
    let store = store(4 * MIB, 1 << 16);
    let (first, second) = (payload(1, 0, 100), payload(1, 1, 50));
    store.put(&host, &put(digest(1), &first)).unwrap();
    let earlier = Put {
        now_ms: START_MS - HOUR_MS,
        asked_ms: START_MS - HOUR_MS,
        ..put(digest(1), &second)
    };
    store.put(&host, &earlier).unwrap();
    assert_eq!(get(&store, &host, 1, START_MS - HOUR_MS + 1), Some(second));
    check(&store, &host);
}

#[test]
fn the_same_question_has_one_answer_and_a_fresher_one_stays() {
    let host = host();
    let store = store(4 * MIB, 1 << 17);
    let (first, second, long) = (
        payload(1, 1, 9),
        payload(1, 2, 40_000),
        payload(1, 3, 100_000),
    );
    let digest = digest(1);
    store.put(&host, &put(digest, &first)).unwrap();
    let later = Put {
        asked_ms: START_MS + 10,
        now_ms: START_MS + 20,
        ..put(digest, &second)
    };
    store.put(&host, &later).unwrap();
    assert_eq!(get(&store, &host, 1, START_MS + 30), Some(second.clone()));
    let slow = Put {
        now_ms: START_MS + 40,
        asked_ms: START_MS + 15,
        ..put(digest, &first)
    };
    assert_eq!(store.put(&host, &slow), Err(NotStored::Known));
    assert_eq!(get(&store, &host, 1, START_MS + 50), Some(second));
    let longer = Put {
        now_ms: START_MS + 60,
        asked_ms: START_MS + 55,
        ..put(digest, &long)
    };
    store.put(&host, &longer).unwrap();
    assert_eq!(get(&store, &host, 1, START_MS + 70), Some(long));
    assert_eq!(check(&store, &host), 1, "of the other class it is gone");
}

#[test]
fn what_went_is_emptied() {
    let host = host();
    let store = store(4 * MIB, 1 << 16);
    let long = payload(1, 1, 60_000);
    store.put(&host, &put(digest(1), &long)).unwrap();
    let full = host.shared_size().1;
    let short = payload(1, 2, 10);
    let again = Put {
        asked_ms: START_MS + 1,
        now_ms: START_MS + 1,
        ..put(digest(1), &short)
    };
    store.put(&host, &again).unwrap();
    let emptied = host.shared_size().1;
    assert!(full - emptied > 59_000, "{full} {emptied}");
}

/// A host whose worker is lost after so many reads and writes.
struct Dying<'h> {
    host: &'h MemoryHost,
    left: Cell<u32>,
}

impl Dying<'_> {
    fn lives(&self) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left > 0
    }
}

impl Host for Dying<'_> {
    fn now(&self) -> Instant {
        self.host.now()
    }

    fn shared_get(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        // What a dead worker reads nobody sees; this lets it come to its end.
        self.lives().then(|| self.host.shared_get(key)).flatten()
    }

    fn shared_set(&self, key: &str, value: &[u8], expect: Expect) -> Result<(), Conflict> {
        if !self.lives() {
            return Err(Conflict);
        }
        self.host.shared_set(key, value, expect)
    }

    fn metric(&self, _: MetricKind, _: &str) -> MetricId {
        MetricId(0)
    }

    fn record(&self, _: MetricId, _: u64) {}
}

#[test]
fn a_worker_that_is_lost_in_the_middle_leaves_no_halves() {
    let store = store(4 * MIB, 1 << 17);
    for length in [100, 60_000, 120_000] {
        let (old, new) = (payload(1, 1, length), payload(1, 2, length));
        for steps in 0..60 {
            let host = host();
            store.put(&host, &put(digest(1), &old)).unwrap();
            let dying = Dying {
                host: &host,
                left: Cell::new(steps),
            };
            let again = Put {
                asked_ms: START_MS + 1,
                now_ms: START_MS + 1,
                ..put(digest(1), &new)
            };
            let stored = store.put(&dying, &again);
            let found = get(&store, &host, 1, START_MS + 2).expect("one of both");
            if stored.is_ok() {
                assert_eq!(found, new);
            } else {
                assert!(found == old || found == new, "{length} {steps}");
            }
            check(&store, &host);
            // When its lease is over, another worker has room for the same.
            let last = payload(1, 3, length);
            let later = Put {
                asked_ms: START_MS + 40_000,
                now_ms: START_MS + 40_000,
                ..put(digest(1), &last)
            };
            store.put(&host, &later).unwrap();
            assert_eq!(get(&store, &host, 1, START_MS + 40_001), Some(last));
            check(&store, &host);
            assert!(
                host.shared_size().1 < 2 * length + 40_000,
                "nothing is left behind"
            );
        }
    }
}

#[test]
fn a_value_of_another_answer_is_never_read_as_this_ones() {
    let host = host();
    let store = store(4 * MIB, 1 << 16);
    let bytes = payload(1, 1, 40_000);
    store.put(&host, &put(digest(1), &bytes)).unwrap();
    let place = store.place(&store.geometry.small, &digest(1));
    let (record, _) = host.shared_get(&place.record).unwrap();
    let (_, entry) = View::of(&record).unwrap().find(&digest(1)).unwrap();
    for (nonce, part) in [(entry.nonce + 1, 1), (entry.nonce, 2), (0, 1)] {
        let host = self::host();
        store.put(&host, &put(digest(1), &bytes)).unwrap();
        let second = place.chunk(1);
        let (value, version) = host.shared_get(&second).unwrap();
        let other = [&head(nonce, part)[..], &value[PIECE_HEAD..]].concat();
        host.shared_set(&second, &other, Expect::Version(version))
            .unwrap();
        assert_eq!(get(&store, &host, 1, START_MS), None);
        assert_eq!(check(&store, &host), 0, "it is not looked for again");
    }
    for damage in [PIECE_HEAD, VALUE - 1] {
        let host = self::host();
        store.put(&host, &put(digest(1), &bytes)).unwrap();
        let first = place.chunk(0);
        let (mut value, version) = host.shared_get(&first).unwrap();
        value[damage] ^= 1;
        host.shared_set(&first, &value, Expect::Version(version))
            .unwrap();
        assert_eq!(get(&store, &host, 1, START_MS), None);
    }
}

#[test]
fn reads_write_seldom() {
    let host = host();
    let store = store(4 * MIB, 1 << 16);
    let bytes = payload(1, 1, 100);
    store.put(&host, &put(digest(1), &bytes)).unwrap();
    let record = store.place(&store.geometry.small, &digest(1)).record;
    let version = || host.shared_get(&record).unwrap().1;
    let mut versions = BTreeSet::from([version()]);
    for second in 0..30 {
        for _ in 0..100 {
            assert!(get(&store, &host, 1, START_MS + second * 1_000).is_some());
        }
        versions.insert(version());
    }
    assert_eq!(
        versions.len(),
        3,
        "when it was stored, first used, and 15 s later"
    );
}

#[test]
fn a_hundred_thousand_answers_stay_within_the_memory() {
    let host = host();
    let memory = 64 * MIB;
    let store = store(memory, 256 << 10);
    let mut names = 0;
    for of in 0..100_000_u64 {
        let length = match of % 100 {
            0 => 200_000,
            1..10 => 20_000,
            _ => 700,
        };
        let bytes = payload(of, 0, length);
        let digest = digest(of);
        let now_ms = START_MS + of;
        let one = Put {
            now_ms,
            asked_ms: now_ms,
            ..put(digest, &bytes)
        };
        store.put(&host, &one).unwrap();
        if of % 5_000 == 4_999 {
            let (count, bytes) = host.shared_size();
            assert!(bytes as u64 + 112 * count as u64 <= memory, "{of}: {bytes}");
            names = names.max(count);
        }
    }
    let most = segments(&store).map(|place| usize::from(place.class.chunks) + 1);
    assert!(names <= most.sum());
    assert!(check(&store, &host) > 10_000);
    let newest =
        (99_000..100_000).filter(|of| get(&store, &host, *of, START_MS + 100_000).is_some());
    assert_eq!(newest.count(), 1_000, "what came last is there");
}

#[test]
fn who_floods_the_cache_takes_no_more_than_an_equal_share_from_others() {
    let host = host();
    let store = store(4 * MIB, 1 << 16);
    let small = store.geometry.small;
    let all = small.room * small.segments as usize;
    // Of the quiet tenant: a third of the room, a third of the answers.
    let each = 3_000;
    let quiet = all / answer_cost(each + SUM) / 3;
    assert!(quiet < usize::from(small.entries) * small.segments as usize / 3);
    for of in 0..quiet as u64 {
        let bytes = payload(of, 0, each);
        let digest = digest(of);
        let one = Put {
            owner: 7,
            ..put(digest, &bytes)
        };
        store.put(&host, &one).unwrap();
    }
    for of in 1_000_000..1_005_000 {
        let bytes = payload(of, 0, each);
        let digest = digest(of);
        let one = Put {
            owner: 8,
            now_ms: START_MS + 1_000,
            ..put(digest, &bytes)
        };
        store.put(&host, &one).unwrap();
    }
    let left = (0..quiet as u64).filter(|of| get(&store, &host, *of, START_MS + 2_000).is_some());
    let (left, quiet) = (left.count(), quiet);
    assert_eq!(left, quiet, "who has less than half loses nothing");
}

#[test]
fn a_flood_of_tiny_answers_takes_nothing_from_who_has_little() {
    let host = host();
    let store = store(4 * MIB, 1 << 16);
    let small = store.geometry.small;
    // One answer of 20 KB in each segment or so: a twentieth of the room.
    for of in 0..8 {
        let bytes = payload(of, 0, 20_000);
        let one = Put {
            owner: 7,
            ..put(digest(of), &bytes)
        };
        store.put(&host, &one).unwrap();
    }
    let flood = 4 * u64::from(small.segments) * u64::from(small.entries);
    for of in 1_000_000..1_000_000 + flood {
        let bytes = payload(of, 0, 50);
        let one = Put {
            owner: 8,
            now_ms: START_MS + 1_000,
            ..put(digest(of), &bytes)
        };
        store.put(&host, &one).unwrap();
    }
    check(&store, &host);
    for of in 0..8 {
        assert!(get(&store, &host, of, START_MS + 2_000).is_some(), "{of}");
    }
}

#[test]
fn calls_of_an_earlier_policy_leave_nothing_that_nobody_removes() {
    let host = host();
    let [large, small] = [64 * MIB, 8 * MIB].map(|memory| store(memory, 256 << 10));
    large.open(&host);
    small.open(&host);
    // Envoy drains: the earlier policy still serves.
    for of in 0..1_000 {
        let bytes = payload(of, 0, 4_000);
        let one = large.put(&host, &put(digest(of), &bytes));
        assert_eq!(one, Err(NotStored::Lost));
    }
    for of in 0..1_000 {
        let bytes = payload(of, 0, 4_000);
        small.put(&host, &put(digest(of), &bytes)).unwrap();
    }
    Store::close(&host, &Space::new("test"));
    let one = small.put(&host, &put(digest(1), &payload(1, 0, 4_000)));
    assert_eq!(one, Err(NotStored::Lost));
    let (names, bytes) = host.shared_size();
    assert!(bytes < names * 40 + 100, "{bytes}");
}

#[test]
fn an_older_answer_of_another_length_does_not_take_the_place_of_a_fresher_one() {
    for (fresh, late) in [(70_000, 1_000), (1_000, 70_000)] {
        let host = host();
        let store = store(64 * MIB, 256 << 10);
        let [fresh, late] = [payload(1, 1, fresh), payload(1, 0, late)];
        let at = |asked: u64, now: u64, payload| Put {
            asked_ms: START_MS + asked,
            now_ms: START_MS + now,
            ..put(digest(1), payload)
        };
        store.put(&host, &at(100, 200, &fresh)).unwrap();
        let refused = store.put(&host, &at(0, 300, &late));
        assert_eq!(refused, Err(NotStored::Known));
        let found = |after| get(&store, &host, 1, START_MS + after);
        assert_eq!(found(400).as_ref(), Some(&fresh));
        // One that was asked for later does.
        store.put(&host, &at(300, 400, &late)).unwrap();
        assert_eq!(found(500).as_ref(), Some(&late));
    }
}

#[test]
fn of_one_owner_what_is_used_stays_longer_than_what_is_not() {
    let host = host();
    let store = store(4 * MIB, 1 << 16);
    for of in 0..100 {
        let bytes = payload(of, 0, 1_000);
        store.put(&host, &put(digest(of), &bytes)).unwrap();
        assert!(get(&store, &host, of, START_MS + 1).is_some());
    }
    for of in 1_000..7_000 {
        let bytes = payload(of, 0, 1_000);
        let digest = digest(of);
        let one = Put {
            now_ms: START_MS + 2,
            ..put(digest, &bytes)
        };
        store.put(&host, &one).unwrap();
    }
    let used = (0..100).filter(|of| get(&store, &host, *of, START_MS + 3).is_some());
    assert_eq!(
        used.count(),
        100,
        "answers that were asked for once go first"
    );
    // Uses of long ago count for nothing.
    let day = START_MS + 24 * HOUR_MS;
    for of in 30_000..36_000 {
        let bytes = payload(of, 0, 1_000);
        let digest = digest(of);
        let one = Put {
            now_ms: day,
            asked_ms: day,
            ..put(digest, &bytes)
        };
        store.put(&host, &one).unwrap();
    }
    let used = (0..100).filter(|of| get(&store, &host, *of, START_MS + 3).is_some());
    assert_eq!(used.count(), 0);
}

#[test]
fn a_policy_with_another_size_empties_what_it_can_not_hold() {
    let host = host();
    let [large, small] = [64 * MIB, 8 * MIB].map(|memory| store(memory, 256 << 10));
    large.open(&host);
    for of in 0..3_000 {
        let bytes = payload(of, 0, if of % 10 == 0 { 70_000 } else { 4_000 });
        large.put(&host, &put(digest(of), &bytes)).unwrap();
    }
    let before = check(&large, &host);
    large.open(&host);
    assert_eq!(
        check(&large, &host),
        before,
        "the same policy changes nothing"
    );
    small.open(&host);
    let (names, bytes) = host.shared_size();
    assert!(bytes - names * 40 < 8 << 20, "{bytes}");
    // Answers whose segment stayed the same may be found, and only whole.
    for of in 0..3_000 {
        let length = if of % 10 == 0 { 70_000 } else { 4_000 };
        let found = get(&small, &host, of, START_MS);
        assert!(found.is_none_or(|found| found == payload(of, 0, length)));
    }
    // A call of the earlier policy can't store in what is not there any more.
    let bytes = payload(1, 1, 100);
    let outcomes = (10_000..10_200).map(|of| large.put(&host, &put(digest(of), &bytes)));
    let lost = outcomes
        .filter(|stored| *stored == Err(NotStored::Lost))
        .count();
    assert!(lost > 100, "{lost}");
    // Grown again, all of it can be used.
    large.open(&host);
    for of in 20_000..20_200 {
        let bytes = payload(of, 0, 100);
        large.put(&host, &put(digest(of), &bytes)).unwrap();
        assert_eq!(get(&large, &host, of, START_MS), Some(bytes));
    }
    Store::close(&host, &Space::new("test"));
    let (names, bytes) = host.shared_size();
    assert!(bytes < names * 40 + 100, "{bytes}");
    let fresh = self::host();
    Store::close(&fresh, &Space::new("test"));
    assert_eq!(
        fresh.shared_size(),
        (0, 0),
        "without a cache there is nothing"
    );
}
