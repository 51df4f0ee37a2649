/*! The head of an answer: a provider's, or Envoy's word that there is none. */

use super::answer::{self, AnswerReader, Ids, OnData, Reading, Seen, Stop, Stopped};
use super::ask::{Adapter, Ask, Route};
use super::batches::BatchCall;
use super::files::FileCall;
use super::global::Limited;
use super::refusing::unscannable;
use super::stored::Keeping;
use super::{Call, OnAnswer, Passage, Phase, side};
use crate::attempt::{Came, Failure, OnAttempt, RETRY_HEADER, Tries, Why};
use crate::config::AnswerModel;
use crate::host::Host;
use crate::http::{HeaderEdits, Headers};
use crate::identity::Caller;
use crate::protocols::{ErrorKind, Refusal, Reply};
use crate::tokens::framing;

/// The head of an answer.
pub(super) struct AnswerHead<'h> {
    pub(super) status: u16,
    pub(super) headers: Headers<'h>,
    /// Whether there is no body.
    pub(super) end: bool,
}

impl Call {
    /// The head of an answer to a request that was sent.
    pub(super) fn sent_head(
        &mut self,
        host: &dyn Host,
        (caller, mut ask): (Caller, Ask),
        head: &AnswerHead<'_>,
        passage: &dyn Passage,
    ) -> OnAnswer {
        let AnswerHead {
            status,
            headers,
            end,
        } = *head;
        let details = (status >= 400).then(|| passage.details());
        if let Some(envoy) = details.filter(|details| details != VIA_UPSTREAM) {
            if let Some(limited) = Limited::of(&envoy, headers) {
                return OnAnswer::Reply(self.limited(host, (caller, ask), &limited, passage));
            }
            return self.failed(host, (caller, ask), status, &envoy, passage);
        }
        let mut edits = HeaderEdits {
            remove: answer::account_headers(headers),
            set: Vec::new(),
        };
        let on = match &mut ask.adapter {
            Adapter::Gateway(attempt) if attempt.is_foreign() => {
                attempt.answer_head(headers, end, host.now())
            }
            Adapter::Gateway(attempt) => {
                attempt.note_head(status, headers, || host.now());
                OnAttempt::Pass
            }
            Adapter::Backends => OnAttempt::Pass,
        };
        if on == OnAttempt::Hold {
            self.phase = Phase::Waiting {
                caller,
                ask,
                status,
            };
            return OnAnswer::Hold(edits);
        }
        let tries = ask.tries(passage);
        self.learn(host, &mut ask, &tries, true);
        let unfit = unfit_answer(status, &tries).or_else(|| unfit_head(status, headers));
        let unfit = unfit.or_else(|| self.gone(status));
        if let Some(refusal) = unfit.or_else(|| no_answer(&tries)) {
            let reason = format!("provider_status_{status}");
            return OnAnswer::Reply(self.fail(caller, ask, &refusal, &tries, reason));
        }
        if status >= 400 && end && ask.latest_is_foreign(&tries, self.api) {
            let reason = format!("provider_status_{status}");
            return OnAnswer::Reply(self.fail(caller, ask, &wordless(status), &tries, reason));
        }
        let content_type = headers.text("content-type").unwrap_or_default();
        if status < 400 && !end && !self.can_inspect(host, &ask, content_type) {
            let reason = format!("provider_status_{status}");
            return OnAnswer::Reply(self.fail(caller, ask, &unscannable(), &tries, reason));
        }
        edits.set.extend(ask.told(&tries, self.api));
        self.caching.tell(&mut edits);
        let said = headers.has("retry-after");
        retry_advice(&mut edits, (self.worth_another(status), said), &tries, host);
        self.guard_error(&caller, status);
        let ids = self.all_ids(&caller, &ask, &tries, status);
        let begun = self.begin(caller, ask, (status, content_type), ids, end);
        if let Phase::Answering { reader, .. } = &mut self.phase {
            let length = headers.text("content-length");
            reader.expect(length.and_then(|length| length.parse().ok()));
        }
        if begun.changes_length && headers.has("content-length") {
            edits.remove.push("content-length".to_owned());
        }
        if begun.held {
            OnAnswer::Hold(edits)
        } else {
            OnAnswer::Forward(edits)
        }
    }

