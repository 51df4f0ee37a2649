/*! Sends what waits in the queue to the webhook.

Whoever takes an alert up moves the time at which it is due past the end of its request: so
one machine sends it, and if that dies another does. */

use super::super::outbox::{Outbox, Request, is_success};
use super::super::{Context, Errand};
use super::lost;
use super::queue::{self, Change, Pending};
use crate::config::AlertHook;
use crate::http::Answer;

/// Most alerts that one machine sends at once: a slow webhook has no more to do.
const AT_ONCE: usize = 4;

/// How often an alert is sent at most. With the waits between, it is given up after about
/// 20 minutes.
const MAX_TRIES: u8 = 12;

/// First and longest waits between two tries, in milliseconds; each is twice the one before.
const FIRST_WAIT_MS: u64 = 1_000;
const LONGEST_WAIT_MS: u64 = 300_000;

/// How much longer than its time limit a request keeps its alert, in milliseconds.
const GRACE_MS: u64 = 10_000;

/// The part of one machine in telling of alerts.
#[derive(Debug)]
pub(in super::super) struct Courier {
    hook: AlertHook,
}

impl Courier {
    pub(in super::super) const fn new(hook: AlertHook) -> Self {
        Self { hook }
    }

    pub(in super::super) fn tick(&mut self, cx: &Context<'_>, out: &mut Outbox<Errand>) {
        let under_way = out.count(|errand| matches!(errand, Errand::Alert(_)));
        let free = AT_ONCE.saturating_sub(under_way);
        // Most ticks find nothing: no write, and no copy but that of an empty record.
        let waiting = queue::read(cx.host, cx.space);
        let due = waiting
            .iter()
            .filter(|pending| self.is_due(pending, cx.now));
        for pending in due.take(free) {
            if self.take(cx, pending.alert.id) {
                self.send(cx, out, pending);
            }
        }
    }

    /// One that is due later than any can be was taken before the clock stepped back.
    fn is_due(&self, pending: &Pending, now: u64) -> bool {
        let latest = LONGEST_WAIT_MS.max(self.keep_ms());
        pending.due <= now || pending.due > now.saturating_add(latest)
    }

    const fn keep_ms(&self) -> u64 {
        self.hook.timeout_ms.saturating_add(GRACE_MS)
    }

    /// Takes up an alert; whether this machine has it now.
    fn take(&self, cx: &Context<'_>, id: u64) -> bool {
        let taken = queue::change(cx.host, cx.space, id, |pending| {
            if !self.is_due(pending, cx.now) {
                return Change::Keep;
            }
            Change::Wait {
                tries: pending.tries.saturating_add(1),
                due: cx.now.saturating_add(self.keep_ms()),
            }
        });
        matches!(taken, Ok(Some(Change::Wait { .. })))
    }

    fn send(&self, cx: &Context<'_>, out: &mut Outbox<Errand>, pending: &Pending) {
        let request = Request {
            cluster: self.hook.cluster.clone(),
            authority: self.hook.authority.clone(),
            method: "POST",
            path: self.hook.path.clone(),
            content_type: "application/json",
            body: pending.alert.body(cx.space.namespace()),
            timeout_ms: self.hook.timeout_ms,
        };
        out.send(Errand::Alert(pending.alert.id), request, cx.now);
    }

    pub(in super::super) fn answered(
        &mut self,
        cx: &Context<'_>,
        id: u64,
        answer: Option<&Answer>,
    ) {
        let told = is_success(answer);
        let changed = queue::change(cx.host, cx.space, id, |pending| {
            if told || pending.tries >= MAX_TRIES {
                return Change::Remove;
            }
            Change::Wait {
                tries: pending.tries,
                due: cx.now.saturating_add(wait_ms(pending.tries)),
            }
        });
        if told {
            cx.metrics.event(cx.host, "tollgate.alerts_sent_total");
        } else if matches!(changed, Ok(Some(Change::Remove))) {
            lost(cx.host, cx.metrics, "the webhook did not take it");
        }
    }
}

/// How long to wait after so many tries.
fn wait_ms(tries: u8) -> u64 {
    let doublings = u32::from(tries.saturating_sub(1)).min(20);
    FIRST_WAIT_MS
        .saturating_mul(1 << doublings)
        .min(LONGEST_WAIT_MS)
}
