/*! Reading chosen members of a JSON object that arrives in pieces and is not held. */

use crate::bytes::{self, Set};

/// Follows one JSON object through any cuts and copies out the raw values of chosen members: of
/// itself, and of one object in it. Nothing else is kept, so memory is bounded by
/// [`Capture::MAX_VALUE`] per member however long the text is.
///
/// It trusts nothing: text that is not JSON yields no values, never an error.
#[derive(Debug)]
pub struct Capture {
    wanted: &'static [&'static str],
    /// The member that is an object, and the members of that which are wanted.
    inside: (&'static str, &'static [&'static str]),
    /// By the depth of the object that has it, and its name.
    found: Vec<(u32, &'static str, Vec<u8>)>,
    state: State,
    depth: u32,
    /// The depth of the object whose members are looked at: 1, or 2 for the one in it.
    level: u32,
    is_whole: bool,
    /// The key or value being copied.
    token: Vec<u8>,
    keeping: Option<&'static str>,
}

/// What begins strings, and begins and ends objects and lists.
const STRUCTURE: [u8; 5] = *b"\"{}[]";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Outside strings.
    Plain { key_next: bool },
    /// Inside a string; `key` if it is a top-level key.
    String { key: bool, escape: bool },
    /// Not an object, or over the bounds: nothing more is read.
    Off,
}

impl Capture {
    /// Longest value kept, in bytes; a longer one is not reported. Usage objects have
    /// a few hundred bytes.
    pub const MAX_VALUE: usize = 16 * 1024;
    const MAX_KEY: usize = 64;

    /// Captures the members named in `wanted` (keys without escapes).
    pub const fn new(wanted: &'static [&'static str]) -> Self {
        Self::with_inside(wanted, ("", &[]))
    }

    /// Captures those, and of the object that is the member `inside` these.
    pub const fn with_inside(
        wanted: &'static [&'static str],
        inside: (&'static str, &'static [&'static str]),
    ) -> Self {
        Self {
            wanted,
            inside,
            found: Vec::new(),
            state: State::Plain { key_next: false },
            depth: 0,
            level: 1,
            is_whole: false,
            token: Vec::new(),
            keeping: None,
        }
    }

    /// Feeds the next piece.
    pub fn push(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while let Some((&byte, after)) = rest.split_first() {
            rest = match self.state {
                // Embeddings are many thousands of numbers.
                State::Plain { .. } if self.is_beside() && !STRUCTURE.contains(&byte) => {
                    let at = bytes::find_any(after, STRUCTURE).unwrap_or(after.len());
                    after.get(at..).unwrap_or_default()
                }
                State::Off => return,
                State::String { key, escape: false } => self.string_run(rest, key),
                State::String { key, escape: true } => {
                    self.keep(&[byte], key);
                    self.state = State::String { key, escape: false };
                    after
                }
                State::Plain { key_next } => {
                    self.plain(byte, key_next);
                    after
                }
            };
        }
    }

    /// The raw JSON of a member, once the object has ended or gone past it.
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        self.at(1, name)
    }

    /// The same of a member of the object inside.
    pub fn value_inside(&self, name: &str) -> Option<&[u8]> {
        self.at(2, name)
    }

    /// Whether the object has come to its end.
    pub const fn is_whole(&self) -> bool {
        self.is_whole
    }

    fn at(&self, level: u32, name: &str) -> Option<&[u8]> {
        let mut found = self.found.iter();
        let found = found.find(|(depth, found, _)| *depth == level && *found == name);
        found.map(|(_, _, value)| value.as_slice())
    }

    /// Whether it is inside of a value that nobody wants.
    const fn is_beside(&self) -> bool {
        self.depth > self.level && self.keeping.is_none()
    }

    /// Copies up to the end of the string or its next escape; returns what is left.
    fn string_run<'p>(&mut self, piece: &'p [u8], key: bool) -> &'p [u8] {
        let Some(at) = bytes::find(piece, Set::of([b'"', b'\\'])) else {
            self.keep(piece, key);
            return &[];
        };
        let (run, rest) = piece.split_at_checked(at).unwrap_or((piece, &[]));
        self.keep(run, key);
        let Some((&byte, after)) = rest.split_first() else {
            return &[];
        };
        if byte == b'\\' {
            self.keep(&[byte], key);
            self.state = State::String { key, escape: true };
        } else {
            if key {
                self.keeping = self.wanted_key();
            } else {
                self.keep(&[byte], false);
            }
            self.state = State::Plain { key_next: false };
        }
        after
    }

    fn plain(&mut self, byte: u8, key_next: bool) {
        match byte {
            b'"' if key_next => {
                self.token.clear();
                self.state = State::String {
                    key: true,
                    escape: false,
                };
            }
            b'"' => {
                self.keep(&[byte], false);
                self.state = if self.depth == 0 {
                    State::Off
                } else {
                    State::String {
                        key: false,
                        escape: false,
                    }
                };
            }
            b'{' | b'[' => self.open(byte),
            b'}' | b']' => self.close(byte),
            b',' if self.depth == self.level => {
                self.finish_value();
                self.state = State::Plain { key_next: true };
            }
            b':' if self.depth == self.level => self.token.clear(),
            b' ' | b'\n' | b'\r' | b'\t' => {}
            _ if self.depth == 0 => self.state = State::Off,
            _ => self.keep(&[byte], false),
        }
    }

    fn open(&mut self, byte: u8) {
        if self.depth == 0 {
            self.state = if byte == b'{' {
                State::Plain { key_next: true }
            } else {
                State::Off
            };
        } else if byte == b'{' && self.is_inside() {
            self.keeping = None;
            self.level = 2;
            self.state = State::Plain { key_next: true };
        } else {
            self.keep(&[byte], false);
            self.state = State::Plain { key_next: false };
        }
        self.depth = self.depth.saturating_add(1);
    }

    /// Whether the value that begins is the object inside.
    fn is_inside(&self) -> bool {
        let (name, _) = self.inside;
        self.level == 1 && self.depth == 1 && self.keeping == Some(name) && self.token.is_empty()
    }

    fn close(&mut self, byte: u8) {
        self.depth = self.depth.saturating_sub(1);
        if self.depth < self.level {
            self.finish_value();
            self.level = 1;
            self.is_whole = self.depth == 0;
            self.state = match self.is_whole {
                true => State::Off,
                false => State::Plain { key_next: false },
            };
        } else {
            self.keep(&[byte], false);
        }
    }

    fn keep(&mut self, run: &[u8], key: bool) {
        let limit = if key {
            Self::MAX_KEY
        } else if self.keeping.is_some() {
            Self::MAX_VALUE
        } else {
            return;
        };
        if self.token.len().saturating_add(run.len()) > limit {
            // Too long to be anything that is wanted.
            self.keeping = None;
            self.token.clear();
            if key {
                self.token.push(b'\\');
            }
            return;
        }
        self.token.extend_from_slice(run);
    }

    fn wanted_key(&self) -> Option<&'static str> {
        let (name, inside) = self.inside;
        let is_this = |name: &&'static str| name.as_bytes() == self.token.as_slice();
        if self.level == 2 {
            return inside.iter().copied().find(is_this);
        }
        let mut wanted = self.wanted.iter().copied();
        let object = Some(name).filter(|_| !inside.is_empty());
        wanted.find(is_this).or(object.filter(is_this))
    }

    fn finish_value(&mut self) {
        if let Some(name) = self.keeping.take() {
            let (level, value) = (self.level, std::mem::take(&mut self.token));
            self.found
                .retain(|(depth, found, _)| (*depth, *found) != (level, name));
            self.found.push((level, name, value));
        }
    }
}