    /// Whether an answer of this type may go on: it can be inspected, or need not be.
    fn can_inspect(&self, host: &dyn Host, ask: &Ask, content_type: &str) -> bool {
        let Some(guard) = &self.guarding.answer else {
            return true;
        };
        // Of sound and images that was settled when they were asked for.
        if self.api.makes_media() || guard.lines.is_some() {
            return true;
        }
        // Where a stream was asked for, it was settled then whether services judge it.
        let judged = !guard.services.is_empty() && !ask.traits.stream;
        let kind = match answer::is_read(self.api, content_type) {
            true if judged && answer::is_stream(content_type) => "streams",
            true => return true,
            false => "answers",
        };
        let metrics = &self.gateway.metrics;
        metrics.unscannable(host, kind, guard.passes_unread);
        guard.passes_unread
    }

    /// Begins to read an answer in the caller's protocol.
    fn begin(
        &mut self,
        caller: Caller,
        ask: Ask,
        (status, content_type): (u16, &str),
        ids: Option<Ids>,
        end: bool,
    ) -> Begun {
        let told = match &ask.route {
            // What was translated has the right name already.
            Route::Model(routed)
                if routed.model.answer_model == AnswerModel::Virtual && !ask.is_foreign() =>
            {
                Some(routed.model.name.clone())
            }
            _ => None,
        };
        let reading = Reading {
            api: self.api,
            strip_usage: ask.strip_usage,
            judges_end: matches!(ask.route, Route::Model(_)),
            model: told,
            stop: match (&ask.held.extension, &self.guarding.answer) {
                (None, None) => Stop::Never,
                (extension, _) => Stop::Possible {
                    prompt: ask.traits.prompt_tokens(),
                    bounded: match extension {
                        Some(extension) => extension.is_bounded(),
                        None => ask.traits.max_output.is_some(),
                    },
                },
            },
            guard: self.guarding.answer.take(),
            ids,
        };
        let echoed = match ask.traits.echoes {
            0 => 0,
            times => {
                let prompt = ask.traits.prompt_tokens();
                let prompt = prompt.saturating_sub(framing::REQUEST);
                prompt.saturating_mul(times)
            }
        };
        if let Some(cache) = &self.gateway.policy.cache {
            let judged = reading.guard.as_ref();
            let judged = judged.is_some_and(|guard| !guard.services.is_empty());
            let longest = usize::try_from(cache.max_entry).unwrap_or(usize::MAX);
            let answer = (self.api, status);
            self.caching.begin(answer, content_type, judged, longest);
        }
        let is_output = matches!(self.keeping, Keeping::File(FileCall::Outputs(_)));
        let mut reader = match is_output && status < 400 && reading.guard.is_none() {
            true => AnswerReader::of_lines(),
            false => AnswerReader::new(reading, status, content_type),
        };
        if self.steps.speaks() {
            let longest = self.gateway.policy.limits.body;
            reader.reads_aloud(usize::try_from(longest).unwrap_or(usize::MAX));
        }
        let begun = Begun {
            changes_length: reader.changes_length(),
            held: reader.holds() && !end,
        };
        self.phase = Phase::Answering {
            caller,
            ask,
            status,
            reader,
            seen: Box::new(Seen {
                echoed,
                ..Seen::default()
            }),
            ended: end,
        };
        begun
    }

