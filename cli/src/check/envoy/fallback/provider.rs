/*! The cluster of one provider. */

use super::{Cluster, Stationed, configuration};
use crate::check::at::At;
use crate::check::envoy::types;
use crate::check::findings::Findings;
use crate::check::wasm::{Filter, filters};
use tollgate::config::Stand;

/// The filter of a cluster; tells if there is none.
pub(super) fn stationed<'t>(
    cluster: &Cluster<'_, 't>,
    findings: &mut Findings,
) -> Option<Stationed<'t>> {
    let found = cluster.stationed();
    if found.is_none() {
        let mut called = cluster.filters.iter().flat_map(filters);
        let (at, message) = match called.find(Filter::is_called_tollgate) {
            Some(filter) => (
                filter.plugin.field_or_gap("configuration"),
                format!("must be {{ backend: {} }}", cluster.backend.name),
            ),
            None => (
                cluster.at.field_or_gap("typed_extension_protocol_options"),
                format!(
                    "must have Tollgate's filter in its http_filters, configured as {{ backend: \
                     {} }}: the policy has fallback, so requests come here as the caller sent them",
                    cluster.backend.name
                ),
            ),
        };
        findings.error(&at, message);
    }
    found
}

/// Checks that a cluster's filter runs where the gateway runs.
pub(super) fn check_vm(filter: &Filter<'_>, gateways: &[Filter<'_>], findings: &mut Findings) {
    let own = filter.plugin.field_or_gap("vm_config");
    let vms = gateways
        .iter()
        .map(|it| it.plugin.field_or_gap("vm_config"));
    let vms: Vec<At<'_>> = vms.collect();
    for field in ["vm_id", "code"] {
        let here = own.field_or_gap(field);
        if !vms
            .iter()
            .any(|vm| vm.field_or_gap(field).tree == here.tree)
        {
            let message = "must be as in the gateway's filter: otherwise it runs in another VM, and \
                           cool-downs are not shared";
            findings.error(&here, message);
        }
    }
}

/// Checks a cluster that is one provider's.
pub(super) fn check(cluster: &Cluster<'_, '_>, stationed: &Stationed<'_>, findings: &mut Findings) {
    name(cluster, stationed, findings);
    injectors(cluster, stationed, findings);
    last_resort(&cluster.at, findings);
}

fn name(cluster: &Cluster<'_, '_>, stationed: &Stationed<'_>, findings: &mut Findings) {
    let wanted = &cluster.backend.name;
    if stationed.stand == Stand::Named(wanted.clone()) {
        return;
    }
    let mut at = stationed.filter.plugin.field_or_gap("configuration");
    at.path = configuration(&stationed.filter);
    let message = format!(
        "must be {wanted:?}, the backend whose cluster this is: otherwise every try here fails"
    );
    findings.error(&at, message);
}

/// Keys are added last: whatever an earlier try has left is removed before, and what is signed is
/// changed before.
fn injectors(cluster: &Cluster<'_, '_>, stationed: &Stationed<'_>, findings: &mut Findings) {
    for (index, entry) in cluster.filters.iter().enumerate() {
        let config = entry.field_or_gap("typed_config");
        let early = index < stationed.index;
        match types::name(&config) {
            Some(types::INJECTOR | types::GCP_TOKENS) if early => {
                let message =
                    "must stand after Tollgate's filter, which removes the keys that it finds";
                findings.error(entry, message);
            }
            Some(types::AWS_SIGNING) if early => {
                let message = "must stand after Tollgate's filter, which changes the request and \
                               removes the signatures that it finds";
                findings.error(entry, message);
            }
            _ => {}
        }
        if types::is(&config, types::INJECTOR) {
            overwrites(&types::body(&config), findings);
        }
    }
}

/// Checks that an injector does not leave a key that is there.
pub(super) fn overwrites(injector: &At<'_>, findings: &mut Findings) {
    if !injector.is_true("overwrite") {
        let message = "must be true: otherwise a key that is there already goes to this provider";
        findings.error(&injector.field_or_gap("overwrite"), message);
    }
}

/// Clusters whose hosts can go need one that refuses: Envoy retries a refusal, but not a
/// cluster without hosts.
fn last_resort(cluster: &At<'_>, findings: &mut Findings) {
    let kind = cluster.text("type").unwrap_or("STATIC");
    let named = matches!(kind, "STRICT_DNS" | "LOGICAL_DNS");
    let judged = ["health_checks", "outlier_detection"];
    let judged = judged.iter().any(|field| cluster.field(field).is_some());
    if kind == "EDS" || !(named || judged) {
        return;
    }
    let endpoints = cluster.field_or_gap("load_assignment").list("endpoints");
    let second = |at: &At<'_>| {
        let priority = at.field("priority").and_then(|at| at.number());
        priority.is_some_and(|priority| priority > 0)
    };
    if endpoints.iter().any(second) {
        return;
    }
    let mut message = "must have an endpoint at priority 1 that refuses (127.0.0.1, port 1): \
                       otherwise a call is not tried elsewhere while this cluster has no host"
        .to_owned();
    if kind == "LOGICAL_DNS" {
        message.push_str("; that needs STRICT_DNS");
    }
    let at = cluster.field_or_gap("load_assignment");
    findings.error(&at.field_or_gap("endpoints"), message);
}
