/*! How a cluster speaks to its hosts. */

use crate::check::at::At;
use crate::check::envoy::types;

/// What is around the HTTP of a cluster.
pub(super) enum Security<'t> {
    /// Nothing; and where TLS would be written.
    Plain(At<'t>),
    /// TLS, with this `UpstreamTlsContext`.
    Tls(At<'t>),
    /// Something that is not known here, or that depends on the endpoint.
    Unknown,
}

/// How deep one socket may stand in others.
const DEPTH: usize = 4;

/// How a cluster speaks.
pub(super) fn security<'t>(cluster: &At<'t>) -> Security<'t> {
    const FIELD: &str = "transport_socket";
    if cluster.field("transport_socket_matches").is_some() {
        return Security::Unknown;
    }
    let outer = cluster.field_or_gap(FIELD);
    let Some(mut socket) = cluster.field(FIELD) else {
        return Security::Plain(outer);
    };
    for _ in 0..DEPTH {
        let config = socket.field_or_gap("typed_config");
        let body = types::body(&config);
        match types::name(&config) {
            Some(types::UPSTREAM_TLS) => return Security::Tls(body),
            Some(types::UPSTREAM_QUIC) => {
                return Security::Tls(body.field_or_gap("upstream_tls_context"));
            }
            Some(types::RAW_BUFFER) => return Security::Plain(outer),
            _ => {}
        }
        // A proxy's protocol, a tap: they have the socket that they write into.
        match body.field(FIELD) {
            Some(inner) => socket = inner,
            None => break,
        }
    }
    Security::Unknown
}
