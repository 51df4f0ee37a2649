/*! Limits of usage, tiers, the ledger. */

use super::*;
use crate::ledger::limits::{Meter, Period, Unit, Window};

/// A policy with these limits of tenant acme, and more members in front.
fn with(limits: &str, more: &str) -> String {
    format!(
        r#"{{{more}
  "backends": {{"b": {{"cluster": "c", "api": "openai", "remove_fields": ["store"]}}}},
  "models": {{
    "smart": {{"targets": [{{"backend": "b", "model": "m"}}]}},
    "auto": {{"rules": true}}
  }},
  "routing": [{{"use": "smart"}}],
  "tenants": {{"acme": {{"tier": "gold", "models": ["smart", "auto"], "spiffe": ["spiffe://mesh/acme"], "limits": {limits}}}}}
}}"#
    )
}

fn limits(limits: &str) -> Vec<Meter> {
    let policy = from_plugin_bytes(with(limits, "").as_bytes()).unwrap();
    policy.tenants["acme"].limits.to_vec()
}

#[test]
fn a_limit_is_what_it_says() {
    let meters = limits(
        r#"[
        {"tokens": "200000", "per": "minute"},
        {"requests": 10, "per": "day", "window": "sliding", "models": ["smart"], "name": "few"},
        {"concurrent": 20},
        {"concurrent": 5, "lease": "20m", "name": "short"},
        {"tokens": 100, "per": "minute", "shadow": true, "name": "strict", "alert_at": ["50%", 80]}
    ]"#,
    );
    let found: Vec<_> = meters
        .iter()
        .map(|meter| (meter.unit, meter.window, meter.limits.len()))
        .collect();
    assert_eq!(
        found,
        [
            (Unit::Tokens, Window::Sliding(Period::Minute), 2),
            (Unit::Requests, Window::Sliding(Period::Day), 1),
            (Unit::Concurrent, Window::Lease(900_000), 1),
            (Unit::Concurrent, Window::Lease(1_200_000), 1),
        ],
        "what counts the same shares a counter"
    );
    let names = |index: usize| -> Vec<&str> {
        let limits = meters[index].limits.iter();
        limits.map(|limit| limit.name.as_str()).collect()
    };
    assert_eq!(names(0), ["tokens/minute", "strict"]);
    assert_eq!((names(1), names(2)), (vec!["few"], vec!["concurrent"]));
    assert_eq!(meters[0].limits[1].alert_at, [50, 80]);
    assert!(meters[1].counts("smart") && !meters[1].counts("other"));
}

