/*! OpenAI's API: chat completions for now. */

mod answer;
mod chat;
mod ending;
mod models;
pub(super) mod texts;
mod usage;

pub use answer::read_event;
pub use chat::{Adapt, ChatRequest, StreamOptions, read_chat};
pub use ending::Ending;
pub use models::{model_entry, model_list};
pub use usage::read_usage;
