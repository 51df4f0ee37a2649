/*! `POST /v1/responses`: the request, by span.

Tenants share the provider's account, and an id of one would open what is stored for another. So
nothing that is stored may be named, and nothing gets stored, unless the gateway tells ids of its
own: `previous_response_id`, `conversation` and `background` are read here, and judged there. */

mod adapt;
mod again;
mod answer;
mod conversation;
mod ending;
mod input;
mod kept;
mod pieces;
mod stored;
pub(in crate::protocols) mod texts;

pub use again::{Again, told_again, told_whole};
pub use answer::read_event;
pub use conversation::read_items;
pub use ending::Ending;
pub use kept::{IdOf, Previous, ToldError, is_over, response_ids, told_error};
pub(in crate::protocols) use pieces::{part, place};
pub(in crate::protocols) use stored::OWN_REASONING;

use super::fields::Limit;
use crate::json::{Key, Kind, Reader, Span, fold};
use crate::protocols::members::Members;
use crate::protocols::reading::{self, MISSING, Stop, field, unsupported};
use crate::protocols::shared::skip_member;
use crate::protocols::{Refusal, Traits};
use crate::tokens::{Prompt, framing};
use std::borrow::Cow;

/// The keys that are read, here, by the guards or for translation: a duplicate of one in any
/// object is refused. At most 64.
fn watched(key: &[u8]) -> Option<(&'static str, u8)> {
    // A match compiles to a jump by length; keys are looked up in every object.
    Some(match key {
        b"model" => ("model", 0),
        b"input" => ("input", 1),
        b"instructions" => ("instructions", 2),
        b"stream" => ("stream", 3),
        b"store" => ("store", 4),
        b"background" => ("background", 5),
        b"background_options" => ("background_options", 6),
        b"previous_response_id" => ("previous_response_id", 7),
        b"conversation" => ("conversation", 8),
        b"prompt" => ("prompt", 9),
        b"max_output_tokens" => ("max_output_tokens", 10),
        b"tools" => ("tools", 11),
        b"text" => ("text", 12),
        b"type" => ("type", 13),
        b"role" => ("role", 14),
        b"content" => ("content", 15),
        b"output" => ("output", 16),
        b"summary" => ("summary", 17),
        b"arguments" => ("arguments", 18),
        b"id" => ("id", 19),
        b"call_id" => ("call_id", 20),
        b"name" => ("name", 21),
        b"refusal" => ("refusal", 22),
        b"image_url" => ("image_url", 23),
        b"detail" => ("detail", 24),
        b"input_audio" => ("input_audio", 25),
        b"data" => ("data", 26),
        b"format" => ("format", 27),
        b"file_id" => ("file_id", 28),
        b"file_data" => ("file_data", 29),
        b"file_url" => ("file_url", 30),
        b"filename" => ("filename", 31),
        b"result" => ("result", 32),
        b"description" => ("description", 33),
        b"parameters" => ("parameters", 34),
        b"schema" => ("schema", 35),
        b"url" => ("url", 36),
        b"code" => ("code", 37),
        b"action" => ("action", 38),
        b"status" => ("status", 39),
        b"encrypted_content" => ("encrypted_content", 40),
        b"prompt_cache_options" => ("prompt_cache_options", 41),
        b"comparison_response_id" => ("comparison_response_id", 42),
        b"previous_input_messages" => ("previous_input_messages", 43),
        b"temperature" => ("temperature", 44),
        b"top_p" => ("top_p", 45),
        b"top_k" => ("top_k", 46),
        b"tool_choice" => ("tool_choice", 47),
        b"parallel_tool_calls" => ("parallel_tool_calls", 48),
        b"reasoning" => ("reasoning", 49),
        b"effort" => ("effort", 50),
        b"verbosity" => ("verbosity", 51),
        b"user" => ("user", 52),
        b"safety_identifier" => ("safety_identifier", 53),
        b"service_tier" => ("service_tier", 54),
        b"strict" => ("strict", 55),
        b"truncation" => ("truncation", 56),
        b"include" => ("include", 57),
        b"prompt_cache_key" => ("prompt_cache_key", 58),
        b"prompt_cache_retention" => ("prompt_cache_retention", 59),
        _ => return None,
    })
}

/// What Tollgate reads of a request for a response.
#[derive(Debug)]
pub struct ResponsesRequest<'a> {
    /// The model asked for.
    pub model: Cow<'a, str>,
    /// What is asked of it.
    pub traits: Traits,
    /// The response that it goes on from.
    pub previous: Option<Previous<'a>>,
    /// The conversation that it belongs to.
    pub conversation: Option<Previous<'a>>,
    /// Whether the answer need not be waited for.
    pub background: bool,
    model_span: Span,
    max_output_tokens: Limit,
    store: Store,
    /// Where items stand that no provider knows.
    foreign: Vec<Span>,
    members: Members<'a>,
}

