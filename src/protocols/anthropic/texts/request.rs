/*! Texts of a request for a message. */

use super::known;
use crate::json::{Error, Key, Kind, Reader};
use crate::protocols::texts::{
    Found, Member, Origin, Unscannable, Walk, definition, peek, walk_request,
};

/// Deepest nesting of blocks in blocks: results of tools hold documents, and documents hold
/// texts. What is deeper is read without being known.
const MAX_BLOCKS: u32 = 6;

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
        ("system", _) => content(walk, reader, Origin::System, 0),
        ("tools", Kind::Array) => reader.array(|reader| tool(walk, reader)),
        ("output_format" | "output_config", _) => walk.format(reader),
        ("mcp_servers", Kind::Array) => reader.array(|reader| server(walk, reader)),
        // Where the provider runs code.
        ("container", _) => walk.provider_tools(reader),
        (name, _) if is_structural(name) => walk.names(reader),
        _ => walk.unknown(reader, key, Origin::Other),
    }
}

fn is_structural(name: &str) -> bool {
    matches!(
        name,
        // Numbers with many digits may be what they say.
        "max_tokens"
            | "temperature"
            | "top_p"
            | "top_k"
            | "thinking"
            | "tool_choice"
            | "service_tier"
            | "cache_control"
            | "context_management"
            | "inference_geo"
            | "speed"
    )
}

fn message<'a>(walk: &mut Walk<'_, 'a>, reader: &mut Reader<'a>) -> Result<(), Error> {
    if reader.kind()? != Kind::Object {
        return walk.strings(reader, Origin::Other);
    }
    let [role] = peek(reader, ["role"]);
    let origin = match role.as_ref() {
        "user" => Origin::User,
        "assistant" => Origin::Assistant,
        "system" => Origin::System,
        _ => Origin::Other,
    };
    reader.object(|reader, key| match key.value().as_ref() {
        "role" => walk.names(reader),
        "content" => content(walk, reader, origin, 0),
        _ => walk.unknown(reader, key, origin),
    })
}

/// A text, a block, or a list of blocks; `depth` is how many blocks it stands in.
fn content<'a>(
    walk: &mut Walk<'_, 'a>,
    reader: &mut Reader<'a>,
    origin: Origin,
    depth: u32,
) -> Result<(), Error> {
    match reader.kind()? {
        Kind::Array => reader.array(|reader| block(walk, reader, origin, depth)),
        Kind::Object => block(walk, reader, origin, depth),
        _ => walk.strings(reader, origin),
    }
}

fn block<'a>(
    walk: &mut Walk<'_, 'a>,
    reader: &mut Reader<'a>,
    origin: Origin,
    depth: u32,
) -> Result<(), Error> {
    if reader.kind()? != Kind::Object {
        return walk.strings(reader, origin);
    }
    if depth >= MAX_BLOCKS {
        walk.unscannable(Unscannable::Media);
        return walk.strings(reader, origin);
    }
    let [kind] = peek(reader, ["type"]);
    // Documents and what a search has found are by strangers as well.
    let is_found =
        kind.ends_with("tool_result") || matches!(kind.as_ref(), "document" | "search_result");
    let origin = if is_found { Origin::ToolResult } else { origin };
    let inside = depth.saturating_add(1);
    reader.object(|reader, key| match (key.value().as_ref(), reader.kind()?) {
        ("content", _) => content(walk, reader, origin, inside),
        ("source", Kind::Object) => source(walk, reader, origin, inside),
        // Of a search result.
        ("source" | "url", _) => walk.strings(reader, Origin::Url),
        ("title", _) if origin == Origin::ToolResult => walk.strings(reader, origin),
        ("title", _) => walk.strings(reader, Origin::FileName),
        ("thinking", _) => walk.strings(reader, Origin::Reasoning),
        ("input", _) => walk.arguments(reader),
        ("file_id", _) => walk.remote_id(reader),
        ("citations", _) => walk.by_key(reader, known, origin),
        (name, kind) => match known(name, kind) {
            Member::Text => walk.unknown(reader, key, origin),
            member => walk.read(reader, member, origin),
        },
    })
}

/// Where an image or a document is; a document may stand here as text.
fn source<'a>(
    walk: &mut Walk<'_, 'a>,
    reader: &mut Reader<'a>,
    origin: Origin,
    depth: u32,
) -> Result<(), Error> {
    let [kind] = peek(reader, ["type"]);
    reader.object(|reader, key| match (key.value().as_ref(), reader.kind()?) {
        ("data", Kind::String) if kind == "text" => walk.strings(reader, origin),
        ("data", Kind::String) => walk.inline(reader),
        ("content", _) => content(walk, reader, origin, depth),
        ("url", _) => walk.url(reader),
        ("file_id", _) => walk.remote_id(reader),
        ("type" | "media_type", _) => walk.names(reader),
        _ => walk.unknown(reader, key, origin),
    })
}

fn tool<'a>(walk: &mut Walk<'_, 'a>, reader: &mut Reader<'a>) -> Result<(), Error> {
    let [kind] = peek(reader, ["type"]);
    if !is_run_by_caller(&kind) {
        walk.unscannable(Unscannable::Tools);
    }
    walk.by_key(reader, definition, Origin::Definition)
}

/// Whether the caller runs a tool and sends what it answers, which is read then: its own
/// tools, and those that only Anthropic has defined.
fn is_run_by_caller(kind: &str) -> bool {
    const DEFINED: [&str; 4] = ["bash_", "computer_", "memory_", "text_editor_"];
    kind.is_empty() || kind == "custom" || DEFINED.iter().any(|name| kind.starts_with(name))
}

/// An MCP server.
fn server<'a>(walk: &mut Walk<'_, 'a>, reader: &mut Reader<'a>) -> Result<(), Error> {
    walk.unscannable(Unscannable::Tools);
    if reader.kind()? != Kind::Object {
        return walk.strings(reader, Origin::Other);
    }
    reader.object(|reader, key| match (key.value().as_ref(), reader.kind()?) {
        ("url", _) => walk.strings(reader, Origin::Url),
        // It opens the server.
        ("authorization_token", Kind::String) => walk.read(reader, Member::Token, Origin::Other),
        ("type" | "name" | "tool_configuration", _) => walk.names(reader),
        _ => walk.unknown(reader, key, Origin::Other),
    })
}
