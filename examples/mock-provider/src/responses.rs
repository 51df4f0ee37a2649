/*! OpenAI's Responses. */

use crate::answer::{Events, Request, arguments, parts, pieces, said, tool, words};
use crate::conversations::named;
use crate::script::Script;
use serde_json::{Value, json};

fn usage(request: &Value, script: &Script, output: usize) -> Value {
    if script.no_usage {
        return Value::Null;
    }
    if let Some(usage) = &script.usage {
        return usage.clone();
    }
    let input = words(request);
    json!({
        "input_tokens": input,
        "input_tokens_details": {"cached_tokens": 1},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": input + output,
    })
}

/// The response as it stands at first: without output, under way.
fn begun(request: &Request<'_>) -> Value {
    let body = request.body;
    let or = |name: &str, default: Value| match &body[name] {
        Value::Null => default,
        value => value.clone(),
    };
    let mut response = json!({
        "id": request.id, "object": "response", "created_at": 1_700_000_000,
        "status": "in_progress", "background": false, "error": null, "incomplete_details": null,
        "instructions": body["instructions"], "max_output_tokens": body["max_output_tokens"],
        "model": request.model(), "output": [], "parallel_tool_calls": true,
        "previous_response_id": body["previous_response_id"], "reasoning": {"effort": null, "summary": null},
        "store": or("store", json!(true)), "temperature": 1.0,
        "text": or("text", json!({"format": {"type": "text"}})),
        "tool_choice": "auto", "tools": or("tools", json!([])), "top_p": 1.0,
        "truncation": "disabled", "usage": null, "user": body["user"],
        "metadata": or("metadata", json!({})),
    });
    if let Some(id) = named(body) {
        response["conversation"] = json!({"id": id});
    }
    response
}

/// The response at its end: why it is incomplete, if the script says so.
fn ended(request: &Request<'_>, script: &Script, output: Vec<Value>, words: usize) -> Value {
    let mut response = begun(request);
    response["status"] = json!("completed");
    if let Some(reason) = &script.stop {
        response["status"] = json!("incomplete");
        response["incomplete_details"] = json!({"reason": reason});
    }
    response["output"] = json!(output);
    response["usage"] = usage(request.body, script, words);
    response
}

/// One thing that the model brings forth.
enum Item {
    Reasoning(String),
    Message(Vec<String>),
    Call { name: Value, arguments: String },
}

impl Item {
    fn all(request: &Value, script: &Script, pieces: Vec<String>) -> Vec<Self> {
        let mut all: Vec<Self> = script
            .reasoning
            .clone()
            .map(Self::Reasoning)
            .into_iter()
            .collect();
        if script.calls() == 0 {
            all.push(Self::Message(pieces));
        }
        all.extend((0..script.calls()).map(|index| Self::Call {
            name: tool(request, index, |tool| &tool["name"]),
            arguments: arguments(request, index),
        }));
        all
    }

    /// As it stands at place `index` of the output; `whole` or as it begins.
    fn value(&self, index: usize, whole: bool) -> Value {
        let status = if whole { "completed" } else { "in_progress" };
        match self {
            Self::Reasoning(text) => {
                let summary = json!([{"type": "summary_text", "text": text}]);
                let summary = if whole { summary } else { json!([]) };
                json!({"id": format!("rs_{index}"), "type": "reasoning", "summary": summary})
            }
            Self::Message(pieces) => {
                let content = if whole {
                    json!([part(&pieces.concat())])
                } else {
                    json!([])
                };
                json!({"id": format!("msg_{index}"), "type": "message", "status": status,
                       "role": "assistant", "content": content})
            }
            Self::Call { name, arguments } => {
                let arguments = if whole { arguments } else { "" };
                json!({"id": format!("fc_{index}"), "type": "function_call", "status": status,
                       "call_id": format!("call_{index}"), "name": name, "arguments": arguments})
            }
        }
    }

