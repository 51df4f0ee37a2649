/*! Writing messages. */

use crate::protocols::Refusal;
use crate::protocols::translate::Dropped;
use crate::protocols::translate::hub::{Block, Call, Media, Part, Request, Role, Turn};
use crate::protocols::translate::text::Text;
use crate::protocols::translate::write::Writer;

/// The name of a file, which OpenAI demands, where the caller gave none.
pub(in super::super) const UNNAMED_FILE: &str = "document.pdf";

/// Writes the items of `messages`.
pub(super) fn messages(
    request: &Request<'_>,
    json: &mut Writer<'_>,
    dropped: &mut Dropped,
) -> Result<(), Refusal> {
    if !request.system.is_empty() {
        let blocks: Vec<&Block<'_>> = request.system.iter().collect();
        message("system", &blocks, json, dropped)?;
        json.close();
    }
    for turn in &request.turns {
        match turn.role {
            Role::User => user(turn, json, dropped)?,
            Role::Assistant => assistant(turn, json, dropped)?,
        }
    }
    Ok(())
}

/// Results of tools come first, each as a message of its own: OpenAI wants them right after
/// the calls. Their images follow in the user's message, since a tool's message can hold
/// text only.
fn user(turn: &Turn<'_>, json: &mut Writer<'_>, dropped: &mut Dropped) -> Result<(), Refusal> {
    let mut images = Vec::new();
    let mut said = Vec::new();
    for block in &turn.blocks {
        let Part::Result {
            id,
            content,
            failed,
        } = &block.part
        else {
            said.push(block);
            continue;
        };
        note_cache(block, dropped);
        if *failed {
            dropped.note("messages.content.is_error");
        }
        let is_text = |block: &&Block<'_>| matches!(block.part, Part::Text(_));
        let (texts, others): (Vec<_>, Vec<_>) = content.iter().partition(is_text);
        images.extend(others);
        message("tool", &texts, json, dropped)?;
        json.text_member("tool_call_id", id);
        json.close();
    }
    images.extend(said);
    if !images.is_empty() {
        message("user", &images, json, dropped)?;
        json.close();
    }
    Ok(())
}

fn assistant(turn: &Turn<'_>, json: &mut Writer<'_>, dropped: &mut Dropped) -> Result<(), Refusal> {
    let mut calls = Vec::new();
    let mut said = Vec::new();
    for block in &turn.blocks {
        match &block.part {
            Part::Call(call) => {
                note_cache(block, dropped);
                calls.push(call);
            }
            _ => said.push(block),
        }
    }
    message("assistant", &said, json, dropped)?;
    if !calls.is_empty() {
        json.open_list_member("tool_calls");
        calls
            .iter()
            .for_each(|call| write_call(call, &call.id, json));
        json.close_list();
    }
    json.close();
    Ok(())
}

/// One call, whole.
pub(super) fn write_call(call: &Call<'_>, id: &Text<'_>, json: &mut Writer<'_>) {
    json.open();
    json.text_member("id", id);
    json.member("type", "function");
    json.open_member("function");
    json.text_member("name", &call.name);
    json.text_member("arguments", &call.input.text());
    json.close();
    json.close();
}

pub(in super::super) fn note_cache(block: &Block<'_>, dropped: &mut Dropped) {
    if block.cache.is_some() {
        dropped.note("cache_control");
    }
}

/// A message with its content, left open.
fn message(
    role: &str,
    blocks: &[&Block<'_>],
    json: &mut Writer<'_>,
    dropped: &mut Dropped,
) -> Result<(), Refusal> {
    json.open();
    json.member("role", role);
    blocks.iter().for_each(|block| note_cache(block, dropped));
    match blocks {
        [] if role == "assistant" => json.raw_member("content", "null"),
        [] => json.member("content", ""),
        [
            Block {
                part: Part::Text(text),
                ..
            },
        ] => json.text_member("content", text),
        _ => {
            json.open_list_member("content");
            for block in blocks {
                json.open();
                part(block, json)?;
                json.close();
            }
            json.close_list();
        }
    }
    Ok(())
}

fn part(block: &Block<'_>, json: &mut Writer<'_>) -> Result<(), Refusal> {
    match &block.part {
        Part::Text(text) => {
            json.member("type", "text");
            json.text_member("text", text);
        }
        Part::Image(media) => {
            json.member("type", "image_url");
            json.open_member("image_url");
            url("url", media, json);
            json.close();
        }
        Part::File { media, name } => {
            if matches!(media, Media::Url(_)) {
                let problem =
                    "is a file behind a URL, which the provider of this model does not fetch";
                return Err(block.place.unsupported(problem));
            }
            json.member("type", "file");
            json.open_member("file");
            match name {
                Some(name) => json.text_member("filename", name),
                None => json.member("filename", UNNAMED_FILE),
            }
            url("file_data", media, json);
            json.close();
        }
        Part::Sound(_) => return Err(block.unsupported_sound()),
        // The readers put these where they belong.
        Part::Call(_) | Part::Result { .. } => {
            return Err(block.place.unsupported("cannot stand here"));
        }
    }
    Ok(())
}

pub(in super::super) fn url(name: &'static str, media: &Media<'_>, json: &mut Writer<'_>) {
    match media {
        Media::Url(url) => json.text_member(name, url),
        Media::Base64 { kind, data } => {
            let kind = Text::of(kind);
            json.pieces(name, &["data:", kind.inside(), ";base64,", data]);
        }
    }
}
