/*! OpenAI's Responses, to and from the hub.

Source of fields, items and events: OpenAI's API reference, "Responses", and its guides to
migrating from chat completions, to function calling and to reasoning. */

mod answer;
mod events;
mod input;
mod item;
mod output;
mod request;
mod said;
mod stream;
mod told;
mod write;

pub(super) use answer::{read as read_answer, write as write_answer};
pub(super) use events::Writer;
pub(super) use output::write_usage;
pub(super) use request::read as read_request;
pub(super) use stream::Reader;
pub(super) use write::write as write_request;

use super::hub::{Stop, Usage};
use super::openai::words;
use super::text::Text;
use super::tree::Value;
use crate::protocols::openai;

/// What ids of responses begin with.
const ID_PREFIX: &str = "resp_";

/// What stands between the parts of one reasoning: each is a paragraph.
const PARAGRAPH: &str = r#""\n\n""#;

fn read_id(response: &Value<'_>) -> Option<String> {
    let id = response.word_at("id");
    let id = id.strip_prefix(ID_PREFIX).unwrap_or(&id);
    (!id.is_empty()).then(|| id.to_owned())
}

/// Why a response ended. A refusal is said in a part of its own, and ends like any text.
fn read_stop(response: &Value<'_>, refused: bool) -> Stop<'static> {
    let reason = || {
        let details = response.get("incomplete_details");
        details.map(|details| details.word_at("reason"))
    };
    match response.word_at("status").as_str() {
        "completed" if refused => Stop::Refusal,
        "completed" => Stop::End,
        "incomplete" => match reason().unwrap_or_default().as_str() {
            "max_output_tokens" | "max_tokens" => Stop::Length,
            "content_filter" => Stop::Refusal,
            _ => Stop::Unknown,
        },
        _ => Stop::Unknown,
    }
}

fn read_usage(response: &Value<'_>) -> Usage {
    words::read_usage(response.get("usage"), openai::read_response_usage)
}

/// The texts of an item of reasoning: what it sums up, or what a server tells of it as it is.
fn reasoning_texts<'v, 'a>(item: &'v Value<'a>) -> impl Iterator<Item = Text<'a>> + use<'v, 'a> {
    let parts = ["summary", "content"]
        .into_iter()
        .filter_map(|name| item.get(name))
        .flat_map(|parts| parts.list());
    let texts = parts.filter_map(|part| part.text_at("text"));
    texts.filter(|text| !text.is_empty())
}

/// The texts of a message, and whether each is a refusal.
fn said_texts<'v, 'a>(item: &'v Value<'a>) -> impl Iterator<Item = (Text<'a>, bool)> + use<'v, 'a> {
    let parts = item.get("content").map_or(&[][..], Value::list);
    let texts = parts.iter().filter_map(|part| {
        let refusal = part.text_at("refusal").map(|refusal| (refusal, true));
        part.text_at("text").map(|text| (text, false)).or(refusal)
    });
    texts.filter(|(text, _)| !text.is_empty())
}

/// The id by which results name a call; some servers tell one id only.
fn read_call_id<'a>(item: &Value<'a>) -> Option<Text<'a>> {
    let ids = ["call_id", "id"];
    let ids = ids.into_iter().filter_map(|name| item.text_at(name));
    ids.into_iter().find(|id| !id.is_empty())
}
