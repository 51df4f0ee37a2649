/*! Reading the events of a stream. */

use super::{Tokens, read_id, read_stop};
use crate::protocols::translate::Malformed;
use crate::protocols::translate::fault::Fault;
use crate::protocols::translate::hub::Event;
use crate::protocols::translate::text::Text;
use crate::protocols::translate::tree::Value;

/// Most blocks that are open at once: Anthropic opens one after the other.
const MAX_OPEN: usize = 1024;

/// Reads events.
#[derive(Debug, Default)]
pub(in super::super) struct Reader {
    open: Vec<Call>,
    begun: usize,
    tokens: Tokens,
}

/// A `tool_use` block that is open.
#[derive(Debug)]
struct Call {
    /// The block's index.
    index: u64,
    number: usize,
    /// What its arguments are if no delta comes; empty after one.
    unsaid: String,
}

impl Reader {
    /// Reads one event. Unknown ones are passed over, as Anthropic demands of clients.
    pub(in super::super) fn read<'a>(
        &mut self,
        event: &Value<'a>,
        events: &mut Vec<Event<'a>>,
    ) -> Result<(), Malformed> {
        match event.word_at("type").as_str() {
            "message_start" => {
                let message = event.get("message").ok_or(Malformed("no message"))?;
                self.tokens.take(message.get("usage"));
                self.tokens.forget_output();
                events.push(Event::Start {
                    id: read_id(message),
                });
                events.push(Event::Usage(self.tokens.so_far()));
            }
            "content_block_start" => self.block_start(event, events)?,
            "content_block_delta" => self.delta(event, events)?,
            "content_block_stop" => {
                let index = index(event)?;
                self.settle(Some(index), events);
            }
            "message_delta" => {
                self.settle(None, events);
                self.tokens.take(event.get("usage"));
                events.push(Event::Usage(self.tokens.so_far()));
                if let Some(stop) = event.get("delta").and_then(read_stop) {
                    events.push(Event::Stop(stop));
                }
            }
            "message_stop" => {
                self.settle(None, events);
                events.push(Event::Done);
            }
            "error" => events.push(Event::Fault(Fault::of_event(event))),
            // Some servers that speak this protocol send errors without a type.
            "" if event.get("error").is_some() => {
                events.push(Event::Fault(Fault::of_event(event)));
            }
            _ => {}
        }
        Ok(())
    }

    fn block_start<'a>(
        &mut self,
        event: &Value<'a>,
        events: &mut Vec<Event<'a>>,
    ) -> Result<(), Malformed> {
        let block = event.get("content_block");
        let block = block.ok_or(Malformed("no content_block"))?;
        match block.word_at("type").as_str() {
            "text" => push_text(block.text_at("text"), Event::Text, events),
            "thinking" => push_text(block.text_at("thinking"), Event::Thinking, events),
            "tool_use" => {
                const NAMELESS: Malformed = Malformed("a tool_use block without id and name");
                let id = block.text_at("id").ok_or(NAMELESS)?;
                let name = block.text_at("name").ok_or(NAMELESS)?;
                if self.open.len() >= MAX_OPEN {
                    return Err(Malformed("too many open blocks"));
                }
                let unsaid = block.get("input").and_then(Value::as_object_text);
                self.open.push(Call {
                    index: index(event)?,
                    number: self.begun,
                    unsaid: unsaid.unwrap_or("{}").to_owned(),
                });
                self.begun = self.begun.saturating_add(1);
                let id = Some(id);
                events.push(Event::Call { id, name });
            }
            _ => {}
        }
        Ok(())
    }

    fn delta<'a>(
        &mut self,
        event: &Value<'a>,
        events: &mut Vec<Event<'a>>,
    ) -> Result<(), Malformed> {
        let delta = event.get("delta").ok_or(Malformed("no delta"))?;
        match delta.word_at("type").as_str() {
            "text_delta" => push_text(delta.text_at("text"), Event::Text, events),
            "thinking_delta" => push_text(delta.text_at("thinking"), Event::Thinking, events),
            "input_json_delta" => {
                let index = index(event)?;
                let call = self.open.iter_mut().find(|call| call.index == index);
                // Deltas of the provider's own tools belong to no call.
                if let Some(call) = call
                    && let Some(text) = delta.text_at("partial_json")
                    && !text.is_empty()
                {
                    call.unsaid.clear();
                    let call = call.number;
                    events.push(Event::Input { call, text });
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Closes one block, or all: a call that had no arguments gets those it began with.
    fn settle(&mut self, index: Option<u64>, events: &mut Vec<Event<'_>>) {
        self.open.retain(|call| {
            if index.is_some_and(|index| index != call.index) {
                return true;
            }
            if !call.unsaid.is_empty() {
                events.push(Event::Input {
                    call: call.number,
                    text: Text::of(&call.unsaid),
                });
            }
            false
        });
    }
}

fn index(event: &Value<'_>) -> Result<u64, Malformed> {
    let index = event.get("index").and_then(Value::as_count);
    index.ok_or(Malformed("no index"))
}

fn push_text<'a>(
    text: Option<Text<'a>>,
    event: fn(Text<'a>) -> Event<'a>,
    events: &mut Vec<Event<'a>>,
) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        events.push(event(text));
    }
}
