use super::*;
use crate::host::memory::MemoryHost;
use std::rc::Rc;

const SECOND: u64 = 1_000_000_000;

fn meter(unit: Unit, window: Window, amount: u64) -> Meter {
    let limit = Limit {
        name: format!("{}-limit", unit.as_str()),
        amount,
        shadow: false,
        alert_at: Vec::new(),
    };
    Meter {
        id: 1 + unit as u32,
        unit,
        window,
        models: Vec::new(),
        limits: vec![limit],
    }
}

fn tenant(meters: &[Meter]) -> Scope {
    Scope {
        holder: Holder::Tenant("acme".to_owned()),
        meters: Rc::from(meters),
    }
}

fn user(name: &str, meters: &[Meter]) -> Scope {
    Scope {
        holder: Holder::User {
            tenant: "acme".to_owned(),
            name: name.to_owned(),
        },
        meters: Rc::from(meters),
    }
}

struct Bench {
    host: MemoryHost,
    space: Space,
    now: u64,
}

impl Bench {
    fn new() -> Self {
        Self {
            host: MemoryHost::default(),
            space: Space::new("t"),
            now: 1_000_000 * SECOND,
        }
    }

    fn book(&self) -> Book<'_> {
        Book {
            host: &self.host,
            space: &self.space,
            shard_bytes: 4096,
            now: Instant(self.now),
        }
    }

    fn reserve(&self, scopes: &[Scope], wants: Amounts) -> Result<Granted, Denied> {
        reserve(&self.book(), scopes.to_vec(), "smart", &wants)
    }

    fn used(&self, scope: &Scope) -> (u64, u64) {
        let budgets = scope.budgets(&self.book());
        (budgets[0].used, budgets[0].reserved)
    }
}

fn call(input: u64, output: u64) -> Amounts {
    Amounts {
        requests: 1,
        input,
        output,
        nano_usd: (input + output) * 1000,
    }
}

fn exceeded(denied: Denied) -> Exceeded {
    match denied {
        Denied::Exceeded(exceeded) => *exceeded,
        Denied::Busy => panic!("busy"),
    }
}

const DAY: Window = Window::Fixed(Period::Day);

#[test]
fn a_budget_for_ten_reservations_admits_ten() {
    let bench = Bench::new();
    let scope = tenant(&[meter(Unit::Tokens, DAY, 1000)]);
    let mut held = Vec::new();
    for _ in 0..100 {
        held.extend(bench.reserve(std::slice::from_ref(&scope), call(40, 60)));
    }
    assert_eq!(held.len(), 10);
    assert_eq!(bench.used(&scope), (0, 1000));
    for granted in &held {
        settle(&bench.book(), &granted.reservation, &call(40, 10));
    }
    assert_eq!(bench.used(&scope), (500, 0));
    assert!(bench.reserve(&[scope], call(250, 250)).is_ok());
}

#[test]
fn all_scopes_or_none() {
    let bench = Bench::new();
    let acme = tenant(&[meter(Unit::Tokens, DAY, 1000)]);
    let ada = user("ada", &[meter(Unit::Tokens, DAY, 100)]);
    let denied = bench.reserve(&[acme.clone(), ada.clone()], call(100, 1));
    let refused = exceeded(denied.unwrap_err());
    assert_eq!(
        (refused.holder, refused.free_ms),
        (ada.holder.clone(), None)
    );
    assert_eq!(bench.used(&acme), (0, 0));
    assert!(bench.reserve(&[acme.clone(), ada], call(50, 50)).is_ok());
    assert_eq!(bench.used(&acme), (0, 100));
}

#[test]
fn what_was_reserved_by_a_refused_call_is_given_back_within_a_record_too() {
    let bench = Bench::new();
    let meters = [
        meter(Unit::Requests, DAY, 1000),
        meter(Unit::Tokens, DAY, 10),
    ];
    let scope = tenant(&meters);
    bench
        .reserve(std::slice::from_ref(&scope), call(9, 9))
        .unwrap_err();
    assert_eq!(bench.used(&scope), (0, 0));
}

#[test]
fn a_lost_race_at_every_turn_refuses_and_takes_nothing() {
    let bench = Bench::new();
    let scope = tenant(&[meter(Unit::Tokens, DAY, 1000)]);
    bench.host.conflict_next(crate::state::MAX_TRIES);
    let denied = bench.reserve(std::slice::from_ref(&scope), call(1, 1));
    assert_eq!(denied.unwrap_err(), Denied::Busy);
    assert_eq!(bench.used(&scope), (0, 0));
}

