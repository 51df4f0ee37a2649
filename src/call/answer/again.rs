/*! What is told again as a whole of a response that is read: who reads only the end of a stream has
all of it, without a piece of it. */

use super::Seen;
use crate::ledger::Passed;
use crate::protocols::openai::{Again, told_again, told_whole};
use crate::tokens::Stream;

/// Each tells all of it.
#[derive(Debug, Default)]
pub(in crate::call) struct ToldAgain {
    texts: Stream,
    parts: Stream,
    items: Stream,
}

impl ToldAgain {
    /// The data of an event.
    pub(super) fn event(&mut self, data: &[u8]) {
        told_again(data, &mut |again, text| self.add(again, text));
    }

    /// A response, or the front of one.
    pub(super) fn whole(&mut self, body: &[u8]) {
        told_whole(body, &mut |again, text| self.add(again, text));
    }

    fn add(&mut self, again: Again, text: &[u8]) {
        let said = match again {
            Again::Text => &mut self.texts,
            Again::Part => &mut self.parts,
            Again::Item => &mut self.items,
        };
        said.push_json(text);
    }

    fn tokens(&self) -> u64 {
        let all = [&self.texts, &self.parts, &self.items];
        let tokens = all.map(|said| said.tally().tokens());
        tokens.into_iter().fold(0, u64::max)
    }
}

impl Seen {
    /// What of a response has passed so far. A whole one that is not over tells of its request,
    /// too: only what it says of the answer counts.
    pub(in crate::call) fn passed(&self) -> Passed {
        let (from, until) = self.events.unwrap_or_default();
        Passed {
            pieces: if self.streamed {
                self.output_tokens()
            } else {
                0
            },
            wholes: self.again.as_ref().map_or(0, |again| again.tokens()),
            from,
            until,
        }
    }

    /// Takes note of an event with this number from its provider.
    pub(super) fn note_event(&mut self, number: Option<u64>) {
        self.streamed = true;
        let Some(number) = number else {
            return;
        };
        let (from, until) = self.events.get_or_insert((number, number));
        *from = number.min(*from);
        *until = number.saturating_add(1).max(*until);
    }
}
