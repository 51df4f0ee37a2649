/*! What fallback needs around a policy: Tollgate's filter in every provider's cluster, and
routes by which Envoy tries the next provider.

There are two ways. With `priority_group` each call has an order of its own, and each
provider a cluster with a filter. A chain (an aggregate cluster) has one order, and one
filter for all its providers. */

mod chain;
mod provider;
mod retries;
mod specifier;

use super::clusters;
use super::place::Place;
use super::routes::{Destination, Kind, Route};
use super::types;
use crate::check::at::At;
use crate::check::findings::Findings;
use crate::check::policy::Compiled;
use crate::check::wasm::{Filter, filters};
use tollgate::config::{Backend, Plugin, Severity, Stand, Tree, member_path};

/// What a file has of one backend's cluster.
struct Cluster<'c, 't> {
    backend: &'c Backend,
    at: At<'t>,
    /// Its elements of `http_filters`.
    filters: Vec<At<'t>>,
}

/// Tollgate's filter in a cluster.
struct Stationed<'t> {
    filter: Filter<'t>,
    stand: Stand,
    /// Its index in `http_filters`.
    index: usize,
}

/// Checks the clusters of all backends.
pub(super) fn check(
    root: &At<'_>,
    gateways: &[Filter<'_>],
    compiled: &Compiled,
    findings: &mut Findings,
) {
    let known = root.field_or_gap("static_resources").list("clusters");
    for backend in &compiled.policy.backends {
        let mut namesakes = known.iter();
        let at = namesakes.find(|at| at.text("name") == Some(&backend.cluster));
        let Some(cluster) = at.map(|at| Cluster::new(backend, at)) else {
            continue;
        };
        if compiled.policy.fallback.is_none() {
            unasked(&cluster, compiled, findings);
        } else {
            check_cluster(&cluster, &known, gateways, findings);
        }
    }
}

fn check_cluster(
    cluster: &Cluster<'_, '_>,
    known: &[At<'_>],
    gateways: &[Filter<'_>],
    findings: &mut Findings,
) {
    retries::check_breakers(&cluster.at, findings);
    let Some(stationed) = provider::stationed(cluster, findings) else {
        return;
    };
    provider::check_vm(&stationed.filter, gateways, findings);
    super::plugin::check(&stationed.filter.plugin, findings);
    if let Some(members) = cluster.members() {
        chain::check(cluster, &stationed, &members, known, findings);
    } else {
        provider::check(cluster, &stationed, findings);
    }
}

/// A filter that waits for plans which nobody makes.
fn unasked(cluster: &Cluster<'_, '_>, compiled: &Compiled, findings: &mut Findings) {
    if cluster.stationed().is_some() {
        let message = format!(
            "is missing, but cluster {:?} has Tollgate's filter, which answers 503 to calls without \
             a plan: write fallback: {{}}, or remove the filter",
            cluster.backend.cluster
        );
        findings.add(
            compiled
                .places
                .finding("fallback", message, Severity::Error),
        );
    }
}

/// Checks where a route of a policy with fallback takes calls.
pub(super) fn check_destination(
    place: &Place<'_>,
    route: &Route<'_>,
    destination: &Destination<'_>,
    findings: &mut Findings,
) {
    let plans = destination.kind == Kind::Plugin;
    if plans && !specifier::check(place, &destination.at, findings) {
        return;
    }
    retries::check(route, plans, findings);
}

impl<'c, 't> Cluster<'c, 't> {
    fn new(backend: &'c Backend, at: &At<'t>) -> Self {
        Self {
            backend,
            at: at.clone(),
            filters: clusters::http_filters(at),
        }
    }

    /// The first filter in it that is Tollgate's for providers.
    fn stationed(&self) -> Option<Stationed<'t>> {
        let mut entries = self.filters.iter().enumerate();
        entries.find_map(|(index, entry)| {
            let filter = filters(entry).into_iter().next()?;
            let stand = stand(&filter)?;
            Some(Stationed {
                filter,
                stand,
                index,
            })
        })
    }

    /// The names of the clusters that a chain is made of.
    fn members(&self) -> Option<Vec<At<'t>>> {
        let config = self.at.fields(&["cluster_type", "typed_config"])?;
        types::is(&config, types::AGGREGATE).then(|| types::body(&config).list("clusters"))
    }
}

fn stand(filter: &Filter<'_>) -> Option<Stand> {
    let configured = filter.policy().ok()?;
    let tree: &Tree = &configured.tree;
    match Plugin::from_tree(tree) {
        Ok(Plugin::Backend(stand)) => Some(stand),
        _ => None,
    }
}

/// Where a backend filter's configuration is told.
fn configuration(filter: &Filter<'_>) -> String {
    let value = filter.value();
    let path = value.map_or_else(String::new, |value| value.path);
    member_path(&path, "backend")
}
