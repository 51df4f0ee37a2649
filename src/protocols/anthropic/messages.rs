/*! `POST /v1/messages`: the request, by span. */

mod unsigned;

use crate::json::{Edits, Key, Kind, Reader, Rewrite, Span, quote};
use crate::protocols::reading::{self, MISSING, Stop, field, unsupported};
use crate::protocols::shared::skip_member;
use crate::protocols::texts::peek;
use crate::protocols::{Refusal, Tariff, Traits};
use crate::tokens::{Prompt, framing, media};
use std::borrow::Cow;
use unsigned::Unsigned;

/// The keys that are read, here, in translation or by the guards that scan messages: a
/// duplicate of one in any object is refused. At most 64.
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
        b"id" => ("id", 26),
        b"is_error" => ("is_error", 27),
        b"signature" => ("signature", 28),
        b"budget_tokens" => ("budget_tokens", 29),
        b"disable_parallel_tool_use" => ("disable_parallel_tool_use", 30),
        b"temperature" => ("temperature", 31),
        b"top_p" => ("top_p", 32),
        b"top_k" => ("top_k", 33),
        b"metadata" => ("metadata", 34),
        b"user_id" => ("user_id", 35),
        b"service_tier" => ("service_tier", 36),
        b"output_config" => ("output_config", 37),
        b"output_format" => ("output_format", 38),
        b"effort" => ("effort", 39),
        b"format" => ("format", 40),
        b"schema" => ("schema", 41),
        b"description" => ("description", 42),
        b"strict" => ("strict", 43),
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
    /// Whether the provider shall fetch parts of the prompt: by URL, or as files that were
    /// uploaded there.
    pub remote_sources: bool,
    /// Whether the provider shall call MCP servers.
    pub mcp_servers: bool,
    model_span: Span,
    /// `None` where tokens are only counted.
    max_tokens: Option<MaxTokens>,
    unsigned: Unsigned,
}

/// The bound on the answer.
#[derive(Debug, Clone, Copy)]
struct MaxTokens {
    count: u64,
    span: Span,
}

#[derive(Default)]
struct Draft<'a> {
    model: Option<(Cow<'a, str>, Span)>,
    traits: Traits,
    remote_sources: bool,
    mcp_servers: bool,
    messages: bool,
    max_tokens: Option<MaxTokens>,
    unsigned: Unsigned,
}

/// Reads a messages request in one pass; its text is added to `text`.
///
/// # Errors
/// A 400 that says what is wrong: the JSON, a type, a missing field.
pub fn read_messages(body: &[u8], text: Prompt) -> Result<MessagesRequest<'_>, Refusal> {
    let read = read(body, text).and_then(|draft| draft.finish(true));
    read.map_err(|stop| stop.told(body))
}

/// Reads a request of which the tokens shall be counted: there is no answer to bound.
///
/// # Errors
/// As [`read_messages`].
pub fn read_count(body: &[u8], text: Prompt) -> Result<MessagesRequest<'_>, Refusal> {
    let read = read(body, text).and_then(|draft| draft.finish(false));
    let mut request = read.map_err(|stop| stop.told(body))?;
    let traits = &mut request.traits;
    traits.stream = false;
    traits.tariff = Tariff::Never;
    Ok(request)
}

fn read(body: &[u8], text: Prompt) -> Result<Draft<'_>, Stop> {
    let mut reader = Reader::new(body, watched)?;
    reading::open(&mut reader)?;
    let mut draft = Draft::default();
    draft.traits.text = text;
    reader.object_strict(|reader, key| draft.member(reader, key))?;
    reader.finish()?;
    Ok(draft)
}

impl MaxTokens {
    fn read(reader: &mut Reader<'_>) -> Result<Option<Self>, Stop> {
        let start = reader.offset();
        let count = reading::whole_number(reader, "max_tokens")?;
        let span = Span {
            start,
            end: reader.offset(),
        };
        Ok(count.map(|count| Self { count, span }))
    }
}

