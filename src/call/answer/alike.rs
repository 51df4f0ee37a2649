/*! Events that say the same as one before, but for a piece of text: nearly all of a stream.
They are known by their bytes, without being read again.

Two JSON texts that differ within one string alone have the same structure, and all their other
members the same values. So what has been read of one event holds for the other. */

use crate::json::{Reader, Span, Text, quote};
use crate::protocols::texts::ChannelKey;
use std::borrow::Cow;
use std::ops::Range;

/// Longest event that is remembered, in bytes: a piece of text and what stands around it.
const LONGEST: usize = 4096;

/// An event that others are compared with.
#[derive(Debug)]
pub(super) struct Alike {
    /// Up to the text.
    front: Vec<u8>,
    /// Behind the text.
    back: Vec<u8>,
    /// What the caller gets for `front`, if that is something else.
    told: Option<Vec<u8>>,
    /// Which text it is a piece of, where guardrails look at it.
    channel: Option<ChannelKey>,
}

/// An event that brings nothing but a piece of one text.
#[derive(Debug)]
pub(super) struct Single<'a> {
    pub(super) event: &'a [u8],
    /// Where its data stands.
    pub(super) data: Range<usize>,
    /// Where the text stands in the data, with its quotation marks.
    pub(super) text: Span,
    /// Another name for the model, and where the provider's stands in the data.
    pub(super) model: Option<(Span, &'a str)>,
    /// Which text it is a piece of, where guardrails look at it.
    pub(super) channel: Option<ChannelKey>,
}

impl Alike {
    /// What is to be known of an event to find others that are like it. `None`: it is too long,
    /// or what the caller gets differs from it behind its text, too.
    pub(super) fn of(single: &Single<'_>) -> Option<Self> {
        let Single { event, data, .. } = single;
        let [start, end] =
            [single.text.start, single.text.end].map(|at| data.start.saturating_add(at));
        let front = event.get(..start)?;
        let back = event.get(end..)?;
        let told = match single.model {
            None => None,
            Some((model, _)) if model.end > single.text.start => return None,
            Some((model, name)) => {
                let [start, end] = [model.start, model.end].map(|at| data.start.saturating_add(at));
                let name = quote(name);
                let (before, behind) = (front.get(..start)?, front.get(end..)?);
                Some([before, name.as_bytes(), behind].concat())
            }
        };
        (event.len() <= LONGEST).then(|| Self {
            front: front.to_vec(),
            back: back.to_vec(),
            told,
            channel: single.channel,
        })
    }

    /// The text that `event` brings, if it is like this one; never empty, as is this one's.
    pub(super) fn piece<'e>(&self, event: &'e [u8]) -> Option<Text<'e>> {
        let behind = event.strip_prefix(self.front.as_slice())?;
        // A reader would pass over white space.
        behind.strip_prefix(b"\"")?;
        let mut reader = Reader::new(behind, |_| None).ok()?;
        let text = reader.string().ok()?;
        (!text.is_empty() && reader.rest() == self.back).then_some(text)
    }

    /// Which text it is a piece of, where guardrails look at it.
    pub(super) const fn channel(&self) -> Option<ChannelKey> {
        self.channel
    }

    /// `event`, which brings `text`, as the caller gets it: with `new` in the text's place, if
    /// that is given.
    pub(super) fn told<'e>(
        &self,
        event: &'e [u8],
        text: &Text<'_>,
        new: Option<&str>,
    ) -> Cow<'e, [u8]> {
        if new.is_none() && self.told.is_none() {
            return Cow::Borrowed(event);
        }
        let front = self.told.as_ref().unwrap_or(&self.front);
        let new = new.map(quote);
        let length = new.as_ref().map_or(text.len(), String::len);
        let length = length
            .saturating_add(front.len())
            .saturating_add(self.back.len());
        let mut out = Vec::with_capacity(length.saturating_add(2));
        out.extend_from_slice(front);
        match new {
            Some(new) => out.extend_from_slice(new.as_bytes()),
            None => {
                out.push(b'"');
                out.extend_from_slice(text.raw());
                out.push(b'"');
            }
        }
        out.extend_from_slice(&self.back);
        Cow::Owned(out)
    }
}
