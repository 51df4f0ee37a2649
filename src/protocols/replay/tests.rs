mod documents;
mod giving_up;
mod streams;
mod translated;

use super::*;
use crate::sse::{self, Framer};
use serde_json::{Value, json};

/// More than any test needs.
const ROOM: usize = 1 << 20;

/// The data of a stream's events, in their order.
fn data_of(stream: &[u8]) -> Vec<String> {
    let mut framer = Framer::default();
    let joined = framer.join(stream);
    let mut events = joined.events();
    let all: Vec<String> = events
        .by_ref()
        .map(|event| String::from_utf8(sse::data(event).unwrap().into_owned()).unwrap())
        .collect();
    assert!(events.unfinished().is_empty());
    all
}

/// The document of events.
fn assembled(api: Api, events: &[impl AsRef<str>]) -> Option<Value> {
    let mut assembler = Assembler::new(api, ROOM);
    for event in events {
        assembler.event(event.as_ref().as_bytes());
    }
    let gave_up = assembler.gave_up();
    let document = assembler.finish();
    assert!(!gave_up || document.is_none());
    document.map(|document| serde_json::from_slice(&document).unwrap())
}

/// The events of a document, as JSON but for `[DONE]`.
fn told(api: Api, whole: &Value, include_usage: bool) -> Vec<String> {
    let stream = as_stream(api, whole.to_string().as_bytes(), include_usage);
    data_of(&stream.unwrap_or_else(|| panic!("{whole}")))
}

fn parsed(events: &[String]) -> Vec<Value> {
    let events = events.iter().filter(|event| *event != "[DONE]");
    events
        .map(|event| serde_json::from_str(event).unwrap())
        .collect()
}

/// A chunk of a chat completion.
fn chunk(choices: Value) -> String {
    json!({"id": "c1", "object": "chat.completion.chunk", "created": 7, "model": "m",
           "choices": choices})
    .to_string()
}

fn delta(index: u64, delta: Value) -> String {
    chunk(json!([{"index": index, "delta": delta, "finish_reason": null}]))
}

fn ends(index: u64, reason: &str) -> String {
    chunk(json!([{"index": index, "delta": {}, "finish_reason": reason}]))
}

fn done() -> String {
    "[DONE]".to_owned()
}
