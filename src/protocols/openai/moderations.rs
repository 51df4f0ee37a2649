/*! `POST /v1/moderations`: the request, by span. */

pub(in crate::protocols) mod texts;

use super::plain::{self, PlainRequest, Shape};
use crate::json::{Kind, Reader};
use crate::protocols::reading::{Stop, field};
use crate::protocols::shared::{skip_member, skip_named};
use crate::protocols::{Refusal, Tariff, Traits};
use crate::tokens::Prompt;

const MODERATIONS: Shape = Shape {
    watched,
    needed: "input",
    usual_model: Some(USUAL_MODEL),
    member,
};

/// What OpenAI's reference says is meant where no model is named.
const USUAL_MODEL: &str = "omni-moderation-latest";

fn watched(key: &[u8]) -> Option<(&'static str, u8)> {
    Some(match key {
        b"model" => ("model", 0),
        b"input" => ("input", 1),
        b"type" => ("type", 2),
        b"text" => ("text", 3),
        b"image_url" => ("image_url", 4),
        b"url" => ("url", 5),
        _ => return None,
    })
}

/// Reads a request for moderation in one pass; its text is added to `text`. No answer has a
/// token, none comes as a stream, and OpenAI charges nothing.
///
/// # Errors
/// A 400 that says what is wrong: the JSON, a type, a missing field.
pub fn read_moderation(body: &[u8], text: Prompt) -> Result<PlainRequest<'_>, Refusal> {
    let mut request = plain::read(&MODERATIONS, body, plain::no_output(text))?;
    request.traits.tariff = Tariff::IfPriced;
    Ok(request)
}

fn member(traits: &mut Traits, reader: &mut Reader<'_>, name: &str) -> Result<(), Stop> {
    match name {
        "input" => input(traits, reader),
        _ => skip_named(reader, name),
    }
}

/// A text, several of them, or a list of parts with text and images.
fn input(traits: &mut Traits, reader: &mut Reader<'_>) -> Result<(), Stop> {
    const PROBLEM: &str = "must be a string, an array of strings, or an array of parts";
    match reader.kind()? {
        Kind::String => traits.add_text(reader),
        Kind::Array => {
            let mut any = false;
            reader.array(|reader| {
                any = true;
                match reader.kind()? {
                    Kind::String => traits.add_text(reader),
                    Kind::Object => part(traits, reader),
                    _ => field("input", PROBLEM),
                }
            })?;
            match any {
                true => Ok(()),
                false => field("input", "must not be empty"),
            }
        }
        _ => field("input", PROBLEM),
    }
}

fn part(traits: &mut Traits, reader: &mut Reader<'_>) -> Result<(), Stop> {
    reader.object_strict(|reader, key| {
        match key.value().as_ref() {
            "text" => return traits.add_text(reader),
            // No provider tells what an image comes to here.
            "image_url" => {
                traits.image = true;
                traits.uncounted = true;
            }
            _ => {}
        }
        skip_member(reader, key)
    })
}

#[cfg(test)]
mod tests;
