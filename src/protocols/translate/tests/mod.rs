mod answers;
mod bedrock;
mod bedrock_bounds;
mod gemini;
mod hostile;
mod limits;
mod requests;
mod responses;
mod streams;

use super::*;
use ChatApi::{Completions as OpenAi, Messages as Anthropic, Responses};
use serde_json::Value as Json;

const ABOUT: About<'static> = About {
    model: "smart",
    created: 1_700_000_000,
    id: "seed",
};

fn target() -> Target<'static> {
    Target {
        model: "claude-sonnet-4-5",
        max_output: Some(64_000),
        default_output: None,
    }
}

/// A request in the other protocol, and what was dropped.
fn told(from: ChatApi, to: impl Into<ProviderApi>, body: &Json) -> (Json, Vec<&'static str>) {
    told_to(from, to, body, &target())
}

fn told_to(
    from: ChatApi,
    to: impl Into<ProviderApi>,
    body: &Json,
    target: &Target<'_>,
) -> (Json, Vec<&'static str>) {
    let done = request(from, to.into(), body.to_string().as_bytes(), target).unwrap();
    (serde_json::from_slice(&done.body).unwrap(), done.dropped)
}

fn refused(from: ChatApi, to: impl Into<ProviderApi>, body: &Json) -> Refusal {
    request(from, to.into(), body.to_string().as_bytes(), &target()).unwrap_err()
}

fn told_answer(from: impl Into<ProviderApi>, to: ChatApi, body: &Json) -> Json {
    let body = answer(from.into(), to, body.to_string().as_bytes(), &ABOUT).unwrap();
    serde_json::from_slice(&body).unwrap()
}

fn hi_openai(more: &Json) -> Json {
    let mut body =
        serde_json::json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    body
}

fn hi_anthropic(more: &Json) -> Json {
    let mut body = hi_openai(&serde_json::json!({"max_tokens": 10}));
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    body
}

/// The events of a stream: name and data.
fn events(stream: &[u8]) -> Vec<(String, String)> {
    let text = std::str::from_utf8(stream).unwrap();
    let mut events = Vec::new();
    for event in text.split_terminator("\n\n") {
        let mut name = String::new();
        let mut data = String::new();
        for line in event.split('\n') {
            if let Some(value) = line.strip_prefix("event: ") {
                value.clone_into(&mut name);
            } else {
                assert!(data.is_empty(), "{event}");
                line.strip_prefix("data: ").unwrap().clone_into(&mut data);
            }
        }
        events.push((name, data));
    }
    events
}

/// What an official client makes of a stream, as a whole answer.
fn assembled(to: ChatApi, stream: &[u8]) -> Json {
    match to {
        OpenAi => assembled_openai(stream),
        Responses => assembled_responses(stream),
        Anthropic => assembled_anthropic(stream),
    }
}

fn append(to: &mut Json, more: &Json) {
    let more = more.as_str().unwrap();
    let so_far = to.as_str().unwrap_or_default();
    *to = Json::from(format!("{so_far}{more}"));
}

