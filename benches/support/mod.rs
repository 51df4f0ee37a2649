//! A host that is a map.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use tollgate::host::{Conflict, Expect, Host, Instant, MetricId, MetricKind};

/// Keeps shared data in a map; the clock stands until it is moved.
#[derive(Default)]
pub(crate) struct MapHost {
    pub(crate) now: Cell<u64>,
    pub(crate) shared: RefCell<HashMap<String, (Vec<u8>, u32)>>,
}

impl Host for MapHost {
    fn now(&self) -> Instant {
        Instant(self.now.get())
    }

    fn shared_get(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        self.shared.borrow().get(key).cloned()
    }

    fn shared_set(&self, key: &str, value: &[u8], expect: Expect) -> Result<(), Conflict> {
        let mut shared = self.shared.borrow_mut();
        let (found, next) = match shared.get(key) {
            Some((_, version)) => (Expect::Version(*version), version.wrapping_add(1)),
            None => (Expect::Absent, 1),
        };
        if found != expect {
            return Err(Conflict);
        }
        shared.insert(key.to_owned(), (value.to_vec(), next));
        Ok(())
    }

    fn metric(&self, _kind: MetricKind, _name: &str) -> MetricId {
        MetricId(0)
    }

    fn record(&self, _metric: MetricId, _value: u64) {}
}