impl<'a> Draft<'a> {
    fn finish(self, bounded: bool) -> Result<MessagesRequest<'a>, Stop> {
        let Some((model, model_span)) = self.model else {
            return field("model", MISSING);
        };
        if !self.messages {
            return field("messages", MISSING);
        }
        let max_tokens = self.max_tokens.filter(|_| bounded);
        if bounded && max_tokens.is_none() {
            return field("max_tokens", MISSING);
        }
        Ok(MessagesRequest {
            model,
            traits: Traits {
                max_output: Some(max_tokens.map_or(0, |bound| bound.count)),
                ..self.traits
            },
            remote_sources: self.remote_sources,
            mcp_servers: self.mcp_servers,
            model_span,
            max_tokens,
            unsigned: self.unsigned,
        })
    }

    fn member(&mut self, reader: &mut Reader<'a>, key: &Key<'a>) -> Result<(), Stop> {
        match (key.value().as_ref(), reader.kind()?) {
            ("model", _) => self.model = Some(reading::model(reader)?),
            ("messages", _) => {
                reading::messages(reader, |reader, index| self.message(reader, index))?;
                self.traits.add_framing(framing::REQUEST);
                self.messages = true;
            }
            ("max_tokens", _) => self.max_tokens = MaxTokens::read(reader)?,
            ("stream", _) => self.traits.stream = reading::flag(reader, "stream")?,
            ("system", Kind::Array) => self.blocks(reader)?,
            ("system", Kind::String | Kind::Null) => self.traits.add_text(reader)?,
            ("system", _) => return field("system", "must be a string or an array of blocks"),
            ("tools", _) => {
                self.traits
                    .add_tools(reader, "tools", framing::ANTHROPIC_TOOLS)?;
            }
            ("cache_control", Kind::Object) => {
                self.traits.cache = true;
                let _ = reader.skip()?;
            }
            ("output_format" | "output_config", _) => self.traits.add_schema(reader)?,
            ("mcp_servers", Kind::Array) => {
                let any = reader.says_something()?;
                self.mcp_servers |= any;
                self.traits.uncounted |= any;
                skip_member(reader, key)?;
            }
            ("container", _) => self.container(reader)?,
            // What was said before, which the provider keeps.
            ("thread", kind) if kind != Kind::Null => return unsupported("thread"),
            _ => skip_member(reader, key)?,
        }
        Ok(())
    }

    /// Where the provider runs code: in one that it keeps, or in a new one, with skills.
    fn container(&mut self, reader: &mut Reader<'a>) -> Result<(), Stop> {
        match reader.kind()? {
            Kind::Null => drop(reader.skip()?),
            Kind::Object => reader.object_strict(|reader, key| {
                match (key.value().as_ref(), reader.kind()?) {
                    (_, Kind::Null) => drop(reader.skip()?),
                    ("skills", Kind::Array) => reader.array(|reader| self.skill(reader))?,
                    ("skills", _) => return field("container.skills", "must be an array"),
                    ("id", _) => {
                        self.traits.name_kept("container.id");
                        reader.skip()?;
                    }
                    _ => skip_member(reader, key)?,
                }
                Ok::<(), Stop>(())
            })?,
            _ => {
                self.traits.name_kept("container");
                reader.skip()?;
            }
        }
        Ok(())
    }

    /// A skill, which brings texts into the prompt: one that everybody has is named by a word.
    fn skill(&mut self, reader: &mut Reader<'a>) -> Result<(), Stop> {
        let is_everybodys = reader.kind()? == Kind::Object
            && matches!(peek(reader, ["type"]), [kind] if kind == "anthropic");
        if !is_everybodys {
            self.traits.name_kept("container.skills");
        }
        self.traits.uncounted = true;
        reader.skip().map(drop).map_err(Stop::from)
    }

    fn message(&mut self, reader: &mut Reader<'a>, index: usize) -> Result<(), Stop> {
        let path = |name: &str| format!("messages[{index}].{name}");
        let mut role = false;
        let mut content = false;
        self.traits.add_framing(framing::MESSAGE);
        reader.object_strict(|reader, key| {
            match (key.value().as_ref(), reader.kind()?) {
                ("role", kind) => {
                    let known = kind == Kind::String && is_role(&reader.string()?.value());
                    if !known {
                        let problem = "must be \"user\", \"assistant\" or \"system\"";
                        return field(path("role"), problem);
                    }
                    role = true;
                }
                ("content", Kind::Array) => {
                    content = true;
                    self.content(reader)?;
                }
                ("content", Kind::String) => {
                    content = true;
                    self.traits.add_text(reader)?;
                }
                ("content", _) => {
                    let problem = "must be a string or an array of blocks";
                    return field(path("content"), problem);
                }
                _ => self.traits.add_member(reader, key)?,
            }
            Ok(())
        })?;
        match (role, content) {
            (false, _) => field(path("role"), MISSING),
            (_, false) => field(path("content"), MISSING),
            (true, true) => Ok(()),
        }
    }

    /// The blocks of a message.
    fn content(&mut self, reader: &mut Reader<'a>) -> Result<(), Stop> {
        reader.array(|reader| {
            let start = reader.offset();
            let unsigned = self.block(reader)?;
            let end = reader.offset();
            self.unsigned.block(Span { start, end }, unsigned);
            Ok::<(), Stop>(())
        })?;
        self.unsigned.end_of_array();
        Ok(())
    }

    fn blocks(&mut self, reader: &mut Reader<'a>) -> Result<(), Stop> {
        reader.array(|reader| self.block(reader).map(drop))
    }

    /// One content block; whether it is thinking without a signature. Here, in messages and
    /// in sources, keys that differ by case are refused; the input of a tool is free-form.
    fn block(&mut self, reader: &mut Reader<'a>) -> Result<bool, Stop> {
        if reader.kind()? != Kind::Object {
            self.traits.add_text(reader)?;
            return Ok(false);
        }
        let mut unsigned = false;
        let mut medium = Medium::None;
        let mut source = Place::Elsewhere;
        reader.object_strict(|reader, key| {
            match (key.value().as_ref(), reader.kind()?) {
                ("type", Kind::String) => medium = Medium::of(&reader.string()?.value()),
                // The results of tools hold blocks of their own.
                ("content", Kind::Array) => self.blocks(reader)?,
                ("content", Kind::Object) => drop(self.block(reader)?),
                ("signature", Kind::String) => unsigned = reader.string()?.is_empty(),
                ("source", Kind::Object) => source = self.source(reader)?,
                ("file_id", kind) => {
                    self.traits.stored_file |= kind != Kind::Null;
                    let _ = reader.skip()?;
                }
                ("cache_control", Kind::Object) => {
                    self.traits.cache = true;
                    let _ = reader.skip()?;
                }
                (name, _) if is_unread(name) => drop(reader.skip()?),
                // Of a tool, whose keys are its own.
                ("input", _) => self.traits.add_text(reader)?,
                _ => self.traits.add_member(reader, key)?,
            }
            Ok::<(), Stop>(())
        })?;
        self.add_medium(medium, source);
        self.remote_sources |= medium == Medium::Upload;
        Ok(unsigned && medium == Medium::Thinking)
    }

    fn add_medium(&mut self, medium: Medium, source: Place<'_>) {
        let media = &mut self.traits.media;
        match medium {
            Medium::Image => {
                self.traits.image = true;
                let tokens = media::anthropic_image(source.encoded());
                media.image = media.image.saturating_add(tokens);
            }
            Medium::Document | Medium::Upload => {
                self.traits.file = true;
                if source != Place::Read {
                    media.file = media.file.saturating_add(media::file(source.encoded()));
                }
            }
            Medium::None | Medium::Thinking => {}
        }
    }

    /// Where an image or a document is; a document may stand here as text.
    fn source(&mut self, reader: &mut Reader<'a>) -> Result<Place<'a>, Stop> {
        let mut kind = SourceKind::Encoded;
        let mut data: &[u8] = &[];
        reader.object_strict(|reader, key| {
            match (key.value().as_ref(), reader.kind()?) {
                ("type", Kind::String) => kind = SourceKind::of(&reader.string()?.value()),
                ("data", Kind::String) => data = reader.string()?.raw(),
                ("file_id", kind) => {
                    self.traits.stored_file |= kind != Kind::Null;
                    let _ = reader.skip()?;
                }
                ("content", Kind::Array) => self.blocks(reader)?,
                ("content", _) => self.traits.add_member(reader, key)?,
                _ => skip_member(reader, key)?,
            }
            Ok::<(), Stop>(())
        })?;
        Ok(match kind {
            SourceKind::Text => {
                self.traits.text.add_json(data);
                Place::Read
            }
            SourceKind::Blocks => Place::Read,
            SourceKind::Remote => {
                self.remote_sources = true;
                Place::Elsewhere
            }
            SourceKind::Encoded => Place::Encoded(data),
        })
    }
}