fn assembled_openai(stream: &[u8]) -> Json {
    let mut all = events(stream);
    assert_eq!(all.pop().unwrap(), (String::new(), "[DONE]".to_owned()));
    let mut usage: Json = serde_json::from_str(&all.last().unwrap().1).unwrap();
    if usage["choices"] == serde_json::json!([]) {
        assert!(usage["usage"].is_object(), "only for the usage");
        all.pop();
    } else {
        usage["usage"] = Json::Null;
    }
    let mut message = serde_json::json!({"role": null, "content": null, "refusal": null});
    let mut finish = Json::Null;
    for (index, (name, data)) in all.iter().enumerate() {
        assert_eq!(name, "");
        let chunk: Json = serde_json::from_str(data).unwrap();
        assert_eq!(chunk["object"], "chat.completion.chunk");
        assert_eq!(
            (&chunk["id"], &chunk["model"]),
            (&usage["id"], &usage["model"])
        );
        let choice = &chunk["choices"][0];
        assert_eq!(choice["index"], 0);
        let delta = choice["delta"].as_object().unwrap();
        assert_eq!(delta.contains_key("role"), index == 0);
        assert_eq!(finish, Json::Null, "nothing follows the reason");
        for (key, value) in delta {
            match key.as_str() {
                "role" => message["role"] = value.clone(),
                "content" | "reasoning_content" => append(&mut message[key], value),
                "tool_calls" => add_call(&mut message, &value[0]),
                "refusal" => assert!(index == 0 && value.is_null()),
                other => panic!("{other}"),
            }
        }
        finish = choice["finish_reason"].clone();
    }
    if message.get("tool_calls").is_some() && message["content"] == "" {
        message["content"] = Json::Null;
    }
    let mut whole = serde_json::json!({"id": usage["id"], "object": "chat.completion",
        "created": usage["created"], "model": usage["model"],
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish}]});
    if !usage["usage"].is_null() {
        whole["usage"] = usage["usage"].clone();
    }
    whole
}

fn add_call(message: &mut Json, call: &Json) {
    if message.get("tool_calls").is_none() {
        message["tool_calls"] = serde_json::json!([]);
    }
    let calls = message["tool_calls"].as_array_mut().unwrap();
    let index = usize::try_from(call["index"].as_u64().unwrap()).unwrap();
    if index == calls.len() {
        let mut call = call.clone();
        assert!(call["id"].is_string() && call["function"]["name"].is_string());
        call.as_object_mut().unwrap().remove("index");
        calls.push(call);
    } else {
        assert!(call.get("id").is_none());
        append(
            &mut calls[index]["function"]["arguments"],
            &call["function"]["arguments"],
        );
    }
}

fn assembled_anthropic(stream: &[u8]) -> Json {
    let mut message = Json::Null;
    let mut open = None;
    let mut input = String::new();
    let mut stopped = false;
    for (name, data) in events(stream) {
        let event: Json = serde_json::from_str(&data).unwrap();
        assert_eq!(event["type"], name.as_str());
        assert!(!stopped, "nothing follows message_stop");
        let index = event["index"].as_u64();
        match name.as_str() {
            "message_start" => message = event["message"].clone(),
            "content_block_start" => {
                let content = message["content"].as_array_mut().unwrap();
                assert_eq!((open, index), (None, u64::try_from(content.len()).ok()));
                open = index;
                input.clear();
                content.push(event["content_block"].clone());
            }
            "content_block_delta" => {
                assert_eq!(open, index);
                let block = message["content"]
                    .as_array_mut()
                    .unwrap()
                    .last_mut()
                    .unwrap();
                let delta = &event["delta"];
                match (
                    delta["type"].as_str().unwrap(),
                    block["type"].as_str().unwrap(),
                ) {
                    ("text_delta", "text") => append(&mut block["text"], &delta["text"]),
                    ("thinking_delta", "thinking") => {
                        append(&mut block["thinking"], &delta["thinking"]);
                    }
                    ("input_json_delta", "tool_use") => {
                        input.push_str(delta["partial_json"].as_str().unwrap());
                    }
                    other => panic!("{other:?}"),
                }
            }
            "content_block_stop" => {
                assert_eq!(open.take(), index);
                let block = message["content"]
                    .as_array_mut()
                    .unwrap()
                    .last_mut()
                    .unwrap();
                if !input.is_empty() {
                    block["input"] = serde_json::from_str(&input).unwrap();
                }
            }
            "message_delta" => {
                assert_eq!(open, None);
                message["stop_reason"] = event["delta"]["stop_reason"].clone();
                message["stop_sequence"] = event["delta"]["stop_sequence"].clone();
                message["usage"] = event["usage"].clone();
            }
            "message_stop" => stopped = true,
            other => panic!("{other}"),
        }
    }
    assert!(stopped);
    message
}

