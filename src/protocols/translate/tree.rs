/*! JSON as a tree over borrowed bytes, for translating it.

Free-form values (tool inputs, schemas) are kept as text, so their key order, numbers and
spelling survive, and they cost nothing to hold. Strings stay literals ([`Text`]) and
are copied as such: most of a prompt is never unescaped. */

use super::path::Path;
use super::text::Text;
use crate::json::{Error, ErrorKind as Broken, Kind, Reader};
use crate::protocols::{ErrorKind, Refusal};
use std::borrow::Cow;

/// Any value, and the text it was read from.
#[derive(Debug, Clone)]
pub(super) struct Value<'a> {
    /// The value's JSON.
    pub(super) raw: &'a str,
    node: Node<'a>,
}

#[derive(Debug, Clone)]
enum Node<'a> {
    Null,
    Bool(bool),
    Number,
    String,
    Array(Vec<Value<'a>>),
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
    /// An object or array that is not looked into.
    Opaque,
}

/// Most values that are held at once: several times what the largest requests of coding
/// agents have, and about 20 MiB.
const MAX_VALUES: usize = 250_000;

/// Members whose objects and arrays are free-form; the first is more in Responses.
const OPAQUE: [&str; 4] = ["input", "input_schema", "parameters", "schema"];

/// Duplicates are refused where the request is first read.
pub(super) const fn unwatched(_: &[u8]) -> Option<(&'static str, u8)> {
    None
}

/// Why a text was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// It is no JSON.
    Json(Error),
    /// More than [`MAX_VALUES`] values.
    TooMany,
}

impl From<Error> for Unread {
    fn from(error: Error) -> Self {
        Self::Json(error)
    }
}

impl From<Unread> for Refusal {
    fn from(unread: Unread) -> Self {
        let (code, message) = match unread {
            Unread::TooMany => (
                "too_many_values",
                format!("The request has more than {MAX_VALUES} values, too many to translate."),
            ),
            Unread::Json(error) => (
                match error.kind() {
                    Broken::Empty => "empty_body",
                    Broken::TooDeep => "nested_too_deeply",
                    _ => "invalid_json",
                },
                format!("The request body is not acceptable JSON: {error}."),
            ),
        };
        Self::new(ErrorKind::Invalid, code, message)
    }
}

/// Reads a whole text.
pub(super) fn parse(text: &[u8]) -> Result<Value<'_>, Unread> {
    parse_beside(text, &OPAQUE)
}

/// Reads a whole request for a response, whose `input` is the conversation.
pub(super) fn parse_response_request(text: &[u8]) -> Result<Value<'_>, Unread> {
    let [_, opaque @ ..] = &OPAQUE;
    parse_beside(text, opaque)
}

/// Reads a whole text but for what stands in members of these names.
fn parse_beside<'a>(text: &'a [u8], opaque: &'static [&'static str]) -> Result<Value<'a>, Unread> {
    // Checked once here, so that every value below is a slice of it.
    let text = match std::str::from_utf8(text) {
        Ok(text) => text,
        Err(_) => return Err(not_utf8(text)),
    };
    let mut parser = Parser {
        text,
        opaque,
        values: 0,
    };
    let mut reader = Reader::new(text.as_bytes(), unwatched)?;
    let value = parser.value(&mut reader, false)?;
    reader.finish()?;
    Ok(value)
}

/// The reader says where.
fn not_utf8(text: &[u8]) -> Unread {
    let read = Reader::new(text, unwatched).and_then(|mut reader| {
        reader.skip()?;
        reader.finish()
    });
    read.err().map_or(Unread::TooMany, Unread::Json)
}

struct Parser<'a> {
    text: &'a str,
    opaque: &'static [&'static str],
    values: usize,
}

