/*! Hops that are known by the filter chain that they come in on. */

use super::place::{Place, chains_of};
use crate::check::at::At;
use crate::check::findings::Findings;
use crate::check::policy::Compiled;
use tollgate::config::{HopFrom, Severity, suggestion};

/// Checks the chains that hops name. Whoever comes in on one can name any tenant, so it
/// must be clear which chain is meant.
pub(super) fn check(
    root: &At<'_>,
    places: &[Place<'_>],
    compiled: &Compiled,
    findings: &mut Findings,
) {
    let mut chains = Vec::new();
    collect(root, &mut chains);
    let listeners = places.iter().filter_map(|it| it.listener.as_ref());
    let own: Vec<_> = listeners.flat_map(chains_of).collect();
    for (index, hop) in compiled.policy.identity.hops.iter().enumerate() {
        let HopFrom::FilterChain(name) = &hop.from else {
            continue;
        };
        if let Some(message) = missing(name, &own).or_else(|| ambiguous(name, &chains)) {
            let path = format!("identity.hops[{index}].from.filter_chain");
            findings.add(compiled.places.finding(path, message, Severity::Error));
        }
    }
}

/// Every filter chain of a document.
fn collect<'t>(at: &At<'t>, chains: &mut Vec<At<'t>>) {
    chains.extend(chains_of(at));
    at.children().for_each(|child| collect(&child, chains));
}

/// One listener of the policy's is enough: a policy may stand in a public listener and in
/// the mesh's.
fn missing(name: &str, own: &[At<'_>]) -> Option<String> {
    let known: Vec<&str> = own.iter().filter_map(|it| it.text("name")).collect();
    let unknown = !own.is_empty() && !known.contains(&name);
    unknown.then(|| {
        let hint = suggestion(name, known.iter().copied());
        format!("no filter chain of Tollgate's listener is named {name:?}{hint}")
    })
}

/// Envoy tells a filter the name of the chain, not the listener that it is of.
fn ambiguous(name: &str, chains: &[At<'_>]) -> Option<String> {
    let namesakes = chains.iter().filter(|it| it.text("name") == Some(name));
    let paths: Vec<&str> = namesakes.map(|it| it.path.as_str()).collect();
    (paths.len() > 1).then(|| {
        let paths = paths.join(" and ");
        format!(
            "{name:?} is the name of {paths}: who comes in on any of them could name any tenant, \
             so give each its own name"
        )
    })
}
