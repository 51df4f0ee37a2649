/*! Envoy around a policy: what of its file would keep the policy from working. One rule
a file. */

mod chains;
mod clusters;
mod decompressor;
mod jwt;
mod place;
mod plugin;
mod routes;
mod tls;
pub(super) mod types;

use super::at::At;
use super::findings::Findings;
use super::policy::Compiled;
use super::wasm::Filter;
use place::Place;

/// Checks the filters of one policy and all around them. Rules that need the policy wait
/// until it compiles.
pub(super) fn check(
    root: &At<'_>,
    filters: &[Filter<'_>],
    compiled: Option<&Compiled>,
    findings: &mut Findings,
) {
    for filter in filters {
        plugin::check(&filter.plugin, findings);
    }
    let places: Vec<Place<'_>> = filters.iter().map(Place::of).collect();
    for place in &places {
        decompressor::check(place, findings);
        routes::check(root, place, compiled, findings);
    }
    if let Some(compiled) = compiled {
        clusters::check(root, compiled, findings);
        chains::check(&places, compiled, findings);
        tls::check(&places, &compiled.policy, findings);
        for place in &places {
            jwt::check(place, &compiled.policy, findings);
        }
    }
}
