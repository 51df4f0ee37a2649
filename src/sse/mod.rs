/*! Server-sent events: cutting a byte stream into whole events, and reading their data.

Grammar: WHATWG HTML, section 9.2.6. Lines end in LF, CR LF or CR; an empty line ends an
event. Bytes are never decoded before an event is whole, so a cut inside a UTF-8
sequence cannot matter. */

use crate::bytes::{self, Set};
use std::borrow::Cow;

/// Collects pieces of a stream until an event is whole.
#[derive(Debug, Default)]
pub struct Framer {
    tail: Vec<u8>,
}

/// Whole events at the front of a text, and what is left of it.
#[derive(Debug)]
pub struct Events<'a> {
    rest: &'a [u8],
}

impl Framer {
    /// Longest event that is waited for, in bytes. A longer one is handed out
    /// unfinished by [`Framer::take_overlong`].
    pub const MAX_EVENT: usize = 1024 * 1024;

    /// Joins `piece` to what an earlier one left unfinished. The text borrows from
    /// `piece` if nothing was left.
    pub fn join<'p>(&mut self, piece: &'p [u8]) -> Cow<'p, [u8]> {
        if self.tail.is_empty() {
            return Cow::Borrowed(piece);
        }
        let mut text = std::mem::take(&mut self.tail);
        text.extend_from_slice(piece);
        Cow::Owned(text)
    }

    /// Keeps an unfinished event until its next piece comes.
    pub fn keep(&mut self, unfinished: &[u8]) {
        self.tail.clear();
        self.tail.extend_from_slice(unfinished);
    }

    /// Bytes that wait for the end of their event.
    pub fn held(&self) -> usize {
        self.tail.len()
    }

    /// What waits, if the stream ended without finishing it.
    pub fn take_rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.tail)
    }

    /// What waits, if it is longer than [`Framer::MAX_EVENT`].
    pub fn take_overlong(&mut self) -> Option<Vec<u8>> {
        (self.tail.len() > Self::MAX_EVENT).then(|| self.take_rest())
    }
}

impl<'a> Events<'a> {
    /// The events of `text`.
    pub const fn new(text: &'a [u8]) -> Self {
        Self { rest: text }
    }

    /// What follows the last whole event.
    pub const fn unfinished(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Events<'a> {
    type Item = &'a [u8];

    /// The next whole event, its empty line included.
    fn next(&mut self) -> Option<&'a [u8]> {
        let end = event_end(self.rest)?;
        let (event, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        Some(event)
    }
}

/// One past the empty line that ends the first event of `text`.
fn event_end(text: &[u8]) -> Option<usize> {
    let mut line_start = 0;
    loop {
        let line = text.get(line_start..)?;
        let content = bytes::find(line, Set::of([b'\n', b'\r']))?;
        let ending = match line.get(content..)? {
            [b'\r', b'\n', ..] => 2,
            _ => 1,
        };
        line_start = line_start.saturating_add(content).saturating_add(ending);
        if content == 0 {
            return Some(line_start);
        }
    }
}

/// The `data` of one event: its data lines, joined by LF. `None` if it has none (comments,
/// bare `event:` lines).
pub fn data(event: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut lines = lines(event).filter_map(data_line);
    let first = lines.next()?;
    let mut joined = Cow::Borrowed(first);
    for line in lines {
        let text = joined.to_mut();
        text.push(b'\n');
        text.extend_from_slice(line);
    }
    Some(joined)
}

fn lines(event: &[u8]) -> impl Iterator<Item = &[u8]> {
    let text = event.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(event);
    text.split(|&byte| byte == b'\n' || byte == b'\r')
}

fn data_line(line: &[u8]) -> Option<&[u8]> {
    let value = line.strip_prefix(b"data")?;
    match value {
        [] => Some(value),
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
