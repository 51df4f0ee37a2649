/*! OpenAI's API: chat completions for now. */

mod answer;
mod chat;
mod models;
mod redact;
mod usage;

pub use answer::{Chunk, read_chunk};
pub use chat::{Adapt, ChatRequest, StreamOptions, read_chat};
pub use models::{model_entry, model_list};
pub use redact::redact_account;
pub use usage::{ReportedUsage, read_usage};
