/*! Writing what was said: the system prompt and the turns. */

use super::family::Family;
use crate::protocols::Refusal;
use crate::protocols::translate::Dropped;
use crate::protocols::translate::anthropic::tool_id;
use crate::protocols::translate::hub::{Block, Call, Media, Part, Request, Role};
use crate::protocols::translate::text::Text;
use crate::protocols::translate::write::Writer;

/// Image formats (`ImageBlock`).
const IMAGES: [(&str, &str); 5] = [
    ("image/gif", "gif"),
    ("image/jpeg", "jpeg"),
    ("image/jpg", "jpeg"),
    ("image/png", "png"),
    ("image/webp", "webp"),
];

/// Formats of documents (`DocumentBlock`).
const DOCUMENTS: [(&str, &str); 9] = [
    ("application/msword", "doc"),
    ("application/pdf", "pdf"),
    ("application/vnd.ms-excel", "xls"),
    (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "xlsx",
    ),
    (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "docx",
    ),
    ("text/csv", "csv"),
    ("text/html", "html"),
    ("text/markdown", "md"),
    ("text/plain", "txt"),
];

/// Writes what was said, block by block.
pub(super) struct Said<'w, 'o> {
    pub(super) json: &'w mut Writer<'o>,
    pub(super) dropped: &'w mut Dropped,
    pub(super) family: Family,
    /// How many documents there were.
    pub(super) documents: u64,
}

impl Said<'_, '_> {
    /// The system prompt, if there is one, and the turns.
    pub(super) fn all(&mut self, request: &Request<'_>) -> Result<(), Refusal> {
        if !request.system.is_empty() {
            self.json.open_list_member("system");
            self.blocks(&request.system)?;
            self.json.close_list();
        }
        self.json.open_list_member("messages");
        for turn in &request.turns {
            let role = match turn.role {
                Role::User => "user",
                Role::Assistant => "assistant",
            };
            self.json.open();
            self.json.member("role", role);
            self.json.open_list_member("content");
            self.blocks(&turn.blocks)?;
            self.json.close_list();
            self.json.close();
        }
        self.json.close_list();
        Ok(())
    }

    fn blocks(&mut self, blocks: &[Block<'_>]) -> Result<(), Refusal> {
        for block in blocks {
            self.block(block)?;
            write_cache(block.cache, self.family, self.json, self.dropped);
        }
        Ok(())
    }

    fn block(&mut self, block: &Block<'_>) -> Result<(), Refusal> {
        self.json.open();
        match &block.part {
            Part::Text(text) => self.json.text_member("text", text),
            Part::Image(media) => {
                self.json.open_member("image");
                self.source(media, &IMAGES, block)?;
                self.json.close();
            }
            Part::File { media, name } => self.document(media, name.is_some(), block)?,
            Part::Sound(_) => return Err(block.unsupported_sound()),
            Part::Call(call) => self.call(call),
            Part::Result {
                id,
                content,
                failed,
            } => self.result(id, content, *failed)?,
        }
        self.json.close();
        Ok(())
    }

    /// Names of documents are part of the prompt, have to differ, and take few characters: they
    /// get neutral ones.
    fn document(
        &mut self,
        media: &Media<'_>,
        named: bool,
        block: &Block<'_>,
    ) -> Result<(), Refusal> {
        if named {
            self.dropped.note("filename");
        }
        self.documents = self.documents.saturating_add(1);
        let name = format!("document-{}", self.documents);
        self.json.open_member("document");
        self.json.member("name", &name);
        self.source(media, &DOCUMENTS, block)?;
        self.json.close();
        Ok(())
    }

    fn source(
        &mut self,
        media: &Media<'_>,
        formats: &[(&str, &str)],
        block: &Block<'_>,
    ) -> Result<(), Refusal> {
        let Media::Base64 { kind, data } = media else {
            let problem = "is a URL, which the provider of this model does not take";
            return Err(block.place.unsupported(problem));
        };
        let Some((_, format)) = formats.iter().find(|(known, _)| known == kind) else {
            let problem = "has a media type that the provider of this model does not take";
            return Err(block.place.unsupported(problem));
        };
        self.json.member("format", format);
        self.json.open_member("source");
        self.json.pieces("bytes", &[data]);
        self.json.close();
        Ok(())
    }

    fn call(&mut self, call: &Call<'_>) {
        self.json.open_member("toolUse");
        self.json.text_member("toolUseId", &tool_id(&call.id));
        self.json.text_member("name", &call.name);
        self.json.raw_member("input", &call.input.object());
        self.json.close();
    }

    fn result(
        &mut self,
        id: &Text<'_>,
        content: &[Block<'_>],
        failed: bool,
    ) -> Result<(), Refusal> {
        self.json.open_member("toolResult");
        self.json.text_member("toolUseId", &tool_id(id));
        self.json.open_list_member("content");
        for block in content {
            self.block(block)?;
            if block.cache.is_some() {
                self.dropped.note("cache_control");
            }
        }
        self.json.close_list();
        match failed {
            true if self.family.knows_more() => self.json.member("status", "error"),
            true => self.dropped.note("messages.content.is_error"),
            false => {}
        }
        self.json.close();
        Ok(())
    }
}

/// Writes the point up to which the prompt is to be cached: a block of its own.
pub(super) fn write_cache(
    cache: Option<&str>,
    family: Family,
    json: &mut Writer<'_>,
    dropped: &mut Dropped,
) {
    match cache {
        None => {}
        Some(cache) if family.knows_more() => {
            json.open();
            json.open_member("cachePoint");
            json.member("type", "default");
            // The time is the object's one other member.
            if family == Family::Claude && cache.contains(r#""1h""#) {
                json.member("ttl", "1h");
            }
            json.close();
            json.close();
        }
        Some(_) => dropped.note("cache_control"),
    }
}
