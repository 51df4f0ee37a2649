/*! The cache in a call: whether it is asked, what it gives, and what it gets.

It is asked when guardrails have let a request pass and its model is known, and before anything is
reserved. What it gives is the answer of a provider as it came: it goes through all that such an
answer goes through, with what guards this tenant, and this call's own values. */

use super::answer::{AnswerReader, OnData, Reading, Seen, Stop};
use super::ask::Routed;
use super::budget::Held;
use super::held::HeldBytes;
use super::request::Kept;
use super::sending::Pending;
use super::{Call, Gateway, OnAnswered, OnBody, Phase, Side, refusing};
use crate::cache::canonical::{Asks, Once};
use crate::cache::store::Found;
use crate::cache::{self, Collector, Question, Uncollected, Wish, owner, purge, question_digest};
use crate::config::{AnswerModel, CacheRules, Model, ModelCache};
use crate::host::Host;
use crate::http::{Answer, Callout, HeaderEdits};
use crate::identity::Caller;
use crate::json::Rewrite;
use crate::protocols::replay::as_stream;
use crate::protocols::{ErrorKind, Refusal, Reply, Request, Traits};
use crate::routing;
use std::ops::ControlFlow;
use std::rc::Rc;

mod bound;
mod keeping;
mod recalling;
mod similar;

use bound::Bound;
use recalling::Recall;
pub(super) use recalling::{Recalling, Rests};
pub(super) use similar::ASIDE;
use similar::Similar;

/// Longest request that is looked up, in bytes. It is hashed in one go, which takes a worker some
/// 6 ms for each MiB; meanwhile it does nothing else.
const LONGEST_REQUEST: usize = 1 << 20;

/// What the cache has to do with a call.
#[derive(Debug, Default)]
pub(super) enum Caching {
    /// Nothing: there is none, or the call has not come so far.
    #[default]
    Off,
    /// It is not asked, and gets nothing.
    Bypassed(&'static str),
    /// It had no answer, or was not asked for one.
    Missed(Box<Missed>),
    /// It has given the answer.
    Hit(Hit),
}

/// A call whose answer may be stored.
#[derive(Debug)]
pub(super) struct Missed {
    digest: [u8; 32],
    /// Why the cache was not asked, if it was not.
    refreshed: Option<&'static str>,
    ttl_ms: u64,
    bound: Bound,
    collector: Collector,
    /// What that holds.
    gathered: HeldBytes,
    /// Where the question may be found again in other words.
    similar: Option<Box<Similar>>,
    /// What became of it: `stored`, or why it was not.
    outcome: &'static str,
    /// What the store beyond this Envoy is told of it.
    save: Option<Callout>,
}

/// An answer of the cache's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    /// Where it comes from, if not from this Envoy for the same question.
    pub(super) source: &'static str,
    pub(super) age_ms: u64,
    pub(super) tokens: u64,
    pub(super) nano_usd: u64,
    pub(super) stream: bool,
}

/// An answer of the cache's that services are asked about.
#[derive(Debug)]
pub(super) struct Replaying {
    pub(super) caller: Caller,
    /// The request lies in Envoy's buffers until the services have answered.
    _held: HeldBytes,
    pub(super) model: Rc<Model>,
    reader: AnswerReader,
    seen: Seen,
    given: Given,
}

/// An answer that no provider gives now, as it came from where it was.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) body: Vec<u8>,
    /// Whether it is told as a stream.
    pub(super) stream: bool,
}

/// What the cache says.
enum Looked {
    /// Nothing.
    Not(Caching),
    /// Nothing yet: others may be asked for an answer, which must not be older than this.
    Beyond(Box<Missed>, u64),
    Found(Hit, Vec<u8>),
}

