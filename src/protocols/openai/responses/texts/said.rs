/*! Texts of events and of whole answers.

What events of a response say again, whole, is a text of its own each time: what becomes of it is
what became of its pieces. */

use super::item::Items;
use super::known;
use crate::json::{Error, ErrorKind, Key, Kind, Reader};
use crate::protocols::openai::answer::DONE;
use crate::protocols::openai::responses::pieces::{EventType, Pieces, part, unquoted};
use crate::protocols::texts::{
    AnswerTexts, ChannelKey, ChannelKind, Ends, EventTexts, Member, answer_reader, index, peek,
    unknown,
};
use std::borrow::Cow;

pub(in crate::protocols) fn event(data: &[u8]) -> Result<EventTexts<'_>, Error> {
    if data.trim_ascii_end() == DONE {
        return Ok(EventTexts {
            ends: Ends::All,
            ..EventTexts::default()
        });
    }
    let mut reader = answer_reader(data)?;
    let mut event = Event::default();
    if reader.kind()? == Kind::Object {
        let [name] = peek(&reader, ["type"]);
        event.kind = EventType::of(&name);
        event.read(&mut reader)?;
    } else {
        event.items.speech.member(&mut reader, Member::Text)?;
    }
    reader.finish()?;
    let ends = event.ends();
    let tokens = event.items.tokens.into_iter().map(|(_, span)| span);
    let removed = tokens.chain(event.items.raw).collect();
    Ok(EventTexts {
        ends,
        removed,
        said: event.items.speech.said,
        signatures: Vec::new(),
    })
}

struct Event<'a> {
    items: Items<'a>,
    kind: EventType,
    /// The place of its item.
    output: Option<u32>,
    /// The item's id, if its server tells items by that.
    id: Cow<'a, [u8]>,
    index: u32,
    failed: bool,
}

impl Default for Event<'_> {
    fn default() -> Self {
        Self {
            items: Items::default(),
            kind: EventType::Other,
            output: None,
            id: Cow::default(),
            index: 0,
            failed: false,
        }
    }
}

impl<'a> Event<'a> {
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        reader.object(|reader, key| self.member(reader, key))?;
        self.belongs();
        match self.kind {
            EventType::ItemBegins
            | EventType::PartBegins
            | EventType::Piece(_)
            | EventType::PieceBegins(_) => {}
            _ => self.items.speech.repeat(0),
        }
        Ok(())
    }

    /// What was found belongs to the item of the event. Whole responses tell all by place.
    fn belongs(&mut self) {
        let (places_told, indexes_told) = match self.kind {
            EventType::Begins | EventType::Ends | EventType::Fails => (true, true),
            EventType::ItemBegins | EventType::ItemEnds => (false, true),
            _ => (false, false),
        };
        let part = self.part();
        for key in self.items.speech.since(0) {
            if !places_told {
                key.part = part;
            }
            if !indexes_told {
                key.index = self.index;
            }
        }
    }

    fn part(&self) -> u32 {
        part(self.output, &self.id)
    }

    fn member(&mut self, reader: &mut Reader<'a>, key: &Key<'a>) -> Result<(), Error> {
        let name = key.value();
        match (name.as_ref(), reader.kind()?) {
            ("output_index", _) => self.output = index(reader)?,
            ("item_id", _) => {
                let front = reader.rest();
                self.items.speech.member(reader, Member::Id)?;
                let length = front.len().saturating_sub(reader.rest().len());
                self.id = Cow::Borrowed(unquoted(front.get(..length).unwrap_or_default()));
            }
            ("content_index" | "summary_index" | "command_index", _) => {
                self.index = index(reader)?.unwrap_or(0);
            }
            ("delta", _) => self.delta(reader)?,
            ("part", Kind::Object) => self.items.part(reader)?,
            ("item", Kind::Object) => {
                self.id = id(reader);
                self.items.item(reader)?;
            }
            ("response", Kind::Object) => response(&mut self.items, reader)?,
            ("logprobs", _) => self.items.logprobs(reader)?,
            ("error", kind) => {
                self.failed |= kind != Kind::Null;
                self.items.speech.unknown(reader, key)?;
            }
            // Random, and as long as it has to be to hide how long the text is.
            ("obfuscation" | "partial_image_b64", _) => {
                self.items.speech.member(reader, Member::Encoded)?;
            }
            (name, _) if self.is_whole(name) => self.whole(reader)?,
            (name, kind) if is_structural(name, kind) => {
                self.items.speech.member(reader, Member::Name)?;
            }
            (name, kind) => match known(name, kind) {
                Member::Text => {
                    self.items.speech.key(key);
                    self.items.speech.own(reader, known)?;
                }
                member => self.items.speech.member(reader, member)?,
            },
        }
        Ok(())
    }

    fn delta(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        let speech = &mut self.items.speech;
        match (self.kind, reader.kind()?) {
            (EventType::Sound, _) => speech.member(reader, Member::Encoded),
            (EventType::Piece(pieces), Kind::Object) if is_shell(pieces) => {
                reader.object(|reader, key| match key.value().as_ref() {
                    "stdout" => speech.piece(reader, ChannelKind::Output, known),
                    "stderr" => speech.piece(reader, ChannelKind::Errors, known),
                    _ => speech.unknown(reader, key),
                })
            }
            (EventType::Piece(pieces), Kind::String) if !is_shell(pieces) => {
                speech.piece(reader, pieces.kind, known)
            }
            (_, Kind::Null) => reader.skip().map(drop),
            // Nobody knows to what it belongs: a finding could lie across two.
            _ => Err(Error::new(ErrorKind::Unexpected, reader.offset())),
        }
    }

    /// Whether this member has the text, whole.
    fn is_whole(&self, name: &str) -> bool {
        match self.kind {
            EventType::PieceEnds(pieces) | EventType::PieceBegins(pieces) => pieces.whole == name,
            _ => false,
        }
    }

    fn whole(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        let speech = &mut self.items.speech;
        match self.kind {
            EventType::PieceEnds(pieces) | EventType::PieceBegins(pieces) if !is_shell(pieces) => {
                speech.piece(reader, pieces.kind, known)
            }
            _ => speech.own(reader, known),
        }
    }

    fn ends(&self) -> Ends {
        if self.failed {
            return Ends::All;
        }
        let keys = |kinds: &[ChannelKind]| {
            let key = |kind: &ChannelKind| ChannelKey {
                part: self.part(),
                kind: *kind,
                index: self.index,
            };
            Ends::Channels(kinds.iter().map(key).collect())
        };
        match self.kind {
            EventType::PieceEnds(pieces) if is_shell(pieces) => {
                keys(&[ChannelKind::Output, ChannelKind::Errors])
            }
            EventType::PieceEnds(pieces) => keys(&[pieces.kind]),
            EventType::PartEnds => keys(&[
                ChannelKind::Text,
                ChannelKind::Refusal,
                ChannelKind::Reasoning,
                ChannelKind::ReasoningSummary,
            ]),
            EventType::ItemEnds => Ends::Parts(vec![self.part()]),
            EventType::Ends | EventType::Fails => Ends::All,
            _ => Ends::Nothing,
        }
    }
}

