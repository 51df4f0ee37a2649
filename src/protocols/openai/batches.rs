/*! Batches: the lines of a file of requests, and `POST /v1/batches`, by span. */

use super::read_response_usage;
use crate::json::{Error, Kind, Reader, Span, Text};
use crate::ledger::Usage;
use crate::protocols::event::unwatched;
use crate::protocols::reading::{self, MISSING, Stop, field, unsupported};
use crate::protocols::texts::{Found, Member, Origin, Walk, is_key, is_name, peek};
use crate::protocols::usage::token_count;
use crate::protocols::{Api, Refusal, ReportedUsage};
use std::borrow::Cow;

/// The APIs of which there are batches.
pub const BATCH_APIS: [Api; 4] = [
    Api::ChatCompletions,
    Api::Completions,
    Api::Embeddings,
    Api::Responses,
];

/// One line of a file of requests.
#[derive(Debug, Clone, Copy)]
pub struct BatchLine<'a> {
    /// What the caller calls it.
    pub custom_id: Text<'a>,
    /// What it asks by.
    pub api: Api,
    /// Where its request stands.
    pub body: Span,
}

impl<'a> BatchLine<'a> {
    /// What the caller calls it, if that is spelled as names are and not long: then it can be told.
    pub fn name(&self) -> Option<&'a str> {
        let raw = self.custom_id.raw();
        let short = Some(raw).filter(|raw| can_be_told(raw));
        short.and_then(|raw| std::str::from_utf8(raw).ok())
    }
}

/// Whether errors may repeat what callers have written in the place of a name.
fn can_be_told(raw: &[u8]) -> bool {
    const LONGEST: usize = 64;
    raw.len() <= LONGEST && is_name(raw)
}

/// What the caller calls a line that can't be read, as far as that is found, and can be told.
pub fn batch_line_name(line: &[u8]) -> Option<String> {
    let reader = Reader::new(line, unwatched).ok()?;
    let [id] = peek(&reader, ["custom_id"]);
    let id = Some(id).filter(|id| !id.is_empty() && can_be_told(id.as_bytes()));
    id.map(Cow::into_owned)
}

/// A batch that shall be made.
#[derive(Debug, Clone, Copy)]
pub struct BatchRequest<'a> {
    /// The file of its requests.
    pub file: Text<'a>,
    /// What they ask by.
    pub api: Api,
}

/// The lines of a file, each with its place. Empty ones at the end are none.
pub fn batch_lines(file: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut offset = 0_usize;
    let lines = file.trim_ascii_end().split_inclusive(|byte| *byte == b'\n');
    lines.map(move |line| {
        let start = offset;
        offset = offset.saturating_add(line.len());
        (start, line)
    })
}

fn watched_in_line(key: &[u8]) -> Option<(&'static str, u8)> {
    Some(match key {
        b"custom_id" => ("custom_id", 0),
        b"method" => ("method", 1),
        b"url" => ("url", 2),
        b"body" => ("body", 3),
        _ => return None,
    })
}

/// Reads a line.
///
/// # Errors
/// A 400 that says what is wrong: the JSON, a field that is missing, is wrong, or is none of the
/// four that there are.
pub fn read_batch_line(line: &[u8]) -> Result<BatchLine<'_>, Refusal> {
    read_line(line).map_err(Refusal::from)
}

fn read_line(line: &[u8]) -> Result<BatchLine<'_>, Stop> {
    let mut reader = Reader::new(line, watched_in_line)?;
    reading::open(&mut reader)?;
    let (mut id, mut api, mut method, mut body) = (None, None, false, None);
    reader.object_strict(|reader, key| {
        match (key.value().as_ref(), reader.kind()?) {
            ("custom_id", Kind::String) => id = Some(reader.string()?),
            ("custom_id", _) => return field("custom_id", "must be a string"),
            ("method", Kind::String) => method = is_post(&reader.string()?.value())?,
            ("method", _) => return field("method", NO_POST),
            ("url", _) => api = Some(path(reader, "url")?),
            ("body", Kind::Object) => body = Some(reader.skip()?),
            ("body", _) => return field("body", "must be an object"),
            (name, _) => return no_member(name),
        }
        Ok(())
    })?;
    reader.finish()?;
    match (id, method, api, body) {
        (None, ..) => field("custom_id", MISSING),
        (Some(id), ..) if id.is_empty() => field("custom_id", "must not be empty"),
        (_, false, ..) => field("method", MISSING),
        (_, _, None, _) => field("url", MISSING),
        (_, _, _, None) => field("body", MISSING),
        (Some(custom_id), _, Some(api), Some(body)) => Ok(BatchLine {
            custom_id,
            api,
            body,
        }),
    }
}

