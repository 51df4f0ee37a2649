/*! The clusters that backends name. */

use crate::check::at::At;
use crate::check::findings::Findings;
use crate::check::policy::Compiled;
use tollgate::config::{Severity, member_path, suggestion};

/// Checks that each exists. Only a bootstrap is known to hold all clusters that are static.
pub(super) fn check(root: &At<'_>, compiled: &Compiled, findings: &mut Findings) {
    if ["static_resources", "dynamic_resources"]
        .iter()
        .all(|field| root.field(field).is_none())
    {
        return;
    }
    let clusters = root.field_or_gap("static_resources").list("clusters");
    let known: Vec<&str> = clusters.iter().filter_map(|it| it.text("name")).collect();
    let dynamic = root.fields(&["dynamic_resources", "cds_config"]);
    for backend in &compiled.policy.backends {
        if known.contains(&backend.cluster.as_str()) {
            continue;
        }
        let path = member_path(&member_path("backends", &backend.name), "cluster");
        let (message, severity) = missing(&backend.cluster, &known, dynamic.is_some());
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
