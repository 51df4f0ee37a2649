/*! Server-sent events: cutting a byte stream into whole events, and reading their data.

Grammar: WHATWG HTML, section 9.2.6. Lines end in LF, CR LF or CR; an empty line ends an
event. Bytes are never decoded before an event is whole, so a cut inside a UTF-8
sequence cannot matter. */

use crate::bytes::{self, Set};
use std::borrow::Cow;
use std::ops::Range;

/// Collects pieces of a stream until an event is whole. What was searched for the end of
/// an event is not searched again, so a trickled event costs no more than a whole one.
#[derive(Debug)]
pub struct Framer {
    tail: Vec<u8>,
    place: Place,
    longest: usize,
}

impl Default for Framer {
    fn default() -> Self {
        Self::up_to(Self::MAX_EVENT)
    }
}

/// How far a text has been searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// Where its last line begins.
    line: usize,
    /// Where the search for the end of that line goes on.
    from: usize,
}

/// A text and where to go on searching it.
#[derive(Debug)]
pub struct Joined<'p> {
    text: Cow<'p, [u8]>,
    place: Place,
}

/// Whole events at the front of a text, and what is left of it.
#[derive(Debug)]
pub struct Events<'a> {
    rest: &'a [u8],
    place: Place,
}

impl Framer {
    /// Longest event that is waited for unless said otherwise, in bytes. A longer one is handed
    /// out unfinished by [`Framer::keep`].
    pub const MAX_EVENT: usize = 1024 * 1024;

    /// Waits for events of up to `longest` bytes.
    pub const fn up_to(longest: usize) -> Self {
        let place = Place { line: 0, from: 0 };
        Self {
            tail: Vec::new(),
            place,
            longest,
        }
    }

    /// Joins `piece` to what an earlier one left unfinished. The text borrows from
    /// `piece` if nothing was left.
    pub fn join<'p>(&mut self, piece: &'p [u8]) -> Joined<'p> {
        let place = std::mem::take(&mut self.place);
        if self.tail.is_empty() {
            let text = Cow::Borrowed(piece);
            return Joined { text, place };
        }
        let mut text = std::mem::take(&mut self.tail);
        text.extend_from_slice(piece);
        Joined {
            text: Cow::Owned(text),
            place,
        }
    }

    /// Keeps what `joined` has from `start` on until its next piece comes; `place` counts
    /// from `start`. Hands out what is too long.
    pub fn keep(&mut self, joined: Joined<'_>, start: usize, place: Place) -> Option<Vec<u8>> {
        let mut text = joined.text.into_owned();
        text.drain(..start.min(text.len()));
        if text.len() > self.longest {
            return Some(text);
        }
        self.tail = text;
        self.place = place;
        None
    }

    /// Bytes that wait for the end of their event.
    pub(crate) const fn waiting(&self) -> usize {
        self.tail.len()
    }

    /// What waits, if the stream ended without finishing it.
    pub fn take_rest(&mut self) -> Vec<u8> {
        self.place = Place::default();
        std::mem::take(&mut self.tail)
    }
}

impl Joined<'_> {
    /// Whether the text is another than the piece that came.
    pub const fn is_longer(&self) -> bool {
        matches!(self.text, Cow::Owned(_))
    }

    /// The events of the text.
    pub fn events(&self) -> Events<'_> {
        Events {
            rest: &self.text,
            place: self.place,
        }
    }
}

impl<'a> Events<'a> {
    /// What follows the last whole event.
    pub const fn unfinished(&self) -> &'a [u8] {
        self.rest
    }

    /// How far [`Events::unfinished`] has been searched.
    pub const fn place(&self) -> Place {
        self.place
    }
}

impl<'a> Iterator for Events<'a> {
    type Item = &'a [u8];

    /// The next whole event, its empty line included.
    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let Some(end) = self.line_end() else {
                self.place.from = self.rest.len();
                return None;
            };
            let empty = end == self.place.line;
            let next = match self.rest.get(end..)? {
                [b'\r', b'\n', ..] => end.saturating_add(2),
                // Perhaps one half of CR LF, whose other half is still to come.
                [b'\r'] if !empty => {
                    self.place.from = end;
                    return None;
                }
                _ => end.saturating_add(1),
            };
            if empty {
                let (event, rest) = self.rest.split_at_checked(next)?;
                self.rest = rest;
                self.place = Place::default();
                return Some(event);
            }
            self.place = Place {
                line: next,
                from: next,
            };
        }
    }
}

