/*! `POST /v1/images/generations`: the request, by span; and what images come to, for forms too. */

use super::plain::{self, PlainRequest, Shape};
use crate::json::{Error, Kind, Reader};
use crate::protocols::reading::{Stop, field, flag, whole_number};
use crate::protocols::shared::skip_named;
use crate::protocols::texts::{Found, Origin, walk_request};
use crate::protocols::{Refusal, Traits};
use crate::tokens::Prompt;

const IMAGES: Shape = Shape {
    watched,
    needed: "prompt",
    usual_model: Some(USUAL_MODEL),
    member,
};

/// What OpenAI's reference says is meant where no model is named.
pub(super) const USUAL_MODEL: &str = "dall-e-2";

fn watched(key: &[u8]) -> Option<(&'static str, u8)> {
    Some(match key {
        b"model" => ("model", 0),
        b"prompt" => ("prompt", 1),
        b"n" => ("n", 2),
        b"quality" => ("quality", 3),
        b"stream" => ("stream", 4),
        b"partial_images" => ("partial_images", 5),
        b"size" => ("size", 6),
        b"response_format" => ("response_format", 7),
        _ => return None,
    })
}

/// The traits of a request for images, before it is read: `media_output` is what one image comes
/// to until [`finish`].
pub(super) fn begin(text: Prompt) -> Traits {
    Traits {
        text,
        images: 1,
        media_output: tokens("high"),
        ..Traits::default()
    }
}

/// All of its images.
pub(super) fn finish(traits: &mut Traits) {
    traits.media_output = traits.media_output.saturating_mul(traits.images);
    traits.max_output = Some(traits.media_output);
}

/// Tokens of the largest image of this quality, by OpenAI's table of GPT Image: a tenant may be
/// charged less, not more. Older models have none.
pub(super) fn tokens(quality: &str) -> u64 {
    match quality {
        "low" => 408,
        "medium" => 1584,
        "standard" | "hd" => 0,
        _ => 6240,
    }
}

/// How many images are asked for.
pub(super) fn set_count(traits: &mut Traits, count: Option<u64>) -> Result<(), Stop> {
    /// Of OpenAI's.
    const MOST: u64 = 10;
    match count.unwrap_or(1) {
        count @ 1..=MOST => {
            traits.images = count;
            Ok(())
        }
        _ => field("n", "must be an integer from 1 to 10"),
    }
}

/// Reads a request for images in one pass; its text is added to `text`.
///
/// # Errors
/// A 400 that says what is wrong: the JSON, a type, a missing field.
pub fn read_image(body: &[u8], text: Prompt) -> Result<PlainRequest<'_>, Refusal> {
    let mut request = plain::read(&IMAGES, body, begin(text))?;
    finish(&mut request.traits);
    Ok(request)
}

fn member(traits: &mut Traits, reader: &mut Reader<'_>, name: &str) -> Result<(), Stop> {
    match (name, reader.kind()?) {
        ("prompt", Kind::String) => traits.add_text(reader),
        ("prompt", _) => field("prompt", "must be a string"),
        ("n", _) => {
            let count = whole_number(reader, "n")?;
            set_count(traits, count)
        }
        ("quality", Kind::String) => {
            traits.media_output = tokens(&reader.string()?.value());
            Ok(())
        }
        ("stream", _) => {
            traits.stream = flag(reader, "stream")?;
            Ok(())
        }
        _ => skip_named(reader, name),
    }
}

/// Where text stands in such requests.
pub(in crate::protocols) fn texts<'a>(
    body: &'a [u8],
    visit: &mut dyn FnMut(Found<'a>),
) -> Result<(), Error> {
    walk_request(body, visit, |walk, reader, key| {
        match key.value().as_ref() {
            "prompt" => walk.strings(reader, Origin::User),
            "background" | "moderation" | "n" | "output_compression" | "output_format"
            | "partial_images" | "quality" | "response_format" | "size" | "style" => {
                walk.names(reader)
            }
            _ => walk.unknown(reader, key, Origin::Other),
        }
    })
}
