/*! Streams of providers, cut into the data of their events: server-sent events, or Amazon's. */

use super::amazon;
use super::classify::MODEL_ERROR;
use super::tries::Why;
use crate::eventstream::{Decoder, Message};
use crate::json::quote;
use crate::protocols::Api;
use crate::sse::{self, Framer};

/// What came is no stream, or an event of it is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken;

/// Cuts one stream.
#[derive(Debug)]
pub(super) enum Frames {
    Lines(Framer),
    Messages(Decoder),
}

impl Frames {
    pub(super) fn of(api: Api) -> Self {
        match api {
            Api::Converse => Self::Messages(Decoder::default()),
            _ => Self::Lines(Framer::default()),
        }
    }

    /// The type of such streams.
    pub(super) const fn content_type(api: Api) -> &'static str {
        match api {
            Api::Converse => "application/vnd.amazon.eventstream",
            _ => "text/event-stream",
        }
    }

    /// Takes a piece, and hands the data of each event that is whole to `take`, in order.
    pub(super) fn push(&mut self, piece: &[u8], take: &mut dyn FnMut(&[u8])) -> Result<(), Broken> {
        match self {
            Self::Lines(framer) => lines(framer, piece, take),
            Self::Messages(decoder) => {
                let done = decoder.push(piece, &mut |message| take(&data(message)));
                done.map_err(|_| Broken)
            }
        }
    }

    /// The stream is over. Some servers leave out the last empty line; what was cut in the middle
    /// is dropped.
    pub(super) fn end(&mut self, take: &mut dyn FnMut(&[u8])) {
        if let Self::Lines(framer) = self
            && let Some(data) = sse::data(&framer.take_rest())
        {
            take(&data);
        }
    }
}

fn lines(framer: &mut Framer, piece: &[u8], take: &mut dyn FnMut(&[u8])) -> Result<(), Broken> {
    let joined = framer.join(piece);
    let mut events = joined.events();
    let mut whole = 0_usize;
    for event in events.by_ref() {
        whole = whole.saturating_add(event.len());
        if let Some(data) = sse::data(event) {
            take(&data);
        }
    }
    let place = events.place();
    match framer.keep(joined, whole, place) {
        Some(_) => Err(Broken),
        None => Ok(()),
    }
}

/// An event as an object of one member, which is named as the event is; an exception as the object
/// of an error, with the status that it should have had.
fn data(message: &Message<'_>) -> Vec<u8> {
    let (kind, error) = match message.header(":message-type") {
        "exception" => (message.header(":exception-type"), None),
        "error" => {
            let told = message.header(":error-message");
            (message.header(":error-code"), Some(told.to_owned()))
        }
        _ => return object(message.header(":event-type"), message.payload),
    };
    let told = error.unwrap_or_else(|| amazon::message_of(message.payload));
    let status = amazon::status_of(kind).unwrap_or(502);
    let status = amazon::status_by_message(status, &told);
    let class = match amazon::class_of(kind) {
        Some(Why::Model) => format!(r#""status":"{MODEL_ERROR}","#),
        _ => String::new(),
    };
    let error = format!(r#"{{"code":{status},{class}"message":{}}}"#, quote(&told));
    object("error", error.as_bytes())
}

fn object(name: &str, value: &[u8]) -> Vec<u8> {
    [b"{", quote(name).as_bytes(), b":", value, b"}"].concat()
}
