/*! Ending a stream before its provider does: the events that make it whole. */

use super::{Protocol, anthropic, openai};
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
    /// Of OpenAI's chunks.
    OpenAi(openai::Ending),
    /// Of Anthropic's events.
    Anthropic(anthropic::Ending),
}

impl Ending {
    /// For a stream that begins; `model` is the name that the caller is told instead of the
    /// provider's.
    pub fn new(protocol: Protocol, model: Option<&str>) -> Self {
        match protocol {
            Protocol::OpenAi => Self::OpenAi(openai::Ending::new(model)),
            Protocol::Anthropic => Self::Anthropic(anthropic::Ending::default()),
        }
    }

    /// Follows one event, by its data. What is no event of the protocol changes nothing.
    pub fn note(&mut self, data: &[u8]) {
        match self {
            Self::OpenAi(ending) => ending.note(data),
            Self::Anthropic(ending) => ending.note(data),
        }
    }

    /// Whether an answer has begun and is not whole: only then is there something to end.
    pub const fn is_open(&self) -> bool {
        match self {
            Self::OpenAi(ending) => ending.is_open(),
            Self::Anthropic(ending) => ending.is_open(),
        }
    }

    /// The events that end the stream where it stands, the last of them the protocol's last.
    pub fn events(&self, reason: EndReason, told: &EndUsage) -> Vec<u8> {
        match self {
            Self::OpenAi(ending) => ending.events(reason, told),
            Self::Anthropic(ending) => ending.events(reason, told),
        }
    }
}

#[cfg(test)]
mod tests;
