/*! What the cache gets: answers that ended well, and that nothing had to change.

They are stored as they came, in the caller's API. What guardrails have masked, cut, blocked or
not seen is not stored at all: for whom it would be good is not known. */

use super::super::answer::{self, OnData, Seen};
use super::super::finish::Outcome;
use super::super::guarding::Guarding;
use super::{Caching, Call, Missed, share};
use crate::cache::store::Put;
use crate::cache::{Collector, Kept, Uncollected};
use crate::config::{Action, Phase, Policy};
use crate::host::Host;
use crate::telemetry::{CacheRecord, Record};

/// Fields of the request were left out for the provider. Its caller is told so, and a hit does not
/// know it.
const DROPPED: &str = "dropped";

/// Most bytes of answers under way that a worker holds to store them; a worker's memory is small,
/// and an answer that is not stored costs less than one that is lost.
const MOST_GATHERED: u64 = 32 << 20;

impl Caching {
    /// An answer begins to pass. `judged`: whether services have to see it whole.
    pub(in crate::call) fn begin(
        &mut self,
        (api, status): (crate::protocols::Api, u16),
        content_type: &str,
        judged: bool,
        longest: usize,
    ) {
        let Self::Missed(missed) = self else { return };
        let stream = answer::is_stream(content_type);
        missed.collector = match status {
            200 if stream && !judged => Collector::stream(api, longest),
            200 if !stream && answer::is_read(api, content_type) => Collector::whole(longest),
            _ => Collector::Ended(Uncollected::Unfit),
        };
    }

    /// A piece of it has come; what waits comes again.
    pub(in crate::call) fn take(&mut self, piece: &[u8], on: &OnData) {
        if let Self::Missed(missed) = self
            && *on != OnData::Hold
        {
            missed.gather(piece);
        }
    }

    /// The answer is over; something of it has not passed as it came unless it is `whole`.
    pub(in crate::call) fn end(&mut self, whole: bool) {
        if let Self::Missed(missed) = self
            && !whole
        {
            missed.collector = Collector::Ended(Uncollected::BadEnd);
        }
    }

    /// For the record of a call with this outcome; `None`: there is nothing to say. A hit saved
    /// something only if its caller got it.
    pub(in crate::call) fn record(&self, outcome: &str) -> Option<CacheRecord> {
        let (cache, reason) = match self {
            Self::Off => return None,
            Self::Bypassed(why) => ("bypass", *why),
            Self::Missed(missed) => match missed.refreshed {
                Some(why) => ("bypass", why),
                None => ("miss", ""),
            },
            Self::Hit(hit) => ("hit", hit.source),
        };
        let stored = match self {
            Self::Missed(missed) => missed.outcome,
            _ => "",
        };
        let hit = match self {
            Self::Hit(hit) => Some(hit),
            _ => None,
        };
        let saved = hit.filter(|_| outcome == "ok");
        Some(CacheRecord {
            cache,
            reason,
            stored,
            age_ms: hit.map(|hit| hit.age_ms),
            saved_tokens: saved.map(|hit| hit.tokens),
            saved_nano_usd: saved.map(|hit| hit.nano_usd),
        })
    }

    /// Whether a stream was asked for, of a call that the cache has answered.
    pub(in crate::call) const fn streams(&self) -> bool {
        matches!(self, Self::Hit(hit) if hit.stream)
    }
}

impl Call {
    /// The call is over: stores its answer, if it may be given again.
    pub(in crate::call) fn keep(&mut self, host: &dyn Host, outcome: &Outcome) {
        let mut caching = std::mem::take(&mut self.caching);
        if let Caching::Missed(missed) = &mut caching {
            missed.outcome = match self.kept(host, missed, outcome) {
                Ok(()) => "stored",
                Err(why) => why,
            };
            self.gateway.metrics.cache_stored(host, missed.outcome);
        }
        self.caching = caching;
    }

    fn kept(
        &self,
        host: &dyn Host,
        missed: &mut Missed,
        outcome: &Outcome,
    ) -> Result<(), &'static str> {
        let gateway = &*self.gateway;
        let collector = Collector::Ended(Uncollected::NotBegun);
        let collector = std::mem::replace(&mut missed.collector, collector);
        let (caller, store) = (outcome.caller(), gateway.store.as_ref());
        let (Some(caller), Some(store)) = (caller, store) else {
            return Err(Uncollected::NotBegun.as_str());
        };
        if !outcome.is_good() {
            return Err(Uncollected::NotBegun.as_str());
        }
        let ask = outcome.ask.as_ref();
        if ask.is_some_and(|ask| !ask.dropped(&outcome.tries, self.api).is_empty()) {
            return Err(DROPPED);
        }
        if self.guarding.touched_answer(&gateway.policy) {
            return Err("guarded");
        }
        let document = collector
            .document(self.api, missed.bound.is_end(outcome.settlement))
            .map_err(Uncollected::as_str)?;
        let (usage, _) = Record::counts(outcome.settlement);
        let now_ms = host.now().unix_millis();
        let kept = Kept {
            answered_ms: now_ms,
            tokens: usage.input.saturating_add(usage.output),
            nano_usd: outcome.cost.nano_usd(),
            document,
        };
        let payload = kept.encode();
        let put = Put {
            digest: missed.digest,
            owner: share(caller),
            payload: &payload,
            asked_ms: self.started.unix_millis(),
            now_ms,
            ttl_ms: missed.ttl_ms,
        };
        let evicted = store.put(host, &put).map_err(|why| why.as_str())?;
        // Not what a fresher one stands in the way of here.
        missed.save = self.save_beyond(&put);
        let bytes = u64::try_from(payload.len()).unwrap_or(u64::MAX);
        gateway.metrics.cache_changed(host, bytes, evicted);
        self.note_similar(host, missed, &put);
        Ok(())
    }
}

impl Missed {
    fn gather(&mut self, piece: &[u8]) {
        self.collector.push(piece);
        let held = u64::try_from(self.collector.held()).unwrap_or(u64::MAX);
        if !self.gathered.grow_to(held, MOST_GATHERED) {
            self.collector = Collector::Ended(Uncollected::Crowded);
            self.gathered.grow_to(0, MOST_GATHERED);
        }
    }
}

impl Seen {
    /// Whether all of an answer has passed, up to its good end.
    pub(in crate::call) const fn passed_whole(&self) -> bool {
        !self.stopped.early()
            && !self.error
            && !self.incomplete
            && self.held_back == 0
            && self.dropped == 0
    }
}

impl Guarding {
    /// Whether an answer is not what the provider has said: something was masked or blocked, or
    /// passed without having been looked at. What is only counted will be counted again.
    fn touched_answer(&self, policy: &Policy) -> bool {
        let acts = |index: u16| {
            let guardrail = policy.guardrails.get(usize::from(index));
            guardrail.is_none_or(|guardrail| guardrail.action != Action::Monitor)
        };
        let mut found = self.output.found();
        let mut services = self.services.iter();
        self.passed_unread
            || self.output.blocked().is_some()
            || self.output.others() > 0
            || found.any(|(index, _, _)| acts(index))
            || services.any(|said| {
                let acted = !said.found.is_empty() && acts(said.guardrail);
                said.phase == Phase::Output && (acted || said.failure.is_some())
            })
    }
}