    /// A piece of an answer in another protocol, all of it that came so far.
    pub(super) fn waiting_data(&mut self, host: &dyn Host, piece: &[u8], end: bool) -> OnData {
        let Phase::Waiting {
            caller,
            mut ask,
            status,
        } = std::mem::replace(&mut self.phase, Phase::Idle)
        else {
            return OnData::Pass;
        };
        let on = ask.foreign().map(|attempt| attempt.answer_data(piece, end));
        let Some(OnAttempt::Release(mut edits, body)) = on else {
            self.phase = Phase::Waiting {
                caller,
                ask,
                status,
            };
            return OnData::Hold;
        };
        let tries = ask.own_tries();
        self.learn(host, &mut ask, &tries, true);
        let set = |name: &str| edits.set.iter().find(|(known, _)| *known == name);
        let told = set(":status").and_then(|(_, status)| status.parse().ok());
        let status: u16 = told.unwrap_or(status);
        let unfit = unfit_answer(status, &tries).or_else(|| no_answer(&tries));
        if let Some(refusal) = unfit {
            let reason = format!("provider_status_{status}");
            return OnData::Reply(self.fail(caller, ask, &refusal, &tries, reason));
        }
        // There is nobody whom it could ask for another try.
        edits.set.retain(|(name, _)| *name != RETRY_HEADER);
        let set = |name: &str| edits.set.iter().find(|(known, _)| *known == name);
        let content_type = set("content-type").map(|(_, kind)| kind.clone());
        let content_type = content_type.unwrap_or_else(|| "text/event-stream".to_owned());
        if status < 400 && !self.can_inspect(host, &ask, &content_type) {
            let reason = format!("provider_status_{status}");
            return OnData::Reply(self.fail(caller, ask, &unscannable(), &tries, reason));
        }
        edits.set.extend(ask.told(&tries, self.api));
        self.caching.tell(&mut edits);
        retry_advice(
            &mut edits,
            (self.worth_another(status), false),
            &tries,
            host,
        );
        let body = body.unwrap_or_else(|| piece.to_vec());
        self.begin(caller, ask, (status, &content_type), None, false);
        // An error is whole: it was held until then.
        let whole = end || status >= 400;
        let Phase::Answering {
            ask,
            reader,
            seen,
            ended,
            ..
        } = &mut self.phase
        else {
            return OnData::Release(edits, body);
        };
        *ended = end;
        let found = (&mut self.guarding, &mut self.steps);
        let mut side = side(host, &self.gateway, ask, found, &self.request_id);
        let on = reader.data(seen, &body, whole, &mut side);
        self.caching.take(&body, &on);
        let body = match on {
            OnData::Replace(new) => new,
            OnData::Pass => body,
            OnData::Reply(reply) => return OnData::Reply(reply),
            OnData::Ask(callouts) => {
                self.released = Some(edits);
                return OnData::Ask(callouts);
            }
            // A translated answer is whole when it goes on.
            _ => {
                let refusal = unscannable();
                let reply = refusal.reply(self.api.protocol());
                seen.stopped = Stopped::Refused(reply.status, refusal.code);
                return OnData::Reply(reply);
            }
        };
        release(edits, body)
    }

    /// Envoy could not get an answer.
    fn failed(
        &mut self,
        host: &dyn Host,
        (caller, mut ask): (Caller, Ask),
        status: u16,
        details: &str,
        passage: &dyn Passage,
    ) -> OnAnswer {
        if !of_upstream(details) {
            ask.untried();
        } else if !was_sent(details) {
            ask.unsent();
        }
        let tries = ask.tries(passage);
        self.learn(host, &mut ask, &tries, true);
        let refusal = envoy_refusal(status, details);
        let reason = details.to_owned();
        OnAnswer::Reply(self.fail(caller, ask, &refusal, &tries, reason))
    }

    /// Answers in a provider's place.
    fn fail(
        &mut self,
        caller: Caller,
        ask: Ask,
        refusal: &Refusal,
        tries: &Tries,
        reason: String,
    ) -> Reply {
        let mut reply = refusal.reply(self.api.protocol());
        reply.headers.extend(ask.told(tries, self.api));
        self.phase = Phase::Failed {
            caller,
            ask,
            status: reply.status,
            outcome: refusal.code,
            reason,
        };
        reply
    }
}

/// Lets a translated answer go on, with the length that it has now.
pub(super) fn release(mut edits: HeaderEdits, body: Vec<u8>) -> OnData {
    if edits.set.iter().any(|(name, _)| *name == "content-length") {
        edits.set.push(("content-length", body.len().to_string()));
    }
    OnData::Release(edits, body)
}

/// What the head of an answer needs to know of its reader.
struct Begun {
    changes_length: bool,
    held: bool,
}