/// What the request says about keeping the response at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Store {
    /// Nothing: the provider would keep it.
    #[default]
    Absent,
    /// `true` or null, standing at the span.
    Yes(Span),
    No,
}

#[derive(Default)]
struct Draft<'a> {
    model: Option<(Cow<'a, str>, Span)>,
    traits: Traits,
    input: bool,
    max_output_tokens: Limit,
    store: Store,
    foreign: Vec<Span>,
    previous: Option<Previous<'a>>,
    conversation: Option<Previous<'a>>,
    background: bool,
}

/// Reads a request for a response in one pass; its text is added to `text`.
///
/// # Errors
/// A 400 that says what is wrong: the JSON, a type, a missing field, a field that names what the
/// provider has stored.
pub fn read_responses(body: &[u8], text: Prompt) -> Result<ResponsesRequest<'_>, Refusal> {
    read(body, text).map_err(|stop| stop.told(body))
}

fn read(body: &[u8], text: Prompt) -> Result<ResponsesRequest<'_>, Stop> {
    let mut draft = Draft::default();
    draft.traits.text = text;
    let members = Members::read(body, watched, |reader, key| draft.member(reader, key))?;
    draft.finish(members)
}

impl ResponsesRequest<'_> {
    /// Whether the provider is to keep the response.
    pub const fn stores(&self) -> bool {
        !matches!(self.store, Store::No)
    }
}

impl Store {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Stop> {
        let start = reader.offset();
        let null = reader.kind()? == Kind::Null;
        let stores = reading::flag(reader, "store")? || null;
        let end = reader.offset();
        Ok(match stores {
            true => Self::Yes(Span { start, end }),
            false => Self::No,
        })
    }
}

impl<'a> Draft<'a> {
    fn finish(mut self, members: Members<'a>) -> Result<ResponsesRequest<'a>, Stop> {
        let Some((model, model_span)) = self.model else {
            return field("model", MISSING);
        };
        if !self.input {
            return field("input", MISSING);
        }
        if self.previous.is_some() && self.conversation.is_some() {
            return field("conversation", "can't stand beside 'previous_response_id'");
        }
        self.traits.max_output = self.max_output_tokens.tokens();
        self.traits.add_framing(framing::REQUEST);
        Ok(ResponsesRequest {
            model,
            traits: self.traits,
            previous: self.previous,
            conversation: self.conversation,
            background: self.background,
            model_span,
            max_output_tokens: self.max_output_tokens,
            store: self.store,
            foreign: self.foreign,
            members,
        })
    }

    fn member(&mut self, reader: &mut Reader<'a>, key: &Key<'a>) -> Result<(), Stop> {
        match (key.value().as_ref(), reader.kind()?) {
            ("model", _) => self.model = Some(reading::model(reader)?),
            ("input", kind) => {
                self.input = kind != Kind::Null;
                self.foreign = input::read(reader, &mut self.traits)?;
            }
            ("instructions", kind) => {
                if kind != Kind::Null {
                    self.traits.add_framing(framing::MESSAGE);
                }
                self.traits.add_text(reader)?;
            }
            ("stream", _) => self.traits.stream = reading::flag(reader, "stream")?,
            ("store", _) => self.store = Store::read(reader)?,
            ("background", _) => self.background = reading::flag(reader, "background")?,
            ("previous_response_id", _) => self.previous = Previous::read(reader)?,
            ("conversation", _) => self.conversation = Previous::conversation(reader)?,
            (name, kind) if is_stored(name) => {
                if kind != Kind::Null {
                    return unsupported(name);
                }
                reader.skip()?;
            }
            ("prompt_cache_options", Kind::Object) => cache_options(reader)?,
            ("max_output_tokens", _) => {
                self.max_output_tokens = Limit::read(reader, "max_output_tokens")?;
            }
            ("tools", _) => {
                self.traits
                    .add_tools(reader, "tools", framing::OPENAI_TOOLS)?;
            }
            // vLLM's.
            ("previous_input_messages", _) => self.traits.add_member(reader, key)?,
            // How the answer shall look: its format holds a schema.
            ("text", _) => self.traits.add_schema(reader)?,
            _ => skip_member(reader, key)?,
        }
        Ok(())
    }
}

/// How prompts are cached. They may be compared with those of another response.
fn cache_options(reader: &mut Reader<'_>) -> Result<(), Stop> {
    reader.object_strict(|reader, key| {
        if key.value() == "comparison_response_id" && reader.kind()? != Kind::Null {
            return unsupported("prompt_cache_options.comparison_response_id");
        }
        reader.skip().map(drop).map_err(Stop::from)
    })
}

/// Fields that name what the provider has stored.
fn is_stored(name: &str) -> bool {
    // The last is Foundry's, an agent of the operator's project. Some parsers take keys in any case;
    // those of the others are watched.
    matches!(name, "prompt" | "background_options") || fold(name) == "agent"
}

#[cfg(test)]
mod tests;
