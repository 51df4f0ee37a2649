/*! Routes for which Tollgate is disabled: fine for health checks, but whoever reaches a
provider's cluster by one does so with no guard at all. */

use super::Group;
use super::place::Place;
use super::routes::{Destination, Kind, Route, routes, table};
use crate::check::at::At;
use crate::check::findings::Findings;
use tollgate::config::Policy;

/// Checks that no such route goes to a backend's cluster. Where several Tollgate filters
/// share a connection manager, one that runs is enough.
pub(super) fn check(root: &At<'_>, groups: &[Group<'_, '_>], findings: &mut Findings) {
    let policies = groups.iter().filter_map(|group| group.compiled);
    let policies: Vec<&Policy> = policies.map(|compiled| &compiled.policy).collect();
    let filters = groups.iter().flat_map(|group| group.filters);
    let places: Vec<Place<'_>> = filters.map(Place::of).collect();
    for manager in places.iter().filter_map(|place| place.manager.as_ref()) {
        let entries = entries(&places, manager);
        // A filter that is not in the manager's own list is another rule's matter.
        let Some(table) = table(root, manager).filter(|_| !entries.is_empty()) else {
            continue;
        };
        for route in routes(&table) {
            check_route(&route, &entries, &policies, findings);
        }
    }
}

/// The Tollgate filters of a connection manager.
fn entries<'p, 't>(places: &'p [Place<'t>], manager: &At<'t>) -> Vec<&'p At<'t>> {
    let here = places.iter().filter(|place| {
        let own = place.manager.as_ref();
        own.is_some_and(|own| own.position == manager.position)
    });
    here.filter_map(|place| place.entry.as_ref()).collect()
}

fn check_route(
    route: &Route<'_>,
    entries: &[&At<'_>],
    policies: &[&Policy],
    findings: &mut Findings,
) {
    for destination in route.destinations() {
        let mut guards = entries.iter();
        if !guards.any(|entry| route.is_guarded(&destination, entry)) {
            check_destination(&destination, policies, findings);
        }
    }
}

fn check_destination(destination: &Destination<'_>, policies: &[&Policy], findings: &mut Findings) {
    const CAUSE: &str = "Tollgate is disabled for this route, so calls pass with no guard at all";
    let at = &destination.at;
    match destination.kind {
        Kind::Cluster => {
            let name = at.tree.as_str().unwrap_or_default();
            let mut backends = policies.iter().flat_map(|policy| policy.backends.iter());
            if let Some(backend) = backends.find(|backend| backend.cluster == name) {
                let message = format!("is the cluster of backend {:?}: {CAUSE}", backend.name);
                findings.error(at, message);
            }
        }
        Kind::Header => {
            let message = format!("may name a backend's cluster: {CAUSE}");
            findings.error(at, message);
        }
        Kind::Plugin => {
            let message = format!("not checked: it may choose a backend's cluster, but {CAUSE}");
            findings.warning(at, message);
        }
    }
}
