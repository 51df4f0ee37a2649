/*! OpenAI's API: chat completions, completions, responses. */

mod answer;
mod chat;
pub(super) mod completions;
pub(super) mod embeddings;
mod ending;
mod fields;
mod models;
pub(super) mod responses;
mod stream_options;
pub(super) mod texts;
mod usage;

pub use answer::read_event;
pub use chat::{Adapt, ChatRequest, read_chat};
pub use completions::{CompletionRequest, read_completion};
pub use embeddings::{EmbeddingRequest, read_embedding};
pub use ending::{Ending, Shape};
pub use models::{model_entry, model_list};
pub use responses::{
    Ending as ResponsesEnding, IdOf, Previous, ResponsesRequest, read_event as read_response_event,
    read_responses, response_ids,
};
pub use stream_options::StreamOptions;
pub use usage::{read_response_usage, read_usage};
