/*! Why a text is not JSON that Tollgate accepts. */

use std::fmt;

/// What is wrong, without any of the text itself: messages go to callers and logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No value at all.
    Empty,
    /// A byte order mark in front.
    ByteOrderMark,
    /// A byte that RFC 8259 does not allow here.
    Unexpected,
    /// The text ends inside a value.
    Truncated,
    /// More text after the value.
    TrailingData,
    /// Objects and arrays nested deeper than [`super::Reader::MAX_DEPTH`].
    TooDeep,
    /// A control character (below U+0020) inside a string.
    ControlCharacter,
    /// A `\u` escape that is one half of a surrogate pair.
    LoneSurrogate,
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// A key that Tollgate reads stands twice in one object.
    DuplicateKey(&'static str),
    /// A key that differs from one that Tollgate reads only by case; some
    /// parsers (Go's `encoding/json` among them) would take it for that one.
    CaseVariant(&'static str),
}

/// An [`ErrorKind`] and the byte offset where it was noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    offset: usize,
}

impl Error {
    pub(crate) const fn new(kind: ErrorKind, offset: usize) -> Self {
        Self { kind, offset }
    }

    /// What is wrong.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Byte offset into the text, zero-based.
    pub const fn offset(&self) -> usize {
        self.offset
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ErrorKind::Empty => return f.write_str("the text is empty"),
            ErrorKind::ByteOrderMark => f.write_str("a byte order mark is not allowed"),
            ErrorKind::Unexpected => f.write_str("unexpected character"),
            ErrorKind::Truncated => f.write_str("the text ends too early"),
            ErrorKind::TrailingData => f.write_str("unexpected text after the value"),
            ErrorKind::TooDeep => f.write_str("nested too deeply"),
            ErrorKind::ControlCharacter => f.write_str("raw control character in a string"),
            ErrorKind::LoneSurrogate => f.write_str("lone surrogate in a string"),
            ErrorKind::NotUtf8 => f.write_str("not UTF-8"),
            ErrorKind::DuplicateKey(key) => write!(f, "the key \"{key}\" stands twice"),
            ErrorKind::CaseVariant(key) => {
                write!(
                    f,
                    "a key differs from \"{key}\" only by upper and lower case"
                )
            }
        }?;
        write!(f, " (at byte {})", self.offset)
    }
}

impl std::error::Error for Error {}