    /// The events between its first and its last one.
    fn events(&self, index: usize, script: &Script) -> Vec<Value> {
        match self {
            Self::Reasoning(text) => {
                let at = json!({"item_id": format!("rs_{index}"), "output_index": index, "summary_index": 0});
                let texts = text.split_inclusive(' ').map(str::to_owned).collect();
                let part = |text: &str| json!({"type": "summary_text", "text": text});
                spoken("reasoning_summary", &at, texts, part)
            }
            Self::Message(pieces) => {
                let at = json!({"item_id": format!("msg_{index}"), "output_index": index, "content_index": 0});
                spoken("", &at, pieces.clone(), part)
            }
            Self::Call { arguments, .. } => {
                let at = json!({"item_id": format!("fc_{index}"), "output_index": index});
                let parts = parts(arguments, ':', script);
                let name = "response.function_call_arguments";
                let deltas = parts
                    .iter()
                    .map(|part| event(&format!("{name}.delta"), &at, "delta", json!(part)));
                let done = event(&format!("{name}.done"), &at, "arguments", json!(arguments));
                deltas.chain([done]).collect()
            }
        }
    }
}

fn part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

/// The events of a text that is said in a part: of a summary, or of a message's content.
fn spoken(of: &str, at: &Value, texts: Vec<String>, part: impl Fn(&str) -> Value) -> Vec<Value> {
    let (parts, text) = match of {
        "" => (
            "response.content_part".to_owned(),
            "response.output_text".to_owned(),
        ),
        of => (format!("response.{of}_part"), format!("response.{of}_text")),
    };
    let whole = texts.concat();
    let mut events = vec![event(&format!("{parts}.added"), at, "part", part(""))];
    for delta in texts {
        events.push(event(&format!("{text}.delta"), at, "delta", json!(delta)));
    }
    events.push(event(&format!("{text}.done"), at, "text", json!(whole)));
    events.push(event(&format!("{parts}.done"), at, "part", part(&whole)));
    if of.is_empty() {
        for event in &mut events {
            if event["type"]
                .as_str()
                .is_some_and(|kind| kind.starts_with(&text))
            {
                event["logprobs"] = json!([]);
            }
        }
    }
    events
}

/// An event with the members of `at` and one more.
fn event(kind: &str, at: &Value, name: &str, value: Value) -> Value {
    let mut event = at.clone();
    event["type"] = json!(kind);
    event[name] = value;
    event
}

pub(crate) fn whole(request: &Request<'_>, script: &Script) -> Value {
    let text = said(request.body, script);
    let items = Item::all(request.body, script, vec![text.to_owned()]).into_iter();
    let output = items
        .enumerate()
        .map(|(index, item)| item.value(index, true));
    ended(
        request,
        script,
        output.collect(),
        text.split_whitespace().count(),
    )
}

pub(crate) fn stream(request: &Request<'_>, script: &Script) -> Events {
    let none = json!({});
    let first = begun(request);
    let mut events = vec![
        event("response.created", &none, "response", first.clone()),
        event("response.in_progress", &none, "response", first),
    ];
    let pieces = pieces(request.body, script);
    let words = pieces.len();
    let mut output = Vec::new();
    for (index, item) in Item::all(request.body, script, pieces).iter().enumerate() {
        let at = json!({"output_index": index});
        events.push(event(
            "response.output_item.added",
            &at,
            "item",
            item.value(index, false),
        ));
        events.extend(item.events(index, script));
        events.push(event(
            "response.output_item.done",
            &at,
            "item",
            item.value(index, true),
        ));
        output.push(item.value(index, true));
    }
    let last = ended(request, script, output, words);
    let kind = format!("response.{}", last["status"].as_str().unwrap_or_default());
    events.push(event(&kind, &none, "response", last));
    Events {
        all: events.into_iter().enumerate().map(numbered).collect(),
        // Up to the first part of an item.
        preamble: 4,
    }
}

fn numbered((number, mut event): (usize, Value)) -> Vec<u8> {
    event["sequence_number"] = json!(number);
    let kind = event["type"].as_str().unwrap_or_default();
    format!("event: {kind}\ndata: {event}\n\n").into_bytes()
}

/// The event of an answer that failed.
pub(crate) fn failed(message: &str) -> String {
    let error = json!({"code": "server_error", "message": message});
    let response = json!({"id": "resp_mock", "object": "response", "status": "failed",
        "error": error, "output": []});
    let event = json!({"type": "response.failed", "sequence_number": 1, "response": response});
    format!("event: response.failed\ndata: {event}\n\n")
}
