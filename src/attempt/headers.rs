/*! Which headers a provider may see. */

use crate::protocols::Protocol;

/// Headers that never reach a provider: the caller's credentials and accounts in the
/// places where any provider looks for them (the operator's own are put there behind
/// this), what identifies the caller, what hops say of each other, and the wish for an
/// encoded answer, which could not be read.
/// (`x-forwarded-proto` is left to the route's `request_headers_to_remove`: without it
/// Envoy 1.40 finds no route.)
const REMOVED: [&str; 23] = [
    "accept-encoding",
    "api-key",
    "authorization",
    "cookie",
    "forwarded",
    "ocp-apim-subscription-key",
    "openai-organization",
    "openai-project",
    "proxy-authorization",
    "true-client-ip",
    "via",
    "x-api-key",
    "x-auth-token",
    "x-client-ip",
    "x-forwarded-client-cert",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-functions-key",
    "x-goog-api-key",
    "x-goog-user-project",
    "x-id-token",
    "x-real-ip",
];

/// Headers that only this Envoy may set, and signatures of other clouds.
const RESERVED: [&str; 3] = ["x-amz-", "x-envoy-", "x-tollgate-"];

/// Whether a header of a request is nothing that a provider may see.
pub fn is_foreign(name: &str) -> bool {
    REMOVED.contains(&name) || RESERVED.iter().any(|prefix| name.starts_with(prefix))
}

/// Headers that mean something to providers of one protocol only.
const OF_OPENAI: [&str; 1] = ["openai-beta"];
const OF_ANTHROPIC: [&str; 3] = [
    "anthropic-beta",
    "anthropic-dangerous-direct-browser-access",
    "anthropic-version",
];

/// Whether a header belongs to `protocol` and goes on to its providers.
pub fn passes_to(protocol: Protocol, name: &str) -> bool {
    known(protocol, name).is_some()
}

/// The name of a header of `protocol`.
pub(super) fn known(protocol: Protocol, name: &str) -> Option<&'static str> {
    let names = match protocol {
        Protocol::OpenAi => OF_OPENAI.iter(),
        Protocol::Anthropic => OF_ANTHROPIC.iter(),
        Protocol::Gemini | Protocol::Bedrock => [].iter(),
    };
    names.copied().find(|known| *known == name)
}

/// Whether a header belongs to any protocol's providers alone.
pub fn is_of_a_protocol(name: &str) -> bool {
    passes_to(Protocol::OpenAi, name) || passes_to(Protocol::Anthropic, name)
}
