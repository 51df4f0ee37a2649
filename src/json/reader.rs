/*! A strict pull reader over borrowed JSON text (RFC 8259).

It walks the text once. Callers ask for the members they know and [`Reader::skip`] the
rest, which is validated all the same. Every object, known or skipped, is checked for
duplicates of the watched keys. */

use super::error::{Error, ErrorKind};
use super::strings;
use super::text::{Span, Text};
use crate::bytes;

/// The keys of which a duplicate is refused in every object: those that Tollgate reads.
/// Returns the key's own spelling and a number below 64, unique to it.
pub type Watched = fn(&[u8]) -> Option<(&'static str, u8)>;

/// What kind of value comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `{`
    Object,
    /// `[`
    Array,
    /// `"`
    String,
    /// A number.
    Number,
    /// `true` or `false`
    Bool,
    /// `null`
    Null,
}

/// A member's key.
#[derive(Debug)]
pub struct Key<'a>(Text<'a>);

impl<'a> Key<'a> {
    /// The key after unescaping.
    pub fn value(&self) -> std::borrow::Cow<'a, str> {
        self.0.value()
    }

    /// Where it stands, with both quotes.
    pub const fn span(&self) -> Span {
        self.0.span()
    }

    /// The key as a string of the text.
    pub const fn text(&self) -> Text<'a> {
        self.0
    }
}

/// A position in a JSON text.
#[derive(Debug)]
pub struct Reader<'a> {
    length: usize,
    rest: &'a [u8],
    depth: u32,
    watched: Watched,
    strict_case: bool,
}

impl<'a> Reader<'a> {
    /// Deepest nesting that is read. Real requests (tool schemas included) stay
    /// below 30; `serde_json` and Go stop at 128 and 10,000.
    pub const MAX_DEPTH: u32 = 100;

    /// Starts at the first value of `text`.
    ///
    /// # Errors
    /// [`ErrorKind::Empty`] and [`ErrorKind::ByteOrderMark`].
    pub fn new(text: &'a [u8], watched: Watched) -> Result<Self, Error> {
        let mut reader = Self {
            length: text.len(),
            rest: text,
            depth: 0,
            watched,
            strict_case: false,
        };
        if text.starts_with(b"\xEF\xBB\xBF") {
            return Err(reader.error(ErrorKind::ByteOrderMark));
        }
        reader.skip_space();
        if reader.rest.is_empty() {
            return Err(reader.error(ErrorKind::Empty));
        }
        Ok(reader)
    }

    /// Byte offset of the next unread byte.
    pub const fn offset(&self) -> usize {
        self.length.saturating_sub(self.rest.len())
    }

