/*! Reading the chunks of a stream. */

use super::{read_id, read_stop, read_thinking, read_usage};
use crate::protocols::translate::fault::Fault;
use crate::protocols::translate::hub::Event;
use crate::protocols::translate::text::Text;
use crate::protocols::translate::tree::Value;
use crate::protocols::translate::{MAX_HELD, Malformed};

/// Most tool calls in one answer: many times what models make.
const MAX_CALLS: usize = 1024;

/// Reads chunks.
#[derive(Debug, Default)]
pub(in super::super) struct Reader {
    calls: Vec<Slot>,
    /// How many calls have begun for the hub.
    begun: usize,
    refused: bool,
}

/// A tool call, under the provider's index.
#[derive(Debug)]
struct Slot {
    index: u64,
    id: Option<Text<'static>>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Its name has not come yet; the arguments so far, escaped.
    Unnamed(String),
    /// Its number.
    Begun(usize),
}

impl Reader {
    /// Reads one chunk.
    pub(in super::super) fn read<'a>(
        &mut self,
        chunk: &Value<'a>,
        events: &mut Vec<Event<'a>>,
    ) -> Result<(), Malformed> {
        if chunk.get("error").is_some() {
            events.push(Event::Fault(Fault::of_event(chunk)));
            return Ok(());
        }
        let choices = chunk.get("choices").map_or(&[][..], Value::list);
        // No other choice was asked for.
        let first = |choice: &&Value<'_>| {
            let index = choice.get("index").and_then(Value::as_count);
            index.unwrap_or_default() == 0
        };
        if let Some(choice) = choices.iter().find(first) {
            events.push(Event::Start { id: read_id(chunk) });
            if let Some(delta) = choice.get("delta") {
                self.delta(delta, events)?;
            }
            self.finish(&choice.word_at("finish_reason"), events)?;
        }
        if chunk.get("usage").is_some() {
            events.push(Event::Usage(read_usage(chunk.get("usage"))));
        }
        Ok(())
    }

    fn delta<'a>(
        &mut self,
        delta: &Value<'a>,
        events: &mut Vec<Event<'a>>,
    ) -> Result<(), Malformed> {
        let full = |text: &Text<'_>| !text.is_empty();
        if let Some(text) = read_thinking(delta).filter(full) {
            events.push(Event::Thinking(text));
        }
        if let Some(text) = delta.text_at("content").filter(full) {
            events.push(Event::Text(text));
        }
        if let Some(text) = delta.text_at("refusal").filter(full) {
            self.refused = true;
            events.push(Event::Text(text));
        }
        let calls = delta.get("tool_calls").map_or(&[][..], Value::list);
        calls.iter().try_for_each(|call| self.call(call, events))
    }

    fn call<'a>(&mut self, call: &Value<'a>, events: &mut Vec<Event<'a>>) -> Result<(), Malformed> {
        let full = |text: &Text<'_>| !text.is_empty();
        let id = call.text_at("id").filter(full);
        let function = call.get("function");
        let name = function.and_then(|function| function.text_at("name"));
        let arguments = function.and_then(|function| function.get("arguments"));
        let arguments = arguments.map(|value| match value.as_text() {
            Some(text) => text,
            // Some servers send an object.
            None => Text::of(value.raw),
        });
        let begun = self.begun;
        let slot = self.slot(call.get("index").and_then(Value::as_count), id)?;
        if let (State::Unnamed(held), Some(name)) = (&slot.state, name.filter(full)) {
            let id = slot.id.clone();
            events.push(Event::Call { id, name });
            if !held.is_empty() {
                let text = Text::around(held);
                events.push(Event::Input { call: begun, text });
            }
            slot.state = State::Begun(begun);
            self.begun = begun.saturating_add(1);
        }
        self.arguments(
            call.get("index").and_then(Value::as_count),
            arguments,
            events,
        )
    }

    fn arguments<'a>(
        &mut self,
        index: Option<u64>,
        text: Option<Text<'a>>,
        events: &mut Vec<Event<'a>>,
    ) -> Result<(), Malformed> {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return Ok(());
        };
        match &mut self.slot(index, None)?.state {
            State::Begun(call) => events.push(Event::Input { call: *call, text }),
            State::Unnamed(held) => {
                held.push_str(text.inside());
                if held.len() > MAX_HELD {
                    return Err(Malformed("a tool call without a name"));
                }
            }
        }
        Ok(())
    }

    /// The call that a delta belongs to. Servers are lax: without an index, an id begins a
    /// new call; with the index of another call, so does another id.
    fn slot(&mut self, index: Option<u64>, id: Option<Text<'_>>) -> Result<&mut Slot, Malformed> {
        let known = match index {
            Some(index) => self.calls.iter().rposition(|slot| slot.index == index),
            None => self.calls.len().checked_sub(1),
        };
        let other = |slot: &Slot| match (&slot.id, &id) {
            (Some(known), Some(id)) => known.literal() != id.literal(),
            _ => false,
        };
        let known = known.filter(|at| !self.calls.get(*at).is_some_and(other));
        let at = match known {
            Some(at) => at,
            None if self.calls.len() >= MAX_CALLS => return Err(Malformed("too many tool calls")),
            None => {
                let next = u64::try_from(self.calls.len()).unwrap_or(u64::MAX);
                self.calls.push(Slot {
                    index: index.unwrap_or(next),
                    id: None,
                    state: State::Unnamed(String::new()),
                });
                self.calls.len().saturating_sub(1)
            }
        };
        let slot = self.calls.get_mut(at).ok_or(Malformed("no tool call"))?;
        if let (None, Some(id)) = (&slot.id, id) {
            slot.id = Some(id.into_owned());
        }
        Ok(slot)
    }

    fn finish(&self, reason: &str, events: &mut Vec<Event<'_>>) -> Result<(), Malformed> {
        if reason.is_empty() {
            return Ok(());
        }
        self.done()?;
        events.push(Event::Stop(read_stop(reason, self.refused)));
        Ok(())
    }

    /// Checks at the end that no call is lost.
    pub(in super::super) fn done(&self) -> Result<(), Malformed> {
        let unnamed = |slot: &Slot| matches!(slot.state, State::Unnamed(_));
        if self.calls.iter().any(unnamed) {
            return Err(Malformed("a tool call without a name"));
        }
        Ok(())
    }
}
