/*! What is alike in all walks: values that are read whole. */

use super::Site;
use super::spelling::{is_data_url, is_encoded, is_key, is_name, is_token};
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
        Kind::Array => reader.array(|reader| read(reader, member, emit)),
        Kind::Object => reader.object(|reader, key| {
            emit_key(key, emit);
            read(reader, member, emit)
        }),
        Kind::Number | Kind::Bool | Kind::Null => reader.skip().map(drop),
    }
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
