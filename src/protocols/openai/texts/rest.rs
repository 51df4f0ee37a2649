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
    for (ChannelKey { kind, index, .. }, text) in rest {
        let text = quote(text);
        let name = match kind {
            ChannelKind::Text | ChannelKind::Compaction => "content",
            ChannelKind::Refusal => "refusal",
            ChannelKind::Reasoning => "reasoning",
            ChannelKind::ReasoningContent => "reasoning_content",
            ChannelKind::Transcript => {
                members.push(format!(r#""audio":{{"transcript":{text}}}"#));
                continue;
            }
            ChannelKind::FunctionCall => {
                members.push(format!(r#""function_call":{{"arguments":{text}}}"#));
                continue;
            }
            ChannelKind::Arguments => {
                calls.push(format!(
                    r#"{{"index":{index},"function":{{"arguments":{text}}}}}"#
                ));
                continue;
            }
            ChannelKind::CustomInput => {
                calls.push(format!(
                    r#"{{"index":{index},"custom":{{"input":{text}}}}}"#
                ));
                continue;
            }
            ChannelKind::ReasoningText => {
                details.push(format!(
                    r#"{{"type":"reasoning.text","text":{text},"index":{index}}}"#
                ));
                continue;
            }
            ChannelKind::ReasoningSummary => {
                details.push(format!(
                    r#"{{"type":"reasoning.summary","summary":{text},"index":{index}}}"#
                ));
                continue;
            }
        };
        members.push(format!("\"{name}\":{text}"));
    }
    for (name, list) in [("tool_calls", calls), ("reasoning_details", details)] {
        if !list.is_empty() {
            members.push(format!("\"{name}\":[{}]", list.join(",")));
        }
    }
    members.join(",")
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
