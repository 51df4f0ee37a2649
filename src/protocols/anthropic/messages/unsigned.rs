/*! Thinking without a signature: what another protocol's provider thought, told to the
caller as Anthropic's protocol has it. The caller sends it back with the conversation, and
Anthropic's API answers such a block with 400; it is left out instead. */

use crate::json::Span;

/// Blocks to leave out, in one request.
#[derive(Debug, Default)]
pub(super) struct Unsigned {
    /// What to take out, with the commas.
    removals: Vec<Span>,
    /// The blocks of the array that is being read, and whether each is to go.
    blocks: Vec<(Span, bool)>,
}

impl Unsigned {
    /// A block of the array that is being read.
    pub(super) fn block(&mut self, span: Span, unsigned: bool) {
        self.blocks.push((span, unsigned));
    }

    /// The array is over. If nothing would be left of it, it stays: an empty one is refused
    /// too, and with less of a reason.
    pub(super) fn end_of_array(&mut self) {
        let kept = self.blocks.iter().rfind(|(_, unsigned)| !*unsigned);
        if let Some((last, _)) = kept.copied() {
            self.take_out(last);
        }
        self.blocks.clear();
    }

    /// Takes out what goes before and between the blocks that stay, each up to the next
    /// block, and what goes behind the `last` one, from its end on.
    fn take_out(&mut self, last: Span) {
        let starts = self.blocks.iter().skip(1).map(|(span, _)| span.start);
        for ((span, unsigned), next) in self.blocks.iter().zip(starts) {
            if *unsigned && span.start < last.start {
                self.removals.push(Span {
                    start: span.start,
                    end: next,
                });
            }
        }
        let end = self.blocks.last().map_or(last.end, |(span, _)| span.end);
        if end > last.end {
            self.removals.push(Span {
                start: last.end,
                end,
            });
        }
    }

    /// What to take out, in no order.
    pub(super) fn removals(&self) -> &[Span] {
        &self.removals
    }
}
