/*! One call, from its first byte to its settlement.

Sans-IO: events come in (a head, bytes, the end), actions go out. The `Phase` owns what
is known at each point; whatever happens, [`Call::finish`] settles exactly once. */

mod adjusting;
mod answer;
mod ask;
mod asking;
mod background;
mod batches;
mod budget;
mod caching;
mod conversations;
mod counting;
mod endpoint;
mod extend;
mod files;
mod finish;
mod global;
mod guarding;
mod held;
mod limited;
mod models;
mod provider;
mod purging;
mod refusing;
mod request;
mod rules;
mod scoring;
mod sending;
mod serve;
mod stored;
mod tried;
mod usage;
mod workflow;

pub use answer::{OnData, account_headers};
pub use asking::OnAnswered;
pub use finish::End;
pub use global::{FilterState, LIMIT_NAMES, limit_numbers};
pub use held::HeldMeter;
pub use request::CLUSTER_HEADER;

use crate::attempt::OnAttempt;
use crate::cache::store::Store;
use crate::callout::{Failure, Questions, Remembered};
use crate::config::{self, Model, Policy};
use crate::host::{Host, Instant};
use crate::http::{Answer, Callout, HeaderEdits, Headers};
use crate::identity::{self, Caller, Peer};
use crate::json::Rewrite;
use crate::ledger::{Dirty, Slot};
use crate::mask::Verdict;
use crate::protocols::{Api, ErrorKind, Refusal, Reply};
use crate::state::Space;
use crate::telemetry::Metrics;
use answer::{AnswerReader, Context, Seen};
use ask::Ask;
use asking::Asking;
use budget::Held;
use caching::{Caching, Recalling, Replaying, Rests};
use endpoint::Endpoint;
use global::Charge;
use guarding::Guarding;
use held::HeldBytes;
use provider::{AnswerHead, reading_refusal};
use sending::Pending;
use std::cell::RefCell;
use std::rc::Rc;
use stored::{Keeping, Named};
use workflow::{Spoken, Steps, Working};

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
    /// Bytes of answers under way that may be stored.
    pub gathered: Rc<HeldMeter>,
    /// What its calls have changed and the other machines do not know yet.
    pub dirty: Rc<Dirty>,
    /// What judges have said.
    pub remembered: RefCell<Remembered>,
    /// Where answers lie that may be given again; `None`: nowhere.
    pub store: Option<Store>,
    /// Who is not asked for such answers for a while.
    pub(crate) rests: Rests,
}

impl Gateway {
    /// Starts to serve `policy`; `namespace` is the plugin's name, used unless the policy
    /// has one of its own.
    pub fn new(policy: Policy, namespace: &str) -> Self {
        let namespace = policy.namespace.as_deref().unwrap_or(namespace);
        let space = Space::new(namespace);
        let cache = policy.cache.as_ref();
        Self {
            store: cache.map(|cache| Store::new(&space, cache.memory, cache.max_entry)),
            space,
            metrics: Metrics::default(),
            held: Rc::default(),
            gathered: Rc::default(),
            dirty: Rc::default(),
            remembered: RefCell::default(),
            rests: Rests::default(),
            policy,
        }
    }

    /// To be called when the policy begins: what an earlier one has left in the cache, and this
    /// one has no room for, is removed.
    pub fn open(&self, host: &dyn Host) {
        match &self.store {
            Some(store) => store.open(host),
            None => Store::close(host, &self.space),
        }
    }
}

/// What Envoy knows of a call on its way; each is asked for only when needed.
pub trait Passage {
    /// `response.code_details`.
    fn details(&self) -> String;

    /// What the filters in front of providers have noted of their tries.
    fn tries(&self) -> Vec<u8>;
}

/// A request that goes on.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// Changes to its head.
    pub edits: HeaderEdits,
    /// Changes to its body.
    pub rewrite: Option<Rewrite>,
    /// What the filters in front of providers must know.
    pub plan: Option<Vec<u8>>,
    /// What Envoy's rate limit filter must know.
    pub limits: FilterState,
    /// What is asked meanwhile: nothing waits for the answers.
    pub asks: Vec<Callout>,
}

/// What to do with a request's head.
#[derive(Debug, PartialEq, Eq)]
pub enum OnHead {
    /// Hold it until the body is whole.
    Hold,
    /// Send it on; the body is not looked at.
    Forward(Outgoing),
    /// Answer it.
    Reply(Reply),
}

