/*! Gathering an answer while it passes, to be stored when it has ended. */

use crate::json::{Error, Kind, Reader};
use crate::protocols::Api;
use crate::protocols::replay::{Assembler, ends_well};
use crate::sse::{self, Framer};

/// An answer that is gathered.
#[derive(Debug)]
pub enum Collector {
    /// A whole one, as it comes.
    Whole {
        /// What has come.
        bytes: Vec<u8>,
        /// No longer than this.
        longest: usize,
    },
    /// A stream, by its events.
    Stream(Box<Events>),
    /// Nothing is gathered any more.
    Ended(Uncollected),
}

/// A stream that becomes a document.
#[derive(Debug)]
pub struct Events {
    framer: Framer,
    assembler: Assembler,
    longest: usize,
}

/// Why an answer was not gathered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uncollected {
    /// It has not begun.
    NotBegun,
    /// It is no answer that is read, or an error.
    Unfit,
    /// It is longer than one may be.
    TooLong,
    /// Too much is gathered at the same time.
    Crowded,
    /// It has not come to its good end.
    BadEnd,
    /// It ended at a bound that its caller has not set.
    Truncated,
}

impl Uncollected {
    /// For records and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotBegun => "not_answered",
            Self::Unfit => "unfit",
            Self::TooLong => "too_long",
            Self::Crowded => "crowded",
            Self::BadEnd => "bad_end",
            Self::Truncated => "truncated",
        }
    }
}

impl Collector {
    /// Most bytes that an event has around what the document has of it. The last one of the
    /// Responses API holds all of the document.
    const AROUND: usize = 16 * 1024;

    /// Of a whole answer with at most `longest` bytes.
    pub const fn whole(longest: usize) -> Self {
        let bytes = Vec::new();
        Self::Whole { bytes, longest }
    }

    /// Of a stream whose document has at most `longest` bytes.
    pub fn stream(api: Api, longest: usize) -> Self {
        Self::Stream(Box::new(Events {
            framer: Framer::up_to(longest.saturating_add(Self::AROUND)),
            assembler: Assembler::new(api, longest),
            longest,
        }))
    }

    /// Takes a piece of the body.
    pub fn push(&mut self, piece: &[u8]) {
        let taken = match self {
            Self::Whole { bytes, longest } => {
                if bytes.len().saturating_add(piece.len()) <= *longest {
                    bytes.extend_from_slice(piece);
                    Ok(())
                } else {
                    Err(Uncollected::TooLong)
                }
            }
            Self::Stream(events) => events.push(piece),
            Self::Ended(_) => return,
        };
        if let Err(why) = taken {
            *self = Self::Ended(why);
        }
    }

    /// Bytes that are held for it, about.
    pub fn held(&self) -> usize {
        match self {
            Self::Whole { bytes, .. } => bytes.capacity(),
            Self::Stream(events) => events.held(),
            Self::Ended(_) => 0,
        }
    }

    /// The document of an answer that has come to its end. Whether its caller has `bounded` its
    /// length: then its end at a bound is a good one.
    ///
    /// # Errors
    /// There is none that could be given again.
    pub fn document(self, api: Api, bounded: bool) -> Result<Vec<u8>, Uncollected> {
        let document = match self {
            Self::Whole { bytes, .. } => bytes,
            Self::Stream(events) => events.finish().ok_or(Uncollected::BadEnd)?,
            Self::Ended(why) => return Err(why),
        };
        if !ends_well(api, &document) {
            return Err(Uncollected::BadEnd);
        }
        if !bounded && is_cut(&document) {
            return Err(Uncollected::Truncated);
        }
        Ok(document)
    }
}

impl Events {
    /// # Errors
    /// Nothing will come of it.
    fn push(&mut self, piece: &[u8]) -> Result<(), Uncollected> {
        let joined = self.framer.join(piece);
        let mut events = joined.events();
        let mut whole = 0_usize;
        for event in events.by_ref() {
            whole = whole.saturating_add(event.len());
            add(&mut self.assembler, event);
        }
        let place = events.place();
        // An event that is longer than one may be can't be put together again.
        let overlong = self.framer.keep(joined, whole, place).is_some();
        let full = self.assembler.is_full() || self.assembler.held() > self.longest;
        if overlong || full {
            return Err(Uncollected::TooLong);
        }
        if self.assembler.gave_up() {
            return Err(Uncollected::BadEnd);
        }
        Ok(())
    }

