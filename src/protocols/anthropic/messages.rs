/*! `POST /v1/messages`: the request, by span. */

use crate::json::{Edits, Key, Kind, Reader, Rewrite, Span, quote};
use crate::protocols::reading::{self, MISSING, Stop, field};
use crate::protocols::{Refusal, Traits};
use std::borrow::Cow;

/// The keys that are read, here or by the guards that scan messages: a duplicate of one
/// in any object is refused.
fn watched(key: &[u8]) -> Option<(&'static str, u8)> {
    Some(match key {
        b"model" => ("model", 0),
        b"messages" => ("messages", 1),
        b"system" => ("system", 2),
        b"role" => ("role", 3),
        b"content" => ("content", 4),
        b"type" => ("type", 5),
        b"text" => ("text", 6),
        b"tools" => ("tools", 7),
        b"name" => ("name", 8),
        b"input" => ("input", 9),
        b"input_schema" => ("input_schema", 10),
        b"tool_use_id" => ("tool_use_id", 11),
        b"source" => ("source", 12),
        b"data" => ("data", 13),
        b"media_type" => ("media_type", 14),
        b"url" => ("url", 15),
        b"file_id" => ("file_id", 16),
        b"stream" => ("stream", 17),
        b"max_tokens" => ("max_tokens", 18),
        b"thinking" => ("thinking", 19),
        b"cache_control" => ("cache_control", 20),
        b"mcp_servers" => ("mcp_servers", 21),
        b"stop_sequences" => ("stop_sequences", 22),
        b"tool_choice" => ("tool_choice", 23),
        b"title" => ("title", 24),
        b"context" => ("context", 25),
        _ => return None,
    })
}

/// What Tollgate reads of a messages request.
#[derive(Debug)]
pub struct MessagesRequest<'a> {
    /// The model asked for.
    pub model: Cow<'a, str>,
    /// What is asked of it; `max_output` is always there.
    pub traits: Traits,
    model_span: Span,
}

#[derive(Default)]
struct Draft<'a> {
    model: Option<(Cow<'a, str>, Span)>,
    traits: Traits,
    messages: bool,
}

/// Reads a messages request in one pass.
///
/// # Errors
/// A 400 that says what is wrong: the JSON, a type, a missing field.
pub fn read_messages(body: &[u8]) -> Result<MessagesRequest<'_>, Refusal> {
    read(body).map_err(Refusal::from)
}

fn read(body: &[u8]) -> Result<MessagesRequest<'_>, Stop> {
    let mut reader = Reader::new(body, watched)?;
    reading::open(&mut reader)?;
    let mut draft = Draft::default();
    reader.object_strict(|reader, key| draft.member(reader, key))?;
    reader.finish()?;
    draft.finish()
}

impl<'a> Draft<'a> {
    fn finish(self) -> Result<MessagesRequest<'a>, Stop> {
        let Some((model, model_span)) = self.model else {
            return field("model", MISSING);
        };
        if !self.messages {
            return field("messages", MISSING);
        }
        if self.traits.max_output.is_none() {
            return field("max_tokens", MISSING);
        }
        Ok(MessagesRequest {
            model,
            traits: self.traits,
            model_span,
        })
    }

    fn member(&mut self, reader: &mut Reader<'a>, key: &Key<'a>) -> Result<(), Stop> {
        match (key.value().as_ref(), reader.kind()?) {
            ("model", _) => self.model = Some(reading::model(reader)?),
            ("messages", _) => {
                reading::messages(reader, |reader, index| self.message(reader, index))?;
                self.messages = true;
            }
            ("max_tokens", _) => {
                self.traits.max_output = reading::whole_number(reader, "max_tokens")?;
            }
            ("stream", _) => self.traits.stream = reading::flag(reader, "stream")?,
            ("system", Kind::Array) => self.traits.add_blocks(reader)?,
            ("system", Kind::String | Kind::Null) => self.traits.add_text(reader)?,
            ("system", _) => return field("system", "must be a string or an array of blocks"),
            ("tools", _) => self.traits.add_tools(reader, "tools")?,
            _ => drop(reader.skip()?),
        }
        Ok(())
    }

    fn message(&mut self, reader: &mut Reader<'a>, index: usize) -> Result<(), Stop> {
        let path = |name: &str| format!("messages[{index}].{name}");
        let mut role = false;
        let mut content = false;
        reader.object_strict(|reader, key| {
            match (key.value().as_ref(), reader.kind()?) {
                ("role", kind) => {
                    let known = kind == Kind::String && is_role(&reader.string()?.value());
                    if !known {
                        return field(path("role"), "must be \"user\" or \"assistant\"");
                    }
                    role = true;
                }
                ("content", Kind::Array) => {
                    content = true;
                    self.traits.add_blocks(reader)?;
                }
                ("content", Kind::String) => {
                    content = true;
                    self.traits.add_text(reader)?;
                }
                ("content", _) => {
                    let problem = "must be a string or an array of blocks";
                    return field(path("content"), problem);
                }
                _ => self.traits.add_text(reader)?,
            }
            Ok(())
        })?;
        match (role, content) {
            (false, _) => field(path("role"), MISSING),
            (_, false) => field(path("content"), MISSING),
            (true, true) => Ok(()),
        }
    }
}

