/*! Gemini's `generateContent`, from the hub: only providers speak it.

Source of fields and rules: Google's API reference, "Generating content" and "Caching", and its
guides to function calling, structured outputs, thinking, thought signatures and errors; of what
differs on Vertex AI: its API reference, "Generate content with the Gemini API". */

mod answer;
mod models;
mod places;
mod said;
mod stream;
mod tuning;
mod usage;
mod write;

pub(super) use answer::read as read_answer;
pub(super) use stream::Reader;
pub(super) use write::write as write_request;

use super::Malformed;
use super::hub::{Call, Input, Stop};
use super::text::Text;
use super::tree::Value;

/// Longest part of an answer's id that goes into the ids of its calls, in bytes: OpenAI takes ids
/// of up to 40, and the conversation may go on there.
const ID_PART: usize = 24;

fn read_id(answer: &Value<'_>) -> Option<String> {
    let id = answer.word_at("responseId");
    (!id.is_empty()).then_some(id)
}

/// The answer: the first candidate, since no more can have been asked for.
fn candidate<'v, 'a>(answer: &'v Value<'a>) -> Option<&'v Value<'a>> {
    let candidates = answer.get("candidates").map_or(&[][..], Value::list);
    let first = |candidate: &&Value<'_>| {
        let index = candidate.get("index").and_then(Value::as_count);
        index.unwrap_or_default() == 0
    };
    candidates.iter().find(first)
}

/// Whether there is no answer since the prompt was refused.
fn is_blocked(answer: &Value<'_>) -> bool {
    let feedback = answer.get("promptFeedback");
    feedback.is_some_and(|feedback| feedback.get("blockReason").is_some())
}

/// What a part says. Files, and what the provider's own tools do, are left out: no translated
/// request asks for them.
enum Said<'a> {
    Text(Text<'a>),
    Thinking(Text<'a>),
    Call(Call<'a>),
    Nothing,
}

/// The parts of a candidate. The calls get numbers from `calls` on.
fn read_parts<'a>(
    candidate: &Value<'a>,
    answer: Option<&str>,
    mut calls: usize,
) -> Result<Vec<Said<'a>>, Malformed> {
    let parts = candidate
        .get("content")
        .and_then(|content| content.get("parts"));
    let parts = parts.map_or(&[][..], Value::list).iter();
    let said = parts.map(|part| {
        let said = read_part(part, answer, calls)?;
        calls = calls.saturating_add(usize::from(matches!(said, Said::Call(_))));
        Ok(said)
    });
    said.collect()
}

fn read_part<'a>(
    part: &Value<'a>,
    answer: Option<&str>,
    number: usize,
) -> Result<Said<'a>, Malformed> {
    if let Some(call) = part.get("functionCall") {
        return read_call(call, answer, number).map(Said::Call);
    }
    Ok(match part.text_at("text") {
        Some(text) if text.is_empty() => Said::Nothing,
        Some(text) if is_thought(part) => Said::Thinking(text),
        Some(text) => Said::Text(text),
        None => Said::Nothing,
    })
}

fn is_thought(part: &Value<'_>) -> bool {
    part.get("thought")
        .is_some_and(|thought| thought.raw == "true")
}

fn read_call<'a>(
    call: &Value<'a>,
    answer: Option<&str>,
    number: usize,
) -> Result<Call<'a>, Malformed> {
    let id = call.text_at("id").filter(|id| !id.is_empty());
    Ok(Call {
        id: id.unwrap_or_else(|| call_id(answer, number)),
        name: call
            .text_at("name")
            .ok_or(Malformed("a function call without a name"))?,
        input: Input::of_value(call.get("args")),
    })
}

/// The id of a call that has none, made of the answer's. Empty without one: the writers make it
/// of the call's own id then.
fn call_id(answer: Option<&str>, number: usize) -> Text<'static> {
    let fits = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let part: String = answer
        .unwrap_or_default()
        .chars()
        .filter(fits)
        .take(ID_PART)
        .collect();
    match part.is_empty() {
        true => Text::of(""),
        false => Text::of(&format!("call_{part}_{number}")),
    }
}

/// Reads a `finishReason`.
fn read_stop(reason: &str) -> Stop<'static> {
    match reason {
        "STOP" => Stop::End,
        "MAX_TOKENS" => Stop::Length,
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "MODEL_ARMOR"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => Stop::Refusal,
        // OTHER, MALFORMED_FUNCTION_CALL, UNEXPECTED_TOOL_CALL, …
        _ => Stop::Unknown,
    }
}
