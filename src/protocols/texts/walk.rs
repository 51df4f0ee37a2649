/*! What is alike in all walks: values that are read whole. */

use super::{Site, is_encoded, is_name};
use crate::json::{Error, Kind, Reader, Span};
use crate::protocols::event::unwatched;
use std::borrow::Cow;

/// Takes a text.
pub(in crate::protocols) type Emit<'e, 'a> = &'e mut dyn FnMut(Site<'a>);

/// Every string and every key of a value is a text.
pub(in crate::protocols) fn strings<'a>(
    reader: &mut Reader<'a>,
    emit: Emit<'_, 'a>,
) -> Result<(), Error> {
    unless(reader, &|_| false, emit)
}

/// Part of the structure: strings and keys are texts only if they are not spelled as names.
pub(in crate::protocols) fn names<'a>(
    reader: &mut Reader<'a>,
    emit: Emit<'_, 'a>,
) -> Result<(), Error> {
    unless(reader, &is_name, emit)
}

/// What only its sender can read: a text only if it is no base64.
pub(in crate::protocols) fn encoded<'a>(
    reader: &mut Reader<'a>,
    emit: Emit<'_, 'a>,
) -> Result<(), Error> {
    unless(reader, &is_encoded, emit)
}

fn unless<'a>(
    reader: &mut Reader<'a>,
    exempt: &dyn Fn(&[u8]) -> bool,
    emit: Emit<'_, 'a>,
) -> Result<(), Error> {
    match reader.kind()? {
        Kind::String => {
            let text = reader.string()?;
            if !text.is_empty() && !exempt(text.raw()) {
                emit(Site::String(text));
            }
            Ok(())
        }
        Kind::Array => reader.array(|reader| unless(reader, exempt, emit)),
        Kind::Object => reader.object(|reader, key| {
            let key = key.text();
            if !key.is_empty() && !exempt(key.raw()) {
                emit(Site::String(key));
            }
            unless(reader, exempt, emit)
        }),
        Kind::Number | Kind::Bool | Kind::Null => reader.skip().map(drop),
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