const NO_POST: &str = "must be \"POST\"";

fn is_post(method: &str) -> Result<bool, Stop> {
    const LONGEST: usize = 16;
    let is_word = method.bytes().all(|byte| byte.is_ascii_alphabetic());
    match method {
        "POST" => Ok(true),
        _ => field(
            "method",
            not(NO_POST, method, is_word && method.len() <= LONGEST),
        ),
    }
}

/// Blames a member that lines do not have, by its name if that is spelled as those of APIs are.
fn no_member<T>(name: &str) -> Result<T, Stop> {
    match !name.is_empty() && is_key(name.as_bytes()) {
        true => {
            let problem = "is no member of a line, which has custom_id, method, url and body alone";
            field(name, problem)
        }
        false => field("body", "must stand beside custom_id, method and url alone"),
    }
}

fn path(reader: &mut Reader<'_>, name: &str) -> Result<Api, Stop> {
    const PROBLEM: &str =
        "must be /v1/chat/completions, /v1/completions, /v1/embeddings or /v1/responses";
    if reader.kind()? != Kind::String {
        return field(name, PROBLEM);
    }
    let told = reader.string()?.value();
    let api = Api::at(&told).filter(|api| BATCH_APIS.contains(api));
    match api {
        Some(api) => Ok(api),
        None => field(name, not(PROBLEM, &told, is_url(&told))),
    }
}

/// Whether it is spelled as paths and URLs of APIs are. A text has spaces, and a key upper case.
fn is_url(text: &str) -> bool {
    let path = text.strip_prefix("https://").unwrap_or(text);
    let is_lower = !path.bytes().any(|byte| byte.is_ascii_uppercase());
    is_lower && path.contains('/') && can_be_told(path.as_bytes())
}

/// A problem, and the value that has it if that can be told.
fn not(problem: &'static str, value: &str, can_be_told: bool) -> Cow<'static, str> {
    match can_be_told {
        true => Cow::Owned(format!("{problem}, not \"{value}\"")),
        false => Cow::Borrowed(problem),
    }
}

fn watched(key: &[u8]) -> Option<(&'static str, u8)> {
    Some(match key {
        b"input_file_id" => ("input_file_id", 0),
        b"endpoint" => ("endpoint", 1),
        b"completion_window" => ("completion_window", 2),
        b"metadata" => ("metadata", 3),
        b"output_expires_after" => ("output_expires_after", 4),
        _ => return None,
    })
}

/// Reads what a batch shall be made of.
///
/// # Errors
/// A 400 that says what is wrong: the JSON, a field that is missing or wrong, or is none of those
/// that OpenAI's batches have: Azure's and Foundry's name files and stores of the operator's.
pub fn read_batch(body: &[u8]) -> Result<BatchRequest<'_>, Refusal> {
    read(body).map_err(|stop| stop.told(body))
}

fn read(body: &[u8]) -> Result<BatchRequest<'_>, Stop> {
    let mut reader = Reader::new(body, watched)?;
    reading::open(&mut reader)?;
    let (mut file, mut api) = (None, None);
    reader.object_strict(|reader, key| {
        match (key.value().as_ref(), reader.kind()?) {
            ("input_file_id", Kind::String) => file = Some(reader.string()?),
            ("input_file_id", _) => return field("input_file_id", "must be a string"),
            ("endpoint", _) => api = Some(path(reader, "endpoint")?),
            ("completion_window" | "metadata" | "output_expires_after", _) | (_, Kind::Null) => {
                reader.skip()?;
            }
            (name, _) if is_key(name.as_bytes()) => return unsupported(name),
            _ => return field("body", "has a member that batches do not have"),
        }
        Ok(())
    })?;
    reader.finish()?;
    match (file, api) {
        (None, _) => field("input_file_id", MISSING),
        (_, None) => field("endpoint", MISSING),
        (Some(file), Some(api)) => Ok(BatchRequest { file, api }),
    }
}

