/*! `tollgate check` of Envoy's rate limit filter: the shipped file with one thing wrong. */

// Helpers of tests may stop at the first surprise, as tests may.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::process::Command;

const SHIPPED: &str = include_str!("../../envoy/global-limits.yaml");

/// What is said of the file with `from` replaced by `to`, and whether it is good.
fn check(from: &str, to: &str) -> (Vec<String>, bool) {
    assert!(SHIPPED.contains(from), "the file has no {from:?}");
    let name = format!("global-limits-{}-{}.yaml", std::process::id(), {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed)
    });
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(&name);
    fs::write(&file, SHIPPED.replace(from, to)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    let output = command.arg("check").arg(&file).output().unwrap();
    fs::remove_file(&file).unwrap();
    let path = format!("{}: ", file.display());
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(|line| line.replacen(&path, "", 1));
    (lines.collect(), output.status.success())
}

/// Checks that each of `said` is the end of one line, in this order, and that no other line is.
fn expect(from: &str, to: &str, said: &[&str]) {
    let (lines, good) = check(from, to);
    assert_eq!(lines.len(), said.len(), "{from:?} {to:?}: {lines:#?}");
    for (line, said) in lines.iter().zip(said) {
        assert!(line.contains(said), "{from:?} {to:?}: {line}");
    }
    let ok = said.last().is_some_and(|line| line.contains("ok ("));
    assert_eq!(good, ok, "{lines:#?}");
}

const OK: &str = "ok (1 backends, 2 models, 2 tenants)";
const GLOBAL: &str =
    "                    global_limits: { charge: estimate, refund_refused: true }\n";
const HITS_OVER: &str =
    "hits_addend: { format: \"%FILTER_STATE(wasm.tollgate.limit.over:PLAIN)%\" }";

#[test]
fn the_shipped_file_is_good() {
    expect(GLOBAL, GLOBAL, &[OK]);
}

#[test]
fn the_filter_is_there_and_denies() {
    let denies = "              failure_mode_deny: true\n";
    expect(denies, "", &["failure_mode_deny: write true", OK]);
    let denies_not = "              failure_mode_deny: false\n";
    expect(denies, denies_not, &["failure_mode_deny: write true", OK]);
    expect(
        "filters.http.ratelimit.v3.RateLimit\n",
        "filters.http.other.v3.Other\n",
        &["global_limits: needs Envoy's rate limit filter behind Tollgate"],
    );
}

#[test]
fn before_tollgate_it_knows_nothing() {
    let start = SHIPPED.find("          # Behind Tollgate").unwrap();
    let end = SHIPPED
        .find("          - name: envoy.filters.http.router")
        .unwrap();
    let filter = SHIPPED.get(start..end).unwrap();
    let moved = SHIPPED.replace(filter, "").replace(
        "          - name: tollgate\n",
        &format!("{filter}          - name: tollgate\n"),
    );
    expect(
        SHIPPED,
        &moved,
        &["typed_config: must stand behind Tollgate"],
    );
}

#[test]
fn every_key_is_one_that_is_set() {
    let (lines, good) = check(GLOBAL, "");
    assert!(!good);
    assert_eq!(lines.len(), 6, "{lines:#?}");
    for line in &lines {
        let told = "is not there: the policy has no global_limits";
        assert!(line.ends_with(told), "{line}");
    }
    // The tenant stands in three limits, by one anchor.
    let told = "tollgate.limit.tenent is not there (did you mean \"tollgate.limit.tenant\"?)";
    expect(
        "wasm.tollgate.limit.tenant\"]",
        "wasm.tollgate.limit.tenent\"]",
        &[told; 3],
    );
    expect(
        "FILTER_STATE(wasm.tollgate.limit.over",
        "FILTER_STATE(tollgate.limit.over",
        &["write wasm.tollgate.limit.over"],
    );
    // The estimate's keys are not there where none is taken.
    let (lines, good) = check("charge: estimate, refund_refused: true", "charge: actual");
    assert!(!good);
    let missing = ["estimate", "over", "under"];
    for key in missing {
        let told = format!("tollgate.limit.{key} is not there");
        assert!(lines.iter().any(|line| line.contains(&told)), "{lines:#?}");
    }
    assert_eq!(lines.len(), missing.len(), "{lines:#?}");
}

#[test]
fn numbers_are_charged_when_they_are_known_and_in_their_direction() {
    let late =
        format!("                    apply_on_stream_done: true\n                    {HITS_OVER}");
    let early = format!("                    {HITS_OVER}");
    expect(
        &late,
        &early,
        &["apply_on_stream_done: must be true: tollgate.limit.over"],
    );
    expect(
        ":PLAIN)%\", is_negative_hits: true }",
        ":PLAIN)%\" }",
        &["is_negative_hits: must be true: what was not used is given back"],
    );
    expect(
        "limit.over:PLAIN)%\" }",
        "limit.over:PLAIN)%\", is_negative_hits: true }",
        &["is_negative_hits: remove it"],
    );
    let start =
        "                    hits_addend: { format: \"%FILTER_STATE(wasm.tollgate.limit.estimate";
    expect(
        start,
        &format!("                    apply_on_stream_done: true\n{start}"),
        &["apply_on_stream_done: remove it"],
    );
}

#[test]
fn estimates_are_put_right() {
    for (key, other) in [("over", "under"), ("under", "over")] {
        let (lines, good) = check(
            &format!("%FILTER_STATE(wasm.tollgate.limit.{key}:PLAIN)%"),
            "%REQ(x)%",
        );
        assert!(!good);
        let told = format!("needs another limit for wasm.tollgate.limit.{key}");
        assert!(lines.iter().any(|line| line.contains(&told)), "{lines:#?}");
        assert!(!lines.iter().any(|line| line.contains(other)), "{lines:#?}");
    }
}

#[test]
fn limits_of_routes_know_no_hits() {
    for (at, indent) in [
        (
            "                  cluster_header: x-tollgate-internal-cluster\n",
            "                  ",
        ),
        (
            "              request_body_buffer_limit: 22020096\n",
            "              ",
        ),
    ] {
        let limits = format!(
            "{at}{indent}rate_limits: [ {{ actions: [ {{ generic_key: {{ descriptor_value: x }} }} ], hits_addend: {{ number: 3 }} }} ]\n"
        );
        expect(at, &limits, &["hits_addend: Envoy ignores it here"]);
    }
}
