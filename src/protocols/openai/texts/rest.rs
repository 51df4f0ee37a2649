/*! Chunks that bring what was held, and the answer of which not all may be told. */

use super::head::Head;
use crate::json::quote;
use crate::protocols::texts::{ChannelKey, ChannelKind};

pub(in crate::protocols) fn rest(data: &[u8], rest: &[(ChannelKey, String)]) -> String {
    let head = Head::of(data);
    let members = head.members(data);
    // Where a report was asked for, every chunk has the member.
    let usage = head.usage(data).map(|_| ",\"usage\":null");
    let usage = usage.unwrap_or_default();
    let mut chunks = String::new();
    let mut written: Vec<u32> = Vec::new();
    for (ChannelKey { part, .. }, _) in rest {
        if written.contains(part) {
            continue;
        }
        written.push(*part);
        let delta = delta(rest.iter().filter(|(key, _)| key.part == *part));
        chunks.push_str(&format!(
            "data: {{{members}\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":{part},\"delta\":{{{delta}}},\"logprobs\":null,\"finish_reason\":null}}]{usage}}}\n\n"
        ));
    }
    chunks
}

/// The members of a delta.
fn delta<'r>(rest: impl Iterator<Item = &'r (ChannelKey, String)>) -> String {
    let mut members = Vec::new();
    let mut calls = Vec::new();
    let mut details = Vec::new();
    for (key, text) in rest {
        let (place, json) = written(*key, &quote(text));
        match place {
            Place::Delta => members.push(json),
            Place::Calls => calls.push(json),
            Place::Details => details.push(json),
        }
    }
    for (name, list) in [("tool_calls", calls), ("reasoning_details", details)] {
        if !list.is_empty() {
            members.push(format!("\"{name}\":[{}]", list.join(",")));
        }
    }
    members.join(",")
}

/// Where a text stands in a delta.
enum Place {
    /// As a member.
    Delta,
    /// In an item of `tool_calls`.
    Calls,
    /// In an item of `reasoning_details`.
    Details,
}

/// A member or an item; `text` is JSON.
fn written(key: ChannelKey, text: &str) -> (Place, String) {
    let index = key.index;
    match key.kind {
        // The last six are none of chunks.
        ChannelKind::Text
        | ChannelKind::Compaction
        | ChannelKind::McpArguments
        | ChannelKind::Code
        | ChannelKind::Command
        | ChannelKind::Output
        | ChannelKind::Errors
        | ChannelKind::Patch => (Place::Delta, format!(r#""content":{text}"#)),
        ChannelKind::Refusal => (Place::Delta, format!(r#""refusal":{text}"#)),
        ChannelKind::Reasoning => (Place::Delta, format!(r#""reasoning":{text}"#)),
        ChannelKind::ReasoningContent => (Place::Delta, format!(r#""reasoning_content":{text}"#)),
        ChannelKind::Transcript => (Place::Delta, format!(r#""audio":{{"transcript":{text}}}"#)),
        ChannelKind::FunctionCall => (
            Place::Delta,
            format!(r#""function_call":{{"arguments":{text}}}"#),
        ),
        ChannelKind::Arguments => (
            Place::Calls,
            format!(r#"{{"index":{index},"function":{{"arguments":{text}}}}}"#),
        ),
        ChannelKind::CustomInput => (
            Place::Calls,
            format!(r#"{{"index":{index},"custom":{{"input":{text}}}}}"#),
        ),
        ChannelKind::ReasoningText => (
            Place::Details,
            format!(r#"{{"type":"reasoning.text","text":{text},"index":{index}}}"#),
        ),
        ChannelKind::ReasoningSummary => (
            Place::Details,
            format!(r#"{{"type":"reasoning.summary","summary":{text},"index":{index}}}"#),
        ),
    }
}

pub(in crate::protocols) fn blocked(body: &[u8], kept: &[(u32, String)]) -> String {
    let head = Head::of(body);
    let choice = |choice: &u32| {
        let of_choice = kept.iter().filter(|(part, _)| part == choice);
        let text: String = of_choice.map(|(_, text)| text.as_str()).collect();
        format!(
            r#"{{"index":{choice},"message":{{"role":"assistant","content":{},"refusal":null}},"logprobs":null,"finish_reason":"content_filter"}}"#,
            quote(&text)
        )
    };
    let choices: Vec<String> = head.choices.iter().map(choice).collect();
    let usage = head.usage(body).map(|usage| format!(",\"usage\":{usage}"));
    format!(
        r#"{{{}"object":"chat.completion","choices":[{}]{}}}"#,
        head.members(body),
        choices.join(","),
        usage.unwrap_or_default()
    )
}
