/*! Waiting for the first event of a stream that means something. */

use crate::protocols::Api;
use crate::sse::{self, Framer};
use serde_json::Value;

/// What a stream has shown so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sign {
    /// Nothing but its opening: a role, a ping, an empty block.
    Nothing,
    /// Text, a tool call, or a proper end.
    Content,
    /// An error; its data.
    Error(Vec<u8>),
}

/// Looks at each event once, however the pieces are cut.
#[derive(Debug, Default)]
pub(super) struct FirstSign {
    framer: Framer,
}

impl FirstSign {
    /// Takes the next piece.
    pub(super) fn push(&mut self, api: Api, piece: &[u8]) -> Sign {
        let joined = self.framer.join(piece);
        let mut events = joined.events();
        let mut whole = 0_usize;
        for event in events.by_ref() {
            whole = whole.saturating_add(event.len());
            let sign = sign(api, event);
            if sign != Sign::Nothing {
                return sign;
            }
        }
        let place = events.place();
        // Too long to wait for is content, whatever it is.
        match self.framer.keep(joined, whole, place) {
            Some(_) => Sign::Content,
            None => Sign::Nothing,
        }
    }

    /// The stream is over: looks at what was left unfinished.
    pub(super) fn end(&mut self, api: Api) -> Sign {
        sign(api, &self.framer.take_rest())
    }
}

fn sign(api: Api, event: &[u8]) -> Sign {
    let Some(data) = sse::data(event) else {
        return Sign::Nothing;
    };
    let Ok(value) = serde_json::from_slice::<Value>(&data) else {
        // `[DONE]` alone is no answer; neither is garbage.
        return Sign::Nothing;
    };
    match api {
        _ if is_error(&value) => Sign::Error(data.into_owned()),
        Api::ChatCompletions | Api::Completions | Api::Responses => chat(&value),
        Api::Messages => messages(&value),
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

fn chat(chunk: &Value) -> Sign {
    let choices = chunk.get("choices").and_then(Value::as_array);
    let mut choices = choices.into_iter().flatten();
    let says = |choice: &Value| {
        // Some servers have "" where others have null.
        let finished = choice
            .get("finish_reason")
            .is_some_and(|reason| !is_empty(reason));
        let delta = choice.get("delta").and_then(Value::as_object);
        let mut members = delta.into_iter().flatten();
        finished || members.any(|(name, value)| name != "role" && !is_empty(value))
    };
    if choices.any(says) {
        Sign::Content
    } else {
        Sign::Nothing
    }
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

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}
