/*! Waiting for the first event of a stream that means something. */

use super::frames::Frames;
use crate::protocols::Api;
use serde_json::Value;

/// What a stream has shown so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sign {
    /// Nothing but its opening: a role, a ping, an empty block.
    Nothing,
    /// Text, a tool call, or a proper end.
    Content,
    /// The provider refuses the content, and has not begun an answer.
    Blocked,
    /// An error; its data.
    Error(Vec<u8>),
}

/// Looks at each event once, however the pieces are cut.
#[derive(Debug)]
pub(super) struct FirstSign {
    frames: Frames,
    text: FirstText,
}

/// What the first event of text means. A guardrail of Amazon's says its own words in one such event,
/// in place of an answer, and only behind them that it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FirstText {
    /// An answer begins.
    Counts,
    /// What follows tells.
    Waits,
    /// It came, and nothing has followed.
    Came,
}

impl FirstSign {
    /// `refusals`: whether it matters that content is refused.
    pub(super) fn of(api: Api, refusals: bool) -> Self {
        let text = match api {
            Api::Converse if refusals => FirstText::Waits,
            _ => FirstText::Counts,
        };
        let frames = Frames::of(api);
        Self { frames, text }
    }

    /// Takes the next piece.
    pub(super) fn push(&mut self, api: Api, piece: &[u8]) -> Sign {
        let Self { frames, text } = self;
        let mut first = Sign::Nothing;
        let whole = frames.push(piece, &mut |data| note(&mut first, text, api, data));
        match whole {
            // Too long to wait for is content, whatever it is.
            Err(_) if first == Sign::Nothing => Sign::Content,
            _ => first,
        }
    }

    /// The stream is over: looks at what was left unfinished.
    pub(super) fn end(&mut self, api: Api) -> Sign {
        let Self { frames, text } = self;
        let mut first = Sign::Nothing;
        frames.end(&mut |data| note(&mut first, text, api, data));
        match first {
            Sign::Nothing if *text == FirstText::Came => Sign::Content,
            first => first,
        }
    }
}

/// The first sign counts.
fn note(first: &mut Sign, text: &mut FirstText, api: Api, data: &[u8]) {
    if *first != Sign::Nothing {
        return;
    }
    *first = match sign(api, data) {
        Sign::Content if *text == FirstText::Waits && is_text(data) => {
            *text = FirstText::Came;
            Sign::Nothing
        }
        sign => sign,
    };
}

fn sign(api: Api, data: &[u8]) -> Sign {
    let Ok(value) = serde_json::from_slice::<Value>(data) else {
        // `[DONE]` alone is no answer; neither is garbage.
        return Sign::Nothing;
    };
    match api {
        Api::Responses if is_failed(&value) => Sign::Error(failure(value)),
        _ if is_error(&value) => Sign::Error(data.to_vec()),
        Api::ChatCompletions => of_choices(&value, in_delta),
        Api::Completions => of_choices(&value, in_text),
        Api::Responses => responses(&value),
        Api::Messages => messages(&value),
        Api::GenerateContent => candidates(&value),
        Api::Converse => converse(&value),
        // Of some there are no streams; those of the others begin with what they bring.
        _ => Sign::Content,
    }
}

fn is_error(value: &Value) -> bool {
    let error = value.get("error").is_some_and(|error| !error.is_null());
    // vLLM: {"object":"error",…}
    error
        || ["type", "object"]
            .iter()
            .any(|key| value.get(*key).and_then(Value::as_str) == Some("error"))
}

/// Chunks of choices, each of which may have come to its end or, as `says` knows, hold something.
fn of_choices(chunk: &Value, says: fn(&Value) -> bool) -> Sign {
    let choices = chunk.get("choices").and_then(Value::as_array);
    let mut choices = choices.into_iter().flatten();
    // Some servers have "" where others have null.
    let finished = |choice: &Value| {
        let reason = choice.get("finish_reason");
        reason.is_some_and(|reason| !is_empty(reason))
    };
    if choices.any(|choice| finished(choice) || says(choice)) {
        Sign::Content
    } else {
        Sign::Nothing
    }
}

fn in_delta(choice: &Value) -> bool {
    let delta = choice.get("delta").and_then(Value::as_object);
    let mut members = delta.into_iter().flatten();
    members.any(|(name, value)| name != "role" && !is_empty(value))
}

fn in_text(choice: &Value) -> bool {
    choice.get("text").is_some_and(|text| !is_empty(text))
}

