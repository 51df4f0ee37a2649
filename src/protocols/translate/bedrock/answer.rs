/*! Reading a whole answer. */

use super::{read_stop, read_usage};
use crate::protocols::translate::Malformed;
use crate::protocols::translate::hub::{Answer, Call, Input};
use crate::protocols::translate::text::Text;
use crate::protocols::translate::tree::Value;

/// Reads an answer. What is no text, thought or call is passed over: no translated request asks for
/// it. The id is in the head.
pub(in super::super) fn read<'a>(body: &Value<'a>) -> Result<Answer<'a>, Malformed> {
    let output = body.get("output");
    let message = output.and_then(|output| output.get("message"));
    let content = message.and_then(|message| message.get("content"));
    let content = content.filter(|content| content.is_array());
    let content = content.ok_or(Malformed("no content"))?;
    let mut thinking = Vec::new();
    let mut text = Vec::new();
    let mut calls = Vec::new();
    for block in content.list() {
        text.extend(block.text_at("text"));
        text.extend(cited(block));
        let thought = block.get("reasoningContent");
        let thought = thought.and_then(|thought| thought.get("reasoningText"));
        thinking.extend(thought.and_then(|thought| thought.text_at("text")));
        if let Some(call) = block.get("toolUse") {
            calls.push(read_call(call)?);
        }
    }
    Ok(Answer {
        id: None,
        thinking: Text::joined(&thinking),
        text: Text::joined(&text),
        stop: read_stop(&body.word_at("stopReason")).with_calls(!calls.is_empty()),
        calls,
        usage: read_usage(body.get("usage")),
    })
}

/// The texts of a block that cites documents, which stand in the place of a text.
fn cited<'a>(block: &Value<'a>) -> impl Iterator<Item = Text<'a>> {
    let content = block.get("citationsContent");
    let content = content.and_then(|content| content.get("content"));
    let content = content.map_or(&[][..], Value::list);
    content.iter().filter_map(|said| said.text_at("text"))
}

fn read_call<'a>(call: &Value<'a>) -> Result<Call<'a>, Malformed> {
    let (id, name) = read_name(call)?;
    let input = Input::of_value(call.get("input"));
    Ok(Call { id, name, input })
}

/// The id and the name of a call.
pub(super) fn read_name<'a>(call: &Value<'a>) -> Result<(Text<'a>, Text<'a>), Malformed> {
    let both = call.text_at("toolUseId").zip(call.text_at("name"));
    both.ok_or(Malformed("a toolUse block without id and name"))
}