/// The id of an item, which comes next and stays to be read.
fn id<'a>(reader: &Reader<'a>) -> Cow<'a, [u8]> {
    let [id] = peek(reader, ["id"]);
    let id = match id.is_empty() {
        false => id,
        true => {
            let [id] = peek(reader, ["call_id"]);
            id
        }
    };
    match id {
        Cow::Borrowed(id) => Cow::Borrowed(id.as_bytes()),
        Cow::Owned(id) => Cow::Owned(id.into_bytes()),
    }
}

/// Whether its pieces are objects.
fn is_shell(pieces: Pieces) -> bool {
    matches!(pieces.kind, ChannelKind::Output | ChannelKind::Errors)
}

/// Members of events.
fn is_structural(name: &str, kind: Kind) -> bool {
    match name {
        "sequence_number" | "annotation_index" | "partial_image_index" => kind == Kind::Number,
        // Of an error.
        "code" | "param" => kind != Kind::Object,
        _ => false,
    }
}

pub(in crate::protocols) fn answer(body: &[u8]) -> Result<AnswerTexts<'_>, Error> {
    let mut reader = answer_reader(body)?;
    let mut items = Items::default();
    if reader.kind()? == Kind::Object {
        response(&mut items, &mut reader)?;
    } else {
        items.speech.member(&mut reader, Member::Text)?;
    }
    reader.finish()?;
    Ok(AnswerTexts {
        said: items.speech.said,
        signatures: Vec::new(),
        logprobs: items.tokens,
        tokens: items.raw,
    })
}

fn response<'a>(items: &mut Items<'a>, reader: &mut Reader<'a>) -> Result<(), Error> {
    reader.object(|reader, key| {
        let name = key.value();
        match (name.as_ref(), reader.kind()?) {
            ("output", Kind::Array) => items.list(reader),
            ("id" | "previous_response_id" | "conversation", _) => {
                items.speech.member(reader, Member::Id)
            }
            // vLLM's, of prompt and answer as the model has them.
            ("output_messages", _) => items.raw(reader),
            ("input_messages", _) => {
                let mark = items.speech.mark();
                items.raw(reader)?;
                items.speech.echo(mark);
                Ok(())
            }
            (name, _) if is_echo(name) => {
                let mark = items.speech.mark();
                items.speech.own(reader, unknown)?;
                items.speech.echo(mark);
                Ok(())
            }
            (name, _) if is_of_response(name) => items.speech.member(reader, Member::Name),
            _ => items.speech.unknown(reader, key),
        }
    })
}

/// What a response says again of its request.
fn is_echo(name: &str) -> bool {
    matches!(
        name,
        "instructions"
            | "tools"
            | "tool_choice"
            | "text"
            | "metadata"
            | "user"
            | "safety_identifier"
            | "prompt_cache_key"
            | "prompt"
    )
}

/// Members of a response that are part of the structure.
fn is_of_response(name: &str) -> bool {
    matches!(
        name,
        "object"
            | "created_at"
            | "completed_at"
            | "status"
            | "model"
            | "incomplete_details"
            | "parallel_tool_calls"
            | "temperature"
            | "top_p"
            | "top_logprobs"
            | "presence_penalty"
            | "frequency_penalty"
            | "max_output_tokens"
            | "max_tool_calls"
            | "background"
            | "store"
            | "truncation"
            | "reasoning"
            | "service_tier"
            | "usage"
            | "tool_usage"
            | "billing"
            | "moderation"
            | "prompt_cache_retention"
            | "prompt_cache_options"
    )
}
