/*! Strings as the literals they are written in. */

use super::tree::unwatched;
use crate::json::Reader;
use std::borrow::Cow;

/// A string as a JSON literal, quotes included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text<'a>(Cow<'a, str>);

impl<'a> Text<'a> {
    /// A literal that has been read.
    pub(super) const fn literally(literal: &'a str) -> Self {
        Self(Cow::Borrowed(literal))
    }

    /// The literal of `value`.
    pub(super) fn of(value: &str) -> Self {
        Self(Cow::Owned(crate::json::quote(value)))
    }

    /// One string of several literals.
    pub(super) fn joined<'t>(texts: impl IntoIterator<Item = &'t Text<'a>>) -> Self
    where
        'a: 't,
    {
        let inside: String = texts.into_iter().map(Text::inside).collect();
        Self(Cow::Owned(format!("\"{inside}\"")))
    }

    /// A string from what [`Text::inside`] gave.
    pub(super) fn around(inside: &str) -> Self {
        Self(Cow::Owned(format!("\"{inside}\"")))
    }

    /// The literal.
    pub(super) fn literal(&self) -> &str {
        &self.0
    }

    /// The literal without its quotes.
    pub(super) fn inside(&self) -> &str {
        let open = self.0.strip_prefix('"').unwrap_or_default();
        open.strip_suffix('"').unwrap_or_default()
    }

    /// The string itself.
    pub(super) fn value(&self) -> Cow<'_, str> {
        let inside = self.inside();
        if !inside.contains('\\') {
            return Cow::Borrowed(inside);
        }
        Reader::new(self.0.as_bytes(), unwatched)
            .and_then(|mut reader| reader.string())
            .map(|text| text.value())
            .unwrap_or_default()
    }

    /// The string itself; borrowed from what was read unless it holds escapes.
    pub(super) fn into_value(self) -> Cow<'a, str> {
        match self.0 {
            Cow::Borrowed(literal) if !literal.contains('\\') => {
                let open = literal.strip_prefix('"').unwrap_or_default();
                Cow::Borrowed(open.strip_suffix('"').unwrap_or_default())
            }
            _ => Cow::Owned(self.value().into_owned()),
        }
    }

    /// Whether it is `""`.
    pub(super) fn is_empty(&self) -> bool {
        self.inside().is_empty()
    }

    /// Whether it has nothing but white space. Few texts have to be unescaped for that.
    pub(super) fn is_blank(&self) -> bool {
        let front = self.inside().trim_start();
        front.is_empty() || (front.starts_with('\\') && self.value().trim().is_empty())
    }

    /// The same text, holding on to nothing.
    pub(super) fn into_owned(self) -> Text<'static> {
        Text(Cow::Owned(self.0.into_owned()))
    }
}
