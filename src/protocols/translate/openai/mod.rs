/*! OpenAI's chat completions, to and from the hub.

Source of fields and rules: OpenAI's API reference, "Chat completions"; of
`reasoning_content` and `reasoning`: the servers that send them (DeepSeek, vLLM,
OpenRouter). */

mod answer;
mod chunks;
mod message;
mod request;
mod said;
mod stream;
mod write;

pub(super) use answer::{read as read_answer, write as write_answer};
pub(super) use chunks::Writer;
pub(super) use request::read as read_request;
pub(super) use stream::Reader;
pub(super) use write::write as write_request;

use super::hub::{Stop, Usage};
use super::text::Text;
use super::tree::Value;
use super::write::Writer as Json;
use crate::ledger::Usage as Counts;

/// What OpenAI's ids of answers begin with.
const ID_PREFIX: &str = "chatcmpl-";

fn read_id(answer: &Value<'_>) -> Option<String> {
    let id = answer.word_at("id");
    let id = id.strip_prefix(ID_PREFIX).unwrap_or(&id);
    (!id.is_empty()).then(|| id.to_owned())
}

/// A refusal is said in a field of its own, and ends like any text.
fn read_stop(reason: &str, refused: bool) -> Stop<'static> {
    match reason {
        "length" => Stop::Length,
        "tool_calls" | "function_call" => Stop::Calls,
        "content_filter" => Stop::Refusal,
        _ if refused => Stop::Refusal,
        _ => Stop::End,
    }
}

const fn stop_word(stop: &Stop<'_>) -> &'static str {
    match stop {
        Stop::End | Stop::Sequence(_) => "stop",
        Stop::Length => "length",
        Stop::Calls => "tool_calls",
        Stop::Refusal => "content_filter",
    }
}

/// Thinking, under either of its names.
fn read_thinking<'a>(message: &Value<'a>) -> Option<Text<'a>> {
    let names = ["reasoning_content", "reasoning"];
    names.iter().find_map(|name| message.text_at(name))
}

fn read_usage(usage: Option<&Value<'_>>) -> Usage {
    let Some(usage) = usage else {
        return Usage::Untold;
    };
    let main = |name: &str| believable(usage.get(name));
    let detail = |object: &str, name: &str| {
        believable(usage.get(object).and_then(|details| details.get(name)))
    };
    if usage.get("prompt_tokens").is_none() && usage.get("completion_tokens").is_none() {
        return Usage::Untold;
    }
    let counts = (
        main("prompt_tokens"),
        main("completion_tokens"),
        detail("prompt_tokens_details", "cached_tokens"),
        detail("completion_tokens_details", "reasoning_tokens"),
    );
    let (Some(input), Some(output), Some(cached), Some(reasoning)) = counts else {
        return Usage::Untold;
    };
    Usage::Told {
        counts: Counts {
            input,
            output,
            cached,
            reasoning,
        },
        written: 0,
    }
}

/// A count; nothing said is zero, nonsense is `None`.
fn believable(count: Option<&Value<'_>>) -> Option<u64> {
    match count {
        None => Some(0),
        Some(count) => count
            .as_count()
            .filter(|count| *count <= Counts::MAX_TOKENS),
    }
}

/// The members of a `usage` object. Hidden reasoning is told only where there was some.
fn write_usage(counts: &Counts, json: &mut Json<'_>) {
    json.count("prompt_tokens", counts.input);
    json.count("completion_tokens", counts.output);
    json.count("total_tokens", counts.input.saturating_add(counts.output));
    json.open_member("prompt_tokens_details");
    json.count("cached_tokens", counts.cached);
    json.close();
    if counts.reasoning > 0 {
        json.open_member("completion_tokens_details");
        json.count("reasoning_tokens", counts.reasoning);
        json.close();
    }
}
