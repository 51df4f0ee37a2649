/*! Bodies of `multipart/form-data` (RFC 7578, RFC 2046), by span. No idea of AI.

Parsers differ in what they forgive: bare line feeds, folded heads, a preamble, a boundary inside of
a value. None of that is forgiven here, so that every provider reads the parts that are read here. */

mod boundary;
mod head;

pub use boundary::{begins_with, of_content_type};
pub use head::FileName;

use crate::bytes::{self, Set};
use crate::json::{Edits, Span};
use head::Head;

/// Most parts of a form: sixteen images, a mask and two dozen fields have room.
pub const MAX_PARTS: usize = 64;

/// Longest head of a part, in bytes.
pub const MAX_HEAD: usize = 4096;

/// A form.
#[derive(Debug)]
pub struct Form<'a> {
    /// What stands before each part: two hyphens and the boundary.
    delimiter: &'a [u8],
    parts: Vec<Part<'a>>,
}

/// A part of a form.
#[derive(Debug)]
pub struct Part<'a> {
    /// The name of its field.
    pub name: &'a str,
    /// The name of its file; `None`: it is no file.
    pub file: Option<FileName<'a>>,
    /// What it holds, as it came.
    pub value: &'a [u8],
    /// Where that stands.
    pub span: Span,
    /// From its delimiter up to the next.
    whole: Span,
}

/// What is wrong with a form. It repeats none of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error {
    /// What it is.
    pub kind: ErrorKind,
    /// Where, in bytes from the start.
    pub offset: usize,
}

/// The kinds of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// There is nothing.
    Empty,
    /// It does not begin with a boundary.
    NoBoundary,
    /// The last boundary is missing.
    Unfinished,
    /// The boundary stands where none can be.
    StrayBoundary,
    /// Something follows the last boundary.
    Trailing,
    /// The head of a part is none, is too long, or can be read in two ways.
    Head,
    /// A part holds parts, or is encoded.
    Nested,
    /// There are more than [`MAX_PARTS`].
    TooMany,
    /// Two parts have the same name, and it is no list's (`name[]`).
    Duplicate,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self.kind {
            ErrorKind::Empty => "it is empty",
            ErrorKind::NoBoundary => "it does not begin with a boundary",
            ErrorKind::Unfinished => "its last boundary is missing",
            ErrorKind::StrayBoundary => "its boundary stands inside of a part",
            ErrorKind::Trailing => "something follows its last boundary",
            ErrorKind::Head => "the head of a part is not acceptable",
            ErrorKind::Nested => "a part is encoded or holds parts",
            ErrorKind::TooMany => "it has more than 64 parts",
            ErrorKind::Duplicate => "a field stands twice",
        };
        write!(f, "{what} (at byte {})", self.offset)
    }
}

impl std::error::Error for Error {}

const fn wrong<T>(kind: ErrorKind, offset: usize) -> Result<T, Error> {
    Err(Error { kind, offset })
}

impl<'a> Form<'a> {
    /// Reads a whole body. Its first line says which boundary it has; whether that is the one of
    /// its `content-type` is to be asked by [`begins_with`].
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub fn read(body: &'a [u8]) -> Result<Self, Error> {
        let delimiter = boundary::delimiter(body)?;
        let mut form = Self {
            delimiter,
            parts: Vec::new(),
        };
        let mut start = 0_usize;
        loop {
            let behind = start.saturating_add(delimiter.len());
            let rest = body.get(behind..).unwrap_or_default();
            if let Some(after) = rest.strip_prefix(b"--") {
                return match after {
                    b"" | b"\r\n" => Ok(form),
                    _ => wrong(ErrorKind::Trailing, behind.saturating_add(2)),
                };
            }
            if !rest.starts_with(b"\r\n") {
                return wrong(ErrorKind::StrayBoundary, start);
            }
            start = form.part(body, start, behind.saturating_add(2))?;
        }
    }

    /// Reads the part whose delimiter stands at `start` and whose head at `head`; returns where
    /// the next delimiter stands.
    fn part(&mut self, body: &'a [u8], start: usize, head: usize) -> Result<usize, Error> {
        if self.parts.len() >= MAX_PARTS {
            return wrong(ErrorKind::TooMany, start);
        }
        let rest = body.get(head..).unwrap_or_default();
        let Head { name, file, length } = Head::read(rest, head)?;
        let from = head.saturating_add(length);
        let Some(next) = find(body, from, self.delimiter) else {
            return wrong(ErrorKind::Unfinished, body.len());
        };
        // The line feed of the head is not the delimiter's.
        let end = next.checked_sub(2).filter(|end| *end >= from);
        let ended = end.filter(|end| body.get(*end..next) == Some(b"\r\n"));
        let Some(end) = ended else {
            return wrong(ErrorKind::StrayBoundary, next);
        };
        if self.parts.iter().any(|part| part.is_twice(name)) {
            return wrong(ErrorKind::Duplicate, start);
        }
        self.parts.push(Part {
            name,
            file,
            value: body.get(from..end).unwrap_or_default(),
            span: Span { start: from, end },
            whole: Span { start, end: next },
        });
        Ok(next)
    }

    /// The parts, in their order.
    pub fn parts(&self) -> &[Part<'a>] {
        &self.parts
    }

    /// The only part of this name.
    pub fn part_named(&self, name: &str) -> Option<&Part<'a>> {
        self.parts.iter().find(|part| part.name == name)
    }

    /// Puts a value in the place of a part's. It must not hold the boundary.
    pub fn replace(&self, edits: &mut Edits, part: &Part<'_>, value: String) {
        edits.replace(part.span, value);
    }

    /// Removes the parts whose names are `gone`.
    pub fn remove(&self, edits: &mut Edits, gone: impl Fn(&str) -> bool) {
        for part in self.parts.iter().filter(|part| gone(part.name)) {
            edits.replace(part.whole, String::new());
        }
    }

    /// Adds a field in front. Name and value must not hold quotes, line ends or the boundary.
    pub fn insert(&self, edits: &mut Edits, name: &str, value: &str) {
        let delimiter = String::from_utf8_lossy(self.delimiter);
        let head = format!("Content-Disposition: form-data; name=\"{name}\"");
        edits.insert(0, format!("{delimiter}\r\n{head}\r\n\r\n{value}\r\n"));
    }
}

impl<'a> Part<'a> {
    /// Its text; `None`: it is a file, or no UTF-8.
    pub fn text(&self) -> Option<&'a str> {
        let text = std::str::from_utf8(self.value).ok();
        text.filter(|_| self.file.is_none())
    }

    /// Whether a part of this name may not stand beside it. Some servers read names in any case.
    fn is_twice(&self, name: &str) -> bool {
        let same = self.name.eq_ignore_ascii_case(name);
        same && !(self.name == name && name.ends_with("[]"))
    }
}

/// Where `wanted`, which begins with a hyphen, stands at or behind `from`.
fn find(body: &[u8], from: usize, wanted: &[u8]) -> Option<usize> {
    const HYPHEN: Set = Set::of([b'-', b'-']);
    let mut at = from;
    loop {
        let rest = body.get(at..)?;
        at = at.saturating_add(bytes::find(rest, HYPHEN)?);
        if body.get(at..)?.starts_with(wanted) {
            return Some(at);
        }
        at = at.saturating_add(1);
    }
}

#[cfg(test)]
mod tests;
