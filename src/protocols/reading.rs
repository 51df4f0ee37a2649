/*! Reading requests: what both protocols read and count alike. */

use super::shared::skip_member;
use super::{ErrorKind, Refusal, Traits};
use crate::json::{Error, Kind, Reader, Span, path_at};
use std::borrow::Cow;

/// What stops the reading.
#[derive(Debug)]
pub(super) enum Stop {
    Json(Error),
    Field {
        path: String,
        problem: Cow<'static, str>,
    },
    /// A field that names what the provider has stored.
    Stored {
        path: String,
    },
    /// The same, by its value's place in the body.
    Named {
        name: &'static str,
        offset: usize,
    },
}

pub(super) const MISSING: &str = "is missing";

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Json(error)
    }
}

impl From<Stop> for Refusal {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Json(error) => json_refusal(&error),
            Stop::Field { path, problem } => {
                let code = if problem == MISSING {
                    "missing_required_parameter"
                } else {
                    "invalid_value"
                };
                let message = format!("'{path}' {problem}.");
                Self::new(ErrorKind::Invalid, code, message).at(path)
            }
            Stop::Stored { path } => stored(path),
            Stop::Named { name, .. } => stored(name.to_owned()),
        }
    }
}

impl Stop {
    /// What the caller is told, who has sent `body`.
    pub(super) fn told(self, body: &[u8]) -> Refusal {
        match self {
            Self::Named { name, offset } => {
                let path = path_at(body, offset);
                stored(path.unwrap_or_else(|| name.to_owned()))
            }
            stop => stop.into(),
        }
    }
}

/// Why what names something that the provider has stored is refused: whoever has the operator's
/// account, as all tenants do, could read it.
pub fn stored(path: String) -> Refusal {
    let instead = match path.as_str() {
        path if path.ends_with("file_id") => " Send the file itself.",
        path if path.ends_with("audio.id") => " Send its transcript as text.",
        path if path.ends_with("container_id") => {
            " Leave the item out, or go on from its response by 'previous_response_id', if the \
             gateway's operator lets providers keep responses (stored)."
        }
        path if path.ends_with("ata_sources") || path.ends_with("ataSources") => {
            " The provider would read it as the gateway's operator: put what it says into the prompt."
        }
        _ => "",
    };
    let message =
        format!("'{path}' is not supported: what it names could be another caller's.{instead}");
    Refusal::new(ErrorKind::Invalid, "unsupported_parameter", message).at(path)
}

/// Why what needs something that a provider keeps is refused where none keeps anything.
pub fn not_kept(path: &str) -> Refusal {
    let message =
        format!("'{path}' is not supported: this gateway lets providers keep no responses.");
    Refusal::new(ErrorKind::Invalid, "unsupported_parameter", message).at(path)
}

fn json_refusal(error: &Error) -> Refusal {
    use crate::json::ErrorKind as Json;
    let code = match error.kind() {
        Json::Empty => "empty_body",
        Json::DuplicateKey(_) | Json::CaseVariant(_) => "duplicate_key",
        Json::TooDeep => "nested_too_deeply",
        _ => "invalid_json",
    };
    let message = format!("The request body is not acceptable JSON: {error}.");
    Refusal::new(ErrorKind::Invalid, code, message)
}

/// Blames the field at `path`.
pub(super) fn field<T>(
    path: impl Into<String>,
    problem: impl Into<Cow<'static, str>>,
) -> Result<T, Stop> {
    Err(Stop::Field {
        path: path.into(),
        problem: problem.into(),
    })
}

/// Blames the field at `path`: it names what the provider has stored.
pub(super) fn unsupported<T>(path: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Stored { path: path.into() })
}

/// Stands before the request's outermost object; returns the offset one past its `{`.
pub(super) fn open(reader: &mut Reader<'_>) -> Result<usize, Stop> {
    if reader.kind()? != Kind::Object {
        // Whatever it is, it should at least be JSON: that error says more.
        reader.skip()?;
        return field("body", "must be a JSON object");
    }
    Ok(reader.offset().saturating_add(1))
}

/// The name of the model asked for, and where it stands.
pub(super) fn model<'a>(reader: &mut Reader<'a>) -> Result<(Cow<'a, str>, Span), Stop> {
    if reader.kind()? != Kind::String {
        return field("model", "must be a string");
    }
    let text = reader.string()?;
    if text.is_empty() {
        return field("model", "must not be empty");
    }
    Ok((text.value(), text.span()))
}