/// Events of Responses. Those that only open something come before content.
fn responses(event: &Value) -> Sign {
    let kind = event.get("type").and_then(Value::as_str);
    let item = event.get("item").and_then(|item| item.get("type"));
    match kind.unwrap_or_default() {
        "" | "response.created" | "response.queued" | "response.in_progress" => Sign::Nothing,
        "response.content_part.added" | "response.reasoning_summary_part.added" => Sign::Nothing,
        "response.output_item.added"
            if matches!(item.and_then(Value::as_str), Some("message" | "reasoning")) =>
        {
            Sign::Nothing
        }
        kind if kind.starts_with("response.") => Sign::Content,
        // What keeps the connection alive.
        _ => Sign::Nothing,
    }
}

fn is_failed(event: &Value) -> bool {
    let kind = event.get("type").and_then(Value::as_str);
    matches!(kind, Some("error" | "response.failed"))
}

/// The error of a whole response that failed, in the shape that errors have.
pub(super) fn error_of_response(body: &[u8]) -> Vec<u8> {
    match serde_json::from_slice::<Value>(body) {
        Ok(response) => failure(response),
        Err(_) => body.to_vec(),
    }
}

/// The error of an event of Responses, in the shape that errors have: it stands within the
/// response that failed, or within the event, or is the event itself.
fn failure(event: Value) -> Vec<u8> {
    let told = |value: &Value| value.get("error").filter(|error| !error.is_null()).cloned();
    let error = event
        .get("response")
        .and_then(told)
        .or_else(|| told(&event));
    let mut error = error.unwrap_or(event);
    if let Some(members) = error.as_object_mut() {
        members.remove("sequence_number");
        if members.get("type").is_none_or(|kind| kind == "error") {
            members.insert("type".to_owned(), Value::from("server_error"));
        }
    }
    serde_json::json!({ "error": error })
        .to_string()
        .into_bytes()
}

fn messages(event: &Value) -> Sign {
    let kind = event
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let opens_text = || {
        let block = event
            .get("content_block")
            .and_then(|block| block.get("type"));
        matches!(block.and_then(Value::as_str), Some("text" | "thinking"))
    };
    match kind {
        "content_block_delta" | "message_delta" | "message_stop" => Sign::Content,
        "content_block_start" if !opens_text() => Sign::Content,
        _ => Sign::Nothing,
    }
}

/// Whether a whole answer, or a chunk, of Gemini's says that the prompt is refused.
fn blocks(answer: &Value) -> bool {
    answer.get("candidates").is_none_or(is_empty)
        && answer.pointer("/promptFeedback/blockReason").is_some()
}

/// Whether a whole answer says that content is refused.
pub(super) fn is_blocked(api: Api, body: &[u8]) -> bool {
    let refuses: fn(&Value) -> bool = match api {
        Api::GenerateContent => blocks,
        Api::Converse => intervened,
        _ => return false,
    };
    serde_json::from_slice(body).is_ok_and(|answer| refuses(&answer))
}

/// Whether a whole answer of Converse, or the end of its stream, has the words of a guardrail in its
/// place.
fn intervened(said: &Value) -> bool {
    let reason = said.get("stopReason").and_then(Value::as_str);
    reason == Some("guardrail_intervened")
}

/// Chunks of Gemini's. What came of the prompt alone may be told before.
fn candidates(chunk: &Value) -> Sign {
    if blocks(chunk) {
        return Sign::Blocked;
    }
    let ended = chunk.pointer("/candidates/0/finishReason");
    let parts = chunk.pointer("/candidates/0/content/parts");
    let mut parts = parts.and_then(Value::as_array).into_iter().flatten();
    // Some models begin with an empty text.
    let says = |part: &Value| part.get("text").is_none_or(|text| !is_empty(text));
    if ended.is_some() || parts.any(says) {
        Sign::Content
    } else {
        Sign::Nothing
    }
}

/// Events of Converse. Those that only open something come before content.
fn converse(event: &Value) -> Sign {
    if event.get("messageStop").is_some_and(intervened) {
        return Sign::Blocked;
    }
    let calls = event.pointer("/contentBlockStart/start/toolUse").is_some();
    let says = |name: &&str| event.get(*name).is_some();
    if calls || ["contentBlockDelta", "messageStop"].iter().any(says) {
        Sign::Content
    } else {
        Sign::Nothing
    }
}

fn is_text(event: &[u8]) -> bool {
    let event = serde_json::from_slice::<Value>(event);
    event.is_ok_and(|event| event.pointer("/contentBlockDelta/delta/text").is_some())
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}
