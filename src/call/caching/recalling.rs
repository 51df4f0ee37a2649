/*! Answers that were given before, but not here: they lie in a store that several Envoys have, or
belong to the question in other words. The request waits for them, and goes on as if nobody had
been asked if there are none in time. */

use super::super::ask::Routed;
use super::super::sending::Pending;
use super::super::{Call, Gateway, OnAnswered, OnBody, Phase};
use super::{Caching, Given, share, similar};
use crate::cache::remote::{self, Failed, Fetched};
use crate::cache::store::Put;
use crate::config::CacheStore;
use crate::host::Host;
use crate::http::{Answer, Callout};
use crate::json::Rewrite;
use std::cell::Cell;

/// How long somebody is not asked who did not answer as he should, in milliseconds: calls must not
/// wait for a store that is down.
const REST_MS: u64 = 5_000;

/// What an answer comes back with for which a call waits here.
const RECALL: u64 = u64::MAX - 1;

/// A call that waits.
#[derive(Debug)]
pub(in crate::call) struct Recalling {
    pub(in crate::call) pending: Pending,
    pub(super) routed: Routed,
    /// The body as guardrails have left it.
    pub(super) body: Vec<u8>,
    pub(super) changed: Option<Rewrite>,
    /// An older answer is not taken.
    pub(super) max_age_ms: u64,
    pub(super) recall: Recall,
}

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recall {
    /// The store that several Envoys have.
    Store,
    /// The model that tells what the question means.
    Embedding,
}

/// Until when somebody is not asked, in milliseconds since the Unix epoch.
#[derive(Debug, Default)]
pub(crate) struct Rests {
    store: Cell<u64>,
    embeddings: Cell<u64>,
}

impl Rests {
    const fn of(&self, recall: Recall) -> &Cell<u64> {
        match recall {
            Recall::Store => &self.store,
            Recall::Embedding => &self.embeddings,
        }
    }

    pub(super) fn rests(&self, host: &dyn Host, recall: Recall) -> bool {
        let until = self.of(recall).get();
        // The clock is a host call. A rest that is longer than any was begun before the clock
        // stepped back.
        until > 0 && {
            let left = until.saturating_sub(host.now().unix_millis());
            (1..=REST_MS).contains(&left)
        }
    }

    fn begin(&self, host: &dyn Host, recall: Recall) {
        let until = host.now().unix_millis().saturating_add(REST_MS);
        self.of(recall).set(until);
    }
}

impl Call {
    /// Whom to ask, from `recall` on.
    pub(super) fn next_recall(&self, host: &dyn Host, recall: Recall) -> Option<(Recall, Callout)> {
        let Caching::Missed(missed) = &self.caching else {
            return None;
        };
        let gateway = &*self.gateway;
        if recall == Recall::Store
            && let Some(store) = store(gateway)
            && !gateway.rests.rests(host, Recall::Store)
        {
            return Some((Recall::Store, remote::fetch(store, RECALL, &missed.digest)));
        }
        let question = missed.similar.as_deref()?;
        let known = question.has_candidates(host, gateway);
        let callout = known.then(|| similar::ask(host, gateway, question, RECALL));
        Some((Recall::Embedding, callout.flatten()?))
    }