/// A boolean; null counts as false.
pub(super) fn flag(reader: &mut Reader<'_>, path: &str) -> Result<bool, Stop> {
    match reader.kind()? {
        Kind::Bool => Ok(reader.boolean()?),
        Kind::Null => {
            reader.skip()?;
            Ok(false)
        }
        _ => field(path, "must be a boolean"),
    }
}

/// A whole number, or `None` for null. A fraction or an exponent is none, even where it
/// comes to one: parsers differ about it.
pub(super) fn whole_number(reader: &mut Reader<'_>, path: &str) -> Result<Option<u64>, Stop> {
    const PROBLEM: &str = "must be an integer from 0 to 2^64 - 1";
    match reader.kind()? {
        Kind::Null => {
            reader.skip()?;
            Ok(None)
        }
        Kind::Number => match reader.number()?.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => field(path, PROBLEM),
        },
        _ => field(path, PROBLEM),
    }
}

/// The messages, of which there must be one at least; `message` reads each.
pub(super) fn messages<'a>(
    reader: &mut Reader<'a>,
    mut message: impl FnMut(&mut Reader<'a>, usize) -> Result<(), Stop>,
) -> Result<(), Stop> {
    if reader.kind()? != Kind::Array {
        return field("messages", "must be an array");
    }
    let mut index = 0_usize;
    reader.array(|reader| {
        if reader.kind()? != Kind::Object {
            return field(format!("messages[{index}]"), "must be an object");
        }
        message(reader, index)?;
        index = index.saturating_add(1);
        Ok(())
    })?;
    if index == 0 {
        return field("messages", "must not be empty");
    }
    Ok(())
}

impl Traits {
    /// Counts tokens that are no text's.
    pub(super) fn add_framing(&mut self, tokens: u64) {
        self.framing = self.framing.saturating_add(tokens);
    }

    /// Consumes a value and counts its strings, at any depth.
    pub(super) fn add_text(&mut self, reader: &mut Reader<'_>) -> Result<(), Stop> {
        match reader.kind()? {
            Kind::String => {
                self.text.add_json(reader.string()?.raw());
                Ok(())
            }
            Kind::Array => reader.array(|reader| self.add_text(reader)),
            Kind::Object => reader.object(|reader, _| self.add_text(reader)),
            _ => reader.skip().map(drop).map_err(Stop::from),
        }
    }

    /// Definitions of tools, or null. They count whole, the keys of their schemas included:
    /// all of it goes into the prompt.
    pub(super) fn add_tools(
        &mut self,
        reader: &mut Reader<'_>,
        path: &str,
        framing: u64,
    ) -> Result<(), Stop> {
        match reader.kind()? {
            Kind::Array => {
                let front = reader.rest();
                let mut any = false;
                reader.array(|reader| {
                    any = true;
                    self.tool(reader)
                })?;
                if any {
                    self.tools = true;
                    self.add_framing(framing);
                    let length = front.len().saturating_sub(reader.rest().len());
                    self.text.add(front.get(..length).unwrap_or_default());
                }
            }
            Kind::Null => drop(reader.skip()?),
            _ => return field(path, "must be an array"),
        }
        Ok(())
    }

    fn tool(&mut self, reader: &mut Reader<'_>) -> Result<(), Stop> {
        if reader.kind()? != Kind::Object {
            return reader.skip().map(drop).map_err(Stop::from);
        }
        reader.object(|reader, key| match (key.value().as_ref(), reader.kind()?) {
            ("type", Kind::String) => {
                let kind = reader.string()?.value();
                let counted = matches!(kind.as_ref(), "function" | "custom" | "namespace");
                self.uncounted |= !counted;
                Ok(())
            }
            (name, kind) => {
                self.cache |= name == "cache_control" && kind == Kind::Object;
                skip_member(reader, key)
            }
        })
    }

    /// What the answer shall look like, or null: counts whole, as definitions of tools do.
    pub(super) fn add_schema(&mut self, reader: &mut Reader<'_>) -> Result<(), Stop> {
        let front = reader.rest();
        reader.skip()?;
        let length = front.len().saturating_sub(reader.rest().len());
        if length > b"null".len() {
            self.text.add(front.get(..length).unwrap_or_default());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regression_who_names_something_stored_is_told_what_to_send_instead() {
        for (path, instead) in [
            ("file_id", " Send the file itself."),
            ("input[0].content[1].file_id", " Send the file itself."),
            ("audio.id", " Send its transcript as text."),
            ("prompt", ""),
        ] {
            let begin =
                format!("'{path}' is not supported: what it names could be another caller's.");
            let refusal = stored(path.to_owned());
            assert_eq!(refusal.message, format!("{begin}{instead}"));
            assert_eq!(refusal.param.as_deref(), Some(path));
        }
    }
}