/// `system` turns came with Claude Opus 4.8, besides the `system` field.
fn is_role(name: &str) -> bool {
    matches!(name, "user" | "assistant" | "system")
}

/// Members of a block that are nothing a model reads as text.
fn is_unread(name: &str) -> bool {
    let unread = matches!(name, "cache_control" | "citations" | "data" | "signature");
    unread || name.starts_with("encrypted_")
}

/// What a content block holds besides text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Medium {
    None,
    Thinking,
    Image,
    Document,
    /// A file that was uploaded to the provider.
    Upload,
}

impl Medium {
    /// By the `type` of a block.
    fn of(kind: &str) -> Self {
        match kind {
            "thinking" => Self::Thinking,
            "image" => Self::Image,
            "document" => Self::Document,
            "container_upload" => Self::Upload,
            _ => Self::None,
        }
    }
}

/// How a source gives its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SourceKind {
    /// In the request, in base64.
    Encoded,
    /// In the request, as text.
    Text,
    /// In the request, as blocks.
    Blocks,
    /// Elsewhere.
    Remote,
}

impl SourceKind {
    /// By the `type` of a source.
    fn of(kind: &str) -> Self {
        match kind {
            "text" => Self::Text,
            "content" => Self::Blocks,
            "url" | "file" => Self::Remote,
            _ => Self::Encoded,
        }
    }
}

