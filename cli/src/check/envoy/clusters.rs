/*! The clusters that a policy names. */

use super::types;
use crate::check::at::At;
use crate::check::findings::Findings;
use crate::check::policy::Compiled;
use tollgate::config::{Severity, member_path, suggestion};

/// Checks that those of backends exist.
pub(super) fn check(root: &At<'_>, compiled: &Compiled, findings: &mut Findings) {
    for backend in &compiled.policy.backends {
        let path = member_path(&member_path("backends", &backend.name), "cluster");
        check_exists(root, (&path, &backend.cluster), compiled, findings);
    }
}

/// Checks that the cluster exists that is named at `path` of the policy. Only a bootstrap is
/// known to hold all clusters that are static.
pub(super) fn check_exists(
    root: &At<'_>,
    (path, cluster): (&str, &str),
    compiled: &Compiled,
    findings: &mut Findings,
) {
    if ["static_resources", "dynamic_resources"]
        .iter()
        .all(|field| root.field(field).is_none())
    {
        return;
    }
    let clusters = root.field_or_gap("static_resources").list("clusters");
    let known: Vec<&str> = clusters.iter().filter_map(|it| it.text("name")).collect();
    if !known.contains(&cluster) {
        let dynamic = root.fields(&["dynamic_resources", "cds_config"]);
        let (message, severity) = missing(cluster, &known, dynamic.is_some());
        findings.add(compiled.places.finding(path, message, severity));
    }
}

fn missing(cluster: &str, known: &[&str], dynamic: bool) -> (String, Severity) {
    if dynamic {
        let message = format!(
            "not checked: cluster {cluster:?} is not in static_resources.clusters, so \
             dynamic_resources.cds_config must bring it"
        );
        return (message, Severity::Warning);
    }
    let hint = suggestion(cluster, known.iter().copied());
    let message = format!("no cluster {cluster:?} in static_resources.clusters{hint}");
    (message, Severity::Error)
}

/// The elements of a cluster's `http_filters`.
pub(super) fn http_filters<'t>(cluster: &At<'t>) -> Vec<At<'t>> {
    let options = cluster.field_or_gap("typed_extension_protocol_options");
    let options = options.children().map(|options| types::body(&options));
    options.flat_map(|it| it.list("http_filters")).collect()
}
