/*! One call, from its first byte to its settlement.

Sans-IO: events come in (a head, bytes, the end), actions go out. The `Phase` owns what
is known at each point; whatever happens, [`Call::finish`] settles exactly once. */

mod answer;
mod endpoint;
mod finish;
mod held;
mod provider;
mod request;
mod serve;

pub use answer::{OnData, account_headers};
pub use finish::End;
pub use held::HeldMeter;
pub use request::CLUSTER_HEADER;

use crate::config::{Backend, Model, Policy, Target};
use crate::host::{Host, Instant};
use crate::http::{HeaderEdits, Headers};
use crate::identity::{self, Caller, Peer};
use crate::json::Rewrite;
use crate::protocols::{ErrorKind, Protocol, Refusal, Reply};
use crate::state::Space;
use crate::telemetry::Metrics;
use answer::{AnswerReader, Seen};
use endpoint::Endpoint;
use held::HeldBytes;
use provider::{VIA_UPSTREAM, reading_refusal};
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
        framed: bool,
        held: HeldBytes,
    },
    /// At the provider, no answer yet.
    Sent {
        caller: Caller,
        ask: Ask,
        /// Envoy holds the body until the provider has read it.
        _held: HeldBytes,
    },
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
        /// Why, in Envoy's words or the provider's status; for operators only.
        reason: String,
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
    Pass(Rc<Backend>),
}

impl Route {
    fn target(&self) -> Option<&Target> {
        match self {
            Self::Model(model) => model.first().map(Rc::as_ref),
            Self::Pass(_) => None,
        }
    }
}

/// How much of an `x-request-id` goes into the record, in characters; a UUID has 36.
const MAX_REQUEST_ID: usize = 64;

/// Refused requests wait this long before they are worth trying again, in seconds.
const RETRY_AFTER: &str = "1";

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
            Endpoint::Chat => self.chat_head(caller, headers, end),
            Endpoint::Models => self.all_models(caller),
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
            .header("retry-after", RETRY_AFTER)
        };
        Some(self.refuse_reading(&refusal))
    }

    /// The body is whole: `body`, of which Envoy said that it has `expected` bytes.
    pub fn request_body(&mut self, body: &[u8], expected: usize) -> OnBody {
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Reading {
                caller,
                edits,
                framed,
                held,
            } if body.len() == expected => self.send_chat(caller, edits, framed, held, body),
            // What was not read must not pass.
            Phase::Reading { caller, .. } => OnBody::Reply(self.lost(Some(caller))),
            _ => OnBody::Reply(self.lost(None)),
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
            Phase::Sent { caller, ask, .. } if status >= 400 => match details() {
                from if from == VIA_UPSTREAM => {
                    self.provider_head(caller, ask, status, headers, end)
                }
                envoy => self.failed(caller, ask, status, &envoy),
            },
            Phase::Sent { caller, ask, .. } => {
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
    pub fn answer_data(&mut self, host: &dyn Host, piece: &[u8], end: bool) -> OnData {
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
        // The clock is a host call: read only when the first text comes.
        reader.data(seen, piece, end, &|| host.now())
    }

    /// Whether bytes of the request may pass: only those of a call that was sent on.
    pub const fn passes_request(&self) -> bool {
        matches!(self.phase, Phase::Sent { .. } | Phase::Answering { .. })
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
        reader.trailers(seen, &|| host.now());
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

    /// Refuses a call whose body did not come here as Envoy said.
    fn lost(&mut self, caller: Option<Caller>) -> Reply {
        let message = "The gateway could not read the request.";
        let refusal = Refusal::new(ErrorKind::Internal, "internal", message);
        self.refuse(caller, None, &refusal)
    }

    fn refuse_reading(&mut self, refusal: &Refusal) -> Reply {
        let caller = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Reading { caller, .. } => Some(caller),
            _ => None,
        };
        self.refuse(caller, None, refusal)
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
}

#[cfg(test)]
mod tests;
