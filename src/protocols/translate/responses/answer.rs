/*! Reading and writing a whole answer. */

use super::output::{Kind, Progress, State, item, item_id, response};
use super::{PARAGRAPH, read_call_id, read_id, read_stop, read_usage, reasoning_texts, said_texts};
use crate::protocols::translate::hub::{Answer, Call, Input};
use crate::protocols::translate::openai::words::call_id;
use crate::protocols::translate::text::Text;
use crate::protocols::translate::tree::Value;
use crate::protocols::translate::write::Writer;
use crate::protocols::translate::{About, Malformed};

/// Reads an answer. Items of the provider's own tools are passed over: no translated request
/// has any.
pub(in super::super) fn read<'a>(body: &Value<'a>) -> Result<Answer<'a>, Malformed> {
    let output = body.get("output").filter(|output| output.is_array());
    let output = output.ok_or(Malformed("no output"))?;
    let mut thinking = Vec::new();
    let mut text = Vec::new();
    let mut calls = Vec::new();
    let mut refused = false;
    for item in output.list() {
        match item.word_at("type").as_str() {
            "reasoning" => {
                for paragraph in reasoning_texts(item) {
                    if !thinking.is_empty() {
                        thinking.push(Text::literally(PARAGRAPH));
                    }
                    thinking.push(paragraph);
                }
            }
            "message" => {
                for (said, refusal) in said_texts(item) {
                    refused |= refusal;
                    text.push(said);
                }
            }
            "function_call" => calls.push(read_call(item)?),
            _ => {}
        }
    }
    Ok(Answer {
        id: read_id(body),
        thinking: Text::joined(&thinking),
        text: Text::joined(&text),
        stop: read_stop(body, refused).with_calls(!calls.is_empty()),
        calls,
        usage: read_usage(body),
    })
}

fn read_call<'a>(item: &Value<'a>) -> Result<Call<'a>, Malformed> {
    let arguments = item.text_at("arguments");
    Ok(Call {
        id: read_call_id(item).unwrap_or_else(|| Text::of("")),
        name: item
            .text_at("name")
            .ok_or(Malformed("a function call without a name"))?,
        input: Input::of(&arguments.unwrap_or_else(|| Text::of(""))),
    })
}

/// Writes an answer.
pub(in super::super) fn write(answer: &Answer<'_>, about: &About<'_>) -> Vec<u8> {
    let id = answer.id.as_deref().unwrap_or(about.id);
    let thoughts = usize::from(!answer.thinking.is_empty());
    let texts = usize::from(!answer.text.is_empty());
    let items = thoughts.saturating_add(texts);
    let mut output = Output {
        id,
        items: vec![b'['],
        count: 0,
        total: items.saturating_add(answer.calls.len()),
        last: Progress::at_end(&answer.stop),
    };
    if !answer.thinking.is_empty() {
        output.push(Kind::Reasoning, &answer.thinking);
    }
    if !answer.text.is_empty() {
        output.push(Kind::Message, &answer.text);
    }
    for (number, call) in answer.calls.iter().enumerate() {
        let kind = Kind::Call {
            id: &call_id(Some(&call.id), about, number),
            name: &call.name,
        };
        output.push(kind, &call.input.text());
    }
    output.items.push(b']');
    let items = String::from_utf8_lossy(&output.items);
    let state = State::Ended {
        stop: &answer.stop,
        usage: &answer.usage,
        output: &items,
    };
    let mut body = Vec::with_capacity(items.len());
    let mut json = Writer::new(&mut body);
    json.open();
    response(id, about, state, &mut json);
    json.close();
    body
}

/// Items that are written one after the other.
struct Output<'a> {
    id: &'a str,
    items: Vec<u8>,
    count: usize,
    /// How many there will be.
    total: usize,
    /// How far the last one has come.
    last: Progress,
}

impl Output<'_> {
    fn push(&mut self, kind: Kind<'_>, text: &Text<'_>) {
        let id = item_id(kind, self.id, self.count);
        self.count = self.count.saturating_add(1);
        let progress = if self.count < self.total {
            Progress::Whole
        } else {
            self.last
        };
        item(kind, &id, progress, text, &mut Writer::new(&mut self.items));
    }
}
