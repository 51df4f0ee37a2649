/*! OpenAI's API: chat completions, completions, responses. */

mod answer;
mod batches;
mod chat;
pub(super) mod completions;
pub(super) mod embeddings;
mod ending;
mod fields;
mod files;
pub(super) mod forms;
pub(super) mod images;
mod media;
mod models;
pub(super) mod moderations;
pub(super) mod plain;
pub(super) mod responses;
pub(super) mod speech;
mod spoken;
mod stream_options;
pub(super) mod texts;
pub(super) mod transcripts;
mod usage;

pub use answer::read_event;
pub use batches::{
    BATCH_APIS, BatchLine, BatchRequest, BatchUsage, Outcome as BatchOutcome, batch_line_name,
    batch_lines, batch_outcomes, batch_texts, batch_usage, read_batch, read_batch_line,
};
pub use chat::{Adapt, ChatRequest, read_chat};
pub use completions::{CompletionRequest, read_completion};
pub use embeddings::read_embedding;
pub use ending::{Ending, Shape};
pub use files::{FilePurpose, Upload, object_ids, read_upload, upload_texts};
pub use forms::{FormRequest, form_as_json, read_form};
pub use images::read_image;
pub use media::read_media_event;
pub use models::{model_entry, model_list};
pub use moderations::read_moderation;
pub use plain::PlainRequest;
pub use responses::{
    Again, Ending as ResponsesEnding, IdOf, Previous, ResponsesRequest, ToldError, is_over,
    read_event as read_response_event, read_items, read_responses, response_ids, told_again,
    told_error, told_whole,
};
pub(in crate::protocols) use responses::{OWN_REASONING, part};
pub use speech::{read_speech, speech_usage};
pub use spoken::{Aloud, Sound, Voice, aloud, voice, with_sound};
pub use stream_options::StreamOptions;
pub use transcripts::{cue_text, last_end};
pub use usage::{read_response_usage, read_usage, whole_seconds};
