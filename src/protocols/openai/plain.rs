/*! Requests that are a JSON object of few members and that only their own API can say:
embeddings, moderations and the like. Read by span. */

pub(in crate::protocols) mod texts;

use super::Adapt;
use crate::json::{Edits, Kind, Reader, Rewrite, Span, Watched, quote};
use crate::protocols::members::Members;
use crate::protocols::reading::{self, MISSING, Stop, field};
use crate::protocols::{Refusal, Traits};
use crate::tokens::Prompt;
use std::borrow::Cow;

/// What Tollgate reads of such a request.
#[derive(Debug)]
pub struct PlainRequest<'a> {
    /// The model asked for, or the one that the API means where none is.
    pub model: Cow<'a, str>,
    /// What is asked of it.
    pub traits: Traits,
    /// `None`: it names no model.
    model_span: Option<Span>,
    members: Members<'a>,
    /// The member that stays whatever a provider is said not to know, beside the model.
    needed: &'static str,
}

/// The traits of a request of which no answer has a token.
pub(super) fn no_output(text: Prompt) -> Traits {
    Traits {
        text,
        max_output: Some(0),
        ..Traits::default()
    }
}

/// What an API's requests look like.
pub(super) struct Shape {
    /// The keys that are read, here or by the guards: a duplicate of one in any object is
    /// refused. At most 64.
    pub(super) watched: Watched,
    /// The member that must be there.
    pub(super) needed: &'static str,
    /// The model that the API means where none is named; `None`: one must be.
    pub(super) usual_model: Option<&'static str>,
    /// Reads the value of a member other than the model.
    pub(super) member: fn(&mut Traits, &mut Reader<'_>, &str) -> Result<(), Stop>,
}

/// Reads a request in one pass, on top of what `traits` say.
pub(super) fn read<'a>(
    shape: &Shape,
    body: &'a [u8],
    traits: Traits,
) -> Result<PlainRequest<'a>, Refusal> {
    read_whole(shape, body, traits).map_err(|stop| stop.told(body))
}

fn read_whole<'a>(
    shape: &Shape,
    body: &'a [u8],
    mut traits: Traits,
) -> Result<PlainRequest<'a>, Stop> {
    let mut model = None;
    let mut said = false;
    let members = Members::read(body, shape.watched, |reader, key| {
        let key = key.value();
        match (key.as_ref(), reader.kind()?) {
            ("model", Kind::Null) if shape.usual_model.is_some() => {
                return field("model", "must be a string");
            }
            ("model", _) => model = Some(reading::model(reader)?),
            (name, Kind::Null) if name == shape.needed => return field(name, MISSING),
            (name, _) => {
                said |= name == shape.needed;
                (shape.member)(&mut traits, reader, name)?;
            }
        }
        Ok(())
    })?;
    let usual = || shape.usual_model.map(|name| (Cow::Borrowed(name), None));
    let named = model.map(|(name, span)| (name, Some(span)));
    let Some((model, model_span)) = named.or_else(usual) else {
        return field("model", MISSING);
    };
    if !said {
        return field(shape.needed, MISSING);
    }
    Ok(PlainRequest {
        model,
        traits,
        model_span,
        members,
        needed: shape.needed,
    })
}

impl PlainRequest<'_> {
    /// Whether the caller has named the model.
    pub const fn names_model(&self) -> bool {
        self.model_span.is_some()
    }

    /// The edits that make the request fit a provider. `None` if nothing has to change.
    pub fn adapt(&self, body: &[u8], adapt: &Adapt<'_>) -> Option<Rewrite> {
        let mut edits = Edits::default();
        match self.model_span {
            Some(span) if self.model != adapt.model => edits.replace(span, quote(adapt.model)),
            Some(_) => {}
            None => {
                let model = format!("\"model\":{}", quote(adapt.model));
                self.members.insert(&mut edits, &model);
            }
        }
        let listed = |name: &str| adapt.remove_fields.iter().any(|field| field == name);
        let removes = |name: &str| listed(name) && name != "model" && name != self.needed;
        self.members.remove(&mut edits, removes);
        edits.apply(body)
    }
}