#[test]
fn the_counter_depends_on_what_is_counted_alone() {
    let id = |text: &str| limits(text)[0].id;
    let first = id(r#"[{"tokens": 1, "per": "day"}]"#);
    assert_eq!(
        first,
        id(r#"[{"tokens": 2, "per": "day", "shadow": true, "name": "x"}]"#)
    );
    for other in [
        r#"[{"input_tokens": 1, "per": "day"}]"#,
        r#"[{"tokens": 1, "per": "month"}]"#,
        r#"[{"tokens": 1, "per": "day", "window": "sliding"}]"#,
        r#"[{"tokens": 1, "per": "day", "models": ["smart"]}]"#,
        r#"[{"tokens": 1, "per": "day", "reset": 1}]"#,
    ] {
        assert_ne!(first, id(other), "{other}");
    }
}

#[test]
fn what_is_wrong_with_limits_is_told() {
    for (text, problem) in [
        ("[]", "tenants.acme.limits: must not be an empty list"),
        (
            r#"[{"per": "day"}]"#,
            "tenants.acme.limits[0]: must have exactly one of requests,",
        ),
        (
            r#"[{"tokens": 1, "requests": 1, "per": "day"}]"#,
            "tenants.acme.limits[0]: must have exactly one of",
        ),
        (
            r#"[{"tokens": 0, "per": "day"}]"#,
            "tenants.acme.limits[0].tokens: must be a whole number from 1",
        ),
        (
            r#"[{"tokens": -5, "per": "day"}]"#,
            "tenants.acme.limits[0].tokens: must be a whole number",
        ),
        (
            r#"[{"tokens": 1}]"#,
            "tenants.acme.limits[0].per: is missing",
        ),
        (
            r#"[{"tokens": 1, "per": "week"}]"#,
            "tenants.acme.limits[0].per: \"week\" is none of",
        ),
        (
            r#"[{"concurrent": 1, "per": "day"}]"#,
            "tenants.acme.limits[0].per: has no meaning with concurrent",
        ),
        (
            r#"[{"tokens": 1, "per": "day", "lease": "1m"}]"#,
            "tenants.acme.limits[0].lease: unknown field",
        ),
        (
            r#"[{"tokens": 1, "per": "day", "window": "rolling"}]"#,
            "tenants.acme.limits[0].window: \"rolling\" is none of",
        ),
        (
            r#"[{"tokens": 1, "per": "day", "models": ["smrt"]}]"#,
            "tenants.acme.limits[0].models[0]: no model \"smrt\" (did you mean \"smart\"?)",
        ),
        (
            r#"[{"tokens": 1, "per": "day", "models": ["auto"]}]"#,
            "tenants.acme.limits[0].models[0]: rules resolve that one",
        ),
        (
            r#"[{"tokens": 1, "per": "day"}, {"tokens": 2, "per": "day"}]"#,
            "tenants.acme.limits[1]: \"tokens/day\" is another limit here",
        ),
        (
            r#"[{"tokens": 1, "per": "day", "alert_at": ["0%"]}]"#,
            "tenants.acme.limits[0].alert_at[0]: must be a percentage",
        ),
        (
            r#"[{"tokens": 1, "per": "day", "alert_at": ["80%", "50%"]}]"#,
            "tenants.acme.limits[0].alert_at[1]: must be larger",
        ),
        (
            r#"[{"tokens": 1, "per": "day", "alert_at": ["80%"]}, {"tokens": 2, "per": "day", "name": "b", "alert_at": ["50%"]}]"#,
            "tenants.acme.limits[1]: another limit of the same usage has alert_at",
        ),
        (
            r#"[{"usd": 0, "per": "day"}]"#,
            "tenants.acme.limits[0].usd: \"0\" is no amount",
        ),
        (
            r#"[{"usd": "1.0000000001", "per": "day"}]"#,
            "tenants.acme.limits[0].usd: \"1.0000000001\" is no amount",
        ),
        (
            r#"[{"usd": 1, "per": "day"}]"#,
            "models.smart: b/m has no price, and a limit in usd counts its calls",
        ),
        (
            r#"[{"concurrent": 1, "lease": "1m"}]"#,
            "warning: tenants.acme.limits[0]: calls may take longer",
        ),
    ] {
        let told = told(&with(text, ""));
        assert!(told.contains(problem), "{text}: {told}");
    }
}

#[test]
fn tiers_are_for_tenants_without_limits_of_their_own() {
    let tiers = r#""tiers": {"gold": {"limits": [{"requests": 7, "per": "second"}], "per_user": [{"tokens": 9, "per": "second"}]}, "silver": {}},"#;
    let own = with(r#"[{"requests": 1, "per": "second"}]"#, tiers);
    let policy = from_plugin_bytes(own.as_bytes()).unwrap();
    let acme = &policy.tenants["acme"];
    assert_eq!(acme.limits[0].limits[0].amount, 1);
    assert_eq!(acme.per_user[0].limits[0].amount, 9);
    let none = own.replace(r#", "limits": [{"requests": 1, "per": "second"}]}}"#, "}}");
    assert_ne!(none, own);
    let policy = from_plugin_bytes(none.as_bytes()).unwrap();
    assert_eq!(policy.tenants["acme"].limits[0].limits[0].amount, 7);
    assert!(told(&own).contains("warning: tiers.silver: no tenant is of this tier"));
}

#[test]
fn the_ledger_has_bounds() {
    let requests = r#"[{"requests": 1, "per": "second"}]"#;
    for (ledger, problem) in [
        (
            r#"{"user_memory": "1KiB"}"#,
            "ledger.user_memory: must be between 1MiB and 64MiB",
        ),
        (
            r#"{"user_memory": "65MiB"}"#,
            "ledger.user_memory: must be between 1MiB and 64MiB",
        ),
        (
            r#"{"default_output": 0}"#,
            "ledger.default_output: must be a whole number from 1",
        ),
        (
            r#"{"default_output": {"soft": true}}"#,
            "ledger.default_output.tokens: is missing",
        ),
        (
            r#"{"when_busy": "maybe"}"#,
            "ledger.when_busy: \"maybe\" is none of",
        ),
        (r#"{"stop": true}"#, "ledger.stop: unknown field"),
    ] {
        let told = told(&with(requests, &format!(r#""ledger": {ledger},"#)));
        assert!(told.contains(problem), "{ledger}: {told}");
    }
}

#[test]
fn a_bound_that_is_removed_cannot_be_reserved_by() {
    let removes = |limits: &str| with(limits, "").replace(r#"["store"]"#, r#"["max_tokens"]"#);
    let told_tokens = told(&removes(r#"[{"tokens": 1, "per": "second"}]"#));
    let problem = "backends.b.remove_fields: removes the bound that limits reserve answers by";
    assert!(told_tokens.contains(problem), "{told_tokens}");
    assert!(!told(&removes(r#"[{"requests": 1, "per": "second"}]"#)).contains(problem));
}

#[test]
fn what_passes_unread_costs_nobody_knows_what() {
    let pass = r#""other_paths": {"pass": "b"}, "default_price": {"input": 1, "output": 1},"#;
    let problem = "warning: other_paths.pass: calls that pass unread have no price";
    assert!(told(&with(r#"[{"usd": 1, "per": "second"}]"#, pass)).contains(problem));
    assert!(!told(&with(r#"[{"tokens": 1, "per": "second"}]"#, pass)).contains(problem));
}
