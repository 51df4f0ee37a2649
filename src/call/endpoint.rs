/*! What a path and method ask for. */

use super::adjusting::Change;
use crate::config::Stored;
use crate::protocols::{Api, ErrorKind, Protocol, Refusal};
use crate::wrapped::Kind;

/// An endpoint that Tollgate serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint<'p> {
    /// A call of a model: `POST /v1/chat/completions`, `/v1/completions`, `/v1/responses`,
    /// `/v1/messages` and the others of [`Api`]
    Call(Api),
    /// `GET /v1/models`
    Models,
    /// `GET /v1/models/{name}`
    Model(&'p str),
    /// `GET /tollgate/usage`
    Usage,
    /// `POST /tollgate/limits/{name}/top-up`, `POST /tollgate/limits/{name}/reset`
    Limit(Change, &'p str),
    /// `POST /tollgate/cache/purge`
    Purge,
    /// Anything else; the part after `/v1` if it is a plain path below it.
    Other(Option<&'p str>),
}

impl<'p> Endpoint<'p> {
    /// The endpoint at `path` (with its query).
    pub(super) fn at(path: &'p str) -> Self {
        let bare = path.split('?').next().unwrap_or_default();
        match bare {
            "/v1/models" => Self::Models,
            "/tollgate/usage" => Self::Usage,
            "/tollgate/cache/purge" => Self::Purge,
            _ => match Api::at(bare) {
                Some(api) => Self::Call(api),
                None => Self::named(bare).unwrap_or_else(|| Self::Other(below_v1(bare))),
            },
        }
    }

    /// One with a name in its path; names may have slashes.
    fn named(bare: &'p str) -> Option<Self> {
        if let Some(name) = bare.strip_prefix("/v1/models/") {
            return (!name.is_empty()).then_some(Self::Model(name));
        }
        let (name, verb) = bare.strip_prefix("/tollgate/limits/")?.rsplit_once('/')?;
        let change = match verb {
            "top-up" => Change::TopUp,
            "reset" => Change::Reset,
            _ => return None,
        };
        (!name.is_empty()).then_some(Self::Limit(change, name))
    }

    /// For records.
    pub(super) const fn operation(self) -> &'static str {
        match self {
            Self::Call(api) => api.operation(),
            Self::Models | Self::Model(_) => "models",
            Self::Usage => "usage",
            Self::Purge => "cache_purge",
            Self::Limit(change, _) => change.as_str(),
            Self::Other(_) => "other",
        }
    }

    /// Refuses a method that the endpoint does not have.
    pub(super) fn check_method(self, method: &str) -> Result<(), Refusal> {
        let wanted = match self {
            Self::Call(_) | Self::Limit(..) | Self::Purge => "POST",
            Self::Models | Self::Model(_) | Self::Usage => "GET",
            Self::Other(_) => return Ok(()),
        };
        if method == wanted {
            return Ok(());
        }
        let message = format!("This path takes {wanted} only.");
        let refusal = Refusal::new(ErrorKind::Method, "method_not_allowed", message);
        Err(refusal.header("allow", wanted))
    }
}

/// A path segment with `%XX` decoded; SDKs write `meta%2Fllama`. `None` if it is no UTF-8
/// then.
pub(super) fn decode_segment(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = match after {
            [high, low, ..] if byte == b'%' => {
                let [high, low] = [high, low].map(|c| char::from(*c).to_digit(16));
                high.zip(low)
                    .and_then(|(high, low)| u8::try_from((high << 4) | low).ok())
            }
            _ => None,
        };
        bytes.push(hex.unwrap_or(byte));
        rest = after
            .get(if hex.is_some() { 2 } else { 0 }..)
            .unwrap_or_default();
    }
    String::from_utf8(bytes).ok()
}

/// There is nothing at this path, and what its caller may have meant.
pub(super) fn unknown_endpoint(path: &str, stored: Option<&Stored>) -> Refusal {
    let bare = path.split('?').next().unwrap_or_default();
    let off = below_v1(bare).and_then(|below| switched_off(below, stored));
    let message = match off {
        Some((what, field)) => {
            format!("{what} are not switched on at this gateway ({field} in its policy).")
        }
        None => format!("This gateway has no such endpoint. {}", expected(bare)),
    };
    Refusal::new(ErrorKind::NotFound, "unknown_endpoint", message)
}

