/*! `input`: a text, or the items of a conversation. */

use super::stored;
use crate::json::{Kind, Reader, Span};
use crate::protocols::Traits;
use crate::protocols::openai::fields::strings;
use crate::protocols::reading::{Stop, field, unsupported};
use crate::protocols::texts::peek;
use crate::tokens::{framing, media};
use std::fmt;

const PROBLEM: &str = "must be a string or an array of items";

/// Reads it; where the items stand that no provider knows, each with one comma beside it.
pub(super) fn read(reader: &mut Reader<'_>, traits: &mut Traits) -> Result<Vec<Span>, Stop> {
    match reader.kind()? {
        Kind::String => {
            traits.add_framing(framing::MESSAGE);
            traits.add_text(reader)?;
        }
        Kind::Null => drop(reader.skip()?),
        Kind::Array => return items(reader, traits, "input"),
        _ => return field("input", PROBLEM),
    }
    Ok(Vec::new())
}

/// Reads the items of a list; `list` is its name.
pub(super) fn items(
    reader: &mut Reader<'_>,
    traits: &mut Traits,
    list: &'static str,
) -> Result<Vec<Span>, Stop> {
    let mut index = 0_usize;
    let mut foreign = Foreign::default();
    reader.array(|reader| {
        let at = ItemPlace { list, index };
        if reader.kind()? != Kind::Object {
            return field(at.to_string(), "must be an object");
        }
        let start = reader.offset();
        let own = item(reader, traits, at)?;
        foreign.note(start, reader.offset(), own);
        index = index.saturating_add(1);
        Ok(())
    })?;
    match index {
        0 => field(list, "must not be empty"),
        _ => Ok(foreign.spans),
    }
}

/// Where an item stands. Its path is written only if it is blamed.
#[derive(Clone, Copy)]
pub(super) struct ItemPlace {
    list: &'static str,
    index: usize,
}

impl fmt::Display for ItemPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.list, self.index)
    }
}

/// Where a part of an item stands.
#[derive(Clone, Copy)]
struct PartPlace<'p> {
    item: ItemPlace,
    member: &'p str,
    /// `None`: it stands in no list.
    index: Option<usize>,
}

impl fmt::Display for PartPlace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.item, self.member)?;
        match self.index {
            Some(index) => write!(f, "[{index}]"),
            None => Ok(()),
        }
    }
}

/// Items that go to no provider.
#[derive(Default)]
struct Foreign {
    spans: Vec<Span>,
    previous_end: usize,
    /// Whether an item before stays.
    one_stays: bool,
    /// Whether the last span reaches up to the next item.
    open: bool,
}

impl Foreign {
    fn note(&mut self, start: usize, end: usize, foreign: bool) {
        if let Some(last) = self.spans.last_mut().filter(|_| self.open) {
            last.end = start;
        }
        self.open = foreign && !self.one_stays;
        if foreign {
            let start = if self.open { start } else { self.previous_end };
            self.spans.push(Span { start, end });
        }
        self.one_stays |= !foreign;
        self.previous_end = end;
    }
}

/// Reads an item; whether it is one that goes to no provider.
fn item(reader: &mut Reader<'_>, traits: &mut Traits, at: ItemPlace) -> Result<bool, Stop> {
    let [kind, role] = peek(reader, ["type", "role"]);
    if kind == "item_reference" && stored::is_own_reference(reader) {
        reader.skip()?;
        return Ok(true);
    }
    // An id without a type is a reference, too.
    if kind == "item_reference" || (kind.is_empty() && role.is_empty()) {
        return unsupported(at.to_string());
    }
    let own = stored::check_item(reader, &kind, at)?;
    traits.add_framing(framing::MESSAGE);
    reader.object_strict(|reader, key| match (key.value().as_ref(), reader.kind()?) {
        (member @ ("content" | "output"), Kind::Array) => parts(reader, traits, (at, member)),
        // A screenshot.
        (member @ "output", Kind::Object) => {
            let index = None;
            part(
                reader,
                traits,
                PartPlace {
                    item: at,
                    member,
                    index,
                },
            )
        }
        ("result", Kind::String) if kind == "image_generation_call" => image(reader, traits),
        ("tools", Kind::Array) => traits.add_tools(reader, "input.tools", framing::OPENAI_TOOLS),
        ("encrypted_content", Kind::String) => encrypted(reader, traits),
        ("type" | "role" | "id" | "call_id" | "status", _) => {
            reader.skip().map(drop).map_err(Stop::from)
        }
        _ => traits.add_text(reader),
    })?;
    Ok(own)
}

