/*! What callers and providers say on the wire: requests, answers, usage, errors. */

pub mod anthropic;
mod api;
mod context_length;
mod ending;
mod error;
mod event;
mod members;
pub mod openai;
mod parts;
mod reading;
mod redact;
pub mod replay;
mod request;
mod shared;
pub mod texts;
mod traits;
pub mod translate;
mod usage;
mod whole;

pub use api::Api;
pub use context_length::is_context_length;
pub use ending::{EndReason, EndUsage, Ending};
pub use error::{ErrorKind, Refusal, Reply};
pub use event::{Broken, Event, EventReader, Progress, Reasoning};
pub use parts::{Medium, Part, media, older_turns, text_part, user_message};
pub use reading::{not_kept, stored};
pub use redact::redact_account;
pub use request::Request;
pub use traits::{StoredFile, Tariff, Traits};
pub use usage::ReportedUsage;
pub use whole::{unstreamed, with_usage};

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
    /// Google's, of Gemini. Providers speak it, no caller does.
    Gemini,
    /// Amazon's, of Bedrock. Providers speak it, no caller does.
    Bedrock,
}
