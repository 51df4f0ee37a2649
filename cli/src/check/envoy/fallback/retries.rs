/*! When Envoy tries again, and whether it may. */

use crate::check::at::At;
use crate::check::envoy::routes::Route;
use crate::check::envoy::types;
use crate::check::findings::Findings;
use tollgate::attempt::RETRY_HEADER;

/// What a route must retry on: what Envoy sees fail, and what Tollgate judges.
const NEEDED: [&str; 3] = ["connect-failure", "reset", "retriable-headers"];

/// What would retry answers that Tollgate wants to pass.
const TOO_MUCH: [&str; 4] = [
    "5xx",
    "gateway-error",
    "retriable-4xx",
    "retriable-status-codes",
];

/// Retries at a time that a cluster must allow; Envoy's default is 3.
const RETRIES: u64 = 100;

/// Checks how a route tries again; `plans` where each call has an order of its own.
pub(super) fn check(route: &Route<'_>, plans: bool, findings: &mut Findings) {
    let Some(policy) = route.retry_policy() else {
        let gap = route.action.field_or_gap("retry_policy");
        let message = "is missing: the policy has fallback, but nothing is tried again";
        findings.error(&gap, message);
        return;
    };
    conditions(&policy, findings);
    signal(&policy, findings);
    if plans {
        refresh(&policy, findings);
    } else {
        next_in_chain(&policy, findings);
    }
}

fn conditions(policy: &At<'_>, findings: &mut Findings) {
    let at = policy.field_or_gap("retry_on");
    let text = at.tree.as_str().unwrap_or_default();
    let words: Vec<&str> = text.split(',').map(str::trim).collect();
    for needed in NEEDED {
        if !words.contains(&needed) {
            let message = format!("must have {needed}: write {}", NEEDED.join(","));
            findings.error(&at, message);
            return;
        }
    }
    if let Some(word) = words.iter().find(|word| TOO_MUCH.contains(word)) {
        let message = format!(
            "{word} also tries answers again that Tollgate means for the caller: write {}",
            NEEDED.join(",")
        );
        findings.warning(&at, message);
    }
}

fn signal(policy: &At<'_>, findings: &mut Findings) {
    let headers = policy.list("retriable_headers");
    let ours = headers.iter().find(|header| {
        let name = header.text("name").unwrap_or_default();
        name.eq_ignore_ascii_case(RETRY_HEADER)
    });
    if !ours.is_some_and(|header| header.is_true("present_match")) {
        let message = format!(
            "must have {{ name: {RETRY_HEADER}, present_match: true }}, by which Tollgate asks for \
             the next try"
        );
        findings.error(&policy.field_or_gap("retriable_headers"), message);
    }
}

fn refresh(policy: &At<'_>, findings: &mut Findings) {
    const FIELD: &str = "refresh_cluster_on_retry";
    if !policy.is_true(FIELD) {
        let message = "must be true: otherwise every try goes to the first cluster";
        findings.error(&policy.field_or_gap(FIELD), message);
    }
}

fn next_in_chain(policy: &At<'_>, findings: &mut Findings) {
    let priority = policy.field_or_gap("retry_priority");
    let config = priority.field_or_gap("typed_config");
    if !types::is(&config, types::PREVIOUS_PRIORITIES) {
        let message = "must be envoy.retry_priorities.previous_priorities (or the route have a \
                       priority_group specifier): otherwise every try goes to the same provider";
        findings.error(&priority, message);
        return;
    }
    let frequency = types::body(&config).field_or_gap("update_frequency");
    if frequency.number() != Some(1) {
        let message = "must be 1: otherwise a provider that has failed is tried again first";
        findings.error(&frequency, message);
    }
}

/// Checks that a cluster lets retries happen.
pub(super) fn check_breakers(cluster: &At<'_>, findings: &mut Findings) {
    let thresholds = cluster.field_or_gap("circuit_breakers");
    let thresholds = thresholds.list("thresholds");
    let normal = |at: &&At<'_>| matches!(at.text("priority"), None | Some("DEFAULT"));
    let Some(threshold) = thresholds.iter().find(normal) else {
        tell(&cluster.field_or_gap("circuit_breakers"), findings);
        return;
    };
    if let Some(budget) = threshold.field("retry_budget") {
        let message = "refuses retries when most calls fail, which is when they are needed: write \
                       max_retries instead";
        findings.warning(&budget, message);
        return;
    }
    let retries = threshold.field_or_gap("max_retries");
    if retries.number().is_none_or(|retries| retries < RETRIES) {
        tell(&retries, findings);
    }
}

fn tell(at: &At<'_>, findings: &mut Findings) {
    let message = format!(
        "must allow at least {RETRIES} retries at a time (max_retries; the default is 3): otherwise \
         calls are not tried elsewhere when this provider fails"
    );
    findings.error(at, message);
}
