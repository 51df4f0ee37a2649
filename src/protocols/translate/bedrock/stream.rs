/*! Reading the events of a stream: objects of one member, which is named as the event is. */

use super::answer::read_name;
use super::{read_stop, read_usage};
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
}

impl Reader {
    /// Reads one event. Unknown ones are passed over. Usage comes behind the reason for the end.
    pub(in super::super) fn read<'a>(
        &mut self,
        event: &Value<'a>,
        events: &mut Vec<Event<'a>>,
    ) -> Result<(), Malformed> {
        if event.get("error").is_some() {
            events.push(Event::Fault(Fault::of_event(event)));
            return Ok(());
        }
        let Some((name, event)) = event.object().and_then(<[_]>::first) else {
            return Err(Malformed("no event"));
        };
        match name.as_ref() {
            "messageStart" => events.push(Event::Start { id: None }),
            "contentBlockStart" => self.block_start(event, events)?,
            "contentBlockDelta" => self.delta(event, events)?,
            "contentBlockStop" => self.calls.settle(Some(index(event)?), events),
            "messageStop" => {
                self.calls.settle(None, events);
                events.push(Event::Stop(read_stop(&event.word_at("stopReason"))));
            }
            "metadata" => {
                events.push(Event::Usage(read_usage(event.get("usage"))));
                events.push(Event::Done);
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
        let call = event.get("start").and_then(|start| start.get("toolUse"));
        if let Some(call) = call {
            let (id, name) = read_name(call)?;
            self.calls.begin(index(event)?, "{}")?;
            let id = Some(id);
            events.push(Event::Call { id, name });
        }
        Ok(())
    }

    /// Where documents are cited, the text comes as text, and citations as deltas of their own.
    fn delta<'a>(
        &mut self,
        event: &Value<'a>,
        events: &mut Vec<Event<'a>>,
    ) -> Result<(), Malformed> {
        let delta = event.get("delta").ok_or(Malformed("no delta"))?;
        let of = |name: &str, member: &str| delta.get(name).and_then(|it| it.text_at(member));
        let some = |text: &Text<'_>| !text.is_empty();
        if let Some(input) = of("toolUse", "input") {
            self.calls.more(index(event)?, input, events);
        }
        let thought = of("reasoningContent", "text").filter(some);
        events.extend(thought.map(Event::Thinking));
        events.extend(delta.text_at("text").filter(some).map(Event::Text));
        Ok(())
    }
}

fn index(event: &Value<'_>) -> Result<u64, Malformed> {
    let index = event.get("contentBlockIndex").and_then(Value::as_count);
    index.ok_or(Malformed("no contentBlockIndex"))
}
