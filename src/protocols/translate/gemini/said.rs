/*! Writing what was said: the system prompt and the turns. */

use super::models::wants_signatures;
use super::places;
use crate::protocols::Refusal;
use crate::protocols::translate::Dropped;
use crate::protocols::translate::hub::{Block, Call, Input, Media, Part, Request, Role, Turn};
use crate::protocols::translate::openai::said::note_cache;
use crate::protocols::translate::text::Text;
use crate::protocols::translate::write::Writer;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Stands where a signature of the model's should, in a conversation that was not had with it: the
/// word that Google's guide to thought signatures gives for that.
const UNSIGNED: &str = "skip_thought_signature_validator";

/// Image formats (guide "Image understanding").
const IMAGES: [&str; 5] = [
    "image/png",
    "image/jpeg",
    "image/webp",
    "image/heic",
    "image/heif",
];

/// What the ends of URLs tell: Vertex AI demands a type.
const ENDS: [(&str, &str); 9] = [
    (".png", "image/png"),
    (".jpg", "image/jpeg"),
    (".jpeg", "image/jpeg"),
    (".webp", "image/webp"),
    (".heic", "image/heic"),
    (".heif", "image/heif"),
    (".pdf", "application/pdf"),
    (".mp3", "audio/mpeg"),
    (".wav", "audio/wav"),
];

/// Writes the system prompt, if there is one.
pub(super) fn system(
    request: &Request<'_>,
    json: &mut Writer<'_>,
    dropped: &mut Dropped,
) -> Result<(), Refusal> {
    if request.system.is_empty() {
        return Ok(());
    }
    json.open_member("systemInstruction");
    json.open_list_member("parts");
    let mut blocks = request.system.iter();
    blocks.try_for_each(|block| part(block, json, dropped))?;
    json.close_list();
    json.close();
    Ok(())
}

/// The calls so far. Ids may come again in later turns: the latest call counts.
#[derive(Default)]
struct Calls<'r> {
    /// By their ids: which it was in its order, and its name.
    known: BTreeMap<Cow<'r, str>, (usize, &'r Text<'r>)>,
    begun: usize,
}

impl<'r> Calls<'r> {
    fn add(&mut self, call: &'r Call<'r>) {
        let known = (self.begun, &call.name);
        self.known.insert(call.id.value(), known);
        self.begun = self.begun.saturating_add(1);
    }
}

/// Writes the turns.
pub(super) fn contents(
    request: &Request<'_>,
    model: &str,
    json: &mut Writer<'_>,
    dropped: &mut Dropped,
) -> Result<(), Refusal> {
    let mut calls = Calls::default();
    json.open_list_member("contents");
    for turn in &request.turns {
        json.open();
        json.member(
            "role",
            match turn.role {
                Role::User => "user",
                Role::Assistant => "model",
            },
        );
        json.open_list_member("parts");
        match turn.role {
            Role::User => user(turn, &calls, json, dropped)?,
            Role::Assistant => assistant(turn, model, &mut calls, json, dropped)?,
        }
        json.close_list();
        json.close();
    }
    json.close_list();
    Ok(())
}

/// A result of a tool, and where its call stood.
struct Answered<'t> {
    order: usize,
    name: &'t Text<'t>,
    text: Text<'t>,
    failed: bool,
}

/// Results of tools come first and in the order of their calls: nothing else tells apart those of
/// one function, since Vertex AI refuses ids. Images and files in results follow.
fn user(
    turn: &Turn<'_>,
    calls: &Calls<'_>,
    json: &mut Writer<'_>,
    dropped: &mut Dropped,
) -> Result<(), Refusal> {
    let mut results = Vec::new();
    let mut media = Vec::new();
    let mut said = Vec::new();
    for block in &turn.blocks {
        let Part::Result {
            id,
            content,
            failed,
        } = &block.part
        else {
            said.push(block);
            continue;
        };
        let noted = content.iter().chain([block]);
        noted.for_each(|block| note_cache(block, dropped));
        let Some((order, name)) = calls.known.get(id.value().as_ref()).copied() else {
            let problem = "is the result of a call that no message before it has, and the \
                           provider of this model has to be told the call's name";
            return Err(block.place.unsupported(problem));
        };
        results.push(Answered {
            order,
            name,
            text: texts(content),
            failed: *failed,
        });
        media.extend(content.iter().filter(|block| !is_text(block)));
    }
    results.sort_by_key(|result| result.order);
    results.iter().for_each(|answered| result(answered, json));
    let mut rest = media.into_iter().chain(said);
    rest.try_for_each(|block| part(block, json, dropped))
}

const fn is_text(block: &Block<'_>) -> bool {
    matches!(block.part, Part::Text(_))
}

