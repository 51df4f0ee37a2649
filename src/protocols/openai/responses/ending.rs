/*! Ending the stream of a response before its provider does, and adding events to it. */

use super::pieces::{EventType, Pieces, part, place, unquoted};
use crate::json::{Edits, Error, Kind, Reader, Span, quote};
use crate::ledger::Usage;
use crate::protocols::ending::{EndReason, EndUsage};
use crate::protocols::event::unwatched;
use crate::protocols::texts::{ChannelKey, ChannelKind, Member, plain};

/// Most items that are followed at once; models write one after the other.
const MAX_OPEN: usize = 64;

/// Longest value of a response's head that is kept, in bytes of JSON.
const MAX_VALUE: usize = 256;

/// What a response repeats in each event about it, and what clients that demand it get where
/// it can't be told.
const HEAD: [(&str, &str); 3] = [("id", "\"\""), ("created_at", "0"), ("model", "\"\"")];

/// What has to be known of the stream of a response to end it, or to add events.
#[derive(Debug, Default)]
pub struct Ending {
    progress: Progress,
    /// The values of [`HEAD`], as JSON.
    head: [Option<String>; HEAD.len()],
    /// The model's name that the caller is told, as JSON.
    model: Option<String>,
    /// The items that have begun and not ended.
    items: Vec<Item>,
    /// The number of the last event that the caller got.
    last: Option<u64>,
    /// How many events were added.
    added: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Progress {
    #[default]
    Before,
    Open,
    Whole,
}

#[derive(Debug)]
struct Item {
    part: u32,
    /// Its id, as JSON.
    id: String,
}

impl Ending {
    /// For a stream that begins; `model` is the name that the caller is told instead of the
    /// provider's.
    pub fn new(model: Option<&str>) -> Self {
        Self {
            model: model.map(quote),
            ..Self::default()
        }
    }

    /// Whether the response has begun and has no end yet.
    pub const fn is_open(&self) -> bool {
        matches!(self.progress, Progress::Open)
    }

    /// The number of the next event.
    pub const fn next_number(&self) -> u64 {
        match self.last {
            Some(last) => last.saturating_add(1),
            None => 0,
        }
    }

    /// Follows one event, by its data.
    pub fn note(&mut self, data: &[u8]) {
        // An event that breaks off says nothing.
        let Ok(event) = Event::read(data) else {
            return;
        };
        if let Some((number, _)) = event.number {
            self.last = Some(number.saturating_add(self.added));
        }
        match event.kind {
            EventType::Ends | EventType::Fails => self.progress = Progress::Whole,
            EventType::Begins => {
                self.begin();
                self.note_head(data, &event);
            }
            EventType::ItemEnds => {
                let part = event.part(data);
                self.items.retain(|item| item.part != part);
            }
            EventType::Other => {}
            _ => {
                self.begin();
                self.note_item(data, &event);
            }
        }
    }

    fn begin(&mut self) {
        if self.progress == Progress::Before {
            self.progress = Progress::Open;
        }
    }

    fn note_head(&mut self, data: &[u8], event: &Event) {
        for (place, span) in self.head.iter_mut().zip(event.head) {
            if place.is_none() {
                *place = value(data, span);
            }
        }
    }

    fn note_item(&mut self, data: &[u8], event: &Event) {
        let part = event.part(data);
        let known = self.items.iter().any(|item| item.part == part);
        if known || self.items.len() >= MAX_OPEN {
            return;
        }
        if let Some(id) = value(data, event.id) {
            self.items.push(Item { part, id });
        }
    }

    /// The change of its number that an event needs because of those that were added before it.
    pub fn renumber(&self, data: &[u8], edits: &mut Edits) {
        if self.added == 0 {
            return;
        }
        let event = Event::read(data);
        if let Some((number, span)) = event.ok().and_then(|event| event.number) {
            let number = number.saturating_add(self.added);
            edits.replace(span, number.to_string());
        }
    }

    /// Events that bring the rest of channels, to stand before the event of `data`, or behind it
    /// if it was noted.
    pub fn rest(&mut self, data: &[u8], rest: &[(ChannelKey, String)]) -> String {
        let first = Event::read(data).ok().and_then(|event| event.number);
        let mut next = match self.last {
            Some(last) => Some(last.saturating_add(1)),
            None => first.map(|(number, _)| number),
        };
        let mut events = String::new();
        for (key, text) in rest {
            events.push_str(&self.delta(*key, text, next));
            if next.is_some() {
                self.last = next;
                self.added = self.added.saturating_add(1);
            }
            next = next.map(|next| next.saturating_add(1));
        }
        events
    }

    fn delta(&self, key: ChannelKey, text: &str, number: Option<u64>) -> String {
        let pieces = Pieces::of_kind(key.kind);
        let event = pieces.event;
        let number = numbered(number);
        let item = self.items.iter().find(|item| item.part == key.part);
        let id = item.map_or("\"\"", |item| item.id.as_str());
        let output = place(key.part)
            .map(|place| format!("\"output_index\":{place},"))
            .unwrap_or_default();
        let index = pieces
            .index
            .map(|name| format!("\"{name}\":{},", key.index))
            .unwrap_or_default();
        let text = quote(text);
        let text = match key.kind {
            ChannelKind::Output => format!("{{\"stdout\":{text}}}"),
            ChannelKind::Errors => format!("{{\"stderr\":{text}}}"),
            ChannelKind::Text => format!("{text},\"logprobs\":[]"),
            _ => text,
        };
        format!(
            "event: {event}.delta\ndata: {{\"type\":\"{event}.delta\",{number}\"item_id\":{id},{output}{index}\"delta\":{text}}}\n\n"
        )
    }

