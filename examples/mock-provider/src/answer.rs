/*! Good answers: what a model would say. */

use crate::script::Script;
use serde_json::{Value, json};

const TEXT: &str = "Hello from the mock provider. ";

/// The body of an answer and its content type.
pub(crate) struct Answer {
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
}

pub(crate) fn answer(request: &Value, script: &Script) -> Answer {
    if let Some(body) = &script.body {
        let streamed = body.starts_with("data:") || body.starts_with(':');
        return Answer {
            content_type: if streamed { SSE } else { JSON },
            body: body.clone().into_bytes(),
        };
    }
    if request["stream"] == json!(true) {
        Answer {
            content_type: SSE,
            body: stream(request, script),
        }
    } else {
        Answer {
            content_type: JSON,
            body: whole(request, script),
        }
    }
}

const JSON: &str = "application/json";
const SSE: &str = "text/event-stream; charset=utf-8";

fn usage(request: &Value, script: &Script, output: usize) -> Value {
    if let Some(usage) = &script.usage {
        return usage.clone();
    }
    let input = request["messages"].to_string().split_whitespace().count();
    json!({
        "prompt_tokens": input,
        "completion_tokens": output,
        "total_tokens": input + output,
        "prompt_tokens_details": {"cached_tokens": 1},
        "completion_tokens_details": {"reasoning_tokens": 1},
    })
}

fn choices(request: &Value) -> u64 {
    request["n"].as_u64().unwrap_or(1)
}

fn tool_call(request: &Value) -> Value {
    let name = &request["tools"][0]["function"]["name"];
    json!({"index": 0, "id": "call_1", "type": "function",
           "function": {"name": name, "arguments": "{\"city\":\"Köln\"}"}})
}

/// What the model says: the script's text, or `mock_echo` of the request (for texts that
/// are too long for a header).
fn said<'a>(request: &'a Value, script: &'a Script) -> &'a str {
    let echo = request["mock_echo"].as_str();
    script.text.as_deref().or(echo).unwrap_or(TEXT)
}

fn whole(request: &Value, script: &Script) -> Vec<u8> {
    let text = said(request, script);
    let choice = |index| {
        let message = if script.tool {
            json!({"role": "assistant", "content": null, "tool_calls": [tool_call(request)]})
        } else {
            json!({"role": "assistant", "content": text})
        };
        let reason = if script.tool { "tool_calls" } else { "stop" };
        json!({"index": index, "message": message, "finish_reason": reason, "logprobs": null})
    };
    let mut answer = json!({
        "id": "chatcmpl-mock", "object": "chat.completion", "created": 1_700_000_000,
        "model": request["model"],
        "choices": (0..choices(request)).map(choice).collect::<Vec<_>>(),
    });
    if !script.no_usage {
        answer["usage"] = usage(request, script, text.split_whitespace().count());
    }
    answer.to_string().into_bytes()
}

fn stream(request: &Value, script: &Script) -> Vec<u8> {
    let wants_usage = request["stream_options"]["include_usage"] == json!(true);
    let reports = wants_usage && !script.no_usage;
    let chunk = |choices: Value| {
        let mut chunk = json!({
            "id": "chatcmpl-mock", "object": "chat.completion.chunk", "created": 1_700_000_000,
            "model": request["model"], "choices": choices,
        });
        if reports {
            chunk["usage"] = Value::Null;
        }
        chunk
    };
    let delta = |index: u64, delta: Value, reason: Value| {
        chunk(json!([{"index": index, "delta": delta, "finish_reason": reason}]))
    };
    let mut events = Vec::new();
    let pieces = pieces(request, script);
    for index in 0..choices(request) {
        events.push(delta(
            index,
            json!({"role": "assistant", "content": ""}),
            Value::Null,
        ));
        if script.tool {
            events.extend(tool_events(request, |d| delta(index, d, Value::Null)));
            events.push(delta(index, json!({}), json!("tool_calls")));
            continue;
        }
        for piece in &pieces {
            events.push(delta(index, json!({"content": piece}), Value::Null));
        }
        events.push(delta(index, json!({}), json!("stop")));
    }
    if reports {
        let mut last = chunk(json!([]));
        last["usage"] = usage(request, script, pieces.len());
        events.push(last);
    }
    let mut out = Vec::new();
    for event in events {
        out.extend_from_slice(format!("data: {event}\n\n").as_bytes());
    }
    out.extend_from_slice(b"data: [DONE]\n\n");
    out
}

/// The streamed pieces of the text: its words, repeated or cut to the number asked for.
fn pieces(request: &Value, script: &Script) -> Vec<String> {
    let text = said(request, script);
    let words: Vec<String> = text.split_inclusive(' ').map(str::to_owned).collect();
    let count = script.events.unwrap_or(words.len());
    words.into_iter().cycle().take(count).collect()
}

fn tool_events(request: &Value, delta: impl Fn(Value) -> Value) -> Vec<Value> {
    let mut call = tool_call(request);
    let arguments = call["function"]["arguments"].take();
    call["function"]["arguments"] = json!("");
    let mut events = vec![delta(json!({"tool_calls": [call]}))];
    for part in arguments.as_str().unwrap_or_default().split_inclusive(':') {
        let call = json!({"index": 0, "function": {"arguments": part}});
        events.push(delta(json!({"tool_calls": [call]})));
    }
    events
}
