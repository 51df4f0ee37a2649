//! Gemini's `generateContent`.

use crate::answer::{Events, Request, arguments, pieces, said, tool};
use crate::script::Script;
use serde_json::{Value, json};

/// Whether this is a path of its API.
pub(crate) fn is_at(path: &str) -> bool {
    method(path).is_some()
}

/// Whether a stream is asked for.
pub(crate) fn streams(path: &str) -> bool {
    method(path) == Some("streamGenerateContent")
}

fn method(path: &str) -> Option<&str> {
    let bare = path.split('?').next()?;
    let (_, method) = bare.rsplit_once(':')?;
    matches!(method, "generateContent" | "streamGenerateContent").then_some(method)
}

/// The model that the path names.
pub(crate) fn model(path: &str) -> Option<&str> {
    let (before, _) = path.rsplit_once(':')?;
    before.rsplit('/').next()
}

/// Google counts thoughts apart from the answer.
fn usage(request: &Value, script: &Script, output: usize) -> Value {
    if let Some(usage) = &script.usage {
        return usage.clone();
    }
    let said = ["contents", "systemInstruction"].map(|field| request[field].to_string());
    let prompt: usize = said
        .iter()
        .map(|text| text.split_whitespace().count())
        .sum();
    let thoughts = script.reasoning.as_deref().unwrap_or_default();
    let thoughts = thoughts.split_whitespace().count();
    json!({
        "promptTokenCount": prompt + 1, "cachedContentTokenCount": 1,
        "candidatesTokenCount": output, "thoughtsTokenCount": thoughts,
        "totalTokenCount": prompt + 1 + output + thoughts,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": prompt + 1}],
    })
}

fn function_call(request: &Value, index: usize) -> Value {
    let declared = json!({"tools": request["tools"][0]["functionDeclarations"]});
    let name = tool(&declared, index, |tool| &tool["name"]);
    let args: Value = serde_json::from_str(&arguments(request, index)).unwrap_or(Value::Null);
    let mut part = json!({"functionCall": {"name": name, "args": args}});
    if index == 0 {
        part["thoughtSignature"] = json!("c2lnbmF0dXJl");
    }
    part
}

fn answer(request: &Request<'_>, parts: &[Value], usage: Option<Value>) -> Value {
    let mut answer = json!({
        "candidates": [{"content": {"parts": parts, "role": "model"}, "index": 0}],
        "modelVersion": request.model(), "responseId": "mock-response",
    });
    if let Some(usage) = usage {
        answer["usageMetadata"] = usage;
    }
    answer
}

fn end(answer: &mut Value, script: &Script) {
    let reason = script.stop.as_deref().unwrap_or("STOP");
    answer["candidates"][0]["finishReason"] = json!(reason);
}

fn thought(text: &str) -> Value {
    json!({"text": text, "thought": true})
}

fn calls(request: &Value, script: &Script) -> Vec<Value> {
    (0..script.calls())
        .map(|index| function_call(request, index))
        .collect()
}

pub(crate) fn whole(request: &Request<'_>, script: &Script) -> Value {
    let mut parts: Vec<Value> = script.reasoning.iter().map(|text| thought(text)).collect();
    match script.calls() {
        0 => parts.push(json!({"text": said(request.body, script)})),
        _ => parts.extend(calls(request.body, script)),
    }
    let output = said(request.body, script).split_whitespace().count();
    let usage = (!script.no_usage).then(|| usage(request.body, script, output));
    let mut answer = answer(request, &parts, usage);
    end(&mut answer, script);
    answer
}

/// Usage is told in each chunk, so far; calls come whole. Lines end as Google's do.
pub(crate) fn stream(request: &Request<'_>, script: &Script) -> Events {
    let reasoning = script.reasoning.as_deref().unwrap_or_default();
    let mut parts: Vec<Value> = reasoning.split_inclusive(' ').map(thought).collect();
    match script.calls() {
        0 => parts.extend(
            pieces(request.body, script)
                .iter()
                .map(|text| json!({"text": text})),
        ),
        _ => parts.extend(calls(request.body, script)),
    }
    let mut chunks: Vec<Value> = (1..=parts.len())
        .map(|number| {
            let said = parts[..number]
                .iter()
                .filter(|part| part["thought"].is_null());
            let usage = (!script.no_usage).then(|| usage(request.body, script, said.count()));
            answer(request, &parts[number - 1..number], usage)
        })
        .collect();
    if let Some(last) = chunks.last_mut() {
        end(last, script);
    }
    let event = |chunk: &Value| format!("data: {chunk}\r\n\r\n").into_bytes();
    Events {
        all: chunks.iter().map(event).collect(),
        preamble: 0,
    }
}

pub(crate) fn error(status: u16, message: &str) -> Value {
    let word = match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        400..=499 => "INVALID_ARGUMENT",
        500 => "INTERNAL",
        504 => "DEADLINE_EXCEEDED",
        _ => "UNAVAILABLE",
    };
    json!({"error": {"code": status, "message": message, "status": word, "details": []}})
}

/// What is wrong with a request, as far as Google refuses it before it thinks.
pub(crate) fn refusal(path: &str, request: &Value) -> Option<String> {
    const KNOWN: [&str; 5] = [
        "contents",
        "systemInstruction",
        "tools",
        "toolConfig",
        "generationConfig",
    ];
    let members = request.as_object().into_iter().flatten();
    let ours = |name: &str| name.starts_with("mock_") || KNOWN.contains(&name);
    if let Some((name, _)) = members.into_iter().find(|(name, _)| !ours(name)) {
        return Some(format!(
            "Invalid JSON payload received. Unknown name \"{name}\": Cannot find field."
        ));
    }
    if streams(path) && !path.ends_with("?alt=sse") {
        return Some("the mock streams events alone".to_owned());
    }
    let contents = request["contents"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let good = |content: &Value| {
        let role = matches!(content["role"].as_str(), Some("user" | "model"));
        let parts = content["parts"].as_array();
        role && parts.is_some_and(|parts| !parts.is_empty() && parts.iter().all(is_part))
    };
    (contents.is_empty() || !contents.iter().all(good))
        .then(|| "* GenerateContentRequest.contents: contents is not specified".to_owned())
}

/// Vertex AI knows no ids of calls, and what is no object is no answer of a function.
fn is_part(part: &Value) -> bool {
    let function = part
        .get("functionCall")
        .or_else(|| part.get("functionResponse"));
    let body = function.map(|function| {
        let args = function.get("args").or_else(|| function.get("response"));
        let named = function["name"].is_string() && function.get("id").is_none();
        named && args.is_none_or(Value::is_object)
    });
    let data = ["inlineData", "fileData"]
        .iter()
        .any(|name| part[*name].is_object());
    body.unwrap_or_else(|| data || part["text"].is_string())
}
