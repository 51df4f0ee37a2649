/*! Texts of chunks and of whole answers, of completions too: their choices have a `text`. */

use super::known;
use crate::json::{Error, Kind, Reader, Span};
use crate::protocols::openai::answer::DONE;
use crate::protocols::texts::{
    AnswerTexts, ChannelKind, Ends, EventTexts, Member, Speech, answer_reader, index, unless_null,
};

pub(in crate::protocols) fn event(data: &[u8]) -> Result<EventTexts<'_>, Error> {
    if data.trim_ascii_end() == DONE {
        return Ok(EventTexts {
            ends: Ends::All,
            ..EventTexts::default()
        });
    }
    let walk = Walk::read(data)?;
    // A report of usage ends nothing: some servers bring one with every chunk.
    let ends = if walk.failed {
        Ends::All
    } else if walk.finished.is_empty() {
        Ends::Nothing
    } else {
        Ends::Parts(walk.finished)
    };
    Ok(EventTexts {
        said: walk.speech.said,
        signatures: Vec::new(),
        removed: walk.tokens.into_iter().map(|(_, span)| span).collect(),
        ends,
    })
}

pub(in crate::protocols) fn answer(body: &[u8]) -> Result<AnswerTexts<'_>, Error> {
    let walk = Walk::read(body)?;
    Ok(AnswerTexts {
        said: walk.speech.said,
        signatures: Vec::new(),
        logprobs: walk.tokens,
        tokens: Vec::new(),
    })
}

#[derive(Default)]
struct Walk<'a> {
    speech: Speech<'a>,
    /// What says the same as the text, by choice.
    tokens: Vec<(u32, Span)>,
    /// Choices with a reason to finish.
    finished: Vec<u32>,
    failed: bool,
    choices: u32,
}

impl<'a> Walk<'a> {
    fn read(text: &'a [u8]) -> Result<Self, Error> {
        let mut reader = answer_reader(text)?;
        let mut walk = Self::default();
        if reader.kind()? == Kind::Object {
            walk.object(&mut reader)?;
        } else {
            walk.speech.member(&mut reader, Member::Text)?;
        }
        reader.finish()?;
        Ok(walk)
    }

    fn object(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        reader.object(|reader, key| match (key.value().as_ref(), reader.kind()?) {
            ("choices", Kind::Array) => reader.array(|reader| {
                self.choice(reader, self.choices)?;
                self.choices = self.choices.saturating_add(1);
                Ok(())
            }),
            ("usage", _) => self.speech.member(reader, Member::Name),
            // Random, and as long as it has to be to hide how long the text is.
            ("obfuscation", _) => self.speech.member(reader, Member::Encoded),
            ("error", kind) => {
                self.failed |= kind != Kind::Null;
                self.speech.unknown(reader, key)
            }
            ("id" | "system_fingerprint" | "x_groq" | "request_id", _) => {
                self.speech.member(reader, Member::Id)
            }
            (name, _) if is_structural(name) => self.speech.member(reader, Member::Name),
            _ => self.speech.unknown(reader, key),
        })
    }

    /// One choice; `place` is its index if it tells none.
    fn choice(&mut self, reader: &mut Reader<'a>, place: u32) -> Result<(), Error> {
        if reader.kind()? != Kind::Object {
            return self.speech.member(reader, Member::Text);
        }
        let mut part = place;
        let mut finished = false;
        let said = self.speech.mark();
        let tokens = self.tokens.len();
        reader.object(|reader, key| {
            match (key.value().as_ref(), reader.kind()?) {
                ("index", _) => part = index(reader)?.unwrap_or(place),
                ("delta" | "message", Kind::Object) => self.message(reader)?,
                ("text", _) => self.speech.piece(reader, ChannelKind::Text, known)?,
                ("reasoning", _) => self.speech.piece(reader, ChannelKind::Reasoning, known)?,
                // The ids are vLLM's, and so are the probabilities of the prompt.
                ("logprobs" | "token_ids" | "prompt_logprobs" | "prompt_token_ids", _) => {
                    let span = unless_null(reader)?;
                    self.tokens.extend(span.map(|span| (part, span)));
                }
                ("finish_reason", kind) => {
                    // Some servers send "" until there is one.
                    finished = kind == Kind::String && !reader.rest().starts_with(b"\"\"");
                    self.speech.member(reader, Member::Name)?;
                }
                ("native_finish_reason" | "content_filter_results", _) => {
                    self.speech.member(reader, Member::Name)?;
                }
                _ => self.speech.unknown(reader, key)?,
            }
            Ok::<(), Error>(())
        })?;
        self.speech.since(said).for_each(|key| key.part = part);
        let since = self.tokens.iter_mut().skip(tokens);
        since.for_each(|(choice, _)| *choice = part);
        if finished {
            self.finished.push(part);
        }
        Ok(())
    }

    /// A message, or what a chunk adds to it.
    fn message(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        let speech = &mut self.speech;
        reader.object(|reader, key| match (key.value().as_ref(), reader.kind()?) {
            ("content", Kind::Array) => reader.array(|reader| part(speech, reader)),
            ("content", _) => speech.piece(reader, ChannelKind::Text, known),
            ("refusal", _) => speech.piece(reader, ChannelKind::Refusal, known),
            ("reasoning", _) => speech.piece(reader, ChannelKind::Reasoning, known),
            ("reasoning_content", _) => speech.piece(reader, ChannelKind::ReasoningContent, known),
            ("reasoning_details", Kind::Array) => each(speech, reader, detail),
            ("tool_calls", Kind::Array) => each(speech, reader, call),
            ("function_call", Kind::Object) => function(speech, reader, ChannelKind::FunctionCall),
            ("audio", Kind::Object) => audio(speech, reader),
            ("role", _) => speech.member(reader, Member::Name),
            ("annotations" | "images" | "extra_content", _) => speech.own(reader, known),
            _ => speech.unknown(reader, key),
        })
    }
}

