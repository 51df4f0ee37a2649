/*! Heads of parts. */

use super::{Error, ErrorKind, MAX_HEAD, wrong};
use crate::json::Span;

/// The name of a file, where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileName<'a> {
    /// In quotes, with whatever escapes its sender uses.
    Plain(&'a str, Span),
    /// In percent-encoding (`filename*`).
    Encoded,
}

/// The head of a part.
#[derive(Debug)]
pub(super) struct Head<'a> {
    pub(super) name: &'a str,
    pub(super) file: Option<FileName<'a>>,
    /// In bytes, with the empty line.
    pub(super) length: usize,
}

impl<'a> Head<'a> {
    /// Reads the head that `rest` begins with, which stands at `offset`.
    pub(super) fn read(rest: &'a [u8], offset: usize) -> Result<Self, Error> {
        let front = rest.get(..MAX_HEAD).unwrap_or(rest);
        let end = front.windows(4).position(|four| four == b"\r\n\r\n");
        let head = end.and_then(|end| front.get(..end));
        let head = head.and_then(|head| std::str::from_utf8(head).ok());
        let read = head.and_then(|head| Lines::read(head, offset));
        match (read, end) {
            (Some(Lines { nested: true, .. }), _) => wrong(ErrorKind::Nested, offset),
            (Some(lines), Some(end)) => Ok(Self {
                name: lines.name,
                file: lines.file,
                length: end.saturating_add(4),
            }),
            _ => wrong(ErrorKind::Head, offset),
        }
    }
}

/// What its lines say.
struct Lines<'a> {
    name: &'a str,
    file: Option<FileName<'a>>,
    nested: bool,
}

impl<'a> Lines<'a> {
    /// `None`: it is no head, or can be read in two ways.
    fn read(head: &'a str, offset: usize) -> Option<Self> {
        let (mut disposition, mut content_type) = (None, None);
        let mut nested = false;
        let mut at = offset;
        for line in head.split("\r\n") {
            let (name, value) = line.split_once(':')?;
            if !is_field_name(name) || value.chars().any(|c| c.is_control() && c != '\t') {
                return None;
            }
            let starts = at.saturating_add(name.len()).saturating_add(1);
            at = at.saturating_add(line.len()).saturating_add(2);
            if name.eq_ignore_ascii_case("content-disposition") {
                let read = Disposition::read(value, starts)?;
                disposition.replace(read).is_none().then_some(())?;
            } else if name.eq_ignore_ascii_case("content-type") {
                nested |= !is_plain_type(value)?;
                content_type.replace(()).is_none().then_some(())?;
            } else if name.eq_ignore_ascii_case("content-transfer-encoding") {
                nested |= !is_as_it_is(value);
            } else if name.eq_ignore_ascii_case("content-encoding") {
                nested = true;
            }
        }
        let Disposition { name, file } = disposition?;
        // It says in which encoding the others are (RFC 7578, section 4.6).
        nested |= name.eq_ignore_ascii_case("_charset_");
        Some(Self { name, file, nested })
    }
}

/// No space, so no folded line either.
fn is_field_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !name.is_empty() && name.bytes().all(plain)
}

/// Neither parts nor another text than UTF-8. `None`: it can be read in two ways.
fn is_plain_type(value: &str) -> Option<bool> {
    let value = value.trim();
    let kind = value.split(';').next()?;
    let mut plain = true;
    for (name, value) in parameters(value.get(kind.len()..)?)? {
        plain &= charset_is_plain(name, value).unwrap_or(true);
    }
    let kind = kind.trim_end().to_ascii_lowercase();
    let (outer, inner) = kind.split_once('/').unwrap_or((&kind, "-"));
    (is_token(outer) && is_token(inner)).then_some(())?;
    Some(plain && !matches!(outer, "multipart" | "message"))
}

/// Whether a parameter says that a text is UTF-8 or part of it. `None`: it is not about that.
pub(super) fn charset_is_plain(name: &str, value: &str) -> Option<bool> {
    let known = ["utf-8", "utf8", "us-ascii"];
    let plain = || known.iter().any(|known| known.eq_ignore_ascii_case(value));
    name.eq_ignore_ascii_case("charset").then(plain)
}