impl Call {
    /// Asks the cache; the call breaks off where it has answered, or others are asked first.
    pub(super) fn ask_cache(
        &mut self,
        host: &dyn Host,
        pending: Pending,
        (request, body, changed): (&Request<'_>, &[u8], &mut Option<Rewrite>),
        routed: Routed,
    ) -> ControlFlow<OnBody, (Pending, Routed)> {
        if self.gateway.store.is_none() {
            return ControlFlow::Continue((pending, routed));
        }
        match self.look_up(host, &pending, (request, body), &routed) {
            Looked::Not(caching) => {
                self.caching = caching;
                ControlFlow::Continue((pending, routed))
            }
            Looked::Beyond(missed, max_age_ms) => {
                self.caching = Caching::Missed(missed);
                let Some((recall, callout)) = self.next_recall(host, Recall::Store) else {
                    return ControlFlow::Continue((pending, routed));
                };
                self.phase = Phase::Recalling(Box::new(Recalling {
                    pending,
                    routed,
                    body: body.to_vec(),
                    changed: changed.take(),
                    max_age_ms,
                    recall,
                }));
                ControlFlow::Break(OnBody::Ask(vec![callout]))
            }
            Looked::Found(hit, document) => {
                self.caching = Caching::Hit(hit);
                let asker = (pending.caller, pending.held);
                let asked = (request, &routed.model);
                let given = Given {
                    body: document,
                    stream: hit.stream,
                };
                ControlFlow::Break(self.replay(host, asker, asked, given))
            }
        }
    }

    fn look_up(
        &self,
        host: &dyn Host,
        pending: &Pending,
        (request, body): (&Request<'_>, &[u8]),
        routed: &Routed,
    ) -> Looked {
        let wish = pending.kept.wish;
        let cache = match self.cacheable((request, body), routed, wish) {
            Ok(cache) => cache,
            Err(why) => return Looked::Not(Caching::Bypassed(why)),
        };
        let Gateway { space, policy, .. } = &*self.gateway;
        let written = policy.cache.as_ref().map_or(0, |cache| cache.generation);
        let caller = &pending.caller;
        let headers = shaping_headers(&pending.kept, &routed.targets);
        let [all, own] = purge::generations(host, space, &caller.tenant.name);
        let question = Question {
            tenant: &caller.tenant,
            user: &caller.user,
            model: &routed.model.name,
            cache,
            generations: [written, all, own],
            api: self.api,
            headers: &headers,
            body,
        };
        let Ok(digest) = question_digest(&question) else {
            return Looked::Not(Caching::Bypassed("unreadable"));
        };
        let max_age_ms = match wish {
            // What was stored under a longer one has to hold this policy's too.
            Wish::Use { max_age_ms } => Some(max_age_ms.min(cache.rules.ttl_ms)),
            Wish::Refresh | Wish::Bypass => None,
        };
        let found = max_age_ms.and_then(|most| self.found(host, &digest, most, request));
        if let Some((hit, document)) = found {
            return Looked::Found(hit, document);
        }
        let missed = Box::new(Missed {
            digest,
            refreshed: max_age_ms.is_none().then_some("refresh"),
            ttl_ms: cache.rules.ttl_ms,
            bound: Bound::of(request.traits(), &routed.targets),
            collector: Collector::Ended(Uncollected::NotBegun),
            gathered: HeldBytes::new(&self.gateway.gathered, ""),
            similar: Similar::of(&question).map(Box::new),
            outcome: "",
            save: None,
        });
        match max_age_ms {
            Some(max_age_ms) => Looked::Beyond(missed, max_age_ms),
            None => Looked::Not(Caching::Missed(missed)),
        }
    }

    /// What is kept of the model's answers, if this one may be.
    fn cacheable<'r>(
        &self,
        (request, body): (&Request<'_>, &[u8]),
        routed: &'r Routed,
        wish: Wish,
    ) -> Result<&'r ModelCache, &'static str> {
        let cache = routed.model.cache.as_ref().ok_or("model")?;
        if self.steps.ran() || self.steps.speaks() {
            return Err("workflow");
        }
        if !self.api.is_cached() {
            return Err("endpoint");
        }
        if routed.rule.as_ref().is_some_and(|rule| !rule.cache) {
            return Err("rule");
        }
        if wish == Wish::Bypass {
            return Err("asked");
        }
        if self.keeping.keeps(self.api, &routed.targets) {
            // Its id stands for what is kept.
            return Err("stored");
        }
        if body.len() > LONGEST_REQUEST {
            return Err("too_long");
        }
        if let Some(why) = unfit_traits(&cache.rules, request.traits()) {
            return Err(why);
        }
        let asks = Asks::read(self.api, body, request.traits()).map_err(|_| "unreadable")?;
        match unfit(&cache.rules, &asks) {
            Some(why) => Err(why),
            None => Ok(cache),
        }
    }

    /// What the cache has, told as the caller wants it.
    fn found(
        &self,
        host: &dyn Host,
        digest: &[u8; 32],
        max_age_ms: u64,
        request: &Request<'_>,
    ) -> Option<(Hit, Vec<u8>)> {
        let store = self.gateway.store.as_ref()?;
        let now_ms = host.now().unix_millis();
        let Found { payload, .. } = store.get(host, digest, now_ms)?;
        let cache::Kept {
            tokens,
            nano_usd,
            answered_ms,
            document,
        } = cache::Kept::decode(payload)?;
        // Another Envoy's clock may be ahead of this one's.
        let age_ms = now_ms.saturating_sub(answered_ms);
        if age_ms > max_age_ms {
            return None;
        }
        let stream = request.traits().stream;
        let body = match stream {
            true => as_stream(self.api, &document, !request.strips_usage())?,
            false => document,
        };
        let hit = Hit {
            source: "",
            age_ms,
            tokens,
            nano_usd,
            stream,
        };
        Some((hit, body))
    }

    /// Lets an answer of the cache's, or of a panel's, go through what a provider's goes through.
    pub(super) fn replay(
        &mut self,
        host: &dyn Host,
        (caller, held): (Caller, HeldBytes),
        (request, model): (&Request<'_>, &Rc<Model>),
        given: Given,
    ) -> OnBody {
        let traits = request.traits();
        let reading = Reading {
            api: self.api,
            strip_usage: request.strips_usage(),
            judges_end: true,
            model: (model.answer_model == AnswerModel::Virtual).then(|| model.name.clone()),
            stop: match &self.guarding.answer {
                None => Stop::Never,
                Some(_) => Stop::Possible {
                    prompt: traits.prompt_tokens(),
                    bounded: traits.max_output.is_some(),
                },
            },
            guard: self.guarding.answer.take(),
            ids: None,
        };
        let mut reader = AnswerReader::new(reading, 200, content_type(given.stream));
        let mut seen = Seen::default();
        let gateway = Rc::clone(&self.gateway);
        let mut side = Side {
            host,
            gateway: &gateway,
            held: &mut Held::default(),
            found: &mut self.guarding,
            steps: &mut self.steps,
            id: &self.request_id,
        };
        let on = reader.data(&mut seen, &given.body, true, &mut side);
        let replaying = Replaying {
            caller,
            _held: held,
            model: Rc::clone(model),
            reader,
            seen,
            given,
        };
        match on {
            OnData::Ask(callouts) => {
                self.phase = Phase::Replaying(Box::new(replaying));
                OnBody::Ask(callouts)
            }
            on => OnBody::Reply(self.replayed(replaying, on)),
        }
    }

    /// A service has said something about an answer of the cache's.
    pub(super) fn replay_asked(
        &mut self,
        host: &dyn Host,
        token: u64,
        answer: Option<&Answer>,
    ) -> OnAnswered {
        let Phase::Replaying(replaying) = &mut self.phase else {
            return OnAnswered::Wait;
        };
        let Replaying { reader, seen, .. } = &mut **replaying;
        let mut side = Side {
            host,
            gateway: &self.gateway,
            held: &mut Held::default(),
            found: &mut self.guarding,
            steps: &mut self.steps,
            id: &self.request_id,
        };
        let on = match reader.answered(seen, token, answer, &mut side) {
            None | Some(OnData::Hold) => return OnAnswered::Wait,
            Some(on) => on,
        };
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Replaying(replaying) => {
                OnAnswered::Request(OnBody::Reply(self.replayed(*replaying, on)))
            }
            _ => OnAnswered::Wait,
        }
    }

    /// The answer as the caller gets it.
    fn replayed(&mut self, replaying: Replaying, on: OnData) -> Reply {
        let Replaying {
            caller,
            model,
            seen,
            given: Given { body, stream },
            ..
        } = replaying;
        let (mut status, mut outcome) = seen.stopped.told().unwrap_or((200, "ok"));
        let mut reply = match on {
            OnData::Pass => self.whole(body, stream),
            OnData::Replace(body) => self.whole(body, stream),
            OnData::Reply(reply) => reply,
            // All of it was there at once: it waits for nothing, and nobody has cut it. What
            // nobody has let pass is not shown.
            OnData::Hold | OnData::Release(..) | OnData::Ask(_) | OnData::Reset => {
                let refusal = refusing::unscannable();
                let reply = refusal.reply(self.api.protocol());
                (status, outcome) = (reply.status, refusal.code);
                reply
            }
        };
        if model.answer_model == AnswerModel::Virtual {
            reply.headers.push(("x-tollgate-model", model.name.clone()));
        }
        self.phase = Phase::Answered {
            caller: Some(caller),
            model: Some(model),
            status,
            outcome,
            reason: String::new(),
        };
        reply
    }

    /// An answer as the caller gets it. A refusal in its place does not say where it comes from.
    fn whole(&self, body: Vec<u8>, stream: bool) -> Reply {
        let mut headers = vec![("content-type", content_type(stream).to_owned())];
        if let Caching::Hit(hit) = &self.caching {
            headers.push(("x-cache", "HIT".to_owned()));
            headers.push(("age", (hit.age_ms / 1_000).to_string()));
        } else if matches!(&self.caching, Caching::Bypassed(_)) {
            headers.push(("x-cache", "BYPASS".to_owned()));
        }
        Reply {
            status: 200,
            headers,
            body,
        }
    }
}

/// What a caller is told who wants only what the cache has.
pub(super) fn not_cached() -> Refusal {
    let message = "No answer was given before that fits, and only such a one is wanted.";
    // Who asks again in this way gets the same, until somebody has asked in another.
    Refusal::new(ErrorKind::Timeout, "not_cached", message).header("x-should-retry", "false")
}

/// Headers of the request that its provider sees, and its host, if that is what a provider is
/// called by.
fn shaping_headers(kept: &Kept, targets: &[routing::Try]) -> Vec<(String, String)> {
    let mut headers = kept.protocol.clone();
    let by_caller = |planned: &routing::Try| planned.target.backend.authority.is_none();
    if targets.iter().any(by_caller) {
        headers.push((":authority".to_owned(), kept.authority.clone()));
    }
    headers
}

/// What is known without another look at the request.
const fn unfit_traits(rules: &CacheRules, traits: &Traits) -> Option<&'static str> {
    let media = traits.image || traits.audio || traits.file;
    if traits.audio_output {
        Some(Once::Sound.as_str())
    } else if traits.tools && !rules.tools {
        Some("tools")
    } else if media && !rules.media {
        Some("media")
    } else {
        None
    }
}

/// Why an answer is for one call alone, if it is.
fn unfit(rules: &CacheRules, asks: &Asks) -> Option<&'static str> {
    if let Some(once) = asks.once {
        return Some(once.as_str());
    }
    (rules.deterministic && !asks.deterministic).then_some("not_deterministic")
}

const fn content_type(stream: bool) -> &'static str {
    if stream {
        "text/event-stream"
    } else {
        "application/json"
    }
}

impl Caching {
    /// Tells the caller that the answer is a provider's. What is said of other caches goes.
    pub(super) fn tell(&self, edits: &mut HeaderEdits) {
        let word = match self {
            Self::Off => return,
            Self::Bypassed(_) => "BYPASS",
            Self::Missed(missed) if missed.refreshed.is_some() => "BYPASS",
            Self::Missed(_) => "MISS",
            Self::Hit(_) => "HIT",
        };
        edits.remove.push("age".to_owned());
        edits.set.push(("x-cache", word.to_owned()));
    }
}

/// Whose share an answer of this caller's counts in.
fn share(caller: &Caller) -> u32 {
    owner(&caller.tenant)
}