/// What only the provider can read, taken for text of four bytes a token: in base64 they are
/// some five characters.
fn encrypted(reader: &mut Reader<'_>, traits: &mut Traits) -> Result<(), Stop> {
    const CHARACTERS_PER_TOKEN: u64 = 5;
    let length = u64::try_from(reader.string()?.len()).unwrap_or(u64::MAX);
    traits.add_framing(length.div_ceil(CHARACTERS_PER_TOKEN));
    traits.uncounted |= length > 0;
    Ok(())
}

/// An image that stands in an item, in base64.
fn image(reader: &mut Reader<'_>, traits: &mut Traits) -> Result<(), Stop> {
    let data = reader.string()?;
    let url = [b"data:;base64,", data.raw()].concat();
    add_image(traits, &url, b"");
    Ok(())
}

fn add_image(traits: &mut Traits, url: &[u8], detail: &[u8]) {
    let tokens = media::openai_image(url, detail);
    traits.image = true;
    traits.media.image = traits.media.image.saturating_add(tokens);
}

fn parts(
    reader: &mut Reader<'_>,
    traits: &mut Traits,
    (item, member): (ItemPlace, &str),
) -> Result<(), Stop> {
    let mut index = 0_usize;
    reader.array(|reader| {
        let at = PartPlace {
            item,
            member,
            index: Some(index),
        };
        index = index.saturating_add(1);
        part(reader, traits, at)
    })
}

/// One part of a content, or of what a tool has answered.
fn part(reader: &mut Reader<'_>, traits: &mut Traits, at: PartPlace<'_>) -> Result<(), Stop> {
    if reader.kind()? != Kind::Object {
        return traits.add_text(reader);
    }
    let [kind] = peek(reader, ["type"]);
    match kind.as_ref() {
        "input_image" | "computer_screenshot" => {
            let [url, detail] = members(reader, traits, ["image_url", "detail"], at)?;
            add_image(traits, url.unwrap_or_default(), detail.unwrap_or_default());
        }
        "input_file" => {
            let before = traits.stored_files.len();
            let [data] = members(reader, traits, ["file_data"], at)?;
            let tokens = media::file(data);
            traits.file = true;
            traits.media.file = traits.media.file.saturating_add(tokens);
            for named in traits.stored_files.iter_mut().skip(before) {
                named.counted = tokens;
            }
        }
        "input_audio" => audio(reader, traits)?,
        _ => reader.object_strict(|reader, key| match key.value().as_ref() {
            "type" => reader.skip().map(drop).map_err(Stop::from),
            _ => traits.add_text(reader),
        })?,
    }
    Ok(())
}

fn audio(reader: &mut Reader<'_>, traits: &mut Traits) -> Result<(), Stop> {
    reader.object_strict(|reader, key| {
        if key.value() != "input_audio" {
            return reader.skip().map(drop).map_err(Stop::from);
        }
        let [data] = strings(reader, ["data"])?;
        let tokens = media::audio(data.unwrap_or_default());
        traits.audio = true;
        traits.media.audio = traits.media.audio.saturating_add(tokens);
        Ok(())
    })
}

/// The strings of these members; those of others are text.
fn members<'a, const N: usize>(
    reader: &mut Reader<'a>,
    traits: &mut Traits,
    names: [&str; N],
    at: PartPlace<'_>,
) -> Result<[Option<&'a [u8]>; N], Stop> {
    let mut found = [None; N];
    reader.object_strict(|reader, key| {
        let name = key.value();
        let wanted = names.iter().position(|wanted| *wanted == name);
        match (
            wanted.and_then(|index| found.get_mut(index)),
            reader.kind()?,
        ) {
            (Some(place), Kind::String) => *place = Some(reader.string()?.raw()),
            (_, Kind::String) if name == "file_id" => traits.name_file(&reader.string()?, 0),
            (_, kind) if matches!(name.as_ref(), "type" | "file_id" | "file_url") => {
                if name == "file_id" && kind != Kind::Null {
                    return field(format!("{at}.file_id"), "must be a string");
                }
                reader.skip()?;
            }
            _ => traits.add_text(reader)?,
        }
        Ok::<(), Stop>(())
    })?;
    Ok(found)
}
