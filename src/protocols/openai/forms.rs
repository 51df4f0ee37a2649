/*! Requests that are forms, by span: `POST /v1/audio/transcriptions`, `/v1/audio/translations`,
`/v1/images/edits`, `/v1/images/variations`. Files stay where they are, and as they are. */

use super::{Adapt, images};
use crate::json::{self, Edits, Kind, Reader, Rewrite, quote};
use crate::mask::Form as Written;
use crate::multipart::{self, FileName, Form, Part};
use crate::protocols::reading::{MISSING, Stop, field};
use crate::protocols::texts::{Found, InputText, Origin, Site, Unscannable, is_name};
use crate::protocols::{Api, ErrorKind, Refusal, Traits};
use crate::tokens::{Prompt, media};
use std::borrow::Cow;

/// What Tollgate reads of a form.
#[derive(Debug)]
pub struct FormRequest<'a> {
    /// The model asked for, or the one that the API means where none is.
    pub model: Cow<'a, str>,
    /// What is asked of it.
    pub traits: Traits,
    form: Form<'a>,
}

/// The fields that are read: no file may have their names, and no field a name that differs from
/// one in case alone.
const FIELDS: [&str; 6] = [
    "model",
    "prompt",
    "n",
    "quality",
    "stream",
    "response_format",
];

/// The files. A list of images has the second name.
const SOUND: &[&str] = &["file"];
const IMAGE: &[&str] = &["image", "image[]"];

/// Reads a form; its text is added to `text`.
///
/// # Errors
/// A 400 that says what is wrong: the form, a field, a file that is missing or empty.
pub fn read_form(api: Api, body: &[u8], text: Prompt) -> Result<FormRequest<'_>, Refusal> {
    let form = Form::read(body).map_err(broken)?;
    read(api, form, text).map_err(Refusal::from)
}

pub(super) fn broken(error: multipart::Error) -> Refusal {
    let code = match error.kind {
        multipart::ErrorKind::Empty => "empty_body",
        multipart::ErrorKind::Duplicate => "duplicate_key",
        _ => "invalid_multipart",
    };
    let message = format!("The request body is no acceptable multipart/form-data: {error}.");
    Refusal::new(ErrorKind::Invalid, code, message)
}

fn read(api: Api, form: Form<'_>, text: Prompt) -> Result<FormRequest<'_>, Stop> {
    let mut traits = match api.makes_images() {
        true => images::begin(text),
        false => Traits {
            text,
            ..Traits::default()
        },
    };
    let files = if api.makes_images() { IMAGE } else { SOUND };
    let mut model = None;
    let mut has_file = false;
    for part in form.parts() {
        check_spelling(part)?;
        if part.file.is_some() {
            has_file |= file(part, files, &mut traits)?;
            continue;
        }
        let Some(value) = part.text() else {
            return field(part_path(part), "must be UTF-8");
        };
        match part.name {
            "model" if value.is_empty() => return field("model", "must not be empty"),
            "model" => model = Some(Cow::Borrowed(value)),
            name if files.contains(&name) => return field("file", "must be a file"),
            "n" | "quality" if !api.makes_images() => {}
            name => member(&mut traits, name, value)?,
        }
    }
    if !has_file {
        let missing = files.first().copied().unwrap_or_default();
        return field(missing, MISSING);
    }
    let usual = api
        .makes_images()
        .then_some(Cow::Borrowed(images::USUAL_MODEL));
    let Some(model) = model.or(usual) else {
        return field("model", MISSING);
    };
    match api.makes_images() {
        true => images::finish(&mut traits),
        false => finish_sound(&mut traits),
    }
    Ok(FormRequest {
        model,
        traits,
        form,
    })
}

/// The field that an error is blamed on, if it is a known one: nothing of the caller's is told.
fn part_path(part: &Part<'_>) -> &'static str {
    let mut known = FIELDS.into_iter();
    known.find(|known| *known == part.name).unwrap_or("body")
}

fn check_spelling(part: &Part<'_>) -> Result<(), Stop> {
    let known = FIELDS.iter().chain(SOUND).chain(IMAGE);
    let mut alike = known.filter(|known| known.eq_ignore_ascii_case(part.name));
    match alike.next() {
        Some(known) if *known != part.name => field(*known, "must be spelled in lower case"),
        Some(known) if FIELDS.contains(known) && part.file.is_some() => {
            field(*known, "must not be a file")
        }
        _ => Ok(()),
    }
}

/// Counts a file; whether it is one that is asked about.
fn file(part: &Part<'_>, files: &[&str], traits: &mut Traits) -> Result<bool, Stop> {
    let is_asked = files.contains(&part.name);
    if is_asked && part.value.is_empty() {
        let name = files.first().copied().unwrap_or_default();
        return field(name, "must not be an empty file");
    }
    if files == SOUND {
        traits.audio = true;
        let seconds = media::seconds(part.value);
        traits.seconds = traits.seconds.saturating_add(seconds);
    } else {
        traits.image = true;
        let tokens = media::openai_image(b"", b"high");
        traits.media.image = traits.media.image.saturating_add(tokens);
    }
    Ok(is_asked)
}

/// Sound has 10 tokens a second, as OpenAI counts it, and nobody says more than 4 in one.
fn finish_sound(traits: &mut Traits) {
    traits.media.audio = traits.seconds.saturating_mul(media::SOUND_TOKENS);
    traits.max_output = Some(traits.seconds.saturating_mul(4).max(64));
}

fn member(traits: &mut Traits, name: &str, value: &str) -> Result<(), Stop> {
    match name {
        "prompt" => traits.text.add(value.as_bytes()),
        // Some read brackets in names as objects: `images[0][file_id]`.
        name if name.to_ascii_lowercase().contains("file_id") => traits.name_kept("file_id"),
        "n" => match value.parse() {
            Ok(count) => images::set_count(traits, Some(count))?,
            Err(_) => return field("n", "must be an integer from 1 to 10"),
        },
        "quality" => traits.media_output = images::tokens(value),
        "stream" => match value {
            "true" | "True" => traits.stream = true,
            "false" | "False" => traits.stream = false,
            _ => return field("stream", "must be true or false"),
        },
        _ => {}
    }
    Ok(())
}

impl FormRequest<'_> {
    /// Whether the caller has named the model.
    pub fn names_model(&self) -> bool {
        self.form.part_named("model").is_some()
    }

    /// The edits that make the request fit a provider. `None` if nothing has to change.
    pub fn adapt(&self, body: &[u8], adapt: &Adapt<'_>) -> Option<Rewrite> {
        let mut edits = Edits::default();
        match self.form.part_named("model") {
            Some(part) if self.model != adapt.model => {
                self.form.replace(&mut edits, part, adapt.model.to_owned());
            }
            Some(_) => {}
            None => self.form.insert(&mut edits, "model", adapt.model),
        }
        let listed = |name: &str| adapt.remove_fields.iter().any(|field| field == name);
        let kept = |name: &str| name == "model" || SOUND.contains(&name) || IMAGE.contains(&name);
        self.form
            .remove(&mut edits, |name| listed(name) && !kept(name));
        edits.apply(body)
    }
}

/// Where text stands in forms: in all fields, but what is part of their structure and spelled so.
pub(in crate::protocols) fn texts<'a>(
    body: &'a [u8],
    visit: &mut dyn FnMut(Found<'a>),
) -> Result<(), json::Error> {
    let form = Form::read(body).map_err(|error| wrong(error.offset))?;
    for part in form.parts() {
        let Some(file) = part.file else {
            let text = part.text().ok_or_else(|| wrong(part.span.start))?;
            field_texts(part, text, visit);
            continue;
        };
        visit(Found::Unscannable(Unscannable::Media));
        // A name in another encoding is passed, or refused, with its file.
        if let FileName::Plain(text, span) = file
            && !text.is_empty()
        {
            let text = Site::FileName { text, span };
            visit(found(text, Origin::FileName));
        }
    }
    Ok(())
}

pub(super) const fn wrong(offset: usize) -> json::Error {
    json::Error::new(json::ErrorKind::Unexpected, offset)
}

pub(super) fn field_texts<'a>(part: &Part<'a>, text: &'a str, visit: &mut dyn FnMut(Found<'a>)) {
    let origin = match part.name {
        "model" => return,
        "prompt" => Origin::User,
        _ if text.is_empty() || (is_structural(part.name) && is_name(text.as_bytes())) => return,
        _ => Origin::Other,
    };
    let span = part.span;
    visit(found(Site::Plain { text, span }, origin));
}

