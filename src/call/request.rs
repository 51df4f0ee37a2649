/*! The head of a request: what is taken from it and what is removed. */

use crate::config::{Backend, IdentityRules, Limits};
use crate::http::{HeaderEdits, Headers};
use crate::protocols::{ErrorKind, Refusal};

/// The header by which the route finds the cluster.
pub const CLUSTER_HEADER: &str = "x-tollgate-internal-cluster";

/// Headers that never reach a provider: the caller's credentials and accounts, what
/// identifies the caller, what hops say of each other, and the wish for an encoded answer,
/// which could not be read. (`x-forwarded-proto` is left to the route's
/// `request_headers_to_remove`: without it Envoy 1.40 finds no route.)
const REMOVED: [&str; 13] = [
    "accept-encoding",
    "authorization",
    "cookie",
    "forwarded",
    "openai-organization",
    "openai-project",
    "proxy-authorization",
    "via",
    "x-api-key",
    "x-forwarded-client-cert",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-real-ip",
];

/// Headers that only this Envoy may set.
const RESERVED: [&str; 2] = ["x-envoy-", "x-tollgate-"];

/// The edits that every forwarded request needs.
pub(super) fn clean(headers: Headers<'_>, rules: &IdentityRules) -> HeaderEdits {
    let remove = headers.names(|name| {
        REMOVED.contains(&name)
            || RESERVED.iter().any(|prefix| name.starts_with(prefix))
            || rules.is_hop_header(name)
    });
    HeaderEdits {
        remove,
        set: Vec::new(),
    }
}

/// Adds what sends the request to `backend`, where its path is `path` below the
/// backend's base.
pub(super) fn address(edits: &mut HeaderEdits, backend: &Backend, path: &str) {
    let path = format!("{}{path}", backend.base_path);
    edits.set.push((":path", path));
    edits.set.push((CLUSTER_HEADER, backend.cluster.clone()));
    if let Some(authority) = &backend.authority {
        edits.set.push((":authority", authority.clone()));
    }
}

/// Refuses, from its head alone, a body that could not be read.
pub(super) fn check_body_head(headers: Headers<'_>, limits: &Limits) -> Result<(), Refusal> {
    let encoded = headers
        .all("content-encoding")
        .any(|value| !value.trim_ascii().eq_ignore_ascii_case(b"identity"));
    if encoded {
        return Err(Refusal::new(
            ErrorKind::MediaType,
            "unsupported_content_encoding",
            "The request body is encoded in a way that this gateway does not decode.",
        ));
    }
    if headers.has("content-type") && !is_json(headers.text("content-type").unwrap_or_default()) {
        return Err(Refusal::new(
            ErrorKind::MediaType,
            "unsupported_media_type",
            "The request body must be application/json in UTF-8.",
        ));
    }
    let length = headers.text("content-length");
    match length.and_then(|length| length.parse::<u64>().ok()) {
        Some(length) if length > limits.body => Err(too_large(limits)),
        _ => Ok(()),
    }
}

pub(super) fn too_large(limits: &Limits) -> Refusal {
    let message = format!(
        "The request body is longer than the {} bytes that this gateway accepts.",
        limits.body
    );
    Refusal::new(ErrorKind::TooLarge, "request_too_large", message)
}

fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
    let utf8 = parts.all(|parameter| {
        let charset = parameter.to_ascii_lowercase();
        let charset = charset.strip_prefix("charset=");
        charset.is_none_or(|name| matches!(name.trim_matches('"'), "utf-8" | "utf8" | "us-ascii"))
    });
    utf8 && (kind == "application/json"
        || (kind.starts_with("application/") && kind.ends_with("+json")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types() {
        for (value, json) in [
            ("application/json", true),
            ("Application/JSON; charset=UTF-8", true),
            ("application/vnd.api+json", true),
            ("application/json; charset=utf-16", false),
            ("text/plain", false),
            ("multipart/form-data; boundary=x", false),
            ("", false),
        ] {
            assert_eq!(is_json(value), json, "{value}");
        }
    }
}
