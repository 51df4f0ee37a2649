/*! Answers as streams, and streams as answers.

[`Assembler`] makes one document of the events of a stream, the one that the same call would have
got without `stream`; [`as_stream`] tells a document as a stream. Both are for answers in the
caller's protocol, and neither guesses: what cannot be told the other way gives nothing. Values
are never parsed and written again, but copied as they stand. */

mod chat;
mod ends;
mod messages;
mod parts;
mod responses;
mod write;

pub use ends::ends_well;

use super::Api;
use chat::Shape;

/// Makes one document of a stream's events.
#[derive(Debug)]
pub struct Assembler(Progress);

#[derive(Debug)]
enum Progress {
    Goes(Stream, Room),
    /// It can't be told as a document.
    GaveUp,
    /// It is longer than it may be.
    Full,
}

#[derive(Debug)]
enum Stream {
    Chunks(chat::Chunks),
    Responses(responses::Events),
    Messages(messages::Events),
}

impl Assembler {
    /// For a stream that begins. It gives up where it would hold, or the document would have,
    /// more than `max` bytes.
    pub fn new(api: Api, max: usize) -> Self {
        let stream = match api {
            Api::ChatCompletions => Stream::Chunks(chat::Chunks::new(Shape::Chat)),
            Api::Completions => Stream::Chunks(chat::Chunks::new(Shape::Text)),
            Api::Responses => Stream::Responses(responses::Events::default()),
            Api::Messages => Stream::Messages(messages::Events::default()),
            // They are never told in streams.
            _ => {
                return Self(Progress::GaveUp);
            }
        };
        Self(Progress::Goes(stream, Room::new(max)))
    }

    /// Takes the data of the next event.
    pub fn event(&mut self, data: &[u8]) {
        let Progress::Goes(stream, room) = &mut self.0 else {
            return;
        };
        let data = std::str::from_utf8(data).ok();
        let taken = data.and_then(|data| match stream {
            Stream::Chunks(chunks) => chunks.event(data, room),
            Stream::Responses(events) => events.event(data, room),
            Stream::Messages(events) => events.event(data, room),
        });
        if taken.is_none() {
            self.0 = if room.full {
                Progress::Full
            } else {
                Progress::GaveUp
            };
        }
    }

    /// Whether nothing will come of it: nothing more has to be brought.
    pub const fn gave_up(&self) -> bool {
        matches!(self.0, Progress::GaveUp | Progress::Full)
    }

    /// Whether that is because it had more than it may.
    pub const fn is_full(&self) -> bool {
        matches!(self.0, Progress::Full)
    }

    /// Bytes that it holds, about.
    pub const fn held(&self) -> usize {
        match &self.0 {
            Progress::Goes(_, room) => room.max.saturating_sub(room.left),
            Progress::GaveUp | Progress::Full => 0,
        }
    }

    /// The document. `None`: the stream did not come to its good end, or holds what cannot be told
    /// as a document.
    pub fn finish(self) -> Option<Vec<u8>> {
        let Progress::Goes(stream, room) = self.0 else {
            return None;
        };
        let document = match stream {
            Stream::Chunks(chunks) => chunks.finish(),
            Stream::Responses(events) => events.finish(),
            Stream::Messages(events) => events.finish(),
        };
        let document = document.filter(|document| document.len() <= room.max);
        document.map(String::into_bytes)
    }
}

/// What may still be held, in bytes.
#[derive(Debug, Clone, Copy)]
struct Room {
    left: usize,
    max: usize,
    /// Whether there was too little of it.
    full: bool,
}

impl Room {
    const fn new(max: usize) -> Self {
        let (left, full) = (max, false);
        Self { left, max, full }
    }

    /// `None`: there is no room for so many.
    fn take(&mut self, bytes: usize) -> Option<()> {
        self.replace(0, bytes)
    }

    /// Takes so many in the place of those that were taken `before`.
    fn replace(&mut self, before: usize, bytes: usize) -> Option<()> {
        let left = self.left.saturating_add(before).checked_sub(bytes);
        self.full |= left.is_none();
        self.left = left?;
        Some(())
    }
}

/// A whole answer as a stream of its API, with all events that its clients wait for.
/// `include_usage` is for chunks of (chat) completions: whether the last but one reports the
/// usage; streams of the other APIs always do. `None`: it is no whole answer of the API, or has
/// what its streams have no events for.
pub fn as_stream(api: Api, whole: &[u8], include_usage: bool) -> Option<Vec<u8>> {
    let whole = std::str::from_utf8(whole).ok()?;
    let stream = match api {
        Api::ChatCompletions => chat::as_stream(Shape::Chat, whole, include_usage),
        Api::Completions => chat::as_stream(Shape::Text, whole, include_usage),
        Api::Responses => responses::as_stream(whole),
        Api::Messages => messages::as_stream(whole),
        _ => None,
    };
    stream.map(String::into_bytes)
}

#[cfg(test)]
mod tests;
