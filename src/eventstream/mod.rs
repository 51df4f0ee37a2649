/*! Amazon's event streams (`application/vnd.amazon.eventstream`): cutting a byte stream into whole
messages; no idea of AI.

Layout: the AWS SDKs' documentation of event stream encoding. A message has the length of all and
of its headers, a CRC-32 of both, the headers, the payload, and a CRC-32 of everything before. All
numbers are big-endian. */

mod crc;

use crc::crc32;

/// Longest message that is taken, in bytes: a stream with a longer one is broken. Amazon's own
/// bound is 24 MiB; a message of a model's answer has some hundred bytes.
pub const MAX_MESSAGE: usize = 1024 * 1024;

/// Both lengths and their sum.
const PRELUDE: usize = 12;

/// The sum of the message.
const TRAILER: usize = 4;

/// The stream is no event stream from here on: a length that can't be, or a wrong sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

/// A message: its headers are whole, and its sums are right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    headers: &'a [u8],
    /// What it brings.
    pub payload: &'a [u8],
}

/// Collects pieces of a stream until a message is whole.
#[derive(Debug, Default)]
pub struct Decoder {
    /// Less than a message.
    tail: Vec<u8>,
    broken: bool,
}

impl Decoder {
    /// Takes a piece, and hands each message that is whole to `take`, in order.
    ///
    /// # Errors
    /// The stream is broken, and stays so; what came before was handed over.
    pub fn push(&mut self, piece: &[u8], take: &mut dyn FnMut(&Message<'_>)) -> Result<(), Broken> {
        if self.broken {
            return Err(Broken);
        }
        self.tail.extend_from_slice(piece);
        let mut rest = self.tail.as_slice();
        let done = loop {
            match first(rest) {
                Ok(Some((message, after))) => {
                    take(&message);
                    rest = after;
                }
                Ok(None) => break Ok(()),
                Err(broken) => break Err(broken),
            }
        };
        let used = self.tail.len().saturating_sub(rest.len());
        self.tail.drain(..used);
        self.broken = done.is_err();
        done
    }

    /// Whether the stream, if it ends here, ends within a message.
    pub const fn is_within(&self) -> bool {
        !self.tail.is_empty()
    }
}

/// The first message of a text and what follows it; `None`: it is not whole.
fn first(text: &[u8]) -> Result<Option<(Message<'_>, &[u8])>, Broken> {
    let Some((prelude, rest)) = text.split_at_checked(PRELUDE) else {
        return Ok(None);
    };
    let (lengths, sum) = prelude.split_at_checked(8).ok_or(Broken)?;
    if number(sum) != Some(crc32(lengths)) {
        return Err(Broken);
    }
    let (total, headers) = lengths.split_at_checked(4).ok_or(Broken)?;
    let (total, headers) = (length(total)?, length(headers)?);
    let inside = total
        .checked_sub(PRELUDE)
        .and_then(|it| it.checked_sub(TRAILER));
    let inside = inside.filter(|inside| headers <= *inside && total <= MAX_MESSAGE);
    let inside = inside.ok_or(Broken)?;
    let Some((message, after)) = text.split_at_checked(total) else {
        return Ok(None);
    };
    let (summed, sum) = message
        .split_at_checked(total.saturating_sub(TRAILER))
        .ok_or(Broken)?;
    if number(sum) != Some(crc32(summed)) {
        return Err(Broken);
    }
    let inside = rest.get(..inside).ok_or(Broken)?;
    let (headers, payload) = inside.split_at_checked(headers).ok_or(Broken)?;
    // A right sum does not make the headers right.
    let mut unread = Headers(headers);
    if unread.by_ref().any(|header| header.is_err()) {
        return Err(Broken);
    }
    Ok(Some((Message { headers, payload }, after)))
}

fn number(bytes: &[u8]) -> Option<u32> {
    bytes.try_into().ok().map(u32::from_be_bytes)
}

fn length(bytes: &[u8]) -> Result<usize, Broken> {
    let number = number(bytes).ok_or(Broken)?;
    usize::try_from(number).map_err(|_| Broken)
}

impl<'a> Message<'a> {
    /// The value of a header that is a text; empty if there is none.
    pub fn header(&self, name: &str) -> &'a str {
        let headers = Headers(self.headers).flatten();
        let mut named = headers.filter(|(known, _)| *known == name.as_bytes());
        let text = named.next().and_then(|(_, text)| text);
        text.unwrap_or_default()
    }
}

/// Headers, read one after the other: the name, and the value if it is a text.
struct Headers<'a>(&'a [u8]);

type Header<'a> = (&'a [u8], Option<&'a str>);

impl<'a> Iterator for Headers<'a> {
    type Item = Result<Header<'a>, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let read = self.read();
        if read.is_none() {
            self.0 = &[];
        }
        Some(read.ok_or(Broken))
    }
}

impl<'a> Headers<'a> {
    fn read(&mut self) -> Option<Header<'a>> {
        let length = usize::from(self.byte()?);
        let name = self.bytes(length)?;
        let kind = self.byte()?;
        let size = match kind {
            // True, false.
            0 | 1 => 0,
            // Whole numbers of 1, 2, 4 and 8 bytes, a time in milliseconds.
            2 => 1,
            3 => 2,
            4 => 4,
            5 | 8 => 8,
            // Bytes, a text.
            6 | 7 => usize::from(u16::from_be_bytes(self.bytes(2)?.try_into().ok()?)),
            // A UUID.
            9 => 16,
            _ => return None,
        };
        let value = self.bytes(size)?;
        let text = match kind {
            7 => Some(std::str::from_utf8(value).ok()?),
            _ => None,
        };
        Some((name, text))
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }
}

#[cfg(test)]
pub(crate) mod tests;
