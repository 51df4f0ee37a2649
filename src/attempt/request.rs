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
    /// The edits of the head. Whatever an earlier try has left is removed: tries share
    /// one head.
    pub fn request_head(&self, headers: Headers<'_>) -> HeaderEdits {
        let entry = &self.entry;
        let mut edits = HeaderEdits {
            remove: headers.names(|name| is_foreign(name) || is_of_a_protocol(name)),
            set: vec![(":path", entry.path.clone())],
        };
        let authority = entry.authority.iter().cloned();
        edits.set.extend(authority.map(|host| (":authority", host)));
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
        Protocol::Anthropic => read_messages(body)?.adapt(body, &entry.model),
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