    /// Somebody has answered, or could not be asked.
    pub(in crate::call) fn recalled(
        &mut self,
        host: &dyn Host,
        token: u64,
        answer: Option<&Answer>,
    ) -> OnAnswered {
        if token != RECALL {
            return OnAnswered::Wait;
        }
        let recalling = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Recalling(recalling) => recalling,
            other => {
                self.phase = other;
                return OnAnswered::Wait;
            }
        };
        let found = match recalling.recall {
            Recall::Store => self.fetched(host, &recalling, answer),
            Recall::Embedding => self.embedded(host, answer),
        };
        OnAnswered::Request(self.resume(host, *recalling, found))
    }

    /// Goes on with the answer that is found by a digest, or without one.
    fn resume(
        &mut self,
        host: &dyn Host,
        mut recalling: Recalling,
        found: Option<[u8; 32]>,
    ) -> OnBody {
        let body = std::mem::take(&mut recalling.body);
        let request = match self.read_again(&recalling.pending.caller, &body) {
            Ok(request) => request,
            Err(refusal) => {
                return OnBody::Reply(self.refuse(Some(recalling.pending.caller), None, &refusal));
            }
        };
        let most = recalling.max_age_ms;
        let found = found.and_then(|digest| self.found(host, &digest, most, &request));
        if let Some((mut hit, document)) = found {
            hit.source = match recalling.recall {
                Recall::Store => "store",
                Recall::Embedding => "similar",
            };
            self.caching = Caching::Hit(hit);
            let asker = (recalling.pending.caller, recalling.pending.held);
            let given = Given {
                body: document,
                stream: hit.stream,
            };
            return self.replay(host, asker, (&request, &recalling.routed.model), given);
        }
        if recalling.recall == Recall::Store
            && let Some((recall, callout)) = self.next_recall(host, Recall::Embedding)
        {
            recalling.recall = recall;
            recalling.body = body;
            self.phase = Phase::Recalling(Box::new(recalling));
            return OnBody::Ask(vec![callout]);
        }
        let Recalling {
            pending,
            routed,
            changed,
            ..
        } = recalling;
        self.go_on(host, pending, &request, routed, (&body, changed))
    }

    /// What the store has answered is put where it is found the next time.
    fn fetched(
        &self,
        host: &dyn Host,
        recalling: &Recalling,
        answer: Option<&Answer>,
    ) -> Option<[u8; 32]> {
        let Caching::Missed(missed) = &self.caching else {
            return None;
        };
        let now_ms = host.now().unix_millis();
        let fetched = answer.ok_or(Failed);
        let fetched = fetched.and_then(|answer| remote::fetched(answer, &missed.digest, now_ms));
        let Ok(fetched) = fetched else {
            self.gives_way(host, Recall::Store);
            return None;
        };
        let Fetched { payload, left_ms } = fetched?;
        let put = Put {
            digest: missed.digest,
            owner: share(&recalling.pending.caller),
            payload: &payload,
            // What was stored here since this call began is fresher.
            asked_ms: self.started.unix_millis(),
            now_ms,
            ttl_ms: left_ms.min(missed.ttl_ms),
        };
        // If it was not stored, what lies there answers the question, too.
        let _stored = self.gateway.store.as_ref()?.put(host, &put);
        Some(missed.digest)
    }

    /// Somebody did not answer as he should.
    pub(super) fn gives_way(&self, host: &dyn Host, recall: Recall) {
        let Gateway { metrics, rests, .. } = &*self.gateway;
        rests.begin(host, recall);
        let name = match recall {
            Recall::Store => "tollgate.cache_store_failures_total",
            Recall::Embedding => "tollgate.cache_embeddings_failures_total",
        };
        metrics.event(host, name);
    }

    /// What the store that several Envoys have is told of an answer.
    pub(super) fn save_beyond(&self, put: &Put<'_>) -> Option<Callout> {
        let store = store(&self.gateway)?;
        let until_ms = put.now_ms.saturating_add(put.ttl_ms);
        let payload = (put.payload, until_ms, put.now_ms);
        Some(remote::save(store, &put.digest, payload))
    }

    /// What is to be sent when the call is over; nobody waits for the answer.
    pub fn last_ask(&mut self, host: &dyn Host) -> Option<Callout> {
        let Caching::Missed(missed) = &mut self.caching else {
            return None;
        };
        let save = missed.save.take()?;
        (!self.gateway.rests.rests(host, Recall::Store)).then_some(save)
    }
}

fn store(gateway: &Gateway) -> Option<&CacheStore> {
    gateway.policy.cache.as_ref()?.store.as_ref()
}
