/*! OpenAI's chat completions, to and from the hub.

Source of fields and rules: OpenAI's API reference, "Chat completions"; of
`reasoning_content` and `reasoning`: the servers that send them (DeepSeek, vLLM,
OpenRouter). */

mod answer;
mod chunks;
mod message;
mod request;
pub(super) mod said;
mod stream;
pub(super) mod words;
mod write;

pub(super) use answer::{read as read_answer, write as write_answer};
pub(super) use chunks::Writer;
pub(super) use request::read as read_request;
pub(super) use stream::Reader;
pub(super) use write::write as write_request;

use super::hub::{Stop, UNKNOWN, Usage};
use super::text::Text;
use super::tree::Value;
use super::write::Writer as Json;
use crate::ledger::Usage as Counts;
use crate::protocols::openai;

/// What OpenAI's ids of answers begin with.
const ID_PREFIX: &str = "chatcmpl-";

fn read_id(answer: &Value<'_>) -> Option<String> {
    let id = answer.word_at("id");
    let id = id.strip_prefix(ID_PREFIX).unwrap_or(&id);
    (!id.is_empty()).then(|| id.to_owned())
}

/// A refusal is said in a field of its own, and ends like any text. Together AI and TGI have
/// words of their own for `stop`.
fn read_stop(reason: &str, refused: bool) -> Stop<'static> {
    match reason {
        "length" => Stop::Length,
        "tool_calls" | "function_call" => Stop::Calls,
        "content_filter" => Stop::Refusal,
        _ if refused => Stop::Refusal,
        "stop" | "eos" | "eos_token" => Stop::End,
        _ => Stop::Unknown,
    }
}

const fn stop_word(stop: &Stop<'_>) -> &'static str {
    match stop {
        Stop::End | Stop::Sequence(_) => "stop",
        Stop::Length => "length",
        Stop::Calls => "tool_calls",
        Stop::Refusal => "content_filter",
        Stop::Unknown => UNKNOWN,
    }
}

/// Thinking, under either of its names.
fn read_thinking<'a>(message: &Value<'a>) -> Option<Text<'a>> {
    let names = ["reasoning_content", "reasoning"];
    names.iter().find_map(|name| message.text_at(name))
}

fn read_usage(usage: Option<&Value<'_>>) -> Usage {
    words::read_usage(usage, openai::read_usage)
}

/// The members of a `usage` object.
pub(super) fn write_usage(counts: &Counts, json: &mut Json<'_>) {
    json.count("prompt_tokens", counts.input);
    json.count("completion_tokens", counts.output);
    json.count("total_tokens", counts.input.saturating_add(counts.output));
    json.open_member("prompt_tokens_details");
    json.count("cached_tokens", counts.cached);
    json.rare_counts(&[("cache_write_tokens", counts.written())]);
    words::rare_prompt_details(counts, json);
    json.close();
    let of_answer = [
        ("reasoning_tokens", counts.reasoning),
        ("audio_tokens", counts.audio_output),
    ];
    json.rare_counts_in("completion_tokens_details", &of_answer);
}
