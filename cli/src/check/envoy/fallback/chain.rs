/*! A chain: an aggregate cluster with one filter for all its providers. */

use super::provider::overwrites;
use super::{Cluster, Stationed, configuration};
use crate::check::at::At;
use crate::check::envoy::types;
use crate::check::findings::Findings;
use tollgate::config::Stand;

/// Where an endpoint says which backend it is.
const NAME: [&str; 4] = ["metadata", "filter_metadata", "tollgate", "backend"];

/// Checks a chain of `members`, names of clusters among `known`.
pub(super) fn check(
    chain: &Cluster<'_, '_>,
    stationed: &Stationed<'_>,
    members: &[At<'_>],
    known: &[At<'_>],
    findings: &mut Findings,
) {
    if stationed.stand != Stand::ByHost {
        let mut at = stationed.filter.plugin.field_or_gap("configuration");
        at.path = configuration(&stationed.filter);
        let message = "must be \"by host metadata\": this cluster is a chain of several providers";
        findings.error(&at, message);
    }
    injectors(chain, stationed, findings);
    let clusters = members.iter().filter_map(|member| {
        let name = member.tree.as_str();
        known.iter().find(|at| at.text("name") == name)
    });
    let mut found = false;
    for cluster in clusters {
        found |= endpoints(cluster, &chain.backend.name, findings);
    }
    if !found {
        let message = format!(
            "no endpoint of its clusters has the metadata tollgate: {{ backend: {} }}, so none is \
             that backend's",
            chain.backend.name
        );
        findings.error(&chain.at, message);
    }
}

/// Checks the endpoints of a member; whether one is of `backend`.
fn endpoints(cluster: &At<'_>, backend: &str, findings: &mut Findings) -> bool {
    let groups = cluster.field_or_gap("load_assignment").list("endpoints");
    let all = groups.iter().flat_map(|group| group.list("lb_endpoints"));
    let mut found = false;
    for endpoint in all {
        let name = endpoint.fields(&NAME);
        match name.as_ref().and_then(|name| name.tree.as_str()) {
            Some(name) => found |= name == backend,
            None => findings.error(
                &endpoint.field_or_gap("metadata"),
                "must have filter_metadata: { tollgate: { backend: NAME } }: otherwise every try \
                 here fails",
            ),
        }
    }
    found
}

/// Here keys wait in headers of their own before Tollgate's filter.
fn injectors(chain: &Cluster<'_, '_>, stationed: &Stationed<'_>, findings: &mut Findings) {
    for (index, entry) in chain.filters.iter().enumerate() {
        let config = entry.field_or_gap("typed_config");
        if !types::is(&config, types::INJECTOR) {
            continue;
        }
        let injector = types::body(&config);
        if index > stationed.index {
            let message = "must stand before Tollgate's filter, and write to \
                           x-tollgate-internal-credential-BACKEND: here it gives one provider's \
                           key to all";
            findings.error(entry, message);
        } else {
            private(&injector, findings);
        }
        overwrites(&injector, findings);
    }
}

fn private(injector: &At<'_>, findings: &mut Findings) {
    let generic = injector.field_or_gap("credential");
    let generic = generic.field_or_gap("typed_config");
    let header = types::body(&generic).field_or_gap("header");
    let name = header.tree.as_str().unwrap_or("authorization");
    let name = name.to_ascii_lowercase();
    if !name.starts_with("x-tollgate-internal-credential-") {
        let message = "must be x-tollgate-internal-credential-BACKEND: any other header goes to \
                       all providers of the chain, or is lost";
        findings.error(&header, message);
    }
}
