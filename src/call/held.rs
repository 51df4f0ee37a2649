/*! How many request bytes are held for each tenant, per worker. */

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// Counts the request bytes that wait in Envoy's buffers of this worker. Bytes leave the
/// count with the `HeldBytes` that brought them, however its call ends.
#[derive(Debug, Default)]
pub struct HeldMeter {
    by_tenant: RefCell<HashMap<String, u64>>,
}

#[cfg(test)]
impl HeldMeter {
    pub(super) fn bytes(&self, tenant: &str) -> u64 {
        self.by_tenant.borrow().get(tenant).copied().unwrap_or(0)
    }
}

/// The share of one call.
#[derive(Debug)]
pub(super) struct HeldBytes {
    meter: Rc<HeldMeter>,
    tenant: String,
    bytes: u64,
}

impl HeldBytes {
    pub(super) fn new(meter: &Rc<HeldMeter>, tenant: &str) -> Self {
        Self {
            meter: Rc::clone(meter),
            tenant: tenant.to_owned(),
            bytes: 0,
        }
    }

    /// Sets the call's share to `bytes`; `false` (and no change) if the tenant would
    /// then hold more than `limit`.
    pub(super) fn grow_to(&mut self, bytes: u64, limit: u64) -> bool {
        let mut by_tenant = self.meter.by_tenant.borrow_mut();
        let held = by_tenant.entry(self.tenant.clone()).or_default();
        let grown = held.saturating_sub(self.bytes).saturating_add(bytes);
        if grown > limit {
            return false;
        }
        *held = grown;
        self.bytes = bytes;
        true
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        if let Some(held) = self.meter.by_tenant.borrow_mut().get_mut(&self.tenant) {
            *held = held.saturating_sub(self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_given_back() {
        let meter = Rc::new(HeldMeter::default());
        let mut first = HeldBytes::new(&meter, "acme");
        let mut second = HeldBytes::new(&meter, "acme");
        assert!(first.grow_to(60, 100));
        assert!(!second.grow_to(50, 100));
        assert!(first.grow_to(50, 100), "a share can change");
        assert!(second.grow_to(50, 100));
        assert!(HeldBytes::new(&meter, "blue").grow_to(100, 100));
        drop(first);
        assert!(second.grow_to(100, 100));
    }
}
