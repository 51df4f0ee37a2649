/*! Edits on the original bytes, applied once. */

use super::text::Span;
use crate::sorting::sort_few;

/// A list of replacements in one text; what lies between them stays byte for byte.
#[derive(Debug, Default)]
pub struct Edits {
    list: Vec<(Span, String)>,
}

/// The outcome of applying [`Edits`]: only a prefix of the text changes, so only that
/// much has to be written back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrite {
    /// How many bytes of the old text the new prefix replaces.
    pub replaces: usize,
    /// The new prefix.
    pub prefix: Vec<u8>,
    /// Length of the whole new text, in bytes.
    pub length: usize,
}

impl Rewrite {
    /// The whole new text; `text` is the old one.
    pub fn whole(&self, text: &[u8]) -> Vec<u8> {
        let rest = text.get(self.replaces..).unwrap_or_default();
        [self.prefix.as_slice(), rest].concat()
    }

    /// This change and then another one, of the text that this one makes, as one.
    #[must_use]
    pub fn and(self, then: Option<Self>) -> Self {
        let Some(mut then) = then else {
            return self;
        };
        let between = self.prefix.get(then.replaces..).unwrap_or_default();
        then.prefix.extend_from_slice(between);
        let beyond = then.replaces.saturating_sub(self.prefix.len());
        Self {
            replaces: self.replaces.saturating_add(beyond),
            ..then
        }
    }
}

impl Edits {
    /// Replaces `span` by `with`. Spans must not overlap; an empty one inserts.
    pub fn replace(&mut self, span: Span, with: String) {
        self.list.push((span, with));
    }

    /// Inserts `text` before the byte at `offset`.
    pub fn insert(&mut self, offset: usize, text: String) {
        self.replace(
            Span {
                start: offset,
                end: offset,
            },
            text,
        );
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Adds `text` with all edits to `out`.
    pub fn write(mut self, text: &[u8], out: &mut Vec<u8>) {
        out.reserve(text.len().saturating_add(self.added()));
        let copied = self.write_front(text, out);
        out.extend_from_slice(text.get(copied..).unwrap_or_default());
    }

    /// Applies all edits to `text`; `None` if there are none.
    pub fn apply(mut self, text: &[u8]) -> Option<Rewrite> {
        let last = self.list.iter().map(|(span, _)| span.end).max()?;
        let mut prefix = Vec::with_capacity(last.saturating_add(self.added()));
        let replaces = self.write_front(text, &mut prefix);
        let length = text
            .len()
            .saturating_sub(replaces)
            .saturating_add(prefix.len());
        Some(Rewrite {
            replaces,
            prefix,
            length,
        })
    }

    /// Bytes of all that is put in.
    fn added(&self) -> usize {
        self.list.iter().map(|(_, with)| with.len()).sum()
    }

    /// Adds the text up to the end of the last edit; returns where that is.
    fn write_front(&mut self, text: &[u8], out: &mut Vec<u8>) -> usize {
        sort_few(&mut self.list, &|(a, _), (b, _)| a.cmp(b));
        let mut copied = 0;
        for (span, with) in &self.list {
            out.extend_from_slice(text.get(copied..span.start).unwrap_or_default());
            out.extend_from_slice(with.as_bytes());
            copied = span.end;
        }
        copied
    }
}
