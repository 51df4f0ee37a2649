//! Windows that an operator tops up or empties.

use super::*;

fn one(unit: Unit, window: Window, amount: u64) -> Scope {
    tenant(&[meter(unit, window, amount)])
}

#[test]
fn a_top_up_lasts_for_its_window() {
    let mut bench = Bench::new();
    for (window, after) in [(DAY, 86_400), (Window::Sliding(Period::Minute), 66)] {
        let scope = one(Unit::Tokens, window, 100);
        let scopes = std::slice::from_ref(&scope);
        bench.reserve(scopes, call(100, 0)).unwrap();
        let top_up = Adjustment::TopUp(30);
        let budget = adjust(&bench.book(), &scope, "tokens-limit", top_up).unwrap();
        assert_eq!(
            (budget.limit, budget.topped_up, budget.reserved),
            (130, 30, 100)
        );
        let budget = adjust(&bench.book(), &scope, "tokens-limit", Adjustment::TopUp(5)).unwrap();
        assert_eq!(budget.limit, 135);
        bench.reserve(scopes, call(35, 0)).unwrap();
        bench.reserve(scopes, call(1, 0)).unwrap_err();
        bench.now += after * SECOND;
        bench.reserve(scopes, call(101, 0)).unwrap_err();
        bench.reserve(scopes, call(100, 0)).unwrap();
        bench.now += after * SECOND;
    }
}

#[test]
fn a_reset_forgets_what_is_used_and_keeps_what_is_reserved() {
    let bench = Bench::new();
    let scope = one(Unit::Tokens, DAY, 100);
    let scopes = std::slice::from_ref(&scope);
    let granted = bench.reserve(scopes, call(60, 0)).unwrap();
    settle(&bench.book(), &granted.reservation, &call(60, 0));
    let under_way = bench.reserve(scopes, call(40, 0)).unwrap();
    let budget = adjust(&bench.book(), &scope, "tokens-limit", Adjustment::Reset).unwrap();
    assert_eq!((budget.used, budget.reserved), (0, 40));
    settle(&bench.book(), &under_way.reservation, &call(10, 0));
    assert_eq!(bench.used(&scope), (10, 0));
    bench.reserve(scopes, call(90, 0)).unwrap();
}

#[test]
fn what_cannot_be_adjusted_stays_as_it_is() {
    let bench = Bench::new();
    let scope = one(Unit::Concurrent, Window::Lease(60_000), 1);
    let refused = adjust(&bench.book(), &scope, "concurrent-limit", Adjustment::Reset);
    assert_eq!(refused, Err(Unadjusted::NoWindow));
    let refused = adjust(&bench.book(), &scope, "other", Adjustment::Reset);
    assert_eq!(refused, Err(Unadjusted::UnknownLimit));
    let ada = user("ada", &[meter(Unit::Tokens, DAY, 100)]);
    let book = Book {
        shard_bytes: 0,
        ..bench.book()
    };
    let refused = adjust(&book, &ada, "tokens-limit", Adjustment::TopUp(1));
    assert_eq!(refused, Err(Unadjusted::NoRoom));
    bench.host.conflict_next(crate::state::MAX_TRIES);
    let refused = adjust(&bench.book(), &ada, "tokens-limit", Adjustment::TopUp(1));
    assert_eq!(refused, Err(Unadjusted::Busy));
    assert_eq!(ada.budgets(&bench.book())[0].limit, 100);
}

#[test]
fn alerts_are_raised_again_after_a_top_up_and_after_a_reset() {
    let bench = Bench::new();
    let mut tokens = meter(Unit::Tokens, DAY, 100);
    tokens.limits[0].alert_at = vec![50, 80];
    let scope = tenant(&[tokens]);
    let take = |amount| {
        let scopes = std::slice::from_ref(&scope);
        let granted = bench.reserve(scopes, call(amount, 0)).unwrap();
        let settled = settle(&bench.book(), &granted.reservation, &call(amount, 0));
        settled
            .crossed
            .into_iter()
            .map(|crossed| crossed.percent)
            .collect::<Vec<_>>()
    };
    let adjust = |adjustment| adjust(&bench.book(), &scope, "tokens-limit", adjustment).unwrap();
    assert_eq!(take(85), [80]);
    adjust(Adjustment::TopUp(100));
    assert_eq!(take(1), [0_u8; 0]);
    assert_eq!(take(20), [50]);
    assert_eq!(take(60), [80]);
    adjust(Adjustment::Reset);
    assert_eq!(take(100), [50]);
}

#[test]
fn top_ups_outlive_a_restart_with_their_window() {
    let bench = Bench::new();
    let scope = one(Unit::NanoUsd, DAY, 100);
    adjust(&bench.book(), &scope, "usd-limit", Adjustment::TopUp(50)).unwrap();
    let key = bench.space.key(&scope.record());
    let (bytes, _) = bench.host.shared_get(&key).unwrap();
    let saved = durable::snapshot(&scope.record(), &bytes, bench.book().now).unwrap();
    let fresh = Bench::new();
    let merged = durable::merge(&scope.record(), None, &saved, fresh.book().now);
    fresh
        .host
        .shared_set(&key, &merged, crate::host::Expect::Absent)
        .unwrap();
    assert_eq!(scope.budgets(&fresh.book())[0].limit, 150);
}

#[test]
fn two_workers_top_up_at_once_and_both_count() {
    let bench = Bench::new();
    let scope = one(Unit::Tokens, DAY, 100);
    for _ in 0..20 {
        bench.host.conflict_next(3);
        adjust(&bench.book(), &scope, "tokens-limit", Adjustment::TopUp(1)).unwrap();
    }
    assert_eq!(scope.budgets(&bench.book())[0].limit, 120);
}
