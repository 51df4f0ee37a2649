/*! What is alike in walks of answers. */

use super::{
    ChannelKey, ChannelKind, Member, Said, Site, Table, by_key, emit_key, read, unknown, value,
};
use crate::json::{Error, Key, Kind, Reader, Span};
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

/// A number that counts from zero; `None` if it does not.
pub(in crate::protocols) fn index(reader: &mut Reader<'_>) -> Result<Option<u32>, Error> {
    Ok(reader.number()?.parse().ok())
}