    /// The end of the response. It has no output: what went on of that was not kept.
    pub fn events(&self, reason: EndReason, told: &EndUsage) -> Vec<u8> {
        let reason = match reason {
            EndReason::Length => "max_output_tokens",
            EndReason::Content => "content_filter",
        };
        let number = numbered(self.last.map(|last| last.saturating_add(1)));
        let response = format!(
            "{{{}{}\"usage\":{}}}",
            self.members(),
            unfinished("[]", reason),
            report(told.usage)
        );
        format!(
            "event: response.incomplete\ndata: {{\"type\":\"response.incomplete\",{number}\"response\":{response}}}\n\n"
        )
        .into_bytes()
    }

    /// The members of [`HEAD`], each with a comma behind it.
    fn members(&self) -> String {
        let named = self.head.iter().zip(HEAD);
        let members = named.map(|(value, (name, default))| {
            let told = self.model.as_deref().filter(|_| name == "model");
            let value = told.or(value.as_deref()).unwrap_or(default);
            format!("\"{name}\":{value},")
        });
        members.collect()
    }
}

/// The members that say that a response has ended early, and all others that clients demand, with
/// a comma behind them. `output` is JSON.
pub(super) fn unfinished(output: &str, reason: &str) -> String {
    format!(
        r#""object":"response","status":"incomplete","error":null,"incomplete_details":{{"reason":"{reason}"}},"instructions":null,"metadata":{{}},"output":{output},"parallel_tool_calls":true,"temperature":null,"tool_choice":"auto","tools":[],"top_p":null,"#
    )
}

fn numbered(number: Option<u64>) -> String {
    let member = number.map(|number| format!("\"sequence_number\":{number},"));
    member.unwrap_or_default()
}

/// The report of usage.
fn report(usage: Usage) -> String {
    let total = usage.input.saturating_add(usage.output);
    format!(
        r#"{{"input_tokens":{},"input_tokens_details":{{"cached_tokens":{}}},"output_tokens":{},"output_tokens_details":{{"reasoning_tokens":{}}},"total_tokens":{total}}}"#,
        usage.input, usage.cached, usage.output, usage.reasoning
    )
}

/// A value that may be told again, as JSON.
fn value(data: &[u8], span: Option<Span>) -> Option<String> {
    let value = span.and_then(|span| data.get(span.start..span.end));
    let value = value.filter(|value| value.len() <= MAX_VALUE && *value != b"null");
    let value = value.and_then(|value| std::str::from_utf8(value).ok());
    value.map(str::to_owned)
}

/// What matters of one event.
struct Event {
    kind: EventType,
    number: Option<(u64, Span)>,
    /// The place of its item.
    output: Option<u32>,
    /// The id of its item.
    id: Option<Span>,
    /// The values of [`HEAD`].
    head: [Option<Span>; HEAD.len()],
}

impl Event {
    fn read(data: &[u8]) -> Result<Self, Error> {
        let mut event = Self {
            kind: EventType::Other,
            number: None,
            output: None,
            id: None,
            head: [None; HEAD.len()],
        };
        let mut reader = Reader::new(data, unwatched)?;
        if reader.kind()? != Kind::Object {
            return Ok(event);
        }
        reader.object(|reader, key| event.member(reader, &key.value()))?;
        reader.finish()?;
        Ok(event)
    }

    /// The item that it is about.
    fn part(&self, data: &[u8]) -> u32 {
        let id = self.id.and_then(|id| data.get(id.start..id.end));
        part(self.output, unquoted(id.unwrap_or_default()))
    }

    fn member(&mut self, reader: &mut Reader<'_>, name: &str) -> Result<(), Error> {
        match (name, reader.kind()?) {
            ("type", Kind::String) => self.kind = EventType::of(&reader.string()?.value()),
            ("sequence_number", Kind::Number) => {
                let start = reader.offset();
                let number = reader.number()?.parse().ok();
                let end = reader.offset();
                self.number = number.map(|number| (number, Span { start, end }));
            }
            ("output_index", Kind::Number) => self.output = reader.number()?.parse().ok(),
            ("item_id", _) => self.id = plain(reader, Member::Id)?,
            ("item", Kind::Object) => reader.object(|reader, key| {
                match (key.value().as_ref(), self.id) {
                    ("id", _) | ("call_id", None) => self.id = plain(reader, Member::Id)?,
                    _ => drop(reader.skip()?),
                }
                Ok::<(), Error>(())
            })?,
            ("response", Kind::Object) => {
                self.head = head(reader)?;
            }
            _ => drop(reader.skip()?),
        }
        Ok(())
    }
}

/// Where the values of [`HEAD`] stand in a response, unless text could be in them.
fn head(reader: &mut Reader<'_>) -> Result<[Option<Span>; HEAD.len()], Error> {
    let mut found = [None; HEAD.len()];
    reader.object(|reader, key| {
        let name = key.value();
        let place = HEAD.iter().position(|(known, _)| *known == name);
        match place.and_then(|place| found.get_mut(place)) {
            Some(place) if name == "id" => *place = plain(reader, Member::Id)?,
            Some(place) => *place = plain(reader, Member::Name)?,
            None => drop(reader.skip()?),
        }
        Ok::<(), Error>(())
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests;
