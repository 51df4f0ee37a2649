//! Bedrock's Converse, and Amazon's event streams.

use crate::answer::{Events, Request, arguments, parts, pieces, said, tool};
use crate::script::Script;
use serde_json::{Value, json};

pub(crate) const STREAM: &str = "application/vnd.amazon.eventstream";

/// Whether this is a path of its API.
pub(crate) fn is_at(path: &str) -> bool {
    let is_method = |method| matches!(method, "converse" | "converse-stream");
    let rest = path.split_once("/model/").map(|(_, rest)| rest);
    rest.and_then(|rest| rest.split_once('/'))
        .is_some_and(|(_, method)| is_method(method))
}

/// Whether a stream is asked for.
pub(crate) fn streams(path: &str) -> bool {
    path.ends_with("/converse-stream")
}

/// The model that the path names, encoded as it stands there.
pub(crate) fn model(path: &str) -> Option<&str> {
    let (_, rest) = path.split_once("/model/")?;
    rest.split('/').next()
}

/// What was read from the cache is counted apart.
fn usage(request: &Value, script: &Script, output: usize) -> Value {
    if let Some(usage) = &script.usage {
        return usage.clone();
    }
    let said = ["messages", "system"].map(|field| request[field].to_string());
    let input: usize = said
        .iter()
        .map(|text| text.split_whitespace().count())
        .sum();
    json!({"inputTokens": input, "outputTokens": output, "cacheReadInputTokens": 1,
        "cacheWriteInputTokens": 0, "totalTokens": input + output + 1})
}

fn called(request: &Value, index: usize) -> Value {
    let declared = json!({"tools": request["toolConfig"]["tools"]});
    let name = tool(&declared, index, |tool| &tool["toolSpec"]["name"]);
    json!({"toolUseId": format!("tooluse_{}", index + 1), "name": name})
}

/// The title of what is cited.
const CITATION: &str = "document-1";

/// Whether the answer cites a document: its text stands elsewhere then.
fn cites(request: &Value) -> bool {
    request["messages"]
        .to_string()
        .contains(r#""citations":{"enabled":true}"#)
}

fn reason(script: &Script) -> &str {
    let good = match script.calls() {
        0 => "end_turn",
        _ => "tool_use",
    };
    script.stop.as_deref().unwrap_or(good)
}

pub(crate) fn whole(request: &Request<'_>, script: &Script) -> Value {
    let body = request.body;
    let mut content = Vec::new();
    if let Some(text) = &script.reasoning {
        let thought = json!({"text": text, "signature": "c2lnbmF0dXJl"});
        content.push(json!({"reasoningContent": {"reasoningText": thought}}));
    }
    if script.calls() == 0 {
        let text = json!({"text": said(body, script)});
        content.push(match cites(body) {
            true => {
                json!({"citationsContent": {"content": [text], "citations": [{"title": CITATION}]}})
            }
            false => text,
        });
    }
    for index in 0..script.calls() {
        let mut call = called(body, index);
        call["input"] = serde_json::from_str(&arguments(body, index)).unwrap_or(Value::Null);
        content.push(json!({"toolUse": call}));
    }
    let mut answer = json!({
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": reason(script), "metrics": {"latencyMs": 7},
    });
    if !script.no_usage {
        let output = said(body, script).split_whitespace().count();
        answer["usage"] = usage(body, script, output);
    }
    answer
}

/// A block of a stream: its beginning, where there is one, and its deltas.
fn block(index: usize, start: Option<Value>, deltas: Vec<Value>) -> Vec<Vec<u8>> {
    let start = start.map(|start| json!({"contentBlockIndex": index, "start": start}));
    let start = start.iter().map(|start| event("contentBlockStart", start));
    let deltas = deltas.into_iter().map(|delta| {
        // Amazon pads events, so that their length tells nothing.
        let data = json!({"contentBlockIndex": index, "delta": delta, "p": "abcdefgh"});
        event("contentBlockDelta", &data)
    });
    let stop = event("contentBlockStop", &json!({"contentBlockIndex": index}));
    start.chain(deltas).chain([stop]).collect()
}

pub(crate) fn stream(request: &Request<'_>, script: &Script) -> Events {
    let body = request.body;
    let mut all = vec![event("messageStart", &json!({"role": "assistant"}))];
    let mut index = 0;
    if let Some(text) = &script.reasoning {
        let deltas = text.split_inclusive(' ').map(|text| json!({"text": text}));
        let signed = [json!({"signature": "c2lnbmF0dXJl"})];
        let deltas = deltas.chain(signed);
        let deltas = deltas.map(|delta| json!({"reasoningContent": delta}));
        all.extend(block(index, None, deltas.collect()));
        index += 1;
    }
    if script.calls() == 0 {
        let deltas = pieces(body, script).into_iter();
        let deltas = deltas.map(|text| json!({"text": text}));
        let cited = cites(body).then(|| json!({"citation": {"title": CITATION}}));
        let deltas = deltas.chain(cited).collect();
        all.extend(block(index, None, deltas));
    }
    for call in 0..script.calls() {
        let input = arguments(body, call);
        let deltas = parts(&input, ':', script).into_iter();
        let deltas = deltas.map(|part| json!({"toolUse": {"input": part}}));
        let start = json!({"toolUse": called(body, call)});
        all.extend(block(index, Some(start), deltas.collect()));
        index += 1;
    }
    let words = match script.calls() {
        0 => pieces(body, script).len(),
        calls => calls,
    };
    all.push(event("messageStop", &json!({"stopReason": reason(script)})));
    let mut metadata = json!({"metrics": {"latencyMs": 7}});
    if !script.no_usage {
        metadata["usage"] = usage(body, script, words);
    }
    all.push(event("metadata", &metadata));
    Events { all, preamble: 1 }
}

fn event(name: &str, data: &Value) -> Vec<u8> {
    let headers = [
        (":event-type", name),
        (":content-type", "application/json"),
        (":message-type", "event"),
    ];
    message(&headers, data)
}

/// An error inside a stream.
pub(crate) fn exception(message_text: &str) -> Vec<u8> {
    let headers = [
        (":exception-type", "serviceUnavailableException"),
        (":content-type", "application/json"),
        (":message-type", "exception"),
    ];
    message(&headers, &json!({"message": message_text}))
}

fn message(headers: &[(&str, &str)], data: &Value) -> Vec<u8> {
    let mut head = Vec::new();
    for (name, value) in headers {
        head.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        head.extend(name.bytes());
        head.push(7);
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        head.extend(length.to_be_bytes());
        head.extend(value.bytes());
    }
    let payload = data.to_string();
    let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    let mut out = Vec::new();
    out.extend(length(16 + head.len() + payload.len()));
    out.extend(length(head.len()));
    out.extend(crc32(&out).to_be_bytes());
    out.extend(head);
    out.extend(payload.bytes());
    out.extend(crc32(&out).to_be_bytes());
    out
}

/// Bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ if sum & 1 == 1 { 0xEDB8_8320 } else { 0 };
        }
    }
    !sum
}

pub(crate) fn error(message: &str) -> Value {
    json!({"message": message})
}
