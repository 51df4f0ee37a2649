/*! Reading `input`: a text, or the items of a conversation. */

use crate::protocols::Refusal;
use crate::protocols::translate::Dropped;
use crate::protocols::translate::hub::{Block, Call, Input, Media, Part, Place, Request, Role};
use crate::protocols::translate::path::Path;
use crate::protocols::translate::text::Text;
use crate::protocols::translate::tree::Value;

/// Reads all items: messages of the system become the system prompt, results of tools what the
/// user says next.
pub(super) fn read<'a>(
    value: &Value<'a>,
    at: &Path<'_>,
    request: &mut Request<'a>,
    dropped: &mut Dropped,
) -> Result<(), Refusal> {
    if let Some(text) = value.as_text() {
        let item = Item { at: *at, index: 0 };
        let blocks = item.text("content", text);
        request.say(Role::User, blocks);
        return Ok(());
    }
    if !value.is_array() {
        return Err(at.wrong("must be a string or an array of items"));
    }
    for (index, item) in value.list().iter().enumerate() {
        let reader = Item {
            at: at.index(index),
            index,
        };
        reader.read(item, request, dropped)?;
    }
    Ok(())
}

struct Item<'p> {
    at: Path<'p>,
    index: usize,
}

/// Which parts may stand somewhere.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Allowed {
    Text,
    /// What a model has said.
    Said,
    Media,
}

impl Item<'_> {
    fn read<'a>(
        &self,
        item: &Value<'a>,
        request: &mut Request<'a>,
        dropped: &mut Dropped,
    ) -> Result<(), Refusal> {
        let kind = match item.get("type") {
            Some(kind) => kind.word(&self.at.key("type"))?,
            None => "message".to_owned(),
        };
        match kind.as_str() {
            "message" => self.message(item, request, dropped)?,
            "function_call" => {
                self.known(item, &["call_id", "name", "arguments"], dropped)?;
                let call = Part::Call(self.call(item)?);
                request.say(Role::Assistant, vec![self.block("content", 0, call)]);
            }
            "function_call_output" => {
                self.known(item, &["call_id", "output"], dropped)?;
                let result = Part::Result {
                    id: item.required_text("call_id", &self.at)?,
                    content: self.content(item, "output", Allowed::Media, dropped)?,
                    failed: false,
                };
                request.say(Role::User, vec![self.block("output", 0, result)]);
            }
            // Nobody but the provider that has written it can go on with it. References that come
            // so far are to reasoning of another provider.
            "reasoning" | "item_reference" => dropped.note("input.reasoning"),
            _ => return Err(self.at.key("type").unsupported()),
        }
        Ok(())
    }

    fn message<'a>(
        &self,
        item: &Value<'a>,
        request: &mut Request<'a>,
        dropped: &mut Dropped,
    ) -> Result<(), Refusal> {
        self.known(item, &["role", "content"], dropped)?;
        match item.required_word("role", &self.at)?.as_str() {
            "system" | "developer" => {
                if !request.turns.is_empty() {
                    dropped.note("position of system messages");
                }
                let blocks = self.content(item, "content", Allowed::Text, dropped)?;
                request.system.extend(blocks);
            }
            "user" => {
                let blocks = self.content(item, "content", Allowed::Media, dropped)?;
                request.say(Role::User, blocks);
            }
            "assistant" => {
                let blocks = self.content(item, "content", Allowed::Said, dropped)?;
                request.say(Role::Assistant, blocks);
            }
            _ => return Err(self.at.key("role").unsupported()),
        }
        Ok(())
    }

    /// Checks that no member is lost silently. What an item is called at its provider, and
    /// whether it was whole, says nothing to another.
    fn known(
        &self,
        item: &Value<'_>,
        names: &[&str],
        dropped: &mut Dropped,
    ) -> Result<(), Refusal> {
        for (key, _) in item.members(&self.at)? {
            if !matches!(key, "type" | "id" | "status") && !names.contains(&key) {
                dropped.note("input.other");
            }
        }
        Ok(())
    }

    fn call<'a>(&self, item: &Value<'a>) -> Result<Call<'a>, Refusal> {
        Ok(Call {
            id: item.required_text("call_id", &self.at)?,
            name: item.required_text("name", &self.at)?,
            input: Input::of(&item.required_text("arguments", &self.at)?),
        })
    }

    const fn block<'a>(&self, content: &'static str, part: usize, said: Part<'a>) -> Block<'a> {
        Block {
            part: said,
            cache: None,
            place: Place {
                list: "input",
                message: self.index,
                content,
                part,
            },
        }
    }

    /// A text alone; an empty one says nothing.
    fn text<'a>(&self, content: &'static str, text: Text<'a>) -> Vec<Block<'a>> {
        let some = (!text.is_empty()).then(|| self.block(content, 0, Part::Text(text)));
        some.into_iter().collect()
    }

    /// The parts in the member `name`, without empty texts: Anthropic refuses them.
    fn content<'a>(
        &self,
        item: &Value<'a>,
        name: &'static str,
        allowed: Allowed,
        dropped: &mut Dropped,
    ) -> Result<Vec<Block<'a>>, Refusal> {
        let at = self.at.key(name);
        let content = item.get(name).ok_or_else(|| at.missing())?;
        if let Some(text) = content.as_text() {
            return Ok(self.text(name, text));
        }
        if !content.is_array() {
            return Err(at.wrong("must be a string or an array of parts"));
        }
        let mut blocks = Vec::new();
        for (index, part) in content.list().iter().enumerate() {
            let part = read_part(part, &at.index(index), allowed, dropped)?;
            if !matches!(&part, Part::Text(text) if text.is_empty()) {
                blocks.push(self.block(name, index, part));
            }
        }
        Ok(blocks)
    }
}

