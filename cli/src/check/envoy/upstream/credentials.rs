/*! Clusters without any key, of providers that answer nobody without one. */

use super::Upstream;
use super::hosts::{self, Reach};
use crate::check::at::At;
use crate::check::envoy::{keys, types};
use crate::check::findings::Findings;
use crate::check::policy::Compiled;
use crate::check::wasm::filters;
use tollgate::attempt::KeyHeader;
use tollgate::protocols::Protocol;

/// Filters that add keys, or may.
const ADDING: [&str; 4] = [
    types::INJECTOR,
    types::AWS_SIGNING,
    types::GCP_TOKENS,
    types::HEADER_MUTATION,
];

/// Checks that something adds a key. A server of one's own may want none, whatever it speaks.
pub(super) fn check(
    root: &At<'_>,
    upstream: &Upstream<'_, '_>,
    compiled: &Compiled,
    findings: &mut Findings,
) {
    let mut hosts = upstream.members.iter().flat_map(hosts::of);
    let far = hosts.any(|host| host.reach == Reach::Public);
    if !far || keys::is_free(upstream.backend) || adds(upstream) {
        return;
    }
    // With fallback, Tollgate's filter in the cluster removes what was added before.
    if compiled.policy.fallback.is_none() && before_clusters(root) {
        return;
    }
    let message = format!(
        "should have {} in its http_filters: backend {:?} has no key, so its calls are refused",
        wanted(upstream),
        upstream.backend.name
    );
    let options = upstream.at.field_or_gap("typed_extension_protocol_options");
    findings.warning(&options, message);
}

/// Whether the cluster has a filter that adds a key, or one of which that is not known.
fn adds(upstream: &Upstream<'_, '_>) -> bool {
    upstream.has_credential() || (!upstream.is_chain && upstream.filters.iter().any(is_unknown))
}

fn is_unknown(entry: &At<'_>) -> bool {
    let config = entry.field_or_gap("typed_config");
    match types::name(&config) {
        Some(types::UPSTREAM_CODEC) => false,
        Some(types::WASM) => {
            let mut wasm = filters(&config).into_iter();
            wasm.any(|filter| !filter.is_called_tollgate())
        }
        _ => true,
    }
}

/// Whether listeners or routes add something that may be a key.
fn before_clusters(root: &At<'_>) -> bool {
    let resources = root.field_or_gap("static_resources");
    let clusters = resources.field_or_gap("clusters");
    may_add(root, &clusters)
}

fn may_add(at: &At<'_>, except: &At<'_>) -> bool {
    let known = types::name(at).is_some_and(|name| ADDING.contains(&name));
    known
        || at.field("request_headers_to_add").is_some()
        || at
            .children()
            .any(|child| child.position != except.position && may_add(&child, except))
}

fn wanted(upstream: &Upstream<'_, '_>) -> String {
    if upstream.backend.protocol == Protocol::Bedrock && !upstream.is_chain {
        return "aws_request_signing (or a credential_injector)".to_owned();
    }
    let header = match upstream.is_chain {
        true => format!("x-tollgate-internal-credential-{}", upstream.backend.name),
        false => KeyHeader::of(upstream.backend).as_str().to_owned(),
    };
    format!("a credential_injector that writes {header}")
}
