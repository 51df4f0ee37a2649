/*! The store of counters, and alerts. */

use super::*;

/// A good document with these members more.
fn document(extra: &str) -> String {
    format!(
        r#"{{
        "backends": {{"b": {{"cluster": "c", "api": "openai"}}}},
        "models": {{"m": {{"targets": [{{"backend": "b", "model": "x"}}]}}}},
        "tenants": {{"t": {{"models": ["m"], "spiffe": ["spiffe://mesh/t"], "limits": [{{"requests": 9, "per": "minute", "alert_at": ["80%"]}}]}}}},
        {extra}
    }}"#
    )
}

fn policy(extra: &str) -> Policy {
    let text = document(extra);
    assert_eq!(told(&text), "");
    from_plugin_bytes(text.as_bytes()).unwrap()
}

#[test]
fn alerts_that_nothing_raises_are_told() {
    let text = document(r#""alerts": {"cluster": "a", "path": "/a"}"#)
        .replace(r#", "alert_at": ["80%"]"#, "");
    assert_eq!(
        told(&text),
        "warning: alerts: no limit has alert_at: nobody will be alerted\n"
    );
}

#[test]
fn what_is_written_is_meant() {
    let extra = r#""ledger": {"store": {"cluster": "kv", "authority": "kv.test:80", "path": "/a/b/", "every": "10s", "timeout": "500ms", "until_loaded": "admit"}},
        "alerts": {"cluster": "hooks", "authority": "hooks.test", "path": "/x?key=1", "timeout": "1s"}"#;
    let policy = policy(extra);
    let store = Store {
        cluster: "kv".to_owned(),
        authority: "kv.test:80".to_owned(),
        path: "/a/b".to_owned(),
        every_ms: 10_000,
        timeout_ms: 500,
        until_loaded: UntilLoaded::Admit,
    };
    let alerts = AlertHook {
        cluster: "hooks".to_owned(),
        authority: "hooks.test".to_owned(),
        path: "/x?key=1".to_owned(),
        timeout_ms: 1_000,
    };
    assert_eq!((policy.store, policy.alerts), (Some(store), Some(alerts)));
}

#[test]
fn the_rest_has_its_default() {
    let extra =
        r#""ledger": {"store": {"cluster": "kv"}}, "alerts": {"cluster": "hooks", "path": "/x"}"#;
    let policy = policy(extra);
    let store = policy.store.unwrap();
    assert_eq!(
        (store.authority.as_str(), store.path.as_str()),
        ("kv", "/tollgate")
    );
    assert_eq!((store.every_ms, store.timeout_ms), (5_000, 2_000));
    assert_eq!(store.until_loaded, UntilLoaded::Refuse);
    let alerts = policy.alerts.unwrap();
    assert_eq!(
        (alerts.authority.as_str(), alerts.timeout_ms),
        ("hooks", 5_000)
    );
    let root = self::policy(r#""ledger": {"store": {"cluster": "kv", "path": "/"}}"#);
    assert_eq!(root.store.unwrap().path, "");
}

#[test]
fn every_way_to_be_wrong_is_told() {
    for (extra, problem) in [
        (
            r#""ledger": {"store": {}}"#,
            "ledger.store.cluster: is missing",
        ),
        (r#""alerts": {"cluster": "a"}"#, "alerts.path: is missing"),
        (r#""alerts": {"path": "/a"}"#, "alerts.cluster: is missing"),
        (
            r#""alerts": {"cluster": "a", "path": "a"}"#,
            "alerts.path: must be a path such as /hooks/budget",
        ),
        (
            r#""alerts": {"cluster": "a", "path": "/a b"}"#,
            "alerts.path: must be a path such as /hooks/budget",
        ),
        (
            r#""alerts": {"cluster": "a", "path": "/a", "authority": "http://a/"}"#,
            "alerts.authority: must be a host such as store.internal:8080",
        ),
        (
            r#""alerts": {"cluster": "a", "path": "/a", "timeout": "2m"}"#,
            "alerts.timeout: must be between 50ms and 1m",
        ),
        (
            r#""alerts": {"cluster": "a", "path": "/a", "timeout": "1ms"}"#,
            "alerts.timeout: must be between 50ms and 1m",
        ),
        (
            r#""ledger": {"store": {"cluster": "a", "path": "/a?b"}}"#,
            "ledger.store.path: must have no query: names are added to it",
        ),
        (
            r#""ledger": {"store": {"cluster": "a", "every": "500ms"}}"#,
            "ledger.store.every: must be between 1s and 10m",
        ),
        (
            r#""ledger": {"store": {"cluster": "a", "every": "1h"}}"#,
            "ledger.store.every: must be between 1s and 10m",
        ),
        (
            r#""ledger": {"store": {"cluster": "a", "until_loaded": "wait"}}"#,
            "ledger.store.until_loaded: \"wait\" is none of: refuse, admit",
        ),
        (
            r#""ledger": {"store": {"cluster": "a", "evry": "5s"}}"#,
            "ledger.store.evry: unknown field (did you mean \"every\"?)",
        ),
        (
            r#""alerts": {"cluster": "a", "path": "/a", "retries": 1}"#,
            "alerts.retries: unknown field",
        ),
    ] {
        let told = told(&document(extra));
        assert!(told.starts_with(problem), "{extra}: {told}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
}

#[test]
fn limits_that_a_restart_forgets_are_warned_of() {
    const WARNING: &str = "warning: ledger.store: is missing: when Envoy is restarted, limits of an hour or more begin anew\n";
    let limited = |place: &str, limit: &str, extra: &str| {
        let text = document(extra);
        let text = match place {
            "models" => text.replace(r#""m": {"#, &format!(r#""m": {{"limits": [{limit}], "#)),
            place => text.replace(r#""t": {"#, &format!(r#""t": {{"{place}": [{limit}], "#)),
        };
        told(&text)
    };
    let extra = r#""limits": {}"#;
    let store = r#""ledger": {"store": {"cluster": "kv"}}"#;
    for place in ["limits", "per_user", "models"] {
        for per in ["hour", "day", "month"] {
            let limit = format!(r#"{{"requests": 5, "per": "{per}"}}"#);
            assert_eq!(limited(place, &limit, extra), WARNING, "{place} {per}");
            assert_eq!(limited(place, &limit, store), "", "{place} {per}");
        }
        let short = r#"{"requests": 5, "per": "minute"}, {"concurrent": 3}"#;
        assert_eq!(limited(place, short, extra), "", "{place}");
    }
}