impl Events<'_> {
    /// Where the current line ends.
    fn line_end(&self) -> Option<usize> {
        let unsearched = self.rest.get(self.place.from..)?;
        let offset = bytes::find(unsearched, Set::of([b'\n', b'\r']))?;
        Some(self.place.from.saturating_add(offset))
    }
}

/// The `data` of one event: its data lines, joined by LF. `None` if it has none (comments,
/// bare `event:` lines).
pub fn data(event: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut rest = event.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(event);
    let mut joined: Option<Cow<'_, [u8]>> = None;
    while !rest.is_empty() {
        let (line, _, after) = cut_line(rest);
        rest = after;
        let Some(data) = data_line(line) else {
            continue;
        };
        joined = Some(match joined {
            None => Cow::Borrowed(data),
            Some(joined) => {
                let mut text = joined.into_owned();
                text.push(b'\n');
                text.extend_from_slice(data);
                Cow::Owned(text)
            }
        });
    }
    joined
}

/// `event` with `data` in place of its own; the other lines stay as they are.
pub fn with_data(event: &[u8], data: &[u8]) -> Vec<u8> {
    let mut new = Vec::with_capacity(event.len().saturating_add(data.len()));
    let mut written = false;
    let mut rest = event.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(event);
    while !rest.is_empty() {
        let (line, ending, after) = cut_line(rest);
        if data_line(line).is_none() {
            new.extend_from_slice(line);
            new.extend_from_slice(ending);
        } else if !std::mem::replace(&mut written, true) {
            write_data(&mut new, data, ending);
        }
        rest = after;
    }
    new
}

/// Where the data of an event stands that has one line of it.
pub fn single_data(event: &[u8]) -> Option<Range<usize>> {
    let mut rest = event.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(event);
    let mut found = None;
    while !rest.is_empty() {
        let from = event.len().saturating_sub(rest.len());
        let (line, _, after) = cut_line(rest);
        if let Some(data) = data_line(line) {
            if found.is_some() {
                return None;
            }
            let end = from.saturating_add(line.len());
            found = Some(end.saturating_sub(data.len())..end);
        }
        rest = after;
    }
    found
}

/// `event` without the lines beside its data that `keep` does not want: names, ids, comments.
/// `None`: it wants all.
pub fn without_lines(event: &[u8], mut keep: impl FnMut(&[u8]) -> bool) -> Option<Vec<u8>> {
    let mut rest = event.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(event);
    let mut unwanted: Vec<Range<usize>> = Vec::new();
    while !rest.is_empty() {
        let from = event.len().saturating_sub(rest.len());
        let (line, ending, after) = cut_line(rest);
        if !line.is_empty() && data_line(line).is_none() && !keep(line) {
            let length = line.len().saturating_add(ending.len());
            unwanted.push(from..from.saturating_add(length));
        }
        rest = after;
    }
    if unwanted.is_empty() {
        return None;
    }
    let mut new = Vec::with_capacity(event.len());
    let mut from = 0;
    for Range { start, end } in unwanted {
        new.extend_from_slice(event.get(from..start).unwrap_or_default());
        from = end;
    }
    new.extend_from_slice(event.get(from..).unwrap_or_default());
    Some(new)
}

/// The first line of a text, its ending, and what follows.
fn cut_line(text: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let length = bytes::find(text, Set::of([b'\n', b'\r'])).unwrap_or(text.len());
    let (line, rest) = text.split_at_checked(length).unwrap_or_default();
    let ending = match rest {
        [b'\r', b'\n', ..] => 2,
        [_, ..] => 1,
        [] => 0,
    };
    let (ending, after) = rest.split_at_checked(ending).unwrap_or_default();
    (line, ending, after)
}

fn write_data(new: &mut Vec<u8>, data: &[u8], ending: &[u8]) {
    let between = if ending.is_empty() { b"\n" } else { ending };
    for (index, line) in data.split(|&byte| byte == b'\n').enumerate() {
        if index > 0 {
            new.extend_from_slice(between);
        }
        new.extend_from_slice(b"data: ");
        new.extend_from_slice(line);
    }
    new.extend_from_slice(ending);
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
