/*! Which headers a provider may see. */

use crate::protocols::Protocol;

/// Headers that never reach a provider: the caller's credentials and accounts in the
/// places where any provider looks for them (the operator's own are put there behind
/// this), what identifies the caller, what hops say of each other, the wish for an
/// encoded answer, which could not be read, and what makes an answer another one or a part of
/// one: a piece of it, none if it is as before, one that was given to somebody with the same
/// account, one by another method or within another time.
/// (`x-forwarded-proto` is left to the route's `request_headers_to_remove`: without it
/// Envoy 1.40 finds no route.)
const REMOVED: [&str; 35] = [
    "accept-encoding",
    "anthropic-user-profile-id",
    "anthropic-workspace-id",
    "api-key",
    "authorization",
    "cookie",
    "forwarded",
    "idempotency-key",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "ocp-apim-subscription-key",
    "openai-organization",
    "openai-project",
    "proxy-authorization",
    "range",
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
    "x-http-method",
    "x-http-method-override",
    "x-id-token",
    "x-method-override",
    "x-real-ip",
    // Google's: a deadline that its models do not keep counts as their failure
    // (cloud.google.com/apis/docs/system-parameters).
    "x-server-timeout",
    "x-user-ip",
];

/// Headers that only this Envoy may set, and those by which clouds are steered: signatures,
/// guardrails, accounts, quotas, which fields an answer has.
const RESERVED: [&str; 7] = [
    "x-amz-",
    "x-amzn-",
    "x-envoy-",
    "x-goog-",
    "x-ms-",
    "x-tollgate-",
    "x-vertex-",
];

/// Whether a header of a request is nothing that a provider may see.
pub fn is_foreign(name: &str) -> bool {
    REMOVED.binary_search(&name).is_ok() || RESERVED.iter().any(|prefix| name.starts_with(prefix))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_order() {
        assert!(REMOVED.is_sorted());
    }

    #[test]
    fn regression_callers_do_not_steer_clouds_by_headers() {
        for name in [
            "x-goog-fieldmask",
            "x-goog-api-key",
            "x-goog-user-project",
            "x-goog-quota-user",
            "x-server-timeout",
            "x-http-method-override",
            "x-vertex-ai-llm-request-type",
            "x-amzn-bedrock-guardrailidentifier",
            "x-amzn-tls-version",
            "x-amz-security-token",
            "x-ms-oai-image-generation-deployment",
            "anthropic-workspace-id",
            "idempotency-key",
            "if-none-match",
            "range",
        ] {
            assert!(is_foreign(name), "{name}");
        }
        for name in [
            "accept",
            "content-type",
            "traceparent",
            "user-agent",
            "x-request-id",
            "x-stainless-lang",
        ] {
            assert!(!is_foreign(name), "{name}");
        }
    }
}
