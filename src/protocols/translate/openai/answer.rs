/*! Reading and writing a whole answer. */

use super::said::write_call;
use super::{read_id, read_stop, read_thinking, read_usage, stop_word, words, write_usage};
use crate::protocols::translate::hub::{Answer, Call, Input, Usage};
use crate::protocols::translate::text::Text;
use crate::protocols::translate::tree::Value;
use crate::protocols::translate::write::Writer;
use crate::protocols::translate::{About, Malformed};
use std::borrow::Cow;

/// Reads an answer: its first choice, since no more can have been asked for.
pub(in super::super) fn read<'a>(body: &Value<'a>) -> Result<Answer<'a>, Malformed> {
    let choice = body
        .get("choices")
        .and_then(|choices| choices.list().first());
    let choice = choice.ok_or(Malformed("no choices"))?;
    let message = choice.get("message").ok_or(Malformed("no message"))?;
    let calls = message.get("tool_calls").map_or(&[][..], Value::list);
    let calls: Vec<_> = calls.iter().map(read_call).collect::<Result<_, _>>()?;
    let refused = message
        .text_at("refusal")
        .is_some_and(|text| !text.is_empty());
    let stop = read_stop(&choice.word_at("finish_reason"), refused);
    Ok(Answer {
        id: read_id(body),
        thinking: read_thinking(message).unwrap_or_else(|| Text::of("")),
        text: read_text(message),
        stop: stop.with_calls(!calls.is_empty()),
        calls,
        usage: read_usage(body.get("usage")),
    })
}

/// The content, and a refusal if there is one.
fn read_text<'a>(message: &Value<'a>) -> Text<'a> {
    let content = message.get("content");
    let parts = content.map_or(&[][..], Value::list);
    let texts = content
        .and_then(Value::as_text)
        .into_iter()
        .chain(parts.iter().filter_map(|part| part.text_at("text")))
        .chain(message.text_at("refusal"));
    let texts: Vec<_> = texts.collect();
    match <[Text<'a>; 1]>::try_from(texts) {
        Ok([text]) => text,
        Err(texts) => Text::joined(&texts),
    }
}

fn read_call<'a>(call: &Value<'a>) -> Result<Call<'a>, Malformed> {
    const NAMELESS: Malformed = Malformed("a tool call without a name");
    let function = call.get("function").ok_or(NAMELESS)?;
    Ok(Call {
        id: call.text_at("id").unwrap_or_else(|| Text::of("")),
        name: function.text_at("name").ok_or(NAMELESS)?,
        input: read_arguments(function),
    })
}

/// Arguments; some servers send them as an object.
fn read_arguments<'a>(function: &Value<'a>) -> Input<'a> {
    match function.get("arguments") {
        Some(arguments) => match (arguments.as_text(), arguments.as_object_text()) {
            (Some(text), _) => Input::of(&text),
            (None, Some(object)) => Input::Object(Cow::Borrowed(object)),
            (None, None) => Input::Other(Text::of(arguments.raw)),
        },
        None => Input::Object(Cow::Borrowed("{}")),
    }
}

/// Writes an answer.
pub(in super::super) fn write(answer: &Answer<'_>, about: &About<'_>) -> Vec<u8> {
    let mut body = Vec::new();
    let mut json = Writer::new(&mut body);
    let id = answer.id.as_deref().unwrap_or(about.id);
    json.open();
    json.member("id", &format!("{}{id}", super::ID_PREFIX));
    json.member("object", "chat.completion");
    json.count("created", about.created);
    json.member("model", about.model);
    json.open_list_member("choices");
    json.open();
    json.count("index", 0);
    json.open_member("message");
    message(answer, about, &mut json);
    json.close();
    json.raw_member("logprobs", "null");
    json.member("finish_reason", stop_word(&answer.stop));
    json.close();
    json.close_list();
    if let Usage::Told(counts) = &answer.usage {
        json.open_member("usage");
        write_usage(counts, &mut json);
        json.close();
    }
    json.close();
    body
}

fn message(answer: &Answer<'_>, about: &About<'_>, json: &mut Writer<'_>) {
    json.member("role", "assistant");
    if answer.text.is_empty() && !answer.calls.is_empty() {
        json.raw_member("content", "null");
    } else {
        json.text_member("content", &answer.text);
    }
    json.raw_member("refusal", "null");
    if !answer.thinking.is_empty() {
        json.text_member("reasoning_content", &answer.thinking);
    }
    if !answer.calls.is_empty() {
        json.open_list_member("tool_calls");
        for (number, call) in answer.calls.iter().enumerate() {
            let id = words::call_id(Some(&call.id), about, number);
            write_call(call, &id, json);
        }
        json.close_list();
    }
}
