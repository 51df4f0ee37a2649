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
    for data in data(stream)
        .iter()
        .filter(|data| data.as_slice() != b"[DONE]")
    {
        let event: Value = serde_json::from_slice(data).expect("data of events is JSON");
        match event["type"].as_str() {
            None => openai(&event, &mut texts, &mut ended),
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
        if choice["finish_reason"].is_string() {
            ended.push(part);
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

/// The texts of any stream, as clients join them that believe what they read: by index, or by
/// place where there is none, also behind an end.
pub(super) fn joined(stream: &[u8]) -> Texts {
    let mut texts = Texts::new();
    for data in data(stream) {
        let Ok(event) = serde_json::from_slice::<Value>(&data) else {
            continue;
        };
        let mut add = |key: Key, text: &Value| {
            let text = text.as_str().unwrap_or_default();
            texts.entry(key).or_default().push_str(text);
        };
        let index = |value: &Value, place: usize| value["index"].as_u64().unwrap_or(place as u64);
        for (place, choice) in list(&event["choices"]).enumerate() {
            let (part, delta) = (index(choice, place), &choice["delta"]);
            for kind in ["content", "reasoning_content", "refusal"] {
                add((part, kind, 0), &delta[kind]);
            }
            for (place, call) in list(&delta["tool_calls"]).enumerate() {
                let key = (part, "arguments", index(call, place));
                add(key, &call["function"]["arguments"]);
            }
        }
        for kind in ["text", "thinking", "partial_json"] {
            add((index(&event, 0), kind, 0), &event["delta"][kind]);
        }
    }
    texts
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
