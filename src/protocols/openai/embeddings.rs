/*! `POST /v1/embeddings`: the request, by span. */

pub(in crate::protocols) mod texts;

use super::Adapt;
use super::completions::prompt;
use crate::json::{Edits, Key, Kind, Reader, Rewrite, Span, quote};
use crate::protocols::members::Members;
use crate::protocols::reading::{self, MISSING, Stop, field};
use crate::protocols::{Refusal, Traits};
use crate::tokens::Prompt;
use std::borrow::Cow;

/// The keys that are read, here or by the guards: a duplicate of one in any object is refused.
/// At most 64.
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

/// Fields that stay whatever a provider is said not to know.
const KEPT: [&str; 2] = ["model", "input"];

/// What Tollgate reads of a request for embeddings.
#[derive(Debug)]
pub struct EmbeddingRequest<'a> {
    /// The model asked for.
    pub model: Cow<'a, str>,
    /// What is asked of it. No answer has a token, and none comes as a stream.
    pub traits: Traits,
    model_span: Span,
    members: Members<'a>,
}

#[derive(Default)]
struct Draft<'a> {
    model: Option<(Cow<'a, str>, Span)>,
    traits: Traits,
    input: bool,
}

/// Reads a request for embeddings in one pass; its text is added to `text`.
///
/// # Errors
/// A 400 that says what is wrong: the JSON, a type, a missing field.
pub fn read_embedding(body: &[u8], text: Prompt) -> Result<EmbeddingRequest<'_>, Refusal> {
    read(body, text).map_err(Refusal::from)
}

fn read(body: &[u8], text: Prompt) -> Result<EmbeddingRequest<'_>, Stop> {
    let mut draft = Draft::default();
    draft.traits.text = text;
    let members = Members::read(body, watched, |reader, key| draft.member(reader, key))?;
    draft.finish(members)
}

impl<'a> Draft<'a> {
    fn finish(mut self, members: Members<'a>) -> Result<EmbeddingRequest<'a>, Stop> {
        let Some((model, model_span)) = self.model else {
            return field("model", MISSING);
        };
        if !self.input {
            return field("input", MISSING);
        }
        self.traits.max_output = Some(0);
        Ok(EmbeddingRequest {
            model,
            traits: self.traits,
            model_span,
            members,
        })
    }

    fn member(&mut self, reader: &mut Reader<'a>, key: &Key<'a>) -> Result<(), Stop> {
        match (key.value().as_ref(), reader.kind()?) {
            ("model", _) => self.model = Some(reading::model(reader)?),
            ("input", Kind::Null) => return field("input", MISSING),
            ("input", _) => {
                self.input = true;
                prompt::read(reader, &mut self.traits, "input")?;
            }
            _ => drop(reader.skip()?),
        }
        Ok(())
    }
}

impl EmbeddingRequest<'_> {
    /// The edits that make the request fit a provider. `None` if nothing has to change.
    pub fn adapt(&self, body: &[u8], adapt: &Adapt<'_>) -> Option<Rewrite> {
        let mut edits = Edits::default();
        if self.model != adapt.model {
            edits.replace(self.model_span, quote(adapt.model));
        }
        let listed = |name: &str| adapt.remove_fields.iter().any(|field| field == name);
        let removes = |name: &str| listed(name) && !KEPT.contains(&name);
        self.members.remove(&mut edits, removes);
        edits.apply(body)
    }
}

#[cfg(test)]
mod tests;
