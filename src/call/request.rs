/*! The head of a request: what is taken from it and what is removed. */

use crate::attempt::{is_foreign, is_of_a_protocol, passes_to};
use crate::cache::Wish;
use crate::config::{IdentityRules, Limits};
use crate::http::{HeaderEdits, Headers};
use crate::json::{Kind, Reader};
use crate::multipart;
use crate::protocols::{ErrorKind, Protocol, Refusal};

/// The header by which the route finds the cluster.
pub const CLUSTER_HEADER: &str = "x-tollgate-internal-cluster";

/// What later steps need of the head of a request.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    /// The host that the caller named.
    pub(super) authority: String,
    /// Headers that routing rules look at, lower case.
    pub(super) rules: Vec<(String, String)>,
    /// Headers that providers of the caller's protocol shall see.
    pub(super) protocol: Vec<(String, String)>,
    /// What the caller wants of the cache.
    pub(super) wish: Wish,
    /// No provider is to be asked.
    pub(super) only_if_cached: bool,
    /// The boundary of a form; empty: it is none.
    pub(super) boundary: String,
}

impl Kept {
    pub(super) fn of(headers: Headers<'_>, protocol: Protocol, rules: &[String]) -> Self {
        let mut kept = Self {
            authority: headers.text(":authority").unwrap_or_default().to_owned(),
            ..Self::default()
        };
        for (name, value) in headers.0 {
            let Ok(value) = std::str::from_utf8(value) else {
                continue;
            };
            if rules.contains(name) {
                kept.rules.push((name.clone(), value.to_owned()));
            }
            if passes_to(protocol, name) {
                kept.add_line(name, value);
            }
        }
        kept
    }

    /// Lines of the same name are one list (RFC 9110, 5.3).
    fn add_line(&mut self, name: &str, value: &str) {
        match self.protocol.iter_mut().find(|(known, _)| known == name) {
            Some((_, list)) => *list = format!("{list}, {value}"),
            None => self.protocol.push((name.to_owned(), value.to_owned())),
        }
    }
}

/// The query of `path` with its `?`, without parameters that providers take for keys.
pub(super) fn query_without_keys(path: &str) -> String {
    query_without(
        path,
        &["access_token", "api-key", "api_key", "apikey", "key"],
    )
}

/// The query of `path` with its `?`, without parameters of these names, which are in lower case.
pub(super) fn query_without(path: &str, names: &[&str]) -> String {
    let (_, query) = path.split_once('?').unwrap_or_default();
    let is_named = |parameter: &str| {
        let name = parameter.split('=').next().unwrap_or_default();
        let name = super::endpoint::decode_segment(name).unwrap_or_default();
        names.contains(&name.to_ascii_lowercase().as_str())
    };
    let kept: Vec<&str> = query.split('&').filter(|part| !is_named(part)).collect();
    match kept.join("&") {
        query if query.is_empty() => query,
        query => format!("?{query}"),
    }
}

/// The edits that every forwarded request needs.
pub(super) fn clean(headers: Headers<'_>, rules: &IdentityRules) -> HeaderEdits {
    let remove = headers
        .names(|name| is_foreign(name) || is_of_a_protocol(name) || rules.is_hop_header(name));
    HeaderEdits {
        remove,
        set: Vec::new(),
    }
}

/// Why a form can't be what its head says: its provider would look for another boundary.
pub(super) fn other_boundary(kept: &Kept, body: &[u8]) -> Option<Refusal> {
    let is_form = !kept.boundary.is_empty() && !body.is_empty();
    if !is_form || multipart::begins_with(body, &kept.boundary) {
        return None;
    }
    let message = "The request body does not begin with the boundary that its content-type tells.";
    Some(Refusal::new(
        ErrorKind::Invalid,
        "invalid_multipart",
        message,
    ))
}

/// The header that sends a request to a cluster.
pub(super) fn to_cluster(cluster: &str) -> (&'static str, String) {
    (CLUSTER_HEADER, cluster.to_owned())
}

/// Refuses, from its head alone, a body that could not be read.
pub(super) fn check_body_head(
    headers: Headers<'_>,
    limits: &Limits,
    is_form: bool,
) -> Result<(), Refusal> {
    if headers.has("upgrade") {
        // An upgraded connection is no chat call, and nothing would end its body.
        return Err(Refusal::new(
            ErrorKind::Invalid,
            "unsupported_upgrade",
            "This path does not upgrade connections.",
        ));
    }
    if headers.encoded() {
        return Err(Refusal::new(
            ErrorKind::MediaType,
            "unsupported_content_encoding",
            "The request body is encoded in a way that this gateway does not decode.",
        ));
    }
    if is_form {
        boundary(headers)?;
    } else if headers.has("content-type")
        && !is_json(headers.text("content-type").unwrap_or_default())
    {
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

/// The boundary of a form.
///
/// # Errors
/// It is no form, or has none that every provider would read alike.
pub(super) fn boundary(headers: Headers<'_>) -> Result<String, Refusal> {
    let content_type = headers.text("content-type").unwrap_or_default();
    let boundary = multipart::of_content_type(content_type).map(str::to_owned);
    boundary.ok_or_else(|| {
        let message = "The request body must be multipart/form-data with a plain boundary.";
        Refusal::new(ErrorKind::MediaType, "unsupported_media_type", message)
    })
}

pub(super) fn too_large(limits: &Limits) -> Refusal {
    let message = format!(
        "The request body is longer than the {} bytes that this gateway accepts.",
        limits.body
    );
    Refusal::new(ErrorKind::TooLarge, "request_too_large", message)
}

/// Whether a call that may never be sent, or even read, asks for a stream.
pub(super) fn asks_for_stream(body: &[u8]) -> bool {
    let mut asks = false;
    let read = Reader::new(body, |_| None).and_then(|mut reader| {
        reader.object(|reader, key| {
            if key.value() == "stream" && reader.kind()? == Kind::Bool {
                asks = reader.boolean()?;
                return Ok(());
            }
            reader.skip().map(drop)
        })
    });
    asks && read.is_ok()
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
    fn upgrades_are_refused() {
        let headers = [("upgrade".to_owned(), b"websocket".to_vec())];
        let refusal = check_body_head(Headers(&headers), &Limits::default(), false).unwrap_err();
        assert_eq!(refusal.code, "unsupported_upgrade");
    }

    #[test]
    fn queries_lose_their_keys() {
        for (path, query) in [
            ("/v1/files", ""),
            ("/v1/files?", ""),
            ("/v1/files?after=x&limit=2", "?after=x&limit=2"),
            ("/v1/files?key=secret", ""),
            ("/v1/files?a=1&Api-Key=secret&%6Bey=secret&b=2", "?a=1&b=2"),
        ] {
            assert_eq!(query_without_keys(path), query, "{path}");
        }
    }

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
