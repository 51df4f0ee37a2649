/*! Envoy around a policy: what of its file would keep the policy from working. One rule
a file. */

mod callouts;
mod chains;
mod clusters;
mod decompressor;
mod fallback;
mod groups;
mod guarded;
mod jwt;
mod keys;
mod place;
mod plugin;
mod ratelimit;
mod routes;
mod secrets;
mod tls;
mod totals;
pub(super) mod types;
mod unguarded;
mod upstream;

use super::at::At;
use super::findings::Findings;
use super::policy::Compiled;
use super::wasm::Filter;
use place::Place;

/// The filters of one policy, and that policy if it compiles.
pub(super) struct Group<'s, 't> {
    pub(super) filters: &'s [Filter<'t>],
    pub(super) compiled: Option<&'s Compiled>,
}

/// Checks what the filters of a document are to each other, whatever policy each has.
pub(super) fn check_together(root: &At<'_>, groups: &[Group<'_, '_>], findings: &mut Findings) {
    unguarded::check(root, groups, findings);
    secrets::check(root, findings);
    groups::check(root, findings);
    totals::check(groups, findings);
}

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
        guarded::check(root, place, compiled, findings);
    }
    if let Some(compiled) = compiled {
        clusters::check(root, compiled, findings);
        callouts::check(root, filters, compiled, findings);
        fallback::check(root, filters, compiled, findings);
        keys::check(root, compiled, findings);
        upstream::check(root, compiled, findings);
        chains::check(root, &places, compiled, findings);
        tls::check(&places, &compiled.policy, findings);
        for place in &places {
            jwt::check(root, place, &compiled.policy, findings);
            ratelimit::check(root, place, compiled, findings);
        }
    }
}
