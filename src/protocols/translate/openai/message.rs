/*! Reading messages. */

use crate::protocols::Refusal;
use crate::protocols::translate::Dropped;
use crate::protocols::translate::hub::{Block, Call, Input, Media, Part, Place, Request, Role};
use crate::protocols::translate::path::Path;
use crate::protocols::translate::tree::Value;

/// Reads all messages: those of the system become the system prompt, results of tools
/// what the user says next.
pub(super) fn read_all<'a>(
    value: &Value<'a>,
    at: &Path<'_>,
    request: &mut Request<'a>,
    dropped: &mut Dropped,
) -> Result<(), Refusal> {
    for (index, message) in value.items(at)?.iter().enumerate() {
        let reader = Message {
            at: at.index(index),
            index,
        };
        reader.read(message, request, dropped)?;
    }
    Ok(())
}

struct Message<'p> {
    at: Path<'p>,
    index: usize,
}

/// Which parts a message may have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Allowed {
    Text,
    /// Also its own refusals.
    Refusals,
    Media,
}

impl Message<'_> {
    fn read<'a>(
        &self,
        message: &Value<'a>,
        request: &mut Request<'a>,
        dropped: &mut Dropped,
    ) -> Result<(), Refusal> {
        match message.required_word("role", &self.at)?.as_str() {
            "system" | "developer" => {
                self.known(message, &[], dropped)?;
                if !request.turns.is_empty() {
                    dropped.note("position of system messages");
                }
                let blocks = self.content(message, Allowed::Text, dropped)?;
                request.system.extend(blocks);
            }
            "user" => {
                self.known(message, &[], dropped)?;
                let blocks = self.content(message, Allowed::Media, dropped)?;
                request.say(Role::User, blocks);
            }
            "assistant" => {
                self.known(message, &["refusal", "tool_calls"], dropped)?;
                let blocks = self.assistant(message, dropped)?;
                request.say(Role::Assistant, blocks);
            }
            "tool" => {
                self.known(message, &["tool_call_id"], dropped)?;
                let block = self.result(message, dropped)?;
                request.say(Role::User, vec![block]);
            }
            _ => return Err(self.at.key("role").unsupported()),
        }
        Ok(())
    }

    /// Checks that no member is lost silently.
    fn known(
        &self,
        message: &Value<'_>,
        names: &[&str],
        dropped: &mut Dropped,
    ) -> Result<(), Refusal> {
        for (key, _) in message.members(&self.at)? {
            match key {
                "role" | "content" => {}
                "audio" => return Err(self.at.key("audio").unsupported()),
                "function_call" => return Err(self.at.key("function_call").unsupported()),
                "name" => dropped.note("messages.name"),
                // Anthropic takes thinking only with its own signature.
                "reasoning_content" | "reasoning" => dropped.note("messages.reasoning_content"),
                _ if names.contains(&key) => {}
                _ => dropped.note("messages.other"),
            }
        }
        Ok(())
    }

    fn assistant<'a>(
        &self,
        message: &Value<'a>,
        dropped: &mut Dropped,
    ) -> Result<Vec<Block<'a>>, Refusal> {
        let mut blocks = self.content(message, Allowed::Refusals, dropped)?;
        if let Some(refusal) = message.get("refusal") {
            let text = refusal.text(&self.at.key("refusal"))?;
            if !text.is_empty() {
                blocks.push(self.block(0, Part::Text(text)));
            }
        }
        if let Some(calls) = message.get("tool_calls") {
            let at = self.at.key("tool_calls");
            for (index, call) in calls.items(&at)?.iter().enumerate() {
                let call = read_call(call, &at.index(index))?;
                blocks.push(self.block(0, Part::Call(call)));
            }
        }
        Ok(blocks)
    }

    fn result<'a>(&self, message: &Value<'a>, dropped: &mut Dropped) -> Result<Block<'a>, Refusal> {
        let part = Part::Result {
            id: message.required_text("tool_call_id", &self.at)?,
            content: self.content(message, Allowed::Text, dropped)?,
            failed: false,
        };
        Ok(self.block(0, part))
    }

    const fn block<'a>(&self, part: usize, said: Part<'a>) -> Block<'a> {
        Block {
            part: said,
            cache: None,
            place: Place::in_messages(self.index, part),
        }
    }

    /// `content`, without empty texts: they say nothing, and Anthropic refuses them.
    fn content<'a>(
        &self,
        message: &Value<'a>,
        allowed: Allowed,
        dropped: &mut Dropped,
    ) -> Result<Vec<Block<'a>>, Refusal> {
        let at = self.at.key("content");
        let Some(content) = message.get("content") else {
            return Ok(Vec::new());
        };
        if let Some(text) = content.as_text() {
            let empty = text.is_empty();
            let block = self.block(0, Part::Text(text));
            return Ok(if empty { Vec::new() } else { vec![block] });
        }
        if !content.is_array() {
            return Err(at.wrong("must be a string or an array of parts"));
        }
        let mut blocks = Vec::new();
        for (index, item) in content.list().iter().enumerate() {
            let part = read_part(item, &at.index(index), allowed, dropped)?;
            if matches!(&part, Part::Text(text) if text.is_empty()) {
                continue;
            }
            let mut block = self.block(index, part);
            block.cache = item.get("cache_control").and_then(Value::as_object_text);
            blocks.push(block);
        }
        Ok(blocks)
    }
}