    /// The text that is not read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The kind of the next value.
    ///
    /// # Errors
    /// No value starts here.
    #[inline]
    pub fn kind(&self) -> Result<Kind, Error> {
        match self.rest.first() {
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'"') => Ok(Kind::String),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b't' | b'f') => Ok(Kind::Bool),
            Some(b'n') => Ok(Kind::Null),
            Some(_) => Err(self.error(ErrorKind::Unexpected)),
            None => Err(self.error(ErrorKind::Truncated)),
        }
    }

    /// Reads an object; `member` must consume each member's value.
    ///
    /// # Errors
    /// Not an object, broken syntax, a duplicate of a watched key, or what `member` returns.
    pub fn object<E: From<Error>>(
        &mut self,
        mut member: impl FnMut(&mut Self, &Key<'a>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.open(b'{')?;
        let mut seen = 0_u64;
        if self.take(b'}') {
            self.close();
            return Ok(());
        }
        loop {
            let key = Key(self.string()?);
            self.watch(&key, &mut seen)?;
            self.skip_space();
            self.expect(b':')?;
            self.skip_space();
            member(self, &key)?;
            self.skip_space();
            if self.take(b'}') {
                self.close();
                return Ok(());
            }
            self.expect(b',')?;
            self.skip_space();
        }
    }

    /// Reads an object whose keys, unlike those of free-form ones (tool schemas), must
    /// not differ from a watched key by case alone.
    ///
    /// # Errors
    /// As [`Reader::object`], and [`ErrorKind::CaseVariant`].
    pub fn object_strict<E: From<Error>>(
        &mut self,
        mut member: impl FnMut(&mut Self, &Key<'a>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.strict_case = true;
        let result = self.object(|reader, key| {
            reader.strict_case = false;
            let result = member(reader, key);
            reader.strict_case = true;
            result
        });
        self.strict_case = false;
        result
    }

    /// Reads an array; `element` must consume each value.
    ///
    /// # Errors
    /// Not an array, broken syntax, or what `element` returns.
    pub fn array<E: From<Error>>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.open(b'[')?;
        if self.take(b']') {
            self.close();
            return Ok(());
        }
        loop {
            element(self)?;
            self.skip_space();
            if self.take(b']') {
                self.close();
                return Ok(());
            }
            self.expect(b',')?;
            self.skip_space();
        }
    }

    /// Reads a string.
    ///
    /// # Errors
    /// Not a string, or one that RFC 8259 or UTF-8 forbids.
    pub fn string(&mut self) -> Result<Text<'a>, Error> {
        let start = self.offset();
        self.expect(b'"')?;
        let inside = start.saturating_add(1);
        let broken = |(kind, at): (ErrorKind, usize)| Error::new(kind, inside.saturating_add(at));
        let scanned = strings::scan(self.rest).map_err(broken)?;
        let (raw, rest) = self
            .rest
            .split_at_checked(scanned.length)
            .unwrap_or_default();
        if !scanned.ascii
            && let Err(error) = std::str::from_utf8(raw)
        {
            return Err(broken((ErrorKind::NotUtf8, error.valid_up_to())));
        }
        self.rest = rest.get(1..).unwrap_or_default();
        Ok(Text {
            raw,
            escaped: scanned.escaped,
            start,
        })
    }

    /// Whether the next value, which stays to be read, is other than null, false and what is
    /// empty; an object counts as something.
    ///
    /// # Errors
    /// No value begins here.
    pub fn says_something(&self) -> Result<bool, Error> {
        let inside = self.rest.get(1..).unwrap_or_default();
        Ok(match self.kind()? {
            Kind::Null => false,
            Kind::Bool => self.rest.starts_with(b"true"),
            Kind::String => !inside.starts_with(b"\""),
            Kind::Array => !inside.trim_ascii_start().starts_with(b"]"),
            Kind::Object | Kind::Number => true,
        })
    }

    /// Reads `true` or `false`.
    ///
    /// # Errors
    /// Neither stands here.
    pub fn boolean(&mut self) -> Result<bool, Error> {
        if self.rest.first() == Some(&b't') {
            self.literal(b"true").map(|()| true)
        } else {
            self.literal(b"false").map(|()| false)
        }
    }

    /// Reads a number and returns its text.
    ///
    /// # Errors
    /// The text is no JSON number.
    pub fn number(&mut self) -> Result<&'a str, Error> {
        let start = self.rest;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        let length = start.len().saturating_sub(self.rest.len());
        let text = start.get(..length).unwrap_or_default();
        std::str::from_utf8(text).map_err(|_| self.error(ErrorKind::NotUtf8))
    }

    /// Passes over the list that comes next if nothing but what numbers are written with is in it;
    /// otherwise it stays to be read. Whether they are well formed is not looked at: for lists
    /// of which only matters that nothing is said in them.
    pub fn passes_numbers(&mut self) -> bool {
        let is_of_numbers = |byte: u8| matches!(byte, b'0'..=b'9' | b'+'..=b'.' | b'e' | b'E' | b' ' | b'\t' | b'\n' | b'\r');
        let Some(inside) = self.rest.strip_prefix(b"[") else {
            return false;
        };
        let Some(end) = bytes::find_any(inside, *b"\"{}[]") else {
            return false;
        };
        let (numbers, rest) = inside.split_at_checked(end).unwrap_or_default();
        // All of them, so that it goes a block at a time.
        let all = numbers
            .iter()
            .fold(true, |all, byte| all & is_of_numbers(*byte));
        match rest.strip_prefix(b"]") {
            Some(rest) if all => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Validates the next value, whatever it is, and returns where it stood.
    ///
    /// # Errors
    /// The value is broken.
    pub fn skip(&mut self) -> Result<Span, Error> {
        let start = self.offset();
        match self.kind()? {
            Kind::Object => self.object(|reader, _| reader.skip().map(drop))?,
            Kind::Array => self.array(|reader| reader.skip().map(drop))?,
            Kind::String => drop(self.string()?),
            Kind::Number => drop(self.number()?),
            Kind::Bool => drop(self.boolean()?),
            Kind::Null => self.literal(b"null")?,
        }
        Ok(Span {
            start,
            end: self.offset(),
        })
    }

    /// Ends the text.
    ///
    /// # Errors
    /// [`ErrorKind::TrailingData`] if anything but white space follows.
    pub fn finish(&mut self) -> Result<(), Error> {
        self.skip_space();
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.error(ErrorKind::TrailingData))
        }
    }

    const fn error(&self, kind: ErrorKind) -> Error {
        Error::new(kind, self.offset())
    }

    fn advance(&mut self, by: usize) {
        self.rest = self.rest.get(by..).unwrap_or_default();
    }

    fn take(&mut self, byte: u8) -> bool {
        match self.rest.split_first() {
            Some((&first, rest)) if first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Error> {
        if self.take(byte) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    /// What is wrong where something else was wanted.
    const fn unexpected(&self) -> Error {
        self.error(if self.rest.is_empty() {
            ErrorKind::Truncated
        } else {
            ErrorKind::Unexpected
        })
    }

    fn skip_space(&mut self) {
        while let Some((b' ' | b'\n' | b'\r' | b'\t', rest)) = self.rest.split_first() {
            self.rest = rest;
        }
    }

    fn open(&mut self, bracket: u8) -> Result<(), Error> {
        self.expect(bracket)?;
        self.depth = self.depth.saturating_add(1);
        if self.depth > Self::MAX_DEPTH {
            return Err(self.error(ErrorKind::TooDeep));
        }
        self.skip_space();
        Ok(())
    }

    const fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), Error> {
        word.iter().try_for_each(|&byte| self.expect(byte))
    }

    fn digits(&mut self) -> Result<(), Error> {
        let count = self
            .rest
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if count == 0 {
            return Err(self.unexpected());
        }
        self.advance(count);
        Ok(())
    }

    fn watch(&self, key: &Key<'a>, seen: &mut u64) -> Result<(), Error> {
        let watched = match key.text() {
            plain if !plain.escaped => (self.watched)(plain.raw),
            _ => (self.watched)(key.value().as_bytes()),
        };
        let Some((name, number)) = watched else {
            return self.watch_case(key);
        };
        let bit = 1_u64.checked_shl(u32::from(number)).unwrap_or(0);
        if *seen & bit != 0 {
            return Err(self.error(ErrorKind::DuplicateKey(name)));
        }
        *seen |= bit;
        Ok(())
    }

    fn watch_case(&self, key: &Key<'a>) -> Result<(), Error> {
        if !self.strict_case {
            return Ok(());
        }
        match (self.watched)(fold(&key.value()).as_bytes()) {
            Some((name, _)) => Err(self.error(ErrorKind::CaseVariant(name))),
            None => Ok(()),
        }
    }
}

/// Lower case as Go's `encoding/json` folds keys: ASCII, the long s and the Kelvin sign.
pub(crate) fn fold(key: &str) -> String {
    let lower = |c: char| match c {
        '\u{17F}' => 's',
        '\u{212A}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    key.chars().map(lower).collect()
}