pub(super) const fn found(text: Site<'_>, origin: Origin) -> Found<'_> {
    let form = Written::Text;
    Found::Text(InputText { text, origin, form })
}

fn is_structural(name: &str) -> bool {
    matches!(
        name,
        "background"
            | "chunking_strategy"
            | "expires_after[anchor]"
            | "expires_after[seconds]"
            | "include[]"
            | "input_fidelity"
            | "language"
            | "moderation"
            | "n"
            | "output_compression"
            | "output_format"
            | "partial_images"
            | "purpose"
            | "quality"
            | "response_format"
            | "size"
            | "stream"
            | "style"
            | "temperature"
            | "timestamp_granularities[]"
    )
}

/// The fields of a form as a JSON object, for rules on requests: numbers and booleans as such,
/// files left out; what stands more than once as a list. `None`: it is no form.
pub fn form_as_json(body: &[u8]) -> Option<Vec<u8>> {
    let form = Form::read(body).ok()?;
    let mut json = String::from("{");
    for part in form.parts().iter().filter(|part| part.file.is_none()) {
        let fields = form.parts().iter().filter(|other| other.file.is_none());
        let same: Vec<_> = fields.filter(|other| other.name == part.name).collect();
        let is_first = same.first().is_some_and(|first| first.span == part.span);
        let values = same.iter().filter_map(|part| part.text());
        let values: Vec<String> = values.map(literal).collect();
        let value = match values.as_slice() {
            _ if !is_first => continue,
            [] => continue,
            [one] => one.clone(),
            several => format!("[{}]", several.join(",")),
        };
        let comma = if json.len() > 1 { "," } else { "" };
        json.push_str(&format!("{comma}{}:{value}", quote(part.name)));
    }
    json.push('}');
    Some(json.into_bytes())
}

/// A value as JSON. Servers take `True` for `true`.
fn literal(text: &str) -> String {
    match text {
        "True" => "true".to_owned(),
        "False" => "false".to_owned(),
        text if is_literal(text) => text.to_owned(),
        text => quote(text),
    }
}

fn is_literal(text: &str) -> bool {
    let read = Reader::new(text.as_bytes(), |_| None).and_then(|mut reader| {
        let kind = reader.kind()?;
        reader.skip()?;
        reader.finish()?;
        Ok(kind)
    });
    matches!(read, Ok(Kind::Number | Kind::Bool))
}

#[cfg(test)]
mod tests;
