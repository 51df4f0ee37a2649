/*! The members of a request's outermost object: removing, renaming and adding some, while
the bytes of the others stay. */

use super::reading::{Stop, field, open};
use crate::json::{Edits, Key, Reader, Span, Watched, quote};
use std::borrow::Cow;

/// Where the members stand.
#[derive(Debug)]
pub(super) struct Members<'a> {
    /// One past the opening brace.
    inside: usize,
    list: Vec<Member<'a>>,
}

#[derive(Debug)]
struct Member<'a> {
    name: Cow<'a, str>,
    key: Span,
    /// One past the value.
    end: usize,
}

impl<'a> Members<'a> {
    /// Most members that are noted. APIs know a few dozen; a body of nothing else must not
    /// become a list many times its size.
    pub(super) const MAX: usize = 256;

    /// Reads a body in one pass, each member of its outermost object by `member`.
    ///
    /// # Errors
    /// What `member` says, and what is wrong with the JSON.
    pub(super) fn read(
        body: &'a [u8],
        watched: Watched,
        mut member: impl FnMut(&mut Reader<'a>, &Key<'a>) -> Result<(), Stop>,
    ) -> Result<Self, Stop> {
        let mut reader = Reader::new(body, watched)?;
        let mut members = Self::new(open(&mut reader)?);
        reader.object_strict(|reader, key| {
            member(reader, key)?;
            members.note(key, reader.offset())
        })?;
        reader.finish()?;
        Ok(members)
    }

    /// No members yet; `inside` is one past the opening brace.
    pub(super) fn new(inside: usize) -> Self {
        Self {
            inside,
            list: Vec::with_capacity(16),
        }
    }

    /// Notes the next member, whose value ends before `end`.
    pub(super) fn note(&mut self, key: &Key<'a>, end: usize) -> Result<(), Stop> {
        if self.list.len() >= Self::MAX {
            return field("body", "must not have more than 256 fields");
        }
        self.list.push(Member {
            name: key.value(),
            key: key.span(),
            end,
        });
        Ok(())
    }

    /// Adds `member`, such as `"a":1`, in front: so the bytes to write back stay few. One
    /// of the other members must stay.
    pub(super) fn insert(&self, edits: &mut Edits, member: &str) {
        edits.insert(self.inside, format!("{member},"));
    }

    /// Gives the members named `from` the name `to`.
    pub(super) fn rename(&self, edits: &mut Edits, from: &str, to: &str) {
        for member in self.list.iter().filter(|member| member.name == from) {
            edits.replace(member.key, quote(to));
        }
    }

    /// Removes the members whose names are `gone`, each with one comma beside it.
    pub(super) fn remove(&self, edits: &mut Edits, gone: impl Fn(&str) -> bool) {
        let mut one_stays = false;
        let mut previous_end = self.inside;
        for (index, member) in self.list.iter().enumerate() {
            if !gone(&member.name) {
                one_stays = true;
            } else if one_stays {
                let span = Span {
                    start: previous_end,
                    end: member.end,
                };
                edits.replace(span, String::new());
            } else {
                let next = self.list.get(index.saturating_add(1));
                let span = Span {
                    start: member.key.start,
                    end: next.map_or(member.end, |next| next.key.start),
                };
                edits.replace(span, String::new());
            }
            previous_end = member.end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Reader;

    fn read(text: &str) -> Members<'_> {
        let mut reader = Reader::new(text.as_bytes(), |_| None).unwrap();
        let mut members = Members::new(reader.offset() + 1);
        reader
            .object(|reader, key| {
                reader.skip()?;
                members.note(key, reader.offset())
            })
            .unwrap();
        members
    }

    fn edited(text: &str, edit: impl FnOnce(&Members<'_>, &mut Edits)) -> String {
        let members = read(text);
        let mut edits = Edits::default();
        edit(&members, &mut edits);
        let Some(rewrite) = edits.apply(text.as_bytes()) else {
            return text.to_owned();
        };
        let rest = &text.as_bytes()[rewrite.replaces..];
        String::from_utf8([rewrite.prefix.as_slice(), rest].concat()).unwrap()
    }

    #[test]
    fn removal_takes_one_comma_along() {
        for (text, gone, wanted) in [
            (r#"{"a":1,"b":2,"c":3}"#, "a", r#"{"b":2,"c":3}"#),
            (r#"{"a":1,"b":2,"c":3}"#, "b", r#"{"a":1,"c":3}"#),
            (r#"{"a":1,"b":2,"c":3}"#, "c", r#"{"a":1,"b":2}"#),
            (r#"{"a":1,"b":2,"c":3}"#, "ab", r#"{"c":3}"#),
            (r#"{"a":1,"b":2,"c":3}"#, "bc", r#"{"a":1}"#),
            (r#"{"a":1,"b":2,"c":3}"#, "ac", r#"{"b":2}"#),
            (r#"{"a":1,"b":2,"c":3}"#, "abc", "{}"),
            (r#"{"a":1,"b":2,"c":3}"#, "x", r#"{"a":1,"b":2,"c":3}"#),
            (
                "{ \"a\" : 1 ,\n \"b\" : [2] ,\n \"c\":3 }",
                "b",
                "{ \"a\" : 1 ,\n \"c\":3 }",
            ),
            ("{ \"a\" : 1 , \"b\" : 2 }", "a", "{ \"b\" : 2 }"),
            ("{ \"a\" : 1 , \"b\" : 2 }", "b", "{ \"a\" : 1 }"),
            (r#"{"\u0061":1,"b":2,"a":3}"#, "a", r#"{"b":2}"#),
            ("{}", "a", "{}"),
        ] {
            let new = edited(text, |members, edits| {
                members.remove(edits, |name| gone.contains(name));
            });
            assert_eq!(new, wanted, "{text} without {gone}");
        }
    }

    #[test]
    fn all_edits_at_once() {
        let text = r#"{"a":1 , "b":2,"c":3}"#;
        let new = edited(text, |members, edits| {
            members.remove(edits, |name| name == "a");
            members.rename(edits, "b", "\"é");
            members.insert(edits, r#""n":0"#);
        });
        assert_eq!(new, "{\"n\":0,\"\\\"é\":2,\"c\":3}");
    }
}
