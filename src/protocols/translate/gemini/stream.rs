/*! Reading the chunks of a stream: each is an answer with what is new. No event ends it but the
end of the body. */

use super::{Said, candidate, is_blocked, read_id, read_parts, read_stop, usage};
use crate::protocols::translate::Malformed;
use crate::protocols::translate::fault::Fault;
use crate::protocols::translate::hub::{Event, Stop};
use crate::protocols::translate::tree::Value;

/// Reads chunks.
#[derive(Debug, Default)]
pub(in super::super) struct Reader {
    /// How many calls have come.
    calls: usize,
}

impl Reader {
    /// Reads one chunk. Usage is told in each, so far: the last one counts.
    pub(in super::super) fn read<'a>(
        &mut self,
        chunk: &Value<'a>,
        events: &mut Vec<Event<'a>>,
    ) -> Result<(), Malformed> {
        if chunk.get("error").is_some() {
            events.push(Event::Fault(Fault::of_event(chunk)));
            return Ok(());
        }
        let id = read_id(chunk);
        match candidate(chunk) {
            Some(candidate) => {
                events.push(Event::Start { id: id.clone() });
                for said in read_parts(candidate, id.as_deref(), self.calls)? {
                    self.say(said, events);
                }
                let reason = candidate.word_at("finishReason");
                if !reason.is_empty() {
                    events.push(Event::Stop(read_stop(&reason)));
                }
            }
            None if is_blocked(chunk) => {
                events.push(Event::Start { id });
                events.push(Event::Stop(Stop::Refusal));
            }
            None => {}
        }
        if chunk.get("usageMetadata").is_some() {
            events.push(Event::Usage(usage::read(chunk.get("usageMetadata"))));
        }
        Ok(())
    }

    /// Calls come whole.
    fn say<'a>(&mut self, said: Said<'a>, events: &mut Vec<Event<'a>>) {
        match said {
            Said::Text(text) => events.push(Event::Text(text)),
            Said::Thinking(text) => events.push(Event::Thinking(text)),
            Said::Call(call) => {
                let text = call.input.text().into_owned();
                events.push(Event::Call {
                    id: Some(call.id),
                    name: call.name,
                });
                let call = self.calls;
                self.calls = call.saturating_add(1);
                events.push(Event::Input { call, text });
            }
            Said::Nothing => {}
        }
    }
}
