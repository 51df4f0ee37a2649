/*! Pieces of JSON, copied as they stand. */

use super::Room;
use crate::json::{Error, Reader, quote};
use std::borrow::Cow;

/// Most members that are taken of one object. Those of answers have a dozen.
const MAX_MEMBERS: usize = 128;

/// A member of an object: its name, and its value's JSON.
pub(super) type Member<'a> = (Cow<'a, str>, &'a str);

/// Reading ends here.
struct Stop;

impl From<Error> for Stop {
    fn from(_: Error) -> Self {
        Self
    }
}

fn reader(json: &str) -> Option<Reader<'_>> {
    Reader::new(json.as_bytes(), |_| None).ok()
}

/// The members of an object. `None`: it is none, or parsers would read it differently.
pub(super) fn members(json: &str) -> Option<Vec<Member<'_>>> {
    let mut reader = reader(json)?;
    let mut list: Vec<Member<'_>> = Vec::with_capacity(12);
    let read = reader.object(|reader, key| {
        let name = key.value();
        let span = reader.skip()?;
        let value = json.get(span.start..span.end).ok_or(Stop)?;
        let known = list.iter().any(|(other, _)| *other == name);
        if known || list.len() >= MAX_MEMBERS {
            return Err(Stop);
        }
        list.push((name, value));
        Ok(())
    });
    read.ok()?;
    reader.finish().ok()?;
    Some(list)
}

/// Brings the values of an array to `take`. `None`: it is none, or `take` says so.
pub(super) fn items<'a>(json: &'a str, mut take: impl FnMut(&'a str) -> Option<()>) -> Option<()> {
    let mut reader = reader(json)?;
    let read = reader.array(|reader| {
        let span = reader.skip()?;
        let value = json.get(span.start..span.end).ok_or(Stop)?;
        take(value).ok_or(Stop)
    });
    read.ok()?;
    reader.finish().ok()
}

/// A value of a list of members that is there and not null.
pub(super) fn get<'a>(members: &[Member<'a>], name: &str) -> Option<&'a str> {
    let (_, value) = members.iter().find(|(other, _)| other == name)?;
    (*value != "null").then_some(*value)
}

/// What stands between the quotes of a string.
pub(super) fn inside(json: &str) -> Option<&str> {
    json.strip_prefix('"')?.strip_suffix('"')
}

/// What stands between the brackets of an array.
pub(super) fn inside_list(json: &str) -> Option<&str> {
    let inside = json.strip_prefix('[')?.strip_suffix(']')?;
    Some(inside.trim_ascii())
}

/// The value of a string.
pub(super) fn text(json: &str) -> Option<Cow<'_, str>> {
    let mut reader = reader(json)?;
    let text = reader.string().ok()?;
    reader.finish().ok()?;
    Some(text.value())
}

/// The value of a string member; empty if there is none.
pub(super) fn text_of<'a>(members: &[Member<'a>], name: &str) -> Cow<'a, str> {
    let value = get(members, name);
    value.and_then(text).unwrap_or_default()
}

/// Whether it is one whole value.
pub(super) fn is_json(text: &str) -> bool {
    reader(text).is_some_and(|mut reader| reader.skip().is_ok() && reader.finish().is_ok())
}

/// Whether a value says nothing.
pub(super) fn is_nothing(json: &str) -> bool {
    matches!(json, "null" | "\"\"" | "[]" | "{}")
}

/// Adds a piece to a string's inside, or an item to a list's.
pub(super) fn append(to: &mut String, piece: &str, room: &mut Room) -> Option<()> {
    room.take(piece.len())?;
    to.push_str(piece);
    Some(())
}

/// Adds items to the inside of a list.
pub(super) fn append_items(to: &mut String, items: &str, room: &mut Room) -> Option<()> {
    if !to.is_empty() && !items.is_empty() {
        append(to, ",", room)?;
    }
    append(to, items, room)
}

/// Members of an object that several events tell of.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let fields = self.0.iter();
        fields.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut fields = self.iter();
        fields
            .find(|(other, _)| *other == name)
            .map(|(_, value)| value)
    }

    /// In the place of what was said before.
    pub(super) fn set(&mut self, name: &str, value: &str, room: &mut Room) -> Option<()> {
        if let Some((_, known)) = self.0.iter_mut().find(|(other, _)| other == name) {
            if known != value {
                room.replace(known.len(), value.len())?;
                value.clone_into(known);
            }
            return Some(());
        }
        if self.0.len() >= MAX_MEMBERS {
            return None;
        }
        room.take(name.len().saturating_add(value.len()))?;
        self.0.push((name.to_owned(), value.to_owned()));
        Some(())
    }

    /// Unless something was said before.
    pub(super) fn first(&mut self, name: &str, value: &str, room: &mut Room) -> Option<()> {
        match self.get(name) {
            Some(known) if !is_nothing(known) && known != "0" => Some(()),
            _ => self.set(name, value, room),
        }
    }

    /// `None`: something was said before. Nobody knows whether the two are one text or two.
    pub(super) fn once(&mut self, name: &str, value: &str, room: &mut Room) -> Option<()> {
        match self.get(name) {
            Some(known) if is_nothing(known) => self.set(name, value, room),
            Some(_) if is_nothing(value) => Some(()),
            Some(_) => None,
            None => self.set(name, value, room),
        }
    }

    /// `None`: something else was said before. Objects say the same if what both have is the
    /// same in both.
    pub(super) fn same(&mut self, name: &str, value: &str, room: &mut Room) -> Option<()> {
        let joined = match self.get(name) {
            Some(known) if known == value => return Some(()),
            Some(known) if known.starts_with('{') && value.starts_with('{') => union(known, value)?,
            _ => return self.once(name, value, room),
        };
        self.set(name, &joined, room)
    }
}

/// The members of two objects.
fn union(one: &str, other: &str) -> Option<String> {
    let mut all = members(one)?;
    for (name, value) in members(other)? {
        match all.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) if *known == value => {}
            Some((_, known)) if is_nothing(known) => *known = value,
            Some(_) if is_nothing(value) => {}
            Some(_) => return None,
            None => all.push((name, value)),
        }
    }
    let members = all.iter();
    let members: Vec<String> = members
        .map(|(name, value)| format!("{}:{value}", quote(name)))
        .collect();
    Some(format!("{{{}}}", members.join(",")))
}
