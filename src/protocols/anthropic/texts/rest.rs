/*! Events that bring what was held, and the answer of which not all may be told. */

use crate::json::{Error, Kind, Reader, quote};
use crate::protocols::event::unwatched;
use crate::protocols::texts::{ChannelKey, ChannelKind, Member, plain, report};

pub(in crate::protocols) fn rest(rest: &[(ChannelKey, String)]) -> String {
    let mut events = String::new();
    for (key, text) in rest {
        let (kind, name) = match key.kind {
            ChannelKind::Reasoning
            | ChannelKind::ReasoningContent
            | ChannelKind::ReasoningText
            | ChannelKind::ReasoningSummary => ("thinking_delta", "thinking"),
            ChannelKind::Arguments | ChannelKind::CustomInput | ChannelKind::FunctionCall => {
                ("input_json_delta", "partial_json")
            }
            ChannelKind::Compaction => ("compaction_delta", "content"),
            ChannelKind::Text | ChannelKind::Refusal | ChannelKind::Transcript => {
                ("text_delta", "text")
            }
        };
        let (index, text) = (key.part, quote(text));
        events.push_str(&format!(
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":{index},\"delta\":{{\"type\":\"{kind}\",\"{name}\":{text}}}}}\n\n"
        ));
    }
    events
}

/// What a message says beside its content, with what clients that demand it get where there
/// is none.
const HEAD: [(&str, &str); 3] = [
    ("id", "\"\""),
    ("model", "\"\""),
    ("usage", r#"{"input_tokens":0,"output_tokens":0}"#),
];

pub(in crate::protocols) fn blocked(body: &[u8], kept: &[(u32, String)]) -> String {
    let found = head(body).unwrap_or_default();
    let mut members = String::new();
    for ((name, default), value) in HEAD.iter().zip(found) {
        members.push_str(&format!("\"{name}\":{},", value.unwrap_or(default)));
    }
    let said = kept.iter().filter(|(_, text)| !text.is_empty());
    let block = |(_, text): &(u32, String)| format!(r#"{{"type":"text","text":{}}}"#, quote(text));
    let blocks: Vec<String> = said.map(block).collect();
    format!(
        r#"{{{members}"type":"message","role":"assistant","content":[{}],"stop_reason":"refusal","stop_sequence":null}}"#,
        blocks.join(",")
    )
}

/// The values of [`HEAD`], as JSON, unless text could be in them.
fn head(body: &[u8]) -> Result<[Option<&str>; HEAD.len()], Error> {
    let mut found = [None; HEAD.len()];
    let mut reader = Reader::new(body, unwatched)?;
    if reader.kind()? == Kind::Object {
        reader.object(|reader, key| {
            let place = HEAD.iter().position(|(name, _)| *name == key.value());
            let Some(place) = place.and_then(|place| found.get_mut(place)) else {
                return reader.skip().map(drop);
            };
            let span = match key.value().as_ref() {
                "usage" => report(reader)?,
                "id" => plain(reader, Member::Id)?,
                _ => plain(reader, Member::Name)?,
            };
            let value = span.and_then(|span| body.get(span.start..span.end));
            let value = value.filter(|value| *value != b"null");
            *place = value.and_then(|value| std::str::from_utf8(value).ok());
            Ok::<(), Error>(())
        })?;
    }
    Ok(found)
}
