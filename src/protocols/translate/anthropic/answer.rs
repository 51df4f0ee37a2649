/*! Reading and writing a whole answer. */

use super::{Tokens, call_id, read_id, read_stop, write_stop, write_usage};
use crate::protocols::translate::hub::{Answer, Call, Input, Stop};
use crate::protocols::translate::text::Text;
use crate::protocols::translate::tree::Value;
use crate::protocols::translate::write::Writer;
use crate::protocols::translate::{About, Malformed};

/// Reads an answer. Blocks of the provider's own tools are passed over: no translated
/// request has any.
pub(in super::super) fn read<'a>(body: &Value<'a>) -> Result<Answer<'a>, Malformed> {
    let content = body.get("content").filter(|content| content.is_array());
    let content = content.ok_or(Malformed("no content"))?;
    let mut thinking = Vec::new();
    let mut text = Vec::new();
    let mut calls = Vec::new();
    for block in content.list() {
        match block.word_at("type").as_str() {
            "thinking" => thinking.extend(block.text_at("thinking")),
            "text" => text.extend(block.text_at("text")),
            "tool_use" => calls.push(read_call(block)?),
            _ => {}
        }
    }
    let mut tokens = Tokens::default();
    tokens.take(body.get("usage"));
    let stop = read_stop(body).unwrap_or(Stop::Unknown);
    Ok(Answer {
        id: read_id(body),
        thinking: Text::joined(&thinking),
        text: Text::joined(&text),
        stop: stop.with_calls(!calls.is_empty()),
        calls,
        usage: tokens.total(),
    })
}

fn read_call<'a>(block: &Value<'a>) -> Result<Call<'a>, Malformed> {
    const NAMELESS: Malformed = Malformed("a tool_use block without id and name");
    Ok(Call {
        id: block.text_at("id").ok_or(NAMELESS)?,
        name: block.text_at("name").ok_or(NAMELESS)?,
        input: Input::of_value(block.get("input")),
    })
}

/// Writes an answer.
pub(in super::super) fn write(answer: &Answer<'_>, about: &About<'_>) -> Vec<u8> {
    let mut body = Vec::new();
    let mut json = Writer::new(&mut body);
    let id = answer.id.as_deref().unwrap_or(about.id);
    json.open();
    json.member("id", &format!("{}{id}", super::ID_PREFIX));
    json.member("type", "message");
    json.member("role", "assistant");
    json.member("model", about.model);
    json.open_list_member("content");
    content(answer, about, &mut json);
    json.close_list();
    write_stop(&answer.stop, &mut json);
    json.open_member("usage");
    write_usage(&answer.usage, &mut json);
    json.close();
    json.close();
    body
}

fn content(answer: &Answer<'_>, about: &About<'_>, json: &mut Writer<'_>) {
    if !answer.thinking.is_empty() {
        json.open();
        json.member("type", "thinking");
        json.text_member("thinking", &answer.thinking);
        // The field must be there; nobody but Anthropic can sign.
        json.member("signature", "");
        json.close();
    }
    if !answer.text.is_empty() {
        json.open();
        json.member("type", "text");
        json.text_member("text", &answer.text);
        json.close();
    }
    for (number, call) in answer.calls.iter().enumerate() {
        json.open();
        json.member("type", "tool_use");
        json.text_member("id", &call_id(Some(&call.id), about, number));
        json.text_member("name", &call.name);
        json.raw_member("input", &call.input.object());
        json.close();
    }
}
