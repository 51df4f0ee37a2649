/*! Calls of tools in streams whose blocks have indices and ends, as those of Anthropic and Bedrock. */

use super::Malformed;
use super::hub::Event;
use super::text::Text;

/// Most blocks that are open at once: providers open one after the other.
const MAX_OPEN: usize = 1024;

/// The calls that are open.
#[derive(Debug, Default)]
pub(super) struct OpenCalls {
    open: Vec<Call>,
    begun: usize,
}

#[derive(Debug)]
struct Call {
    /// The block's index.
    index: u64,
    number: usize,
    /// What its arguments are if no delta comes; empty after one.
    unsaid: String,
}

impl OpenCalls {
    /// A call begins in block `index`; `unsaid` are its arguments if no more come.
    pub(super) fn begin(&mut self, index: u64, unsaid: &str) -> Result<(), Malformed> {
        if self.open.len() >= MAX_OPEN {
            return Err(Malformed("too many open blocks"));
        }
        self.open.push(Call {
            index,
            number: self.begun,
            unsaid: unsaid.to_owned(),
        });
        self.begun = self.begun.saturating_add(1);
        Ok(())
    }

    /// More of the arguments. Those of the provider's own tools belong to no call.
    pub(super) fn more<'a>(&mut self, index: u64, text: Text<'a>, events: &mut Vec<Event<'a>>) {
        let call = self.open.iter_mut().find(|call| call.index == index);
        if let Some(call) = call
            && !text.is_empty()
        {
            call.unsaid.clear();
            let call = call.number;
            events.push(Event::Input { call, text });
        }
    }

    /// Closes one block, or all: a call that had no arguments gets those it began with.
    pub(super) fn settle(&mut self, index: Option<u64>, events: &mut Vec<Event<'_>>) {
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
