/*! OpenAI's API: chat completions, completions, responses. */

mod answer;
mod chat;
mod completions;
mod ending;
mod fields;
mod models;
mod responses;
mod stream_options;
pub(super) mod texts;
mod usage;

pub use answer::read_event;
pub use chat::{Adapt, ChatRequest, read_chat};
pub use completions::{CompletionRequest, read_completion};
pub use ending::Ending;
pub use models::{model_entry, model_list};
pub use responses::{ResponsesRequest, read_responses};
pub use stream_options::StreamOptions;
pub use usage::read_usage;
