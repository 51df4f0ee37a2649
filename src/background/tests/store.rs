use super::*;
use crate::host::Expect;
use crate::ledger::Group;
use proptest::prelude::*;

const STORE: &str = r#""ledger": {"store": {"cluster": "store"}}"#;
const ADMIT: &str = r#""ledger": {"store": {"cluster": "store", "until_loaded": "admit"}}"#;

/// The object that has acme's counters.
fn acme_object() -> String {
    let group = Group::of("ledger/tenant/acme").unwrap();
    format!("/tollgate/gateway/{}", group.name())
}

#[test]
fn an_empty_store_is_loaded_at_the_first_tick() {
    let mut world = World::new();
    let mut envoy = Envoy::start(&world, STORE, 2);
    assert!(!envoy.is_loaded());
    world.run(&mut envoy, TICK_MS);
    assert!(envoy.is_loaded());
    let gets = world
        .seen
        .borrow()
        .iter()
        .filter(|it| it.method == "GET")
        .count();
    assert_eq!(
        gets,
        1 + 128,
        "the owner and each object once, for all machines"
    );
    assert_eq!(world.objects.borrow().len(), 1, "only the owner is written");
}

#[test]
fn counters_outlive_a_restart() {
    let mut world = World::new();
    let mut envoy = Envoy::start(&world, STORE, 2);
    world.run(&mut envoy, TICK_MS);
    let users: Vec<_> = (0..200).map(|n| user(&format!("u{n}"))).collect();
    for (n, (scope, record)) in users.iter().enumerate() {
        envoy.call(n % 2, scope, record);
        envoy.acme(n % 2);
    }
    world.run(&mut envoy, 5_000 + TICK_MS);

    // Killed.
    let mut envoy = Envoy::start(&world, STORE, 2);
    assert_eq!(envoy.used(&tenant("acme")), 0);
    world.run(&mut envoy, TICK_MS);
    assert!(envoy.is_loaded());
    assert_eq!(envoy.used(&tenant("acme")), 200);
    for (scope, _) in &users {
        assert_eq!(envoy.used(scope), 1);
    }
    // And once more: what was loaded is not doubled.
    envoy.acme(0);
    world.run(&mut envoy, 5_000 + TICK_MS);
    let mut envoy = Envoy::start(&world, STORE, 1);
    world.run(&mut envoy, TICK_MS);
    assert_eq!(envoy.used(&tenant("acme")), 201);
}

#[test]
fn only_what_has_changed_is_written_and_not_more_often_than_asked() {
    let mut world = World::new();
    let mut envoy = Envoy::start(&world, STORE, 2);
    world.run(&mut envoy, 1_000);
    world.take("PUT");
    world.run(&mut envoy, 60_000);
    assert!(world.seen.borrow().is_empty(), "nothing has changed");
    for _ in 0..40 {
        envoy.acme(0);
        envoy.acme(1);
        world.run(&mut envoy, 500);
    }
    world.run(&mut envoy, 5_000);
    let puts = world.take("PUT");
    assert!(puts.iter().all(|put| put.path == acme_object()));
    assert!((4..=6).contains(&puts.len()), "{} in 25 s", puts.len());
}

#[test]
fn what_a_store_does_not_take_is_written_later() {
    for mood in [
        Mood::Status(500),
        Mood::Status(504),
        Mood::Status(403),
        Mood::Unknown,
    ] {
        let mut world = World::new();
        let mut envoy = Envoy::start(&world, STORE, 2);
        world.run(&mut envoy, TICK_MS);
        world.mood = mood;
        envoy.acme(1);
        world.seen.take();
        world.run(&mut envoy, 60_000);
        assert!(envoy.is_loaded(), "calls go on");
        let asked = world.seen.take().len();
        assert!((11..=13).contains(&asked), "{mood:?}: {asked} in a minute");
        world.mood = Mood::Well;
        world.run(&mut envoy, 5_000 + TICK_MS);
        let mut envoy = Envoy::start(&world, STORE, 1);
        world.run(&mut envoy, TICK_MS);
        assert_eq!(envoy.used(&tenant("acme")), 1, "{mood:?}");
    }
}

