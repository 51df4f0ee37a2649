/*! The routes that calls take after Tollgate. */

use super::fallback;
use super::place::Place;
use super::routes::{Destination, Kind, Route, routes, table};
use crate::check::at::At;
use crate::check::findings::Findings;
use crate::check::policy::Compiled;
use tollgate::call::CLUSTER_HEADER;
use tollgate::config::Policy;

/// What Tollgate may add to a request over `limits.body`.
const ROOM: u64 = 65_536;

/// Checks every route that Tollgate guards.
pub(super) fn check(
    root: &At<'_>,
    place: &Place<'_>,
    compiled: Option<&Compiled>,
    findings: &mut Findings,
) {
    let (Some(manager), Some(entry)) = (&place.manager, &place.entry) else {
        return;
    };
    let Some(table) = table(root, manager) else {
        let message = "not checked: the routes of this connection manager are not in this file";
        findings.warning(&manager.field_or_gap("route_config"), message);
        return;
    };
    let policy = compiled.map(|compiled| &compiled.policy);
    for route in routes(&table) {
        let mut guarded = route.destinations();
        guarded.retain(|destination| route.is_guarded(destination, entry));
        if !guarded.is_empty() {
            check_route(place, &route, &guarded, policy, findings);
        }
    }
}

fn check_route(
    place: &Place<'_>,
    route: &Route<'_>,
    guarded: &[Destination<'_>],
    policy: Option<&Policy>,
    findings: &mut Findings,
) {
    let falls_back = policy.is_some_and(|policy| policy.fallback.is_some());
    for destination in guarded {
        if falls_back {
            fallback::check_destination(place, route, destination, findings);
        }
        // Where there is fallback, Tollgate tells the plugin all that it could choose from.
        if !(falls_back && destination.kind == Kind::Plugin) {
            cluster(destination, policy, findings);
        }
    }
    timeout(&route.action, findings);
    // Of a policy that can't be read it is not known whether it falls back.
    if policy.is_some() && !falls_back {
        retries(route, findings);
    }
    removal(route, guarded, findings);
    policy.inspect(|policy| body_limit(&route.route, &route.host, policy, findings));
}

fn cluster(destination: &Destination<'_>, policy: Option<&Policy>, findings: &mut Findings) {
    let at = &destination.at;
    match (destination.kind, policy) {
        (Kind::Header, _) => check_header(at, findings),
        (Kind::Cluster, Some(policy)) => check_name(at, policy, findings),
        (Kind::Cluster | Kind::Plugin, None) => {}
        (Kind::Plugin, Some(_)) => {
            let message =
                format!("not checked: it must choose the cluster that {CLUSTER_HEADER} names");
            findings.warning(at, message);
        }
    }
}

fn check_name(name: &At<'_>, policy: &Policy, findings: &mut Findings) {
    let text = name.tree.as_str().unwrap_or_default();
    let mut backends = policy.backends.iter();
    if !backends.any(|backend| backend.cluster == text) {
        let message = format!(
            "calls would go to {text:?}, which is no backend's cluster: write cluster_header: \
             {CLUSTER_HEADER} in its place, or disable Tollgate for this route"
        );
        findings.error(name, message);
        return;
    }
    let mut backends = policy.backends.iter();
    if let Some(other) = backends.find(|backend| backend.cluster != text) {
        let message = format!(
            "calls for backend {:?}, whose cluster is {:?}, would go to {text:?} too: write \
             cluster_header: {CLUSTER_HEADER} in its place",
            other.name, other.cluster
        );
        findings.error(name, message);
    }
}

fn check_header(header: &At<'_>, findings: &mut Findings) {
    let name = header.tree.as_str().unwrap_or_default();
    if !name.eq_ignore_ascii_case(CLUSTER_HEADER) {
        let message = format!("must be {CLUSTER_HEADER}, where Tollgate writes its choice");
        findings.error(header, message);
    }
}

fn timeout(action: &At<'_>, findings: &mut Findings) {
    let timeout = action.field_or_gap("timeout");
    match timeout.tree.as_str() {
        Some(text) if is_zero(text) => {}
        Some(text) => {
            let message = format!("write 0s: {text} cuts streams that last longer");
            findings.warning(&timeout, message);
        }
        None => findings.warning(&timeout, "write 0s: the default of 15s cuts longer streams"),
    }
}

/// Whether a duration of protobuf's JSON (`0s`, `0.000s`) is none.
fn is_zero(duration: &str) -> bool {
    let number = duration.strip_suffix('s').unwrap_or_default();
    number.contains('0') && number.chars().all(|c| "0.".contains(c))
}

/// Retries without the policy's `fallback`.
fn retries(route: &Route<'_>, findings: &mut Findings) {
    if let Some(policy) = route.retry_policy() {
        let message = "Tollgate counts one try a call: what tries before the last use is not \
                       seen, so remove it or know that totals are too low";
        findings.warning(&policy, message);
    }
}

/// Tollgate writes the header into every call that it lets pass, also where the route's
/// cluster is fixed.
fn removal(route: &Route<'_>, guarded: &[Destination<'_>], findings: &mut Findings) {
    let kept = |destination: &&Destination<'_>| {
        let mut layers = route.layers(destination);
        !layers.any(removes)
    };
    if guarded.iter().any(|destination| kept(&destination)) {
        let message =
            format!("should have {CLUSTER_HEADER}: otherwise providers get the names of clusters");
        findings.warning(
            &route.route.field_or_gap("request_headers_to_remove"),
            message,
        );
    }
}

fn removes(layer: &At<'_>) -> bool {
    let removed = layer.list("request_headers_to_remove");
    let mut names = removed.iter().filter_map(|name| name.tree.as_str());
    names.any(|name| name.eq_ignore_ascii_case(CLUSTER_HEADER))
}

fn body_limit(route: &At<'_>, host: &At<'_>, policy: &Policy, findings: &mut Findings) {
    const FIELD: &str = "request_body_buffer_limit";
    let limit = route
        .field(FIELD)
        .unwrap_or_else(|| host.field_or_gap(FIELD));
    let body = policy.limits.body;
    let needed = body.saturating_add(ROOM);
    if limit.number().is_none_or(|bytes| bytes < needed) {
        let message = format!(
            "must be at least {needed} (limits.body of the policy, {body}, and {ROOM}): otherwise \
             Envoy answers 413 first, or refuses to retry"
        );
        findings.error(&limit, message);
    }
}
