/*! Calls of tools in deltas. */

use super::{OVERHEAD, append_text};
use crate::protocols::replay::Room;
use crate::protocols::replay::parts::{Fields, get, items, members};
use crate::protocols::replay::write::Object;

/// Most calls of one message.
const MAX_CALLS: usize = 256;

/// The calls of a message, by their index.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<(u64, Call)>);

/// One call: of a function, of a custom tool, or of a function in the former way.
#[derive(Debug, Default)]
pub(super) struct Call {
    /// Its id, its type and what nothing is known of.
    fields: Fields,
    tool: Option<Tool>,
}

/// What is called.
#[derive(Debug)]
struct Tool {
    kind: &'static Kind,
    /// Its name and what nothing is known of.
    fields: Fields,
    /// The inside of the text that it gets.
    text: String,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// The member of a call.
    pub(super) member: &'static str,
    /// The member that has the text.
    pub(super) text: &'static str,
}

pub(super) const FUNCTION: Kind = Kind {
    member: "function",
    text: "arguments",
};
pub(super) const CUSTOM: Kind = Kind {
    member: "custom",
    text: "input",
};

impl Calls {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds those of a delta.
    pub(super) fn add(&mut self, list: &str, room: &mut Room) -> Option<()> {
        items(list, |json| {
            let members = members(json)?;
            let index = get(&members, "index")?.parse().ok()?;
            let call = self.at(index, room)?;
            members
                .iter()
                .try_for_each(|(name, value)| call.member(name, value, room))
        })
    }

    /// The call of an index. They are told one after the other, mostly.
    fn at(&mut self, index: u64, room: &mut Room) -> Option<&mut Call> {
        let place = match self.0.iter().rposition(|(known, _)| *known == index) {
            Some(place) => place,
            None if self.0.len() >= MAX_CALLS => return None,
            None => {
                room.take(OVERHEAD)?;
                self.0.push((index, Call::default()));
                self.0.len().saturating_sub(1)
            }
        };
        self.0.get_mut(place).map(|(_, call)| call)
    }

    pub(super) fn write(&self, out: &mut String) {
        let mut order: Vec<&(u64, Call)> = self.0.iter().collect();
        crate::sorting::sort_few(&mut order, &|(one, _), (other, _)| one.cmp(other));
        out.push('[');
        for (place, (_, call)) in order.into_iter().enumerate() {
            if place > 0 {
                out.push(',');
            }
            call.write(out);
        }
        out.push(']');
    }
}

impl Call {
    fn member(&mut self, name: &str, value: &str, room: &mut Room) -> Option<()> {
        match (name, value) {
            ("index", _) | ("function" | "custom", "null") => Some(()),
            ("function", _) => self.tool(&FUNCTION, value, room),
            ("custom", _) => self.tool(&CUSTOM, value, room),
            ("id" | "type", _) => self.fields.same(name, value, room),
            _ => self.fields.once(name, value, room),
        }
    }

    /// Adds what a delta tells of a function.
    pub(super) fn function(&mut self, json: &str, room: &mut Room) -> Option<()> {
        self.tool(&FUNCTION, json, room)
    }

    fn tool(&mut self, kind: &'static Kind, json: &str, room: &mut Room) -> Option<()> {
        let tool = self.tool.get_or_insert_with(|| Tool {
            kind,
            fields: Fields::default(),
            text: String::new(),
        });
        if tool.kind != kind {
            return None;
        }
        for (name, value) in members(json)? {
            match name.as_ref() {
                name if name == kind.text => append_text(&mut tool.text, value, room)?,
                // Some servers repeat it.
                "name" => tool.fields.same("name", value, room)?,
                name => tool.fields.once(name, value, room)?,
            }
        }
        Some(())
    }

    fn write(&self, out: &mut String) {
        let mut call = Object::open(out);
        call.members(self.fields.iter());
        if let Some(tool) = &self.tool {
            call.with(tool.kind.member, |out| tool.write(out));
        }
        call.close();
    }

    /// As `function_call` has it.
    pub(super) fn write_function(&self, out: &mut String) {
        match &self.tool {
            Some(tool) => tool.write(out),
            None => out.push_str("null"),
        }
    }
}

impl Tool {
    fn write(&self, out: &mut String) {
        let mut tool = Object::open(out);
        tool.members(self.fields.iter());
        tool.text(self.kind.text, &self.text);
        tool.close();
    }
}
