/*! Reading messages and the system prompt. */

use crate::protocols::Refusal;
use crate::protocols::translate::Dropped;
use crate::protocols::translate::hub::{Block, Call, Input, Media, Part, Place, Request, Role};
use crate::protocols::translate::path::Path;
use crate::protocols::translate::text::Text;
use crate::protocols::translate::tree::Value;
use std::borrow::Cow;

/// Reads `system`.
pub(super) fn read_system<'a>(
    value: &Value<'a>,
    at: &Path<'_>,
    dropped: &mut Dropped,
) -> Result<Vec<Block<'a>>, Refusal> {
    Content {
        message: 0,
        allowed: Allowed::Text,
        dropped,
    }
    .read(value, at)
}

/// Reads all messages.
pub(super) fn read_all<'a>(
    value: &Value<'a>,
    at: &Path<'_>,
    request: &mut Request<'a>,
    dropped: &mut Dropped,
) -> Result<(), Refusal> {
    for (index, message) in value.items(at)?.iter().enumerate() {
        let at = at.index(index);
        let (role, allowed) = match message.required_word("role", &at)?.as_str() {
            "user" => (Role::User, Allowed::User),
            "assistant" => (Role::Assistant, Allowed::Assistant),
            _ => return Err(at.key("role").unsupported()),
        };
        for (key, _) in message.members(&at)? {
            if !matches!(key, "role" | "content") {
                dropped.note("messages.other");
            }
        }
        let at = at.key("content");
        let content = message.get("content").ok_or_else(|| at.missing())?;
        let blocks = Content {
            message: index,
            allowed,
            dropped,
        }
        .read(content, &at)?;
        request.say(role, blocks);
    }
    Ok(())
}

/// Which blocks may stand somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Allowed {
    Text,
    User,
    Assistant,
    Result,
}

/// Reads a list of blocks, or a string.
struct Content<'d> {
    message: usize,
    allowed: Allowed,
    dropped: &'d mut Dropped,
}

impl Content<'_> {
    /// Empty texts are left out: they say nothing.
    fn read<'a>(&mut self, value: &Value<'a>, at: &Path<'_>) -> Result<Vec<Block<'a>>, Refusal> {
        if let Some(text) = value.as_text() {
            let empty = text.is_empty();
            let block = self.block(0, Part::Text(text));
            return Ok(if empty { Vec::new() } else { vec![block] });
        }
        if !value.is_array() {
            return Err(at.wrong("must be a string or an array of blocks"));
        }
        let mut blocks = Vec::new();
        for (index, value) in value.list().iter().enumerate() {
            let Some(part) = self.part(value, &at.index(index))? else {
                continue;
            };
            if matches!(&part, Part::Text(text) if text.is_empty()) {
                continue;
            }
            let mut block = self.block(index, part);
            if let Part::Result { content, .. } = &mut block.part {
                // A path leads to the block that a message has.
                content
                    .iter_mut()
                    .for_each(|inner| inner.place.part = index);
            }
            block.cache = value.get("cache_control").and_then(Value::as_object_text);
            blocks.push(block);
        }
        Ok(blocks)
    }

    const fn block<'a>(&self, part: usize, said: Part<'a>) -> Block<'a> {
        Block {
            part: said,
            cache: None,
            place: Place::in_messages(self.message, part),
        }
    }

    /// One block; `None` if it is left out.
    fn part<'a>(&mut self, value: &Value<'a>, at: &Path<'_>) -> Result<Option<Part<'a>>, Refusal> {
        let kind = value.required_word("type", at)?;
        Ok(Some(match (kind.as_str(), self.allowed) {
            ("text", _) => {
                self.known(value, at, &["text"])?;
                Part::Text(value.required_text("text", at)?)
            }
            ("image", Allowed::User | Allowed::Result) => {
                self.known(value, at, &["source"])?;
                Part::Image(read_image(value, at)?)
            }
            ("document", Allowed::User | Allowed::Result) => {
                self.known(value, at, &["source", "title"])?;
                self.document(value, at)?
            }
            ("tool_use", Allowed::Assistant) => {
                self.known(value, at, &["id", "name", "input"])?;
                Part::Call(read_call(value, at)?)
            }
            ("tool_result", Allowed::User) => {
                self.known(value, at, &["tool_use_id", "content", "is_error"])?;
                self.result(value, at)?
            }
            ("thinking" | "redacted_thinking", Allowed::Assistant) => {
                self.dropped.note("messages.content.thinking");
                return Ok(None);
            }
            _ => return Err(at.key("type").unsupported()),
        }))
    }

    /// Notes members that are left out.
    fn known(&mut self, value: &Value<'_>, at: &Path<'_>, names: &[&str]) -> Result<(), Refusal> {
        for (key, _) in value.members(at)? {
            match key {
                "type" | "cache_control" => {}
                _ if names.contains(&key) => {}
                "citations" => self.dropped.note("messages.content.citations"),
                "context" => self.dropped.note("messages.content.context"),
                _ => self.dropped.note("messages.content.other"),
            }
        }
        Ok(())
    }

    fn document<'a>(&mut self, value: &Value<'a>, at: &Path<'_>) -> Result<Part<'a>, Refusal> {
        let name = value.text_at("title");
        let at = at.key("source");
        let source = value.get("source").ok_or_else(|| at.missing())?;
        if source.required_word("type", &at)? == "text" {
            if name.is_some() {
                self.dropped.note("messages.content.title");
            }
            return Ok(Part::Text(source.required_text("data", &at)?));
        }
        let media = read_source(source, &at)?;
        Ok(Part::File { media, name })
    }

    fn result<'a>(&mut self, value: &Value<'a>, at: &Path<'_>) -> Result<Part<'a>, Refusal> {
        let content = match value.get("content") {
            None => Vec::new(),
            Some(content) => Content {
                message: self.message,
                allowed: Allowed::Result,
                dropped: self.dropped,
            }
            .read(content, &at.key("content"))?,
        };
        let failed = match value.get("is_error") {
            Some(failed) => failed.boolean(&at.key("is_error"))?,
            None => false,
        };
        Ok(Part::Result {
            id: value.required_text("tool_use_id", at)?,
            content,
            failed,
        })
    }
}

fn read_call<'a>(value: &Value<'a>, at: &Path<'_>) -> Result<Call<'a>, Refusal> {
    let input_at = at.key("input");
    let input = value.get("input").ok_or_else(|| input_at.missing())?;
    Ok(Call {
        id: value.required_text("id", at)?,
        name: value.required_text("name", at)?,
        input: Input::Object(Cow::Borrowed(input.object_text(&input_at)?)),
    })
}

fn read_image<'a>(value: &Value<'a>, at: &Path<'_>) -> Result<Media<'a>, Refusal> {
    let at = at.key("source");
    let source = value.get("source").ok_or_else(|| at.missing())?;
    read_source(source, &at)
}

fn read_source<'a>(source: &Value<'a>, at: &Path<'_>) -> Result<Media<'a>, Refusal> {
    match source.required_word("type", at)?.as_str() {
        "base64" => {
            let kind = source.required_word("media_type", at)?;
            let data: Text<'a> = source.required_text("data", at)?;
            let wrong = || at.key("data").wrong("must be base64");
            Media::base64(&kind, data.into_value()).ok_or_else(wrong)
        }
        "url" => Ok(Media::Url(source.required_text("url", at)?)),
        // Files that were uploaded to a provider are not known to another.
        _ => Err(at.key("type").unsupported()),
    }
}
