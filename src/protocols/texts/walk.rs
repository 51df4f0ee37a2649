/*! What is alike in all walks: values that are read whole. */

use super::Site;
use super::spelling::{is_data_url, is_encoded, is_id, is_key, is_name, is_token};
use crate::json::{Error, Key, Kind, Reader, Span};
use crate::protocols::event::unwatched;
use std::borrow::Cow;

/// Takes a text.
pub(in crate::protocols) type Emit<'e, 'a> = &'e mut dyn FnMut(Site<'a>);

/// What the member of an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::protocols) enum Member {
    /// Its strings are texts.
    Text,
    /// Part of the structure: its strings are texts only if they are not spelled as names.
    Name,
    /// As `Name`, but long numbers are none the more texts.
    Id,
    /// What only its sender can read: a text only if it is no base64.
    Encoded,
    /// A text only if it is not spelled as tokens of the header `authorization` are.
    Token,
    /// Media where they are a data URL in base64, a text otherwise.
    Url,
}

/// What members are, by their keys.
pub(in crate::protocols) type Table = fn(&str, Kind) -> Member;

/// A table that knows nothing.
pub(in crate::protocols) const fn unknown(_: &str, _: Kind) -> Member {
    Member::Text
}

impl Member {
    const fn exempt(self) -> fn(&[u8]) -> bool {
        match self {
            Self::Text => |_| false,
            Self::Name => is_name,
            Self::Id => is_id,
            Self::Encoded => is_encoded,
            Self::Token => is_token,
            Self::Url => is_data_url,
        }
    }
}

/// The texts of a value, in which a table knows what is none at any depth.
pub(in crate::protocols) fn by_key<'a>(
    reader: &mut Reader<'a>,
    table: Table,
    emit: Emit<'_, 'a>,
) -> Result<(), Error> {
    match reader.kind()? {
        Kind::Object => reader.object(|reader, key| {
            let member = table(&key.value(), reader.kind()?);
            if member != Member::Text {
                return read(reader, member, emit);
            }
            emit_key(key, emit);
            by_key(reader, table, emit)
        }),
        Kind::Array => reader.array(|reader| by_key(reader, table, emit)),
        _ => read(reader, Member::Text, emit),
    }
}

/// The texts of a value that is all one kind of member.
pub(in crate::protocols) fn read<'a>(
    reader: &mut Reader<'a>,
    member: Member,
    emit: Emit<'_, 'a>,
) -> Result<(), Error> {
    match reader.kind()? {
        Kind::String => {
            let text = reader.string()?;
            if !text.is_empty() && !member.exempt()(text.raw()) {
                emit(Site::String(text));
            }
            Ok(())
        }
        // An embedding is thousands of them.
        Kind::Array if member != Member::Text && reader.passes_numbers() => Ok(()),
        Kind::Array => reader.array(|reader| read(reader, member, emit)),
        Kind::Object => reader.object(|reader, key| {
            emit_key(key, emit);
            read(reader, member, emit)
        }),
        Kind::Number => {
            let start = reader.offset();
            let number = reader.number()?;
            if member == Member::Text && is_long(number) {
                let end = reader.offset();
                let span = Span { start, end };
                emit(Site::Number { number, span });
            }
            Ok(())
        }
        Kind::Bool | Kind::Null => reader.skip().map(drop),
    }
}

/// Whether a number is worth a look: its fraction aside, it has more digits than counts and
/// prices have.
fn is_long(number: &str) -> bool {
    const LEAST: usize = 6;
    let digits = number.trim_start_matches('-').bytes();
    digits.take_while(u8::is_ascii_digit).count() >= LEAST
}

/// Where a value stands that may be told again elsewhere: null, a number, or a string that is
/// spelled as what `member` is.
pub(in crate::protocols) fn plain(
    reader: &mut Reader<'_>,
    member: Member,
) -> Result<Option<Span>, Error> {
    let mut plain = matches!(reader.kind()?, Kind::Null | Kind::Number | Kind::String);
    let start = reader.offset();
    read(reader, member, &mut |_| plain = false)?;
    let end = reader.offset();
    Ok(plain.then_some(Span { start, end }))
}

