/*! Ways without TLS: prompts, answers and the operator's key can be read by whoever is on them.

Plain text is right within a machine or a network of one's own, where models run too. A proxy that
adds TLS later (a mesh's sidecar) is not seen from here: where one may, it is a warning. */

use super::Upstream;
use super::hosts::{self, Host, Reach};
use super::socket::{Security, security};
use crate::check::at::At;
use crate::check::findings::Findings;

/// The port on which everybody expects TLS.
const HTTPS: u64 = 443;

/// The port at which sidecars begin TLS: they are sent plain text there.
const HTTP: u64 = 80;

/// Checks the hosts that a backend's calls go to.
pub(super) fn check(upstream: &Upstream<'_, '_>, findings: &mut Findings) {
    for member in &upstream.members {
        if let Security::Plain(socket) = security(member) {
            let hosts = hosts::of(member);
            match hosts.iter().find(|host| is_wrong(host, upstream)) {
                Some(host) => tell(&socket, host, upstream, findings),
                None => warn(&socket, &hosts, upstream, findings),
            }
        }
    }
}

fn is_wrong(host: &Host<'_>, upstream: &Upstream<'_, '_>) -> bool {
    match host.reach {
        Reach::Local | Reach::Private => false,
        Reach::Public if host.port == Some(HTTP) => false,
        Reach::Public => host.port == Some(HTTPS) || upstream.has_credential(),
    }
}

fn what_goes(upstream: &Upstream<'_, '_>) -> &'static str {
    match upstream.has_credential() {
        true => "the key, requests and answers",
        false => "requests and answers",
    }
}

fn tell(socket: &At<'_>, host: &Host<'_>, upstream: &Upstream<'_, '_>, findings: &mut Findings) {
    let what = what_goes(upstream);
    let message = format!(
        "must be TLS (an UpstreamTlsContext): {what} would go to and from {:?} in plain text",
        host.name
    );
    findings.error(socket, message);
}

fn warn(socket: &At<'_>, hosts: &[Host<'_>], upstream: &Upstream<'_, '_>, findings: &mut Findings) {
    let what = what_goes(upstream);
    if let Some(host) = hosts.iter().find(|host| host.reach == Reach::Public) {
        let unless = match host.port {
            Some(HTTP) => ", unless a sidecar that adds TLS is on the way",
            _ => "",
        };
        let message = format!(
            "should be TLS (an UpstreamTlsContext): {what} go to and from {:?} in plain text{unless}",
            host.name
        );
        return findings.warning(socket, message);
    }
    // Within a network of one's own that harms nobody, but seldom works.
    let mut private = hosts.iter().filter(|host| host.reach == Reach::Private);
    if let Some(host) = private.find(|host| host.port == Some(HTTPS)) {
        let message = format!(
            "should be TLS (an UpstreamTlsContext): who listens on port 443 of {:?} mostly takes \
             nothing else, and {what} go there in plain text",
            host.name
        );
        findings.warning(socket, message);
    }
}