fn read_part<'a>(
    part: &Value<'a>,
    at: &Path<'_>,
    allowed: Allowed,
    dropped: &mut Dropped,
) -> Result<Part<'a>, Refusal> {
    let kind = part.required_word("type", at)?;
    let (read, names): (_, &[&str]) = match (kind.as_str(), allowed) {
        ("input_text" | "output_text" | "text", _) => {
            (Part::Text(part.required_text("text", at)?), &["text"])
        }
        ("refusal", Allowed::Said) => {
            (Part::Text(part.required_text("refusal", at)?), &["refusal"])
        }
        ("input_image", Allowed::Media) => (read_image(part, at)?, &["image_url"]),
        ("input_file", Allowed::Media) => {
            (read_file(part, at)?, &["file_data", "file_url", "filename"])
        }
        _ => return Err(at.key("type").unsupported()),
    };
    for (key, value) in part.members(at)? {
        match key {
            "type" => {}
            "detail" => dropped.note("input.content.detail"),
            // Of texts that a model has said; most often there are none.
            "annotations" | "logprobs" if value.list().is_empty() => {}
            "annotations" => dropped.note("input.content.annotations"),
            _ if names.contains(&key) => {}
            _ => dropped.note("input.content.other"),
        }
    }
    Ok(read)
}

fn read_image<'a>(part: &Value<'a>, at: &Path<'_>) -> Result<Part<'a>, Refusal> {
    refuse_stored(part, at)?;
    let url = part.required_text("image_url", at)?;
    Ok(Part::Image(Media::image(url, &at.key("image_url"))?))
}

fn read_file<'a>(part: &Value<'a>, at: &Path<'_>) -> Result<Part<'a>, Refusal> {
    refuse_stored(part, at)?;
    let media = match part.get("file_url") {
        Some(url) => Media::Url(url.text(&at.key("file_url"))?),
        None => {
            let data = part.required_text("file_data", at)?;
            Media::file_data(data, &at.key("file_data"))?
        }
    };
    Ok(Part::File {
        media,
        name: part.text_at("filename"),
    })
}

/// A file that was uploaded to a provider is not known to another.
fn refuse_stored(part: &Value<'_>, at: &Path<'_>) -> Result<(), Refusal> {
    match part.get("file_id") {
        Some(_) => Err(at.key("file_id").unsupported()),
        None => Ok(()),
    }
}
