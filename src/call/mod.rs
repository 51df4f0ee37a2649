/*! One call, from its first byte to its settlement.

Sans-IO: events come in (a head, bytes, the end), actions go out. The [`Phase`] owns what
is known at each point; whatever happens, [`Call::finish`] settles exactly once. */

mod answer;
mod endpoint;
mod finish;
mod held;
mod request;

pub use answer::OnData;
pub use finish::End;
pub use held::HeldMeter;
pub use request::CLUSTER_HEADER;

use crate::config::{Model, OtherPaths, Policy, Role, Target};
use crate::host::{Host, Instant};
use crate::http::{HeaderEdits, Headers};
use crate::identity::{self, Caller, Peer};
use crate::json::Rewrite;
use crate::ledger::Totals;
use crate::protocols::openai::{model_entry, model_list, read_chat};
use crate::protocols::{ErrorKind, Protocol, Refusal, Reply};
use crate::routing;
use crate::state::Space;
use crate::telemetry::Metrics;
use answer::{AnswerReader, Seen};
use endpoint::Endpoint;
use held::HeldBytes;
use serde_json::json;
use std::rc::Rc;

/// What all calls of one policy share in one virtual machine.
#[derive(Debug)]
pub struct Gateway {
    /// The policy.
    pub policy: Policy,
    /// Where its shared records are.
    pub space: Space,
    /// Its metrics.
    pub metrics: Metrics,
    /// The request bytes that are held.
    pub held: Rc<HeldMeter>,
}

impl Gateway {
    /// Starts to serve `policy`; `namespace` is the plugin's name, used unless the policy
    /// has one of its own.
    pub fn new(policy: Policy, namespace: &str) -> Self {
        let namespace = policy.namespace.as_deref().unwrap_or(namespace);
        Self {
            space: Space::new(namespace),
            metrics: Metrics::default(),
            held: Rc::default(),
            policy,
        }
    }
}

/// What to do with a request's head.
#[derive(Debug, PartialEq, Eq)]
pub enum OnHead {
    /// Hold it until the body is whole.
    Hold,
    /// Send it on; the body is not looked at.
    Forward(HeaderEdits),
    /// Answer it.
    Reply(Reply),
}

/// What to do with a request whose body is whole.
#[derive(Debug, PartialEq, Eq)]
pub enum OnBody {
    /// Send it on with these changes.
    Forward(HeaderEdits, Option<Rewrite>),
    /// Answer it.
    Reply(Reply),
}

/// What to do with an answer's head.
#[derive(Debug, PartialEq, Eq)]
pub enum OnAnswer {
    /// Send it on.
    Forward(HeaderEdits),
    /// Hold it until the body is whole: errors may turn out to need other headers.
    Hold(HeaderEdits),
    /// Replace it.
    Reply(Reply),
    /// It is Tollgate's own: leave it alone.
    Own,
}

/// One call.
#[derive(Debug)]
pub struct Call {
    gateway: Rc<Gateway>,
    protocol: Protocol,
    operation: &'static str,
    request_id: String,
    started: Instant,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// No head has come (yet: an earlier filter may answer without us).
    Idle,
    /// The head is held, the body is coming.
    Reading {
        caller: Caller,
        edits: HeaderEdits,
        path: String,
        framed: bool,
        held: HeldBytes,
    },
    /// At the provider, no answer yet.
    Sent { caller: Caller, ask: Ask },
    /// The answer is passing.
    Answering {
        caller: Caller,
        ask: Ask,
        status: u16,
        reader: AnswerReader,
        seen: Seen,
        ended: bool,
    },
    /// Answered by Tollgate.
    Answered {
        caller: Option<Caller>,
        model: Option<Rc<Model>>,
        status: u16,
        outcome: &'static str,
    },
    /// The way to the provider failed; Envoy's error was put into the caller's protocol.
    Failed {
        caller: Caller,
        ask: Ask,
        status: u16,
        outcome: &'static str,
        /// Whether the provider may have worked on the call.
        was_sent: bool,
    },
    /// Settled; nothing is left to do.
    Settled,
}

/// What was sent, and where.
#[derive(Debug)]
struct Ask {
    route: Route,
    stream: bool,
    strip_usage: bool,
    text_bytes: u64,
}

#[derive(Debug)]
enum Route {
    /// To the first target of a virtual model.
    Model(Rc<Model>),
    /// Past all inspection, because the policy says so.
    Pass(Rc<crate::config::Backend>),
}

impl Route {
    fn target(&self) -> Option<&Target> {
        match self {
            Self::Model(model) => Some(&model.first),
            Self::Pass(_) => None,
        }
    }
}

/// How much of an `x-request-id` goes into the record, in characters; a UUID has 36.
const MAX_REQUEST_ID: usize = 64;

