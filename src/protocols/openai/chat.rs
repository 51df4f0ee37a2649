/*! `POST /v1/chat/completions`: the request, by span. */

mod adapt;

pub use adapt::Adapt;

use super::StreamOptions;
use super::fields::{Limit, answers, strings};
use crate::json::{Key, Kind, Reader, Span, Text};
use crate::protocols::members::Members;
use crate::protocols::reading::{self, MISSING, Stop, field};
use crate::protocols::shared::skip_member;
use crate::protocols::{Refusal, Traits};
use crate::tokens::{Prompt, framing, media};
use std::borrow::Cow;

/// The keys that are read, here, in translation or by the guards that scan messages: a
/// duplicate of one in any object is refused. At most 64.
fn watched(key: &[u8]) -> Option<(&'static str, u8)> {
    // A match compiles to a jump by length; keys are looked up in every object.
    Some(match key {
        b"model" => ("model", 0),
        b"messages" => ("messages", 1),
        b"stream" => ("stream", 2),
        b"stream_options" => ("stream_options", 3),
        b"include_usage" => ("include_usage", 4),
        b"n" => ("n", 5),
        b"max_tokens" => ("max_tokens", 6),
        b"max_completion_tokens" => ("max_completion_tokens", 7),
        b"role" => ("role", 8),
        b"content" => ("content", 9),
        b"type" => ("type", 10),
        b"text" => ("text", 11),
        b"refusal" => ("refusal", 12),
        b"name" => ("name", 13),
        b"tools" => ("tools", 14),
        b"tool_calls" => ("tool_calls", 15),
        b"tool_call_id" => ("tool_call_id", 16),
        b"function" => ("function", 17),
        b"functions" => ("functions", 18),
        b"function_call" => ("function_call", 19),
        b"arguments" => ("arguments", 20),
        b"image_url" => ("image_url", 21),
        b"input_audio" => ("input_audio", 22),
        b"file" => ("file", 23),
        b"url" => ("url", 24),
        b"detail" => ("detail", 25),
        b"file_id" => ("file_id", 26),
        b"file_data" => ("file_data", 27),
        b"filename" => ("filename", 28),
        b"data" => ("data", 29),
        b"format" => ("format", 30),
        b"id" => ("id", 31),
        b"cache_control" => ("cache_control", 32),
        b"description" => ("description", 33),
        b"parameters" => ("parameters", 34),
        b"strict" => ("strict", 35),
        b"response_format" => ("response_format", 36),
        b"json_schema" => ("json_schema", 37),
        b"schema" => ("schema", 38),
        b"stop" => ("stop", 39),
        b"tool_choice" => ("tool_choice", 40),
        b"parallel_tool_calls" => ("parallel_tool_calls", 41),
        b"temperature" => ("temperature", 42),
        b"top_p" => ("top_p", 43),
        b"top_k" => ("top_k", 44),
        b"reasoning_effort" => ("reasoning_effort", 45),
        b"user" => ("user", 46),
        b"safety_identifier" => ("safety_identifier", 47),
        b"service_tier" => ("service_tier", 48),
        b"audio" => ("audio", 49),
        b"verbosity" => ("verbosity", 50),
        b"prompt_cache_key" => ("prompt_cache_key", 51),
        b"prompt_cache_retention" => ("prompt_cache_retention", 52),
        b"frequency_penalty" => ("frequency_penalty", 53),
        b"presence_penalty" => ("presence_penalty", 54),
        b"seed" => ("seed", 55),
        b"store" => ("store", 56),
        _ => return None,
    })
}

/// What Tollgate reads of a chat request.
#[derive(Debug)]
pub struct ChatRequest<'a> {
    /// The model asked for.
    pub model: Cow<'a, str>,
    /// What is asked of it.
    pub traits: Traits,
    /// How usage in a stream was asked for.
    pub stream_options: StreamOptions,
    model_span: Span,
    max_tokens: Limit,
    max_completion_tokens: Limit,
    /// Where the caller says that the provider shall keep the completion.
    store: Option<Span>,
    members: Members<'a>,
}

