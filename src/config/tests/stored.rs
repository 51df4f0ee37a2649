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
fn conversations_have_a_backend_with_responses() {
    let of = |conversations: &str| {
        let stored = r#"{"secrets": ["one of 16 bytes."], "conversations": CONVERSATIONS}"#;
        document(&stored.replace("CONVERSATIONS", conversations), "")
    };
    for (conversations, tokens) in [
        (r#"{"backend": "b"}"#, None),
        (r#"{"backend": "b", "tokens": 30000}"#, Some(30_000)),
    ] {
        let text = of(conversations);
        assert_eq!(told(&text), "");
        let policy = from_plugin_bytes(text.as_bytes()).unwrap();
        let wanted = Conversations {
            backend: "b".to_owned(),
            tokens,
        };
        assert_eq!(policy.stored.unwrap().conversations, Some(wanted));
    }
    for (conversations, problem) in [
        ("\"b\"", ": must be a map, not a string"),
        ("{}", ".backend: is missing"),
        (r#"{"backend": "c"}"#, ".backend: no backend \"c\""),
        (
            r#"{"backend": "b", "tokens": 0}"#,
            ".tokens: must be a whole number from 1 to 1000000000",
        ),
        (r#"{"backend": "b", "token": 1}"#, ".token: unknown field"),
    ] {
        let text = of(conversations);
        let wanted = format!("stored.conversations{problem}");
        assert!(told(&text).starts_with(&wanted), "{}", told(&text));
        assert!(from_plugin_bytes(text.as_bytes()).is_err());
    }
    for api in [
        r#""api": "anthropic""#,
        r#""api": "openai", "apis": ["chat_completions"]"#,
    ] {
        let text = of(r#"{"backend": "b"}"#).replace(r#""api": "openai""#, api);
        let wanted = "stored.conversations.backend: does not have the API of Responses\n";
        assert_eq!(told(&text), wanted);
    }
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

#[test]
fn files_are_kept_at_a_backend_of_openais_protocol() {
    const SECRETS: &str = r#""secrets": ["one of 16 bytes."]"#;
    let of = |files: &str| document(&format!(r#"{{{SECRETS}{files}}}"#), "");
    let stored = |text: &str| from_plugin_bytes(text.as_bytes()).unwrap().stored.unwrap();
    let text = of(r#", "files": "b""#);
    assert_eq!(told(&text), "");
    assert_eq!(stored(&text).files.unwrap().name, "b");
    assert!(stored(&of("")).files.is_none());
    assert!(stored(&text).batches.is_none());
    for (batches, lines, price) in [
        ("{}", 50_000, 1_000),
        (r#"{"lines": 7, "price": 0.5}"#, 7, 500),
    ] {
        let text = of(&format!(r#", "files": "b", "batches": {batches}"#));
        let batches = stored(&text).batches.unwrap();
        assert_eq!((batches.lines, batches.price), (lines, price));
    }
    let azure = text
        .replace(
            r#""api": "openai""#,
            r#""api": "openai", "azure": {"api_version": "2024-10-21"}"#,
        )
        .replace(r#""files": "b""#, r#""files": "b", "batches": {}"#);
    let wanted = "stored.batches: Azure's batches have other paths in their lines\n";
    assert!(told(&azure).contains(wanted), "{}", told(&azure));
    for (files, api, wanted) in [
        (
            r#", "files": "bb""#,
            "openai",
            "stored.files: no backend \"bb\"\n",
        ),
        (
            r#", "batches": {}"#,
            "openai",
            "stored.batches: needs stored.files, where they are worked on\n",
        ),
        (
            r#", "files": "b", "batches": {"lines": 0, "price": 2, "more": 1}"#,
            "openai",
            "stored.batches.lines: must be a whole number from 1 to 1000000\n\
             stored.batches.price: must be a number from 0 to 1 with up to 3 decimals\n\
             stored.batches.more: unknown field\n",
        ),
        (
            r#", "files": ["b"]"#,
            "openai",
            "stored.files: must be a string, not a list\n",
        ),
        (
            r#", "files": "b""#,
            "anthropic",
            "stored.files: must be a backend of api: openai; other files are kept by other calls\n",
        ),
    ] {
        let text = of(files).replace(r#""api": "openai""#, &format!(r#""api": "{api}""#));
        assert_eq!(told(&text), wanted, "{files}");
        assert!(from_plugin_bytes(text.as_bytes()).is_err(), "{files}");
    }
}

#[test]
fn limits_that_no_conversation_fits_into_are_told() {
    let of = |conversations: &str, target: &str, more: &str| {
        let stored = format!(
            r#"{{"secrets": ["one of 16 bytes."], "conversations": {{"backend": "b"{conversations}}}}}"#
        );
        let target = format!(r#""model": "x"{target}}}]"#);
        document(&stored, "")
            .replace(r#""model": "x"}]"#, &target)
            .replace(r#""models": ["m"]"#, &format!(r#""models": ["m"]{more}"#))
    };
    let limits = |unit: &str, amount: u64| {
        format!(r#", "limits": [{{"{unit}": {amount}, "per": "minute"}}]"#)
    };
    let warning = |path: &str, unit: &str, least: u64, of: &str| {
        format!(
            "warning: {path}: \"{unit}/minute\" is less than the {least} tokens that a conversation is taken to bring into a prompt: calls{of} that belong to one are never let through; set stored.conversations.tokens lower\n"
        )
    };
    let mine = " of \"m\"";
    let tenant = "tenants.t.limits";
    for (conversations, target, unit, amount, least) in [
        // As much as a window holds, which nobody has told.
        ("", "", "tokens", 127_999, Some(128_000)),
        ("", "", "tokens", 128_000, None),
        (
            "",
            r#", "context": 200000"#,
            "input_tokens",
            199_999,
            Some(200_000),
        ),
        ("", r#", "context": 8000"#, "tokens", 8_000, None),
        (r#", "tokens": 30000"#, "", "tokens", 29_999, Some(30_000)),
        (r#", "tokens": 30000"#, "", "input_tokens", 30_000, None),
        (
            r#", "tokens": 30000"#,
            r#", "context": 8000"#,
            "tokens",
            7_999,
            Some(8_000),
        ),
        // Nothing that a prompt is counted in.
        ("", "", "requests", 5, None),
        ("", "", "output_tokens", 5_000, None),
    ] {
        let text = of(conversations, target, &limits(unit, amount));
        let wanted = least.map_or_else(String::new, |least| warning(tenant, unit, least, mine));
        assert_eq!(told(&text), wanted, "{text}");
    }
    let small = limits("tokens", 9_000);
    let users = of("", "", &small.replace("limits", "per_user"));
    let wanted = warning("tenants.t.per_user", "tokens", 128_000, mine);
    assert_eq!(told(&users), wanted);
    let model = of("", "", "").replace(r#""targets""#, &format!("{}, \"targets\"", &small[2..]));
    assert_eq!(
        told(&model),
        warning("models.m.limits", "tokens", 128_000, "")
    );
    // What only counts refuses nobody; and who is elsewhere has no conversation.
    let shadow = small.replace(r#""per""#, r#""shadow": true, "per""#);
    assert_eq!(told(&of("", "", &shadow)), "");
    let elsewhere = of("", "", &small)
        .replace(
            r#""backends": {"#,
            r#""backends": {"a": {"cluster": "a", "api": "openai"}, "#,
        )
        .replace(r#"[{"backend": "b""#, r#"[{"backend": "a""#);
    assert_eq!(told(&elsewhere), "");
    let only = document(r#"{"secrets": ["one of 16 bytes."]}"#, "");
    let only = only.replace(r#""models": ["m"]"#, &format!(r#""models": ["m"]{small}"#));
    assert_eq!(told(&only), "");
}