#[test]
fn an_answer_that_never_comes_holds_nothing_up_for_good() {
    let mut world = World::new();
    world.mood = Mood::Silent;
    let mut envoy = Envoy::start(&world, STORE, 1);
    world.run(&mut envoy, 5_000);
    assert_eq!(world.seen.take().len(), 1, "one at a time");
    world.mood = Mood::Well;
    world.run(&mut envoy, 5_000);
    assert!(envoy.is_loaded());
}

#[test]
fn a_store_that_is_down_at_the_start_is_asked_until_it_is_there() {
    let mut world = World::new();
    {
        let mut envoy = Envoy::start(&world, STORE, 1);
        world.run(&mut envoy, TICK_MS);
        envoy.acme(0);
        world.run(&mut envoy, 10_000);
    }
    world.mood = Mood::Status(503);
    world.seen.take();
    let mut envoy = Envoy::start(&world, STORE, 2);
    world.run(&mut envoy, 300_000);
    assert!(!envoy.is_loaded());
    let asked = world.seen.take().len();
    assert!((30..=40).contains(&asked), "{asked} in 5 minutes");
    assert_eq!(
        envoy
            .host
            .recorded("tollgate.store_load_failures_total")
            .len(),
        asked
    );
    world.mood = Mood::Well;
    world.run(&mut envoy, 10_000 + TICK_MS);
    assert!(envoy.is_loaded());
    assert_eq!(envoy.used(&tenant("acme")), 1);
}

#[test]
fn what_was_admitted_meanwhile_is_added() {
    let mut world = World::new();
    let mut envoy = Envoy::start(&world, ADMIT, 1);
    world.run(&mut envoy, TICK_MS);
    (0..7).for_each(|_| envoy.acme(0));
    world.run(&mut envoy, 10_000);
    world.mood = Mood::Status(503);
    let mut envoy = Envoy::start(&world, ADMIT, 1);
    world.run(&mut envoy, 1_000);
    (0..3).for_each(|_| envoy.acme(0));
    world.mood = Mood::Well;
    world.run(&mut envoy, 20_000);
    assert_eq!(envoy.used(&tenant("acme")), 10);
    let mut envoy = Envoy::start(&world, ADMIT, 1);
    world.run(&mut envoy, TICK_MS);
    assert_eq!(envoy.used(&tenant("acme")), 10);
}

/// A store with acme's counters, of which something is spoilt.
fn spoilt(world: &mut World, path: &str, content: &[u8]) {
    let mut envoy = Envoy::start(world, STORE, 1);
    world.run(&mut envoy, TICK_MS);
    envoy.acme(0);
    envoy.call(0, &tenant("blue"), "ledger/tenant/blue");
    world.run(&mut envoy, 10_000);
    let mut objects = world.objects.borrow_mut();
    assert!(objects.insert(path.to_owned(), content.to_vec()).is_some());
}

#[test]
fn garbage_is_never_taken_for_nothing() {
    for path in [acme_object(), "/tollgate/gateway/owner".to_owned()] {
        let mut world = World::new();
        spoilt(&mut world, &path, b"garbage");
        let mut envoy = Envoy::start(&world, STORE, 2);
        world.run(&mut envoy, 120_000);
        assert!(!envoy.is_loaded(), "{path}");
        assert!(
            !envoy
                .host
                .recorded("tollgate.store_unreadable_total")
                .is_empty()
        );
        assert_eq!(
            world.objects.borrow()[&path],
            b"garbage",
            "it is left alone"
        );
        // The operator removes it.
        world.objects.borrow_mut().remove(&path);
        world.run(&mut envoy, 10_000 + TICK_MS);
        assert!(envoy.is_loaded(), "{path}");
        assert_eq!(
            envoy.used(&tenant("blue")),
            1,
            "the others are loaded, and once"
        );
    }
}