#[derive(Default)]
struct Draft<'a> {
    model: Option<(Cow<'a, str>, Span)>,
    traits: Traits,
    stream_options: Option<StreamOptions>,
    messages: bool,
    /// Whether `modalities` names sound; `None`: it does not stand there.
    wants_sound: Option<bool>,
    voice: bool,
    max_tokens: Limit,
    max_completion_tokens: Limit,
    store: Option<Span>,
}

/// Reads a chat request in one pass; its text is added to `text`.
///
/// # Errors
/// A 400 that says what is wrong: the JSON, a type, a missing field.
pub fn read_chat(body: &[u8], text: Prompt) -> Result<ChatRequest<'_>, Refusal> {
    read(body, text).map_err(|stop| stop.told(body))
}

fn read(body: &[u8], text: Prompt) -> Result<ChatRequest<'_>, Stop> {
    let mut draft = Draft::default();
    draft.traits.text = text;
    let members = Members::read(body, watched, |reader, key| draft.member(reader, key))?;
    draft.finish(members)
}

impl<'a> Draft<'a> {
    fn finish(mut self, members: Members<'a>) -> Result<ChatRequest<'a>, Stop> {
        let Some((model, model_span)) = self.model else {
            return field("model", MISSING);
        };
        if !self.messages {
            return field("messages", MISSING);
        }
        let limits = [self.max_tokens, self.max_completion_tokens];
        // Which of two the provider heeds is its own affair: the larger one is safe.
        self.traits.max_output = limits.into_iter().filter_map(Limit::tokens).max();
        self.traits.audio_output = self.wants_sound.unwrap_or(self.voice);
        Ok(ChatRequest {
            model,
            traits: self.traits,
            stream_options: self.stream_options.unwrap_or(StreamOptions::Absent),
            model_span,
            max_tokens: self.max_tokens,
            max_completion_tokens: self.max_completion_tokens,
            store: self.store,
            members,
        })
    }

    fn member(&mut self, reader: &mut Reader<'a>, key: &Key<'a>) -> Result<(), Stop> {
        match key.value().as_ref() {
            "model" => self.model = Some(reading::model(reader)?),
            "messages" => {
                reading::messages(reader, |reader, index| self.message(reader, index))?;
                self.traits.add_framing(framing::REQUEST);
                self.messages = true;
            }
            "stream" => self.traits.stream = reading::flag(reader, "stream")?,
            "stream_options" => self.stream_options = Some(StreamOptions::read(reader)?),
            "n" => self.traits.answers = answers(reader, "n")?,
            "max_tokens" => self.max_tokens = Limit::read(reader, "max_tokens")?,
            "max_completion_tokens" => {
                self.max_completion_tokens = Limit::read(reader, "max_completion_tokens")?;
            }
            "modalities" => self.wants_sound = wants_sound(reader)?,
            // The voice of an answer, which OpenAI demands where it shall be sound.
            "audio" => {
                self.voice = reader.kind()? == Kind::Object;
                self.spoken(reader)?;
            }
            "store" => {
                let start = reader.offset();
                let stores = reading::flag(reader, "store")?;
                let end = reader.offset();
                self.store = stores.then_some(Span { start, end });
            }
            "tools" | "functions" => {
                let path = key.value();
                self.traits
                    .add_tools(reader, &path, framing::OPENAI_TOOLS)?;
            }
            "response_format" => self.traits.add_schema(reader)?,
            // Tools of the provider's, of OpenAI's and others'.
            "web_search_options" | "plugins" | "search_parameters" | "data_sources" => {
                self.traits.uncounted |= reader.kind()? != Kind::Null;
                skip_member(reader, key)?;
            }
            _ => skip_member(reader, key)?,
        }
        Ok(())
    }

    /// How an answer shall sound.
    fn spoken(&mut self, reader: &mut Reader<'a>) -> Result<(), Stop> {
        if reader.kind()? != Kind::Object {
            return reader.skip().map(drop).map_err(Stop::from);
        }
        reader.object(|reader, key| {
            if key.value() == "voice" && reader.kind()? == Kind::Object {
                self.traits.name_kept("audio.voice");
            }
            skip_member(reader, key)
        })
    }

    fn message(&mut self, reader: &mut Reader<'a>, index: usize) -> Result<(), Stop> {
        let mut role = false;
        self.traits.add_framing(framing::MESSAGE);
        reader.object_strict(|reader, key| {
            let kind = reader.kind()?;
            match (key.value().as_ref(), kind) {
                ("role", Kind::String) => {
                    role = true;
                    let _ = reader.string()?;
                }
                ("role", _) => return field(format!("messages[{index}].role"), "must be a string"),
                ("content", Kind::Array) => reader.array(|reader| self.part(reader))?,
                ("content", Kind::String | Kind::Null) => self.traits.add_text(reader)?,
                ("content", _) => {
                    let path = format!("messages[{index}].content");
                    return field(path, "must be a string or an array of parts");
                }
                ("audio", Kind::Object) => self.earlier_sound(reader)?,
                _ => self.traits.add_member(reader, key)?,
            }
            Ok(())
        })?;
        if role {
            Ok(())
        } else {
            field(format!("messages[{index}].role"), MISSING)
        }
    }

    /// Sound of an earlier answer, which its provider keeps.
    fn earlier_sound(&mut self, reader: &mut Reader<'a>) -> Result<(), Stop> {
        let [id] = strings(reader, ["id"])?;
        if id.is_some() {
            self.traits.name_kept("audio.id");
        }
        Ok(())
    }

    /// One part of a content array. Only here and in messages themselves are keys that
    /// differ by case refused: deeper objects can be free-form.
    fn part(&mut self, reader: &mut Reader<'a>) -> Result<(), Stop> {
        if reader.kind()? != Kind::Object {
            return self.traits.add_text(reader);
        }
        reader.object_strict(|reader, key| match (key.value().as_ref(), reader.kind()?) {
            ("type", _) | ("image_url" | "input_audio" | "file", Kind::Null) => {
                reader.skip().map(drop).map_err(Stop::from)
            }
            ("image_url", _) => self.image(reader),
            ("input_audio", _) => self.audio(reader),
            ("file", _) => self.file(reader),
            // Not OpenAI's; it is passed on to providers that know it.
            ("cache_control", kind) => {
                self.traits.cache |= kind != Kind::Null;
                reader.skip().map(drop).map_err(Stop::from)
            }
            _ => self.traits.add_member(reader, key),
        })
    }

    fn image(&mut self, reader: &mut Reader<'a>) -> Result<(), Stop> {
        let [url, detail] = strings(reader, ["url", "detail"])?;
        let tokens = media::openai_image(url.unwrap_or_default(), detail.unwrap_or_default());
        self.traits.image = true;
        self.traits.media.image = self.traits.media.image.saturating_add(tokens);
        Ok(())
    }

    fn audio(&mut self, reader: &mut Reader<'a>) -> Result<(), Stop> {
        let [data] = strings(reader, ["data"])?;
        let tokens = media::audio(data.unwrap_or_default());
        self.traits.audio = true;
        self.traits.media.audio = self.traits.media.audio.saturating_add(tokens);
        Ok(())
    }

    fn file(&mut self, reader: &mut Reader<'a>) -> Result<(), Stop> {
        let (mut data, mut id) = (None, None);
        match reader.kind()? {
            Kind::Object => reader.object(|reader, key| {
                match (key.value().as_ref(), reader.kind()?) {
                    ("file_data", Kind::String) => data = Some(reader.string()?),
                    ("file_id", Kind::String) => id = Some(reader.string()?),
                    _ => skip_member(reader, key)?,
                }
                Ok::<(), Stop>(())
            })?,
            _ => drop(reader.skip()?),
        }
        let tokens = media::file(data.as_ref().map(Text::raw));
        self.traits.file = true;
        if let Some(id) = id {
            self.traits.name_file(&id, tokens);
        }
        self.traits.media.file = self.traits.media.file.saturating_add(tokens);
        Ok(())
    }
}

/// Whether a list of modalities has sound; `None`: it is no list.
pub(super) fn wants_sound(reader: &mut Reader<'_>) -> Result<Option<bool>, Stop> {
    if reader.kind()? != Kind::Array {
        let _ = reader.skip()?;
        return Ok(None);
    }
    let mut sound = false;
    reader.array(|reader| {
        sound |= match reader.kind()? {
            Kind::String => reader.string()?.value() == "audio",
            _ => reader.skip().map(|_| false)?,
        };
        Ok::<(), Stop>(())
    })?;
    Ok(Some(sound))
}

#[cfg(test)]
mod tests;