/// Where a report of usage stands, if it holds nothing but numbers and names.
pub(in crate::protocols) fn report(reader: &mut Reader<'_>) -> Result<Option<Span>, Error> {
    let start = reader.offset();
    let null = reader.kind()? == Kind::Null;
    let clean = is_report(reader)?;
    let end = reader.offset();
    Ok((clean && !null).then_some(Span { start, end }))
}

/// Keys of reports have digits, such as Anthropic's `ephemeral_5m_input_tokens`.
fn is_report(reader: &mut Reader<'_>) -> Result<bool, Error> {
    let mut clean = true;
    match reader.kind()? {
        Kind::Object => reader.object(|reader, key| {
            let key = key.text();
            clean &= is_name(key.raw());
            clean &= is_report(reader)?;
            Ok::<(), Error>(())
        })?,
        Kind::Array => reader.array(|reader| {
            clean &= is_report(reader)?;
            Ok::<(), Error>(())
        })?,
        Kind::String => clean = is_name(reader.string()?.raw()),
        Kind::Number | Kind::Bool | Kind::Null => drop(reader.skip()?),
    }
    Ok(clean)
}

/// A key that no table knows is a text, unless it is spelled as keys are.
pub(in crate::protocols) fn emit_key<'a>(key: &Key<'a>, emit: Emit<'_, 'a>) {
    let text = key.text();
    if !is_key(text.raw()) {
        emit(Site::String(text));
    }
}

/// JSON that a tool gets: one text with its keys and its numbers; an empty object says
/// nothing.
pub(in crate::protocols) fn value<'a>(reader: &mut Reader<'a>) -> Result<Option<Site<'a>>, Error> {
    let kind = reader.kind()?;
    if kind == Kind::String {
        let text = reader.string()?;
        return Ok((!text.is_empty()).then_some(Site::String(text)));
    }
    let text = reader.rest();
    let span = reader.skip()?;
    let length = span.end.saturating_sub(span.start);
    let text = text.get(..length).unwrap_or_default();
    let inside = text.get(1..length.saturating_sub(1)).unwrap_or_default();
    let says = match kind {
        Kind::Object | Kind::Array => !inside.trim_ascii().is_empty(),
        Kind::Number => true,
        Kind::String | Kind::Bool | Kind::Null => false,
    };
    let json = std::str::from_utf8(text).unwrap_or_default();
    Ok(says.then_some(Site::Json { json, span }))
}

/// Where a value stands that is read over, if it is not null.
pub(in crate::protocols) fn unless_null(reader: &mut Reader<'_>) -> Result<Option<Span>, Error> {
    let null = reader.kind()? == Kind::Null;
    let span = reader.skip()?;
    Ok((!null).then_some(span))
}

/// The strings of these members of the object that comes next, which stays to be read; empty
/// if they are not there. For what depends on a member that may come last.
pub(in crate::protocols) fn peek<'a, const N: usize>(
    reader: &Reader<'a>,
    wanted: [&str; N],
) -> [Cow<'a, str>; N] {
    let mut found = [const { None }; N];
    let mut missing = N;
    let Ok(mut ahead) = Reader::new(reader.rest(), unwatched) else {
        return found.map(Option::unwrap_or_default);
    };
    // What is broken is found by who reads it.
    let _stopped = ahead.object(|ahead, key| {
        let key = key.value();
        let place = wanted.iter().position(|name| *name == key);
        match place.and_then(|place| found.get_mut(place)) {
            Some(place) if place.is_none() && ahead.kind()? == Kind::String => {
                *place = Some(ahead.string()?.value());
                missing = missing.saturating_sub(1);
            }
            _ => drop(ahead.skip()?),
        }
        if missing == 0 { Err(Stop) } else { Ok(()) }
    });
    found.map(Option::unwrap_or_default)
}

/// Nothing more has to be read.
struct Stop;

impl From<Error> for Stop {
    fn from(_: Error) -> Self {
        Self
    }
}
