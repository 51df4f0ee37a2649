/*! Texts of the items that a response consists of. */

use super::known;
use crate::json::{Error, Key, Kind, Reader, Span};
use crate::protocols::texts::{ChannelKind, Member, Speech, peek, unless_null};

/// The texts of items, as they are found.
#[derive(Default)]
pub(super) struct Items<'a> {
    pub(super) speech: Speech<'a>,
    /// What says the same as the text, by item.
    pub(super) tokens: Vec<(u32, Span)>,
    /// Ids of the tokens of any text.
    pub(super) raw: Vec<Span>,
}

impl<'a> Items<'a> {
    /// A list of items; the place of each is its part.
    pub(super) fn list(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        let mut part = 0_u32;
        reader.array(|reader| {
            let (said, tokens) = (self.speech.mark(), self.tokens.len());
            self.item(reader)?;
            self.speech.since(said).for_each(|key| key.part = part);
            let tokens = self.tokens.iter_mut().skip(tokens);
            tokens.for_each(|(of, _)| *of = part);
            part = part.saturating_add(1);
            Ok(())
        })
    }

    pub(super) fn item(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        if reader.kind()? != Kind::Object {
            return self.speech.member(reader, Member::Text);
        }
        let [kind] = peek(reader, ["type"]);
        reader.object(|reader, key| self.member(reader, key, &kind))
    }

    /// A member of an item of this kind.
    fn member(&mut self, reader: &mut Reader<'a>, key: &Key<'a>, kind: &str) -> Result<(), Error> {
        match (key.value().as_ref(), reader.kind()?) {
            ("content" | "summary", Kind::Array) => self.parts(reader),
            ("arguments", Kind::String) => match kind {
                "mcp_call" => self.speech.piece(reader, ChannelKind::McpArguments, known),
                "function_call" => self.speech.piece(reader, ChannelKind::Arguments, known),
                _ => self.speech.json(reader),
            },
            ("arguments", _) => self.speech.json(reader),
            ("input", _) => self.speech.piece(reader, ChannelKind::CustomInput, known),
            ("code", _) => self.speech.piece(reader, ChannelKind::Code, known),
            ("action", Kind::Object) if kind == "shell_call" => self.shell(reader),
            ("operation", Kind::Object) => self.patch(reader),
            ("result", _) if kind == "image_generation_call" => {
                self.speech.member(reader, Member::Encoded)
            }
            _ => self.other(reader, key),
        }
    }

    fn parts(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        let mut index = 0_u32;
        reader.array(|reader| {
            let mark = self.speech.mark();
            self.part(reader)?;
            self.speech.since(mark).for_each(|key| key.index = index);
            index = index.saturating_add(1);
            Ok(())
        })
    }

    /// A part of a content, or of a summary.
    pub(super) fn part(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        if reader.kind()? != Kind::Object {
            return self.speech.member(reader, Member::Text);
        }
        let [kind] = peek(reader, ["type"]);
        let kind = match kind.as_ref() {
            "summary_text" => ChannelKind::ReasoningSummary,
            "reasoning_text" => ChannelKind::Reasoning,
            _ => ChannelKind::Text,
        };
        reader.object(|reader, key| match key.value().as_ref() {
            "text" => self.speech.piece(reader, kind, known),
            "refusal" => self.speech.piece(reader, ChannelKind::Refusal, known),
            "transcript" => self.speech.piece(reader, ChannelKind::Transcript, known),
            "logprobs" => self.logprobs(reader),
            // Sound.
            "data" => self.speech.member(reader, Member::Encoded),
            "type" => self.speech.member(reader, Member::Name),
            "annotations" => self.speech.own(reader, known),
            _ => {
                self.speech.key(key);
                self.speech.own(reader, known)
            }
        })
    }

    /// Log probabilities, which give the text away.
    pub(super) fn logprobs(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        let empty = reader.kind()? == Kind::Array && {
            let inside = reader.rest().get(1..).unwrap_or_default();
            inside.trim_ascii_start().starts_with(b"]")
        };
        let span = unless_null(reader)?.filter(|_| !empty);
        self.tokens.extend(span.map(|span| (0, span)));
        Ok(())
    }

    /// Messages as the model has them, with the ids of their tokens.
    pub(super) fn raw(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        match reader.kind()? {
            Kind::Array => reader.array(|reader| self.raw(reader)),
            Kind::Object => reader.object(|reader, key| {
                let name = key.value();
                match (name.as_ref(), known(&name, reader.kind()?)) {
                    ("tokens" | "token_ids", _) => self.raw.extend(unless_null(reader)?),
                    (_, Member::Text) => {
                        self.speech.key(key);
                        self.raw(reader)?;
                    }
                    (_, member) => self.speech.member(reader, member)?,
                }
                Ok::<(), Error>(())
            }),
            _ => self.speech.own(reader, known),
        }
    }

    /// What a shell shall do.
    fn shell(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        reader.object(|reader, key| {
            if key.value() != "commands" || reader.kind()? != Kind::Array {
                return self.other(reader, key);
            }
            let mut index = 0_u32;
            reader.array(|reader| {
                let mark = self.speech.mark();
                self.speech.piece(reader, ChannelKind::Command, known)?;
                self.speech.since(mark).for_each(|key| key.index = index);
                index = index.saturating_add(1);
                Ok(())
            })
        })
    }

    /// How a file shall change.
    fn patch(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        reader.object(|reader, key| match key.value().as_ref() {
            "diff" => self.speech.piece(reader, ChannelKind::Patch, known),
            _ => self.other(reader, key),
        })
    }

    fn other(&mut self, reader: &mut Reader<'a>, key: &Key<'a>) -> Result<(), Error> {
        match known(&key.value(), reader.kind()?) {
            Member::Text => {
                self.speech.key(key);
                self.speech.own(reader, known)
            }
            member => self.speech.member(reader, member),
        }
    }
}
