/*! Hops that are known by the filter chain that they come in on. */

use super::place::{Place, chains_of};
use crate::check::findings::Findings;
use crate::check::policy::Compiled;
use tollgate::config::{HopFrom, Severity, suggestion};

/// Checks that a listener of the policy has the chains that hops name. One is enough: a
/// policy may stand in a public listener and in the mesh's.
pub(super) fn check(places: &[Place<'_>], compiled: &Compiled, findings: &mut Findings) {
    let listeners: Vec<_> = places
        .iter()
        .filter_map(|it| it.listener.as_ref())
        .collect();
    if listeners.is_empty() {
        return;
    }
    let chains: Vec<_> = listeners.iter().flat_map(|it| chains_of(it)).collect();
    let known: Vec<&str> = chains.iter().filter_map(|it| it.text("name")).collect();
    for (index, hop) in compiled.policy.identity.hops.iter().enumerate() {
        let HopFrom::FilterChain(name) = &hop.from else {
            continue;
        };
        if known.contains(&name.as_str()) {
            continue;
        }
        let hint = suggestion(name, known.iter().copied());
        let message = format!("no filter chain of Tollgate's listener is named {name:?}{hint}");
        let path = format!("identity.hops[{index}].from.filter_chain");
        findings.add(compiled.places.finding(path, message, Severity::Error));
    }
}
