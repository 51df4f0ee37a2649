/*! A closed region as detectors see it: folded bytes, and the way back to the text. */

use super::chars::{Folded, OTHER_LETTER, class_of, fold};
use std::borrow::Cow;

/// The byte at `index`; 0, which is in no class, outside.
#[inline]
pub(super) fn at(bytes: &[u8], index: usize) -> u8 {
    bytes.get(index).copied().unwrap_or(0)
}

/// The byte before `index`; 0 at the front.
#[inline]
pub(super) fn before(bytes: &[u8], index: usize) -> u8 {
    index.checked_sub(1).map_or(0, |index| at(bytes, index))
}

/// `bytes[start..end]`; empty if there is no such part.
#[inline]
pub(super) fn part(bytes: &[u8], start: usize, end: usize) -> &[u8] {
    bytes.get(start..end).unwrap_or_default()
}

/// From `start`, the end of the run of bytes that `of` takes.
pub(super) fn run(bytes: &[u8], start: usize, of: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    let length = rest.iter().position(|byte| !of(*byte));
    start.saturating_add(length.unwrap_or(rest.len()))
}

/// The start of the run of bytes that `of` takes and that ends at `end`.
pub(super) fn run_back(bytes: &[u8], end: usize, of: impl Fn(u8) -> bool) -> usize {
    let front = bytes.get(..end).unwrap_or_default();
    let stop = front.iter().rposition(|byte| !of(*byte));
    stop.map_or(0, |stop| stop.saturating_add(1))
}

/// Where `needle` begins in `bytes`, from `from` on.
pub(super) fn find(bytes: &[u8], from: usize, needle: &[u8]) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let first = at(needle, 0);
    let places = rest.iter().enumerate().filter(|(_, byte)| **byte == first);
    let mut starts = places.map(|(place, _)| from.saturating_add(place));
    starts.find(|start| {
        bytes
            .get(*start..)
            .is_some_and(|rest| rest.starts_with(needle))
    })
}

/// Folded bytes of a piece of text.
#[derive(Debug)]
pub(super) struct View<'t> {
    pub(super) bytes: Cow<'t, [u8]>,
    /// Offset in the text of each folded byte and of the end; `None`: the same.
    offsets: Option<Vec<usize>>,
}

impl<'t> View<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        if text.is_ascii() {
            return Self {
                bytes: Cow::Borrowed(text.as_bytes()),
                offsets: None,
            };
        }
        let mut bytes = Vec::with_capacity(text.len());
        let mut offsets = Vec::with_capacity(text.len().saturating_add(1));
        for (offset, c) in text.char_indices() {
            if let Folded::Byte(byte) = fold(c) {
                bytes.push(byte);
                offsets.push(offset);
            }
        }
        offsets.push(text.len());
        Self {
            bytes: Cow::Owned(bytes),
            offsets: Some(offsets),
        }
    }

    /// Where the folded byte `index` begins in the text.
    pub(super) fn start(&self, index: usize) -> usize {
        match &self.offsets {
            None => index,
            Some(offsets) => offsets.get(index).copied().unwrap_or_default(),
        }
    }

    /// Where the text of the folded bytes before `index` ends: what is read as nothing
    /// behind them stays outside.
    pub(super) fn end(&self, index: usize, text: &str) -> usize {
        let Some(last) = index.checked_sub(1) else {
            return 0;
        };
        let start = self.start(last);
        let width = text.get(start..).and_then(|rest| rest.chars().next());
        start.saturating_add(width.map_or(0, char::len_utf8))
    }

    /// The classes of all bytes, and how many are digits.
    pub(super) fn classes(&self) -> (u8, usize) {
        let add = |(all, digits): (u8, usize), byte: &u8| {
            let digit = usize::from(byte.is_ascii_digit());
            (all | class_of(*byte), digits.saturating_add(digit))
        };
        self.bytes.iter().fold((0, 0), add)
    }
}

/// Whether `byte` could go on a word.
pub(super) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == OTHER_LETTER
}