#[test]
fn slots_come_back_with_their_lease() {
    let mut bench = Bench::new();
    let scope = tenant(&[meter(Unit::Concurrent, Window::Lease(60_000), 2)]);
    let scopes = std::slice::from_ref(&scope);
    let first = bench.reserve(scopes, call(1, 1)).unwrap();
    bench.reserve(scopes, call(1, 1)).unwrap();
    bench.reserve(scopes, call(1, 1)).unwrap_err();
    settle(&bench.book(), &first.reservation, &call(1, 1));
    bench.reserve(scopes, call(1, 1)).unwrap();
    bench.reserve(scopes, call(1, 1)).unwrap_err();
    bench.now += 60 * SECOND;
    bench.reserve(scopes, call(1, 1)).unwrap_err();
    bench.now += 10 * SECOND;
    bench.reserve(scopes, call(1, 1)).unwrap();
}

#[test]
fn an_alert_is_raised_once_in_a_window() {
    let mut bench = Bench::new();
    let mut dollars = meter(Unit::NanoUsd, DAY, 1_000_000);
    dollars.limits[0].alert_at = vec![50, 80, 100];
    let scope = tenant(&[dollars]);
    let mut raised = Vec::new();
    for _ in 0..10 {
        let granted = bench
            .reserve(std::slice::from_ref(&scope), call(50, 50))
            .unwrap();
        let settled = settle(&bench.book(), &granted.reservation, &call(50, 50));
        raised.extend(settled.crossed.iter().map(|crossed| crossed.percent));
    }
    assert_eq!(raised, [50, 80, 100]);
    bench.now += 86_400 * SECOND;
    let granted = bench
        .reserve(std::slice::from_ref(&scope), call(300, 300))
        .unwrap();
    let settled = settle(&bench.book(), &granted.reservation, &call(300, 300));
    assert_eq!(settled.crossed.len(), 1);
}

#[test]
fn users_without_room_share_one_record() {
    let bench = Bench::new();
    let meters = [meter(Unit::Tokens, Window::Fixed(Period::Month), 100)];
    let book = Book {
        shard_bytes: 0,
        ..bench.book()
    };
    // Two users of the same shard.
    let shard = User::of("acme", "user-0").shard;
    let other = (1..).find(|n| User::of("acme", &format!("user-{n}")).shard == shard);
    let names = ["user-0".to_owned(), format!("user-{}", other.unwrap())];
    let scopes = names.map(|name| user(&name, &meters));
    let first = reserve(&book, vec![scopes[0].clone()], "smart", &call(50, 30)).unwrap();
    reserve(&book, vec![scopes[1].clone()], "smart", &call(50, 30)).unwrap_err();
    settle(&book, &first.reservation, &call(10, 0));
    reserve(&book, vec![scopes[1].clone()], "smart", &call(50, 30)).unwrap();
}

#[test]
fn a_snapshot_holds_the_long_windows_and_is_merged() {
    let bench = Bench::new();
    let minute = Window::Sliding(Period::Minute);
    let meters = [
        meter(Unit::Tokens, DAY, 1000),
        meter(Unit::Requests, minute, 5),
    ];
    for scope in [tenant(&meters), user("ada", &meters)] {
        let granted = bench
            .reserve(std::slice::from_ref(&scope), call(100, 100))
            .unwrap();
        settle(&bench.book(), &granted.reservation, &call(100, 50));
        bench
            .reserve(std::slice::from_ref(&scope), call(10, 10))
            .unwrap();
        let name = scope.place().name;
        let now = Instant(bench.now);
        let (bytes, _) = bench.host.shared_get(&bench.space.key(&name)).unwrap();
        let saved = durable::snapshot(&name, &bytes, now).unwrap();
        let fresh = Bench::new();
        fresh
            .reserve(std::slice::from_ref(&scope), call(1, 1))
            .unwrap();
        let (current, version) = fresh.host.shared_get(&fresh.space.key(&name)).unwrap();
        let merged = durable::merge(&name, Some(&current), &saved, now);
        let expect = crate::host::Expect::Version(version);
        fresh
            .host
            .shared_set(&fresh.space.key(&name), &merged, expect)
            .unwrap();
        let budgets = scope.budgets(&fresh.book());
        assert_eq!((budgets[0].used, budgets[0].reserved), (170, 2), "{name}");
        assert_eq!((budgets[1].used, budgets[1].reserved), (0, 1), "{name}");
    }
}
