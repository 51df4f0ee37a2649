/*! Texts of a request for chat completions. */

use super::known;
use crate::json::{Error, Key, Kind, Reader};
use crate::protocols::texts::{
    Found, Member, Origin, Unscannable, Walk, definition, peek, walk_request,
};

pub(in crate::protocols) fn request<'a>(
    body: &'a [u8],
    visit: &mut dyn FnMut(Found<'a>),
) -> Result<(), Error> {
    walk_request(body, visit, member)
}

fn member<'a>(
    walk: &mut Walk<'_, 'a>,
    reader: &mut Reader<'a>,
    key: &Key<'a>,
) -> Result<(), Error> {
    match (key.value().as_ref(), reader.kind()?) {
        ("messages", Kind::Array) => reader.array(|reader| message(walk, reader)),
        ("tools", Kind::Array) => reader.array(|reader| tool(walk, reader)),
        ("functions", _) => walk.by_key(reader, definition, Origin::Definition),
        ("response_format", _) => walk.format(reader),
        ("prediction", _) => walk.by_key(reader, known, Origin::Other),
        (
            // OpenAI's
            "web_search_options"
            // OpenRouter's, xAI's, Azure's, Alibaba's, LiteLLM's
            | "plugins" | "search_parameters" | "data_sources" | "enable_search" | "mcp_servers",
            _,
        ) => walk.provider_tools(reader),
        (name, _) if is_structural(name) => walk.names(reader),
        _ => walk.unknown(reader, key, Origin::Other),
    }
}

fn is_structural(name: &str) -> bool {
    matches!(
        name,
        "models"
            // Numbers with many digits may be what they say.
            | "seed"
            | "temperature"
            | "top_p"
            | "top_k"
            | "n"
            | "max_tokens"
            | "max_completion_tokens"
            | "top_logprobs"
            | "modalities"
            | "audio"
            | "service_tier"
            | "reasoning_effort"
            | "reasoning"
            | "verbosity"
            | "stream_options"
            | "tool_choice"
            | "function_call"
            | "logit_bias"
            | "cache_control"
            | "prompt_cache_retention"
    )
}

fn message<'a>(walk: &mut Walk<'_, 'a>, reader: &mut Reader<'a>) -> Result<(), Error> {
    if reader.kind()? != Kind::Object {
        return walk.strings(reader, Origin::Other);
    }
    let [role] = peek(reader, ["role"]);
    let origin = match role.as_ref() {
        "system" | "developer" => Origin::System,
        "user" => Origin::User,
        "assistant" => Origin::Assistant,
        "tool" | "function" => Origin::ToolResult,
        _ => Origin::Other,
    };
    reader.object(|reader, key| match (key.value().as_ref(), reader.kind()?) {
        ("role" | "cache_control", _) => walk.read(reader, Member::Name, origin),
        ("tool_call_id", _) => walk.read(reader, Member::Id, origin),
        ("content", Kind::Array) => reader.array(|reader| part(walk, reader, origin)),
        // The name of a person, or of who else speaks.
        ("content" | "refusal" | "name", _) => walk.strings(reader, origin),
        ("reasoning" | "reasoning_content" | "reasoning_details", _) => {
            walk.by_key(reader, known, Origin::Reasoning)
        }
        ("tool_calls", Kind::Array) => reader.array(|reader| call(walk, reader)),
        ("function_call", Kind::Object) => call(walk, reader),
        // A sound that the model has made before.
        ("audio", Kind::Object) => {
            walk.unscannable(Unscannable::Remote);
            walk.read(reader, Member::Id, origin)
        }
        ("annotations", _) => walk.by_key(reader, known, origin),
        _ => walk.unknown(reader, key, origin),
    })
}

/// A call of a tool, or what is said of it one level deeper.
fn call<'a>(walk: &mut Walk<'_, 'a>, reader: &mut Reader<'a>) -> Result<(), Error> {
    if reader.kind()? != Kind::Object {
        return walk.strings(reader, Origin::ToolCall);
    }
    reader.object(|reader, key| match (key.value().as_ref(), reader.kind()?) {
        ("id", _) => walk.read(reader, Member::Id, Origin::ToolCall),
        ("type" | "index" | "name", _) => walk.names(reader),
        ("function" | "custom", Kind::Object) => call(walk, reader),
        ("arguments", _) => walk.arguments(reader),
        ("input", _) => walk.strings(reader, Origin::ToolCall),
        // Gemini's signatures.
        ("extra_content", _) => walk.by_key(reader, known, Origin::ToolCall),
        _ => walk.unknown(reader, key, Origin::ToolCall),
    })
}

/// One part of a content array; `origin` is whose message it is.
fn part<'a>(walk: &mut Walk<'_, 'a>, reader: &mut Reader<'a>, origin: Origin) -> Result<(), Error> {
    if reader.kind()? != Kind::Object {
        return walk.strings(reader, origin);
    }
    reader.object(|reader, key| match (key.value().as_ref(), reader.kind()?) {
        ("type" | "cache_control", _) => walk.names(reader),
        ("text" | "refusal", _) => walk.strings(reader, origin),
        ("thinking", _) => walk.by_key(reader, known, Origin::Reasoning),
        // The last two are of vLLM and others.
        ("image_url" | "video_url" | "audio_url", Kind::String) => walk.url(reader),
        ("image_url" | "video_url" | "audio_url" | "input_audio" | "file", Kind::Object) => {
            reader.object(|reader, key| medium(walk, reader, key))
        }
        _ => walk.unknown(reader, key, origin),
    })
}

/// A member of an image, a sound or a file. Some providers' parsers take keys in any case.
fn medium<'a>(
    walk: &mut Walk<'_, 'a>,
    reader: &mut Reader<'a>,
    key: &Key<'a>,
) -> Result<(), Error> {
    match (key.value().to_ascii_lowercase().as_str(), reader.kind()?) {
        ("url", _) => walk.url(reader),
        ("file_id", _) => walk.remote_id(reader),
        ("filename", _) => walk.strings(reader, Origin::FileName),
        ("data" | "file_data", Kind::String) => walk.inline(reader),
        ("detail" | "format", _) => walk.names(reader),
        _ => walk.unknown(reader, key, Origin::Other),
    }
}

fn tool<'a>(walk: &mut Walk<'_, 'a>, reader: &mut Reader<'a>) -> Result<(), Error> {
    let [kind] = peek(reader, ["type"]);
    let mut is_function = matches!(kind.as_ref(), "function" | "custom");
    if reader.kind()? == Kind::Object {
        reader.object(|reader, key| {
            let name = key.value();
            is_function |= kind.is_empty() && name == "function";
            match (name.as_ref(), reader.kind()?) {
                ("type" | "cache_control", _) => walk.names(reader),
                _ => {
                    walk.key(key, Origin::Definition);
                    walk.by_key(reader, definition, Origin::Definition)
                }
            }
        })?;
    } else {
        walk.strings(reader, Origin::Definition)?;
    }
    if !is_function {
        walk.unscannable(Unscannable::Tools);
    }
    Ok(())
}
