/*! One event of a streamed answer, whatever its API. */

use super::{Api, ReportedUsage, anthropic, openai};
use crate::json::{Error, Span, Text};
use crate::tokens::Stream;

/// How far a stream has come with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// More has to come.
    Goes,
    /// The answer is whole, though its last event may still come.
    Complete,
    /// This is the event that ends streams of the protocol. SDKs hang up here, without
    /// waiting for the end of the body.
    Ended,
    /// It is an error instead of an answer.
    Failed,
}

/// How a response has ended that has not come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// Nothing is told of that.
    No,
    /// It has failed.
    Failed,
    /// It was cancelled.
    Cancelled,
}

/// What an event tells of reasoning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reasoning {
    /// Nothing.
    #[default]
    None,
    /// There is some, of which the text need not be told.
    Begins,
    /// Its text.
    Told,
}

/// What the data of one event holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// How far the stream has come.
    pub progress: Progress,
    /// How a response has ended that has not come to its end.
    pub broken: Broken,
    /// The usage reported so far.
    pub usage: ReportedUsage,
    /// Whether the event reports usage and has room for nothing else.
    pub only_usage: bool,
    /// Bytes of generated text: content, refusal, reasoning, tool arguments.
    pub text_bytes: u64,
    /// Whether the model reasons where it can't be seen.
    pub reasoning: Reasoning,
    /// The value of the answer's `model`, within the data.
    pub model: Option<Span>,
    /// The generated text, within the data, if it is a single string.
    pub text: Option<Span>,
    /// Its number, where events have one.
    pub number: Option<u64>,
}

impl Event {
    /// An event that says nothing.
    pub(super) const NOTHING: Self = Self {
        progress: Progress::Goes,
        broken: Broken::No,
        usage: ReportedUsage::Absent,
        only_usage: false,
        text_bytes: 0,
        reasoning: Reasoning::None,
        model: None,
        text: None,
        number: None,
    };

    /// Notes what a model says in it.
    pub(super) fn say(&mut self, text: &Text<'_>, said: &mut Stream) {
        if !text.is_empty() {
            self.text = (self.text_bytes == 0).then(|| text.span());
        }
        let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
        self.text_bytes = self.text_bytes.saturating_add(length);
        said.push_json(text.raw());
    }
}

/// Reads the events of one stream, in their order.
#[derive(Debug)]
pub enum EventReader {
    /// Chunks of chat completions, or of completions: each speaks for itself.
    Chunks,
    /// The events of a response: each speaks for itself.
    Responses,
    /// The events of sound, transcripts and images: each speaks for itself.
    Media,
    /// Anthropic's events: usage is told in several.
    Messages(anthropic::Counts),
}

impl EventReader {
    /// A reader for a stream that begins.
    pub fn new(api: Api) -> Self {
        match api {
            Api::ChatCompletions
            | Api::Completions
            | Api::Embeddings
            | Api::Moderations
            // What its providers say is read in the caller's API.
            | Api::GenerateContent
            | Api::Converse => Self::Chunks,
            Api::Responses => Self::Responses,
            Api::Speech
            | Api::Transcriptions
            | Api::Translations
            | Api::ImageGenerations
            | Api::ImageEdits
            | Api::ImageVariations => Self::Media,
            Api::Messages | Api::CountTokens => Self::Messages(anthropic::Counts::default()),
        }
    }

    /// Reads the data of one event; what a model says in it goes to `said`.
    ///
    /// # Errors
    /// The data is nothing that the API knows.
    pub fn read(&mut self, data: &[u8], said: &mut Stream) -> Result<Event, Error> {
        match self {
            Self::Chunks => openai::read_event(data, said),
            Self::Responses => openai::read_response_event(data, said),
            Self::Media => openai::read_media_event(data, said),
            Self::Messages(counts) => anthropic::read_event(data, counts, said),
        }
    }
}

/// Duplicates in an answer are the provider's affair: nothing is watched.
pub(super) const fn unwatched(_: &[u8]) -> Option<(&'static str, u8)> {
    None
}
