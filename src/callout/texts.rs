/*! The texts of one body, as services are asked about them, and the way back: what they find
becomes edits of the body.

A text that is JSON itself (the arguments of a tool) is taken apart: each of its strings, keys
and numbers is a text of its own, without escapes, so that a service reads what is meant, and
what is masked stays JSON. */

use super::Found;
use super::marks::{Mark, merged};
use crate::json::{Edits, Error, Kind, Reader, Span, quote};
use crate::mask::Form;
use crate::protocols::texts::{Site, Spelling};
use std::collections::BTreeMap;

/// Texts and where they stand.
#[derive(Debug, Default)]
pub struct Texts {
    /// What services are asked about.
    asked: Vec<String>,
    places: Vec<Place>,
}

/// A site of the body.
#[derive(Debug)]
struct Place {
    span: Span,
    /// How what stands there is written.
    spelling: Spelling,
    /// The first of its texts among all.
    first: usize,
    holds: Holds,
}

#[derive(Debug)]
enum Holds {
    /// One text.
    Text,
    /// JSON, and where in it its texts stand.
    Json { json: String, parts: Vec<Span> },
}

/// What stands for a value: its guardrail decides.
pub struct Mask<'m> {
    /// The value.
    pub found: &'m Found,
    /// Writes what stands for it, by its name and the value itself.
    pub write: &'m dyn Fn(&str, &str, &mut String),
}

impl Texts {
    /// Adds a text of the body. What has neither a letter nor a digit is nothing to ask
    /// about.
    pub fn add(&mut self, site: &Site<'_>, form: Form) {
        let text = site.value();
        let spelling = match site {
            // It is taken apart as JSON, and comes back as such.
            Site::Number { .. } => Spelling::Json,
            other => other.spelling(),
        };
        let is_string = spelling != Spelling::Json;
        let parts = match form {
            Form::Text if is_string => None,
            _ => parts(&text).ok(),
        };
        let first = self.asked.len();
        let holds = match parts {
            Some(parts) => {
                let parts = parts.into_iter().filter(|(_, part)| says_something(part));
                let (parts, texts): (Vec<Span>, Vec<String>) = parts.unzip();
                self.asked.extend(texts);
                let json = text.into_owned();
                Holds::Json { json, parts }
            }
            // JSON that stands for itself and can't be read is not known to be text.
            None if says_something(&text) && is_string => {
                self.asked.push(text.into_owned());
                Holds::Text
            }
            None => return,
        };
        self.places.push(Place {
            span: site.span(),
            spelling,
            first,
            holds,
        });
    }

    /// Whether there is nothing to ask about.
    pub fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    /// What services are asked about.
    pub fn asked(&self) -> &[String] {
        &self.asked
    }

    /// The edits of the body that put masks in the places of values; of values that overlap,
    /// nothing is left.
    pub fn edits(&self, masks: &[Mask<'_>]) -> Edits {
        let masked = self.masked(masks);
        let mut edits = Edits::default();
        for place in &self.places {
            if let Some(text) = place.rewritten(&masked) {
                edits.replace(place.span, place.spelling.of(text));
            }
        }
        edits
    }

    /// The texts in which something is masked, by number.
    fn masked(&self, masks: &[Mask<'_>]) -> BTreeMap<usize, String> {
        let marks = masks.iter().map(|mask| Mark {
            text: mask.found.text,
            start: mask.found.start,
            end: mask.found.end,
            what: mask,
        });
        let marks = merged(marks.collect(), |_| ());
        let texts = marks.chunk_by(|one, next| one.text == next.text);
        let masked = texts.filter_map(|marks| {
            let number = marks.first()?.text;
            Some((number, with_masks(self.asked.get(number)?, marks)))
        });
        masked.collect()
    }
}

/// `text` with masks in these places, which stand in order.
fn with_masks(text: &str, marks: &[Mark<&Mask<'_>>]) -> String {
    let part = |start, end| text.get(start..end).unwrap_or_default();
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    for mark in marks {
        out.push_str(part(copied, mark.start));
        let mask = mark.what;
        (mask.write)(&mask.found.name, part(mark.start, mark.end), &mut out);
        copied = mark.end;
    }
    out.push_str(part(copied, text.len()));
    out
}

impl Place {
    /// What the string says after masking; `None` if that is what it said before.
    fn rewritten(&self, masked: &BTreeMap<usize, String>) -> Option<String> {
        let (json, parts) = match &self.holds {
            Holds::Text => return masked.get(&self.first).cloned(),
            Holds::Json { json, parts } => (json.as_bytes(), parts),
        };
        let mut edits = Edits::default();
        for (number, part) in (self.first..).zip(parts) {
            if let Some(text) = masked.get(&number) {
                // What was a number is a string now.
                edits.replace(*part, quote(text));
            }
        }
        String::from_utf8(edits.apply(json)?.whole(json)).ok()
    }
}

fn says_something(text: &str) -> bool {
    text.contains(char::is_alphanumeric)
}

/// The strings, keys and numbers of a JSON text.
fn parts(json: &str) -> Result<Vec<(Span, String)>, Error> {
    let mut reader = Reader::new(json.as_bytes(), |_| None)?;
    let mut parts = Vec::new();
    walk(&mut reader, &mut parts)?;
    reader.finish()?;
    Ok(parts)
}

fn walk(reader: &mut Reader<'_>, parts: &mut Vec<(Span, String)>) -> Result<(), Error> {
    match reader.kind()? {
        Kind::Object => reader.object(|reader, key| {
            parts.push((key.span(), key.value().into_owned()));
            walk(reader, parts)
        }),
        Kind::Array => reader.array(|reader| walk(reader, parts)),
        Kind::String => {
            let text = reader.string()?;
            parts.push((text.span(), text.value().into_owned()));
            Ok(())
        }
        Kind::Number => {
            let start = reader.offset();
            let number = reader.number()?.to_owned();
            let end = reader.offset();
            parts.push((Span { start, end }, number));
            Ok(())
        }
        Kind::Bool | Kind::Null => reader.skip().map(drop),
    }
}
