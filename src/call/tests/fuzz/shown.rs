//! What a client sees of a stream.

use super::*;
use std::collections::BTreeMap;

/// Which text of a stream: part, kind, index.
pub(super) type Key = (u64, &'static str, u64);

/// The texts of a stream by what they are pieces of.
pub(super) type Texts = BTreeMap<Key, String>;

/// A stream with LF at the end of all lines.
pub(super) fn lines(stream: &[u8]) -> String {
    let text = String::from_utf8_lossy(stream);
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// The data of each event.
pub(super) fn data(stream: &[u8]) -> Vec<Vec<u8>> {
    let text = lines(stream);
    let events = text.split("\n\n").map(|event| {
        let lines = event
            .split('\n')
            .filter_map(|line| line.strip_prefix("data:"));
        let lines: Vec<_> = lines
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
            .collect();
        lines.join("\n").into_bytes()
    });
    events.filter(|data| !data.is_empty()).collect()
}

/// The texts of a stream that was not damaged. Nothing comes of a part that has ended.
pub(super) fn texts(stream: &[u8]) -> Texts {
    let mut texts = Texts::new();
    let mut ended = Vec::new();
    let mut number = None;
    for data in data(stream)
        .iter()
        .filter(|data| data.as_slice() != b"[DONE]")
    {
        let event: Value = serde_json::from_slice(data).expect("data of events is JSON");
        match event["type"].as_str() {
            None => openai(&event, &mut texts, &mut ended),
            Some(kind) if kind.starts_with("response.") => {
                assert!(event["sequence_number"].as_u64() > number, "{event}");
                number = event["sequence_number"].as_u64();
                response(kind, &event, &mut texts);
            }
            Some(_) => anthropic(&event, &mut texts, &mut ended),
        }
    }
    texts
}

fn openai(event: &Value, texts: &mut Texts, ended: &mut Vec<u64>) {
    for choice in event["choices"].as_array().into_iter().flatten() {
        let (part, delta) = (choice["index"].as_u64().unwrap(), &choice["delta"]);
        let mut add = |kind, index, text: &Value| {
            let text = text.as_str().unwrap_or_default();
            assert!(
                text.is_empty() || !ended.contains(&part),
                "text behind the end"
            );
            texts.entry((part, kind, index)).or_default().push_str(text);
        };
        for kind in ["content", "reasoning_content", "refusal"] {
            add(kind, 0, &delta[kind]);
        }
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            let index = call["index"].as_u64().unwrap();
            add("arguments", index, &call["function"]["arguments"]);
        }
        if choice["text"].is_string() {
            let text = choice["text"].as_str().unwrap_or_default();
            assert!(
                text.is_empty() || !ended.contains(&part),
                "text behind the end"
            );
            let shown = texts.entry((part, "text", 0)).or_default();
            shown.push_str(text);
        }
        if choice["finish_reason"].is_string() {
            ended.push(part);
        }
    }
}

/// What is said again, whole, is what was said in pieces.
fn response(kind: &str, event: &Value, texts: &mut Texts) {
    let number = |name: &str| event[name].as_u64().unwrap_or(0);
    let part = number("output_index");
    let mut again = |key: Key, text: &Value| {
        let shown = texts.get(&key).map_or("", String::as_str);
        assert_eq!(text.as_str(), Some(shown), "{key:?} of {event}");
    };
    match kind {
        "response.output_text.delta"
        | "response.reasoning_summary_text.delta"
        | "response.function_call_arguments.delta" => {
            let key = match kind {
                "response.output_text.delta" => (part, "text", number("content_index")),
                "response.function_call_arguments.delta" => (part, "arguments", 0),
                _ => (part, "summary", number("summary_index")),
            };
            let text = event["delta"].as_str().unwrap_or_default();
            texts.entry(key).or_default().push_str(text);
        }
        "response.output_text.done" => {
            again((part, "text", number("content_index")), &event["text"]);
        }
        "response.content_part.done" => {
            again(
                (part, "text", number("content_index")),
                &event["part"]["text"],
            );
        }
        "response.reasoning_summary_text.done" => {
            again((part, "summary", number("summary_index")), &event["text"]);
        }
        "response.reasoning_summary_part.done" => {
            again(
                (part, "summary", number("summary_index")),
                &event["part"]["text"],
            );
        }
        "response.function_call_arguments.done" => {
            again((part, "arguments", 0), &event["arguments"]);
        }
        "response.output_item.done" => item(part, &event["item"], &mut again),
        "response.completed" => {
            let items = event["response"]["output"].as_array().unwrap();
            for (part, value) in (0..).zip(items) {
                item(part, value, &mut again);
            }
        }
        _ => {}
    }
}

fn item(part: u64, item: &Value, again: &mut impl FnMut(Key, &Value)) {
    if item["type"] == "function_call" {
        again((part, "arguments", 0), &item["arguments"]);
    }
    for (kind, name) in [("text", "content"), ("summary", "summary")] {
        for (index, value) in (0..).zip(item[name].as_array().into_iter().flatten()) {
            again((part, kind, index), &value["text"]);
        }
    }
}

fn anthropic(event: &Value, texts: &mut Texts, ended: &mut Vec<u64>) {
    let Some(part) = event["index"].as_u64() else {
        return;
    };
    for kind in ["text", "thinking", "partial_json"] {
        let text = event["delta"][kind].as_str().unwrap_or_default();
        assert!(
            text.is_empty() || !ended.contains(&part),
            "text behind the end"
        );
        texts.entry((part, kind, 0)).or_default().push_str(text);
    }
    if event["type"] == "content_block_stop" {
        ended.push(part);
    }
}
