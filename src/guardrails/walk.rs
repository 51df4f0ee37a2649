/*! One pass over a request. What stands twice is judged each time: the call is refused later
where a key is read that does. */

use super::members::{Seen, is_case_variant};
use super::rules::Rules;
use super::shape::{Part, Shape, is_image, is_system};
use super::tally::{Place, Tally};
use crate::json::{Error, Key, Kind, Reader, Watched};
use crate::protocols::Api;
use std::borrow::Cow;

/// Reads a request.
pub(super) fn read<'r, 'a>(
    rules: &'r Rules,
    api: Api,
    body: &'a [u8],
) -> Result<Tally<'r, 'a>, Error> {
    let mut walk = Walk {
        rules,
        shape: Shape::of(api),
        tally: Tally::new(rules, body.len()),
    };
    let mut reader = Reader::new(body, UNWATCHED)?;
    let mut seen = Seen::default();
    reader.object(|reader, key| walk.member(reader, key, &mut seen))?;
    reader.finish()?;
    walk.tally.seen = seen;
    Ok(walk.tally)
}

const UNWATCHED: Watched = |_| None;

struct Walk<'r, 'a> {
    rules: &'r Rules,
    shape: &'static Shape,
    tally: Tally<'r, 'a>,
}

impl<'r, 'a> Walk<'r, 'a> {
    fn member(
        &mut self,
        reader: &mut Reader<'a>,
        key: &Key<'a>,
        seen: &mut Seen<'r>,
    ) -> Result<(), Error> {
        let name = key.value();
        match (self.shape.part(&name), reader.kind()?) {
            (Part::Model, Kind::String) => self.tally.model = Some(reader.string()?.value()),
            (Part::Messages, Kind::Array) => reader.array(|reader| self.message(reader))?,
            (Part::Messages, Kind::String) => self.message(reader)?,
            (Part::System, _) => self.system(reader)?,
            (Part::Tools, Kind::Array) => reader.array(|reader| self.tool(reader))?,
            (part, _) => {
                if part == Part::ProviderTools && reader.says_something()? {
                    self.tally.tool(&[&name]);
                }
                self.rules.members().read(reader, key, self.rules, seen)?;
            }
        }
        Ok(())
    }

    /// The system prompt beside the messages.
    fn system(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        if reader.says_something()? {
            self.tally.role(Some("system"));
            self.tally.system.beside = true;
        }
        self.system_texts(reader, Place::Beside)
    }

    fn message(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        let kind = reader.kind()?;
        if kind == Kind::Number && self.shape.plain.is_some() {
            // A token of a prompt.
            return reader.skip().map(drop);
        }
        self.tally.messages = self.tally.messages.saturating_add(1);
        if kind != Kind::Object {
            let plain = self.shape.plain.filter(|_| kind == Kind::String);
            self.tally.role(plain);
            return reader.skip().map(drop);
        }
        let (mut role, mut of_type, mut content) = (None, None, None);
        let mut tools = Tools::Offered(Vec::new());
        reader.object(|reader, key| {
            match (key.value().as_ref(), reader.kind()?) {
                ("role", Kind::String) => role = Some(reader.string()?.value()),
                ("type", Kind::String) => {
                    let kind = reader.string()?.value();
                    of_type = self.shape.role(&kind);
                    tools.are_of(&kind);
                }
                ("tools", Kind::Array) => {
                    tools.note(reader.rest());
                    let _ = reader.skip()?;
                }
                ("output", _) => self.content(reader)?,
                ("content", _) => {
                    content = Some(reader.rest());
                    self.content(reader)?;
                }
                _ => drop(reader.skip()?),
            }
            Ok::<(), Error>(())
        })?;
        if let Tools::Offered(lists) = tools {
            for list in lists {
                Reader::new(list, UNWATCHED)?.array(|reader| self.tool(reader))?;
            }
        }
        let role = role.as_deref().or(of_type);
        self.tally.role(role);
        match content {
            Some(content) if role.is_some_and(is_system) => {
                let place = match self.tally.messages {
                    1 => Place::FirstMessage,
                    _ => Place::LaterMessage,
                };
                self.system_texts(&mut Reader::new(content, UNWATCHED)?, place)
            }
            _ => Ok(()),
        }
    }

