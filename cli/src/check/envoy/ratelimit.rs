/*! Envoy's rate limit filter, which charges what Tollgate tells it. It leaves out, without an
error, what names a number that is not there: then nothing is limited. */

use super::place::Place;
use super::routes::table;
use super::types;
use crate::check::at::At;
use crate::check::findings::Findings;
use crate::check::policy::Compiled;
use tollgate::call::{LIMIT_NAMES, limit_numbers};
use tollgate::config::{GlobalCharge, Severity, Tree, suggestion};

/// How formatters and CEL know what a wasm filter has set.
const PREFIX: &str = "wasm.";

/// What the keys of `global_limits` begin with.
const KEYS: &str = "tollgate.limit.";

/// Checks the rate limit filters around a Tollgate filter, and what they charge.
pub(super) fn check(
    root: &At<'_>,
    place: &Place<'_>,
    compiled: &Compiled,
    findings: &mut Findings,
) {
    let Some(manager) = &place.manager else {
        return;
    };
    let table = table(root, manager);
    table.iter().for_each(|table| ignored(table, findings));
    let charge = compiled.policy.global_limits;
    let (before, after) = (
        place.earlier(types::RATE_LIMIT),
        place.later(types::RATE_LIMIT),
    );
    if charge.is_some() {
        placed(&before, &after, compiled, findings);
    }
    let mut limits = Vec::new();
    for at in before.iter().chain(&after).chain(&table) {
        check_keys(at, charge, findings);
        collect_limits(at, &mut limits);
    }
    for limit in &limits {
        check_limit(limit, findings);
    }
    if matches!(charge, Some(GlobalCharge::Estimate { .. })) {
        put_right(&limits, findings);
    }
}

/// The filter stands behind Tollgate, and lets nothing pass without its service.
fn placed(before: &[At<'_>], after: &[At<'_>], compiled: &Compiled, findings: &mut Findings) {
    for filter in before {
        let message = "must stand behind Tollgate: before it nothing is known of a call, so \
                       nothing is charged for it";
        findings.error(filter, message);
    }
    if before.is_empty() && after.is_empty() {
        let message = "needs Envoy's rate limit filter behind Tollgate (envoy/global-limits.yaml)";
        let places = &compiled.places;
        findings.add(places.finding("global_limits", message, Severity::Error));
    }
    for filter in after {
        if !filter.is_true("failure_mode_deny") {
            let message = "write true: otherwise every call passes while the rate limit service \
                           does not answer";
            findings.warning(&filter.field_or_gap("failure_mode_deny"), message);
        }
    }
}

/// `rate_limits` of routes and virtual hosts know no `hits_addend`.
fn ignored(table: &At<'_>, findings: &mut Findings) {
    for host in table.list("virtual_hosts") {
        let routes = host.list("routes").into_iter();
        let actions = routes.filter_map(|route| route.field("route"));
        for limits in actions
            .chain([host.clone()])
            .map(|at| at.list("rate_limits"))
        {
            for hits in limits.iter().filter_map(|limit| limit.field("hits_addend")) {
                let message = "Envoy ignores it here, so each call counts as 1: write these \
                               rate_limits in a RateLimitPerRoute, in typed_per_filter_config";
                findings.error(&hits, message);
            }
        }
    }
}

/// Every text that reads a key of Tollgate's reads one that is set.
fn check_keys(at: &At<'_>, charge: Option<GlobalCharge>, findings: &mut Findings) {
    if let Tree::String(text) = at.tree {
        for (before, key) in keys(text) {
            if let Some(message) = wrong_key(before, key, charge) {
                findings.error(at, message);
            }
        }
    }
    at.children()
        .for_each(|child| check_keys(&child, charge, findings));
}

/// The keys in a text, each with what stands before it.
fn keys(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let word = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    text.match_indices(KEYS).map(move |(start, _)| {
        let (before, rest) = text.split_at_checked(start).unwrap_or((text, ""));
        let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
        (before, rest.get(..end).unwrap_or(rest))
    })
}

fn wrong_key(before: &str, key: &str, charge: Option<GlobalCharge>) -> Option<String> {
    let Some(charge) = charge else {
        return Some(format!(
            "{key} is not there: the policy has no global_limits"
        ));
    };
    let numbers = limit_numbers(charge);
    let known = || LIMIT_NAMES.iter().chain(numbers).copied();
    if !known().any(|set| set == key) {
        let set: Vec<&str> = known().collect();
        let hint = suggestion(key, known());
        let set = set.join(", ");
        let message = format!("{key} is not there{hint}: with this global_limits there are {set}");
        return Some(message);
    }
    let message = format!("write {PREFIX}{key}, as Envoy calls what a wasm filter has set");
    (!before.ends_with(PREFIX)).then_some(message)
}

/// The elements that say how much is charged, in `rate_limits` anywhere below.
fn collect_limits<'t>(at: &At<'t>, limits: &mut Vec<At<'t>>) {
    if at.field("hits_addend").is_some() {
        limits.push(at.clone());
    }
    at.children()
        .for_each(|child| collect_limits(&child, limits));
}

/// A number of Tollgate's that a limit charges.
struct Number<'t> {
    key: &'t str,
    known: Known,
}

/// When a number is there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    Before,
    After,
}

impl Number<'_> {
    fn given_back(&self) -> bool {
        self.key.ends_with("under")
    }
}

fn number<'t>(limit: &At<'t>) -> Option<Number<'t>> {
    let format = limit.fields(&["hits_addend", "format"])?.tree.as_str()?;
    let (_, key) = keys(format).next()?;
    let known = if key.ends_with("estimate") {
        Known::Before
    } else {
        Known::After
    };
    Some(Number { key, known })
}

/// Numbers are charged when they are known, and in their direction.
fn check_limit(limit: &At<'_>, findings: &mut Findings) {
    let Some(number) = number(limit) else {
        return;
    };
    let when = limit.field_or_gap("apply_on_stream_done");
    match (number.known, *when.tree == Tree::Bool(true)) {
        (Known::Before, true) => {
            findings.error(&when, "remove it: an estimate is charged before the call");
        }
        (Known::After, false) => {
            let message = format!(
                "must be true: {} is known when the call is over",
                number.key
            );
            findings.error(&when, message);
        }
        _ => {}
    }
    let hits = limit.field_or_gap("hits_addend");
    let direction = hits.field_or_gap("is_negative_hits");
    match (number.given_back(), *direction.tree == Tree::Bool(true)) {
        (true, false) => {
            let message = "must be true: what was not used is given back, not charged once more";
            findings.error(&direction, message);
        }
        (false, true) => {
            findings.error(&direction, "remove it: this is charged, not given back");
        }
        _ => {}
    }
}

/// An estimate is put right in both directions.
fn put_right(limits: &[At<'_>], findings: &mut Findings) {
    let charged: Vec<Number<'_>> = limits.iter().filter_map(number).collect();
    for limit in limits {
        let Some(key) = number(limit).and_then(|number| number.key.strip_suffix("estimate")) else {
            continue;
        };
        for (word, cause) in [
            (
                "over",
                "what a call uses beyond its estimate is never charged",
            ),
            ("under", "what a call does not use is never given back"),
        ] {
            let missing = format!("{key}{word}");
            if !charged.iter().any(|number| number.key == missing) {
                let message =
                    format!("needs another limit for {PREFIX}{missing}: without it {cause}");
                findings.error(&limit.field_or_gap("hits_addend"), message);
            }
        }
    }
}