/// What to do with a request whose body is whole.
#[derive(Debug, PartialEq, Eq)]
pub enum OnBody {
    /// Send it on with these changes.
    Forward(Outgoing),
    /// Answer it.
    Reply(Reply),
    /// Hold it, and ask services; [`Call::service_answered`] takes what they say.
    Ask(Vec<Callout>),
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
    api: Api,
    operation: &'static str,
    request_id: String,
    started: Instant,
    phase: Phase,
    charge: Charge,
    guarding: Guarding,
    /// Whether it asked for a stream, if it was not sent at once.
    wants_stream: bool,
    caching: Caching,
    steps: Steps,
    keeping: Keeping,
    /// Files that its request names.
    files: Vec<Named>,
    /// A place for the charge that the call leaves open, and whose it is.
    slot: Option<(String, Slot)>,
    /// Changes to the head of a translated answer that waits for services.
    released: Option<HeaderEdits>,
}

#[derive(Debug)]
enum Phase {
    /// No head has come (yet: an earlier filter may answer without us).
    Idle,
    /// The head is held, the body is coming.
    Reading(Pending),
    /// The body is whole, services are asked about it.
    Asking(Box<Asking>),
    /// Its model is known, steps of its workflow are under way.
    Working(Box<Working>),
    /// Its targets are known, and others are asked for an answer that was given before.
    Recalling(Box<Recalling>),
    /// The cache has an answer, services are asked about it.
    Replaying(Box<Replaying>),
    /// At the provider, no answer yet.
    Sent {
        caller: Caller,
        ask: Ask,
        /// Envoy holds the body until the provider has read it.
        _held: HeldBytes,
    },
    /// A provider's answer in another protocol has begun; head and body wait until it is
    /// known what it is.
    Waiting {
        caller: Caller,
        ask: Ask,
        /// The provider's.
        status: u16,
    },
    /// The answer is passing.
    Answering {
        caller: Caller,
        ask: Ask,
        status: u16,
        reader: AnswerReader,
        seen: Box<Seen>,
        ended: bool,
    },
    /// Answered by Tollgate.
    Answered {
        caller: Option<Caller>,
        model: Option<Rc<Model>>,
        status: u16,
        outcome: &'static str,
        /// What exactly was decided; for operators only.
        reason: String,
    },
    /// The way to the provider failed; Envoy's error was put into the caller's protocol.
    Failed {
        caller: Caller,
        ask: Ask,
        status: u16,
        outcome: &'static str,
        /// Why, in Envoy's words or the provider's status; for operators only.
        reason: String,
    },
    /// Settled; nothing is left to do.
    Settled,
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
            api: Api::default(),
            operation: "none",
            request_id: String::new(),
            started: now,
            phase: Phase::Idle,
            charge: Charge::None,
            guarding: Guarding::default(),
            wants_stream: false,
            caching: Caching::default(),
            steps: Steps::default(),
            keeping: Keeping::default(),
            files: Vec::new(),
            slot: None,
            released: None,
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
        self.api = Api::of(path, headers.has("anthropic-version"));
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
            Endpoint::Call(_) => self.model_head(host, caller, headers, end),
            Endpoint::Models => self.all_models(caller),
            Endpoint::Model(name) => self.one_model(caller, name),
            Endpoint::Usage => self.usage(host, caller),
            Endpoint::Purge => self.purge_head(host, caller, headers, end),
            Endpoint::Limit(change, name) => {
                self.adjust_head(host, caller, headers, (change, name), end)
            }
            Endpoint::Other(below) => {
                let kept = self.about_kept(host, &caller, headers, below);
                let kept =
                    kept.or_else(|| self.about_conversation(host, &caller, headers, below, end));
                let kept = kept.or_else(|| self.about_files(host, &caller, headers, below, end));
                let kept = kept.or_else(|| self.about_batches(host, &caller, headers, below, end));
                kept.unwrap_or_else(|| self.other_path(host, caller, headers, path, below))
            }
        }
    }

    /// `total` bytes of the body are held by now.
    pub fn request_grows(&mut self, total: usize) -> Option<Reply> {
        let limits = &self.gateway.policy.limits;
        let Phase::Reading(Pending { held, .. }) = &mut self.phase else {
            return None;
        };
        let total = u64::try_from(total).unwrap_or(u64::MAX);
        let refusal = if total > limits.body {
            request::too_large(limits)
        } else if held.grow_to(total, limits.held_per_tenant) {
            return None;
        } else {
            too_many_held()
        };
        Some(self.refuse_reading(&refusal))
    }

    /// The body is whole: `body`, of which Envoy said that it has `expected` bytes.
    pub fn request_body(&mut self, host: &dyn Host, body: &[u8], expected: usize) -> OnBody {
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Reading(pending) if body.len() == expected => {
                self.body_read(host, pending, body)
            }
            // What was not read must not pass.
            Phase::Reading(pending) => OnBody::Reply(self.lost(Some(pending.caller))),
            _ => OnBody::Reply(self.lost(None)),
        }
    }

    /// The head of the answer has come.
    pub fn answer_head(
        &mut self,
        host: &dyn Host,
        headers: Headers<'_>,
        end: bool,
        passage: &dyn Passage,
    ) -> OnAnswer {
        let status = headers.text(":status").and_then(|text| text.parse().ok());
        let status: u16 = status.unwrap_or(0);
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Sent { caller, ask, .. } => {
                let head = AnswerHead {
                    status,
                    headers,
                    end,
                };
                self.sent_head(host, (caller, ask), &head, passage)
            }
            Phase::Reading(pending) if status >= 400 => {
                let refusal = reading_refusal(status);
                OnAnswer::Reply(self.refuse(Some(pending.caller), None, &refusal))
            }
            Phase::Asking(asking) if status >= 400 => {
                let refusal = reading_refusal(status);
                OnAnswer::Reply(self.refuse(Some(asking.pending.caller), None, &refusal))
            }
            Phase::Working(working) if status >= 400 => {
                let refusal = reading_refusal(status);
                let (caller, model) = working.whose();
                OnAnswer::Reply(self.refuse(Some(caller), Some(model), &refusal))
            }
            Phase::Recalling(recalling) if status >= 400 => {
                let refusal = reading_refusal(status);
                OnAnswer::Reply(self.refuse(Some(recalling.pending.caller), None, &refusal))
            }
            Phase::Replaying(replaying) if status >= 400 => {
                let refusal = reading_refusal(status);
                OnAnswer::Reply(self.refuse(Some(replaying.caller), None, &refusal))
            }
            other => {
                self.phase = other;
                OnAnswer::Own
            }
        }
    }

    /// A piece of the answer's body; `end` if it is the last.
    pub fn answer_data(&mut self, host: &dyn Host, piece: &[u8], end: bool) -> OnData {
        match &mut self.phase {
            Phase::Waiting { .. } => self.waiting_data(host, piece, end),
            Phase::Answering {
                ask,
                reader,
                seen,
                ended,
                status,
                ..
            } => {
                *ended |= end;
                let new = match ask.foreign().map(|attempt| attempt.answer_data(piece, end)) {
                    // An error went on when it was whole.
                    Some(OnAttempt::Replace(new)) if *status >= 400 => return OnData::Replace(new),
                    Some(OnAttempt::Replace(new)) => new,
                    _ => {
                        let found = (&mut self.guarding, &mut self.steps);
                        let mut side = side(host, &self.gateway, ask, found, &self.request_id);
                        let on = reader.data(seen, piece, end, &mut side);
                        self.caching.take(piece, &on);
                        return on;
                    }
                };
                let found = (&mut self.guarding, &mut self.steps);
                let on = reader.data(
                    seen,
                    &new,
                    end,
                    &mut side(host, &self.gateway, ask, found, &self.request_id),
                );
                self.caching.take(&new, &on);
                match on {
                    OnData::Pass => OnData::Replace(new),
                    other => other,
                }
            }
            _ => OnData::Pass,
        }
    }

    /// Whether bytes of the request may pass: only those of a call that was sent on.
    pub const fn passes_request(&self) -> bool {
        matches!(
            self.phase,
            Phase::Sent { .. } | Phase::Waiting { .. } | Phase::Answering { .. }
        )
    }

    /// Whether the request's body is being read.
    pub const fn reads_request(&self) -> bool {
        matches!(self.phase, Phase::Reading(_))
    }

    /// Whether the call may wait for what services or models say.
    pub const fn waits_for_services(&self) -> bool {
        matches!(
            self.phase,
            Phase::Asking(_)
                | Phase::Working(_)
                | Phase::Recalling(_)
                | Phase::Replaying(_)
                | Phase::Answering { .. }
        )
    }

    /// Whether pieces of the answer's body are worth looking at.
    pub const fn reads_answer(&self) -> bool {
        matches!(self.phase, Phase::Waiting { .. } | Phase::Answering { .. })
    }

    /// Whether nothing can be said of the answer's body before its end, of which `size` bytes
    /// wait: the piece that has come need not be brought.
    pub fn waits_for_end(&self, size: usize) -> bool {
        match &self.phase {
            Phase::Waiting { ask, .. } => ask.waits_for_end(size),
            Phase::Answering { reader, .. } => reader.waits_for_end(size),
            _ => false,
        }
    }

    /// Whether the answer's body waits until it is whole.
    pub fn holds_answer(&self) -> bool {
        match &self.phase {
            Phase::Waiting { .. } => true,
            Phase::Answering { reader, ended, .. } => !*ended && reader.holds(),
            _ => false,
        }
    }

    /// The answer ends in trailers.
    pub fn answer_trailers(&mut self, host: &dyn Host) {
        let Phase::Answering {
            ask,
            reader,
            seen,
            ended,
            ..
        } = &mut self.phase
        else {
            return;
        };
        *ended = true;
        let found = (&mut self.guarding, &mut self.steps);
        reader.trailers(
            seen,
            &mut side(host, &self.gateway, ask, found, &self.request_id),
        );
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
        let reply = refusal.reply(self.api.protocol());
        self.phase = Phase::Answered {
            caller,
            model,
            status: reply.status,
            outcome: refusal.code,
            reason: refusal.detail.clone(),
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
            Phase::Reading(pending) => Some(pending.caller),
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
            reason: String::new(),
        };
        reply
    }
}

