/*! The request, made to fit one provider. */

use super::headers::{is_foreign, is_of_a_protocol, known};
use super::{Attempt, Entry, MaxTokensName};
use crate::http::{HeaderEdits, Headers};
use crate::json::Rewrite;
use crate::protocols::anthropic::read_messages;
use crate::protocols::openai::{Adapt, read_chat};
use crate::protocols::{Protocol, Refusal, translate};

/// What Anthropic's API demands of every request; the version that all its SDKs send.
const ANTHROPIC_VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");

/// In front of a backend's name: the header in which the operator's credential waits where
/// one filter serves several backends.
const CREDENTIAL: &str = "x-tollgate-internal-credential-";

impl Attempt {
    /// The names of a head as the first try finds it, if further tries have to know them:
    /// tries share one head, and the filters behind this one put headers into it that are
    /// one provider's alone.
    pub fn names_to_keep(&self, headers: Headers<'_>) -> Option<Vec<u8>> {
        let first = self.tries.0.len() == 1;
        (first && self.plan.tries.len() > 1)
            .then(|| headers.names(|_| true).join("\n").into_bytes())
    }

    /// The edits of the head. Whatever an earlier try has left is removed; `kept` is what
    /// [`Attempt::names_to_keep`] said to the first one.
    pub fn request_head(&self, headers: Headers<'_>, kept: Option<&[u8]>) -> HeaderEdits {
        let entry = &self.entry;
        let kept: Option<Vec<&[u8]>> = kept.map(|kept| kept.split(|byte| *byte == b'\n').collect());
        let is_left = |name: &str| {
            let known = kept
                .as_ref()
                .is_none_or(|kept| kept.contains(&name.as_bytes()));
            !known && !name.starts_with(':')
        };
        let mut edits = HeaderEdits {
            remove: headers
                .names(|name| is_foreign(name) || is_of_a_protocol(name) || is_left(name)),
            set: vec![(":path", entry.path.clone())],
        };
        let own = entry.authority.as_ref();
        let authority = own.unwrap_or(&self.plan.authority);
        if !authority.is_empty() {
            edits.set.push((":authority", authority.clone()));
        }
        let waiting = headers.text(&format!("{CREDENTIAL}{}", entry.backend));
        let waiting = waiting.map(|value| (entry.key_header.as_str(), value.to_owned()));
        edits.set.extend(waiting);
        edits.set.extend(self.protocol_headers());
        edits
    }

    /// Headers of the provider's protocol: the caller's own where it speaks it too.
    fn protocol_headers(&self) -> Vec<(&'static str, String)> {
        let mut set = Vec::new();
        let api = self.entry.api;
        if api == Protocol::Anthropic {
            let (name, value) = ANTHROPIC_VERSION;
            set.push((name, value.to_owned()));
        }
        for (name, value) in &self.plan.headers {
            if let Some(name) = known(api, name) {
                set.retain(|(other, _)| *other != name);
                set.push((name, value.clone()));
            }
        }
        set
    }

    /// The changes to the body; `None` if it fits as it is.
    ///
    /// # Errors
    /// The provider's protocol has no words for something in it.
    pub fn request_body(&self, body: &[u8]) -> Result<Fitted, Refusal> {
        if self.plan.opaque {
            return Ok(Fitted::default());
        }
        fit(self.plan.caller, &self.entry, body)
    }
}

/// How a body is made to fit.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fitted {
    /// The changes; `None` if it fits as it is.
    pub rewrite: Option<Rewrite>,
    /// Fields for which the provider's protocol has no words and that are left out.
    pub dropped: Vec<&'static str>,
}

/// The changes that make a body in `caller`'s protocol fit a target.
///
/// # Errors
/// The provider's protocol has no words for something in it, or it is no request at all.
pub fn fit(caller: Protocol, entry: &Entry, body: &[u8]) -> Result<Fitted, Refusal> {
    if caller != entry.api {
        return translated(caller, entry, body);
    }
    let rewrite = match caller {
        Protocol::OpenAi => adapt_chat(entry, body)?,
        Protocol::Anthropic => read_messages(body)?.adapt(body, &entry.model, entry.max_output),
    };
    Ok(Fitted {
        rewrite,
        dropped: Vec::new(),
    })
}

/// What one server of OpenAI's protocol needs that another does not.
fn adapt_chat(entry: &Entry, body: &[u8]) -> Result<Option<Rewrite>, Refusal> {
    let adapt = Adapt {
        model: &entry.model,
        remove_fields: &entry.remove_fields,
        max_tokens_field: entry.max_tokens_field.map(MaxTokensName::as_str),
        max_output: entry.max_output,
        ask_usage: true,
    };
    Ok(read_chat(body)?.adapt(body, &adapt))
}

fn translated(caller: Protocol, entry: &Entry, body: &[u8]) -> Result<Fitted, Refusal> {
    let target = translate::Target {
        model: &entry.model,
        max_output: entry.max_output,
    };
    let mut new = translate::request(caller, entry.api, body, &target)?;
    if entry.api == Protocol::OpenAi
        && let Some(adapted) = adapt_chat(entry, &new.body)?
    {
        new.body = adapted.whole(&new.body);
    }
    Ok(Fitted {
        rewrite: Some(Rewrite {
            replaces: body.len(),
            length: new.body.len(),
            prefix: new.body,
        }),
        dropped: new.dropped,
    })
}
