/*! `POST /v1/files`: the form, by span. What is text in it is found as in other forms, and in
the file itself. */

use super::forms::{broken, field_texts, found, wrong};
use crate::json::{self, Kind, Reader, Span, Text};
use crate::mask;
use crate::multipart::{FileName, Form, Part};
use crate::protocols::Refusal;
use crate::protocols::event::unwatched;
use crate::protocols::reading::{MISSING, Stop, field};
use crate::protocols::texts::{Found, InputText, Origin, Site, Unscannable};

/// A file that a provider shall keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upload<'a> {
    /// What it is for.
    pub purpose: FilePurpose,
    /// What it holds.
    pub file: &'a [u8],
    /// Where that stands.
    pub span: Span,
}

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilePurpose {
    /// To be named in requests: `assistants`, `user_data`, `vision`.
    Input,
    /// `batch`: its lines are requests.
    Batch,
}

/// The fields that are read: no other may differ from one in case alone.
const FIELDS: [&str; 2] = ["file", "purpose"];

/// Reads the form.
///
/// # Errors
/// A 400 that says what is wrong: the form, a field, a file that is missing or empty.
pub fn read_upload(body: &[u8]) -> Result<Upload<'_>, Refusal> {
    let form = Form::read(body).map_err(broken)?;
    read(&form).map_err(Refusal::from)
}

fn read<'a>(form: &Form<'a>) -> Result<Upload<'a>, Stop> {
    let (mut file, mut purpose) = (None, None);
    for part in form.parts() {
        let alike = |known: &&str| known.eq_ignore_ascii_case(part.name);
        if let Some(known) = FIELDS.into_iter().find(alike)
            && known != part.name
        {
            return field(known, "must be spelled in lower case");
        }
        match (part.name, part.file, part.text()) {
            ("file", Some(_), _) => file = Some((part.value, part.span)),
            ("file", None, _) => return field("file", "must be a file"),
            (_, Some(_), _) => return field("body", "must have one file, named \"file\""),
            ("purpose", None, text) => purpose = Some(purpose_of(text.unwrap_or_default())?),
            (_, None, None) => return field("body", "must be UTF-8 but for its file"),
            _ => {}
        }
    }
    match (file, purpose) {
        (None, _) => field("file", MISSING),
        (Some((b"", _)), _) => field("file", "must not be an empty file"),
        (_, None) => field("purpose", MISSING),
        (Some((file, span)), Some(purpose)) => Ok(Upload {
            purpose,
            file,
            span,
        }),
    }
}

fn purpose_of(text: &str) -> Result<FilePurpose, Stop> {
    match text {
        "assistants" | "user_data" | "vision" => Ok(FilePurpose::Input),
        "batch" => Ok(FilePurpose::Batch),
        _ => field("purpose", "must be assistants, batch, user_data or vision"),
    }
}

/// Visits all texts of an upload that [`read_upload`] accepts: its fields, the name of its file,
/// and the file, if that is text and no batch's.
///
/// # Errors
/// The body is no form.
pub fn upload_texts<'a>(
    body: &'a [u8],
    visit: &mut dyn FnMut(Found<'a>),
) -> Result<(), json::Error> {
    let form = Form::read(body).map_err(|error| wrong(error.offset))?;
    let purpose = form.part_named("purpose").and_then(Part::text);
    let is_batch = purpose == Some("batch");
    for part in form.parts() {
        let Some(file) = part.file else {
            let text = part.text().ok_or_else(|| wrong(part.span.start))?;
            field_texts(part, text, visit);
            continue;
        };
        match file {
            FileName::Plain("", _) => {}
            FileName::Plain(text, span) => {
                visit(found(Site::FileName { text, span }, Origin::FileName));
            }
            FileName::Encoded => visit(Found::Unscannable(Unscannable::Media)),
        }
        match text_of(part.value) {
            // Its lines are requests, and read as such.
            _ if is_batch => {}
            Some(text) => file_texts(text, part.span.start, visit),
            None => visit(Found::Unscannable(Unscannable::Media)),
        }
    }
    Ok(())
}

/// What a file says; `None`: it is no text. A PDF can be written in letters alone, which say
/// something else.
fn text_of(file: &[u8]) -> Option<&str> {
    /// Readers of PDF look so far for its mark (ISO 32000-1, annex H).
    const FRONT: usize = 1024;
    let front = file.get(..FRONT).unwrap_or(file);
    let is_pdf = front.windows(5).any(|bytes| bytes == b"%PDF-");
    let text = std::str::from_utf8(file).ok()?;
    (!is_pdf && !text.contains('\0')).then_some(text)
}

/// A file of JSON is read as such, and JSONL line by line: what is written in escapes is found.
fn file_texts<'a>(text: &'a str, start: usize, visit: &mut dyn FnMut(Found<'a>)) {
    let mut each = |text: &'a str, offset: usize, form| {
        let start = start.saturating_add(offset);
        let end = start.saturating_add(text.len());
        let span = Span { start, end };
        let text = Site::Plain { text, span };
        visit(Found::Text(InputText {
            text,
            origin: Origin::User,
            form,
        }));
    };
    let is_lines = text.lines().nth(1).is_some() && text.lines().all(is_json);
    if !is_lines {
        let is_object = text.trim_start().starts_with(['{', '[']);
        let form = match is_object {
            true => mask::Form::Json,
            false => mask::Form::Text,
        };
        return each(text, 0, form);
    }
    let mut offset = 0_usize;
    for line in text.split_inclusive('\n') {
        let inside = line.trim_end_matches(['\n', '\r']);
        each(inside, offset, mask::Form::Json);
        offset = offset.saturating_add(line.len());
    }
}

/// Whether a line is a value of JSON, or nothing.
fn is_json(line: &str) -> bool {
    line.is_empty()
        || Reader::new(line.as_bytes(), unwatched)
            .and_then(|mut reader| {
                reader.skip()?;
                reader.finish()
            })
            .is_ok()
}

/// Finds the ids in an object that tells of a file, or of what files are kept for, by the names
/// of their members.
pub fn object_ids<'a>(text: &'a [u8], found: &mut dyn FnMut(&str, Text<'a>)) {
    // What can't be read is told as it came: it holds no id that opens anything.
    let _ = Reader::new(text, unwatched).and_then(|mut reader| {
        reader.object(|reader, key| match (key.value().as_ref(), reader.kind()?) {
            (
                name @ ("id" | "input_file_id" | "output_file_id" | "error_file_id"),
                Kind::String,
            ) => {
                found(name, reader.string()?);
                Ok(())
            }
            _ => reader.skip().map(drop),
        })
    });
}

#[cfg(test)]
mod tests;
