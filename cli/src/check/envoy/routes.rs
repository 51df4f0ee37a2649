/*! The routes that calls take after Tollgate. */

use super::place::Place;
use super::types;
use crate::check::at::At;
use crate::check::findings::Findings;
use crate::check::policy::Compiled;
use tollgate::config::Policy;

/// The header by which Tollgate chooses the cluster.
const CLUSTER_HEADER: &str = "x-tollgate-internal-cluster";

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
    for host in table.list("virtual_hosts") {
        for route in host.list("routes") {
            if let Some(action) = route.field("route")
                && guards(entry, &[&route, &host, &table])
            {
                check_action(&action, policy, findings);
                policy.inspect(|policy| body_limit(&route, &host, policy, findings));
            }
        }
    }
}

/// The route table: in the manager, or by the name that it asks RDS for.
fn table<'t>(root: &At<'t>, manager: &At<'t>) -> Option<At<'t>> {
    manager.field("route_config").or_else(|| {
        let name = manager.field("rds")?.text("route_config_name")?;
        named_table(root, name)
    })
}

fn named_table<'t>(at: &At<'t>, name: &str) -> Option<At<'t>> {
    if types::is(at, types::ROUTES) && at.text("name") == Some(name) {
        return Some(types::body(at));
    }
    at.children().find_map(|child| named_table(&child, name))
}

/// What a route, virtual host or table says of the filter `name`.
fn own_config<'t>(layer: &At<'t>, name: &str) -> Option<At<'t>> {
    layer.field("typed_per_filter_config")?.member(name)
}

/// Whether the filter `entry` runs for a route, by the nearest of `layers` that says so.
fn guards(entry: &At<'_>, layers: &[&At<'_>]) -> bool {
    let name = entry.text("name").unwrap_or_default();
    let own = layers.iter().find_map(|layer| own_config(layer, name));
    match own {
        Some(own) if types::is(&own, types::FILTER_OF_ROUTE) => !own.is_true("disabled"),
        _ => !entry.is_true("disabled"),
    }
}

fn check_action(action: &At<'_>, policy: Option<&Policy>, findings: &mut Findings) {
    cluster(action, policy, findings);
    timeout(action, findings);
}

fn cluster(action: &At<'_>, policy: Option<&Policy>, findings: &mut Findings) {
    let weighted = action.field_or_gap("weighted_clusters").list("clusters");
    let chosen = |field| weighted.iter().filter_map(move |one| one.field(field));
    for header in action
        .field("cluster_header")
        .into_iter()
        .chain(chosen("cluster_header"))
    {
        check_header(&header, findings);
    }
    for name in action.field("cluster").into_iter().chain(chosen("name")) {
        policy.inspect(|policy| check_name(&name, policy, findings));
    }
    for field in [
        "cluster_specifier_plugin",
        "inline_cluster_specifier_plugin",
    ] {
        if let Some(plugin) = action.field(field) {
            let message =
                format!("not checked: it must choose the cluster that {CLUSTER_HEADER} names");
            findings.warning(&plugin, message);
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
