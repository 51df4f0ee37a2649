/*! The headers into which clusters put keys: a provider that finds none in its own refuses all calls,
and other providers are tried in its place, silently. */

use super::clusters::http_filters;
use super::types;
use crate::check::at::At;
use crate::check::findings::Findings;
use crate::check::policy::Compiled;
use tollgate::attempt::KeyHeader;
use tollgate::config::Backend;
use tollgate::protocols::Protocol;

/// Where tokens of accounts stand, which providers take in place of keys.
pub(super) const TOKENS: &str = "authorization";

/// Checks the injectors in the clusters of all backends.
pub(super) fn check(root: &At<'_>, compiled: &Compiled, findings: &mut Findings) {
    let clusters = root.field_or_gap("static_resources").list("clusters");
    for backend in &compiled.policy.backends {
        let mut namesakes = clusters.iter();
        let cluster = namesakes.find(|at| at.text("name") == Some(&backend.cluster));
        // In a chain, keys wait in headers of their own.
        let alone = cluster.filter(|at| at.field("cluster_type").is_none());
        for header in alone.map(injected).unwrap_or_default() {
            check_header(&header, backend, findings);
        }
    }
}

/// The names of the headers that the injectors of a cluster write.
pub(super) fn injected<'t>(cluster: &At<'t>) -> Vec<At<'t>> {
    let mut filters = http_filters(cluster);
    filters.retain(|entry| !entry.is_true("disabled"));
    let configs = filters.iter().map(|it| it.field_or_gap("typed_config"));
    let injectors = configs.filter(|config| types::is(config, types::INJECTOR));
    let sources = injectors.map(|injector| {
        let source = types::body(&injector).field_or_gap("credential");
        types::body(&source.field_or_gap("typed_config"))
    });
    sources
        .map(|source| source.field_or_gap("header"))
        .collect()
}

fn check_header(header: &At<'_>, backend: &Backend, findings: &mut Findings) {
    let name = header.tree.as_str().unwrap_or(TOKENS);
    let own = KeyHeader::of(backend).as_str();
    let known = [own, TOKENS];
    if known.iter().any(|known| name.eq_ignore_ascii_case(known)) || is_free(backend) {
        return;
    }
    let or_token = match own {
        TOKENS => "",
        _ => ", or a token from authorization",
    };
    let message = format!(
        "backend {:?} reads its key from {own}{or_token}: with this header its calls are refused",
        backend.name
    );
    findings.warning(header, message);
}

/// Of the many servers that speak OpenAI's protocol some have headers of their own.
pub(super) fn is_free(backend: &Backend) -> bool {
    backend.protocol == Protocol::OpenAi && KeyHeader::of(backend) == KeyHeader::Authorization
}