/// Refused requests wait this long before they are worth trying again, in seconds.
const RETRY_AFTER: u32 = 1;

impl Call {
    /// A call that has not begun.
    pub fn new(gateway: Rc<Gateway>, now: Instant) -> Self {
        Self {
            gateway,
            protocol: Protocol::default(),
            operation: "none",
            request_id: String::new(),
            started: now,
            phase: Phase::Idle,
        }
    }

    /// The head of the request has come; `end` if there is no body.
    pub fn request_head(
        &mut self,
        host: &dyn Host,
        headers: Headers<'_>,
        peer: &dyn Peer,
        end: bool,
    ) -> OnHead {
        let path = headers.text(":path").unwrap_or_default();
        let endpoint = Endpoint::at(path);
        self.protocol = Protocol::of(path, headers.has("anthropic-version"));
        self.operation = endpoint.operation();
        self.name_request(headers.text("x-request-id").unwrap_or_default());
        let rules = &self.gateway.policy.identity;
        let caller = match identity::identify(rules, headers, peer, self.started) {
            Ok(caller) => caller,
            Err(refusal) => return OnHead::Reply(self.refuse(None, None, &refusal)),
        };
        let method = headers.text(":method").unwrap_or_default();
        if let Err(refusal) = endpoint.check_method(method) {
            return OnHead::Reply(self.refuse(Some(caller), None, &refusal));
        }
        match endpoint {
            Endpoint::Chat => self.chat_head(caller, headers, path, end),
            Endpoint::Models => {
                let names = caller.tenant.models.iter().map(|model| model.name.as_str());
                let reply = Reply::json(200, &model_list(names));
                OnHead::Reply(self.answer(caller, reply))
            }
            Endpoint::Model(name) => self.one_model(caller, name),
            Endpoint::Usage => self.usage(host, caller),
            Endpoint::Other(below) => self.other_path(caller, headers, path, below),
        }
    }

    /// `total` bytes of the body are held by now.
    pub fn request_grows(&mut self, total: usize) -> Option<Reply> {
        let limits = &self.gateway.policy.limits;
        let Phase::Reading { held, .. } = &mut self.phase else {
            return None;
        };
        let total = u64::try_from(total).unwrap_or(u64::MAX);
        let refusal = if total > limits.body {
            request::too_large(limits)
        } else if held.grow_to(total, limits.held_per_tenant) {
            return None;
        } else {
            Refusal::new(
                ErrorKind::RateLimit,
                "too_many_bytes_held",
                "Too many large requests of this tenant are being read at once.",
            )
            .retry_after(RETRY_AFTER)
        };
        Some(self.refuse_reading(None, &refusal))
    }