    /// What a message or a part of one holds: text, a part, or a list of parts.
    fn content(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        match reader.kind()? {
            Kind::Array => reader.array(|reader| self.part(reader)),
            _ => self.part(reader),
        }
    }

    fn part(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        if reader.kind()? != Kind::Object {
            return reader.skip().map(drop);
        }
        let (mut image, mut role) = (false, None);
        reader.object(|reader, key| {
            match (key.value().as_ref(), reader.kind()?) {
                ("type", Kind::String) => {
                    let kind = reader.string()?.value();
                    image |= is_image(&kind);
                    role = role.or(self.shape.role(&kind));
                }
                ("image_url", kind) => {
                    image |= kind != Kind::Null;
                    let _ = reader.skip()?;
                }
                // Results of tools, and documents that are lists of parts.
                ("content", _) => self.content(reader)?,
                ("source", Kind::Object) => self.source(reader)?,
                _ => drop(reader.skip()?),
            }
            Ok::<(), Error>(())
        })?;
        if image {
            self.tally.images = self.tally.images.saturating_add(1);
        }
        if role.is_some() {
            self.tally.role(role);
        }
        Ok(())
    }

    /// Where a part has what it holds. Its own type is none of the part's.
    fn source(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        reader.object(|reader, key| match key.value().as_ref() {
            "content" => self.content(reader),
            _ => reader.skip().map(drop),
        })
    }

    /// The texts of a system prompt.
    fn system_texts(&mut self, reader: &mut Reader<'a>, place: Place) -> Result<(), Error> {
        match reader.kind()? {
            Kind::String => {
                let text = reader.string()?;
                self.tally.system_text(&text.value(), place);
                Ok(())
            }
            Kind::Array => reader.array(|reader| self.system_texts(reader, place)),
            Kind::Object => reader.object(|reader, key| match key.value().as_ref() {
                "text" => self.system_texts(reader, place),
                _ => reader.skip().map(drop),
            }),
            _ => reader.skip().map(drop),
        }
    }

    /// A tool: its name, in itself or one level deeper, and its type if it is no function of the
    /// caller's.
    fn tool(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        let mut names: Vec<Cow<'_, str>> = Vec::new();
        if reader.kind()? == Kind::Object {
            reader.object(|reader, key| {
                let key = key.value();
                match reader.kind()? {
                    Kind::String if is(&key, "name") => names.push(reader.string()?.value()),
                    Kind::String if is(&key, "type") => {
                        let kind = reader.string()?.value();
                        if !matches!(kind.as_ref(), "function" | "custom") {
                            names.push(kind);
                        }
                    }
                    Kind::Object if is(&key, "function") || is(&key, "custom") => {
                        inner_names(reader, &mut names)?;
                    }
                    // Those of a name space.
                    Kind::Array if is(&key, "tools") => {
                        reader.array(|reader| self.tool(reader))?;
                    }
                    _ => drop(reader.skip()?),
                }
                Ok::<(), Error>(())
            })?;
        } else {
            reader.skip()?;
        }
        let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        self.tally.tool(&names);
        Ok(())
    }
}

/// Lists of tools that stand in a message.
enum Tools<'a> {
    /// They can be called from there on.
    Offered(Vec<&'a [u8]>),
    /// A server's own, which its tool was asked for.
    Listed,
}

impl<'a> Tools<'a> {
    fn are_of(&mut self, kind: &str) {
        if kind == "mcp_list_tools" {
            *self = Self::Listed;
        }
    }

    fn note(&mut self, list: &'a [u8]) {
        if let Self::Offered(lists) = self {
            lists.push(list);
        }
    }
}

fn inner_names<'a>(reader: &mut Reader<'a>, names: &mut Vec<Cow<'a, str>>) -> Result<(), Error> {
    reader.object(|reader, key| {
        if is(&key.value(), "name") && reader.kind()? == Kind::String {
            names.push(reader.string()?.value());
            return Ok(());
        }
        reader.skip().map(drop)
    })
}

/// Whether a provider may take `key` for this one.
fn is(key: &str, name: &str) -> bool {
    key == name || is_case_variant(name, key)
}
