/*! Reading the events of a stream. */

use super::{Tokens, read_id, read_stop};
use crate::protocols::translate::Malformed;
use crate::protocols::translate::fault::Fault;
use crate::protocols::translate::hub::Event;
use crate::protocols::translate::open_calls::OpenCalls;
use crate::protocols::translate::text::Text;
use crate::protocols::translate::tree::Value;

/// Reads events.
#[derive(Debug, Default)]
pub(in super::super) struct Reader {
    calls: OpenCalls,
    tokens: Tokens,
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
                self.calls.settle(Some(index(event)?), events);
            }
            "message_delta" => {
                self.calls.settle(None, events);
                self.tokens.take(event.get("usage"));
                events.push(Event::Usage(self.tokens.so_far()));
                if let Some(stop) = event.get("delta").and_then(read_stop) {
                    events.push(Event::Stop(stop));
                }
            }
            "message_stop" => {
                self.calls.settle(None, events);
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
                let unsaid = block.get("input").and_then(Value::as_object_text);
                self.calls.begin(index(event)?, unsaid.unwrap_or("{}"))?;
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
                if let Some(text) = delta.text_at("partial_json") {
                    self.calls.more(index, text, events);
                }
            }
            _ => {}
        }
        Ok(())
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
