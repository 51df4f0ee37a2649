/*! Writing what was said: the system prompt and the turns. */

use super::family::{Model, Spot};
use super::turns::{self, Piece, Turn};
use crate::protocols::Refusal;
use crate::protocols::translate::Dropped;
use crate::protocols::translate::anthropic::tool_id;
use crate::protocols::translate::hub::{Block, Call, Format, Media, Part, Request, Role};
use crate::protocols::translate::media::other_type;
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

/// How it is told that a PDF's text alone is read.
const PAGES: &str = "pictures of files";

/// The type that Claude can look at.
const PDF: &str = "application/pdf";

/// Writes what was said, block by block.
pub(super) struct Said<'w, 'o> {
    json: &'w mut Writer<'o>,
    dropped: &'w mut Dropped,
    model: Model,
    /// Whether documents may be cited.
    cites: bool,
    /// How many documents there were.
    documents: u64,
    /// How many points are still left out.
    skip: usize,
}

/// Most points up to which a prompt is cached, for all models that know them (Amazon Bedrock's guide,
/// "Prompt caching for faster model inference"). The last ones hold most of the prompt.
const MOST_POINTS: usize = 4;

/// How many points are left out of a request that asks for so many: of its tools, which come first in a
/// prompt, and of what was said.
pub(super) fn points_too_many(
    request: &Request<'_>,
    turns: &[Turn<'_>],
    model: Model,
    in_tools: usize,
) -> (usize, usize) {
    let said = turns.iter().flat_map(|turn| &turn.pieces);
    let said = said.filter_map(|piece| match piece {
        Piece::Said(block) => Some(*block),
        Piece::Instead(_) => None,
    });
    let system = request
        .system
        .iter()
        .filter(|block| !turns::is_blank(block));
    let asks = |block: &&Block<'_>| block.cache.is_some() && model.takes_point(spot(block));
    let all = system
        .chain(said)
        .filter(asks)
        .count()
        .saturating_add(in_tools);
    let skip = all.saturating_sub(MOST_POINTS);
    let of_tools = skip.min(in_tools);
    (of_tools, skip.saturating_sub(of_tools))
}

/// What a point behind the block would stand behind.
fn spot(block: &Block<'_>) -> Spot {
    match &block.part {
        Part::Text(_) => Spot::Text,
        Part::File { media, .. } if !is_pdf(media) => Spot::Extract,
        _ => Spot::Other,
    }
}

impl<'w, 'o> Said<'w, 'o> {
    /// Cites documents if all of them are PDFs: Converse takes no other type, and Anthropic all or
    /// none. It takes no citations beside a schema of the answer, either.
    pub(super) fn new(
        request: &Request<'_>,
        turns: &[Turn<'_>],
        (model, skip): (Model, usize),
        json: &'w mut Writer<'o>,
        dropped: &'w mut Dropped,
    ) -> Self {
        let cites = model.sees_pages
            && matches!(request.format, Format::Text)
            && documents(turns).all(is_pdf);
        Self {
            json,
            dropped,
            model,
            cites,
            documents: 0,
            skip,
        }
    }

    /// The system prompt, if there is one, and the turns.
    pub(super) fn all(&mut self, request: &Request<'_>, turns: &[Turn<'_>]) -> Result<(), Refusal> {
        let system = turns::spoken(&request.system, self.dropped);
        if !system.is_empty() {
            self.json.open_list_member("system");
            system.iter().try_for_each(|block| self.said(block))?;
            self.json.close_list();
        }
        self.json.open_list_member("messages");
        turns.iter().try_for_each(|turn| self.turn(turn))?;
        self.json.close_list();
        Ok(())
    }

    fn turn(&mut self, turn: &Turn<'_>) -> Result<(), Refusal> {
        let role = match turn.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        self.json.open();
        self.json.member("role", role);
        self.json.open_list_member("content");
        for piece in &turn.pieces {
            match piece {
                Piece::Said(block) => self.said(block)?,
                Piece::Instead(text) => {
                    self.json.open();
                    self.json.text_member("text", text);
                    self.json.close();
                }
            }
        }
        self.json.close_list();
        self.json.close();
        Ok(())
    }

    fn said(&mut self, block: &Block<'_>) -> Result<(), Refusal> {
        self.block(block, self.cites)?;
        let of = (self.model, spot(block), &mut self.skip);
        write_cache(block.cache, of, self.json, self.dropped);
        Ok(())
    }

    fn block(&mut self, block: &Block<'_>, cites: bool) -> Result<(), Refusal> {
        self.json.open();
        match &block.part {
            Part::Text(text) => self.json.text_member("text", text),
            Part::Image(media) => {
                self.json.open_member("image");
                self.source(media, &IMAGES, block)?;
                self.json.close();
            }
            Part::File { media, name } => self.document(media, name.is_some(), block, cites)?,
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
        cites: bool,
    ) -> Result<(), Refusal> {
        if named {
            self.dropped.note("filename");
        }
        self.documents = self.documents.saturating_add(1);
        let name = format!("document-{}", self.documents);
        self.json.open_member("document");
        self.json.member("name", &name);
        self.source(media, &DOCUMENTS, block)?;
        match cites {
            true => self.json.raw_member("citations", r#"{"enabled":true}"#),
            false if self.model.sees_pages && is_pdf(media) => self.dropped.note(PAGES),
            false => {}
        }
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
            let taken: Vec<&str> = formats.iter().map(|(kind, _)| *kind).collect();
            return Err(block.place.unsupported(&other_type(&taken)));
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
        for block in turns::spoken(content, self.dropped) {
            // Converse takes no citations there.
            self.block(block, false)?;
            if block.cache.is_some() {
                self.dropped.note("cache_control");
            }
        }
        self.json.close_list();
        match failed {
            true if self.model.knows_failures() => self.json.member("status", "error"),
            true => self.dropped.note("messages.content.is_error"),
            false => {}
        }
        self.json.close();
        Ok(())
    }
}

/// The documents beside texts.
fn documents<'t>(turns: &'t [Turn<'_>]) -> impl Iterator<Item = &'t Media<'t>> {
    let pieces = turns.iter().flat_map(|turn| &turn.pieces);
    pieces.filter_map(|piece| match piece {
        Piece::Said(block) => match &block.part {
            Part::File { media, .. } => Some(media),
            _ => None,
        },
        Piece::Instead(_) => None,
    })
}

fn is_pdf(media: &Media<'_>) -> bool {
    matches!(media, Media::Base64 { kind, .. } if kind == PDF)
}

/// Writes the point up to which the prompt is to be cached, a block of its own, unless it is one of
/// those to `skip`.
pub(super) fn write_cache(
    cache: Option<&str>,
    (model, behind, skip): (Model, Spot, &mut usize),
    json: &mut Writer<'_>,
    dropped: &mut Dropped,
) {
    let Some(cache) = cache else { return };
    if !model.takes_point(behind) {
        return dropped.note("cache_control");
    }
    if let Some(left) = skip.checked_sub(1) {
        *skip = left;
        return dropped.note("cache_control");
    }
    json.open();
    json.open_member("cachePoint");
    json.member("type", "default");
    // The time is the object's one other member.
    match cache.contains(r#""1h""#) {
        true if model.knows_hour => json.member("ttl", "1h"),
        true => dropped.note("cache_control.ttl"),
        false => {}
    }
    json.close();
    json.close();
}
