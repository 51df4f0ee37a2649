/*! Bedrock's Converse, from the hub: only providers speak it.

Source of fields and rules: Amazon Bedrock's API reference, "Converse" and "ConverseStream", and its
guide's pages on tool use, prompt caching, structured outputs and Claude's extended thinking. */

mod answer;
mod family;
mod said;
mod stream;
mod tools;
mod turns;
mod write;

pub(super) use answer::read as read_answer;
pub(super) use stream::Reader;
pub(super) use write::write as write_request;

use super::hub::{Stop, Usage};
use super::tree::Value;
use crate::ledger::Usage as Counts;

/// Reads a `stopReason`. Which sequence it was is not told.
fn read_stop(reason: &str) -> Stop<'static> {
    match reason {
        "end_turn" | "stop_sequence" => Stop::End,
        "tool_use" => Stop::Calls,
        "max_tokens" | "model_context_window_exceeded" => Stop::Length,
        "guardrail_intervened" | "content_filtered" | "refusal" => Stop::Refusal,
        // malformed_model_output, malformed_tool_use, …
        _ => Stop::Unknown,
    }
}

/// Reads `usage` as Tollgate settles by it: what can't be is not told.
fn read_usage(usage: Option<&Value<'_>>) -> Usage {
    usage.and_then(counts).map_or(Usage::Untold, Usage::Told)
}

/// `inputTokens` has neither what was read from the cache nor what was written to it.
fn counts(usage: &Value<'_>) -> Option<Counts> {
    let cached = count(usage, "cacheReadInputTokens")?;
    let written = count(usage, "cacheWriteInputTokens")?;
    let details = usage.get("cacheDetails").map_or(&[][..], Value::list);
    let mut for_an_hour = details.iter().filter(|it| it.word_at("ttl") == "1h");
    let hour = match for_an_hour.next() {
        Some(detail) => count(detail, "inputTokens")?.min(written),
        None => 0,
    };
    let input = count(usage, "inputTokens")?;
    let counts = Counts {
        input: input.saturating_add(cached).saturating_add(written),
        output: count(usage, "outputTokens")?,
        cached,
        cache_write: written.saturating_sub(hour),
        cache_write_1h: hour,
        ..Counts::NONE
    };
    let told = counts.input > 0 || counts.output > 0;
    (told && counts.is_believable()).then_some(counts)
}

/// One count; nothing told is zero.
fn count(holder: &Value<'_>, name: &str) -> Option<u64> {
    let count = match holder.get(name) {
        Some(count) => count.as_count()?,
        None => 0,
    };
    (count <= Counts::MAX_TOKENS).then_some(count)
}
