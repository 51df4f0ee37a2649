/*! The order of a call's clusters, on its way from Tollgate to the route: a header, its
metadata, `priority_group`. */

use crate::check::at::At;
use crate::check::envoy::place::Place;
use crate::check::envoy::types;
use crate::check::findings::Findings;
use tollgate::attempt::PLAN_HEADER;

/// Checks a cluster specifier; whether it is one that is known.
pub(super) fn check(place: &Place<'_>, specifier: &At<'_>, findings: &mut Findings) -> bool {
    let config = specifier.fields(&["extension", "typed_config"]);
    let Some(config) = config.filter(|it| types::is(it, types::PRIORITY_GROUP)) else {
        let message = "not checked: it must try the clusters in the order that Tollgate gives, as \
                       envoy.router.cluster_specifier_plugin.priority_group does";
        findings.warning(specifier, message);
        return false;
    };
    let namespace = types::body(&config).field_or_gap("override_metadata_namespace");
    match namespace.tree.as_str() {
        Some(name) if !name.is_empty() => handed_over(place, name, findings),
        _ => findings.error(
            &namespace,
            "is missing: without it calls do not go where Tollgate decides",
        ),
    }
    true
}

/// What header_to_metadata must do with the header, and the words for it.
const RULE: [(&str, &str); 3] = [
    ("key", "priority_groups"),
    ("type", "PROTOBUF_VALUE"),
    ("encode", "BASE64"),
];

fn handed_over(place: &Place<'_>, namespace: &str, findings: &mut Findings) {
    let Some(entry) = &place.entry else {
        return;
    };
    let filters = place.later(types::HEADER_TO_METADATA);
    let mut rules = filters.iter().flat_map(|it| it.list("request_rules"));
    match rules.find(is_of_plan) {
        Some(rule) => check_rule(&rule, namespace, findings),
        None => {
            let message = format!(
                "needs a header_to_metadata filter after it with a request rule for {PLAN_HEADER}: \
                 otherwise calls do not go where Tollgate decides"
            );
            findings.error(entry, message);
        }
    }
    let states = place.later(types::SET_FILTER_STATE);
    if !states.iter().any(|it| it.is_true("clear_route_cache")) {
        let message = "needs a set_filter_state filter with clear_route_cache: true after \
                       header_to_metadata: otherwise the first try does not go where Tollgate \
                       decides";
        findings.error(entry, message);
    }
}

fn is_of_plan(rule: &At<'_>) -> bool {
    let header = rule.text("header").unwrap_or_default();
    header.eq_ignore_ascii_case(PLAN_HEADER)
}

fn check_rule(rule: &At<'_>, namespace: &str, findings: &mut Findings) {
    if !rule.is_true("remove") {
        let message = "must be true: otherwise providers get the names of clusters";
        findings.error(&rule.field_or_gap("remove"), message);
    }
    let present = rule.field_or_gap("on_header_present");
    let wanted = [("metadata_namespace", namespace)];
    for (field, wanted) in wanted.into_iter().chain(RULE) {
        if present.text(field) != Some(wanted) {
            let message = format!("must be {wanted}, where the route looks for the order");
            findings.error(&present.field_or_gap(field), message);
        }
    }
}
