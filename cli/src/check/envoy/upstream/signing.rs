/*! Amazon's signatures, which Envoy makes: of a wrong one Amazon says 403, and other providers are tried
in its place, silently. */

use super::Upstream;
use crate::check::at::At;
use crate::check::envoy::types;
use crate::check::findings::Findings;
use tollgate::protocols::Protocol;

/// Ends of Amazon's names, whose regions are one of the words before.
const AMAZON: [&str; 3] = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"];

/// Checks what signs in a backend's cluster.
pub(super) fn check(upstream: &Upstream<'_, '_>, findings: &mut Findings) {
    for signing in upstream.filters(types::AWS_SIGNING) {
        payload(&signing, findings);
        region(&signing, upstream, findings);
        service(&signing, upstream, findings);
    }
}

fn payload(signing: &At<'_>, findings: &mut Findings) {
    const FIELD: &str = "use_unsigned_payload";
    if signing.is_true(FIELD) {
        let message = "leaves the body out of the signature, so that nobody would notice another \
                       one in its place: remove it";
        findings.warning(&signing.field_or_gap(FIELD), message);
    }
}

fn region(signing: &At<'_>, upstream: &Upstream<'_, '_>, findings: &mut Findings) {
    let at = signing.field_or_gap("region");
    let region = at.tree.as_str().unwrap_or_default();
    // Signatures of the newer kind are good for several.
    if region.is_empty() || region.contains(['*', ',']) {
        return;
    }
    let host = upstream.backend.authority.as_deref().unwrap_or_default();
    let host = host.to_ascii_lowercase();
    let name = host.split(':').next().unwrap_or_default();
    let amazons = AMAZON.iter().any(|end| name.ends_with(end));
    if amazons && !name.split('.').any(|word| word == region) {
        let message = format!(
            "is not the region in the authority of backend {:?}, {name:?}: Amazon refuses the \
             signature",
            upstream.backend.name
        );
        findings.warning(&at, message);
    }
}

fn service(signing: &At<'_>, upstream: &Upstream<'_, '_>, findings: &mut Findings) {
    const BEDROCK: &str = "bedrock";
    let at = signing.field_or_gap("service_name");
    let asked = upstream.backend.protocol == Protocol::Bedrock;
    if asked && at.tree.as_str() != Some(BEDROCK) {
        let message = format!("should be {BEDROCK}: Amazon refuses signatures for another service");
        findings.warning(&at, message);
    }
}