#[test]
fn with_admit_garbage_counts_as_nothing_and_is_told() {
    for path in [acme_object(), "/tollgate/gateway/owner".to_owned()] {
        let mut world = World::new();
        spoilt(&mut world, &path, b"garbage");
        let mut envoy = Envoy::start(&world, ADMIT, 1);
        world.run(&mut envoy, 1_000);
        assert!(envoy.is_loaded(), "{path}");
        assert_eq!(
            envoy.host.recorded("tollgate.store_unreadable_total").len(),
            1
        );
        assert_eq!(envoy.used(&tenant("blue")), 1);
    }
}

#[test]
fn records_of_another_group_are_not_taken() {
    let mut world = World::new();
    spoilt(&mut world, &acme_object(), b"");
    let name = acme_object();
    let name = name.rsplit('/').next().unwrap();
    let forged = super::super::snapshot::Snapshot {
        epoch: 1,
        written_ms: 1,
        records: vec![("alerts".to_owned(), b"anything".to_vec())],
    };
    let body = forged.encode("gateway", name).unwrap();
    world.objects.borrow_mut().insert(acme_object(), body);
    let mut envoy = Envoy::start(&world, STORE, 1);
    world.run(&mut envoy, 30_000);
    assert!(!envoy.is_loaded());
    assert!(envoy.host.shared_get(&envoy.space.key("alerts")).is_none());
}

#[test]
fn another_machine_goes_on_where_one_has_died() {
    let mut world = World::new();
    let mut envoy = Envoy::start(&world, STORE, 2);
    world.run(&mut envoy, TICK_MS);
    envoy.acme(0);
    envoy.acme(1);
    // Machine 0 has the lease. It takes up what has changed, and dies before it is saved.
    world.mood = Mood::Silent;
    world.run(&mut envoy, 1_000);
    envoy.machines.remove(0);
    world.mood = Mood::Well;
    world.run(&mut envoy, 6_000);
    let mut envoy = Envoy::start(&world, STORE, 1);
    world.run(&mut envoy, TICK_MS);
    assert_eq!(envoy.used(&tenant("acme")), 2);
}

#[test]
fn a_load_that_one_machine_began_is_ended_by_another() {
    for answers in 0..130 {
        let mut world = World::new();
        spoilt(&mut world, &acme_object(), b"");
        world.objects.borrow_mut().remove(&acme_object());
        let mut envoy = Envoy::start(&world, STORE, 2);
        world.now += TICK_MS;
        envoy.host.set_now(world.now * 1_000_000);
        let machine = &mut envoy.machines[0];
        let mut callouts = machine.background.tick(&envoy.host);
        for _ in 0..answers {
            let Some(callout) = callouts.pop() else { break };
            let answer = world.serve(&callout);
            let more = machine
                .background
                .answered(&envoy.host, callout.token, answer.as_ref());
            callouts.extend(more);
        }
        envoy.machines.remove(0);
        world.run(&mut envoy, 6_000);
        assert!(envoy.is_loaded(), "died after {answers} answers");
        assert_eq!(
            envoy.used(&tenant("blue")),
            1,
            "died after {answers} answers"
        );
    }
}

#[test]
fn an_envoy_that_was_replaced_writes_nothing_more() {
    let mut world = World::new();
    let mut old = Envoy::start(&world, STORE, 2);
    world.run(&mut old, TICK_MS);
    old.acme(0);
    world.run(&mut old, 10_000);
    // A hot restart, on a host whose clock is behind.
    world.now -= 3_600_000;
    let mut new = Envoy::start(&world, STORE, 2);
    world.run(&mut new, TICK_MS);
    new.acme(0);
    new.acme(0);
    world.run(&mut new, 10_000);
    world.now += 3_600_000;
    old.acme(1);
    world.run(&mut old, 60_000);
    assert!(!old.is_loaded());
    assert_eq!(old.host.recorded("tollgate.store_replaced_total"), [1]);
    assert!(new.is_loaded());
    let mut third = Envoy::start(&world, STORE, 1);
    world.run(&mut third, TICK_MS);
    assert_eq!(third.used(&tenant("acme")), 3, "those of the new one");
}

