/*! Clusters that `priority_group` names. Envoy does not start if one is not there. */

use super::clusters::Known;
use super::types;
use crate::check::at::At;
use crate::check::findings::Findings;
use tollgate::config::Severity;

/// Checks every `priority_group` of a document.
pub(super) fn check(root: &At<'_>, findings: &mut Findings) {
    if let Some(known) = Known::of(root) {
        below(root, &known, findings);
    }
}

fn below(at: &At<'_>, known: &Known<'_>, findings: &mut Findings) {
    if types::is(at, types::PRIORITY_GROUP) {
        let groups = types::body(at).list("priority_groups");
        for cluster in groups.iter().flat_map(|group| group.list("clusters")) {
            named(&cluster.field_or_gap("cluster_name"), known, findings);
        }
        return;
    }
    for child in at.children() {
        below(&child, known, findings);
    }
}

fn named(name: &At<'_>, known: &Known<'_>, findings: &mut Findings) {
    let cluster = name.tree.as_str().unwrap_or_default();
    match known.missing(cluster) {
        Some((message, Severity::Error)) => {
            findings.error(name, format!("{message}: Envoy does not start"));
        }
        Some((message, Severity::Warning)) => findings.warning(name, message),
        None => {}
    }
}
