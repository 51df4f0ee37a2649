/*! A deterministic host in memory, for tests. */

use super::{Conflict, Expect, Host, Instant, MetricId, MetricKind};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

/// Keeps everything in maps; the clock stands until it is moved.
#[derive(Debug, Default)]
pub(crate) struct MemoryHost {
    now: Cell<u64>,
    version: Cell<u32>,
    shared: RefCell<HashMap<String, (Vec<u8>, u32)>>,
    metrics: RefCell<Vec<(String, Vec<u64>)>>,
    conflicts: Cell<u32>,
    /// Writes that pass before these.
    spared: Cell<u32>,
    intruder: RefCell<Option<Intruder>>,
}

/// What another worker does before the next write to a name that ends like this.
struct Intruder(String, Box<dyn FnOnce(&MemoryHost)>);

impl std::fmt::Debug for Intruder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl MemoryHost {
    /// Sets the clock, in nanoseconds since the Unix epoch.
    pub(crate) fn set_now(&self, nanos: u64) {
        self.now.set(nanos);
    }

    /// Lets the next `count` writes fail as if another worker had been faster.
    pub(crate) fn conflict_next(&self, count: u32) {
        self.conflict_behind(0, count);
    }

    /// The same behind the next `spared` writes.
    pub(crate) fn conflict_behind(&self, spared: u32, count: u32) {
        self.spared.set(spared);
        self.conflicts.set(count);
    }

    /// Has another worker act before the next write to a name that ends in `end`.
    pub(crate) fn before_write(&self, end: &str, act: impl FnOnce(&Self) + 'static) {
        *self.intruder.borrow_mut() = Some(Intruder(end.to_owned(), Box::new(act)));
    }

    /// Names of shared values, and the bytes of names and values.
    pub(crate) fn shared_size(&self) -> (usize, usize) {
        let shared = self.shared.borrow();
        let bytes = shared
            .iter()
            .map(|(key, (value, _))| key.len() + value.len());
        (shared.len(), bytes.sum())
    }

    /// All shared values as text.
    pub(crate) fn shared_text(&self) -> String {
        let shared = self.shared.borrow();
        let values = shared
            .values()
            .map(|(value, _)| String::from_utf8_lossy(value));
        values.collect()
    }

    /// Damages every value of such a name.
    pub(crate) fn damage(&self, is: impl Fn(&str) -> bool) {
        for (key, (value, _)) in self.shared.borrow_mut().iter_mut() {
            if is(key) {
                value.reverse();
            }
        }
    }

    /// Every value recorded under a metric's full name.
    pub(crate) fn recorded(&self, name: &str) -> Vec<u64> {
        let metrics = self.metrics.borrow();
        let found = metrics.iter().find(|(known, _)| known == name);
        found.map(|(_, values)| values.clone()).unwrap_or_default()
    }
}

impl Host for MemoryHost {
    fn now(&self) -> Instant {
        Instant(self.now.get())
    }

    fn shared_get(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        self.shared.borrow().get(key).cloned()
    }

    fn shared_set(&self, key: &str, value: &[u8], expect: Expect) -> Result<(), Conflict> {
        let is_due = |Intruder(end, _): &mut Intruder| key.ends_with(&**end);
        let intruder = self.intruder.borrow_mut().take_if(is_due);
        if let Some(Intruder(_, act)) = intruder {
            act(self);
        }
        if let Some(left) = self.spared.get().checked_sub(1) {
            self.spared.set(left);
        } else if let Some(left) = self.conflicts.get().checked_sub(1) {
            self.conflicts.set(left);
            return Err(Conflict);
        }
        let mut shared = self.shared.borrow_mut();
        let found = shared
            .get(key)
            .map_or(Expect::Absent, |(_, version)| Expect::Version(*version));
        if found != expect {
            return Err(Conflict);
        }
        self.version.set(self.version.get().wrapping_add(1));
        shared.insert(key.to_owned(), (value.to_vec(), self.version.get()));
        Ok(())
    }

    fn metric(&self, _kind: MetricKind, name: &str) -> MetricId {
        let mut metrics = self.metrics.borrow_mut();
        let known = metrics.iter().position(|(known, _)| known == name);
        let index = known.unwrap_or_else(|| {
            metrics.push((name.to_owned(), Vec::new()));
            metrics.len().saturating_sub(1)
        });
        MetricId(u32::try_from(index).unwrap_or(u32::MAX))
    }

    fn record(&self, metric: MetricId, value: u64) {
        let index = usize::try_from(metric.0).unwrap_or(usize::MAX);
        if let Some((_, values)) = self.metrics.borrow_mut().get_mut(index) {
            values.push(value);
        }
    }
}
