/*! `POST /v1/embeddings`: the request, by span. */

pub(in crate::protocols) mod texts;

use super::completions::prompt;
use super::plain::{self, PlainRequest, Shape};
use crate::json::Reader;
use crate::protocols::reading::Stop;
use crate::protocols::shared::skip_named;
use crate::protocols::{Refusal, Traits};
use crate::tokens::Prompt;

const EMBEDDINGS: Shape = Shape {
    watched,
    needed: "input",
    usual_model: None,
    member,
};

fn watched(key: &[u8]) -> Option<(&'static str, u8)> {
    Some(match key {
        b"model" => ("model", 0),
        b"input" => ("input", 1),
        b"encoding_format" => ("encoding_format", 2),
        b"dimensions" => ("dimensions", 3),
        b"user" => ("user", 4),
        _ => return None,
    })
}

/// Reads a request for embeddings in one pass; its text is added to `text`. No answer has a
/// token, and none comes as a stream.
///
/// # Errors
/// A 400 that says what is wrong: the JSON, a type, a missing field.
pub fn read_embedding(body: &[u8], text: Prompt) -> Result<PlainRequest<'_>, Refusal> {
    plain::read(&EMBEDDINGS, body, plain::no_output(text))
}

fn member(traits: &mut Traits, reader: &mut Reader<'_>, name: &str) -> Result<(), Stop> {
    match name {
        "input" => prompt::read(reader, traits, "input").map(drop),
        _ => skip_named(reader, name),
    }
}

#[cfg(test)]
mod tests;
