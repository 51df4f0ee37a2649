/*! The head of an answer: a provider's, or Envoy's word that there is none. */

use super::answer::{self, AnswerReader, Reading, Seen};
use super::{Ask, Call, OnAnswer, Phase, Route};
use crate::http::{HeaderEdits, Headers};
use crate::identity::Caller;
use crate::protocols::{ErrorKind, Refusal};

impl Call {
    /// A provider has answered.
    pub(super) fn provider_head(
        &mut self,
        caller: Caller,
        ask: Ask,
        status: u16,
        headers: Headers<'_>,
        end: bool,
    ) -> OnAnswer {
        if let Some(refusal) = unfit_answer(status, headers) {
            // A good answer that can't be read was paid for.
            let was_sent = status < 300;
            let reason = format!("provider_status_{status}");
            return self.fail(caller, ask, &refusal, was_sent, reason);
        }
        let content_type = headers.text("content-type").unwrap_or_default();
        let reading = Reading {
            protocol: self.protocol,
            strip_usage: ask.strip_usage,
            judges_end: matches!(ask.route, Route::Model(_)),
            model: None,
        };
        let reader = AnswerReader::new(reading, status, content_type);
        let mut edits = HeaderEdits {
            remove: answer::account_headers(headers),
            set: Vec::new(),
        };
        if reader.changes_length() && headers.has("content-length") {
            edits.remove.push("content-length".to_owned());
        }
        let held = matches!(reader, AnswerReader::Error { .. }) && !end;
        self.phase = Phase::Answering {
            caller,
            ask,
            status,
            reader,
            seen: Seen::default(),
            ended: end,
        };
        if held {
            OnAnswer::Hold(edits)
        } else {
            OnAnswer::Forward(edits)
        }
    }

    /// Envoy could not get an answer.
    pub(super) fn failed(
        &mut self,
        caller: Caller,
        ask: Ask,
        status: u16,
        details: &str,
    ) -> OnAnswer {
        let refusal = envoy_refusal(status, details);
        self.fail(caller, ask, &refusal, was_sent(details), details.to_owned())
    }

    fn fail(
        &mut self,
        caller: Caller,
        ask: Ask,
        refusal: &Refusal,
        was_sent: bool,
        reason: String,
    ) -> OnAnswer {
        let reply = refusal.reply(self.protocol);
        self.phase = Phase::Failed {
            caller,
            ask,
            status: reply.status,
            outcome: refusal.code,
            was_sent,
            reason,
        };
        OnAnswer::Reply(reply)
    }
}

/// Envoy's word for an answer that a provider has given.
pub(super) const VIA_UPSTREAM: &str = "via_upstream";

/// Whether a failed call may have reached the provider: if Envoy lost a connection that it
/// had, or waited for an answer. Words of `response.code_details`, Envoy 1.40.
fn was_sent(details: &str) -> bool {
    const SENT: [&str; 3] = ["upstream_reset", "timeout", "max_stream_duration"];
    const NEVER: [&str; 4] = [
        "connection_failure",
        "connection_timeout",
        "overflow",
        "refused_stream",
    ];
    let says = |words: &[&str]| words.iter().any(|word| details.contains(word));
    says(&SENT) && !says(&NEVER)
}

/// An error that Envoy made instead of a provider's answer, for the caller.
fn envoy_refusal(status: u16, details: &str) -> Refusal {
    let (code, message) = match status {
        413 => return reading_refusal(status),
        429 => ("rate_limit_exceeded", "Too many requests."),
        _ if status == 504 || details.contains("timeout") => {
            ("upstream_timeout", "The provider did not answer in time.")
        }
        500.. => ("upstream_unavailable", "The provider can't be reached."),
        _ => ("rejected", "The request was rejected before it was sent."),
    };
    Refusal::new(ErrorKind::of_status(status), code, message)
}

/// An error that Envoy made while the request was still coming.
pub(super) fn reading_refusal(status: u16) -> Refusal {
    let (code, message) = match status {
        408 => ("request_timeout", "The request did not arrive in time."),
        413 => (
            "request_too_large",
            "The request body is longer than this gateway accepts.",
        ),
        _ => ("rejected", "The request was rejected before it was read."),
    };
    Refusal::new(ErrorKind::of_status(status), code, message)
}

/// Answers of a provider that can't be passed on.
fn unfit_answer(status: u16, headers: Headers<'_>) -> Option<Refusal> {
    if matches!(status, 401 | 403) {
        return Some(Refusal::new(
            ErrorKind::BadGateway,
            "upstream_auth",
            "The provider refused the gateway's credentials; its operator has to see to it.",
        ));
    }
    if (300..400).contains(&status) {
        return Some(Refusal::new(
            ErrorKind::BadGateway,
            "upstream_redirect",
            "The provider sent a redirect, which this gateway does not follow.",
        ));
    }
    if status >= 400 && declared_length(headers) > answer::MAX_ERROR_BODY {
        return Some(Refusal::new(
            ErrorKind::of_status(status),
            "upstream_error",
            "The provider's error message is too long to be shown.",
        ));
    }
    headers.encoded().then(|| {
        Refusal::new(
            ErrorKind::BadGateway,
            "upstream_encoding",
            "The provider sent an encoded answer that was not asked for and can't be read.",
        )
    })
}

/// What an answer says of its length, in bytes; 0 if nothing.
fn declared_length(headers: Headers<'_>) -> usize {
    let length = headers.text("content-length");
    length.and_then(|text| text.parse().ok()).unwrap_or(0)
}
