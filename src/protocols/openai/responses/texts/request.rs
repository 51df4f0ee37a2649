/*! Texts of a request for a response. */

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
        // The second is that of a conversation, the last is vLLM's: what was said before.
        ("input" | "items" | "previous_input_messages", Kind::Array) => {
            reader.array(|reader| item(walk, reader))
        }
        ("input", _) => walk.strings(reader, Origin::User),
        // Only an id that the gateway has made goes on.
        ("previous_response_id" | "conversation", _) => reader.skip().map(drop),
        ("instructions", _) => walk.strings(reader, Origin::System),
        ("tools", Kind::Array) => reader.array(|reader| tool(walk, reader)),
        ("text", _) => walk.format(reader),
        (
            // What Azure and others let the provider look up.
            "data_sources" | "search_parameters" | "plugins" | "mcp_servers",
            _,
        ) => walk.provider_tools(reader),
        (name, _) if is_structural(name) => walk.names(reader),
        _ => walk.unknown(reader, key, Origin::Other),
    }
}

fn is_structural(name: &str) -> bool {
    matches!(
        name,
        // Numbers with many digits may be what they say.
        "seed"
            | "temperature"
            | "top_p"
            | "top_k"
            | "top_logprobs"
            | "max_output_tokens"
            | "max_tool_calls"
            | "include"
            | "reasoning"
            | "service_tier"
            | "stream_options"
            | "tool_choice"
            | "truncation"
            | "context_management"
            | "prompt_cache_retention"
            | "prompt_cache_options"
    )
}

fn item<'a>(walk: &mut Walk<'_, 'a>, reader: &mut Reader<'a>) -> Result<(), Error> {
    if reader.kind()? != Kind::Object {
        return walk.strings(reader, Origin::Other);
    }
    let [kind, role] = peek(reader, ["type", "role"]);
    let origin = origin(&kind, &role);
    let result = match origin {
        // What a tool of the provider's has found or answered, beside what it was asked.
        Origin::ToolCall => Origin::ToolResult,
        other => other,
    };
    reader.object(|reader, key| match (key.value().as_ref(), reader.kind()?) {
        ("content" | "summary" | "output", Kind::Array) => {
            reader.array(|reader| part(walk, reader, result))
        }
        // A screenshot.
        ("output", Kind::Object) => part(walk, reader, result),
        ("output" | "outputs" | "results" | "result" | "error", _)
            if kind != "image_generation_call" =>
        {
            walk.with_media(reader, known, result)
        }
        ("arguments", _) => walk.arguments(reader),
        ("input" | "code" | "action" | "operation", _) => {
            walk.with_media(reader, known, Origin::ToolCall)
        }
        ("pending_safety_checks" | "acknowledged_safety_checks", _) => {
            walk.by_key(reader, known, origin)
        }
        ("result", Kind::String) if kind == "image_generation_call" => walk.inline(reader),
        ("tools", Kind::Array) => reader.array(|reader| match kind.as_ref() {
            // What a server has said of its tools.
            "mcp_list_tools" => walk.by_key(reader, definition, Origin::ToolResult),
            _ => tool(walk, reader),
        }),
        _ => medium(walk, reader, key, origin),
    })
}

/// Whose an item is.
fn origin(kind: &str, role: &str) -> Origin {
    match (kind, role) {
        _ if kind.ends_with("_output") => Origin::ToolResult,
        (_, "system" | "developer") => Origin::System,
        (_, "user") => Origin::User,
        (_, "assistant") => Origin::Assistant,
        ("reasoning", _) => Origin::Reasoning,
        _ if kind.ends_with("_call") => Origin::ToolCall,
        _ => Origin::Other,
    }
}

/// One part of a content, or of what a tool has answered; `origin` is whose it is.
fn part<'a>(walk: &mut Walk<'_, 'a>, reader: &mut Reader<'a>, origin: Origin) -> Result<(), Error> {
    if reader.kind()? != Kind::Object {
        return walk.strings(reader, origin);
    }
    reader.object(|reader, key| match (key.value().as_ref(), reader.kind()?) {
        ("text" | "refusal", _) => walk.strings(reader, origin),
        ("input_audio", Kind::Object) => reader.object(|reader, key| sound(walk, reader, key)),
        ("annotations", _) => walk.with_media(reader, known, origin),
        _ => medium(walk, reader, key, origin),
    })
}

/// A member of an image or a file, or another one.
fn medium<'a>(
    walk: &mut Walk<'_, 'a>,
    reader: &mut Reader<'a>,
    key: &Key<'a>,
    origin: Origin,
) -> Result<(), Error> {
    match (key.value().as_ref(), reader.kind()?) {
        ("image_url" | "file_url" | "url", _) => walk.url(reader),
        ("file_id", _) => walk.remote_id(reader),
        ("filename", _) => walk.strings(reader, Origin::FileName),
        ("file_data", Kind::String) => walk.inline(reader),
        (name, kind) => match known(name, kind) {
            Member::Text | Member::Url => walk.unknown(reader, key, origin),
            member => walk.read(reader, member, origin),
        },
    }
}

/// A member of a sound.
fn sound<'a>(walk: &mut Walk<'_, 'a>, reader: &mut Reader<'a>, key: &Key<'a>) -> Result<(), Error> {
    match (key.value().as_ref(), reader.kind()?) {
        ("data", Kind::String) => walk.inline(reader),
        ("format", _) => walk.names(reader),
        _ => walk.unknown(reader, key, Origin::Other),
    }
}

fn tool<'a>(walk: &mut Walk<'_, 'a>, reader: &mut Reader<'a>) -> Result<(), Error> {
    if reader.kind()? != Kind::Object {
        walk.unscannable(Unscannable::Tools);
        return walk.strings(reader, Origin::Definition);
    }
    let [kind] = peek(reader, ["type"]);
    let is_namespace = kind == "namespace";
    if !is_run_by_caller(&kind) {
        walk.unscannable(Unscannable::Tools);
    }
    reader.object(|reader, key| match (key.value().as_ref(), reader.kind()?) {
        ("tools", Kind::Array) if is_namespace => reader.array(|reader| tool(walk, reader)),
        ("type", _) => walk.names(reader),
        ("server_url", _) => walk.strings(reader, Origin::Url),
        ("authorization", _) => walk.read(reader, Member::Token, Origin::Other),
        ("vector_store_ids", _) => walk.read(reader, Member::Id, Origin::Other),
        (name, own) => match definition(name, own) {
            Member::Text => {
                walk.key(key, Origin::Definition);
                walk.by_key(reader, definition, Origin::Definition)
            }
            member => walk.read(reader, member, Origin::Definition),
        },
    })
}

/// Whether the caller runs a tool and sends what it answers, which is read then.
fn is_run_by_caller(kind: &str) -> bool {
    matches!(
        kind,
        "function" | "custom" | "namespace" | "local_shell" | "apply_patch"
    )
}
