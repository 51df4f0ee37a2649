/*! What was stored before is none any more: a number that counts as part of the question, the
generation. It is the time of the last purge, unless somebody names another: several Envoys with
a store in common find each other's answers only under the same numbers.

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

/// Everybody's generation, and this tenant's own; 0: nothing was purged.
pub fn generations(host: &dyn Host, space: &Space, tenant: &str) -> [u64; 2] {
    [Whose::All, Whose::Tenant(tenant)].map(|whose| whose.read(host, space))
}

/// A purge asks for a generation that has passed: this one is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed(pub u64);

/// Purges answers, for calls that begin from now on; the generation.
/// A generation that is `wanted` and there already purges nothing more.
///
/// # Errors
/// Other workers got in between too often, or the generation that is wanted has passed; nothing
/// was purged.
pub fn purge(
    host: &dyn Host,
    space: &Space,
    whose: Whose<'_>,
    wanted: Option<u64>,
) -> Result<Result<u64, Passed>, Exhausted> {
    let now_ms = host.now().unix_millis();
    state::try_update(host, &whose.key(space), |old| {
        let before = state::decode_words(old.unwrap_or_default()).next();
        let before = before.unwrap_or(0);
        let next = match wanted {
            Some(wanted) if wanted < before => return Err(Passed(before)),
            Some(wanted) => wanted,
            // Another number than any before, whatever the clock says.
            None => before.saturating_add(1).max(now_ms),
        };
        Ok((state::encode_words(VERSION, [next]), next))
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
        let purged = |whose| purge(&host, &one, whose, None).unwrap().unwrap();
        assert_eq!(purged(Whose::Tenant("acme")), 1);
        assert_eq!([Whose::All; 2].map(purged), [1, 2]);
        assert_eq!(generations(&host, &one, "acme"), [2, 1]);
        assert_eq!(generations(&host, &one, "blue"), [2, 0]);
        assert_eq!(generations(&host, &other, "acme"), [0, 0]);
    }

    #[test]
    fn a_generation_that_is_named_counts_and_none_goes_back() {
        let host = MemoryHost::default();
        let space = Space::new("one");
        let purged = |wanted| purge(&host, &space, Whose::All, wanted).unwrap();
        assert_eq!(purged(Some(7)), Ok(7));
        assert_eq!(purged(Some(7)), Ok(7), "again, as after a time-out");
        assert_eq!(purged(Some(6)), Err(Passed(7)));
        assert_eq!(generations(&host, &space, "acme"), [7, 0]);
        assert_eq!(purged(None), Ok(8));
        host.set_now(20_000_000);
        assert_eq!(purged(None), Ok(20));
    }
}
