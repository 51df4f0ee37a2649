/*! What callers and providers say on the wire: requests, answers, usage, errors. */

pub mod anthropic;
mod error;
pub mod openai;
mod traits;

pub mod translate;

pub use error::{ErrorKind, Refusal, Reply};
pub use traits::Traits;

use serde::{Deserialize, Serialize};

/// The protocol of a caller; it decides the shape of every error that Tollgate makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// OpenAI's.
    #[default]
    OpenAi,
    /// Anthropic's.
    Anthropic,
}

impl Protocol {
    /// The protocol that a caller speaks: Anthropic's where the path or the
    /// `anthropic-version` header, which its API demands, says so.
    pub fn of(path: &str, has_anthropic_version: bool) -> Self {
        let path = path.split('?').next().unwrap_or_default();
        if has_anthropic_version || path == "/v1/messages" || path.starts_with("/v1/messages/") {
            Self::Anthropic
        } else {
            Self::OpenAi
        }
    }
}