fn too_many_held() -> Refusal {
    let message = "Too many large requests of this tenant are being read at once.";
    let refusal = Refusal::new(ErrorKind::RateLimit, "too_many_bytes_held", message);
    refusal.header("retry-after", RETRY_AFTER)
}

/// What the reader of an answer may ask.
struct Side<'a> {
    host: &'a dyn Host,
    gateway: &'a Gateway,
    held: &'a mut Held,
    found: &'a mut Guarding,
    steps: &'a mut Steps,
    /// The call's id.
    id: &'a str,
}

fn side<'a>(
    host: &'a dyn Host,
    gateway: &'a Gateway,
    ask: &'a mut Ask,
    (found, steps): (&'a mut Guarding, &'a mut Steps),
    id: &'a str,
) -> Side<'a> {
    let held = &mut ask.held;
    Side {
        host,
        gateway,
        held,
        found,
        steps,
        id,
    }
}

impl Context for Side<'_> {
    fn now(&self) -> Instant {
        self.host.now()
    }

    fn passed(&mut self, output: u64) -> bool {
        self.held.passed(|| self.gateway.book(self.host), output)
    }

    fn room(&self) -> u64 {
        self.held.room()
    }

    fn verdict(&mut self) -> &mut Verdict {
        &mut self.found.output
    }

    fn heard(&mut self, questions: &Questions) {
        let reports = questions.reports(config::Phase::Output);
        self.found.services.extend(reports);
    }

    fn policy(&self) -> &Policy {
        &self.gateway.policy
    }

    fn unscanned(&mut self, passed: bool) {
        self.found.passed_unread |= passed;
        let metrics = &self.gateway.metrics;
        metrics.unscannable(self.host, "answers", passed);
    }

    fn blocked(&mut self) -> Refusal {
        refusing::blocked_answer(&self.gateway.policy, &self.found.output)
    }

    fn read_aloud(&mut self, text: &str) -> Spoken {
        self.steps.read_aloud(self.host, text)
    }

    fn sounded(&mut self, token: u64, answer: Option<&Answer>) -> Option<Spoken> {
        self.steps.sounded(self.host, token, answer)
    }

    fn unspoken(&mut self) -> Spoken {
        self.steps.unspoken(self.host)
    }

    fn unsaid(&mut self, why: Failure) -> Spoken {
        self.steps.unsaid(why)
    }

    fn about(&self) -> (u64, String) {
        (self.host.now().unix_seconds(), self.id.to_owned())
    }
}

#[cfg(test)]
mod tests;