/// The parameters behind a type, each with its value as it stands. `None`: they can be read in
/// two ways. Names with a star, which take others' places, are not taken.
pub(super) fn parameters(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut found: Vec<(&str, &str)> = Vec::new();
    let mut rest = text;
    while let Some(after) = rest.trim_start_matches([' ', '\t']).strip_prefix(';') {
        rest = after.trim_start_matches([' ', '\t']);
        if rest.is_empty() || rest.starts_with(';') {
            continue;
        }
        let (name, after) = rest.split_once('=')?;
        let (value, behind) = parameter_value(after)?;
        let mut before = found.iter();
        let twice = before.any(|(known, _)| known.eq_ignore_ascii_case(name));
        if twice || !is_token(name) {
            return None;
        }
        found.push((name, value));
        rest = behind;
    }
    rest.trim().is_empty().then_some(found)
}

fn is_token(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte);
    !text.is_empty() && text.bytes().all(plain)
}

/// RFC 7578, section 4.7: senders should not say it at all.
fn is_as_it_is(value: &str) -> bool {
    let value = value.trim().to_ascii_lowercase();
    matches!(value.as_str(), "7bit" | "8bit" | "binary")
}

/// What `content-disposition` says.
struct Disposition<'a> {
    name: &'a str,
    file: Option<FileName<'a>>,
}

impl<'a> Disposition<'a> {
    /// Reads its value, which stands at `offset`.
    fn read(value: &'a str, offset: usize) -> Option<Self> {
        let kind = value.split(';').next().unwrap_or_default();
        if !kind.trim().eq_ignore_ascii_case("form-data") {
            return None;
        }
        let (mut name, mut file) = (None, None);
        let mut rest = value.get(kind.len()..)?;
        while let Some(after) = rest.trim_start_matches([' ', '\t']).strip_prefix(';') {
            let after = after.trim_start_matches([' ', '\t']);
            let (parameter, after) = after.split_once('=')?;
            let (text, behind) = parameter_value(after)?;
            // Within the same value.
            let end = value.len().checked_sub(behind.len())?;
            let quotes = usize::from(after.starts_with('"'));
            let end = offset.saturating_add(end).checked_sub(quotes)?;
            let start = end.checked_sub(text.len())?;
            let before = match parameter.trim().to_ascii_lowercase().as_str() {
                "name" => name.replace(text).is_some(),
                "filename" => {
                    let plain = FileName::Plain(text, Span { start, end });
                    file.replace(plain).is_some()
                }
                // Beside one in quotes: servers differ in which of them they take.
                "filename*" => file.replace(FileName::Encoded).is_some(),
                _ => return None,
            };
            if before {
                return None;
            }
            rest = behind;
        }
        let whole = rest.trim().is_empty();
        let name = name.filter(|name| whole && is_name(name))?;
        Some(Self { name, file })
    }
}

/// The value of a parameter, and what follows it. Of a quoted one, as it stands between the
/// quotes.
fn parameter_value(text: &str) -> Option<(&str, &str)> {
    let Some(inside) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        let (value, behind) = text.split_at_checked(end)?;
        let value = value.trim_end_matches([' ', '\t']);
        let token = !value.contains(['"', ' ', '\t', '\\']);
        return token.then_some((value, behind)).filter(|_| {
            // What is trimmed would move the place where the value stands.
            value.len() == end
        });
    };
    let mut escaped = false;
    let end = inside.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })?;
    let (value, behind) = inside.split_at_checked(end)?;
    Some((value, behind.strip_prefix('"')?))
}

/// Whether the name of a field is one that all parsers read alike: no escapes, no spaces.
fn is_name(name: &str) -> bool {
    const LONGEST: usize = 64;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.[]".contains(&byte);
    !name.is_empty() && name.len() <= LONGEST && name.bytes().all(plain)
}
