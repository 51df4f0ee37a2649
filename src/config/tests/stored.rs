/*! What providers may keep. */

use super::*;
use crate::wrapped::{Kind, Mark, Thing};

fn document(stored: &str, more: &str) -> String {
    format!(
        r#"{{
        "backends": {{"b": {{"cluster": "c", "api": "openai"}}}},
        "models": {{"m": {{"targets": [{{"backend": "b", "model": "x"}}]}}}},
        "tenants": {{"t": {{"models": ["m"], "spiffe": ["spiffe://mesh/t"]}}}},
        "stored": {stored}{more}
    }}"#
    )
}

#[test]
fn the_first_secret_makes_ids_and_all_open_them() {
    let of = |secrets: &str| {
        let text = document(&format!(r#"{{"secrets": [{secrets}]}}"#), "");
        assert_eq!(told(&text), "");
        let policy = from_plugin_bytes(text.as_bytes()).unwrap();
        assert!(!format!("{policy:?}").contains("16 bytes"));
        policy.stored.unwrap().secrets
    };
    let thing = Thing {
        kind: Kind::Response,
        id: "resp_1".to_owned(),
        backend: Mark::of("b"),
        tokens: 1,
    };
    let old = of(r#""one of 16 bytes.""#);
    let both = of(r#""another 16 bytes", "one of 16 bytes.""#);
    let id = old.wrap("t", &thing).unwrap();
    assert_ne!(both.wrap("t", &thing), Some(id.clone()));
    assert_eq!(both.open("t", Kind::Response, &id), Some(thing));
}

#[test]
fn without_it_nothing_is_kept() {
    let text = document("{}", "").replace(",\n        \"stored\": {}", "");
    let policy = from_plugin_bytes(text.as_bytes()).unwrap();
    assert!(policy.stored.is_none());
}

#[test]
fn every_problem_is_told_without_the_secret() {
    const GOOD: &str = "\"one of 16 bytes.\"";
    let many = [
        GOOD,
        "\"2 with 16 bytes.\"",
        "\"3 with 16 bytes.\"",
        "\"4 with 16 bytes.\"",
        "\"5 with 16 bytes.\"",
    ];
    for (stored, more, wanted) in [
        ("{}".to_owned(), "", "stored.secrets: is missing\n"),
        (
            format!(r#"{{"secrets": {GOOD}}}"#),
            "",
            "stored.secrets: must be a list, not a string\n",
        ),
        (
            r#"{"secrets": ["short"]}"#.to_owned(),
            "",
            "stored.secrets[0]: must have 16 to 256 bytes\n",
        ),
        (
            r#"{"secrets": [7]}"#.to_owned(),
            "",
            "stored.secrets[0]: must be a string, not a number\n",
        ),
        (
            format!(r#"{{"secrets": [{GOOD}, {GOOD}]}}"#),
            "",
            "stored.secrets[1]: stands twice\n",
        ),
        (
            format!(r#"{{"secrets": [{}]}}"#, many.join(",")),
            "",
            "stored.secrets: must have 1 to 4 secrets, that of new ids first\n",
        ),
        (
            format!(r#"{{"secrets": [{GOOD}], "secret": 1}}"#),
            "",
            "stored.secret: unknown field (did you mean \"secrets\"?)\n",
        ),
        (
            format!(r#"{{"secrets": [{GOOD}]}}"#),
            r#", "other_paths": {"pass": "b"}"#,
            "stored: needs other_paths: refuse; what passes unread names what anybody has stored\n",
        ),
    ] {
        let text = document(&stored, more);
        assert_eq!(told(&text), wanted, "{stored}");
        assert!(from_plugin_bytes(text.as_bytes()).is_err(), "{stored}");
    }
}

#[test]
fn what_is_kept_is_not_cached_and_check_says_so() {
    const STORED: &str = r#"{"secrets": ["one of 16 bytes."]}"#;
    const CACHE: &str = r#", "cache": {"ttl": "1h"}"#;
    const WARNING: &str =
        "stored: of Responses, the cache has only answers to calls with store: false\n";
    let text = document(STORED, CACHE);
    assert!(told(&text).contains(WARNING), "{}", told(&text));
    assert_eq!(told(&document(STORED, "")), "");
    // What is translated is kept by nobody.
    for backend in [
        r#""api": "anthropic""#,
        r#""api": "openai", "apis": ["chat_completions"]"#,
    ] {
        let text = text.replace(r#""api": "openai""#, backend);
        assert!(!told(&text).contains(WARNING), "{}", told(&text));
    }
}
