//! What refused calls leave behind.

use super::*;

fn alerting(alert_at: &[u8]) -> Meter {
    let mut tokens = meter(Unit::Tokens, DAY, 1_000);
    tokens.limits[0].alert_at = alert_at.to_vec();
    tokens
}

/// The percentages and what was used then.
fn alerts(denied: &Denied) -> Vec<(u8, u64)> {
    let crossed = denied.traces().crossed.iter();
    crossed.map(|it| (it.percent, it.used)).collect()
}

#[test]
fn a_limit_that_refuses_raises_its_alert_of_100_percent_once_in_a_window() {
    let mut bench = Bench::new();
    let scope = tenant(&[alerting(&[50, 100])]);
    for _ in 0..2 {
        let granted = bench
            .reserve(std::slice::from_ref(&scope), call(900, 0))
            .unwrap();
        let settled = settle(&bench.book(), &granted.reservation, &call(900, 0));
        assert_eq!(settled.crossed[0].percent, 50);
        let ask = |tokens| {
            bench
                .reserve(std::slice::from_ref(&scope), call(tokens, 0))
                .unwrap_err()
        };
        assert_eq!(
            alerts(&ask(1_001)),
            [],
            "the call is too large, that is all"
        );
        let denied = ask(101);
        assert_eq!(alerts(&denied), [(100, 900)]);
        assert_eq!(denied.traces().touched, ["ledger/tenant/acme"]);
        let again = ask(101);
        assert_eq!(again.traces(), &Traces::default());
        // Nothing was taken by that.
        assert_eq!(bench.used(&scope), (900, 0));
        bench.now += 86_400 * SECOND;
    }
}

#[test]
fn a_refusal_alerts_only_where_100_percent_is_listed_and_the_limit_is_live() {
    let shadow = {
        let mut shadow = alerting(&[100]);
        shadow.limits[0].shadow = true;
        let live = Limit {
            name: "live".to_owned(),
            shadow: false,
            alert_at: Vec::new(),
            ..shadow.limits[0].clone()
        };
        shadow.limits.push(live);
        shadow
    };
    for meter in [alerting(&[50, 80]), alerting(&[]), shadow] {
        let bench = Bench::new();
        let scope = [tenant(&[meter])];
        bench.reserve(&scope, call(900, 0)).unwrap();
        let denied = bench.reserve(&scope, call(900, 0)).unwrap_err();
        assert_eq!(denied.traces(), &Traces::default());
    }
}

#[test]
fn an_alert_that_could_not_be_noted_is_raised_by_the_next_refusal() {
    let bench = Bench::new();
    let scope = [tenant(&[alerting(&[100])])];
    bench.reserve(&scope, call(900, 0)).unwrap();
    bench.host.conflict_next(crate::state::MAX_TRIES);
    let denied = bench.reserve(&scope, call(900, 0)).unwrap_err();
    assert_eq!(alerts(&denied), []);
    let denied = bench.reserve(&scope, call(900, 0)).unwrap_err();
    assert_eq!(alerts(&denied), [(100, 0)]);
}

#[test]
fn records_in_which_a_call_was_undone_are_told() {
    let bench = Bench::new();
    let model = Scope {
        holder: Holder::Model("smart".to_owned()),
        meters: Rc::from([meter(Unit::Tokens, DAY, 10)]),
    };
    let scopes = [tenant(&[meter(Unit::Tokens, DAY, 100)]), model];
    let denied = bench.reserve(&scopes, call(20, 0)).unwrap_err();
    let traces = denied.traces();
    assert_eq!(traces.touched, ["ledger/tenant/acme"]);
    assert_eq!((traces.lost, bench.used(&scopes[0])), (0, (0, 0)));
}

#[test]
fn a_user_over_an_own_limit_takes_nothing_of_the_tenants_even_for_a_moment() {
    let bench = Bench::new();
    let acme = tenant(&[meter(Unit::Tokens, DAY, 100)]);
    let scopes = [acme.clone(), user("ada", &[meter(Unit::Tokens, DAY, 10)])];
    bench.reserve(&scopes, call(10, 0)).unwrap();
    let key = bench.space.key(&acme.record());
    let version = || bench.host.shared_get(&key).unwrap().1;
    let before = version();
    let refused = exceeded(bench.reserve(&scopes, call(1, 0)).unwrap_err());
    assert!(matches!(refused.holder, Holder::User { .. }));
    assert_eq!(version(), before);
}
