/*! What stands in the paths of calls: a provider answers 404 to a wrong one, and other providers are
tried in its place, silently. */

use super::at::At;
use super::findings::Findings;
use super::policy::Compiled;
use super::sources::PolicyTree;
use tollgate::config::{Backend, Severity, member_path};
use tollgate::protocols::Protocol;

/// Warns of paths that no provider has.
pub(super) fn warn(policy: &PolicyTree<'_>, compiled: &Compiled, findings: &mut Findings) {
    for backend in &compiled.policy.backends {
        base_path(backend, compiled, findings);
    }
    let root = At::root(String::new(), policy.position.clone(), &policy.tree);
    let models = root.field_or_gap("models");
    let targets = models.members().flat_map(|(_, it)| it.list("targets"));
    for target in targets {
        model(&target, compiled, findings);
    }
}

/// What Tollgate itself puts between a base path and the rest.
fn added(backend: &Backend) -> &'static [&'static str] {
    match backend.protocol {
        Protocol::Gemini => &["/models"],
        Protocol::Bedrock => &["/model"],
        Protocol::Anthropic => &["/messages"],
        Protocol::OpenAi if backend.azure_api_version.is_some() => &["/openai"],
        Protocol::OpenAi => &["/completions", "/responses", "/embeddings"],
    }
}

fn base_path(backend: &Backend, compiled: &Compiled, findings: &mut Findings) {
    let mut added = added(backend).iter();
    if let Some(end) = added.find(|end| backend.base_path.ends_with(*end)) {
        let path = member_path(&member_path("backends", &backend.name), "base_path");
        let message = format!(
            "should not end in {end}: Tollgate adds that itself, so it would stand twice in the \
             paths of calls"
        );
        findings.add(compiled.places.finding(path, message, Severity::Warning));
    }
}

/// Models whose names stand in the path.
fn model(target: &At<'_>, compiled: &Compiled, findings: &mut Findings) {
    let backend = target.text("backend").unwrap_or_default();
    let mut backends = compiled.policy.backends.iter();
    let in_path = backends.any(|known| {
        known.name == backend && matches!(known.protocol, Protocol::Gemini | Protocol::Bedrock)
    });
    let name = target.text("model").unwrap_or_default();
    if in_path && name.contains(char::is_whitespace) {
        let path = member_path(&target.path, "model");
        let message = "has a blank, which no model's id has: its provider answers 404";
        findings.add(compiled.places.finding(path, message, Severity::Warning));
    }
}
