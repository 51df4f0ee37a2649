/*! Claims are trusted because Envoy's jwt_authn has verified them, before Tollgate. */

use super::place::Place;
use super::types;
use crate::check::at::At;
use crate::check::findings::Findings;
use tollgate::config::Policy;

/// Checks that something puts the claims where the policy looks for them.
pub(super) fn check(root: &At<'_>, place: &Place<'_>, policy: &Policy, findings: &mut Findings) {
    let (Some(rule), Some(manager)) = (&policy.identity.jwt, &place.manager) else {
        return;
    };
    let filters = place.earlier(types::JWT);
    let Some(last) = filters.last() else {
        findings.error(
            &manager.field_or_gap("http_filters"),
            "identity.jwt of the policy needs a jwt_authn filter before Tollgate",
        );
        return;
    };
    filters.iter().for_each(|it| unverified(it, findings));
    let wanted = rule.payload.as_str();
    let Some(filter) = filters.iter().find(|it| !providers(it, wanted).is_empty()) else {
        let message = format!(
            "no provider has payload_in_metadata: {wanted:?}, where identity.jwt of the policy \
             looks for claims"
        );
        findings.error(&last.field_or_gap("providers"), message);
        return;
    };
    let named = names_of_requirements(root, manager);
    if !filters.iter().any(|it| verifies(it, wanted, &named)) {
        let message = format!(
            "no rule requires or allows a provider that has payload_in_metadata: {wanted:?}, so \
             no token is verified and identity.jwt of the policy finds no claims"
        );
        findings.error(&filter.field_or_gap("rules"), message);
    }
}

/// The one requirement that hands on claims of tokens that it has not verified.
fn unverified(at: &At<'_>, findings: &mut Findings) {
    if let Some(field) = at.field("extract_only_without_validation") {
        let message = "remove it: it takes claims from tokens that nobody verified, so anybody \
                       could be any tenant";
        findings.error(&field, message);
    }
    at.children().for_each(|child| unverified(&child, findings));
}

/// The names of the providers that write claims there.
fn providers<'t>(filter: &At<'t>, payload: &str) -> Vec<&'t str> {
    let all = filter.field_or_gap("providers");
    let all = all.members();
    all.filter(|(_, provider)| provider.text("payload_in_metadata") == Some(payload))
        .map(|(name, _)| name)
        .collect()
}

fn verifies(filter: &At<'_>, payload: &str, named: &Named<'_>) -> bool {
    let providers = providers(filter, payload);
    let mut requirements = requirements(filter, named).into_iter();
    requirements.any(|requirement| asks_for(&requirement, &providers))
}

/// Which members of `requirement_map` are used.
enum Named<'t> {
    /// Routes may name them, and are not in this file.
    Any,
    These(Vec<&'t str>),
}

fn names_of_requirements<'t>(root: &At<'t>, manager: &At<'t>) -> Named<'t> {
    if super::routes::table(root, manager).is_none() {
        return Named::Any;
    }
    let mut names = Vec::new();
    collect_names(root, &mut names);
    Named::These(names)
}

fn collect_names<'t>(at: &At<'t>, names: &mut Vec<&'t str>) {
    names.extend(at.text("requirement_name"));
    at.children().for_each(|child| collect_names(&child, names));
}

/// What a filter may ask of a call.
fn requirements<'t>(filter: &At<'t>, named: &Named<'_>) -> Vec<At<'t>> {
    let rules = filter.list("rules").into_iter();
    let mut all: Vec<At<'t>> = rules.filter_map(|rule| rule.field("requires")).collect();
    let by_state = filter.fields(&["filter_state_rules", "requires"]);
    all.extend(by_state.iter().flat_map(At::children));
    let map = filter.field_or_gap("requirement_map");
    let used = map.members().filter(|(name, _)| match named {
        Named::Any => true,
        Named::These(names) => names.contains(name),
    });
    all.extend(used.map(|(_, requirement)| requirement));
    all
}

/// Whether a requirement verifies tokens of one of `providers`.
fn asks_for(requirement: &At<'_>, providers: &[&str]) -> bool {
    let audiences = requirement.field_or_gap("provider_and_audiences");
    let mut names = [requirement, &audiences]
        .into_iter()
        .filter_map(|it| it.text("provider_name"));
    names.any(|name| providers.contains(&name))
        || takes_any(requirement)
        || ["requires_any", "requires_all"]
            .iter()
            .any(|field| group_asks_for(&requirement.field_or_gap(field), providers))
}

/// In a group, `allow_missing` means the providers that stand beside it.
fn group_asks_for(group: &At<'_>, providers: &[&str]) -> bool {
    let members = group.list("requirements");
    let alone = members.iter().all(takes_any);
    let mut counted = members.iter().filter(|it| alone || !takes_any(it));
    counted.any(|member| asks_for(member, providers))
}

/// Alone, these verify the tokens of every provider, if there are some.
fn takes_any(requirement: &At<'_>) -> bool {
    ["allow_missing", "allow_missing_or_failed"]
        .iter()
        .any(|field| requirement.field(field).is_some())
}
