/*! Calls of this virtual machine that are under way, and what each is for. */

use crate::http::{Answer, Callout};
use std::collections::BTreeMap;

/// How much later than its time limit an answer counts as lost, in milliseconds: Envoy
/// answers every call by then, but a bug there must not stop the work here for good.
const GRACE_MS: u64 = 5_000;

/// A request that is to be made.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) cluster: String,
    pub(super) authority: String,
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) content_type: &'static str,
    pub(super) body: Vec<u8>,
    pub(super) timeout_ms: u64,
}

/// Requests made and not yet answered, each with its errand.
#[derive(Debug)]
pub(super) struct Outbox<E> {
    next: u64,
    waiting: BTreeMap<u64, (E, u64)>,
    ready: Vec<Callout>,
}

impl<E> Default for Outbox<E> {
    fn default() -> Self {
        Self {
            next: 0,
            waiting: BTreeMap::new(),
            ready: Vec::new(),
        }
    }
}

impl<E> Outbox<E> {
    /// Puts a request into the next batch.
    pub(super) fn send(&mut self, errand: E, request: Request, now: u64) {
        let token = self.next;
        self.next = token.wrapping_add(1);
        let due = now
            .saturating_add(request.timeout_ms)
            .saturating_add(GRACE_MS);
        self.waiting.insert(token, (errand, due));
        self.ready.push(callout(token, request));
    }

    /// What an answer is for; `None` if nobody waits for it any more.
    pub(super) fn answered(&mut self, token: u64) -> Option<E> {
        self.waiting.remove(&token).map(|(errand, _)| errand)
    }

    /// Errands whose answer is never going to come.
    pub(super) fn lost(&mut self, now: u64) -> Vec<E> {
        let overdue = self.waiting.iter().filter(|(_, (_, due))| *due < now);
        let overdue: Vec<u64> = overdue.map(|(token, _)| *token).collect();
        let mut errands = overdue.into_iter();
        let mut lost = Vec::new();
        while let Some(errand) = errands.next().map(|token| self.answered(token)) {
            lost.extend(errand);
        }
        lost
    }

    /// How many are under way for which `is` holds.
    pub(super) fn count(&self, is: impl Fn(&E) -> bool) -> usize {
        let errands = self.waiting.values();
        errands.filter(|(errand, _)| is(errand)).count()
    }

    /// The batch.
    pub(super) fn take(&mut self) -> Vec<Callout> {
        std::mem::take(&mut self.ready)
    }
}

fn callout(token: u64, request: Request) -> Callout {
    let content_type = ("content-type", request.content_type);
    Callout {
        token,
        cluster: request.cluster,
        method: request.method,
        authority: request.authority,
        path: request.path,
        headers: match request.body.is_empty() {
            true => Vec::new(),
            false => vec![content_type],
        },
        body: request.body,
        timeout_ms: request.timeout_ms,
    }
}

/// Whether an answer says that a request has done what it should.
pub(super) fn is_success(answer: Option<&Answer>) -> bool {
    answer.is_some_and(|answer| (200..300).contains(&answer.status))
}
