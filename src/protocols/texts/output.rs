/*! What is alike in walks of answers. */

use super::{
    ChannelKey, ChannelKind, Member, Said, Site, Table, by_key, emit_key, read, unknown, value,
};
use crate::json::{Error, ErrorKind, Key, Kind, Reader, Span};
use crate::mask::Form;

/// The texts of an answer, or of an event of one, as they are found.
#[derive(Debug, Default)]
pub(in crate::protocols) struct Speech<'a> {
    pub(in crate::protocols) said: Vec<Said<'a>>,
    /// Signatures, of a part that is told later.
    pub(in crate::protocols) signatures: Vec<(u32, Span)>,
}

impl<'a> Speech<'a> {
    /// Texts of their own in a value of which a table knows the members.
    pub(in crate::protocols) fn own(
        &mut self,
        reader: &mut Reader<'a>,
        table: Table,
    ) -> Result<(), Error> {
        by_key(reader, table, &mut |site| self.add(None, site))
    }

    /// A value that is part of the structure.
    pub(in crate::protocols) fn member(
        &mut self,
        reader: &mut Reader<'a>,
        member: Member,
    ) -> Result<(), Error> {
        read(reader, member, &mut |site| self.add(None, site))
    }

    /// A member that nothing is known of.
    pub(in crate::protocols) fn unknown(
        &mut self,
        reader: &mut Reader<'a>,
        key: &Key<'a>,
    ) -> Result<(), Error> {
        self.key(key);
        self.own(reader, unknown)
    }

    /// A key that nothing is known of.
    pub(in crate::protocols) fn key(&mut self, key: &Key<'a>) {
        emit_key(key, &mut |site| self.add(None, site));
    }

    /// A text that a stream brings in pieces, of a part and an index that are told later.
    pub(in crate::protocols) fn piece(
        &mut self,
        reader: &mut Reader<'a>,
        kind: ChannelKind,
        table: Table,
    ) -> Result<(), Error> {
        let channel = if reader.kind()? == Kind::String {
            let (part, index) = (0, 0);
            Some(ChannelKey { part, kind, index })
        } else {
            None
        };
        by_key(reader, table, &mut |site| self.add(channel, site))
    }

    /// The signature of a text of the same part.
    pub(in crate::protocols) fn signature(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        let start = reader.offset();
        self.member(reader, Member::Encoded)?;
        let end = reader.offset();
        self.signatures.push((0, Span { start, end }));
        Ok(())
    }

    /// JSON as it is, of its own.
    pub(in crate::protocols) fn json(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        if let Some(text) = value(reader)? {
            self.said.push(Said {
                channel: None,
                text,
                form: Form::Json,
            });
        }
        Ok(())
    }

    /// How many texts there are: what follows is what [`Speech::since`] means.
    pub(in crate::protocols) fn mark(&self) -> usize {
        self.said.len()
    }

    /// The channels of what was found since.
    pub(in crate::protocols) fn since(
        &mut self,
        mark: usize,
    ) -> impl Iterator<Item = &mut ChannelKey> {
        let said = self.said.iter_mut().skip(mark);
        said.filter_map(|said| said.channel.as_mut())
    }

    /// What was found since comes in no pieces.
    pub(in crate::protocols) fn detach(&mut self, mark: usize) {
        let said = self.said.iter_mut().skip(mark);
        said.for_each(|said| said.channel = None);
    }

    fn add(&mut self, channel: Option<ChannelKey>, text: Site<'a>) {
        let form = match channel.map(|channel| channel.kind) {
            Some(ChannelKind::Arguments | ChannelKind::FunctionCall) => Form::Json,
            _ => Form::Text,
        };
        self.said.push(Said {
            channel,
            text,
            form,
        });
    }
}

/// A number that counts from zero; `None` if it is null.
///
/// # Errors
/// It is anything else. Clients read `1.0`, `"1"` and what 32 bits don't hold each in their
/// own way, so nobody knows which text goes on there.
pub(in crate::protocols) fn index(reader: &mut Reader<'_>) -> Result<Option<u32>, Error> {
    if reader.kind()? == Kind::Null {
        reader.skip()?;
        return Ok(None);
    }
    let offset = reader.offset();
    let index = reader.number()?.parse();
    let index = index.map_err(|_| Error::new(ErrorKind::Unexpected, offset))?;
    Ok(Some(index))
}

/// A reader of an answer, or of an event of one.
pub(in crate::protocols) fn reader(text: &[u8]) -> Result<Reader<'_>, Error> {
    Reader::new(text, watched)
}

/// The keys that say where text belongs, or that hold text which comes in pieces: of two in one
/// object a client may read either.
fn watched(key: &[u8]) -> Option<(&'static str, u8)> {
    // A match compiles to a jump by length; keys are looked up in every object.
    Some(match key {
        b"type" => ("type", 0),
        b"index" => ("index", 1),
        b"choices" => ("choices", 2),
        b"delta" => ("delta", 3),
        b"message" => ("message", 4),
        b"content" => ("content", 5),
        b"refusal" => ("refusal", 6),
        b"reasoning" => ("reasoning", 7),
        b"reasoning_content" => ("reasoning_content", 8),
        b"reasoning_details" => ("reasoning_details", 9),
        b"summary" => ("summary", 10),
        b"tool_calls" => ("tool_calls", 11),
        b"function" => ("function", 12),
        b"function_call" => ("function_call", 13),
        b"custom" => ("custom", 14),
        b"arguments" => ("arguments", 15),
        b"input" => ("input", 16),
        b"audio" => ("audio", 17),
        b"transcript" => ("transcript", 18),
        b"content_block" => ("content_block", 19),
        b"text" => ("text", 20),
        b"thinking" => ("thinking", 21),
        b"signature" => ("signature", 22),
        b"partial_json" => ("partial_json", 23),
        b"finish_reason" => ("finish_reason", 24),
        b"stop_reason" => ("stop_reason", 25),
        b"name" => ("name", 26),
        b"source" => ("source", 27),
        b"data" => ("data", 28),
        b"citation" => ("citation", 29),
        b"error" => ("error", 30),
        b"usage" => ("usage", 31),
        b"role" => ("role", 32),
        b"id" => ("id", 33),
        _ => return None,
    })
}
