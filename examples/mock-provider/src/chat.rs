/*! OpenAI's chat completions. */

use crate::answer::{Events, Request, arguments, parts, pieces, said, tool, words};
use crate::script::Script;
use serde_json::{Value, json};

pub(crate) fn usage(request: &Value, script: &Script, output: usize) -> Value {
    if let Some(usage) = &script.usage {
        return usage.clone();
    }
    let input = words(request);
    json!({
        "prompt_tokens": input,
        "completion_tokens": output,
        "total_tokens": input + output,
        "prompt_tokens_details": {"cached_tokens": 1},
        "completion_tokens_details": {"reasoning_tokens": 1},
    })
}

pub(crate) fn choices(request: &Value) -> u64 {
    request["n"].as_u64().unwrap_or(1)
}

fn tool_call(request: &Value, index: usize) -> Value {
    let name = tool(request, index, |tool| &tool["function"]["name"]);
    json!({"index": index, "id": format!("call_{}", index + 1), "type": "function",
           "function": {"name": name, "arguments": arguments(request, index)}})
}

fn message(request: &Value, script: &Script) -> Value {
    let calls: Vec<Value> = (0..script.calls())
        .map(|index| tool_call(request, index))
        .collect();
    let mut message = if calls.is_empty() {
        json!({"role": "assistant", "content": said(request, script)})
    } else {
        json!({"role": "assistant", "content": null, "tool_calls": calls})
    };
    if let Some(reasoning) = &script.reasoning {
        message["reasoning_content"] = json!(reasoning);
    }
    message
}

fn reason(script: &Script) -> &str {
    let good = if script.calls() > 0 {
        "tool_calls"
    } else {
        "stop"
    };
    script.stop.as_deref().unwrap_or(good)
}

pub(crate) fn whole(request: &Request<'_>, script: &Script) -> Value {
    let choice = |index| {
        json!({"index": index, "message": message(request.body, script),
               "finish_reason": reason(script), "logprobs": null})
    };
    let mut answer = json!({
        "id": "chatcmpl-mock", "object": "chat.completion", "created": 1_700_000_000,
        "model": request.model(),
        "choices": (0..choices(request.body)).map(choice).collect::<Vec<_>>(),
    });
    if !script.no_usage {
        let output = said(request.body, script).split_whitespace().count();
        answer["usage"] = usage(request.body, script, output);
    }
    answer
}

pub(crate) fn stream(request: &Request<'_>, script: &Script) -> Events {
    let wants_usage = request.body["stream_options"]["include_usage"] == json!(true);
    let reports = wants_usage && !script.no_usage;
    let chunk = |choices: Value| {
        let mut chunk = json!({
            "id": "chatcmpl-mock", "object": "chat.completion.chunk", "created": 1_700_000_000,
            "model": request.model(), "choices": choices,
        });
        if reports {
            chunk["usage"] = Value::Null;
        }
        chunk
    };
    let mut events = Vec::new();
    for index in 0..choices(request.body) {
        for (delta, reason) in deltas(request.body, script) {
            let choice = json!([{"index": index, "delta": delta, "finish_reason": reason}]);
            events.push(chunk(choice));
        }
    }
    if reports {
        let mut last = chunk(json!([]));
        let output = pieces(request.body, script).len();
        last["usage"] = usage(request.body, script, output);
        events.push(last);
    }
    let lines = events.iter().map(ToString::to_string);
    let lines = lines.chain(["[DONE]".to_owned()]);
    Events {
        all: lines
            .map(|line| format!("data: {line}\n\n").into_bytes())
            .collect(),
        // The role.
        preamble: 1,
    }
}

/// The deltas of one choice, each with the reason why it is the last, or null.
fn deltas(request: &Value, script: &Script) -> Vec<(Value, Value)> {
    let mut deltas = vec![json!({"role": "assistant", "content": ""})];
    if let Some(reasoning) = &script.reasoning {
        let parts = reasoning.split_inclusive(' ');
        deltas.extend(parts.map(|part| json!({"reasoning_content": part})));
    }
    if script.calls() == 0 {
        let pieces = pieces(request, script).into_iter();
        deltas.extend(pieces.map(|piece| json!({"content": piece})));
    }
    for index in 0..script.calls() {
        deltas.extend(tool_deltas(tool_call(request, index), script));
    }
    let going = deltas.into_iter().map(|delta| (delta, Value::Null));
    going.chain([(json!({}), json!(reason(script)))]).collect()
}

/// One call: its head with empty arguments, then these in parts.
fn tool_deltas(mut call: Value, script: &Script) -> Vec<Value> {
    let arguments = call["function"]["arguments"].take();
    call["function"]["arguments"] = json!("");
    let index = call["index"].clone();
    let mut deltas = vec![json!({"tool_calls": [call]})];
    for part in parts(arguments.as_str().unwrap_or_default(), ':', script) {
        let call = json!({"index": index, "function": {"arguments": part}});
        deltas.push(json!({"tool_calls": [call]}));
    }
    deltas
}

pub(crate) fn error(status: u16, message: &str) -> Value {
    let (kind, code) = match status {
        401 => ("invalid_request_error", json!("invalid_api_key")),
        429 => ("requests", json!("rate_limit_exceeded")),
        400..=499 => ("invalid_request_error", Value::Null),
        _ => ("server_error", Value::Null),
    };
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
}