/// What the policy could switch on at a path below `/v1`, and by which field.
fn switched_off(below: &str, stored: Option<&Stored>) -> Option<(&'static str, &'static str)> {
    let is_at = |path: &str| {
        let rest = below.strip_prefix(path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let response = below.strip_prefix("/responses/");
    let is_response = response.is_some_and(|id| id.starts_with(Kind::Response.prefix()));
    let off = [
        (is_response, stored.is_none(), "Kept responses", "stored"),
        (
            is_at("/conversations"),
            stored.is_none_or(|stored| stored.conversations.is_none()),
            "Conversations",
            "stored.conversations",
        ),
        (
            is_at("/files"),
            stored.is_none_or(|stored| stored.files.is_none()),
            "Files",
            "stored.files",
        ),
        (
            is_at("/batches"),
            stored.is_none_or(|stored| stored.batches.is_none()),
            "Batches",
            "stored.batches",
        ),
    ];
    let mut off = off.into_iter();
    off.find_map(|(is_here, is_off, what, field)| (is_here && is_off).then_some((what, field)))
}

/// What paths look like: base URLs with a `/v1` too much or too little are the usual mistake.
fn expected(bare: &str) -> &'static str {
    if bare.starts_with("/v1/v1/") {
        return "The path begins with /v1 twice: Anthropic's clients add /v1 themselves, so their base \
            URL ends without it.";
    }
    match Endpoint::at(&format!("/v1{bare}")) {
        Endpoint::Call(api) if api.protocol() == Protocol::OpenAi => OPENAIS,
        Endpoint::Models | Endpoint::Model(_) => OPENAIS,
        _ => {
            "OpenAI's and Anthropic's begin with /v1: /v1/chat/completions, /v1/responses, /v1/messages and others."
        }
    }
}

const OPENAIS: &str =
    "OpenAI's paths begin with /v1: the base URL of OpenAI's clients ends with /v1.";

/// What follows `/v1` if nothing in it could climb out of a provider's base path.
fn below_v1(path: &str) -> Option<&str> {
    let below = path.strip_prefix("/v1")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._~-:".contains(c);
    let mut segments = below.strip_prefix('/')?.split('/');
    let safe = segments.all(|segment| !matches!(segment, "" | "." | ".."));
    (safe && below.chars().all(plain)).then_some(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments() {
        for (segment, decoded) in [
            ("meta%2Fllama", Some("meta/llama")),
            ("gpt-5.1", Some("gpt-5.1")),
            ("100%", Some("100%")),
            ("%zz%2", Some("%zz%2")),
            ("%c3%A9", Some("é")),
            ("%ff", None),
        ] {
            assert_eq!(decode_segment(segment).as_deref(), decoded, "{segment}");
        }
    }

    #[test]
    fn methods_and_operations() {
        for (path, method, operation) in [
            ("/v1/chat/completions", "POST", "chat"),
            ("/v1/completions", "POST", "text_completion"),
            ("/v1/embeddings", "POST", "embeddings"),
            ("/v1/responses", "POST", "responses"),
            ("/v1/moderations", "POST", "moderations"),
            ("/v1/messages", "POST", "chat"),
            ("/v1/messages/count_tokens", "POST", "count_tokens"),
            ("/v1/models", "GET", "models"),
            ("/v1/models/a", "GET", "models"),
            ("/tollgate/usage", "GET", "usage"),
            ("/tollgate/limits/usd/reset", "POST", "limit_reset"),
            ("/tollgate/cache/purge", "POST", "cache_purge"),
        ] {
            let endpoint = Endpoint::at(path);
            assert_eq!(endpoint.operation(), operation, "{path}");
            endpoint.check_method(method).unwrap();
            let refusal = endpoint.check_method("PUT").unwrap_err();
            assert_eq!(refusal.headers, [("allow", method.to_owned())]);
        }
        let other = Endpoint::at("/v1/messages/batches");
        assert_eq!(other.operation(), "other");
        other.check_method("PUT").unwrap();
    }

    #[test]
    fn regression_who_has_the_wrong_base_url_is_told_which_is_right() {
        const BEGIN: &str = "This gateway has no such endpoint. ";
        let other = "OpenAI's and Anthropic's begin with /v1: /v1/chat/completions, /v1/responses, /v1/messages and others.";
        let twice = "The path begins with /v1 twice: Anthropic's clients add /v1 themselves, so their base URL ends without it.";
        for (path, told) in [
            ("/chat/completions", OPENAIS),
            ("/responses?secret=1", OPENAIS),
            ("/models", OPENAIS),
            ("/models/smart", OPENAIS),
            ("/v1/v1/messages", twice),
            ("/v1/v1/messages?beta=true", twice),
            ("/v1/v1/models", twice),
            ("/messages", other),
            ("/v1/rerank", other),
            ("/v1/responses/compact", other),
            ("/v1/filesystem", other),
            ("/", other),
            ("", other),
        ] {
            let refusal = unknown_endpoint(path, None);
            assert_eq!(refusal.code, "unknown_endpoint");
            assert_eq!(refusal.message, format!("{BEGIN}{told}"), "{path}");
        }
    }

    #[test]
    fn regression_what_stored_switches_on_is_told_to_be_off() {
        for (path, told) in [
            (
                "/v1/files",
                "Files are not switched on at this gateway (stored.files in its policy).",
            ),
            (
                "/v1/files/file-1/content",
                "Files are not switched on at this gateway (stored.files in its policy).",
            ),
            (
                "/v1/batches?limit=1",
                "Batches are not switched on at this gateway (stored.batches in its policy).",
            ),
            (
                "/v1/conversations/conv_1",
                "Conversations are not switched on at this gateway (stored.conversations in its policy).",
            ),
            (
                "/v1/responses/resp_1/cancel",
                "Kept responses are not switched on at this gateway (stored in its policy).",
            ),
        ] {
            let refusal = unknown_endpoint(path, None);
            assert_eq!(refusal.code, "unknown_endpoint");
            assert_eq!(refusal.message, told, "{path}");
        }
    }

    #[test]
    fn paths() {
        for (path, endpoint) in [
            ("/v1/chat/completions", Endpoint::Call(Api::ChatCompletions)),
            (
                "/v1/chat/completions?api-version=1",
                Endpoint::Call(Api::ChatCompletions),
            ),
            ("/v1/messages", Endpoint::Call(Api::Messages)),
            ("/v1/messages?beta=true", Endpoint::Call(Api::Messages)),
            ("/v1/completions", Endpoint::Call(Api::Completions)),
            ("/v1/embeddings", Endpoint::Call(Api::Embeddings)),
            ("/v1/responses?x", Endpoint::Call(Api::Responses)),
            (
                "/v1/responses/resp_1",
                Endpoint::Other(Some("/responses/resp_1")),
            ),
            (
                "/v1/messages/count_tokens?beta=true",
                Endpoint::Call(Api::CountTokens),
            ),
            (
                "/v1/messages/batches",
                Endpoint::Other(Some("/messages/batches")),
            ),
            ("/v1/models", Endpoint::Models),
            ("/v1/models/meta/llama", Endpoint::Model("meta/llama")),
            ("/tollgate/usage", Endpoint::Usage),
            ("/tollgate/cache/purge", Endpoint::Purge),
            ("/tollgate/cache", Endpoint::Other(None)),
            (
                "/tollgate/limits/tokens/minute/top-up",
                Endpoint::Limit(Change::TopUp, "tokens/minute"),
            ),
            (
                "/tollgate/limits/usd%2Fday/reset?x",
                Endpoint::Limit(Change::Reset, "usd%2Fday"),
            ),
            ("/tollgate/limits/reset", Endpoint::Other(None)),
            ("/tollgate/limits//reset", Endpoint::Other(None)),
            ("/tollgate/limits/usd/raise", Endpoint::Other(None)),
            ("/v1/moderations", Endpoint::Call(Api::Moderations)),
            ("/v1/files", Endpoint::Other(Some("/files"))),
            ("/v1/chat/completions/", Endpoint::Other(None)),
            ("/v1/../admin", Endpoint::Other(None)),
            ("/v1/%2e%2e/admin", Endpoint::Other(None)),
            ("//v1/chat/completions", Endpoint::Other(None)),
            ("/", Endpoint::Other(None)),
            ("", Endpoint::Other(None)),
        ] {
            assert_eq!(Endpoint::at(path), endpoint, "{path}");
        }
    }
}
