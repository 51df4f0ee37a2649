/*! To whom Envoy speaks: TLS without a name to match encrypts, but for anybody. */

use super::Upstream;
use super::hosts;
use super::socket::{Security, security};
use crate::check::at::At;
use crate::check::envoy::types;
use crate::check::findings::Findings;

/// Lists in a validation context that name certificates themselves, whoever has signed them.
const PINS: [&str; 2] = ["verify_certificate_spki", "verify_certificate_hash"];

/// What says which authorities are trusted.
const AUTHORITIES: [&str; 3] = [
    "trusted_ca",
    "system_root_certs",
    "ca_certificate_provider_instance",
];

/// Lists of names that a certificate may have.
const NAMES: [&str; 2] = ["match_typed_subject_alt_names", "match_subject_alt_names"];

/// Checks whom a backend's cluster takes for its provider.
pub(super) fn check(upstream: &Upstream<'_, '_>, findings: &mut Findings) {
    for member in &upstream.members {
        if let Security::Tls(context) = security(member) {
            let http = http_options(member);
            if hosts::leave_the_machine(member) {
                verified(&context, &http, findings);
            }
            server_name(&context, &http, upstream, findings);
        }
    }
}

/// What a cluster says of HTTP: names may be taken from each request.
fn http_options<'t>(cluster: &At<'t>) -> Vec<At<'t>> {
    let options = cluster.field_or_gap("typed_extension_protocol_options");
    let options = options.children().map(|options| types::body(&options));
    options
        .filter_map(|it| it.field("upstream_http_protocol_options"))
        .collect()
}

fn verified(context: &At<'_>, http: &[At<'_>], findings: &mut Findings) {
    let common = context.field_or_gap("common_tls_context");
    let combined = common.field_or_gap("combined_validation_context");
    const SDS: &str = "validation_context_sds_secret_config";
    // What a control plane brings is not seen here.
    if [&common, &combined]
        .iter()
        .any(|it| it.field(SDS).is_some())
    {
        return;
    }
    let validation = combined
        .field("default_validation_context")
        .unwrap_or_else(|| common.field_or_gap("validation_context"));
    let has = |fields: &[&str]| fields.iter().any(|field| is_filled(&validation, field));
    if has(&PINS) || has(&["custom_validator_config"]) {
        return;
    }
    if !has(&AUTHORITIES) {
        let message = "should have trusted_ca, and match_typed_subject_alt_names with the provider's \
                       host: without, Envoy encrypts, but does not check to whom it speaks";
        findings.warning(&validation, message);
        return;
    }
    let mode = validation.field_or_gap("trust_chain_verification");
    if mode.tree.as_str() == Some("ACCEPT_UNTRUSTED") {
        let message = "remove it: Envoy encrypts, but does not check to whom it speaks";
        findings.warning(&mode, message);
    }
    let by_request = context.is_true("auto_sni_san_validation")
        || http.iter().any(|it| it.is_true("auto_san_validation"));
    if !has(&NAMES) && !by_request {
        let message = "should name the provider's host (or have auto_san_validation: true): \
                       otherwise anybody with a certificate of these authorities is taken for it";
        findings.warning(&validation.field_or_gap(NAMES[0]), message);
    }
}

/// Whether a field is there, and no empty list.
fn is_filled(at: &At<'_>, field: &str) -> bool {
    let field = at.field(field);
    field.is_some_and(|it| it.tree.as_list().is_none_or(|list| !list.is_empty()))
}

/// The name that TLS begins with, against the one that requests are sent to.
fn server_name(
    context: &At<'_>,
    http: &[At<'_>],
    upstream: &Upstream<'_, '_>,
    findings: &mut Findings,
) {
    let sni = context.field_or_gap("sni");
    let name = sni.tree.as_str().unwrap_or_default();
    let authority = upstream.backend.authority.as_deref().unwrap_or_default();
    let host = without_port(authority);
    let by_request =
        context.is_true("auto_host_sni") || http.iter().any(|it| it.is_true("auto_sni"));
    let alike = name.eq_ignore_ascii_case(host);
    if name.is_empty() || host.is_empty() || by_request || alike {
        return;
    }
    let message = format!(
        "is not the authority of backend {:?}, {host:?}: who answers to one name may not know the \
         other",
        upstream.backend.name
    );
    findings.warning(&sni, message);
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.chars().all(|c| c.is_ascii_digit()) => host,
        _ => authority,
    }
}
