/*! Ending a stream of a message before its provider does. */

use crate::json::{Error, Kind, Reader};
use crate::protocols::ending::{EndReason, EndUsage};
use crate::protocols::event::unwatched;

/// Most blocks that may be open at once and are still closed, far more than there ever are:
/// Anthropic's API opens one after the other.
const MAX_OPEN: usize = 64;

/// What has to be known of a stream of a message to end it.
#[derive(Debug, Default)]
pub struct Ending {
    progress: Progress,
    /// The indices of blocks that have begun and not stopped.
    blocks: Vec<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Progress {
    #[default]
    Before,
    /// Its `message_start` has passed.
    Open,
    /// It has a reason to stop, or an error.
    Whole,
}

impl Ending {
    /// Whether the message has begun and has no reason to stop yet.
    pub const fn is_open(&self) -> bool {
        matches!(self.progress, Progress::Open)
    }

    /// Follows one event, by its data.
    pub fn note(&mut self, data: &[u8]) {
        // An event that breaks off says nothing.
        let Ok(event) = Event::read(data) else {
            return;
        };
        match event.kind {
            EventType::Start => self.progress = Progress::Open,
            EventType::BlockStart => {
                if !self.blocks.contains(&event.index) && self.blocks.len() < MAX_OPEN {
                    self.blocks.push(event.index);
                }
            }
            EventType::BlockStop => self.blocks.retain(|index| *index != event.index),
            EventType::Delta if event.stops => self.progress = Progress::Whole,
            EventType::End => self.progress = Progress::Whole,
            EventType::Delta | EventType::Other => {}
        }
    }

    /// The end of each open block and of the message.
    pub fn events(&self, reason: EndReason, told: &EndUsage) -> Vec<u8> {
        let reason = match reason {
            EndReason::Length => "max_tokens",
            EndReason::Content => "refusal",
        };
        let usage = told.usage;
        let prompt = if told.prompt_told {
            String::new()
        } else {
            let uncached = usage.input.saturating_sub(usage.cached);
            let cached = usage.cached;
            format!(r#""input_tokens":{uncached},"cache_read_input_tokens":{cached},"#)
        };
        let mut events = String::new();
        for index in &self.blocks {
            events.push_str(&format!(
                "event: content_block_stop\ndata: {{\"type\":\"content_block_stop\",\"index\":{index}}}\n\n"
            ));
        }
        events.push_str(&format!(
            "event: message_delta\ndata: {{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":\"{reason}\",\"stop_sequence\":null}},\"usage\":{{{prompt}\"output_tokens\":{}}}}}\n\n",
            usage.output
        ));
        events.push_str("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
        events.into_bytes()
    }
}

/// What matters of one event.
#[derive(Debug, Clone, Copy, Default)]
struct Event {
    kind: EventType,
    index: u64,
    /// Whether it has a reason to stop.
    stops: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum EventType {
    /// `message_start`
    Start,
    /// `content_block_start`
    BlockStart,
    /// `content_block_stop`
    BlockStop,
    /// `message_delta`
    Delta,
    /// `message_stop`, `error`
    End,
    #[default]
    Other,
}

impl EventType {
    fn of(name: &str) -> Self {
        match name {
            "message_start" => Self::Start,
            "content_block_start" => Self::BlockStart,
            "content_block_stop" => Self::BlockStop,
            "message_delta" => Self::Delta,
            "message_stop" | "error" => Self::End,
            _ => Self::Other,
        }
    }
}

impl Event {
    fn read(data: &[u8]) -> Result<Self, Error> {
        let mut event = Self::default();
        let mut reader = Reader::new(data, unwatched)?;
        if reader.kind()? != Kind::Object {
            return Ok(event);
        }
        reader.object(|reader, key| {
            match (key.value().as_ref(), reader.kind()?) {
                ("type", Kind::String) => event.kind = EventType::of(&reader.string()?.value()),
                ("index", Kind::Number) => event.index = reader.number()?.parse().unwrap_or(0),
                ("delta", Kind::Object) => event.stops = stops(reader)?,
                _ => drop(reader.skip()?),
            }
            Ok::<(), Error>(())
        })?;
        reader.finish()?;
        Ok(event)
    }
}

/// Whether a delta has a reason to stop.
fn stops(reader: &mut Reader<'_>) -> Result<bool, Error> {
    let mut stops = false;
    reader.object(|reader, key| {
        stops |= key.value() == "stop_reason" && reader.kind()? == Kind::String;
        reader.skip().map(drop)
    })?;
    Ok(stops)
}
