/*! Where links lead, as text comes: every `scheme://…`, and what stands where Markdown, HTML
and style sheets name a target, if it may lead to another host.

That is more than the web addresses of the scanner, which are those that people write: what
counts here is what a reader of the text may follow. */

use super::super::Part;
use super::super::hit::{Hit, What};
use super::target::{Place, Target, Verdict};

/// Longest link that is waited for; a longer one is said in parts, in bytes.
const LONGEST: usize = 2048;

/// Most marks in a row, such as full stops, that a link in a sentence goes on behind.
const LONGEST_MARKS: usize = 64;

/// Longest scheme.
const LONGEST_SCHEME: usize = 32;

/// Finds links in text that comes in pieces; keeps places, and of a target at most 64 bytes.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Links {
    at: usize,
    last: u8,
    scheme: Scheme,
    target: Target,
    link: Option<Link>,
}

/// How much of `scheme://` has come.
#[derive(Debug, Default, Clone, Copy)]
enum Scheme {
    #[default]
    None,
    /// Letters of one that began here.
    Letters(usize),
    /// Too many of them.
    TooLong,
    Colon(usize),
    Slash(usize),
}

/// A link that has begun.
#[derive(Debug, Clone, Copy)]
struct Link {
    start: usize,
    /// Behind what makes it one; if nothing follows, it is none.
    least: usize,
    /// Behind the last byte that is no mark of a sentence around it.
    end: usize,
    /// Up to where it was said, if it was.
    said: Option<usize>,
    place: Place,
    /// Brackets that are open in it.
    depth: usize,
    /// Whether its host is an address in square brackets that have not closed.
    is_v6: bool,
}

impl Links {
    /// Takes the next piece; adds what is found by it.
    pub(in super::super) fn push(&mut self, piece: &str, hits: &mut Vec<Hit>) {
        for byte in piece.bytes() {
            self.byte(byte, hits);
            self.last = byte;
            self.at = self.at.saturating_add(1);
        }
        let (at, begun) = (self.at, self.begun());
        let long = |link: &&mut Link| at.saturating_sub(link.start) > LONGEST;
        if let Some(link) = self.link.as_mut().filter(long) {
            link.say(begun, Part::First, hits);
        }
    }

    /// Takes the end of the text.
    pub(in super::super) fn finish(&mut self, hits: &mut Vec<Hit>) {
        self.close(usize::MAX, hits);
        (self.scheme, self.target) = (Scheme::None, Target::default());
    }

    /// Every hit that begins before this byte of all text has been given.
    pub(in super::super) fn settled(&self) -> usize {
        let begun = self.begun();
        let link = self.link.map(|link| link.said.unwrap_or(link.start));
        link.map_or(begun, |link| link.min(begun))
    }

    /// Where what may become a link begins, within another one or not.
    fn begun(&self) -> usize {
        let scheme = match self.scheme {
            Scheme::Letters(start) | Scheme::Colon(start) | Scheme::Slash(start) => start,
            Scheme::None | Scheme::TooLong => self.at,
        };
        scheme.min(self.target.start().unwrap_or(self.at))
    }

    fn byte(&mut self, byte: u8, hits: &mut Vec<Hit>) {
        let at = self.at;
        let ended = self
            .link
            .as_mut()
            .is_some_and(|link| link.ends_at(byte, at));
        if ended {
            self.close(self.at, hits);
        }
        self.look_at_target(byte, hits);
        self.look_at_scheme(byte, hits);
        if let Some(link) = &mut self.link {
            link.take(byte, self.at);
        }
    }

    fn look_at_target(&mut self, byte: u8, hits: &mut Vec<Hit>) {
        let at = self.at;
        let Verdict::Link(start, place) = self.target.take(self.last, byte, at) else {
            return;
        };
        self.open(start, start, place, hits);
        if let Some(link) = &mut self.link {
            link.end = at;
            if link.ends_at(byte, at) {
                self.close(at, hits);
            }
        }
    }

