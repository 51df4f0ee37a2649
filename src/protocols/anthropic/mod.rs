/*! Anthropic's API: messages and the list of models. */

mod answer;
mod ending;
mod messages;
mod models;
pub(super) mod texts;
mod usage;

pub use answer::read_event;
pub use ending::Ending;
pub use messages::{MessagesRequest, read_count, read_messages};
pub use models::{model_entry, model_list};
pub(super) use usage::Read;
pub use usage::{Counts, read_usage};

/// The header that Anthropic's API demands of every request, with the version that all its SDKs
/// send.
pub const VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");
