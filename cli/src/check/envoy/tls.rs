/*! SPIFFE ids are worth what the check of the client's certificate is worth. */

use super::place::Place;
use super::types;
use crate::check::at::At;
use crate::check::findings::Findings;
use tollgate::config::{HopFrom, Policy};

/// Checks the TLS of filter chains, if the policy trusts SPIFFE ids.
///
/// A chain that asks for no certificate is fine if another chain with the same policy
/// asks for good ones: nobody can claim an id there.
pub(super) fn check(places: &[Place<'_>], policy: &Policy, findings: &mut Findings) {
    if !trusts_ids(policy) {
        return;
    }
    let chains: Vec<&At<'_>> = places.iter().filter_map(|it| it.chain.as_ref()).collect();
    let proven = chains.iter().any(|chain| is_good(chain));
    for chain in chains {
        if !(proven && asks_for_none(chain)) {
            check_chain(chain, findings);
        }
    }
}

fn is_good(chain: &At<'_>) -> bool {
    let mut findings = Findings::default();
    check_chain(chain, &mut findings);
    !findings.has_errors()
}

/// Envoy asks for a certificate where it has to verify or to require one.
fn asks_for_none(chain: &At<'_>) -> bool {
    context(chain).is_none_or(|context| {
        let common = context.field_or_gap("common_tls_context");
        let mut fields = common.members();
        !context.is_true("require_client_certificate")
            && !fields.any(|(name, _)| name.to_ascii_lowercase().contains("validation"))
    })
}

fn check_chain(chain: &At<'_>, findings: &mut Findings) {
    match context(chain) {
        Some(context) => check_context(&context, findings),
        None => findings.error(
            &chain.field_or_gap("transport_socket"),
            "the policy knows callers by SPIFFE id, but this filter chain has no TLS: add a \
             DownstreamTlsContext with require_client_certificate: true and a validation_context \
             with trusted_ca",
        ),
    }
}

fn trusts_ids(policy: &Policy) -> bool {
    let mut hops = policy.identity.hops.iter();
    !policy.identity.spiffe.is_empty() || hops.any(|hop| matches!(hop.from, HopFrom::Spiffe(_)))
}

/// The chain's `DownstreamTlsContext`, also that of QUIC.
fn context<'t>(chain: &At<'t>) -> Option<At<'t>> {
    let config = chain.fields(&["transport_socket", "typed_config"])?;
    match types::name(&config)? {
        types::TLS => Some(types::body(&config)),
        types::QUIC => types::body(&config).field("downstream_tls_context"),
        _ => None,
    }
}

fn check_context(context: &At<'_>, findings: &mut Findings) {
    if !context.is_true("require_client_certificate") {
        findings.error(
            &context.field_or_gap("require_client_certificate"),
            "must be true: the policy knows callers by the SPIFFE id in their certificate",
        );
    }
    let common = context.field_or_gap("common_tls_context");
    if !verifies(&common) {
        findings.error(
            &common,
            "needs a validation_context with trusted_ca (or one by SDS, or a combined one): an \
             unverified certificate could claim any SPIFFE id",
        );
    }
    if let Some(untrusted) = accepts_untrusted(&common) {
        findings.error(
            &untrusted,
            "remove it: an unverified certificate could claim any SPIFFE id",
        );
    }
}

/// The validation contexts that stand in the file.
fn validations<'t>(common: &At<'t>) -> [Option<At<'t>>; 2] {
    [
        common.field("validation_context"),
        common.fields(&["combined_validation_context", "default_validation_context"]),
    ]
}

fn verifies(common: &At<'_>) -> bool {
    const SDS: &str = "validation_context_sds_secret_config";
    let by_sds = common.field(SDS).is_some()
        || common
            .fields(&["combined_validation_context", SDS])
            .is_some();
    by_sds || validations(common).iter().flatten().any(has_anchor)
}

/// Whether it says whom to trust: by authorities, or by Envoy's own SPIFFE validator.
fn has_anchor(validation: &At<'_>) -> bool {
    let validator = validation.fields(&["custom_validator_config", "typed_config"]);
    validation.field("trusted_ca").is_some()
        || validator.is_some_and(|it| types::is(&it, types::SPIFFE_VALIDATOR))
}

fn accepts_untrusted<'t>(common: &At<'t>) -> Option<At<'t>> {
    let modes = validations(common)
        .into_iter()
        .flatten()
        .filter_map(|validation| validation.field("trust_chain_verification"));
    modes
        .into_iter()
        .find(|mode| mode.tree.as_str() != Some("VERIFY_TRUST_CHAIN"))
}
