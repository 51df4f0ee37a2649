/*! Secrets that credential injectors name. Envoy 1.40 crashes as it starts if there is no such
secret, without a word of where. */

use super::types;
use crate::check::at::At;
use crate::check::findings::Findings;

/// Checks every injector of a document.
pub(super) fn check(root: &At<'_>, findings: &mut Findings) {
    let secrets = root.field_or_gap("static_resources").list("secrets");
    let known: Vec<&str> = secrets
        .iter()
        .filter_map(|secret| secret.text("name"))
        .collect();
    below(root, &known, findings);
}

fn below(at: &At<'_>, known: &[&str], findings: &mut Findings) {
    if types::is(at, types::INJECTOR) {
        injector(&types::body(at), known, findings);
        return;
    }
    for child in at.children() {
        below(&child, known, findings);
    }
}

fn injector(injector: &At<'_>, known: &[&str], findings: &mut Findings) {
    let source = injector
        .field_or_gap("credential")
        .field_or_gap("typed_config");
    let secret = types::body(&source).field_or_gap("credential");
    let name = secret.field_or_gap("name");
    let text = name.tree.as_str().unwrap_or_default();
    // With a source of its own it comes from elsewhere.
    if !text.is_empty() && secret.field("sds_config").is_none() && !known.contains(&text) {
        let message =
            format!("no secret {text:?} in static_resources.secrets: Envoy crashes as it starts");
        findings.error(&name, message);
    }
}
