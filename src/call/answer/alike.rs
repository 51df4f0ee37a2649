/*! Events that say the same as one before, but for a piece of text: nearly all of a stream.
They are known by their bytes, without being read again.

Two JSON texts that differ within strings alone have the same structure, and all their other
members the same values. So what has been read of one event holds for the other, if nobody looks at
the strings that differ but at one of them. */

use crate::json::{Reader, Span, Text, quote};
use crate::protocols::texts::ChannelKey;
use std::borrow::Cow;
use std::ops::Range;

/// Longest event that is remembered, in bytes: a piece of text and what stands around it.
const LONGEST: usize = 4096;

/// The member behind the text that OpenAI fills with letters and digits of any number, so that the
/// length of an event tells nothing. Guardrails do not look at what can be base64 there.
const PADDING: &[u8] = b"\"obfuscation\":\"";

/// An event that others are compared with.
#[derive(Debug)]
pub(super) struct Alike {
    /// Up to the text.
    front: Vec<u8>,
    /// Behind the text, up to the padding if there is one.
    back: Vec<u8>,
    /// Behind the padding.
    behind: Option<Vec<u8>>,
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
        let (back, behind) = match padding(back) {
            Some((back, behind)) => (back, Some(behind.to_vec())),
            None => (back, None),
        };
        (event.len() <= LONGEST).then(|| Self {
            front: front.to_vec(),
            back: back.to_vec(),
            behind,
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
        let rest = reader.rest().strip_prefix(self.back.as_slice())?;
        let same = match &self.behind {
            None => rest.is_empty(),
            Some(behind) => unpadded(rest) == behind,
        };
        (same && !text.is_empty()).then_some(text)
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
        let start = self.front.len();
        let end = start.saturating_add(text.len()).saturating_add(2);
        let new = new.map(quote);
        let new = match &new {
            Some(new) => new.as_bytes(),
            None => event.get(start..end).unwrap_or_default(),
        };
        let back = event.get(end..).unwrap_or_default();
        Cow::Owned([front, new, back].concat())
    }
}

/// What stands before and behind the padding, if there is any. Within a string its quotation marks
/// would have backslashes.
fn padding(back: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut starts = back.windows(PADDING.len());
    let start = starts.position(|part| part == PADDING)?;
    let (front, rest) = back.split_at_checked(start.saturating_add(PADDING.len()))?;
    let behind = unpadded(rest);
    // Deeper than at the end of the event, guardrails might look at it; an empty one might be a
    // text elsewhere.
    let last = behind.strip_prefix(b"\"}").map(<[u8]>::trim_ascii);
    (behind.len() < rest.len() && last == Some(b"")).then_some((front, behind))
}

/// What stands behind letters and digits.
fn unpadded(rest: &[u8]) -> &[u8] {
    let padding = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric());
    rest.get(padding.count()..).unwrap_or_default()
}
