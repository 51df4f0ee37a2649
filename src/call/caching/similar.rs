/*! Questions in other words: an answer is given to one that means the same.

What questions mean, a model of embeddings tells. It is asked while the request waits only if there
are questions that this one could be; otherwise beside it, so that the next one finds it. */

use super::super::{Call, Gateway};
use super::recalling::Recall;
use super::{Caching, Missed};
use crate::cache::semantic::{
    Candidate, Candidates, Likeness, Vector, embedding_request, read_embedding,
};
use crate::cache::store::Put;
use crate::cache::{Question, group_digest};
use crate::config::Embeddings;
use crate::host::Host;
use crate::http::{Answer, Callout};

/// What an answer comes back with for which nothing waits.
pub(in crate::call) const ASIDE: u64 = u64::MAX;

/// A question that may be found again in other words.
#[derive(Debug)]
pub(super) struct Similar {
    question: String,
    /// Where questions are that it could be.
    group: [u8; 32],
    least: Likeness,
    /// What it means, when that is known.
    vector: Option<Vector>,
}

impl Similar {
    pub(super) fn of(question: &Question<'_>) -> Option<Self> {
        let least = question.cache.rules.similar?;
        let (question, group) = group_digest(question)?;
        Some(Self {
            question,
            group,
            // In parts of ten thousand.
            least: Likeness(i32::from(least).saturating_mul(10)),
            vector: None,
        })
    }

    pub(super) fn has_candidates(&self, host: &dyn Host, gateway: &Gateway) -> bool {
        !self.candidates(host, gateway).is_empty()
    }

    fn candidates(&self, host: &dyn Host, gateway: &Gateway) -> Candidates {
        let now_ms = host.now().unix_millis();
        let store = gateway.store.as_ref();
        let found = store.and_then(|store| store.get(host, &self.group, now_ms));
        found.map_or_else(Candidates::default, |found| {
            Candidates::decode(&found.payload)
        })
    }
}

/// Asks what a question means.
pub(super) fn ask(
    host: &dyn Host,
    gateway: &Gateway,
    question: &Similar,
    token: u64,
) -> Option<Callout> {
    let cache = gateway.policy.cache.as_ref()?;
    let Embeddings {
        cluster,
        authority,
        path,
        model,
        timeout_ms,
    } = cache.embeddings.as_ref()?;
    if gateway.rests.rests(host, Recall::Embedding) {
        return None;
    }
    Some(Callout {
        token,
        cluster: cluster.clone(),
        method: "POST",
        authority: authority.clone(),
        path: path.clone(),
        headers: vec![("content-type", "application/json")],
        body: embedding_request(model, &question.question),
        timeout_ms: *timeout_ms,
    })
}

impl Call {
    /// What is asked beside a request that goes on.
    pub(in crate::call) fn asks_aside(&self, host: &dyn Host) -> Vec<Callout> {
        let Caching::Missed(missed) = &self.caching else {
            return Vec::new();
        };
        let question = missed.similar.as_deref();
        let question = question.filter(|question| question.vector.is_none());
        let callout = question.and_then(|question| ask(host, &self.gateway, question, ASIDE));
        callout.into_iter().collect()
    }

    /// What the question means has been told, and nothing has waited for it.
    pub(in crate::call) fn embedded_aside(&mut self, host: &dyn Host, answer: Option<&Answer>) {
        let vector = self.vector(host, answer);
        if let Caching::Missed(missed) = &mut self.caching
            && let Some(similar) = &mut missed.similar
        {
            similar.vector = vector;
        }
    }

    /// What the question means has been told: what the answer is found by to one that means
    /// the same.
    pub(super) fn embedded(
        &mut self,
        host: &dyn Host,
        answer: Option<&Answer>,
    ) -> Option<[u8; 32]> {
        let vector = self.vector(host, answer)?;
        let Caching::Missed(missed) = &mut self.caching else {
            return None;
        };
        let similar = missed.similar.as_mut()?;
        let candidates = similar.candidates(host, &self.gateway);
        let now_ms = host.now().unix_millis();
        let nearest = candidates.nearest(&vector, similar.least, now_ms);
        let digest = nearest.map(|(digest, _)| *digest);
        similar.vector = Some(vector);
        digest
    }

    fn vector(&self, host: &dyn Host, answer: Option<&Answer>) -> Option<Vector> {
        let good = answer.filter(|answer| answer.status == 200);
        let vector = good.and_then(|answer| read_embedding(&answer.body));
        // Some texts are refused: that says nothing of others.
        let refused = answer.is_some_and(|answer| matches!(answer.status, 400 | 413 | 422));
        if vector.is_none() && !refused {
            self.gives_way(host, Recall::Embedding);
        }
        vector
    }

    /// The question, whose answer was stored, can be found in other words from now on.
    pub(super) fn note_similar(&self, host: &dyn Host, missed: &Missed, put: &Put<'_>) {
        let Some(similar) = &missed.similar else {
            return;
        };
        let (Some(vector), Some(store)) = (similar.vector.clone(), self.gateway.store.as_ref())
        else {
            return;
        };
        let mut candidates = similar.candidates(host, &self.gateway);
        let new = Candidate {
            expires_ms: put.now_ms.saturating_add(put.ttl_ms),
            answer: put.digest,
            vector,
        };
        candidates.add(new, put.now_ms);
        let group = Put {
            digest: similar.group,
            payload: &candidates.encode(),
            asked_ms: put.now_ms,
            ..*put
        };
        // Another worker may get in between: then this question is found by its own words only.
        let _stored = store.put(host, &group);
    }
}
