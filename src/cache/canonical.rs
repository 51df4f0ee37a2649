/*! Requests as a cache compares them.

Two requests are the same if they differ in white space, in the order of members, and in how
strings are escaped; in nothing else. Numbers are compared as they are written: `1` and `1.0` are
two, which costs a hit and never gives a wrong one. */

mod asks;

pub use asks::{Asks, Once};

use crate::json::{Error, Kind, Reader, Text};
use crate::sorting::sort_many;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// Most members that are held at once: those of the objects around one value. Each takes 64
/// bytes or so, and the largest requests of agents have some hundred.
const MAX_MEMBERS: usize = 16_384;

/// Why a request has no canonical form. It repeats none of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unhashed {
    /// It is no JSON.
    Json(Error),
    /// Its objects have more than 16,384 members, those inside of each other together.
    TooManyMembers,
}

impl From<Error> for Unhashed {
    fn from(error: Error) -> Self {
        Self::Json(error)
    }
}

/// Adds the canonical form of `body` to `into`, without the members of the outermost object that
/// `leave_out` names. What is added has always the same length, and is the same for two bodies
/// only if they are the same request, or SHA-256 is broken.
///
/// # Errors
/// See [`Unhashed`]; nothing was added then.
pub fn request_digest(body: &[u8], leave_out: &[&str], into: &mut Sha256) -> Result<(), Unhashed> {
    let mut reader = Reader::new(body, |_| None)?;
    let mut walk = Walk { members: 0 };
    let value = match reader.kind()? {
        Kind::Object => walk.object(&mut reader, leave_out)?,
        _ => walk.value(&mut reader)?,
    };
    reader.finish()?;
    let mut whole = Sha256::new();
    value.add_to(&mut whole);
    into.update(whole.finalize());
    Ok(())
}

/// A value. What holds others is known by its hash.
enum Value<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    String(Text<'a>),
    Array([u8; 32]),
    Object([u8; 32]),
}

impl Value<'_> {
    /// No value begins as another: each says its kind and its length, or has one length.
    fn add_to(&self, hash: &mut Sha256) {
        match self {
            Self::Null => hash.update(b"z"),
            Self::Bool(true) => hash.update(b"t"),
            Self::Bool(false) => hash.update(b"f"),
            Self::Number(number) => add_bytes(hash, b"n", number.as_bytes()),
            Self::String(text) => add_bytes(hash, b"s", text.value().as_bytes()),
            Self::Array(digest) => add_digest(hash, b"a", digest),
            Self::Object(digest) => add_digest(hash, b"o", digest),
        }
    }
}

fn add_bytes(hash: &mut Sha256, kind: &[u8], bytes: &[u8]) {
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    hash.update(kind);
    hash.update(length.to_le_bytes());
    hash.update(bytes);
}

fn add_digest(hash: &mut Sha256, kind: &[u8], digest: &[u8; 32]) {
    hash.update(kind);
    hash.update(digest);
}

/// One pass over a request.
struct Walk {
    /// Of the objects around the place where it is.
    members: usize,
}

impl Walk {
    fn value<'a>(&mut self, reader: &mut Reader<'a>) -> Result<Value<'a>, Unhashed> {
        Ok(match reader.kind()? {
            Kind::Object => self.object(reader, &[])?,
            Kind::Array => self.array(reader)?,
            Kind::String => Value::String(reader.string()?),
            Kind::Number => Value::Number(reader.number()?),
            Kind::Bool => Value::Bool(reader.boolean()?),
            Kind::Null => {
                reader.skip()?;
                Value::Null
            }
        })
    }

    fn array<'a>(&mut self, reader: &mut Reader<'a>) -> Result<Value<'a>, Unhashed> {
        let mut hash = Sha256::new();
        reader.array(|reader| {
            self.value(reader)?.add_to(&mut hash);
            Ok::<(), Unhashed>(())
        })?;
        Ok(Value::Array(hash.finalize().into()))
    }

    fn object<'a>(
        &mut self,
        reader: &mut Reader<'a>,
        leave_out: &[&str],
    ) -> Result<Value<'a>, Unhashed> {
        let before = self.members;
        let mut members: Vec<(Cow<'a, str>, Value<'a>)> = Vec::new();
        reader.object(|reader, key| {
            let key = key.value();
            if leave_out.contains(&key.as_ref()) {
                return reader.skip().map(drop).map_err(Unhashed::from);
            }
            self.members = self.members.saturating_add(1);
            if self.members > MAX_MEMBERS {
                return Err(Unhashed::TooManyMembers);
            }
            members.push((key, self.value(reader)?));
            Ok(())
        })?;
        self.members = before;
        Ok(Value::Object(hash_members(&members)))
    }
}

/// By their keys; those of one key keep their order, in which parsers choose among them.
fn hash_members(members: &[(Cow<'_, str>, Value<'_>)]) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut add = |(key, value): &(Cow<'_, str>, Value<'_>)| {
        add_bytes(&mut hash, b"s", key.as_bytes());
        value.add_to(&mut hash);
    };
    if members.is_sorted_by(|(one, _), (other, _)| one <= other) {
        members.iter().for_each(add);
    } else {
        let mut order: Vec<usize> = (0..members.len()).collect();
        let key = |place: &usize| members.get(*place).map(|(key, _)| (key.as_ref(), *place));
        sort_many(&mut order, key);
        order
            .iter()
            .filter_map(|place| members.get(*place))
            .for_each(&mut add);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests;
