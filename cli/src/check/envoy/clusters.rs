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

/// Checks that the cluster exists that is named at `path` of the policy.
pub(super) fn check_exists(
    root: &At<'_>,
    (path, cluster): (&str, &str),
    compiled: &Compiled,
    findings: &mut Findings,
) {
    let missing = Known::of(root).and_then(|known| known.missing(cluster));
    if let Some((message, severity)) = missing {
        findings.add(compiled.places.finding(path, message, severity));
    }
}

/// The clusters of a bootstrap.
pub(super) struct Known<'t> {
    names: Vec<&'t str>,
    /// Whether a control plane brings more.
    dynamic: bool,
}

impl<'t> Known<'t> {
    /// Only a bootstrap is known to hold all clusters that are static.
    pub(super) fn of(root: &At<'t>) -> Option<Self> {
        ["static_resources", "dynamic_resources"]
            .iter()
            .find_map(|field| root.field(field))?;
        let clusters = root.field_or_gap("static_resources").list("clusters");
        let dynamic = root.fields(&["dynamic_resources", "cds_config"]);
        Some(Self {
            names: clusters.iter().filter_map(|it| it.text("name")).collect(),
            dynamic: dynamic.is_some(),
        })
    }

    /// What is to be said of a cluster that is not there.
    pub(super) fn missing(&self, cluster: &str) -> Option<(String, Severity)> {
        if self.names.contains(&cluster) {
            return None;
        }
        if self.dynamic {
            let message = format!(
                "not checked: cluster {cluster:?} is not in static_resources.clusters, so \
                 dynamic_resources.cds_config must bring it"
            );
            return Some((message, Severity::Warning));
        }
        let hint = suggestion(cluster, self.names.iter().copied());
        let message = format!("no cluster {cluster:?} in static_resources.clusters{hint}");
        Some((message, Severity::Error))
    }
}

/// The elements of a cluster's `http_filters`.
pub(super) fn http_filters<'t>(cluster: &At<'t>) -> Vec<At<'t>> {
    let options = cluster.field_or_gap("typed_extension_protocol_options");
    let options = options.children().map(|options| types::body(&options));
    options.flat_map(|it| it.list("http_filters")).collect()
}
