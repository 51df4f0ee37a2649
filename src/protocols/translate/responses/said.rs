/*! Writing the items of a conversation. */

use crate::protocols::Refusal;
use crate::protocols::translate::Dropped;
use crate::protocols::translate::hub::{Block, Call, Media, Part, Request, Role, Turn};
use crate::protocols::translate::openai::said::{UNNAMED_FILE, note_cache, url};
use crate::protocols::translate::text::Text;
use crate::protocols::translate::write::Writer;

/// Writes the items of `input`.
pub(super) fn items(
    request: &Request<'_>,
    json: &mut Writer<'_>,
    dropped: &mut Dropped,
) -> Result<(), Refusal> {
    let system: Vec<_> = request.system.iter().collect();
    message("system", &system, json, dropped)?;
    request
        .turns
        .iter()
        .try_for_each(|turn| say(turn, json, dropped))
}

/// Calls and their results are items of their own, between messages of what is said.
fn say(turn: &Turn<'_>, json: &mut Writer<'_>, dropped: &mut Dropped) -> Result<(), Refusal> {
    let role = match turn.role {
        Role::User => "user",
        Role::Assistant => "assistant",
    };
    let mut said = Vec::new();
    for block in &turn.blocks {
        if !matches!(block.part, Part::Call(_) | Part::Result { .. }) {
            said.push(block);
            continue;
        }
        message(role, &said, json, dropped)?;
        said.clear();
        note_cache(block, dropped);
        match &block.part {
            Part::Call(call) => write_call(call, json),
            Part::Result {
                id,
                content,
                failed,
            } => {
                if *failed {
                    dropped.note("messages.content.is_error");
                }
                result(id, content, json, dropped)?;
            }
            _ => {}
        }
    }
    message(role, &said, json, dropped)
}

fn write_call(call: &Call<'_>, json: &mut Writer<'_>) {
    json.open();
    json.member("type", "function_call");
    json.text_member("call_id", &call.id);
    json.text_member("name", &call.name);
    json.text_member("arguments", &call.input.text());
    json.close();
}

fn result(
    id: &Text<'_>,
    content: &[Block<'_>],
    json: &mut Writer<'_>,
    dropped: &mut Dropped,
) -> Result<(), Refusal> {
    json.open();
    json.member("type", "function_call_output");
    json.text_member("call_id", id);
    let blocks: Vec<_> = content.iter().collect();
    parts("output", "input_text", &blocks, json, dropped)?;
    json.close();
    Ok(())
}

/// A message of these blocks, if there are any.
fn message(
    role: &str,
    blocks: &[&Block<'_>],
    json: &mut Writer<'_>,
    dropped: &mut Dropped,
) -> Result<(), Refusal> {
    if blocks.is_empty() {
        return Ok(());
    }
    json.open();
    json.member("type", "message");
    json.member("role", role);
    let text = match role {
        "assistant" => "output_text",
        _ => "input_text",
    };
    parts("content", text, blocks, json, dropped)?;
    json.close();
    Ok(())
}

/// One text alone is a string.
fn parts(
    name: &'static str,
    text: &str,
    blocks: &[&Block<'_>],
    json: &mut Writer<'_>,
    dropped: &mut Dropped,
) -> Result<(), Refusal> {
    blocks.iter().for_each(|block| note_cache(block, dropped));
    match blocks {
        [] => json.member(name, ""),
        [
            Block {
                part: Part::Text(text),
                ..
            },
        ] => json.text_member(name, text),
        _ => {
            json.open_list_member(name);
            for block in blocks {
                json.open();
                part(text, block, json)?;
                json.close();
            }
            json.close_list();
        }
    }
    Ok(())
}

fn part(kind: &str, block: &Block<'_>, json: &mut Writer<'_>) -> Result<(), Refusal> {
    match &block.part {
        Part::Text(text) => {
            json.member("type", kind);
            json.text_member("text", text);
        }
        Part::Image(media) => {
            json.member("type", "input_image");
            url("image_url", media, json);
            // Servers that check types demand it.
            json.member("detail", "auto");
        }
        Part::File { media, name } => {
            json.member("type", "input_file");
            let by = match media {
                Media::Url(_) => "file_url",
                Media::Base64 { .. } => {
                    match name {
                        Some(name) => json.text_member("filename", name),
                        None => json.member("filename", UNNAMED_FILE),
                    }
                    "file_data"
                }
            };
            url(by, media, json);
        }
        Part::Sound(_) => return Err(block.unsupported_sound()),
        // The readers put these where they belong.
        Part::Call(_) | Part::Result { .. } => {
            return Err(block.place.unsupported("cannot stand here"));
        }
    }
    Ok(())
}