    fn look_at_scheme(&mut self, byte: u8, hits: &mut Vec<Hit>) {
        let is_letter = byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        let is_slash = matches!(byte, b'/' | b'\\');
        self.scheme = match (self.scheme, byte) {
            (Scheme::None, _) if is_letter => Scheme::Letters(self.at),
            (Scheme::Letters(start), _) if is_letter => {
                if self.at.saturating_sub(start) < LONGEST_SCHEME {
                    Scheme::Letters(start)
                } else {
                    Scheme::TooLong
                }
            }
            (Scheme::TooLong, _) if is_letter => Scheme::TooLong,
            (Scheme::Letters(start), b':') => Scheme::Colon(start),
            // A backslash that Markdown takes away.
            (Scheme::Letters(start), b'\\') => Scheme::Letters(start),
            (Scheme::Colon(start), _) if is_slash => Scheme::Slash(start),
            (Scheme::Slash(start), _) if is_slash => {
                let within = self.link.map_or(Place::Text, |link| link.place);
                if self.link.is_none_or(|link| link.start != start) {
                    self.open(start, self.at.saturating_add(1), within, hits);
                }
                Scheme::None
            }
            _ if is_letter => Scheme::Letters(self.at),
            _ => Scheme::None,
        };
    }

    /// Opens a link; one that is open ends there.
    fn open(&mut self, start: usize, least: usize, place: Place, hits: &mut Vec<Hit>) {
        self.close(start, hits);
        self.link = Some(Link {
            start,
            least,
            end: least,
            said: None,
            place,
            depth: 0,
            is_v6: false,
        });
    }

    fn close(&mut self, at: usize, hits: &mut Vec<Hit>) {
        if let Some(mut link) = self.link.take() {
            link.say(at, Part::Whole, hits);
        }
    }
}

impl Link {
    /// Whether it ends before this byte.
    fn ends_at(&mut self, byte: u8, at: usize) -> bool {
        let blank = byte <= b' ' || byte == 0x7f;
        match self.place {
            Place::Quoted(quote) => byte == quote,
            Place::Angle => matches!(byte, b'>' | b'\n'),
            Place::Round if byte == b'(' => {
                self.depth = self.depth.saturating_add(1);
                false
            }
            Place::Round if byte == b')' => match self.depth.checked_sub(1) {
                Some(depth) => {
                    self.depth = depth;
                    false
                }
                None => true,
            },
            Place::Round | Place::Word => blank || byte == b'<' || byte == b'>',
            Place::Text => {
                let marks = at.saturating_sub(self.end) > LONGEST_MARKS;
                let bracket = byte == b']' && !self.is_v6;
                self.is_v6 &= byte != b']';
                bracket || marks || blank || matches!(byte, b'<' | b'>' | b'"' | b'`')
            }
        }
    }

    fn take(&mut self, byte: u8, at: usize) {
        let is_mark = matches!(
            byte,
            b'.' | b',' | b';' | b':' | b'!' | b'?' | b'\'' | b'"' | b')' | b'*' | b'_' | b'~'
        );
        let within = at >= self.least;
        self.is_v6 |= at == self.least && byte == b'[';
        if within && !(is_mark && matches!(self.place, Place::Text | Place::Word)) {
            self.end = at.saturating_add(1);
        }
    }

    /// Says what was not said, up to `upto`.
    fn say(&mut self, upto: usize, part: Part, hits: &mut Vec<Hit>) {
        let start = self.said.unwrap_or(self.start);
        let end = self.end.min(upto);
        if end <= self.least || end <= start {
            return;
        }
        hits.push(Hit {
            what: What::Link,
            start,
            end,
            part: if self.said.is_some() {
                Part::Next
            } else {
                part
            },
        });
        self.said = Some(end);
    }
}

#[cfg(test)]
mod tests;
