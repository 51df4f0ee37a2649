/*! `POST /v1/chat/completions`: the request, by span. */

use crate::json::{Edits, Error, Key, Kind, Reader, Rewrite, Span, quote};
use crate::protocols::{ErrorKind, Refusal};
use std::borrow::Cow;

/// The keys that are read, here or by the guards that scan messages: a duplicate of one
/// in any object is refused.
fn watched(key: &[u8]) -> Option<(&'static str, u8)> {
    // A match compiles to a jump by length; keys are looked up in every object.
    Some(match key {
        b"model" => ("model", 0),
        b"messages" => ("messages", 1),
        b"stream" => ("stream", 2),
        b"stream_options" => ("stream_options", 3),
        b"include_usage" => ("include_usage", 4),
        b"n" => ("n", 5),
        b"max_tokens" => ("max_tokens", 6),
        b"max_completion_tokens" => ("max_completion_tokens", 7),
        b"role" => ("role", 8),
        b"content" => ("content", 9),
        b"type" => ("type", 10),
        b"text" => ("text", 11),
        b"refusal" => ("refusal", 12),
        b"name" => ("name", 13),
        b"tools" => ("tools", 14),
        b"tool_calls" => ("tool_calls", 15),
        b"tool_call_id" => ("tool_call_id", 16),
        b"function" => ("function", 17),
        b"functions" => ("functions", 18),
        b"function_call" => ("function_call", 19),
        b"arguments" => ("arguments", 20),
        b"image_url" => ("image_url", 21),
        b"input_audio" => ("input_audio", 22),
        b"file" => ("file", 23),
        _ => return None,
    })
}

/// What the request says about `stream_options`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamOptions {
    /// Not there.
    Absent,
    /// `null`, standing at the span.
    Null(Span),
    /// An object without `include_usage`; the offset is one past its `{`.
    Silent {
        /// Where a member can be inserted.
        inside: usize,
        /// Whether the object has other members.
        empty: bool,
    },
    /// An object with `include_usage`.
    Says {
        /// The value; null counts as false.
        include_usage: bool,
        /// Where the value stands.
        span: Span,
    },
}

/// What Tollgate reads of a chat request.
#[derive(Debug)]
pub struct ChatRequest<'a> {
    /// The model asked for.
    pub model: Cow<'a, str>,
    /// Whether the answer shall be a stream.
    pub stream: bool,
    /// How usage in a stream was asked for.
    pub stream_options: StreamOptions,
    /// Bytes of text in the messages (no images, sounds or files).
    pub text_bytes: u64,
    model_span: Span,
    /// One past the opening brace.
    inside: usize,
}

/// What stops the reading.
#[derive(Debug)]
enum Stop {
    Json(Error),
    Field { path: String, problem: &'static str },
}

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
        }
    }
}

const MISSING: &str = "is missing";

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

fn field<T>(path: impl Into<String>, problem: &'static str) -> Result<T, Stop> {
    Err(Stop::Field {
        path: path.into(),
        problem,
    })
}

#[derive(Default)]
struct Draft<'a> {
    model: Option<(Cow<'a, str>, Span)>,
    stream: bool,
    stream_options: Option<StreamOptions>,
    messages: bool,
    text_bytes: u64,
}

/// Reads a chat request in one pass.
///
/// # Errors
/// A 400 that says what is wrong: the JSON, a type, a missing field.
pub fn read_chat(body: &[u8]) -> Result<ChatRequest<'_>, Refusal> {
    read(body).map_err(Refusal::from)
}

fn read(body: &[u8]) -> Result<ChatRequest<'_>, Stop> {
    let mut reader = Reader::new(body, watched)?;
    if reader.kind()? != Kind::Object {
        // Whatever it is, it should at least be JSON: that error says more.
        reader.skip()?;
        return field("body", "must be a JSON object");
    }
    let inside = reader.offset().saturating_add(1);
    let mut draft = Draft::default();
    reader.object_strict(|reader, key| draft.member(reader, key))?;
    reader.finish()?;
    let Some((model, model_span)) = draft.model else {
        return field("model", MISSING);
    };
    if !draft.messages {
        return field("messages", MISSING);
    }
    Ok(ChatRequest {
        model,
        stream: draft.stream,
        stream_options: draft.stream_options.unwrap_or(StreamOptions::Absent),
        text_bytes: draft.text_bytes,
        model_span,
        inside,
    })
}

impl<'a> Draft<'a> {
    fn member(&mut self, reader: &mut Reader<'a>, key: &Key<'a>) -> Result<(), Stop> {
        let kind = reader.kind()?;
        match (key.value().as_ref(), kind) {
            ("model", Kind::String) => {
                let text = reader.string()?;
                if text.is_empty() {
                    return field("model", "must not be empty");
                }
                self.model = Some((text.value(), text.span()));
            }
            ("model", _) => return field("model", "must be a string"),
            ("stream", Kind::Bool) => self.stream = reader.boolean()?,
            ("stream", Kind::Null) => drop(reader.skip()?),
            ("stream", _) => return field("stream", "must be a boolean"),
            ("stream_options", Kind::Object) => {
                self.stream_options = Some(stream_options(reader)?);
            }
            ("stream_options", Kind::Null) => {
                self.stream_options = Some(StreamOptions::Null(reader.skip()?));
            }
            ("stream_options", _) => return field("stream_options", "must be an object"),
            ("messages", Kind::Array) => self.messages(reader)?,
            ("messages", _) => return field("messages", "must be an array"),
            ("n" | "max_tokens" | "max_completion_tokens", kind)
                if !matches!(kind, Kind::Number | Kind::Null) =>
            {
                return field(key.value(), "must be a number");
            }
            _ => drop(reader.skip()?),
        }
        Ok(())
    }