/// What the last event has, after a check of all before it.
fn assembled_responses(stream: &[u8]) -> Json {
    let mut items: Vec<Json> = Vec::new();
    let mut open = Vec::new();
    let mut last = Json::Null;
    for (number, (name, data)) in events(stream).into_iter().enumerate() {
        let event: Json = serde_json::from_str(&data).unwrap();
        assert_eq!(
            (&event["type"], &event["sequence_number"]),
            (&Json::from(name.as_str()), &Json::from(number))
        );
        assert!(last.is_null(), "nothing follows the end");
        let index = event["output_index"]
            .as_u64()
            .map(|index| usize::try_from(index).unwrap());
        match name.as_str() {
            "response.created" | "response.in_progress" => {
                assert!(number < 2 && event["response"]["status"] == "in_progress");
            }
            "response.output_item.added" => {
                assert_eq!(
                    (index, &event["item"]["status"]),
                    (Some(items.len()), &Json::from("in_progress"))
                );
                open.push(items.len());
                items.push(event["item"].clone());
            }
            "response.output_item.done" => {
                let index = index.unwrap();
                open.retain(|open| *open != index);
                let status = event["item"]["status"].clone();
                assert!(status == "completed" || status == "incomplete");
                items[index]["status"] = status;
                assert_eq!(items[index], event["item"]);
            }
            "response.completed" | "response.incomplete" => {
                assert!(open.is_empty());
                last = event["response"].clone();
                assert_eq!(last["output"], Json::from(items.clone()));
                let cut = items.iter().any(|item| item["status"] == "incomplete");
                assert!(!cut || last["status"] == "incomplete");
                assert_eq!(
                    name,
                    format!("response.{}", last["status"].as_str().unwrap())
                );
            }
            name => {
                let index = index.unwrap();
                assert!(open.contains(&index), "{name} of a closed item");
                assert_eq!(event["item_id"], items[index]["id"]);
                of_item(&mut items[index], name, &event);
            }
        }
    }
    assert!(!last.is_null());
    last
}

fn of_item(item: &mut Json, name: &str, event: &Json) {
    let (list, index) = match item["type"].as_str().unwrap() {
        "reasoning" => ("summary", "summary_index"),
        _ => ("content", "content_index"),
    };
    match name {
        "response.content_part.added" | "response.reasoning_summary_part.added" => {
            assert_eq!(
                (&event[index], &item[list]),
                (&Json::from(0), &serde_json::json!([]))
            );
            item[list] = serde_json::json!([event["part"]]);
        }
        "response.content_part.done" | "response.reasoning_summary_part.done" => {
            assert_eq!(item[list][0], event["part"]);
        }
        "response.output_text.delta" | "response.reasoning_summary_text.delta" => {
            append(&mut item[list][0]["text"], &event["delta"]);
        }
        "response.output_text.done" | "response.reasoning_summary_text.done" => {
            assert_eq!(item[list][0]["text"], event["text"]);
        }
        "response.function_call_arguments.delta" => append(&mut item["arguments"], &event["delta"]),
        "response.function_call_arguments.done" => {
            assert_eq!(
                (&item["arguments"], &item["name"]),
                (&event["arguments"], &event["name"])
            );
        }
        other => panic!("{other}"),
    }
}

/// All that a stream of these events is told as, and whether it ended properly.
fn streamed(from: impl Into<ProviderApi>, to: ChatApi, data: &[Json]) -> (Vec<u8>, bool) {
    let mut stream = Stream::new(from.into(), to, &ABOUT);
    let mut out = Vec::new();
    for data in data {
        let text = match data.as_str() {
            Some(text) => text.to_owned(),
            None => data.to_string(),
        };
        stream.event(text.as_bytes(), &mut out).unwrap();
    }
    let ended = stream.end(&mut out);
    (out, ended)
}