/// Visits all texts of what [`read_batch`] accepts.
///
/// # Errors
/// The body is no JSON.
pub fn batch_texts<'a>(body: &'a [u8], visit: &mut dyn FnMut(Found<'a>)) -> Result<(), Error> {
    let mut reader = Reader::new(body, unwatched)?;
    let mut walk = Walk::new(visit);
    reader.object(|reader, key| match key.value().as_ref() {
        "input_file_id" => walk.read(reader, Member::Id, Origin::Other),
        "endpoint" | "completion_window" | "output_expires_after" => walk.names(reader),
        _ => walk.unknown(reader, key, Origin::Other),
    })?;
    reader.finish()
}

/// What a batch has used that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchUsage {
    /// Of all its requests.
    pub usage: Usage,
    /// How many of them were answered.
    pub answers: u64,
}

/// Reads what a batch has used by its `usage` and its `request_counts`, which stand here; `None`:
/// they do not tell. Before September 2025 batches had no `usage`.
pub fn batch_usage(usage: Option<&[u8]>, counts: Option<&[u8]>) -> Option<BatchUsage> {
    let answers = counts.and_then(completed);
    let usage = match usage {
        Some(usage) => read_response_usage(&mut Reader::new(usage, unwatched).ok()?).ok()?,
        None => ReportedUsage::Absent,
    };
    match (usage, answers) {
        (ReportedUsage::Absent, Some(0)) => Some(BatchUsage {
            usage: Usage::NONE,
            answers: 0,
        }),
        // No answer is made of nothing.
        (ReportedUsage::Counted(Usage::NONE), Some(1..)) => None,
        (ReportedUsage::Counted(usage), answers) => Some(BatchUsage {
            usage,
            answers: answers.unwrap_or(1),
        }),
        _ => None,
    }
}

/// How many requests were answered.
fn completed(counts: &[u8]) -> Option<u64> {
    let mut found = None;
    let mut reader = Reader::new(counts, unwatched).ok()?;
    let read = reader.object(|reader, key| match key.value().as_ref() {
        "completed" => {
            found = token_count(reader)?;
            Ok(())
        }
        _ => reader.skip().map(drop),
    });
    found.filter(|_| read.is_ok())
}

/// Where something stands in a line of what a batch has made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A whole answer.
    Answer(Span),
    /// An error, or something that nothing is known of.
    Other(Span),
}

/// Finds what a line of a batch's output says, but for the names that the caller and the provider
/// have for it.
///
/// # Errors
/// It is no JSON object, or says something twice.
pub fn batch_outcomes(line: &[u8]) -> Result<Vec<Outcome>, Error> {
    let mut found = Vec::new();
    let mut reader = Reader::new(line, watched_in_output)?;
    reader.object(|reader, key| {
        match (key.value().as_ref(), reader.kind()?) {
            ("id" | "custom_id", Kind::String) => drop(reader.skip()?),
            ("response", Kind::Object) => response(reader, &mut found)?,
            (_, Kind::Null) => drop(reader.skip()?),
            _ => found.push(Outcome::Other(reader.skip()?)),
        }
        Ok::<(), Error>(())
    })?;
    reader.finish()?;
    Ok(found)
}

fn watched_in_output(key: &[u8]) -> Option<(&'static str, u8)> {
    Some(match key {
        b"response" => ("response", 0),
        b"body" => ("body", 1),
        b"status_code" => ("status_code", 2),
        _ => return None,
    })
}

fn response(reader: &mut Reader<'_>, found: &mut Vec<Outcome>) -> Result<(), Error> {
    let (mut good, mut body) = (false, None);
    reader.object(|reader, key| {
        match (key.value().as_ref(), reader.kind()?) {
            ("status_code", Kind::Number) => good = reader.number()? == "200",
            ("request_id", Kind::String) => drop(reader.skip()?),
            ("body", Kind::Object) => body = Some(reader.skip()?),
            (_, Kind::Null) => drop(reader.skip()?),
            _ => found.push(Outcome::Other(reader.skip()?)),
        }
        Ok::<(), Error>(())
    })?;
    found.extend(body.map(|body| match good {
        true => Outcome::Answer(body),
        false => Outcome::Other(body),
    }));
    Ok(())
}

#[cfg(test)]
mod tests;
