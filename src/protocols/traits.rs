/*! What a request asks of a model, whatever its protocol. */

use crate::ledger::{Kinds, Usage};

/// What a request asks of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traits {
    /// Whether the answer shall be a stream.
    pub stream: bool,
    /// Bytes of text in the prompt: messages, system prompts and tool definitions, without
    /// images, sounds and files.
    pub text_bytes: u64,
    /// The longest answer asked for, in tokens.
    pub max_output: Option<u64>,
    /// How many answers are asked for, at least 1.
    pub answers: u64,
    /// Whether tools are offered.
    pub tools: bool,
    /// Whether there is an image.
    pub image: bool,
    /// Whether there is sound.
    pub audio: bool,
    /// Whether there is a file.
    pub file: bool,
    /// Whether the answer may be sound.
    pub audio_output: bool,
    /// Whether the provider is asked to keep parts of the prompt in its cache.
    pub cache: bool,
}

impl Default for Traits {
    fn default() -> Self {
        Self {
            stream: false,
            text_bytes: 0,
            max_output: None,
            answers: 1,
            tools: false,
            image: false,
            audio: false,
            file: false,
            audio_output: false,
            cache: false,
        }
    }
}

impl Traits {
    /// Tokens of the prompt, estimated.
    pub const fn prompt_tokens(&self) -> u64 {
        Usage::estimate(self.text_bytes)
    }

    /// What it may be charged for besides text.
    pub const fn kinds(&self) -> Kinds {
        Kinds {
            cache: self.cache,
            audio_input: self.audio,
            audio_output: self.audio_output,
            image: self.image,
        }
    }
}