    fn messages(&mut self, reader: &mut Reader<'a>) -> Result<(), Stop> {
        let mut index = 0_usize;
        reader.array(|reader| {
            if reader.kind()? != Kind::Object {
                return field(format!("messages[{index}]"), "must be an object");
            }
            self.message(reader, index)?;
            index = index.saturating_add(1);
            Ok(())
        })?;
        if index == 0 {
            return field("messages", "must not be empty");
        }
        self.messages = true;
        Ok(())
    }

    fn message(&mut self, reader: &mut Reader<'a>, index: usize) -> Result<(), Stop> {
        let mut role = false;
        reader.object_strict(|reader, key| {
            let kind = reader.kind()?;
            match (key.value().as_ref(), kind) {
                ("role", Kind::String) => {
                    role = true;
                    let _ = reader.string()?;
                }
                ("role", _) => return field(format!("messages[{index}].role"), "must be a string"),
                ("content", Kind::Array) => reader.array(|reader| self.part(reader))?,
                ("content", Kind::String | Kind::Null) => self.text(reader)?,
                ("content", _) => {
                    let path = format!("messages[{index}].content");
                    return field(path, "must be a string or an array of parts");
                }
                _ => self.text(reader)?,
            }
            Ok(())
        })?;
        if role {
            Ok(())
        } else {
            field(format!("messages[{index}].role"), MISSING)
        }
    }

    /// One part of a content array. Only here and in messages themselves are keys that
    /// differ by case refused: deeper objects can be free-form.
    fn part(&mut self, reader: &mut Reader<'a>) -> Result<(), Stop> {
        if reader.kind()? != Kind::Object {
            return self.text(reader);
        }
        reader.object_strict(|reader, key| self.text_unless_media(reader, key))
    }

    fn text_unless_media(&mut self, reader: &mut Reader<'a>, key: &Key<'a>) -> Result<(), Stop> {
        match key.value().as_ref() {
            "image_url" | "input_audio" | "file" => reader.skip().map(drop).map_err(Stop::from),
            _ => self.text(reader),
        }
    }

    /// Consumes a value and counts the bytes of its strings.
    fn text(&mut self, reader: &mut Reader<'a>) -> Result<(), Stop> {
        match reader.kind()? {
            Kind::String => {
                let length = u64::try_from(reader.string()?.len()).unwrap_or(u64::MAX);
                self.text_bytes = self.text_bytes.saturating_add(length);
                Ok(())
            }
            Kind::Array => reader.array(|reader| self.text(reader)),
            Kind::Object => reader.object(|reader, _| self.text(reader)),
            _ => reader.skip().map(drop).map_err(Stop::from),
        }
    }
}

fn stream_options(reader: &mut Reader<'_>) -> Result<StreamOptions, Stop> {
    const PATH: &str = "stream_options.include_usage";
    let inside = reader.offset().saturating_add(1);
    let mut empty = true;
    let mut says = None;
    reader.object_strict(|reader, key| {
        empty = false;
        let start = reader.offset();
        match (key.value().as_ref(), reader.kind()?) {
            ("include_usage", Kind::Bool) => {
                let include_usage = reader.boolean()?;
                let end = reader.offset();
                let span = Span { start, end };
                says = Some(StreamOptions::Says {
                    include_usage,
                    span,
                });
            }
            ("include_usage", Kind::Null) => {
                let span = reader.skip()?;
                says = Some(StreamOptions::Says {
                    include_usage: false,
                    span,
                });
            }
            ("include_usage", _) => return field(PATH, "must be a boolean"),
            _ => drop(reader.skip()?),
        }
        Ok(())
    })?;
    Ok(says.unwrap_or(StreamOptions::Silent { inside, empty }))
}

impl ChatRequest<'_> {
    /// Whether the caller asked for usage in the stream.
    pub const fn asks_for_usage(&self) -> bool {
        matches!(
            self.stream_options,
            StreamOptions::Says {
                include_usage: true,
                ..
            }
        )
    }

    /// The edits that make the request fit a target: its model's name, and in streams
    /// a report of usage. `None` if nothing has to change.
    pub fn rewrite(&self, body: &[u8], model: &str) -> Option<Rewrite> {
        let mut edits = Edits::default();
        if self.model != model {
            edits.replace(self.model_span, quote(model));
        }
        if self.stream {
            self.ask_for_usage(&mut edits);
        }
        edits.apply(body)
    }

    fn ask_for_usage(&self, edits: &mut Edits) {
        match self.stream_options {
            // In front, so that the bytes to write back stay few.
            StreamOptions::Absent => edits.insert(
                self.inside,
                r#""stream_options":{"include_usage":true},"#.to_owned(),
            ),
            StreamOptions::Null(span) => {
                edits.replace(span, r#"{"include_usage":true}"#.to_owned());
            }
            StreamOptions::Silent { inside, empty } => {
                let comma = if empty { "" } else { "," };
                edits.insert(inside, format!(r#""include_usage":true{comma}"#));
            }
            StreamOptions::Says {
                include_usage: false,
                span,
            } => edits.replace(span, "true".to_owned()),
            StreamOptions::Says { .. } => {}
        }
    }
}

#[allow(missing_docs)]
pub struct Adapt<'a> {
    pub model: &'a str,
    pub remove_fields: &'a [String],
    pub max_tokens_field: Option<&'static str>,
    pub ask_usage: bool,
} // STUB
impl ChatRequest<'_> {
    #[allow(missing_docs)]
    pub fn adapt(&self, body: &[u8], a: &Adapt<'_>) -> Option<Rewrite> {
        self.rewrite(body, a.model)
    }
} // STUB

#[cfg(test)]
mod tests;