fn texts<'t>(blocks: &'t [Block<'t>]) -> Text<'t> {
    Text::joined(blocks.iter().filter_map(|block| match &block.part {
        Part::Text(text) => Some(text),
        _ => None,
    }))
}

/// A result is an object. One that is none stands in a member, with the name that Google's
/// reference gives for it.
fn result(answered: &Answered<'_>, json: &mut Writer<'_>) {
    json.open();
    json.open_member("functionResponse");
    json.text_member("name", answered.name);
    json.key("response");
    let is_said = !answered.text.value().trim().is_empty();
    match Input::of(&answered.text) {
        Input::Object(object) if is_said && !answered.failed => json.raw(&object),
        _ => {
            json.open();
            let member = if answered.failed { "error" } else { "output" };
            json.text_member(member, &answered.text);
            json.close();
        }
    }
    json.close();
    json.close();
}

/// The first call of a turn bears the model's signature, where it demands one.
fn assistant<'r>(
    turn: &'r Turn<'r>,
    model: &str,
    calls: &mut Calls<'r>,
    json: &mut Writer<'_>,
    dropped: &mut Dropped,
) -> Result<(), Refusal> {
    let mut unsigned = wants_signatures(model);
    for block in &turn.blocks {
        let Part::Call(call) = &block.part else {
            part(block, json, dropped)?;
            continue;
        };
        note_cache(block, dropped);
        calls.add(call);
        write_call(call, unsigned, json);
        unsigned = false;
    }
    Ok(())
}

fn write_call(call: &Call<'_>, unsigned: bool, json: &mut Writer<'_>) {
    json.open();
    json.open_member("functionCall");
    json.text_member("name", &call.name);
    json.raw_member("args", &call.input.object());
    json.close();
    if unsigned {
        json.member("thoughtSignature", UNSIGNED);
    }
    json.close();
}

/// Writes one part.
fn part(block: &Block<'_>, json: &mut Writer<'_>, dropped: &mut Dropped) -> Result<(), Refusal> {
    note_cache(block, dropped);
    json.open();
    match &block.part {
        Part::Text(text) => json.text_member("text", text),
        Part::Image(media) => data(media, is_image, block, json)?,
        Part::Sound(media) => data(media, is_sound, block, json)?,
        Part::File { media, name } => {
            if name.is_some() {
                dropped.note("filename");
            }
            data(media, is_taken, block, json)?;
        }
        // The readers put these where they belong.
        Part::Call(_) | Part::Result { .. } => {
            return Err(block.place.unsupported("cannot stand here"));
        }
    }
    json.close();
    Ok(())
}

/// Writes bytes or a URL, of the kinds that such a part may have: what it is reserved as depends
/// on the part.
fn data(
    media: &Media<'_>,
    fits: fn(&str) -> bool,
    block: &Block<'_>,
    json: &mut Writer<'_>,
) -> Result<(), Refusal> {
    match media {
        Media::Base64 { kind, data } => {
            let kind = match kind.as_str() {
                "image/jpg" => "image/jpeg",
                "audio/mp3" => "audio/mpeg",
                kind => kind,
            };
            if !fits(kind) {
                let problem = "has a media type that the provider of this model does not take";
                return Err(block.place.unsupported(problem));
            }
            json.open_member("inlineData");
            json.member("mimeType", kind);
            json.pieces("data", &[data]);
        }
        Media::Url(url) => {
            let value = url.value();
            let kind = kind_of(&value);
            let tells_kind = kind.is_some() || matches!(block.part, Part::File { .. });
            let problem = places::problem(&value).or(match kind.is_none_or(fits) && tells_kind {
                true => None,
                false => Some(
                    "has a URL that does not end as one of a type that fits here does (.png, .pdf)",
                ),
            });
            if let Some(problem) = problem {
                return Err(block.place.unsupported(problem));
            }
            json.open_member("fileData");
            if let Some(kind) = kind {
                json.member("mimeType", kind);
            }
            json.text_member("fileUri", url);
        }
    }
    json.close();
    Ok(())
}

fn is_image(kind: &str) -> bool {
    IMAGES.contains(&kind)
}

fn is_sound(kind: &str) -> bool {
    kind.starts_with("audio/")
}

fn is_taken(kind: &str) -> bool {
    let class = kind.split('/').next().unwrap_or_default();
    matches!(class, "audio" | "text" | "video") || kind == "application/pdf" || is_image(kind)
}

fn kind_of(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = path.to_ascii_lowercase();
    let known = ENDS.iter().find(|(end, _)| path.ends_with(end));
    known.map(|(_, kind)| *kind)
}
