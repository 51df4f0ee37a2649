/*! What one virtual machine does beside calls: it keeps counters in a store, and tells a
webhook of alerts.

Sans-IO: a tick or an answer comes in, requests go out. Every worker's machine ticks; what
only one may do is divided by leases in shared data. Nothing here ever holds up a call. */

pub mod alerts;
mod lease;
mod marks;
mod outbox;
mod snapshot;
mod standing;
mod store;

#[cfg(test)]
mod tests;

pub use snapshot::MAX_OBJECT;
pub use standing::is_loaded;

use crate::config::Policy;
use crate::host::{Host, Instant};
use crate::http::{Answer, Callout};
use crate::ledger::Dirty;
use crate::state::{self, Space, encode_words};
use crate::telemetry::Metrics;
use alerts::Courier;
use outbox::Outbox;
use std::cell::Cell;
use std::rc::Rc;
use store::{Store, StoreErrand};

/// How often every machine ticks, in milliseconds. What a call used is on its way to the
/// store at most this much and `every` later.
pub const TICK_MS: u64 = 250;

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Errand {
    Store(StoreErrand),
    /// An alert, by its id.
    Alert(u64),
}

/// What the parts of this room need.
struct Context<'a> {
    host: &'a dyn Host,
    space: &'a Space,
    metrics: &'a Metrics,
    /// The number of this machine.
    vm: u64,
    /// Milliseconds since the Unix epoch.
    now: u64,
}

/// The background work of one policy in one virtual machine.
#[derive(Debug)]
pub struct Background {
    space: Space,
    metrics: Metrics,
    vm: u64,
    store: Option<Store>,
    courier: Option<Courier>,
    outbox: Outbox<Errand>,
}

impl Background {
    /// The work that `policy` asks for; `None` if it asks for none. `dirty` is where
    /// calls note what they change.
    pub fn new(host: &dyn Host, policy: &Policy, space: &Space, dirty: &Rc<Dirty>) -> Option<Self> {
        if policy.store.is_none() && policy.alerts.is_none() {
            return None;
        }
        let store = policy.store.clone().map(|settings| {
            Store::new(
                settings,
                space.namespace(),
                records(policy),
                Rc::clone(dirty),
            )
        });
        Some(Self {
            vm: number(host, space),
            space: space.clone(),
            metrics: Metrics::default(),
            store,
            courier: policy.alerts.clone().map(Courier::new),
            outbox: Outbox::default(),
        })
    }

    /// [`TICK_MS`] have passed.
    pub fn tick(&mut self, host: &dyn Host) -> Vec<Callout> {
        let now = host.now();
        for errand in self.outbox.lost(millis(now)) {
            self.deliver(host, errand, None);
        }
        let cx = Context {
            host,
            space: &self.space,
            metrics: &self.metrics,
            vm: self.vm,
            now: millis(now),
        };
        if let Some(store) = &mut self.store {
            store.tick(&cx, &mut self.outbox);
        }
        if let Some(courier) = &mut self.courier {
            courier.tick(&cx, &mut self.outbox);
        }
        self.outbox.take()
    }

    /// The request with this token has been answered, or (`None`) could not be made.
    pub fn answered(
        &mut self,
        host: &dyn Host,
        token: u64,
        answer: Option<&Answer>,
    ) -> Vec<Callout> {
        if let Some(errand) = self.outbox.answered(token) {
            self.deliver(host, errand, answer);
        }
        self.outbox.take()
    }

    fn deliver(&mut self, host: &dyn Host, errand: Errand, answer: Option<&Answer>) {
        let cx = Context {
            host,
            space: &self.space,
            metrics: &self.metrics,
            vm: self.vm,
            now: millis(host.now()),
        };
        match (errand, &mut self.store, &mut self.courier) {
            (Errand::Store(errand), Some(store), _) => {
                store.answered(&cx, &mut self.outbox, errand, answer);
            }
            (Errand::Alert(id), _, Some(courier)) => courier.answered(&cx, id, answer),
            _ => {}
        }
    }
}

/// Ticks that may fail to come before calls tell what they change themselves.
const MISSED_TICKS: u64 = 8;

/// Tells all workers at once what was changed, if no tick of this machine does: after a reload,
/// calls still end in machines of the old policy, which tick no more.
pub fn tell_if_unattended(host: &dyn Host, space: &Space, dirty: &Dirty) {
    let since = millis(host.now()).abs_diff(dirty.attended_ms());
    if since > TICK_MS.saturating_mul(MISSED_TICKS) {
        tell(host, space, dirty);
    }
}

/// Tells all workers what this one has changed.
fn tell(host: &dyn Host, space: &Space, dirty: &Dirty) {
    let changed = dirty.take();
    if !changed.is_empty() && marks::add(host, space, changed).is_err() {
        dirty.put_back(changed);
    }
}

/// The names of the records of tenants and models. What is saved of a tenant or model that
/// the policy no longer has goes with the next change of its group.
fn records(policy: &Policy) -> Vec<String> {
    let tenants = policy.tenants.keys();
    let tenants = tenants.map(|name| format!("ledger/tenant/{name}"));
    let models = policy.models.keys();
    let models = models.map(|name| format!("ledger/model/{name}"));
    tenants.chain(models).collect()
}

/// A number that no other machine has.
fn number(host: &dyn Host, space: &Space) -> u64 {
    const VERSION: u8 = 1;
    let mine = Cell::new(0);
    let counted = state::update(host, &space.key("background/machines"), |old| {
        let last = old.and_then(|bytes| state::decode_words(bytes).next());
        mine.set(last.unwrap_or(0).saturating_add(1));
        encode_words(VERSION, [mine.get()])
    });
    // Every round lost to others who start too: the time then, which no counter reaches.
    counted.map_or_else(|_| host.now().0, |()| mine.get())
}

const fn millis(at: Instant) -> u64 {
    at.unix_millis()
}
