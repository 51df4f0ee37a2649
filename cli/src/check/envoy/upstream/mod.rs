/*! The way from Envoy to a provider: whether it is encrypted, to whom, and with which key. Envoy starts
without any of that. */

mod credentials;
mod hosts;
mod names;
mod plaintext;
mod signing;
mod socket;

use super::{clusters, keys, types};
use crate::check::at::At;
use crate::check::findings::Findings;
use crate::check::policy::Compiled;
use tollgate::config::Backend;

/// Where an endpoint of a chain says which backend it is.
const NAME: [&str; 4] = ["metadata", "filter_metadata", "tollgate", "backend"];

/// The way to one backend.
struct Upstream<'c, 't> {
    backend: &'c Backend,
    /// The cluster that the policy names.
    at: At<'t>,
    /// Its elements of `http_filters` that are enabled.
    filters: Vec<At<'t>>,
    /// The clusters that have the provider's hosts: the same, or members of a chain.
    members: Vec<At<'t>>,
    is_chain: bool,
}

/// Checks the ways to all backends.
pub(super) fn check(root: &At<'_>, compiled: &Compiled, findings: &mut Findings) {
    let known = root.field_or_gap("static_resources").list("clusters");
    for backend in &compiled.policy.backends {
        let mut namesakes = known.iter();
        let at = namesakes.find(|at| at.text("name") == Some(&backend.cluster));
        let Some(upstream) = at.map(|at| Upstream::new(backend, at, &known)) else {
            continue;
        };
        plaintext::check(&upstream, findings);
        names::check(&upstream, findings);
        signing::check(&upstream, findings);
        credentials::check(root, &upstream, compiled, findings);
    }
}

impl<'c, 't> Upstream<'c, 't> {
    fn new(backend: &'c Backend, at: &At<'t>, known: &[At<'t>]) -> Self {
        let mut filters = clusters::http_filters(at);
        filters.retain(|entry| !entry.is_true("disabled"));
        let chain = chain(at);
        Self {
            backend,
            at: at.clone(),
            filters,
            is_chain: chain.is_some(),
            members: match chain {
                Some(names) => members(&names, &backend.name, known),
                None => vec![at.clone()],
            },
        }
    }

    /// The messages of its filters of this type.
    fn filters(&self, wanted: &str) -> Vec<At<'t>> {
        let configs = self
            .filters
            .iter()
            .map(|it| it.field_or_gap("typed_config"));
        configs
            .filter(|config| types::is(config, wanted))
            .map(|config| types::body(&config))
            .collect()
    }

    /// Whether a filter of its adds what the provider knows the operator by.
    fn has_credential(&self) -> bool {
        let headers = keys::injected(&self.at);
        let injects = match self.is_chain {
            false => !headers.is_empty(),
            true => headers.iter().any(|header| self.is_own(header)),
        };
        let others = [types::AWS_SIGNING, types::GCP_TOKENS];
        injects || others.iter().any(|wanted| !self.filters(wanted).is_empty())
    }

    /// Whether a header of a chain has this backend's key.
    fn is_own(&self, header: &At<'_>) -> bool {
        let name = header.tree.as_str().unwrap_or_default();
        let own = format!("x-tollgate-internal-credential-{}", self.backend.name);
        name.eq_ignore_ascii_case(&own)
    }
}

/// The names of the clusters that a chain is made of.
fn chain<'t>(cluster: &At<'t>) -> Option<Vec<At<'t>>> {
    let config = cluster.fields(&["cluster_type", "typed_config"])?;
    types::is(&config, types::AGGREGATE).then(|| types::body(&config).list("clusters"))
}

/// Those of a chain that have endpoints of this backend.
fn members<'t>(names: &[At<'_>], backend: &str, known: &[At<'t>]) -> Vec<At<'t>> {
    let named = names.iter().filter_map(|name| {
        let name = name.tree.as_str();
        known.iter().find(|at| at.text("name") == name)
    });
    let own = |endpoint: &At<'_>| {
        let name = endpoint.fields(&NAME);
        name.is_some_and(|name| name.tree.as_str() == Some(backend))
    };
    named
        .filter(|at| hosts::endpoints(at).iter().any(own))
        .cloned()
        .collect()
}
