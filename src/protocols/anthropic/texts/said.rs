/*! Texts of events and of whole answers. */

use super::known;
use crate::json::{Error, Key, Kind, Reader};
use crate::protocols::texts::{
    AnswerTexts, ChannelKind, Ends, EventTexts, Member, Speech, answer_reader, index, peek,
};

pub(in crate::protocols) fn event(data: &[u8]) -> Result<EventTexts<'_>, Error> {
    let mut reader = answer_reader(data)?;
    let mut event = Event::default();
    if reader.kind()? == Kind::Object {
        let [kind] = peek(&reader, ["type"]);
        event.read(&mut reader)?;
        event.kind = EventType::of(&kind);
    } else {
        event.speech.member(&mut reader, Member::Text)?;
    }
    reader.finish()?;
    Ok(EventTexts {
        ends: event.ends(),
        said: event.speech.said,
        signatures: event.speech.signatures,
        removed: Vec::new(),
    })
}

#[derive(Default)]
struct Event<'a> {
    speech: Speech<'a>,
    kind: EventType,
    block: u32,
    /// Whether it has a reason to stop.
    stops: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum EventType {
    /// `content_block_stop`
    BlockStop,
    /// `message_delta`
    Delta,
    /// `message_stop`, `error`
    End,
    #[default]
    Other,
}

impl<'a> Event<'a> {
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        reader.object(|reader, key| match (key.value().as_ref(), reader.kind()?) {
            ("index", _) => {
                self.block = index(reader)?.unwrap_or(0);
                Ok(())
            }
            ("delta", Kind::Object) => self.delta(reader),
            ("content_block", Kind::Object) => block(&mut self.speech, reader),
            ("message", Kind::Object) => self.start(reader),
            ("request_id", _) => self.speech.member(reader, Member::Id),
            ("type" | "usage" | "context_management", _) => {
                self.speech.member(reader, Member::Name)
            }
            _ => self.speech.unknown(reader, key),
        })?;
        let block = self.block;
        self.speech.since(0).for_each(|key| key.part = block);
        let signatures = self.speech.signatures.iter_mut();
        signatures.for_each(|(part, _)| *part = block);
        Ok(())
    }
}

impl<'a> Event<'a> {
    /// The message that begins: what stands in it comes in no pieces.
    fn start(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        let mark = self.speech.mark();
        message(&mut self.speech, reader)?;
        self.speech.detach(mark);
        Ok(())
    }

    fn delta(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        let speech = &mut self.speech;
        let stops = &mut self.stops;
        reader.object(|reader, key| match (key.value().as_ref(), reader.kind()?) {
            ("text", _) => speech.piece(reader, ChannelKind::Text, known),
            ("thinking", _) => speech.piece(reader, ChannelKind::Reasoning, known),
            ("signature", Kind::String) => speech.signature(reader),
            ("partial_json", _) => speech.piece(reader, ChannelKind::Arguments, known),
            ("content", Kind::String) => speech.piece(reader, ChannelKind::Compaction, known),
            ("citation", _) => nested(speech, reader),
            ("stop_reason", kind) => {
                *stops |= kind == Kind::String;
                speech.member(reader, Member::Name)
            }
            ("container", _) => speech.member(reader, Member::Id),
            _ => other(speech, reader, key),
        })
    }

    fn ends(&self) -> Ends {
        match self.kind {
            EventType::BlockStop => Ends::Parts(vec![self.block]),
            EventType::Delta if self.stops => Ends::All,
            EventType::End => Ends::All,
            EventType::Delta | EventType::Other => Ends::Nothing,
        }
    }
}

impl EventType {
    fn of(name: &str) -> Self {
        match name {
            "content_block_stop" => Self::BlockStop,
            "message_delta" => Self::Delta,
            "message_stop" | "error" => Self::End,
            _ => Self::Other,
        }
    }
}

pub(in crate::protocols) fn answer(body: &[u8]) -> Result<AnswerTexts<'_>, Error> {
    let mut reader = answer_reader(body)?;
    let mut speech = Speech::default();
    if reader.kind()? == Kind::Object {
        message(&mut speech, &mut reader)?;
    } else {
        speech.member(&mut reader, Member::Text)?;
    }
    reader.finish()?;
    Ok(AnswerTexts {
        said: speech.said,
        signatures: speech.signatures,
        logprobs: Vec::new(),
        tokens: Vec::new(),
    })
}

fn message<'a>(speech: &mut Speech<'a>, reader: &mut Reader<'a>) -> Result<(), Error> {
    reader.object(|reader, key| match (key.value().as_ref(), reader.kind()?) {
        ("content", Kind::Array) => {
            let mut part = 0_u32;
            reader.array(|reader| {
                let (mark, signed) = (speech.mark(), speech.signatures.len());
                if reader.kind()? == Kind::Object {
                    block(speech, reader)?;
                } else {
                    speech.member(reader, Member::Text)?;
                }
                speech.since(mark).for_each(|key| key.part = part);
                let signatures = speech.signatures.iter_mut().skip(signed);
                signatures.for_each(|(of, _)| *of = part);
                part = part.saturating_add(1);
                Ok(())
            })
        }
        ("id" | "container", _) => speech.member(reader, Member::Id),
        ("type" | "role" | "model" | "stop_reason" | "usage" | "context_management", _) => {
            speech.member(reader, Member::Name)
        }
        _ => speech.unknown(reader, key),
    })
}

/// A block: whole, or as it begins in a stream.
fn block<'a>(speech: &mut Speech<'a>, reader: &mut Reader<'a>) -> Result<(), Error> {
    reader.object(|reader, key| match (key.value().as_ref(), reader.kind()?) {
        ("text", _) => speech.piece(reader, ChannelKind::Text, known),
        ("thinking", _) => speech.piece(reader, ChannelKind::Reasoning, known),
        ("signature", Kind::String) => speech.signature(reader),
        ("input", _) => speech.json(reader),
        // Compaction has a string here, results of the provider's tools have what they found.
        ("content", Kind::String) => speech.piece(reader, ChannelKind::Compaction, known),
        ("content" | "citations", _) => nested(speech, reader),
        _ => other(speech, reader, key),
    })
}

/// What stands in blocks: citations, results of tools. Texts of their own, but for what is
/// part of the structure; `data` is that only where no source says that it is text.
fn nested<'a>(speech: &mut Speech<'a>, reader: &mut Reader<'a>) -> Result<(), Error> {
    match reader.kind()? {
        Kind::Array => reader.array(|reader| nested(speech, reader)),
        Kind::Object => reader.object(|reader, key| match (key.value().as_ref(), reader.kind()?) {
            ("source", Kind::Object) => source(speech, reader),
            _ => other(speech, reader, key),
        }),
        _ => speech.member(reader, Member::Text),
    }
}

fn source<'a>(speech: &mut Speech<'a>, reader: &mut Reader<'a>) -> Result<(), Error> {
    let [kind] = peek(reader, ["type"]);
    reader.object(|reader, key| match key.value().as_ref() {
        "data" if kind != "base64" => speech.member(reader, Member::Text),
        _ => other(speech, reader, key),
    })
}

fn other<'a>(speech: &mut Speech<'a>, reader: &mut Reader<'a>, key: &Key<'a>) -> Result<(), Error> {
    match known(&key.value(), reader.kind()?) {
        Member::Text => {
            speech.key(key);
            nested(speech, reader)
        }
        member => speech.member(reader, member),
    }
}
