/*! One item of a response, as events. */

use super::stream::Writer;
use crate::protocols::replay::parts::{Member, get, inside, items, members, text_of};
use crate::protocols::replay::write::{Object, object, pieces};

/// Where something stands: members that all events about it have.
struct At<'a> {
    /// The item's id, as JSON.
    id: &'a str,
    index: String,
    /// Which of the item's parts, if it has any: the name of the member and the number.
    part: Option<(&'static str, String)>,
}

impl At<'_> {
    fn write(&self, event: &mut Object<'_>) {
        event.member("item_id", self.id);
        event.member("output_index", &self.index);
        if let Some((name, number)) = &self.part {
            event.member(name, number);
        }
    }
}

/// A kind of text that comes in pieces.
struct Told {
    /// What the types of its events begin with.
    event: &'static str,
    /// The member that has it.
    member: &'static str,
}

const TEXT: Told = told("response.output_text", "text");
const REFUSAL: Told = told("response.refusal", "refusal");
const REASONING: Told = told("response.reasoning_text", "text");
const SUMMARY: Told = told("response.reasoning_summary_text", "text");
const ARGUMENTS: Told = told("response.function_call_arguments", "arguments");
const INPUT: Told = told("response.custom_tool_call_input", "input");

const fn told(event: &'static str, member: &'static str) -> Told {
    Told { event, member }
}

/// The events of an item: it begins, is told, ends. What nothing is known of comes whole.
pub(super) fn tell(json: &str, index: usize, writer: &mut Writer) -> Option<()> {
    let item = members(json)?;
    let at = At {
        id: get(&item, "id")
            .filter(|id| inside(id).is_some())
            .unwrap_or("\"\""),
        index: index.to_string(),
        part: None,
    };
    let kind = text_of(&item, "type");
    let first = begun(&item, &kind);
    writer.event("response.output_item.added", |event| {
        event.member("output_index", &at.index);
        event.member("item", &first);
    });
    match kind.as_ref() {
        "" => return None,
        "message" => parts(&item, "content", "content_index", &at, writer)?,
        "reasoning" => {
            parts(&item, "summary", "summary_index", &at, writer)?;
            parts(&item, "content", "content_index", &at, writer)?;
        }
        "function_call" => {
            let name = get(&item, "name")?;
            tell_text(&ARGUMENTS, &item, &at, writer, &[("name", name)])?;
        }
        "custom_tool_call" => tell_text(&INPUT, &item, &at, writer, &[])?,
        _ => {}
    }
    writer.event("response.output_item.done", |event| {
        event.member("output_index", &at.index);
        event.member("item", json);
    });
    Some(())
}

/// An item before anything of it was said.
fn begun(item: &[Member<'_>], kind: &str) -> String {
    object(|out| {
        for (name, value) in item {
            let value = match (kind, name.as_ref()) {
                _ if *value == "null" => value,
                ("message" | "reasoning" | "function_call" | "custom_tool_call", "status") => {
                    "\"in_progress\""
                }
                ("message" | "reasoning", "content") | ("reasoning", "summary") => "[]",
                ("function_call", "arguments") | ("custom_tool_call", "input") => "\"\"",
                _ => value,
            };
            out.member(name, value);
        }
    })
}

/// The parts of an item that stand in its member `list`.
fn parts(
    item: &[Member<'_>],
    list: &str,
    number: &'static str,
    at: &At<'_>,
    writer: &mut Writer,
) -> Option<()> {
    let Some(list) = get(item, list) else {
        return Some(());
    };
    let events = match number {
        "summary_index" => {
            ["added", "done"].map(|end| format!("response.reasoning_summary_part.{end}"))
        }
        _ => ["added", "done"].map(|end| format!("response.content_part.{end}")),
    };
    let mut count = 0_usize;
    items(list, |json| {
        let at = At {
            id: at.id,
            index: at.index.clone(),
            part: Some((number, count.to_string())),
        };
        count = count.saturating_add(1);
        part(json, &at, &events, writer)
    })
}

fn part(json: &str, at: &At<'_>, events: &[String; 2], writer: &mut Writer) -> Option<()> {
    let [added, done] = events;
    let part = members(json)?;
    let told = match text_of(&part, "type").as_ref() {
        "output_text" => Some(&TEXT),
        "refusal" => Some(&REFUSAL),
        "reasoning_text" => Some(&REASONING),
        "summary_text" => Some(&SUMMARY),
        _ => None,
    };
    let first = object(|out| {
        for (name, value) in &part {
            let value = match name.as_ref() {
                name if told.is_some_and(|told| told.member == name) => "\"\"",
                "annotations" | "logprobs" if value.starts_with('[') => "[]",
                _ => value,
            };
            out.member(name, value);
        }
    });
    writer.event(added, |event| {
        at.write(event);
        event.member("part", &first);
    });
    if let Some(told) = told {
        // Clients demand the list in all events of such a text.
        let logprobs = get(&part, "logprobs").unwrap_or("[]");
        let rest = [("logprobs", logprobs)];
        let rest = if told.event == TEXT.event {
            &rest[..]
        } else {
            &[]
        };
        tell_text(told, &part, at, writer, rest)?;
    }
    annotations(&part, at, writer)?;
    writer.event(done, |event| {
        at.write(event);
        event.member("part", json);
    });
    Some(())
}

fn annotations(part: &[Member<'_>], at: &At<'_>, writer: &mut Writer) -> Option<()> {
    let Some(list) = get(part, "annotations") else {
        return Some(());
    };
    let mut count = 0_usize;
    items(list, |annotation| {
        writer.event("response.output_text.annotation.added", |event| {
            at.write(event);
            event.member("annotation_index", &count.to_string());
            event.member("annotation", annotation);
        });
        count = count.saturating_add(1);
        Some(())
    })
}

/// A text in pieces, and once more whole, with `rest` beside it.
fn tell_text(
    told: &Told,
    of: &[Member<'_>],
    at: &At<'_>,
    writer: &mut Writer,
    rest: &[(&str, &str)],
) -> Option<()> {
    let said = inside(get(of, told.member)?)?;
    for piece in pieces(said) {
        writer.event(&format!("{}.delta", told.event), |event| {
            at.write(event);
            event.text("delta", piece);
            if told.event == TEXT.event {
                event.member("logprobs", "[]");
            }
        });
    }
    writer.event(&format!("{}.done", told.event), |event| {
        at.write(event);
        event.text(told.member, said);
        event.members(rest.iter().copied());
    });
    Some(())
}
