/*! The Wasm filter's own settings. */

use crate::check::at::At;
use crate::check::findings::Findings;
use tollgate::config::Tree;

/// Checks a `PluginConfig`.
pub(super) fn check(plugin: &At<'_>, findings: &mut Findings) {
    stop_iteration(plugin, findings);
    failure_policy(plugin, findings);
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
