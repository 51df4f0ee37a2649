/*! Ending a stream before its provider does: the events that make it whole. */

use super::texts::{self, ChannelKey};
use super::{Api, anthropic, openai};
use crate::json::Edits;
use crate::ledger::Usage;

/// Why an answer is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// It may not become longer.
    Length,
    /// It may not be told.
    Content,
}

/// What is told about usage where a stream is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndUsage {
    /// What the call has used so far.
    pub usage: Usage,
    /// Whether the stream itself has told what the prompt used.
    pub prompt_told: bool,
    /// Whether the caller asked for a report of usage. (Anthropic's streams always have one.)
    pub asked: bool,
}

/// What has to be known of a stream to end it: it follows the events that go to the caller.
/// Bounded, however long the stream is.
#[derive(Debug)]
pub enum Ending {
    /// Of chunks of chat completions.
    ChatCompletions(openai::Ending),
    /// Of chunks of completions.
    Completions(openai::Ending),
    /// Of the events of a response.
    Responses(openai::ResponsesEnding),
    /// Of Anthropic's events.
    Messages(anthropic::Ending),
    /// Of events that have no word for an early end: an error stands there.
    Wordless(Api),
}

impl Ending {
    /// For a stream that begins; `model` is the name that the caller is told instead of the
    /// provider's.
    pub fn new(api: Api, model: Option<&str>) -> Self {
        match api {
            Api::ChatCompletions => {
                Self::ChatCompletions(openai::Ending::new(openai::Shape::Chat, model))
            }
            Api::Completions => Self::Completions(openai::Ending::new(openai::Shape::Text, model)),
            Api::Responses => Self::Responses(openai::ResponsesEnding::new(model)),
            Api::Messages => Self::Messages(anthropic::Ending::default()),
            _ => Self::Wordless(api),
        }
    }

    /// Follows one event, by its data. What is no event of the API changes nothing.
    pub fn note(&mut self, data: &[u8]) {
        match self {
            Self::ChatCompletions(ending) | Self::Completions(ending) => ending.note(data),
            Self::Responses(ending) => ending.note(data),
            Self::Messages(ending) => ending.note(data),
            Self::Wordless(_) => {}
        }
    }

    /// Events that bring the rest of channels, to stand before the event of `data`, which ends
    /// them, or behind it, if it is the last that went on. Chunks get their head from `data`,
    /// with the model's name there.
    pub fn rest(&mut self, data: &[u8], rest: &[(ChannelKey, String)]) -> Vec<u8> {
        match self {
            Self::ChatCompletions(_) => texts::rest_events(Api::ChatCompletions, data, rest),
            Self::Completions(_) => texts::rest_events(Api::Completions, data, rest),
            Self::Responses(ending) => ending.rest(data, rest).into_bytes(),
            Self::Messages(_) => texts::rest_events(Api::Messages, data, rest),
            Self::Wordless(api) => texts::rest_events(*api, data, rest),
        }
    }

    /// The change that an event needs because of those that [`Ending::rest`] has added before
    /// it: Responses number theirs.
    pub fn renumber(&self, data: &[u8], edits: &mut Edits) {
        if let Self::Responses(ending) = self {
            ending.renumber(data, edits);
        }
    }

    /// The number of the next event, where they have one.
    pub const fn next_number(&self) -> u64 {
        match self {
            Self::Responses(ending) => ending.next_number(),
            _ => 0,
        }
    }

    /// Whether an answer has begun and is not whole: only then is there something to end.
    pub const fn is_open(&self) -> bool {
        match self {
            Self::ChatCompletions(ending) | Self::Completions(ending) => ending.is_open(),
            Self::Responses(ending) => ending.is_open(),
            Self::Messages(ending) => ending.is_open(),
            Self::Wordless(_) => false,
        }
    }

    /// The events that end the stream where it stands, the last of them the API's last.
    pub fn events(&self, reason: EndReason, told: &EndUsage) -> Vec<u8> {
        match self {
            Self::ChatCompletions(ending) | Self::Completions(ending) => {
                ending.events(reason, told)
            }
            Self::Responses(ending) => ending.events(reason, told),
            Self::Messages(ending) => ending.events(reason, told),
            Self::Wordless(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
