/*! What callers and providers say on the wire: requests, answers, usage, errors. */

pub mod anthropic;
mod context_length;
mod ending;
mod error;
mod event;
mod members;
pub mod openai;
mod reading;
mod redact;
mod request;
pub mod texts;
mod traits;
pub mod translate;
mod usage;

pub use context_length::is_context_length;
pub use ending::{EndReason, EndUsage, Ending};
pub use error::{ErrorKind, Refusal, Reply};
pub use event::{Event, EventReader, Progress};
pub use redact::redact_account;
pub use request::Request;
pub use traits::Traits;
pub use usage::ReportedUsage;

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
    /// The protocol that a caller speaks: that of the path; where both have the path,
    /// Anthropic's if there is the `anthropic-version` header, which its API demands.
    pub fn of(path: &str, has_anthropic_version: bool) -> Self {
        let path = path.split('?').next().unwrap_or_default();
        let messages = path == "/v1/messages" || path.starts_with("/v1/messages/");
        let chat = path == "/v1/chat/completions";
        if messages || (has_anthropic_version && !chat) {
            Self::Anthropic
        } else {
            Self::OpenAi
        }
    }
}
