/*! Ways without TLS: prompts, answers and the operator's key can be read by whoever is on them.

Plain text is right within a machine or a network of one's own, where models run too. A proxy that
adds TLS later (a mesh's sidecar) is not seen from here. */

use super::Upstream;
use super::hosts::{self, Host, Reach};
use super::socket::{Security, security};
use crate::check::at::At;
use crate::check::findings::Findings;

/// The port on which everybody expects TLS.
const HTTPS: u64 = 443;

/// Checks the hosts that a backend's calls go to.
pub(super) fn check(upstream: &Upstream<'_, '_>, findings: &mut Findings) {
    for member in &upstream.members {
        if let Security::Plain(socket) = security(member) {
            let hosts = hosts::of(member);
            match hosts.iter().find(|host| is_wrong(host, upstream)) {
                Some(host) => tell(&socket, host, upstream, findings),
                None => warn(&socket, &hosts, findings),
            }
        }
    }
}

fn is_wrong(host: &Host<'_>, upstream: &Upstream<'_, '_>) -> bool {
    match host.reach {
        Reach::Local => false,
        Reach::Private => host.port == Some(HTTPS),
        Reach::Public => host.port == Some(HTTPS) || upstream.has_credential(),
    }
}

fn tell(socket: &At<'_>, host: &Host<'_>, upstream: &Upstream<'_, '_>, findings: &mut Findings) {
    let what = match upstream.has_credential() {
        true => "the key, requests and answers",
        false => "requests and answers",
    };
    let message = format!(
        "must be TLS (an UpstreamTlsContext): {what} would go to and from {:?} in plain text",
        host.name
    );
    findings.error(socket, message);
}

fn warn(socket: &At<'_>, hosts: &[Host<'_>], findings: &mut Findings) {
    if let Some(host) = hosts.iter().find(|host| host.reach == Reach::Public) {
        let message = format!(
            "should be TLS (an UpstreamTlsContext): requests and answers go to and from {:?} in \
             plain text",
            host.name
        );
        findings.warning(socket, message);
    }
}
