/*! The message of a choice. */

use super::call::{Call, Calls};
use super::{append_text, inside};
use crate::protocols::replay::Room;
use crate::protocols::replay::parts::{Fields, append_items, inside_list, is_nothing, members};
use crate::protocols::replay::write::Object;

/// Members of deltas that are pieces of one text. Servers of open models have the last two.
pub(super) const TEXTS: [&str; 4] = ["content", "refusal", "reasoning", "reasoning_content"];

/// What the deltas of a choice have told so far.
#[derive(Debug, Default)]
pub(super) struct Message {
    /// As JSON.
    role: Option<String>,
    /// Those of [`TEXTS`].
    texts: [Told; TEXTS.len()],
    calls: Calls,
    function_call: Option<Call>,
    /// The inside of the list of annotations.
    annotations: Option<String>,
    others: Fields,
}

/// What was told of a text.
#[derive(Debug, Default)]
enum Told {
    #[default]
    Nothing,
    Null,
    /// The inside of its JSON.
    Text(String),
}

impl Message {
    pub(super) fn delta(&mut self, json: &str, room: &mut Room) -> Option<()> {
        if json == "null" {
            return Some(());
        }
        for (name, value) in members(json)? {
            self.member(&name, value, room)?;
        }
        Some(())
    }

    fn member(&mut self, name: &str, value: &str, room: &mut Room) -> Option<()> {
        let texts = TEXTS.iter().zip(&mut self.texts);
        if let Some((_, told)) = { texts }.find(|(known, _)| **known == name) {
            return told.add(value, room);
        }
        match (name, value) {
            ("role", role) => self.role(role, room),
            ("tool_calls" | "function_call" | "annotations", "null") => Some(()),
            ("tool_calls", calls) => self.calls.add(calls, room),
            ("function_call", call) => {
                let known = self.function_call.get_or_insert_default();
                known.function(call, room)
            }
            ("annotations", list) => {
                let known = self.annotations.get_or_insert_default();
                append_items(known, inside_list(list)?, room)
            }
            _ => self.others.once(name, value, room),
        }
    }

    fn role(&mut self, role: &str, room: &mut Room) -> Option<()> {
        match &self.role {
            _ if is_nothing(role) => Some(()),
            Some(known) => (known == role).then_some(()),
            None => {
                inside(role)?;
                room.take(role.len())?;
                self.role = Some(role.to_owned());
                Some(())
            }
        }
    }

    pub(super) fn write(&self, out: &mut String) {
        let mut message = Object::open(out);
        let role = self.role.as_deref().unwrap_or("\"assistant\"");
        message.member("role", role);
        for (name, told) in TEXTS.iter().zip(&self.texts) {
            match told {
                // Whoever calls a tool or refuses says nothing, which documents tell by null.
                Told::Text(text) if text.is_empty() && *name == "content" && self.says_else() => {
                    message.member(name, "null");
                }
                Told::Text(text) => message.text(name, text),
                Told::Null => message.member(name, "null"),
                Told::Nothing if *name == "content" => {
                    let content = if self.says_else() { "null" } else { "\"\"" };
                    message.member(name, content);
                }
                Told::Nothing => {}
            }
        }
        if !self.calls.is_empty() {
            message.with("tool_calls", |out| self.calls.write(out));
        }
        if let Some(call) = &self.function_call {
            message.with("function_call", |out| call.write_function(out));
        }
        if let Some(annotations) = &self.annotations {
            message.list("annotations", annotations);
        }
        message.members(self.others.iter());
        message.close();
    }

    /// Whether there is something that stands in the place of content.
    fn says_else(&self) -> bool {
        let [_, refusal, ..] = &self.texts;
        let refuses = matches!(refusal, Told::Text(text) if !text.is_empty());
        refuses || !self.calls.is_empty() || self.function_call.is_some()
    }
}

impl Told {
    fn add(&mut self, value: &str, room: &mut Room) -> Option<()> {
        match (&mut *self, value) {
            (Self::Nothing | Self::Null, "null") => *self = Self::Null,
            (Self::Text(text), _) => append_text(text, value, room)?,
            (Self::Nothing | Self::Null, _) => {
                let mut text = String::new();
                append_text(&mut text, value, room)?;
                *self = Self::Text(text);
            }
        }
        Some(())
    }
}
