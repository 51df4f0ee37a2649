/*! `POST /v1/completions`: the request, by span. */

mod adapt;
pub(super) mod prompt;
pub(in crate::protocols) mod texts;

use super::StreamOptions;
use super::fields::{Limit, answers};
use crate::json::{Key, Reader, Span};
use crate::protocols::members::Members;
use crate::protocols::reading::{self, MISSING, Stop, field};
use crate::protocols::shared::skip_member;
use crate::protocols::{Refusal, Traits};
use crate::tokens::{Prompt, framing};
use std::borrow::Cow;

/// The keys that are read, here or by the guards: a duplicate of one in any object is refused.
/// At most 64.
fn watched(key: &[u8]) -> Option<(&'static str, u8)> {
    Some(match key {
        b"model" => ("model", 0),
        b"prompt" => ("prompt", 1),
        b"stream" => ("stream", 2),
        b"stream_options" => ("stream_options", 3),
        b"include_usage" => ("include_usage", 4),
        b"n" => ("n", 5),
        b"best_of" => ("best_of", 6),
        b"max_tokens" => ("max_tokens", 7),
        b"suffix" => ("suffix", 8),
        b"response_format" => ("response_format", 9),
        b"stop" => ("stop", 10),
        b"user" => ("user", 11),
        b"echo" => ("echo", 12),
        _ => return None,
    })
}

/// Tokens of an answer where the request says nothing: the default of `max_tokens` in OpenAI's
/// API reference.
const USUAL_OUTPUT: u64 = 16;

/// What Tollgate reads of a request for completions.
#[derive(Debug)]
pub struct CompletionRequest<'a> {
    /// The model asked for.
    pub model: Cow<'a, str>,
    /// What is asked of it. An answer is one of one prompt: `answers` counts those of all.
    pub traits: Traits,
    /// How usage in a stream was asked for.
    pub stream_options: StreamOptions,
    model_span: Span,
    max_tokens: Limit,
    members: Members<'a>,
}

#[derive(Default)]
struct Draft<'a> {
    model: Option<(Cow<'a, str>, Span)>,
    traits: Traits,
    stream_options: Option<StreamOptions>,
    /// How many prompts there are, each of which gets its own answers.
    prompts: Option<u64>,
    n: u64,
    best_of: u64,
    /// Whether answers begin with their prompt.
    echo: bool,
    max_tokens: Limit,
}

/// Reads a request for completions in one pass; its text is added to `text`.
///
/// # Errors
/// A 400 that says what is wrong: the JSON, a type, a missing field.
pub fn read_completion(body: &[u8], text: Prompt) -> Result<CompletionRequest<'_>, Refusal> {
    read(body, text).map_err(|stop| stop.told(body))
}

fn read(body: &[u8], text: Prompt) -> Result<CompletionRequest<'_>, Stop> {
    let mut draft = Draft::default();
    draft.traits.text = text;
    let members = Members::read(body, watched, |reader, key| draft.member(reader, key))?;
    draft.finish(members)
}

impl<'a> Draft<'a> {
    fn finish(mut self, members: Members<'a>) -> Result<CompletionRequest<'a>, Stop> {
        let Some((model, model_span)) = self.model else {
            return field("model", MISSING);
        };
        let Some(prompts) = self.prompts else {
            return field("prompt", MISSING);
        };
        // All of the `best_of` are written and charged, though only `n` are told.
        let each = self.n.max(self.best_of).max(1);
        self.traits.answers = prompts.saturating_mul(each);
        self.traits.echoes = if self.echo { self.n.max(1) } else { 0 };
        self.traits.max_output = self.max_tokens.tokens();
        self.traits.usual_output = Some(USUAL_OUTPUT);
        self.traits.add_framing(framing::REQUEST);
        Ok(CompletionRequest {
            model,
            traits: self.traits,
            stream_options: self.stream_options.unwrap_or(StreamOptions::Absent),
            model_span,
            max_tokens: self.max_tokens,
            members,
        })
    }

    fn member(&mut self, reader: &mut Reader<'a>, key: &Key<'a>) -> Result<(), Stop> {
        match key.value().as_ref() {
            "model" => self.model = Some(reading::model(reader)?),
            "prompt" => self.prompts = Some(prompt::read(reader, &mut self.traits, "prompt")?),
            "suffix" => self.traits.add_text(reader)?,
            "stream" => self.traits.stream = reading::flag(reader, "stream")?,
            "stream_options" => self.stream_options = Some(StreamOptions::read(reader)?),
            "n" => self.n = answers(reader, "n")?,
            "best_of" => self.best_of = answers(reader, "best_of")?,
            "echo" => self.echo = reading::flag(reader, "echo")?,
            "max_tokens" => self.max_tokens = Limit::read(reader, "max_tokens")?,
            // vLLM's.
            "response_format" => self.traits.add_schema(reader)?,
            _ => skip_member(reader, key)?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
