/*! Guardrails that ask a service: what it is asked about the texts of a call, and what its
answer says of them.

Sans-IO and without state: [`question`] makes the request, [`findings`] reads the answer with
the same texts at hand. */

mod chat;
mod generic;
mod llama_guard;
mod marks;
mod moderation;
mod panel;
mod presidio;
mod questions;
mod reading;
mod remembered;
mod speech;
mod steps;
mod texts;

#[cfg(test)]
mod tests;

pub use panel::ballot;
pub use questions::{Open, Questions, Report, Ruling};
pub use remembered::Remembered;
pub use steps::{Made, Question, StepUsage, Work, heard, kinds, most, step_request};
pub use texts::{Mask, Texts};

use crate::config::{Phase, Service, ServiceKind};
use crate::http::{Answer, Callout};

/// Most bytes of texts that a service is asked about in one call. Presidio's language engine
/// refuses more than a million characters.
pub const MAX_ASKED: usize = 1_000_000;

/// Longest answer that is read, in bytes.
pub const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// Most reasons that are kept of an answer, and most bytes of each.
const MAX_REASONS: usize = 16;
const MAX_NAME: usize = 64;

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// The guardrail's name.
    pub guardrail: &'a str,
    /// Which way the texts go.
    pub phase: Phase,
    /// What the answer comes back with.
    pub token: u64,
}

/// Why nothing is known of the texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The texts are longer than [`MAX_ASKED`].
    TooLong,
    /// Envoy did not make the request: there is no such cluster, or too much is on its way
    /// to it.
    NotSent,
    /// No answer came in time.
    Timeout,
    /// The service answered with this status, or Envoy did in its place.
    Status(u16),
    /// The answer is too long, or is none.
    Unreadable,
}

/// What a service says of texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// Values in the texts, in order, none over another.
    pub values: Vec<Found>,
    /// Whether it objects to the whole.
    pub flagged: bool,
    /// Why, in words of the service's; never text of a call's.
    pub reasons: Vec<String>,
}

/// A value in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Which text, counted from 0.
    pub text: usize,
    /// Its first byte.
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
    /// What it is: letters, digits and `_`, at most 64.
    pub name: String,
}

impl Failure {
    /// Its code in records and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::NotSent => "not_sent",
            Self::Timeout => "timeout",
            Self::Status(_) => "status",
            Self::Unreadable => "unreadable",
        }
    }
}

/// The request that asks `service` about `texts`, of which there must be one.
///
/// # Errors
/// [`Failure::TooLong`].
pub fn question(service: &Service, asker: Asker<'_>, texts: &[String]) -> Result<Callout, Failure> {
    let total = texts
        .iter()
        .fold(0, |total: usize, text| total.saturating_add(text.len()));
    if total > MAX_ASKED {
        return Err(Failure::TooLong);
    }
    let body = match &service.kind {
        ServiceKind::Presidio(settings) => presidio::question(settings, texts),
        ServiceKind::OpenAiModeration(settings) => moderation::question(settings, texts),
        ServiceKind::LlamaGuard(settings) => llama_guard::question(settings, asker, texts),
        ServiceKind::Generic => generic::question(asker, texts),
    };
    Ok(Callout {
        token: asker.token,
        cluster: service.cluster.clone(),
        method: "POST",
        authority: service.authority.clone(),
        path: service.path.clone(),
        headers: vec![("content-type", "application/json")],
        body: body.into_bytes(),
        timeout_ms: service.timeout_ms,
    })
}

/// What the answer to a [`question`] about `texts` says.
///
/// # Errors
/// Nothing that could be relied on.
pub fn findings(service: &Service, texts: &[String], answer: &Answer) -> Result<Findings, Failure> {
    match answer.status {
        200..=299 => {}
        504 => return Err(Failure::Timeout),
        status => return Err(Failure::Status(status)),
    }
    if answer.body.len() > MAX_ANSWER {
        return Err(Failure::Unreadable);
    }
    let read = match &service.kind {
        ServiceKind::Presidio(_) => presidio::findings(texts, &answer.body),
        ServiceKind::OpenAiModeration(settings) => {
            moderation::findings(settings, texts, &answer.body)
        }
        ServiceKind::LlamaGuard(settings) => llama_guard::findings(settings, &answer.body),
        ServiceKind::Generic => generic::findings(texts, &answer.body),
    };
    read.ok_or(Failure::Unreadable)
}
