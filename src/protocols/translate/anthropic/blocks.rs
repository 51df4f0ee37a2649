/*! Writing the events of a stream: content in blocks, one after the other.

OpenAI has channels that may run side by side (text, thinking, any number of calls). The
front one is written as it comes; what belongs to another waits until the front one is
surely over. Text and thinking are over when anything else comes, a call when its
arguments are whole. */

use super::{ID_PREFIX, call_id, write_stop, write_usage};
use crate::protocols::translate::hub::{Event, Stop, Usage};
use crate::protocols::translate::nesting::Nesting;
use crate::protocols::translate::text::Text;
use crate::protocols::translate::write::{self, Writer as Json};
use crate::protocols::translate::{About, MAX_HELD, Malformed};
use std::collections::VecDeque;

/// Writes events.
#[derive(Debug, Default)]
pub(in super::super) struct Writer {
    front: Front,
    waiting: VecDeque<Waiting>,
    /// Bytes that wait.
    held: usize,
    /// Index of the front block, or of the next one.
    index: u64,
    calls: usize,
}

/// The block that is open.
#[derive(Debug, Default)]
enum Front {
    #[default]
    Closed,
    Text,
    Thinking,
    Call {
        number: usize,
        nesting: Nesting,
    },
}

/// A block that is not open yet; text is escaped.
#[derive(Debug)]
enum Waiting {
    Text(String),
    Thinking(String),
    Call {
        number: usize,
        id: Text<'static>,
        name: Text<'static>,
        input: String,
    },
}

impl Writer {
    /// The first event. Usage is not known yet: the last event has it all.
    pub(in super::super) fn start(
        &mut self,
        id: Option<String>,
        about: &About<'_>,
        out: &mut Vec<u8>,
    ) {
        let id = id.unwrap_or_else(|| about.id.to_owned());
        write::event(out, "message_start", |json| {
            json.member("type", "message_start");
            json.open_member("message");
            json.member("id", &format!("{ID_PREFIX}{id}"));
            json.member("type", "message");
            json.member("role", "assistant");
            json.member("model", about.model);
            json.raw_member("content", "[]");
            json.raw_member("stop_reason", "null");
            json.raw_member("stop_sequence", "null");
            json.open_member("usage");
            write_usage(&Usage::Untold, json);
            json.close();
            json.close();
        });
    }