impl Call {
    /// Whether an error is worth another call; `None`: it is none. What a batch comes to is charged where
    /// nobody knows whether it was made, and would be again.
    fn worth_another(&self, status: u16) -> Option<bool> {
        let made = matches!(self.keeping, Keeping::Batch(BatchCall::Makes(_)));
        match status {
            ..400 => None,
            409 | 429 => Some(true),
            408 | 500.. => Some(!made),
            _ => Some(false),
        }
    }
}

/// Tells the caller of an error whether and when to come back.
/// (What the only provider has said itself stays as it is.)
fn retry_advice(
    edits: &mut HeaderEdits,
    (worth, said): (Option<bool>, bool),
    tries: &Tries,
    host: &dyn Host,
) {
    let Some(worth) = worth else { return };
    edits.set.push(("x-should-retry", worth.to_string()));
    let better = worth && (tries.0.len() > 1 || !said);
    if let Some(seconds) = Ask::retry_after(tries, host.now()).filter(|_| better) {
        // In milliseconds it would win over this one.
        edits.remove.push("retry-after-ms".to_owned());
        edits.set.push(("retry-after", seconds.to_string()));
    }
}

/// Envoy's word for an answer that a provider has given.
pub(super) const VIA_UPSTREAM: &str = "via_upstream";

/// Whether a failed call may have reached the provider: if Envoy lost a connection that it
/// had, or waited for an answer. Words of `response.code_details`, Envoy 1.40.
fn was_sent(details: &str) -> bool {
    const SENT: [&str; 4] = [
        "upstream_reset",
        "timeout",
        "max_stream_duration",
        "response_payload",
    ];
    const NEVER: [&str; 4] = [
        "connection_failure",
        "connection_timeout",
        "overflow",
        "refused_stream",
    ];
    let says = |words: &[&str]| words.iter().any(|word| details.contains(word));
    says(&SENT) && !says(&NEVER)
}

/// Whether Envoy's error is about the way to the provider: not one of a filter behind
/// Tollgate's, such as a rate limit.
fn of_upstream(details: &str) -> bool {
    const WORDS: [&str; 6] = [
        "upstream",
        "timeout",
        "duration",
        "cluster",
        "credential",
        "response_payload",
    ];
    WORDS.iter().any(|word| details.contains(word))
}

/// An error that Envoy made instead of a provider's answer, for the caller.
fn envoy_refusal(status: u16, details: &str) -> Refusal {
    if details.contains("credential") {
        // The operator's key is missing: nothing that the caller could mend.
        return upstream_auth();
    }
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

/// Why the latest try failed, if it did.
fn why_failed(tries: &Tries) -> Option<Why> {
    match tries.0.last().map(|latest| &latest.came) {
        Some(Came::Failed(Failure { why, .. })) => Some(*why),
        _ => None,
    }
}

/// What came under a good status, and is no answer.
fn no_answer(tries: &Tries) -> Option<Refusal> {
    (why_failed(tries) == Some(Why::Garbage)).then(|| {
        Refusal::new(
            ErrorKind::BadGateway,
            "upstream_invalid_answer",
            "The provider sent something that is no answer.",
        )
    })
}

/// Answers that can't be passed on, by their status and what their try has found out.
fn unfit_answer(status: u16, tries: &Tries) -> Option<Refusal> {
    if why_failed(tries) == Some(Why::Auth) || matches!(status, 401..=403) {
        return Some(upstream_auth());
    }
    if (300..400).contains(&status) {
        return Some(Refusal::new(
            ErrorKind::BadGateway,
            "upstream_redirect",
            "The provider sent a redirect, which this gateway does not follow.",
        ));
    }
    None
}

fn upstream_auth() -> Refusal {
    Refusal::new(
        ErrorKind::BadGateway,
        "upstream_auth",
        "The provider refused the gateway's credentials; its operator has to see to it.",
    )
}

/// An error without a body, in the words of another protocol: there are none.
fn wordless(status: u16) -> Refusal {
    let message = "The provider answered with an error and said no more.";
    Refusal::new(ErrorKind::of_status(status), "upstream_error", message)
}

/// Answers that can't be passed on, by their heads.
fn unfit_head(status: u16, headers: Headers<'_>) -> Option<Refusal> {
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
