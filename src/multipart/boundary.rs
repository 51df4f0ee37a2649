/*! Boundaries: what the head of a request tells, and what its body begins with. */

use super::head::{charset_is_plain, parameters};
use super::{Error, ErrorKind, wrong};

/// Longest boundary, in bytes (RFC 2046, section 5.1.1).
const MAX: usize = 70;

/// Whether a boundary can be had (RFC 2046: `bchars`, the last of them no space). A space is not
/// taken at all: parsers trim.
fn is_boundary(boundary: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(byte);
    !boundary.is_empty() && boundary.len() <= MAX && boundary.iter().all(plain)
}

/// The boundary of a `content-type` that is `multipart/form-data`. `None`: it is another, or has
/// no boundary that every parser reads alike, or says of its fields that they are no UTF-8.
pub fn of_content_type(content_type: &str) -> Option<&str> {
    let content_type = content_type.trim();
    let kind = content_type.split(';').next()?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let mut boundary = None;
    for (name, value) in parameters(content_type.get(kind.len()..)?)? {
        if name.eq_ignore_ascii_case("boundary") {
            boundary = Some(value);
        } else if !charset_is_plain(name, value)? {
            return None;
        }
    }
    boundary.filter(|boundary| is_boundary(boundary.as_bytes()))
}

/// Whether a body begins with this boundary: then it is the one that the body is read by.
pub fn begins_with(body: &[u8], boundary: &str) -> bool {
    let rest = body.strip_prefix(b"--");
    let rest = rest.and_then(|rest| rest.strip_prefix(boundary.as_bytes()));
    rest.is_some_and(|rest| rest.starts_with(b"\r\n"))
}

/// What stands before each part: the first line of the body.
pub(super) fn delimiter(body: &[u8]) -> Result<&[u8], Error> {
    if body.is_empty() {
        return wrong(ErrorKind::Empty, 0);
    }
    let front = body.get(..MAX.saturating_add(4)).unwrap_or(body);
    let end = front.windows(2).position(|pair| pair == b"\r\n");
    let line = end.and_then(|end| front.get(..end)).unwrap_or_default();
    match line.strip_prefix(b"--") {
        // A form without parts begins with its last boundary: nothing can be asked by it.
        Some(boundary) if is_boundary(boundary) => Ok(line),
        _ => wrong(ErrorKind::NoBoundary, 0),
    }
}