    /// Writes what was generated, or keeps it.
    pub(in super::super) fn write(
        &mut self,
        event: &Event<'_>,
        about: &About<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Malformed> {
        match event {
            Event::Text(text) => self.text(text, out),
            Event::Thinking(text) => self.thinking(text, out),
            Event::Call { id, name } => {
                let number = self.calls;
                self.calls = number.saturating_add(1);
                self.enqueue(Waiting::Call {
                    number,
                    id: call_id(id.as_ref(), about, number),
                    name: name.clone().into_owned(),
                    input: String::new(),
                });
                self.advance(out);
            }
            Event::Input { call, text } => self.input(*call, text, out)?,
            _ => {}
        }
        if self.held > MAX_HELD {
            return Err(Malformed("too much that waits for the end of a tool call"));
        }
        Ok(())
    }

    /// The end: what waits, the reason, the usage.
    pub(in super::super) fn finish(&mut self, stop: &Stop<'_>, usage: &Usage, out: &mut Vec<u8>) {
        self.close(out);
        while let Some(next) = self.waiting.pop_front() {
            self.open(next, out);
            self.close(out);
        }
        write::event(out, "message_delta", |json| {
            json.member("type", "message_delta");
            json.open_member("delta");
            write_stop(stop, json);
            json.close();
            json.open_member("usage");
            write_usage(usage, json);
            json.close();
        });
        write::event(out, "message_stop", |json| {
            json.member("type", "message_stop");
        });
    }

    fn text(&mut self, text: &Text<'_>, out: &mut Vec<u8>) {
        if matches!(self.front, Front::Text) {
            return self.delta("text_delta", "text", text, out);
        }
        if let Some(Waiting::Text(held)) = self.waiting.back_mut() {
            held.push_str(text.inside());
            self.held = self.held.saturating_add(text.inside().len());
        } else {
            self.enqueue(Waiting::Text(text.inside().to_owned()));
        }
        self.advance(out);
    }

    fn thinking(&mut self, text: &Text<'_>, out: &mut Vec<u8>) {
        if matches!(self.front, Front::Thinking) {
            return self.delta("thinking_delta", "thinking", text, out);
        }
        if let Some(Waiting::Thinking(held)) = self.waiting.back_mut() {
            held.push_str(text.inside());
            self.held = self.held.saturating_add(text.inside().len());
        } else {
            self.enqueue(Waiting::Thinking(text.inside().to_owned()));
        }
        self.advance(out);
    }

    fn input(&mut self, call: usize, text: &Text<'_>, out: &mut Vec<u8>) -> Result<(), Malformed> {
        if let Front::Call { number, nesting } = &mut self.front
            && *number == call
        {
            nesting.take(&text.value());
            self.delta("input_json_delta", "partial_json", text, out);
            self.advance(out);
            return Ok(());
        }
        for waiting in &mut self.waiting {
            if let Waiting::Call { number, input, .. } = waiting
                && *number == call
            {
                input.push_str(text.inside());
                self.held = self.held.saturating_add(text.inside().len());
                return Ok(());
            }
        }
        if text.value().trim().is_empty() {
            return Ok(());
        }
        Err(Malformed(
            "more arguments after those of a tool call were whole",
        ))
    }

    fn enqueue(&mut self, block: Waiting) {
        self.held = self.held.saturating_add(block.held());
        self.waiting.push_back(block);
    }

    /// Opens the next blocks while the front one is over.
    fn advance(&mut self, out: &mut Vec<u8>) {
        while !self.waiting.is_empty() && self.front.is_over() {
            self.close(out);
            if let Some(next) = self.waiting.pop_front() {
                self.open(next, out);
            }
        }
    }

    /// Opens a block with all that waited for it.
    fn open(&mut self, block: Waiting, out: &mut Vec<u8>) {
        self.held = self.held.saturating_sub(block.held());
        match block {
            Waiting::Text(text) => {
                self.block_start(out, |json| {
                    json.member("type", "text");
                    json.member("text", "");
                });
                self.front = Front::Text;
                self.delta("text_delta", "text", &Text::around(&text), out);
            }
            Waiting::Thinking(text) => {
                self.block_start(out, |json| {
                    json.member("type", "thinking");
                    json.member("thinking", "");
                    json.member("signature", "");
                });
                self.front = Front::Thinking;
                self.delta("thinking_delta", "thinking", &Text::around(&text), out);
            }
            Waiting::Call {
                number,
                id,
                name,
                input,
            } => {
                self.block_start(out, |json| {
                    json.member("type", "tool_use");
                    json.text_member("id", &id);
                    json.text_member("name", &name);
                    json.raw_member("input", "{}");
                });
                let input = Text::around(&input);
                let mut nesting = Nesting::default();
                nesting.take(&input.value());
                self.front = Front::Call { number, nesting };
                if !input.is_empty() {
                    self.delta("input_json_delta", "partial_json", &input, out);
                }
            }
        }
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if matches!(self.front, Front::Closed) {
            return;
        }
        self.front = Front::Closed;
        self.event("content_block_stop", out, |_| {});
        self.index = self.index.saturating_add(1);
    }

    fn block_start(&self, out: &mut Vec<u8>, members: impl FnOnce(&mut Json<'_>)) {
        self.event("content_block_start", out, |json| {
            json.open_member("content_block");
            members(json);
            json.close();
        });
    }

    fn delta(&self, kind: &str, name: &'static str, text: &Text<'_>, out: &mut Vec<u8>) {
        self.event("content_block_delta", out, |json| {
            json.open_member("delta");
            json.member("type", kind);
            json.text_member(name, text);
            json.close();
        });
    }

    fn event(&self, kind: &str, out: &mut Vec<u8>, members: impl FnOnce(&mut Json<'_>)) {
        write::event(out, kind, |json| {
            json.member("type", kind);
            json.count("index", self.index);
            members(json);
        });
    }
}

impl Front {
    /// Whether another block may follow.
    const fn is_over(&self) -> bool {
        match self {
            Self::Closed | Self::Text | Self::Thinking => true,
            Self::Call { nesting, .. } => nesting.is_whole(),
        }
    }
}

impl Waiting {
    /// Bytes that it holds.
    fn held(&self) -> usize {
        match self {
            Self::Text(text) | Self::Thinking(text) => text.len(),
            Self::Call {
                id, name, input, ..
            } => {
                let named = id.literal().len().saturating_add(name.literal().len());
                named.saturating_add(input.len())
            }
        }
    }
}
