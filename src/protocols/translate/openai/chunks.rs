/*! Writing the chunks of a stream. */

use super::words::call_id;
use super::{ID_PREFIX, stop_word, write_usage};
use crate::protocols::translate::About;
use crate::protocols::translate::hub::{Event, Stop, Usage};
use crate::protocols::translate::write::{self, Writer as Json};

/// Writes chunks.
#[derive(Debug, Default)]
pub(in super::super) struct Writer {
    id: String,
    calls: usize,
}

impl Writer {
    /// The first chunk, which has the role.
    pub(in super::super) fn start(
        &mut self,
        id: Option<String>,
        about: &About<'_>,
        out: &mut Vec<u8>,
    ) {
        let id = id.unwrap_or_else(|| about.id.to_owned());
        self.id = format!("{ID_PREFIX}{id}");
        self.delta(about, out, |json| {
            json.member("role", "assistant");
            json.member("content", "");
            // As OpenAI's own: documents made of the chunks must have it.
            json.raw_member("refusal", "null");
        });
    }

    /// A chunk with what was generated.
    pub(in super::super) fn write(
        &mut self,
        event: &Event<'_>,
        about: &About<'_>,
        out: &mut Vec<u8>,
    ) {
        match event {
            Event::Thinking(text) => {
                self.delta(about, out, |json| {
                    json.text_member("reasoning_content", text)
                });
            }
            Event::Text(text) => self.delta(about, out, |json| json.text_member("content", text)),
            Event::Call { id, name } => {
                let number = self.calls;
                self.calls = number.saturating_add(1);
                self.call(number, about, out, |json| {
                    json.text_member("id", &call_id(id.as_ref(), about, number));
                    json.member("type", "function");
                    json.open_member("function");
                    json.text_member("name", name);
                    json.member("arguments", "");
                    json.close();
                });
            }
            Event::Input { call, text } => self.call(*call, about, out, |json| {
                json.open_member("function");
                json.text_member("arguments", text);
                json.close();
            }),
            _ => {}
        }
    }

    /// The end: the reason, the usage if it was told, `[DONE]`.
    pub(in super::super) fn finish(
        &mut self,
        stop: &Stop<'_>,
        usage: &Usage,
        about: &About<'_>,
        out: &mut Vec<u8>,
    ) {
        self.choice(about, out, stop_word(stop), |_| {});
        // Where nobody knows, there is nothing to take out for callers who did not ask.
        if let Usage::Told(counts) = usage {
            self.chunk(about, out, |json| {
                json.open_list_member("choices");
                json.close_list();
                json.open_member("usage");
                write_usage(counts, json);
                json.close();
            });
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn call(
        &self,
        number: usize,
        about: &About<'_>,
        out: &mut Vec<u8>,
        members: impl FnOnce(&mut Json<'_>),
    ) {
        self.delta(about, out, |json| {
            json.open_list_member("tool_calls");
            json.open();
            json.count("index", u64::try_from(number).unwrap_or(u64::MAX));
            members(json);
            json.close();
            json.close_list();
        });
    }

    fn delta(&self, about: &About<'_>, out: &mut Vec<u8>, members: impl FnOnce(&mut Json<'_>)) {
        self.choice(about, out, "", members);
    }

    fn choice(
        &self,
        about: &About<'_>,
        out: &mut Vec<u8>,
        finish_reason: &str,
        members: impl FnOnce(&mut Json<'_>),
    ) {
        self.chunk(about, out, |json| {
            json.open_list_member("choices");
            json.open();
            json.count("index", 0);
            json.open_member("delta");
            members(json);
            json.close();
            json.raw_member("logprobs", "null");
            if finish_reason.is_empty() {
                json.raw_member("finish_reason", "null");
            } else {
                json.member("finish_reason", finish_reason);
            }
            json.close();
            json.close_list();
        });
    }

    fn chunk(&self, about: &About<'_>, out: &mut Vec<u8>, members: impl FnOnce(&mut Json<'_>)) {
        write::event(out, "", |json| {
            json.member("id", &self.id);
            json.member("object", "chat.completion.chunk");
            json.count("created", about.created);
            json.member("model", about.model);
            members(json);
        });
    }
}