/// Where the data of a medium is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place<'a> {
    /// Here, in base64, as it stands in JSON.
    Encoded(&'a [u8]),
    /// Here, and counted already.
    Read,
    /// Elsewhere.
    Elsewhere,
}

impl<'a> Place<'a> {
    const fn encoded(self) -> Option<&'a [u8]> {
        match self {
            Self::Encoded(data) => Some(data),
            Self::Read | Self::Elsewhere => None,
        }
    }
}

impl MessagesRequest<'_> {
    /// The edits that make the request fit a provider that speaks this protocol: its name
    /// for the model, no bound above `max_output` (most tokens that the target can write;
    /// `None` leaves any), and no thinking that it did not sign. `None` if nothing has to
    /// change.
    pub fn adapt(&self, body: &[u8], model: &str, max_output: Option<u64>) -> Option<Rewrite> {
        let mut edits = Edits::default();
        if self.model != model {
            edits.replace(self.model_span, quote(model));
        }
        if let (Some(asked), Some(most)) = (self.max_tokens, max_output)
            && asked.count > most
        {
            edits.replace(asked.span, most.to_string());
        }
        for span in self.unsigned.removals() {
            edits.replace(*span, String::new());
        }
        edits.apply(body)
    }
}

#[cfg(test)]
mod tests;
