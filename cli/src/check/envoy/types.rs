/*! Envoy's types, as `@type` names them. */

use crate::check::at::At;

pub(in crate::check) const WASM: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";
pub(in crate::check) const UPSTREAM_OPTIONS: &str =
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
pub(super) const HTTP_MANAGER: &str =
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
pub(super) const ROUTES: &str = "envoy.config.route.v3.RouteConfiguration";
pub(super) const FILTER_OF_ROUTE: &str = "envoy.config.route.v3.FilterConfig";
pub(super) const DECOMPRESSOR: &str = "envoy.extensions.filters.http.decompressor.v3.Decompressor";
pub(super) const RATE_LIMIT: &str = "envoy.extensions.filters.http.ratelimit.v3.RateLimit";
pub(super) const JWT: &str = "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication";
pub(super) const HEADER_TO_METADATA: &str =
    "envoy.extensions.filters.http.header_to_metadata.v3.Config";
pub(super) const SET_FILTER_STATE: &str =
    "envoy.extensions.filters.http.set_filter_state.v3.Config";
pub(super) const INJECTOR: &str =
    "envoy.extensions.filters.http.credential_injector.v3.CredentialInjector";
pub(super) const AWS_SIGNING: &str =
    "envoy.extensions.filters.http.aws_request_signing.v3.AwsRequestSigning";
pub(super) const GCP_TOKENS: &str =
    "envoy.extensions.filters.http.gcp_authn.v3.GcpAuthnFilterConfig";
pub(super) const HEADER_MUTATION: &str =
    "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation";
pub(super) const UPSTREAM_CODEC: &str =
    "envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec";
pub(super) const PRIORITY_GROUP: &str =
    "envoy.extensions.router.cluster_specifiers.priority_group.v3.PriorityGroupClusterSpecifier";
pub(super) const PREVIOUS_PRIORITIES: &str =
    "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig";
pub(super) const AGGREGATE: &str = "envoy.extensions.clusters.aggregate.v3.ClusterConfig";
pub(super) const TLS: &str = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";
pub(super) const QUIC: &str = "envoy.extensions.transport_sockets.quic.v3.QuicDownstreamTransport";
pub(super) const UPSTREAM_TLS: &str =
    "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
pub(super) const UPSTREAM_QUIC: &str =
    "envoy.extensions.transport_sockets.quic.v3.QuicUpstreamTransport";
pub(super) const RAW_BUFFER: &str = "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer";
pub(super) const SPIFFE_VALIDATOR: &str =
    "envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig";

/// Envelopes around another type: `type_url` names it, `value` holds it.
const ENVELOPES: [&str; 2] = ["xds.type.v3.TypedStruct", "udpa.type.v1.TypedStruct"];

/// The type of a `google.protobuf.Any`, without the host before it.
pub(in crate::check) fn name<'t>(at: &At<'t>) -> Option<&'t str> {
    match written(at, "@type")? {
        envelope if ENVELOPES.contains(&envelope) => written(at, "type_url"),
        name => Some(name),
    }
}

/// Whether `at` is an `Any` of this type.
pub(in crate::check) fn is(at: &At<'_>, wanted: &str) -> bool {
    name(at) == Some(wanted)
}

/// The message itself, out of its envelope if it has one.
pub(in crate::check) fn body<'t>(at: &At<'t>) -> At<'t> {
    match written(at, "@type") {
        Some(envelope) if ENVELOPES.contains(&envelope) => at.field_or_gap("value"),
        _ => at.clone(),
    }
}

fn written<'t>(at: &At<'t>, field: &str) -> Option<&'t str> {
    at.text(field)?.rsplit('/').next()
}
