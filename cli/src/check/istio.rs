/*! Istio's `WasmPlugin`. (An `EnvoyFilter` holds fragments of Envoy's own configuration
and is read as such.) */

use super::at::At;
use super::findings::Findings;
use super::sources::{Held, PolicyTree, Source};
use super::wasm;

/// The `spec` of `root`, if that is a WasmPlugin.
pub(super) fn plugin_spec<'t>(root: &At<'t>) -> Option<At<'t>> {
    let group = root.text("apiVersion")?.starts_with("extensions.istio.io/");
    let plugin = group && root.text("kind") == Some("WasmPlugin");
    plugin.then(|| root.field_or_gap("spec"))
}

/// The policy of a WasmPlugin, if that is Tollgate's.
pub(super) fn plugin_source<'t>(root: &At<'t>, spec: At<'t>) -> Option<Source<'t>> {
    let metadata = root.field_or_gap("metadata");
    let name = metadata.text("name").unwrap_or_default();
    let names = [name, spec.text("pluginName").unwrap_or_default()];
    let called = names.iter().any(|name| wasm::is_tollgates(name));
    let config = spec.field("pluginConfig");
    let policy = config.map(|config| PolicyTree::at(&config)).ok_or_else(|| {
        let problem = "is missing: it holds the policy".to_owned();
        (spec.field_or_gap("pluginConfig"), problem)
    });
    let looks = policy.as_ref().is_ok_and(PolicyTree::looks_like_one);
    (called || looks).then(|| Source {
        name: name.to_owned(),
        policy,
        held: Held::Plugin(spec),
    })
}

/// What a WasmPlugin says of the filter that Istio makes of it.
pub(super) fn check_plugin(spec: &At<'_>, findings: &mut Findings) {
    // Istio makes the filter without allow_on_headers_stop_iteration and has no field for it.
    findings.warning(
        spec,
        "a WasmPlugin cannot set allow_on_headers_stop_iteration, without which requests hang: \
         deploy Tollgate by an EnvoyFilter",
    );
    let strategy = spec.field_or_gap("failStrategy");
    match strategy.tree.as_str() {
        Some("FAIL_OPEN") => findings.error(
            &strategy,
            "FAIL_OPEN lets calls pass unguarded once the plugin has failed: write FAIL_RELOAD",
        ),
        Some("FAIL_RELOAD") => {}
        _ => findings.warning(
            &strategy,
            "write FAIL_RELOAD: otherwise a plugin that failed once answers 503 from then on",
        ),
    }
}
