/*! Claims are trusted because Envoy's jwt_authn has verified them, before Tollgate. */

use super::place::Place;
use super::types;
use crate::check::at::At;
use crate::check::findings::Findings;
use tollgate::config::Policy;

/// Checks that something puts the claims where the policy looks for them.
pub(super) fn check(place: &Place<'_>, policy: &Policy, findings: &mut Findings) {
    let (Some(rule), Some(manager)) = (&policy.identity.jwt, &place.manager) else {
        return;
    };
    let filters = place.earlier(types::JWT);
    let Some(last) = filters.last() else {
        findings.error(
            &manager.field_or_gap("http_filters"),
            "identity.jwt of the policy needs a jwt_authn filter before Tollgate",
        );
        return;
    };
    let wanted = rule.payload.as_str();
    if !filters.iter().any(|filter| provides(filter, wanted)) {
        let message = format!(
            "no provider has payload_in_metadata: {wanted:?}, where identity.jwt of the policy \
             looks for claims"
        );
        findings.error(&last.field_or_gap("providers"), message);
    }
}

fn provides(filter: &At<'_>, payload: &str) -> bool {
    let providers = filter.field_or_gap("providers");
    let mut providers = providers.members();
    providers.any(|(_, provider)| provider.text("payload_in_metadata") == Some(payload))
}