fn is_structural(name: &str) -> bool {
    matches!(
        name,
        "object"
            | "created"
            | "model"
            | "service_tier"
            // Of OpenRouter, llama.cpp, Azure, vLLM.
            | "provider"
            | "timings"
            | "prompt_filter_results"
            | "prompt_token_ids"
    )
}

/// One part of a content that is an array, as Mistral writes it.
fn part<'a>(speech: &mut Speech<'a>, reader: &mut Reader<'a>) -> Result<(), Error> {
    if reader.kind()? != Kind::Object {
        return speech.piece(reader, ChannelKind::Text, known);
    }
    reader.object(|reader, key| match (key.value().as_ref(), reader.kind()?) {
        ("text", _) => speech.piece(reader, ChannelKind::Text, known),
        ("refusal", _) => speech.piece(reader, ChannelKind::Refusal, known),
        ("thinking", Kind::Array) => reader.array(|reader| thought(speech, reader)),
        ("thinking", _) => speech.piece(reader, ChannelKind::Reasoning, known),
        ("type", _) => speech.member(reader, Member::Name),
        ("image_url", _) => speech.own(reader, known),
        _ => speech.unknown(reader, key),
    })
}

fn thought<'a>(speech: &mut Speech<'a>, reader: &mut Reader<'a>) -> Result<(), Error> {
    if reader.kind()? != Kind::Object {
        return speech.piece(reader, ChannelKind::Reasoning, known);
    }
    reader.object(|reader, key| match key.value().as_ref() {
        "text" => speech.piece(reader, ChannelKind::Reasoning, known),
        "type" => speech.member(reader, Member::Name),
        _ => speech.unknown(reader, key),
    })
}

/// What is said in sound; the sound itself is no text.
fn audio<'a>(speech: &mut Speech<'a>, reader: &mut Reader<'a>) -> Result<(), Error> {
    reader.object(|reader, key| match key.value().as_ref() {
        "transcript" => speech.piece(reader, ChannelKind::Transcript, known),
        "data" => speech.member(reader, Member::Encoded),
        "id" => speech.member(reader, Member::Id),
        "expires_at" | "format" => speech.member(reader, Member::Name),
        _ => speech.unknown(reader, key),
    })
}

/// Reads an object; returns the index that it tells.
type Item<'a> = fn(&mut Speech<'a>, &mut Reader<'a>) -> Result<Option<u32>, Error>;

/// Reads a list whose objects have an index each; their place if they tell none.
fn each<'a>(speech: &mut Speech<'a>, reader: &mut Reader<'a>, item: Item<'a>) -> Result<(), Error> {
    let mut place = 0_u32;
    reader.array(|reader| {
        let mark = speech.mark();
        let told = if reader.kind()? == Kind::Object {
            item(speech, reader)?
        } else {
            speech.member(reader, Member::Text)?;
            None
        };
        let index = told.unwrap_or(place);
        speech.since(mark).for_each(|key| key.index = index);
        place = place.saturating_add(1);
        Ok(())
    })
}

fn call<'a>(speech: &mut Speech<'a>, reader: &mut Reader<'a>) -> Result<Option<u32>, Error> {
    let mut told = None;
    reader.object(|reader, key| {
        match (key.value().as_ref(), reader.kind()?) {
            ("index", _) => told = index(reader)?,
            ("id", _) => speech.member(reader, Member::Id)?,
            ("type", _) => speech.member(reader, Member::Name)?,
            ("function", Kind::Object) => function(speech, reader, ChannelKind::Arguments)?,
            ("custom", Kind::Object) => function(speech, reader, ChannelKind::CustomInput)?,
            ("extra_content", _) => speech.own(reader, known)?,
            _ => speech.unknown(reader, key)?,
        }
        Ok::<(), Error>(())
    })?;
    Ok(told)
}

/// A name, and what goes to it.
fn function<'a>(
    speech: &mut Speech<'a>,
    reader: &mut Reader<'a>,
    kind: ChannelKind,
) -> Result<(), Error> {
    reader.object(|reader, key| match (key.value().as_ref(), reader.kind()?) {
        ("name", _) => speech.member(reader, Member::Name),
        ("arguments" | "input", Kind::String) => speech.piece(reader, kind, known),
        ("arguments" | "input", _) => speech.json(reader),
        _ => speech.unknown(reader, key),
    })
}

/// One of OpenRouter's details of the reasoning.
fn detail<'a>(speech: &mut Speech<'a>, reader: &mut Reader<'a>) -> Result<Option<u32>, Error> {
    let mut told = None;
    reader.object(|reader, key| {
        match (key.value().as_ref(), reader.kind()?) {
            ("index", _) => told = index(reader)?,
            ("text", _) => speech.piece(reader, ChannelKind::ReasoningText, known)?,
            ("summary", _) => speech.piece(reader, ChannelKind::ReasoningSummary, known)?,
            ("id", _) => speech.member(reader, Member::Id)?,
            ("type" | "format", _) => speech.member(reader, Member::Name)?,
            ("data" | "signature", _) => speech.member(reader, Member::Encoded)?,
            _ => speech.unknown(reader, key)?,
        }
        Ok::<(), Error>(())
    })?;
    Ok(told)
}
