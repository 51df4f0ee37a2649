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
    let mut response = Response::default();
    for data in data(stream)
        .iter()
        .filter(|data| data.as_slice() != b"[DONE]")
    {
        let event: Value = serde_json::from_slice(data).expect("data of events is JSON");
        match event["type"].as_str() {
            None => openai(&event, &mut texts, &mut ended),
            Some(name) if name.starts_with("response.") => response.event(&event, &mut texts),
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
        add("text", 0, &choice["text"]);
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
            add((part, "text", 0), &choice["text"]);
            for (place, call) in list(&delta["tool_calls"]).enumerate() {
                let key = (part, "arguments", index(call, place));
                add(key, &call["function"]["arguments"]);
            }
        }
        for kind in ["text", "thinking", "partial_json"] {
            add((index(&event, 0), kind, 0), &event["delta"][kind]);
        }
        for (name, kind, index) in [
            ("response.content_part.added", KINDS[0], "content_index"),
            (
                "response.reasoning_summary_part.added",
                KINDS[1],
                "summary_index",
            ),
        ] {
            if event["type"] == name {
                let place = |name: &str| event[name].as_u64().unwrap_or(0);
                let key = (place("output_index"), kind, place(index));
                add(key, &event["part"]["text"]);
            }
        }
        let of = |kind: &&str| event["type"] == format!("{kind}.delta");
        if let Some(kind) = KINDS.into_iter().find(of) {
            let place = |name: &str| event[name].as_u64().unwrap_or(0);
            let index = place("content_index").max(place("summary_index"));
            add((place("output_index"), kind, index), &event["delta"]);
        }
    }
    texts
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// What is known of the stream of a response.
#[derive(Default)]
struct Response {
    last: Option<u64>,
    ended: Vec<Key>,
}

/// Kinds of texts, and where they stand in items.
pub(super) const KINDS: [&str; 3] = [
    "response.output_text",
    "response.reasoning_summary_text",
    "response.function_call_arguments",
];

impl Response {
    /// What is said again is what its pieces have said; numbers go up.
    fn event(&mut self, event: &Value, texts: &mut Texts) {
        let number = event["sequence_number"].as_u64().expect("a number");
        assert!(self.last < Some(number), "{number} behind {:?}", self.last);
        self.last = Some(number);
        let name = event["type"].as_str().unwrap();
        let part = event["output_index"].as_u64().unwrap_or(0);
        let (kind, what) = name.rsplit_once('.').unwrap();
        let kind = KINDS.into_iter().find(|known| *known == kind);
        let index = ["content_index", "summary_index"].map(|name| event[name].as_u64());
        let index = index.into_iter().flatten().next().unwrap_or(0);
        match (kind, what) {
            (Some(kind), "delta") => {
                let key = (part, kind, index);
                assert!(!self.ended.contains(&key), "text behind the end");
                assert_eq!(event["item_id"], format!("item_{part}"));
                texts
                    .entry(key)
                    .or_default()
                    .push_str(event["delta"].as_str().unwrap());
            }
            (Some(kind), "done") => {
                let whole = ["text", "arguments"].map(|name| event[name].as_str());
                let whole = whole.into_iter().flatten().next().unwrap();
                again(texts, (part, kind, index), whole);
                self.ended.push((part, kind, index));
            }
            (None, "done") if name == "response.output_item.done" => {
                item(texts, part, &event["item"]);
            }
            (None, "done") => {
                let kind = match event["part"]["type"].as_str().unwrap() {
                    "summary_text" => KINDS[1],
                    _ => KINDS[0],
                };
                again(
                    texts,
                    (part, kind, index),
                    event["part"]["text"].as_str().unwrap(),
                );
            }
            (None, "added") if event["part"].is_object() => {
                let kind = match event["part"]["type"].as_str().unwrap() {
                    "summary_text" => KINDS[1],
                    _ => KINDS[0],
                };
                let text = event["part"]["text"].as_str().unwrap();
                texts.entry((part, kind, index)).or_default().push_str(text);
            }
            (None, "completed") => {
                let items = event["response"]["output"].as_array().unwrap();
                for (part, own) in items.iter().enumerate() {
                    item(texts, part as u64, own);
                }
            }
            _ => {}
        }
    }
}

fn item(texts: &Texts, part: u64, item: &Value) {
    for (list, kind) in [("content", KINDS[0]), ("summary", KINDS[1])] {
        let parts = item[list].as_array().into_iter().flatten();
        for (index, own) in parts.enumerate() {
            again(
                texts,
                (part, kind, index as u64),
                own["text"].as_str().unwrap(),
            );
        }
    }
    if let Some(arguments) = item["arguments"].as_str() {
        again(texts, (part, KINDS[2], 0), arguments);
    }
}

fn again(texts: &Texts, key: Key, whole: &str) {
    let pieces = texts.get(&key).map_or("", String::as_str);
    assert_eq!(pieces, whole, "{key:?}");
}