fn is_role(name: &str) -> bool {
    matches!(name, "user" | "assistant")
}

/// What a content block holds besides text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Medium {
    None,
    Image,
    File,
}

impl Medium {
    /// By the `type` of a block.
    fn of(kind: &str) -> Self {
        match kind {
            "image" => Self::Image,
            "document" | "container_upload" => Self::File,
            _ => Self::None,
        }
    }
}

impl Traits {
    fn add_blocks(&mut self, reader: &mut Reader<'_>) -> Result<(), Stop> {
        reader.array(|reader| self.add_block(reader))
    }

    /// One content block. Here, in messages and in sources, keys that differ by case are
    /// refused; the input of a tool is free-form.
    fn add_block(&mut self, reader: &mut Reader<'_>) -> Result<(), Stop> {
        if reader.kind()? != Kind::Object {
            return self.add_text(reader);
        }
        let mut medium = Medium::None;
        reader.object_strict(|reader, key| {
            match (key.value().as_ref(), reader.kind()?) {
                ("type", Kind::String) => medium = Medium::of(&reader.string()?.value()),
                // The results of tools hold blocks of their own.
                ("content", Kind::Array) => self.add_blocks(reader)?,
                ("source", Kind::Object) => self.add_source(reader)?,
                // Nothing that a model reads, or nothing that is text.
                ("cache_control" | "citations" | "data" | "signature", _)
                | ("encrypted_content" | "encrypted_index", _) => drop(reader.skip()?),
                _ => self.add_text(reader)?,
            }
            Ok::<(), Stop>(())
        })?;
        self.image |= medium == Medium::Image;
        self.file |= medium == Medium::File;
        Ok(())
    }

    /// Where an image or a document is; a document may stand here as text.
    fn add_source(&mut self, reader: &mut Reader<'_>) -> Result<(), Stop> {
        let mut is_text = false;
        let mut length = 0;
        reader.object_strict(|reader, key| {
            match (key.value().as_ref(), reader.kind()?) {
                ("type", Kind::String) => is_text = reader.string()?.value() == "text",
                ("data", Kind::String) => length = reader.string()?.len(),
                ("content", Kind::Array) => self.add_blocks(reader)?,
                ("content", _) => self.add_text(reader)?,
                _ => drop(reader.skip()?),
            }
            Ok::<(), Stop>(())
        })?;
        if is_text {
            self.add_bytes(length);
        }
        Ok(())
    }
}

impl MessagesRequest<'_> {
    /// The edits that make the request fit a provider that speaks this protocol: its name
    /// for the model. `None` if nothing has to change.
    pub fn adapt(&self, body: &[u8], model: &str) -> Option<Rewrite> {
        let mut edits = Edits::default();
        if self.model != model {
            edits.replace(self.model_span, quote(model));
        }
        edits.apply(body)
    }
}

#[cfg(test)]
mod tests;