fn read_call<'a>(call: &Value<'a>, at: &Path<'_>) -> Result<Call<'a>, Refusal> {
    if call.get("type").is_some() && call.required_word("type", at)? != "function" {
        return Err(at.key("type").unsupported());
    }
    let id = call.required_text("id", at)?;
    let at = at.key("function");
    let function = call.get("function").ok_or_else(|| at.missing())?;
    Ok(Call {
        id,
        name: function.required_text("name", &at)?,
        input: Input::of(&function.required_text("arguments", &at)?),
    })
}

fn read_part<'a>(
    part: &Value<'a>,
    at: &Path<'_>,
    allowed: Allowed,
    dropped: &mut Dropped,
) -> Result<Part<'a>, Refusal> {
    let kind = part.required_word("type", at)?;
    for (key, _) in part.members(at)? {
        if key != "type" && key != "cache_control" && key != kind {
            dropped.note("messages.content.other");
        }
    }
    match (kind.as_str(), allowed) {
        ("text", _) => Ok(Part::Text(part.required_text("text", at)?)),
        ("refusal", Allowed::Refusals) => Ok(Part::Text(part.required_text("refusal", at)?)),
        ("image_url", Allowed::Media) => {
            let at = at.key("image_url");
            let image = part.get("image_url").ok_or_else(|| at.missing())?;
            read_image(image, &at, dropped)
        }
        ("input_audio", Allowed::Media) => {
            let at = at.key("input_audio");
            let sound = part.get("input_audio").ok_or_else(|| at.missing())?;
            read_sound(sound, &at)
        }
        ("file", Allowed::Media) => {
            let at = at.key("file");
            let file = part.get("file").ok_or_else(|| at.missing())?;
            read_file(file, &at)
        }
        _ => Err(at.key("type").unsupported()),
    }
}

fn read_image<'a>(
    image: &Value<'a>,
    at: &Path<'_>,
    dropped: &mut Dropped,
) -> Result<Part<'a>, Refusal> {
    let url = image.required_text("url", at)?;
    for (key, _) in image.members(at)? {
        match key {
            "url" => {}
            "detail" => dropped.note("messages.content.image_url.detail"),
            _ => dropped.note("messages.content.other"),
        }
    }
    Ok(Part::Image(Media::image(url, &at.key("url"))?))
}

fn read_sound<'a>(sound: &Value<'a>, at: &Path<'_>) -> Result<Part<'a>, Refusal> {
    let kind = format!("audio/{}", sound.required_word("format", at)?);
    let data = sound.required_text("data", at)?;
    let wrong = || at.key("data").wrong("must be base64");
    let media = Media::base64(&kind, data.into_value()).ok_or_else(wrong)?;
    Ok(Part::Sound(media))
}

fn read_file<'a>(file: &Value<'a>, at: &Path<'_>) -> Result<Part<'a>, Refusal> {
    if file.get("file_id").is_some() {
        return Err(at.key("file_id").unsupported());
    }
    let data = file.required_text("file_data", at)?;
    Ok(Part::File {
        media: Media::file_data(data, &at.key("file_data"))?,
        name: file.text_at("filename"),
    })
}