impl<'a> Parser<'a> {
    fn value(&mut self, reader: &mut Reader<'a>, opaque: bool) -> Result<Value<'a>, Unread> {
        self.values = self.values.saturating_add(1);
        if self.values > MAX_VALUES {
            return Err(Unread::TooMany);
        }
        let start = reader.offset();
        let node = match reader.kind()? {
            Kind::Object | Kind::Array if opaque => {
                reader.skip()?;
                Node::Opaque
            }
            Kind::Object => self.object(reader)?,
            Kind::Array => self.array(reader)?,
            Kind::Bool => Node::Bool(reader.boolean()?),
            Kind::Null => {
                reader.skip()?;
                Node::Null
            }
            Kind::Number => {
                reader.number()?;
                Node::Number
            }
            Kind::String => {
                reader.string()?;
                Node::String
            }
        };
        let raw = self.text.get(start..reader.offset()).unwrap_or_default();
        Ok(Value { raw, node })
    }

    fn object(&mut self, reader: &mut Reader<'a>) -> Result<Node<'a>, Unread> {
        let mut members = Vec::new();
        reader.object(|reader, key| {
            let key = key.value();
            let opaque = self.opaque.contains(&key.as_ref());
            members.push((key, self.value(reader, opaque)?));
            Ok::<(), Unread>(())
        })?;
        Ok(Node::Object(members))
    }

    fn array(&mut self, reader: &mut Reader<'a>) -> Result<Node<'a>, Unread> {
        let mut items = Vec::new();
        reader.array(|reader| {
            items.push(self.value(reader, false)?);
            Ok::<(), Unread>(())
        })?;
        Ok(Node::Array(items))
    }
}

/// What a value is, for those who take whatever comes (answers).
impl<'a> Value<'a> {
    /// A member that is there and not null.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        let members = self.object()?;
        let (_, value) = members.iter().find(|(key, _)| key == name)?;
        (!matches!(value.node, Node::Null)).then_some(value)
    }

    /// The members of an object.
    pub(super) fn object(&self) -> Option<&[(Cow<'a, str>, Self)]> {
        match &self.node {
            Node::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The items of an array; nothing if it is none.
    pub(super) fn list(&self) -> &[Self] {
        match &self.node {
            Node::Array(items) => items,
            _ => &[],
        }
    }

    /// Whether it is an array.
    pub(super) const fn is_array(&self) -> bool {
        matches!(self.node, Node::Array(_))
    }

    /// A string.
    pub(super) const fn as_text(&self) -> Option<Text<'a>> {
        match self.node {
            Node::String => Some(Text::literally(self.raw)),
            _ => None,
        }
    }

    /// A string member.
    pub(super) fn text_at(&self, name: &str) -> Option<Text<'a>> {
        self.get(name)?.as_text()
    }

    /// The value of a string member; empty if there is none.
    pub(super) fn word_at(&self, name: &str) -> String {
        let text = self.text_at(name);
        text.map(|text| text.value().into_owned())
            .unwrap_or_default()
    }

    /// The JSON of an object.
    pub(super) fn as_object_text(&self) -> Option<&'a str> {
        self.raw.starts_with('{').then_some(self.raw)
    }

    /// A whole number that is not negative.
    pub(super) fn as_count(&self) -> Option<u64> {
        match self.node {
            Node::Number => self.raw.parse().ok(),
            _ => None,
        }
    }
}

/// What a value must be, for those who answer for it (requests).
impl<'a> Value<'a> {
    /// The members that are not null.
    pub(super) fn members(
        &self,
        at: &Path<'_>,
    ) -> Result<impl Iterator<Item = (&str, &Self)>, Refusal> {
        let Node::Object(members) = &self.node else {
            return Err(at.wrong("must be an object"));
        };
        Ok(members
            .iter()
            .filter(|(_, value)| !matches!(value.node, Node::Null))
            .map(|(key, value)| (key.as_ref(), value)))
    }

    /// The items of an array.
    pub(super) fn items(&self, at: &Path<'_>) -> Result<&[Self], Refusal> {
        match &self.node {
            Node::Array(items) => Ok(items),
            _ => Err(at.wrong("must be an array")),
        }
    }

    /// A string.
    pub(super) fn text(&self, at: &Path<'_>) -> Result<Text<'a>, Refusal> {
        self.as_text().ok_or_else(|| at.wrong("must be a string"))
    }

    /// A string's value, to look at.
    pub(super) fn word(&self, at: &Path<'_>) -> Result<String, Refusal> {
        Ok(self.text(at)?.value().into_owned())
    }

    /// A boolean.
    pub(super) fn boolean(&self, at: &Path<'_>) -> Result<bool, Refusal> {
        match self.node {
            Node::Bool(value) => Ok(value),
            _ => Err(at.wrong("must be a boolean")),
        }
    }

    /// A number, as it was written.
    pub(super) fn number(&self, at: &Path<'_>) -> Result<&'a str, Refusal> {
        match self.node {
            Node::Number => Ok(self.raw),
            _ => Err(at.wrong("must be a number")),
        }
    }

    /// A whole number that is not negative.
    pub(super) fn count(&self, at: &Path<'_>) -> Result<u64, Refusal> {
        let wrong = || at.wrong("must be a whole number that is not negative");
        self.as_count().ok_or_else(wrong)
    }

    /// The JSON of an object.
    pub(super) fn object_text(&self, at: &Path<'_>) -> Result<&'a str, Refusal> {
        self.as_object_text()
            .ok_or_else(|| at.wrong("must be an object"))
    }

    /// A string member that has to be there.
    pub(super) fn required_text(
        &self,
        name: &'static str,
        at: &Path<'_>,
    ) -> Result<Text<'a>, Refusal> {
        let at = at.key(name);
        self.get(name).ok_or_else(|| at.missing())?.text(&at)
    }

    /// The value of a string member that has to be there.
    pub(super) fn required_word(
        &self,
        name: &'static str,
        at: &Path<'_>,
    ) -> Result<String, Refusal> {
        Ok(self.required_text(name, at)?.value().into_owned())
    }
}