    fn held(&self) -> usize {
        self.assembler.held().saturating_add(self.framer.waiting())
    }

    fn finish(mut self) -> Option<Vec<u8>> {
        let rest = self.framer.take_rest();
        add(&mut self.assembler, &rest);
        self.assembler.finish()
    }
}

fn add(assembler: &mut Assembler, event: &[u8]) {
    let data = sse::data(event);
    if let Some(data) = data.filter(|data| !data.trim_ascii().is_empty()) {
        assembler.event(&data);
    }
}

/// Whether an answer ended because it had as many tokens as it may. What can't be read so is
/// not given again either.
fn is_cut(document: &[u8]) -> bool {
    read_end(document).unwrap_or(true)
}

fn read_end(document: &[u8]) -> Result<bool, Error> {
    const WORDS: [&str; 3] = ["length", "max_tokens", "incomplete"];
    let mut cut = false;
    let mut reader = Reader::new(document, |_| None)?;
    reader.object(|reader, key| match key.value().as_ref() {
        "choices" => reader.array(|reader| {
            reader.object(|reader, key| {
                cut |= key.value() == "finish_reason" && says(reader, &WORDS)?;
                reader.skip().map(drop)
            })
        }),
        "stop_reason" | "status" => {
            cut |= says(reader, &WORDS)?;
            reader.skip().map(drop)
        }
        _ => reader.skip().map(drop),
    })?;
    Ok(cut)
}

/// Whether the next value, which stays to be read, is one of these words.
fn says(reader: &Reader<'_>, words: &[&str]) -> Result<bool, Error> {
    let is_word = |rest: &[u8], word: &str| {
        let rest = rest.strip_prefix(b"\"");
        let rest = rest.and_then(|rest| rest.strip_prefix(word.as_bytes()));
        rest.is_some_and(|rest| rest.starts_with(b"\""))
    };
    // A word with escapes in it is told as another one: no provider writes that.
    let escaped = || {
        reader
            .rest()
            .iter()
            .take_while(|byte| **byte != b',')
            .any(|byte| *byte == b'\\')
    };
    let is_text = reader.kind()? == Kind::String;
    Ok(is_text && (words.iter().any(|word| is_word(reader.rest(), word)) || escaped()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_at_a_bound() {
        for (document, cut) in [
            (
                r#"{"choices":[{"finish_reason":"stop"},{"finish_reason": "length"}]}"#,
                true,
            ),
            (
                r#"{"choices":[{"finish_reason":"stop"}],"x":"length"}"#,
                false,
            ),
            (r#"{"choices":[{"finish_reason":"l\u0065ngth"}]}"#, true),
            (r#"{"choices":[{"finish_reason":null}]}"#, false),
            (r#"{"stop_reason":"max_tokens"}"#, true),
            (
                r#"{"stop_reason":"end_turn","content":[{"text":"max_tokens \\"}]}"#,
                false,
            ),
            (r#"{"status":"incomplete"}"#, true),
            (r#"{"status":"completed"}"#, false),
            ("[]", true),
            ("{", true),
        ] {
            assert_eq!(is_cut(document.as_bytes()), cut, "{document}");
        }
    }

    #[test]
    fn what_is_too_long_is_let_go() {
        let mut collector = Collector::whole(10);
        collector.push(b"12345");
        collector.push(b"123456");
        collector.push(b"1");
        let end = collector.document(Api::ChatCompletions, true);
        assert_eq!(end, Err(Uncollected::TooLong));
        let mut stream = Collector::stream(Api::ChatCompletions, 100);
        stream.push(b"data: {\"choices\":[{\"delta\":{\"content\":\"");
        stream.push(&[b'x'; 4096]);
        stream.push(b"\"}}]}\n\n");
        assert!(matches!(stream, Collector::Ended(Uncollected::TooLong)));
    }

    #[test]
    fn an_event_that_does_not_end_is_held_no_longer_than_an_answer() {
        let mut collector = Collector::stream(Api::ChatCompletions, 1024);
        collector.push(b"data: ");
        collector.push(&[b'x'; 10_000]);
        assert_eq!(collector.held(), 10_006);
        collector.push(&[b'x'; 10_000]);
        assert_eq!(collector.held(), 0);
        assert!(matches!(collector, Collector::Ended(Uncollected::TooLong)));
    }
}
