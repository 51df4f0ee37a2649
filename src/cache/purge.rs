/*! What was stored before is none any more: a number that counts as part of the question. It is the
time of the last purge, so that in a store of several Envoys nothing from before is found by it.

What lies there is not looked for again; it goes when its room is needed, or when it has ended. */

use crate::host::Host;
use crate::state::{self, Exhausted, Space};

const VERSION: u8 = 1;

/// Whose answers are purged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose<'a> {
    /// Everybody's.
    All,
    /// Those that this tenant gets.
    Tenant(&'a str),
}

impl Whose<'_> {
    fn key(self, space: &Space) -> String {
        match self {
            Self::All => space.key("cache1/purged"),
            Self::Tenant(name) => space.key(&format!("cache1/purged/{name}")),
        }
    }

    fn read(self, host: &dyn Host, space: &Space) -> u64 {
        let record = host.shared_get(&self.key(space));
        let number = record.and_then(|(record, _)| state::decode_words(&record).next());
        number.unwrap_or(0)
    }
}

/// When everything was purged last, and when this tenant's answers were, in milliseconds since the
/// Unix epoch; 0: never.
pub fn generations(host: &dyn Host, space: &Space, tenant: &str) -> [u64; 2] {
    [Whose::All, Whose::Tenant(tenant)].map(|whose| whose.read(host, space))
}

/// Purges answers, for calls that begin from now on.
///
/// # Errors
/// Other workers got in between too often; nothing was purged.
pub fn purge(host: &dyn Host, space: &Space, whose: Whose<'_>) -> Result<(), Exhausted> {
    let now_ms = host.now().unix_millis();
    state::update(host, &whose.key(space), |old| {
        let before = state::decode_words(old.unwrap_or_default()).next();
        // Another number than any before, whatever the clock says.
        let next = before.unwrap_or(0).saturating_add(1);
        state::encode_words(VERSION, [next.max(now_ms)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::memory::MemoryHost;

    #[test]
    fn tenants_and_spaces_are_purged_by_themselves() {
        let host = MemoryHost::default();
        let [one, other] = ["one", "other"].map(Space::new);
        purge(&host, &one, Whose::Tenant("acme")).unwrap();
        purge(&host, &one, Whose::All).unwrap();
        purge(&host, &one, Whose::All).unwrap();
        assert_eq!(generations(&host, &one, "acme"), [2, 1]);
        assert_eq!(generations(&host, &one, "blue"), [2, 0]);
        assert_eq!(generations(&host, &other, "acme"), [0, 0]);
    }
}
