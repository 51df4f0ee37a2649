use super::place::Place;
use super::*;
use crate::host::memory::MemoryHost;
use std::rc::Rc;

mod adjusting;
mod correcting;
mod crowd;
mod race;
mod refused;
mod time;

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

/// Names of users of the tenant, all in one shard.
fn names_of_one_shard<const N: usize>() -> [String; N] {
    let shard = User::of("acme", "user-0").shard;
    let names = (0..).map(|number| format!("user-{number}"));
    let mut names = names.filter(|name| User::of("acme", name).shard == shard);
    std::array::from_fn(|_| names.next().unwrap())
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
        Denied::Busy(_) => panic!("busy"),
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
    assert_eq!(denied.unwrap_err(), Denied::Busy(Traces::default()));
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
    let names: [String; 2] = names_of_one_shard();
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

#[test]
fn regression_a_call_that_is_undone_uses_up_no_alert() {
    let bench = Bench::new();
    let before = tenant(&[meter(Unit::Tokens, DAY, 1_000)]);
    let granted = bench.reserve(&[before], call(500, 0)).unwrap();
    settle(&bench.book(), &granted.reservation, &call(500, 0));
    // A reload: half of the limit is used already.
    let mut tokens = meter(Unit::Tokens, DAY, 1_000);
    tokens.limits[0].alert_at = vec![50];
    let (after, ada) = (
        tenant(&[tokens]),
        user("ada", &[meter(Unit::Tokens, DAY, 10)]),
    );
    bench
        .reserve(&[after.clone(), ada], call(20, 0))
        .unwrap_err();
    let granted = bench.reserve(&[after], call(20, 0)).unwrap();
    let settled = settle(&bench.book(), &granted.reservation, &call(20, 0));
    assert_eq!(settled.crossed.len(), 1);
}

#[test]
fn counters_of_another_policy_survive() {
    let bench = Bench::new();
    let old = tenant(&[
        meter(Unit::Tokens, DAY, 100),
        meter(Unit::Requests, DAY, 100),
    ]);
    let new = tenant(&[meter(Unit::NanoUsd, DAY, 100_000)]);
    let under_way = bench
        .reserve(std::slice::from_ref(&old), call(60, 0))
        .unwrap();
    let granted = bench
        .reserve(std::slice::from_ref(&new), call(10, 0))
        .unwrap();
    settle(&bench.book(), &granted.reservation, &call(10, 0));
    assert_eq!(bench.used(&old), (0, 60));
    settle(&bench.book(), &under_way.reservation, &call(50, 0));
    assert_eq!((bench.used(&old), bench.used(&new)), ((50, 0), (10_000, 0)));
}

#[test]
fn limits_of_other_models_cost_no_write() {
    let bench = Bench::new();
    let mut other = meter(Unit::Tokens, DAY, 1);
    other.models = vec!["other".to_owned()];
    let scope = tenant(&[other]);
    let granted = bench
        .reserve(std::slice::from_ref(&scope), call(60, 0))
        .unwrap();
    assert!(granted.reservation.is_empty());
    assert!(
        bench
            .host
            .shared_get(&bench.space.key(&scope.record()))
            .is_none()
    );
}

#[test]
fn regression_a_refusal_tells_what_is_left_and_not_what_would_be() {
    let bench = Bench::new();
    let scope = tenant(&[
        meter(Unit::Tokens, DAY, 1000),
        meter(Unit::Requests, DAY, 1),
    ]);
    let granted = bench
        .reserve(std::slice::from_ref(&scope), call(50, 50))
        .unwrap();
    assert_eq!(granted.standings.tokens.unwrap().remaining, 900);
    let refused = exceeded(bench.reserve(&[scope], call(50, 50)).unwrap_err());
    assert_eq!(refused.unit, Unit::Requests);
    assert_eq!(refused.standings.tokens.unwrap().remaining, 900);
}
