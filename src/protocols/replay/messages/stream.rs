/*! A message as events. */

use super::MAX_BLOCKS;
use super::block::has_input;
use crate::json::quote;
use crate::protocols::replay::parts::{Member, get, inside, is_nothing, items, members, text_of};
use crate::protocols::replay::write::{Events, Object, compact, object, pieces};

/// What is told when a message ends, and null before, where it is there.
const AT_END: [&str; 4] = ["stop_reason", "stop_sequence", "stop_details", "container"];

/// See [`super::super::as_stream`].
pub(in crate::protocols::replay) fn as_stream(whole: &str) -> Option<String> {
    let whole = compact(whole)?;
    let message = members(&whole)?;
    if text_of(&message, "type") != "message" || is_nothing(get(&message, "stop_reason")?) {
        return None;
    }
    let mut events = Events::new(whole.len(), 2);
    start(&message, &mut events)?;
    let mut index = 0_usize;
    items(get(&message, "content")?, |block| {
        if index >= MAX_BLOCKS {
            return None;
        }
        self::block(block, index, &mut events)?;
        index = index.saturating_add(1);
        Some(())
    })?;
    event(&mut events, "message_delta", |event| {
        event.member("delta", &object(|delta| delta.members(at_end(&message))));
        event.member("usage", get(&message, "usage").unwrap_or("{}"));
    });
    event(&mut events, "message_stop", |_| {});
    events.finish()
}

fn at_end<'m>(message: &'m [Member<'_>]) -> impl Iterator<Item = (&'m str, &'m str)> {
    let members = message.iter().map(|(name, value)| (name.as_ref(), *value));
    members.filter(|(name, _)| AT_END.contains(name))
}

/// An event, whose type is also its name.
fn event(events: &mut Events, name: &str, write: impl FnOnce(&mut Object<'_>)) {
    events.event(name, |event| {
        event.text("type", name);
        write(event);
    });
}

/// The message before anything was said: it has used what it was asked.
fn start(message: &[Member<'_>], events: &mut Events) -> Option<()> {
    let usage = members(get(message, "usage")?)?;
    let usage = object(|out| {
        for (name, value) in &usage {
            let value = if name == "output_tokens" { "0" } else { *value };
            out.member(name, value);
        }
    });
    let message = object(|out| {
        for (name, value) in message {
            match name.as_ref() {
                "content" => out.member(name, "[]"),
                "usage" => out.member(name, &usage),
                name if AT_END.contains(&name) => out.member(name, "null"),
                name => out.member(name, value),
            }
        }
    });
    event(events, "message_start", |event| {
        event.member("message", &message);
    });
    Some(())
}

fn block(json: &str, index: usize, events: &mut Events) -> Option<()> {
    let block = members(json)?;
    let index = index.to_string();
    let kind = text_of(&block, "type");
    let string = |name: &str| get(&block, name).map_or(Some(""), inside);
    let first = object(|out| {
        for (name, value) in &block {
            out.member(name, begun(&kind, name, value));
        }
    });
    event(events, "content_block_start", |event| {
        event.member("index", &index);
        event.member("content_block", &first);
    });
    let mut told = |kind: &str, name: &str, json: &str| {
        event(events, "content_block_delta", |event| {
            event.member("index", &index);
            event.with("delta", |out| {
                let mut delta = Object::open(out);
                delta.text("type", kind);
                delta.member(name, json);
                delta.close();
            });
        });
    };
    let mut in_pieces = |kind: &str, name: &str, text: &str| {
        for piece in pieces(text) {
            told(kind, name, &format!("\"{piece}\""));
        }
    };
    match kind.as_ref() {
        "" => return None,
        "text" => {
            in_pieces("text_delta", "text", string("text")?);
            if let Some(citations) = get(&block, "citations") {
                items(citations, |citation| {
                    told("citations_delta", "citation", citation);
                    Some(())
                })?;
            }
        }
        "thinking" => {
            in_pieces("thinking_delta", "thinking", string("thinking")?);
            if let Some(signature) = get(&block, "signature") {
                told("signature_delta", "signature", signature);
            }
        }
        kind if has_input(kind) => {
            let input = get(&block, "input").filter(|input| input.starts_with('{'))?;
            let text = quote(input);
            in_pieces("input_json_delta", "partial_json", inside(&text)?);
        }
        _ => {}
    }
    event(events, "content_block_stop", |event| {
        event.member("index", &index);
    });
    Some(())
}

/// The value of a member of a block that begins.
fn begun<'v>(kind: &str, name: &str, value: &'v str) -> &'v str {
    match (kind, name) {
        _ if value == "null" => value,
        ("text", "text") | ("thinking", "thinking" | "signature") => "\"\"",
        ("text", "citations") => "[]",
        (kind, "input") if has_input(kind) => "{}",
        _ => value,
    }
}
