/*! The Wasm filter's own settings. */

use crate::check::at::At;
use crate::check::findings::Findings;
use tollgate::config::Tree;

/// Checks a `PluginConfig`.
pub(super) fn check(plugin: &At<'_>, findings: &mut Findings) {
    stop_iteration(plugin, findings);
    failure_policy(plugin, findings);
    reload_interval(plugin, findings);
}

fn stop_iteration(plugin: &At<'_>, findings: &mut Findings) {
    const FIELD: &str = "allow_on_headers_stop_iteration";
    if !plugin.is_true(FIELD) {
        let message = "must be true: without it requests hang, for Envoy holds back the body \
                       that Tollgate waits for";
        findings.error(&plugin.field_or_gap(FIELD), message);
    }
}

fn failure_policy(plugin: &At<'_>, findings: &mut Findings) {
    if plugin.is_true("fail_open") {
        let message = "lets calls pass unguarded once the filter has failed: remove it and write \
                       failure_policy: FAIL_RELOAD";
        findings.error(&plugin.field_or_gap("fail_open"), message);
        return;
    }
    let policy = plugin.field_or_gap("failure_policy");
    match policy.tree {
        Tree::String(name) if name == "FAIL_RELOAD" => {}
        Tree::String(name) if name == "FAIL_OPEN" => findings.error(
            &policy,
            "FAIL_OPEN lets calls pass unguarded once the filter has failed: write FAIL_RELOAD",
        ),
        // It may stand for FAIL_OPEN, and nobody who reads the file would see it.
        Tree::Number(_) => findings.error(&policy, "must be a name: write FAIL_RELOAD"),
        _ => findings.warning(
            &policy,
            "write FAIL_RELOAD: otherwise a filter that failed once answers 503 from then on",
        ),
    }
}

/// Envoy halves the milliseconds: 1 becomes 0, by which it then divides.
fn reload_interval(plugin: &At<'_>, findings: &mut Findings) {
    let interval = plugin.fields(&["reload_config", "backoff", "base_interval"]);
    let Some(interval) = interval else {
        return;
    };
    let milliseconds = interval.tree.as_str().and_then(milliseconds);
    if milliseconds.is_some_and(|it| it < 2) {
        let message = "must be at least 0.002s: with less, Envoy crashes when it first reloads \
                       the filter; write 0.01s";
        findings.error(&interval, message);
    }
}

/// The whole milliseconds of a duration of protobuf's JSON, if it is one.
fn milliseconds(duration: &str) -> Option<u64> {
    let number = duration.strip_suffix('s')?;
    let (seconds, fraction) = number.split_once('.').unwrap_or((number, ""));
    let thousandths: String = fraction.chars().chain("000".chars()).take(3).collect();
    let seconds: u64 = seconds.parse().ok()?;
    let thousandths: u64 = thousandths.parse().ok()?;
    Some(seconds.saturating_mul(1000).saturating_add(thousandths))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_cut_to_milliseconds() {
        for (duration, expected) in [
            ("0s", Some(0)),
            ("0.001s", Some(1)),
            ("0.0019s", Some(1)),
            ("0.002s", Some(2)),
            ("0.01s", Some(10)),
            ("1.5s", Some(1500)),
            ("1s", Some(1000)),
            ("1", None),
            ("-1s", None),
            ("s", None),
        ] {
            assert_eq!(milliseconds(duration), expected, "{duration}");
        }
    }
}