#[test]
fn a_store_that_has_lost_everything_gets_it_again() {
    let mut world = World::new();
    let mut envoy = Envoy::start(&world, STORE, 1);
    world.run(&mut envoy, TICK_MS);
    envoy.acme(0);
    world.run(&mut envoy, 10_000);
    world.objects.borrow_mut().clear();
    envoy.call(0, &tenant("blue"), "ledger/tenant/blue");
    world.run(&mut envoy, 10_000);
    let mut envoy = Envoy::start(&world, STORE, 1);
    world.run(&mut envoy, TICK_MS);
    assert_eq!(
        (envoy.used(&tenant("acme")), envoy.used(&tenant("blue"))),
        (1, 1)
    );
}

#[test]
fn a_clock_that_steps_back_stops_nothing() {
    let mut world = World::new();
    let mut envoy = Envoy::start(&world, STORE, 2);
    world.run(&mut envoy, 10_000);
    world.now -= 7_200_000;
    envoy.acme(1);
    world.run(&mut envoy, 10_000);
    world.now += 7_200_000;
    let mut envoy = Envoy::start(&world, STORE, 1);
    world.run(&mut envoy, TICK_MS);
    assert_eq!(envoy.used(&tenant("acme")), 1);
}

#[test]
fn requests_are_what_the_policy_says() {
    let mut world = World::new();
    let settings = r#""ledger": {"store": {"cluster": "kv", "authority": "kv.test", "path": "/a/", "timeout": "1s"}}"#;
    let mut envoy = Envoy::start(&world, settings, 1);
    world.run(&mut envoy, TICK_MS);
    let seen = world.seen.take();
    assert_eq!(seen[0].path, "/a/gateway/owner");
    assert_eq!(
        seen[1].headers,
        [("content-type", "application/octet-stream")]
    );
    for callout in seen {
        assert_eq!(callout.cluster, "kv");
        assert_eq!(callout.authority, "kv.test");
        assert_eq!(callout.timeout_ms, 1_000);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever happens, a restart finds no more than was counted, and no less than what was
    /// counted a round and two ticks before, as long as the store is there.
    #[test]
    fn what_is_lost_is_bounded(
        steps in proptest::collection::vec((0_u64..4, 0_usize..3, 0_u8..20), 1..120),
        down in (0_usize..120, 0_usize..40),
    ) {
        let mut world = World::new();
        let mut envoy = Envoy::start(&world, STORE, 3);
        world.run(&mut envoy, TICK_MS);
        // When each call was made, and when the store was last down.
        let mut calls = Vec::new();
        let mut down_at = 0;
        for (index, (ticks, machine, chance)) in steps.into_iter().enumerate() {
            let is_down = (down.0..down.0 + down.1).contains(&index);
            world.mood = if is_down { Mood::Status(503) } else { Mood::Well };
            if is_down {
                down_at = world.now;
            }
            if chance == 0 && envoy.machines.len() > 1 {
                // One dies; what it had not handed over is lost to the marks: it ticks once.
                world.now += TICK_MS;
                envoy.tick(&world);
                envoy.machines.remove(0);
                envoy.add_machine();
            }
            envoy.acme(machine % envoy.machines.len());
            calls.push(world.now);
            world.run(&mut envoy, ticks * TICK_MS);
        }
        let killed = world.now;
        world.mood = Mood::Well;
        let mut next = Envoy::start(&world, STORE, 2);
        world.run(&mut next, TICK_MS);
        let kept = next.used(&tenant("acme"));
        prop_assert!(kept <= calls.len() as u64);
        // A dead machine's lease runs out first.
        let bound = 5_000 + 2 * TICK_MS + super::super::lease::LEASE_MS;
        let sure = if killed - down_at > bound {
            calls.iter().filter(|at| **at + bound <= killed).count()
        } else {
            0
        };
        prop_assert!(kept >= sure as u64, "{kept} of {} kept, {sure} sure", calls.len());
    }
}

#[test]
fn what_could_not_be_added_is_read_again() {
    let mut world = World::new();
    {
        let mut envoy = Envoy::start(&world, STORE, 1);
        world.run(&mut envoy, TICK_MS);
        envoy.acme(0);
        world.run(&mut envoy, 10_000);
    }
    let mut envoy = Envoy::start(&world, STORE, 1);
    let mut callouts = envoy.machines[0].background.tick(&envoy.host);
    while let Some(callout) = callouts.pop() {
        let answer = world.serve(&callout);
        if callout.path == acme_object() {
            envoy.host.conflict_next(crate::state::MAX_TRIES * 2);
        }
        let background = &mut envoy.machines[0].background;
        callouts.extend(background.answered(&envoy.host, callout.token, answer.as_ref()));
        envoy.host.conflict_next(0);
    }
    assert!(!envoy.is_loaded());
    assert_eq!(envoy.used(&tenant("acme")), 0);
    world.run(&mut envoy, 1_000);
    assert!(envoy.is_loaded());
    assert_eq!(envoy.used(&tenant("acme")), 1);
}

#[test]
fn what_a_machine_that_ticks_no_more_has_changed_is_saved_by_another() {
    let mut world = World::new();
    let mut envoy = Envoy::start(&world, STORE, 2);
    world.run(&mut envoy, 1_000);
    let Machine { dirty, background } = envoy.machines.remove(0);
    drop(background);
    world.take("PUT");
    // Just after a tick, the next one is waited for.
    dirty.note("ledger/tenant/acme");
    tell_if_unattended(&envoy.host, &envoy.space, &dirty);
    world.run(&mut envoy, 10_000);
    assert!(world.take("PUT").is_empty());
    envoy.acme(0);
    envoy.machines[0].dirty.take();
    tell_if_unattended(&envoy.host, &envoy.space, &dirty);
    world.run(&mut envoy, 10_000);
    assert_eq!(world.take("PUT").len(), 1);
    assert!(dirty.take().is_empty());
}

/// A record of an hour or more, whose object is longer than a store is given.
fn long_record() -> Vec<u8> {
    // Length (LEB128: 16000), id, flags (long), expiry, and what a newer layout has.
    let mut block = vec![0x80, 125, 9, 9, 9, 9, 1];
    block.extend([0xFF; 8]);
    block.push(0x7F);
    block.resize(2 + 16_000, 0);
    let mut record = vec![1];
    (0..MAX_OBJECT / 16_000 + 1).for_each(|_| record.extend(&block));
    record
}

#[test]
fn an_object_that_is_too_long_is_let_go_until_it_changes() {
    let mut world = World::new();
    let mut envoy = Envoy::start(&world, STORE, 1);
    world.run(&mut envoy, 1_000);
    let key = envoy.space.key("ledger/tenant/acme");
    envoy
        .host
        .shared_set(&key, &long_record(), Expect::Absent)
        .unwrap();
    let failures = |envoy: &Envoy| {
        let failures = envoy.host.recorded("tollgate.store_save_failures_total");
        failures.iter().sum::<u64>()
    };
    for change in 1..3 {
        envoy.machines[0].dirty.note("ledger/tenant/acme");
        world.take("PUT");
        world.run(&mut envoy, 60_000);
        assert_eq!(failures(&envoy), change);
        assert!(world.take("PUT").is_empty());
    }
}
