/*! Translation between the APIs of callers and providers: requests, answers, streams, errors.

Everything goes through one hub of types (`hub`). What the other side has no word for is
refused with its field's name, or left out and listed; `docs/translation.md` has the
tables. With the same API on both sides, what the hub does not hold is lost too: such
bodies are better passed on as they are. */

mod anthropic;
mod bedrock;
mod chat_api;
mod fault;
mod gemini;
mod hub;
mod media;
mod nesting;
mod open_calls;
mod openai;
mod path;
mod responses;
mod stream;
mod text;
mod tree;
mod write;

pub use chat_api::{ChatApi, ProviderApi, translated_into};
pub use stream::Stream;

use super::{Protocol, Refusal};
use crate::ledger::Usage;
use tree::Value;

/// Most bytes of a stream that are held until they can be told in order: the longest
/// arguments of tool calls are below it.
const MAX_HELD: usize = 4 * 1024 * 1024;

/// What a body may grow by before its memory is moved, in bytes.
const SLACK: usize = 4096;

/// The model that a request is translated for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// The provider's name of it.
    pub model: &'a str,
    /// Most output tokens it can write. A caller's larger bound becomes this; so does none
    /// where the provider's protocol demands one.
    pub max_output: Option<u64>,
    /// The bound of callers who have none.
    pub default_output: Option<u64>,
}

impl Target<'_> {
    /// The bound on output, in tokens, where a protocol demands one and neither caller
    /// nor policy has one: the smallest limit of all Claude 3 models.
    pub const DEFAULT_MAX_OUTPUT: u64 = 4096;
}

/// A translated request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translated {
    /// The whole body.
    pub body: Vec<u8>,
    /// Fields that were left out, each once; `other` stands for all unknown ones.
    pub dropped: Vec<&'static str>,
}

/// What an answer tells besides what the provider said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About<'a> {
    /// The model's name in the answer.
    pub model: &'a str,
    /// Unix time in seconds.
    pub created: u64,
    /// Unique to the call; the answer's id where the provider has told none.
    pub id: &'a str,
}

/// What a provider sent is no answer in its protocol. The reason repeats none of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed(
    /// What is wrong, for logs.
    pub &'static str,
);

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}

/// What was left out of a request, each name once.
#[derive(Debug, Default)]
struct Dropped(Vec<&'static str>);

impl Dropped {
    fn note(&mut self, name: &'static str) {
        if !self.0.contains(&name) {
            self.0.push(name);
        }
    }
}

/// Translates a whole request. `body` has been read strictly before (duplicate keys).
///
/// # Errors
/// A 400 that names the field which `to` cannot say (`unsupported_by_provider`), or which
/// is wrong in `from`.
pub fn request(
    from: ChatApi,
    to: ProviderApi,
    body: &[u8],
    target: &Target<'_>,
) -> Result<Translated, Refusal> {
    let value = match from {
        ChatApi::Responses => tree::parse_response_request(body)?,
        ChatApi::Completions | ChatApi::Messages => tree::parse(body)?,
    };
    let mut dropped = Dropped::default();
    let mut request = match from {
        ChatApi::Completions => openai::read_request(&value, &mut dropped)?,
        ChatApi::Responses => responses::read_request(&value, &mut dropped)?,
        ChatApi::Messages => anthropic::read_request(&value, &mut dropped)?,
    };
    request.caller = from;
    // Texts, images and schemas are most of a body, and stay as long as they are.
    let mut written = Vec::with_capacity(body.len().saturating_add(SLACK));
    let write = match to {
        ProviderApi::Chat(ChatApi::Completions) => openai::write_request,
        ProviderApi::Chat(ChatApi::Responses) => responses::write_request,
        ProviderApi::Chat(ChatApi::Messages) => anthropic::write_request,
        ProviderApi::GenerateContent => gemini::write_request,
        ProviderApi::Converse => bedrock::write_request,
    };
    write(&request, target, &mut dropped, &mut written)?;
    Ok(Translated {
        body: written,
        dropped: dropped.0,
    })
}

/// Translates a whole answer with a status of success.
///
/// # Errors
/// The body is no answer in `from`.
pub fn answer(
    from: ProviderApi,
    to: ChatApi,
    body: &[u8],
    about: &About<'_>,
) -> Result<Vec<u8>, Malformed> {
    let value = read_json(body)?;
    let answer = match from {
        ProviderApi::Chat(from) => read_answer(from, &value)?,
        ProviderApi::GenerateContent => gemini::read_answer(&value)?,
        ProviderApi::Converse => bedrock::read_answer(&value)?,
    };
    Ok(match to {
        ChatApi::Completions => openai::write_answer(&answer, about),
        ChatApi::Responses => responses::write_answer(&answer, about),
        ChatApi::Messages => anthropic::write_answer(&answer, about),
    })
}

/// What a whole answer says, and the tools that it calls, as text; empty if it does neither.
///
/// # Errors
/// The body is no answer in `from`.
pub fn said(from: ChatApi, body: &[u8]) -> Result<String, Malformed> {
    let value = read_json(body)?;
    let answer = read_answer(from, &value)?;
    let mut said = answer.text.value().trim().to_owned();
    for call in &answer.calls {
        let line = format!(
            "\nCall of the tool {}: {}",
            call.name.value(),
            call.input.object()
        );
        said.push_str(&line);
    }
    Ok(said)
}

/// The member `"usage":{…}` of an answer.
pub fn usage_member(to: ChatApi, counts: &Usage) -> String {
    let mut member = Vec::new();
    let mut json = write::Writer::new(&mut member);
    let told = hub::Usage::Told(*counts);
    match to {
        ChatApi::Responses => responses::write_usage(&told, &mut json),
        ChatApi::Completions => {
            json.open_member("usage");
            openai::write_usage(counts, &mut json);
            json.close();
        }
        ChatApi::Messages => {
            json.open_member("usage");
            anthropic::write_usage(&told, &mut json);
            json.close();
        }
    }
    // It was made of texts.
    String::from_utf8(member).unwrap_or_default()
}

/// Translates an error, whatever its body is. Returns the status for the caller and the
/// body. Pages in HTML are not passed on; messages are at most 2000 bytes long.
pub fn error(to: Protocol, status: u16, body: &[u8]) -> (u16, Vec<u8>) {
    // The shapes that are read need no telling apart.
    fault::Fault::of_body(status, body).reply(to, status)
}

fn read_answer<'a>(from: ChatApi, value: &Value<'a>) -> Result<hub::Answer<'a>, Malformed> {
    match from {
        ChatApi::Completions => openai::read_answer(value),
        ChatApi::Responses => responses::read_answer(value),
        ChatApi::Messages => anthropic::read_answer(value),
    }
}

fn read_json(text: &[u8]) -> Result<Value<'_>, Malformed> {
    tree::parse(text).map_err(|unread| match unread {
        tree::Unread::Json(_) => Malformed("not JSON"),
        tree::Unread::TooMany => Malformed("too many values"),
    })
}

#[cfg(test)]
mod tests;
