/*! Anthropic's messages. */

use crate::answer::{Events, Request, arguments, parts, pieces, said, tool, words};
use crate::script::Script;
use serde_json::{Value, json};

/// Anthropic counts what it read from its cache apart from the rest of the input.
fn usage(request: &Value, script: &Script, output: usize) -> Value {
    if let Some(usage) = &script.usage {
        return usage.clone();
    }
    json!({
        "input_tokens": words(request).saturating_sub(1),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 1,
        "output_tokens": output,
        "service_tier": "standard",
    })
}

fn tool_use(request: &Value, index: usize) -> Value {
    let name = tool(request, index, |tool| &tool["name"]);
    let input = serde_json::from_str(&arguments(request, index)).unwrap_or(Value::Null);
    json!({"type": "tool_use", "id": format!("toolu_{}", index + 1), "name": name,
           "input": input})
}

fn content(request: &Value, script: &Script) -> Vec<Value> {
    let mut content = Vec::new();
    if let Some(reasoning) = &script.reasoning {
        content.push(json!({"type": "thinking", "thinking": reasoning, "signature": SIGNATURE}));
    }
    if script.calls() == 0 {
        content.push(json!({"type": "text", "text": said(request, script)}));
    }
    content.extend((0..script.calls()).map(|index| tool_use(request, index)));
    content
}

/// Stands for what proves that a thought is the model's own.
const SIGNATURE: &str = "c2lnbmF0dXJl";

fn reason(script: &Script) -> &str {
    let good = if script.calls() > 0 {
        "tool_use"
    } else {
        "end_turn"
    };
    script.stop.as_deref().unwrap_or(good)
}

fn message(request: &Request<'_>) -> Value {
    json!({"id": "msg_mock", "type": "message", "role": "assistant", "model": request.model(),
           "content": [], "stop_reason": null, "stop_sequence": null})
}

pub(crate) fn whole(request: &Request<'_>, script: &Script) -> Value {
    let mut answer = message(request);
    answer["content"] = content(request.body, script).into();
    answer["stop_reason"] = json!(reason(script));
    if !script.no_usage {
        let output = said(request.body, script).split_whitespace().count();
        answer["usage"] = usage(request.body, script, output);
    }
    answer
}

pub(crate) fn stream(request: &Request<'_>, script: &Script) -> Events {
    let blocks = content(request.body, script);
    let mut start = message(request);
    let mut end = json!({"type": "message_delta",
                         "delta": {"stop_reason": reason(script), "stop_sequence": null}});
    if !script.no_usage {
        start["usage"] = usage(request.body, script, 1);
        let output = pieces(request.body, script).len();
        end["usage"] = usage(request.body, script, output);
    }
    let mut events = vec![
        json!({"type": "message_start", "message": start}),
        json!({"type": "ping"}),
    ];
    let preamble = events.len();
    for (index, block) in blocks.into_iter().enumerate() {
        events.extend(block_events(index, block, request.body, script));
    }
    events.extend([end, json!({"type": "message_stop"})]);
    let line = |event: &Value| {
        let kind = event["type"].as_str().unwrap_or_default();
        format!("event: {kind}\ndata: {event}\n\n").into_bytes()
    };
    Events {
        all: events.iter().map(line).collect(),
        preamble,
    }
}

/// One content block: its start without content, its deltas, its stop.
fn block_events(index: usize, mut block: Value, request: &Value, script: &Script) -> Vec<Value> {
    let deltas = match block["type"].as_str() {
        Some("text") => {
            block["text"] = json!("");
            text_deltas(&pieces(request, script))
        }
        Some("thinking") => {
            let thinking = block["thinking"].take();
            block["thinking"] = json!("");
            block["signature"] = json!("");
            thinking_deltas(thinking.as_str().unwrap_or_default())
        }
        _ => {
            let input = block["input"].take();
            block["input"] = json!({});
            input_deltas(&input.to_string(), script)
        }
    };
    let start = json!({"type": "content_block_start", "index": index, "content_block": block});
    let stop = json!({"type": "content_block_stop", "index": index});
    let delta =
        |delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let deltas = deltas.into_iter().map(delta);
    [start].into_iter().chain(deltas).chain([stop]).collect()
}

fn text_deltas(pieces: &[String]) -> Vec<Value> {
    let delta = |piece| json!({"type": "text_delta", "text": piece});
    pieces.iter().map(delta).collect()
}

fn thinking_deltas(text: &str) -> Vec<Value> {
    let parts = text.split_inclusive(' ');
    let deltas = parts.map(|part| json!({"type": "thinking_delta", "thinking": part}));
    let signature = json!({"type": "signature_delta", "signature": SIGNATURE});
    deltas.chain([signature]).collect()
}

/// The first part is empty, as Anthropic's often is.
fn input_deltas(input: &str, script: &Script) -> Vec<Value> {
    let parts = [String::new()].into_iter().chain(parts(input, ':', script));
    parts
        .map(|part| json!({"type": "input_json_delta", "partial_json": part}))
        .collect()
}

pub(crate) fn error(status: u16, message: &str) -> Value {
    let kind = match status {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        529 => "overloaded_error",
        _ => "api_error",
    };
    json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_mock"})
}

/// What is wrong with a request, as far as Anthropic refuses it before it thinks.
pub(crate) fn refusal(
    version: Option<&str>,
    counts: bool,
    request: &Value,
) -> Option<&'static str> {
    if version.is_none() {
        return Some("anthropic-version: header is required");
    }
    if !counts && !request["max_tokens"].is_u64() {
        return Some("max_tokens: Field required");
    }
    let messages = request["messages"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let role = |message: &Value| matches!(message["role"].as_str(), Some("user" | "assistant"));
    (messages.is_empty() || !messages.iter().all(role))
        .then_some("messages: roles must be user or assistant")
}
