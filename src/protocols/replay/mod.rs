/*! Answers as streams, and streams as answers.

[`Assembler`] makes one document of the events of a stream, the one that the same call would have
got without `stream`; [`as_stream`] tells a document as a stream. Both are for answers in the
caller's protocol, and neither guesses: what cannot be told the other way gives nothing. */

use super::Api;

/// Makes one document of a stream's events.
#[derive(Debug)]
pub struct Assembler(());

impl Assembler {
    /// For a stream that begins. It gives up where it would hold, or the document would have,
    /// more than `max` bytes.
    pub const fn new(_: Api, _: usize) -> Self {
        Self(())
    }

    /// Takes the data of the next event.
    pub const fn event(&mut self, _: &[u8]) {}

    /// Whether nothing will come of it: nothing more has to be brought.
    pub const fn gave_up(&self) -> bool {
        true
    }

    /// Bytes that it holds, about.
    pub const fn held(&self) -> usize {
        0
    }

    /// The document. `None`: the stream did not come to its good end, or holds what cannot be told
    /// as a document.
    pub const fn finish(self) -> Option<Vec<u8>> {
        None
    }
}

/// A whole answer as a stream of its API, with all events that its clients wait for.
/// `include_usage` is for chunks of (chat) completions: whether the last but one reports the
/// usage; streams of the other APIs always do. `None`: it is no whole answer of the API, or has
/// what its streams have no events for.
pub const fn as_stream(_: Api, _: &[u8], _: bool) -> Option<Vec<u8>> {
    None
}

/// Whether a whole answer is one, and ended because the model was done, called tools or had
/// written as much as it may: not by a filter, a refusal, an error.
pub const fn ends_well(_: Api, _: &[u8]) -> bool {
    false
}
