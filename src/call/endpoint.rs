/*! What a path and method ask for. */

use crate::protocols::{ErrorKind, Refusal};

/// An endpoint that Tollgate serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint<'p> {
    /// `POST /v1/chat/completions`
    Chat,
    /// `GET /v1/models`
    Models,
    /// `GET /v1/models/{name}`
    Model(&'p str),
    /// `GET /tollgate/usage`
    Usage,
    /// Anything else; the part after `/v1` if it is a plain path below it.
    Other(Option<&'p str>),
}

impl<'p> Endpoint<'p> {
    /// The endpoint at `path` (with its query).
    pub(super) fn at(path: &'p str) -> Self {
        let bare = path.split('?').next().unwrap_or_default();
        match bare {
            "/v1/chat/completions" => Self::Chat,
            "/v1/models" => Self::Models,
            "/tollgate/usage" => Self::Usage,
            _ => match bare.strip_prefix("/v1/models/") {
                Some(name) if !name.is_empty() => Self::Model(name),
                _ => Self::Other(below_v1(bare)),
            },
        }
    }

    /// For records.
    pub(super) const fn operation(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Models | Self::Model(_) => "models",
            Self::Usage => "usage",
            Self::Other(_) => "other",
        }
    }

    /// Refuses a method that the endpoint does not have.
    pub(super) fn check_method(self, method: &str) -> Result<(), Refusal> {
        let wanted = match self {
            Self::Chat => "POST",
            Self::Models | Self::Model(_) | Self::Usage => "GET",
            Self::Other(_) => return Ok(()),
        };
        if method == wanted {
            return Ok(());
        }
        let message = format!("This path takes {wanted} only.");
        Err(Refusal::new(
            ErrorKind::Method,
            "method_not_allowed",
            message,
        ))
    }
}

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
    fn paths() {
        for (path, endpoint) in [
            ("/v1/chat/completions", Endpoint::Chat),
            ("/v1/chat/completions?api-version=1", Endpoint::Chat),
            ("/v1/models", Endpoint::Models),
            ("/v1/models/meta/llama", Endpoint::Model("meta/llama")),
            ("/tollgate/usage", Endpoint::Usage),
            ("/v1/embeddings", Endpoint::Other(Some("/embeddings"))),
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
