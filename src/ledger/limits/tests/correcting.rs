//! What is known long after a call was settled.

use super::*;

const MINUTE: Window = Window::Sliding(Period::Minute);

/// A call that was charged 100 and 60 tokens at the bench's time.
fn charge(bench: &Bench, scope: &Scope) -> u64 {
    let scopes = std::slice::from_ref(scope);
    let granted = bench.reserve(scopes, call(100, 60)).unwrap();
    settle(&bench.book(), &granted.reservation, &call(100, 60));
    bench.book().now_ms()
}

fn correct_to(bench: &Bench, scope: &Scope, at_ms: u64, took: &Amounts) -> Corrected {
    let scopes = std::slice::from_ref(scope);
    correct(
        &bench.book(),
        (scopes, "smart"),
        at_ms,
        &call(100, 60),
        took,
    )
}

#[test]
fn in_its_window_a_call_counts_what_it_took() {
    for window in [DAY, MINUTE] {
        for took in [call(9, 4), call(100, 60), call(500, 400), call(0, 0)] {
            let bench = Bench::new();
            let units = [Unit::Tokens, Unit::NanoUsd, Unit::Requests];
            let meters = units.map(|unit| meter(unit, window, 1_000_000));
            let scope = tenant(&meters);
            let at_ms = charge(&bench, &scope);
            let corrected = correct_to(&bench, &scope, at_ms, &took);
            let long = window.is_long().then(|| scope.record());
            assert_eq!(corrected.long_records, Vec::from_iter(long));
            assert_eq!(corrected.lost, 0);
            let budgets = scope.budgets(&bench.book());
            let used: Vec<u64> = budgets.iter().map(|budget| budget.used).collect();
            // It was one call, and stays one.
            assert_eq!(
                used,
                [took.of(Unit::Tokens), took.nano_usd, 1],
                "{window:?}"
            );
        }
    }
}

#[test]
fn behind_its_window_only_what_it_took_beyond_its_charge_counts() {
    let mut bench = Bench::new();
    let scope = tenant(&[meter(Unit::Tokens, DAY, 1_000_000)]);
    let at_ms = charge(&bench, &scope);
    bench.now += 86_400 * SECOND;
    let own = charge(&bench, &scope);
    assert_ne!(own, at_ms);
    correct_to(&bench, &scope, at_ms, &call(9, 4));
    assert_eq!(bench.used(&scope), (160, 0));
    correct_to(&bench, &scope, at_ms, &call(100, 70));
    assert_eq!(bench.used(&scope), (170, 0));
}

#[test]
fn limits_that_do_not_count_the_model_stay() {
    let bench = Bench::new();
    let mut other = meter(Unit::Tokens, DAY, 1_000_000);
    other.models = vec!["other".to_owned()];
    let scope = tenant(&[other]);
    let corrected = correct_to(&bench, &scope, bench.book().now_ms(), &call(500, 500));
    assert_eq!(corrected, Corrected::default());
    assert_eq!(bench.used(&scope), (0, 0));
}

#[test]
fn a_correction_that_loses_every_round_is_told() {
    let bench = Bench::new();
    let scope = tenant(&[meter(Unit::Tokens, DAY, 1_000_000)]);
    let at_ms = charge(&bench, &scope);
    bench.host.conflict_next(crate::state::MAX_TRIES);
    assert_eq!(correct_to(&bench, &scope, at_ms, &call(9, 4)).lost, 1);
    assert_eq!(bench.used(&scope), (160, 0));
    bench.host.conflict_next(3);
    assert_eq!(correct_to(&bench, &scope, at_ms, &call(9, 4)).lost, 0);
    assert_eq!(bench.used(&scope), (13, 0));
}
