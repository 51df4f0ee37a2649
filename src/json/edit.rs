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

    /// Applies all edits to `text`; `None` if there are none.
    pub fn apply(mut self, text: &[u8]) -> Option<Rewrite> {
        sort_few(&mut self.list, &|(a, _), (b, _)| a.cmp(b));
        let replaces = self.list.last()?.0.end;
        let added = self.list.iter().map(|(_, with)| with.len()).sum::<usize>();
        let mut prefix = Vec::with_capacity(replaces.saturating_add(added));
        let mut copied = 0;
        for (span, with) in &self.list {
            prefix.extend_from_slice(text.get(copied..span.start).unwrap_or_default());
            prefix.extend_from_slice(with.as_bytes());
            copied = span.end;
        }
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
}
