/*! The clusters that Tollgate itself calls: where counters are kept, alerts are sent and
guardrails are asked. */

use super::clusters::check_exists;
use crate::check::at::At;
use crate::check::findings::Findings;
use crate::check::policy::Compiled;
use crate::check::wasm::{Filter, filters};
use std::rc::Rc;
use tollgate::config::{Detect, Model, Policy, Step, StepKind};

/// Checks that each exists, and that no request to it comes back into the machine that
/// makes it.
pub(super) fn check(
    root: &At<'_>,
    gateways: &[Filter<'_>],
    compiled: &Compiled,
    findings: &mut Findings,
) {
    let clusters = root.field_or_gap("static_resources").list("clusters");
    for (path, name) in called(&compiled.policy) {
        check_exists(root, (&path, name), compiled, findings);
        for cluster in clusters.iter().filter(|it| it.text("name") == Some(name)) {
            for filter in filters(cluster) {
                check_filter(&filter, gateways, &path, findings);
            }
        }
    }
}

/// What names a cluster, and the cluster.
fn called(policy: &Policy) -> impl Iterator<Item = (String, &str)> {
    let store = policy.store.as_ref();
    let store = store.map(|store| ("ledger.store.cluster", store.cluster.as_str()));
    let alerts = policy.alerts.as_ref();
    let alerts = alerts.map(|hook| ("alerts.cluster", hook.cluster.as_str()));
    let cache = policy.cache.as_ref();
    let shared = cache.and_then(|cache| cache.store.as_ref());
    let shared = shared.map(|store| ("cache.store.cluster", store.cluster.as_str()));
    let meanings = cache.and_then(|cache| cache.embeddings.as_ref());
    let meanings = meanings.map(|it| ("cache.embeddings.cluster", it.cluster.as_str()));
    let fixed = [store, alerts, shared, meanings].into_iter().flatten();
    fixed
        .map(|(path, cluster)| (path.to_owned(), cluster))
        .chain(asked(policy))
        .chain(steps(policy))
}

/// Who is asked by steps of workflows, by the models' names.
fn steps(policy: &Policy) -> Vec<(String, &str)> {
    let mut models: Vec<_> = policy.models.values().collect();
    models.sort_by(|one, other| one.name.cmp(&other.name));
    let steps = models.into_iter().flat_map(|model| {
        let steps = model.workflow.iter();
        steps.map(move |step| (model, step))
    });
    let asked = steps.flat_map(|(model, step)| {
        let asked = places(model, step).into_iter().zip(step.models());
        asked.map(move |(place, asked)| {
            let path = format!("models.{}.workflow.{place}.cluster", model.name);
            (path, asked.cluster.as_str())
        })
    });
    asked.collect()
}

/// Where those stand who are asked by a step.
fn places(model: &Model, step: &Rc<Step>) -> [String; 2] {
    let kind = step.kind.as_str();
    let panel = StepKind::Panel.as_str();
    match step.kind {
        StepKind::Panel => {
            let members = model.workflow.iter();
            let mut members = members.filter(|other| other.kind == StepKind::Panel);
            let number = members.position(|other| Rc::ptr_eq(other, step));
            let number = number.unwrap_or(0);
            [format!("{panel}.members[{number}]"), String::new()]
        }
        StepKind::PanelJudge => [format!("{panel}.judge"), format!("{panel}.fallback")],
        _ => [kind.to_owned(), format!("{kind}.fallback")],
    }
}

/// The services that guardrails ask.
fn asked(policy: &Policy) -> impl Iterator<Item = (String, &str)> {
    let guardrails = policy.guardrails.iter().enumerate();
    guardrails.filter_map(|(index, guardrail)| {
        let service = guardrail.detect.service()?;
        let within = match &guardrail.detect {
            Detect::Scored(scoring) => format!("{}.judge.service", scoring.class.word()),
            _ => "service".to_owned(),
        };
        let path = format!("guardrails[{index}].detect.{within}.cluster");
        Some((path, service.cluster.as_str()))
    })
}

/// Envoy 1.40 would enter the machine while it is running: it dies, and all calls in it.
fn check_filter(filter: &Filter<'_>, gateways: &[Filter<'_>], path: &str, findings: &mut Findings) {
    let mut gateways = gateways.iter();
    if filter.is_called_tollgate() || gateways.any(|gateway| same_machine(gateway, filter)) {
        let message = format!(
            "must not be in the cluster of {path}: a request that Tollgate makes itself must not \
             pass its own filter, which crashes it; make a second cluster without"
        );
        findings.error(&filter.plugin, message);
    }
}

fn same_machine(a: &Filter<'_>, b: &Filter<'_>) -> bool {
    let [a, b] = [a, b].map(|filter| filter.plugin.field_or_gap("vm_config"));
    ["vm_id", "code"]
        .iter()
        .all(|field| a.field_or_gap(field).tree == b.field_or_gap(field).tree)
}