    /// The body is whole.
    pub fn request_body(&mut self, body: &[u8]) -> OnBody {
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Reading {
                caller,
                edits,
                path,
                framed,
                ..
            } => self.send_chat(caller, edits, &path, framed, body),
            other => {
                self.phase = other;
                OnBody::Forward(HeaderEdits::default(), None)
            }
        }
    }

    /// The head of the answer has come; `details` is Envoy's `response.code_details`, asked
    /// for only when needed.
    pub fn answer_head(
        &mut self,
        headers: Headers<'_>,
        end: bool,
        details: impl FnOnce() -> String,
    ) -> OnAnswer {
        let status = headers.text(":status").and_then(|text| text.parse().ok());
        let status: u16 = status.unwrap_or(0);
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Sent { caller, ask } => {
                if status >= 400 {
                    let details = details();
                    if details != VIA_UPSTREAM {
                        return self.failed(caller, ask, status, &details);
                    }
                }
                self.provider_head(caller, ask, status, headers, end)
            }
            Phase::Reading { caller, .. } if status >= 400 => {
                let refusal = reading_refusal(status);
                OnAnswer::Reply(self.refuse(Some(caller), None, &refusal))
            }
            other => {
                self.phase = other;
                OnAnswer::Own
            }
        }
    }

    /// A piece of the answer's body; `end` if it is the last.
    pub fn answer_data(&mut self, piece: &[u8], end: bool, now: Instant) -> OnData {
        let Phase::Answering {
            reader,
            seen,
            ended,
            ..
        } = &mut self.phase
        else {
            return OnData::Pass;
        };
        *ended |= end;
        reader.data(seen, piece, end, now)
    }

    /// Whether the request's body is being read.
    pub const fn reads_request(&self) -> bool {
        matches!(self.phase, Phase::Reading { .. })
    }

    /// Whether pieces of the answer's body are worth looking at.
    pub const fn reads_answer(&self) -> bool {
        matches!(self.phase, Phase::Answering { .. })
    }

    /// Whether the answer's body waits until it is whole.
    pub const fn holds_answer(&self) -> bool {
        matches!(
            self.phase,
            Phase::Answering {
                reader: AnswerReader::Error { replaced: false },
                ended: false,
                ..
            }
        )
    }

    /// The answer ends in trailers.
    pub fn answer_trailers(&mut self, host: &dyn Host) {
        let Phase::Answering {
            reader,
            seen,
            ended,
            ..
        } = &mut self.phase
        else {
            return;
        };
        *ended = true;
        reader.trailers(seen, host.now());
        if seen.dropped > 0 {
            let metrics = &self.gateway.metrics;
            metrics.event(host, "tollgate.unfinished_events_dropped_total");
        }
    }

    fn name_request(&mut self, id: &str) {
        self.request_id = id.chars().take(MAX_REQUEST_ID).collect();
    }

    fn refuse(
        &mut self,
        caller: Option<Caller>,
        model: Option<Rc<Model>>,
        refusal: &Refusal,
    ) -> Reply {
        let reply = refusal.reply(self.protocol);
        self.phase = Phase::Answered {
            caller,
            model,
            status: reply.status,
            outcome: refusal.code,
        };
        reply
    }

    fn refuse_reading(&mut self, model: Option<Rc<Model>>, refusal: &Refusal) -> Reply {
        let caller = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Reading { caller, .. } => Some(caller),
            _ => None,
        };
        self.refuse(caller, model, refusal)
    }

    fn answer(&mut self, caller: Caller, reply: Reply) -> Reply {
        self.phase = Phase::Answered {
            caller: Some(caller),
            model: None,
            status: reply.status,
            outcome: "ok",
        };
        reply
    }

    fn chat_head(&mut self, caller: Caller, headers: Headers<'_>, path: &str, end: bool) -> OnHead {
        let policy = &self.gateway.policy;
        if let Err(refusal) = request::check_body_head(headers, &policy.limits) {
            return OnHead::Reply(self.refuse(Some(caller), None, &refusal));
        }
        let query = path.find('?').and_then(|at| path.get(at..));
        self.phase = Phase::Reading {
            edits: request::clean(headers, &policy.identity),
            path: format!("/chat/completions{}", query.unwrap_or_default()),
            framed: headers.has("content-length"),
            held: HeldBytes::new(&self.gateway.held, &caller.tenant.name),
            caller,
        };
        if !end {
            return OnHead::Hold;
        }
        match self.request_body(&[]) {
            OnBody::Reply(reply) => OnHead::Reply(reply),
            OnBody::Forward(edits, _) => OnHead::Forward(edits),
        }
    }

    fn send_chat(
        &mut self,
        caller: Caller,
        mut edits: HeaderEdits,
        path: &str,
        framed: bool,
        body: &[u8],
    ) -> OnBody {
        let request = match read_chat(body) {
            Ok(request) => request,
            Err(refusal) => return OnBody::Reply(self.refuse(Some(caller), None, &refusal)),
        };
        let policy = &self.gateway.policy;
        let model = match routing::find_model(policy, &caller.tenant, &request.model) {
            Ok(model) => model,
            Err(refusal) => {
                let known = policy.models.get(request.model.as_ref()).cloned();
                return OnBody::Reply(self.refuse(Some(caller), known, &refusal));
            }
        };
        let target = &model.first;
        request::address(&mut edits, &target.backend, path);
        let rewrite = request.rewrite(body, &target.model);
        if let Some(rewrite) = rewrite.as_ref().filter(|_| framed) {
            let length = rewrite.length.to_string();
            edits.set.push(("content-length", length));
        }
        let ask = Ask {
            stream: request.stream,
            strip_usage: request.stream && !request.asks_for_usage(),
            text_bytes: request.text_bytes,
            route: Route::Model(model),
        };
        self.phase = Phase::Sent { caller, ask };
        OnBody::Forward(edits, rewrite)
    }

    fn one_model(&mut self, caller: Caller, name: &str) -> OnHead {
        let name = endpoint::decode_segment(name).unwrap_or_default();
        match routing::find_model(&self.gateway.policy, &caller.tenant, &name) {
            Ok(model) => {
                let reply = Reply::json(200, &model_entry(&model.name));
                OnHead::Reply(self.answer(caller, reply))
            }
            Err(refusal) => OnHead::Reply(self.refuse(Some(caller), None, &refusal)),
        }
    }

    /// The totals of the caller's tenant.
    fn usage(&mut self, host: &dyn Host, caller: Caller) -> OnHead {
        if caller.role != Role::Admin {
            let refusal = Refusal::new(
                ErrorKind::Permission,
                "admin_only",
                "The usage of a tenant is shown to keys of role admin.",
            );
            return OnHead::Reply(self.refuse(Some(caller), None, &refusal));
        }
        let tenant = &caller.tenant;
        let named = tenant.models.iter().map(|model| model.name.as_str());
        let models = named.chain([finish::NO_MODEL]).map(|model| {
            let totals = Totals::read(host, &self.gateway.space, &tenant.name, model);
            (model.to_owned(), usage_entry(&totals))
        });
        let models: serde_json::Map<String, serde_json::Value> = models.collect();
        let value = json!({
            "object": "tollgate.usage", "tenant": tenant.name, "models": models,
        });
        let reply = Reply::json(200, &value);
        OnHead::Reply(self.answer(caller, reply))
    }

    fn other_path(
        &mut self,
        caller: Caller,
        headers: Headers<'_>,
        path: &str,
        below: Option<&str>,
    ) -> OnHead {
        let policy = &self.gateway.policy;
        let (OtherPaths::Pass(backend), Some(below)) = (&policy.other_paths, below) else {
            let refusal = Refusal::new(
                ErrorKind::NotFound,
                "unknown_endpoint",
                "This gateway has no such endpoint.",
            );
            return OnHead::Reply(self.refuse(Some(caller), None, &refusal));
        };
        let backend = Rc::clone(backend);
        let query = path.find('?').and_then(|at| path.get(at..));
        let mut edits = request::clean(headers, &policy.identity);
        let path = format!("{below}{}", query.unwrap_or_default());
        request::address(&mut edits, &backend, &path);
        let ask = Ask {
            route: Route::Pass(backend),
            stream: false,
            strip_usage: false,
            text_bytes: 0,
        };
        self.phase = Phase::Sent { caller, ask };
        OnHead::Forward(edits)
    }

    /// A provider has answered.
    fn provider_head(
        &mut self,
        caller: Caller,
        ask: Ask,
        status: u16,
        headers: Headers<'_>,
        end: bool,
    ) -> OnAnswer {
        if let Some(refusal) = unfit_answer(status, headers) {
            let reply = refusal.reply(self.protocol);
            self.phase = Phase::Failed {
                caller,
                ask,
                status: reply.status,
                outcome: refusal.code,
                // A good answer that can't be read was paid for.
                was_sent: status < 400,
            };
            return OnAnswer::Reply(reply);
        }
        let content_type = headers.text("content-type").unwrap_or_default();
        let reader = AnswerReader::new(status, content_type, ask.strip_usage);
        let mut edits = HeaderEdits {
            remove: answer::account_headers(headers),
            set: Vec::new(),
        };
        if may_change_length(&reader, headers) {
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
    fn failed(&mut self, caller: Caller, ask: Ask, status: u16, details: &str) -> OnAnswer {
        let refusal = envoy_refusal(status, details);
        let reply = refusal.reply(self.protocol);
        self.phase = Phase::Failed {
            caller,
            ask,
            status: reply.status,
            outcome: refusal.code,
            was_sent: was_sent(details),
        };
        OnAnswer::Reply(reply)
    }
}

/// Envoy's word for an answer that a provider has given.
const VIA_UPSTREAM: &str = "via_upstream";

/// Whether a failed call may have reached the provider: if Envoy lost a connection that it
/// had, or waited for an answer. Words of `response.code_details`, Envoy 1.40.
fn was_sent(details: &str) -> bool {
    const SENT: [&str; 3] = ["upstream_reset", "timeout", "max_stream_duration"];
    const NEVER: [&str; 3] = ["connection_failure", "connection_timeout", "overflow"];
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
fn reading_refusal(status: u16) -> Refusal {
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
    let mut encodings = headers.all("content-encoding");
    let encoded = encodings.any(|value| !value.trim_ascii().eq_ignore_ascii_case(b"identity"));
    encoded.then(|| {
        Refusal::new(
            ErrorKind::BadGateway,
            "upstream_encoding",
            "The provider sent an encoded answer that was not asked for and can't be read.",
        )
    })
}

/// Whether the body's length may change on its way: a stream may lose an event, an error
/// that is too long to be checked is replaced.
fn may_change_length(reader: &AnswerReader, headers: Headers<'_>) -> bool {
    let length = headers.text("content-length");
    let Some(length) = length.and_then(|length| length.parse::<usize>().ok()) else {
        return false;
    };
    match reader {
        AnswerReader::Stream(_) => true,
        AnswerReader::Error { .. } => length > answer::MAX_ERROR_BODY,
        AnswerReader::Json(_) | AnswerReader::Opaque { .. } => false,
    }
}

fn usage_entry(totals: &Totals) -> serde_json::Value {
    json!({
        "calls": totals.calls,
        "estimated": totals.estimated,
        "failed": totals.failed,
        "local": totals.local,
        "input_tokens": totals.usage.input,
        "output_tokens": totals.usage.output,
        "cached_tokens": totals.usage.cached,
        "reasoning_tokens": totals.usage.reasoning,
    })
}

#[cfg(test)]
mod tests;
