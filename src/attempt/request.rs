/*! The request, made to fit one provider. */

use super::frames::Frames;
use super::headers::{is_foreign, is_of_a_protocol, known};
use super::{Attempt, Entry, KeyHeader, MaxTokensName};
use crate::http::{HeaderEdits, Headers};
use crate::json::Rewrite;
use crate::protocols::anthropic;
use crate::protocols::openai::Adapt;
use crate::protocols::translate::{self, ChatApi, ProviderApi};
use crate::protocols::{Api, ErrorKind, Protocol, Refusal, Request};
use crate::tokens::Prompt;
use std::hash::{DefaultHasher, Hash, Hasher};

/// In front of a backend's name: the header in which the operator's credential waits where
/// one filter serves several backends.
const CREDENTIAL: &str = "x-tollgate-internal-credential-";

impl Attempt {
    /// The headers of a head as the first try finds it, if further tries have to know them:
    /// tries share one head, and the filters behind this one put headers into it, or values
    /// over others, that are one provider's alone. Names and hashes only.
    pub fn head_to_keep(&self, headers: Headers<'_>) -> Option<Vec<u8>> {
        let first = self.tries.0.len() == 1;
        (first && self.plan.tries.len() > 1).then(|| {
            let headers = headers.0.iter();
            let lines: Vec<String> = headers.map(|(name, value)| mark(name, value)).collect();
            lines.join("\n").into_bytes()
        })
    }

    /// The edits of the head. Whatever an earlier try has left is removed; `kept` is what
    /// [`Attempt::head_to_keep`] said to the first one.
    pub fn request_head(&self, headers: Headers<'_>, kept: Option<&[u8]>) -> HeaderEdits {
        let entry = &self.entry;
        let left = kept.map(|kept| left_behind(headers, kept));
        let left = left.unwrap_or_default();
        let is_left = |name: &str| left.contains(&name);
        let mut edits = HeaderEdits {
            remove: headers
                .names(|name| is_foreign(name) || is_of_a_protocol(name) || is_left(name)),
            set: vec![(":path", entry.path.clone())],
        };
        // Without one of its own the host is the route's, unless an earlier target had one.
        let again = kept.is_some().then_some(&self.plan.authority);
        let authority = entry.authority.as_ref().or(again);
        if let Some(authority) = authority.filter(|authority| !authority.is_empty()) {
            edits.set.push((":authority", authority.clone()));
        }
        // Envoy's header names are in lower case.
        let backend = entry.backend.to_ascii_lowercase();
        let waiting = headers.text(&format!("{CREDENTIAL}{backend}"));
        let waiting = waiting.map(|value| (key_header(entry, value), value.to_owned()));
        edits.set.extend(waiting);
        edits.set.extend(self.protocol_headers());
        edits
    }

    /// Headers of the provider's protocol: the caller's own where it speaks it too.
    fn protocol_headers(&self) -> Vec<(&'static str, String)> {
        let mut set = Vec::new();
        let protocol = self.entry.api.protocol();
        if protocol == Protocol::Anthropic {
            let (name, value) = anthropic::VERSION;
            set.push((name, value.to_owned()));
        }
        if protocol == Protocol::Bedrock {
            let kind = match self.plan.stream {
                true => Frames::content_type(self.entry.api),
                false => "application/json",
            };
            set.push(("accept", kind.to_owned()));
        }
        for (name, value) in &self.plan.headers {
            if let Some(name) = known(protocol, name) {
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
        let request = Request::read(self.plan.caller, body, Prompt::by_length())?;
        self.fit(&request, body)
    }

    /// As [`Attempt::request_body`], for a body that was read before.
    ///
    /// # Errors
    /// The same.
    pub fn fit(&self, request: &Request<'_>, body: &[u8]) -> Result<Fitted, Refusal> {
        fit(self.plan.caller, &self.entry, request, body)
    }
}

/// Where a credential belongs. Google takes keys in one header, and tokens (Vertex AI) in another.
fn key_header(entry: &Entry, credential: &str) -> &'static str {
    let is_token = credential.starts_with("Bearer ");
    match entry.key_header {
        KeyHeader::XGoogApiKey if is_token => KeyHeader::Authorization.as_str(),
        header => header.as_str(),
    }
}

/// A header as [`Attempt::head_to_keep`] notes it: its name and 32 bits of a hash of its value,
/// enough to see that it changed and too few to tell what it was.
fn mark(name: &str, value: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    format!("{name}={:08x}", hasher.finish() & 0xFFFF_FFFF)
}

/// The names of headers that are not as the first try found them.
fn left_behind<'h>(headers: Headers<'h>, kept: &[u8]) -> Vec<&'h str> {
    let kept: Vec<&[u8]> = kept.split(|byte| *byte == b'\n').collect();
    let changed = |(name, value): &&(String, Vec<u8>)| {
        // Every try sets these itself.
        let own = name.starts_with(':') || name == "content-length";
        !own && !kept.contains(&mark(name, value).as_bytes())
    };
    let changed = headers.0.iter().filter(changed);
    changed.map(|(name, _)| name.as_str()).collect()
}

/// How a body is made to fit.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fitted {
    /// The changes; `None` if it fits as it is.
    pub rewrite: Option<Rewrite>,
    /// Fields for which the provider's protocol has no words and that are left out.
    pub dropped: Vec<&'static str>,
}

/// The changes that make a request by `caller`'s API fit a target.
///
/// # Errors
/// The provider's protocol has no words for something in it.
pub fn fit(
    caller: Api,
    entry: &Entry,
    request: &Request<'_>,
    body: &[u8],
) -> Result<Fitted, Refusal> {
    if caller != entry.api {
        return translated(caller, entry, body);
    }
    Ok(Fitted {
        rewrite: request.adapt(body, &adapt(entry, entry.store)),
        dropped: Vec::new(),
    })
}

/// What one server of a protocol needs that another does not. `store`: whether it may keep the
/// response.
fn adapt(entry: &Entry, store: bool) -> Adapt<'_> {
    Adapt {
        model: &entry.model,
        remove_fields: &entry.remove_fields,
        max_tokens_field: entry.max_tokens_field.map(MaxTokensName::as_str),
        max_output: entry.max_output,
        default_output: entry.default_output,
        ask_usage: true,
        store,
    }
}

fn translated(caller: Api, entry: &Entry, body: &[u8]) -> Result<Fitted, Refusal> {
    let target = translate::Target {
        model: &entry.model,
        max_output: entry.max_output,
        default_output: entry.default_output,
    };
    let Some((from, to)) = ChatApi::of(caller).zip(ProviderApi::of(entry.api)) else {
        return Err(untranslatable());
    };
    let mut new = translate::request(from, to, body, &target)?;
    // Servers of OpenAI's protocol are not all alike. Nobody who asks by another API can have
    // asked for a response to be kept, nor read it there.
    if entry.api.protocol() == Protocol::OpenAi
        && let Some(adapted) = Request::read(entry.api, &new.body, Prompt::by_length())?
            .adapt(&new.body, &adapt(entry, false))
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

/// No plan has such a target.
fn untranslatable() -> Refusal {
    let message = "The provider of this model has no API for this request.";
    Refusal::new(ErrorKind::Invalid, "unsupported_by_provider", message)
}
