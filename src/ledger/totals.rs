/*! Totals per tenant and model, exact over all workers of an Envoy. */

use super::Usage;
use crate::host::Host;
use crate::state::{self, Exhausted, Space};

/// How one call ended, for the totals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// The provider reported what it used.
    Reported(Usage),
    /// The provider answered or was working, but never said what it used.
    Estimated(Usage),
    /// The provider, or the way to it, failed; nothing is charged.
    Failed,
    /// Tollgate refused the call or answered it by itself.
    Local,
}

/// Sums of all settled calls of one tenant and virtual model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Settled calls of every kind.
    pub calls: u64,
    /// Of these: usage estimated.
    pub estimated: u64,
    /// Of these: failed at the provider.
    pub failed: u64,
    /// Of these: refused or answered by Tollgate.
    pub local: u64,
    /// Tokens of all calls.
    pub usage: Usage,
}

const VERSION: u8 = 1;
const FIELDS: usize = 8;

impl Totals {
    /// Adds one call to the totals of `tenant` and `model`.
    ///
    /// # Errors
    /// [`Exhausted`] if other workers won every round; the call is not in the totals then.
    pub fn settle(
        host: &dyn Host,
        space: &Space,
        tenant: &str,
        model: &str,
        settlement: Settlement,
    ) -> Result<(), Exhausted> {
        state::update(host, &Self::key(space, tenant, model), |old| {
            old.map(Self::decode)
                .unwrap_or_default()
                .plus(settlement)
                .encode()
        })
    }

    /// The totals of `tenant` and `model`; zero if there was no call yet.
    pub fn read(host: &dyn Host, space: &Space, tenant: &str, model: &str) -> Self {
        host.shared_get(&Self::key(space, tenant, model))
            .map(|(bytes, _)| Self::decode(&bytes))
            .unwrap_or_default()
    }

    fn key(space: &Space, tenant: &str, model: &str) -> String {
        space.key(&format!("totals/{tenant}/{model}"))
    }

    const fn plus(mut self, settlement: Settlement) -> Self {
        self.calls = self.calls.saturating_add(1);
        match settlement {
            Settlement::Reported(usage) => self.add(usage),
            Settlement::Estimated(usage) => {
                self.estimated = self.estimated.saturating_add(1);
                self.add(usage);
            }
            Settlement::Failed => self.failed = self.failed.saturating_add(1),
            Settlement::Local => self.local = self.local.saturating_add(1),
        }
        self
    }

    const fn add(&mut self, usage: Usage) {
        self.usage.input = self.usage.input.saturating_add(usage.input);
        self.usage.output = self.usage.output.saturating_add(usage.output);
        self.usage.cached = self.usage.cached.saturating_add(usage.cached);
        self.usage.reasoning = self.usage.reasoning.saturating_add(usage.reasoning);
    }

    /// Version byte, then eight little-endian 64-bit sums.
    fn encode(self) -> Vec<u8> {
        let fields: [u64; FIELDS] = [
            self.calls,
            self.estimated,
            self.failed,
            self.local,
            self.usage.input,
            self.usage.output,
            self.usage.cached,
            self.usage.reasoning,
        ];
        std::iter::once(VERSION)
            .chain(fields.into_iter().flat_map(u64::to_le_bytes))
            .collect()
    }

    /// Reads a record; fields that an older layout lacks are zero, those that a newer
    /// one added are not seen.
    fn decode(bytes: &[u8]) -> Self {
        let (words, _) = bytes.get(1..).unwrap_or_default().as_chunks::<8>();
        let mut words = words.iter().map(|word| u64::from_le_bytes(*word));
        let mut next = || words.next().unwrap_or(0);
        Self {
            calls: next(),
            estimated: next(),
            failed: next(),
            local: next(),
            usage: Usage {
                input: next(),
                output: next(),
                cached: next(),
                reasoning: next(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::memory::MemoryHost;

    const USAGE: Usage = Usage {
        input: 10,
        output: 5,
        cached: 3,
        reasoning: 2,
    };

    #[test]
    fn sums_every_kind_of_settlement() {
        let host = MemoryHost::default();
        let space = Space::new("t");
        for settlement in [
            Settlement::Reported(USAGE),
            Settlement::Estimated(USAGE),
            Settlement::Failed,
            Settlement::Local,
        ] {
            Totals::settle(&host, &space, "acme", "smart", settlement).unwrap();
        }
        let totals = Totals::read(&host, &space, "acme", "smart");
        assert_eq!(
            (totals.calls, totals.estimated, totals.failed, totals.local),
            (4, 1, 1, 1)
        );
        assert_eq!(totals.usage.input, 20);
        assert_eq!(totals.usage.reasoning, 4);
        assert_eq!(
            Totals::read(&host, &space, "acme", "light"),
            Totals::default()
        );
    }

    #[test]
    fn reads_a_record_that_is_too_short_or_too_long() {
        assert_eq!(Totals::decode(&[]), Totals::default());
        let mut bytes = Totals::default().plus(Settlement::Reported(USAGE)).encode();
        let whole = Totals::decode(&bytes);
        bytes.extend([7; 8]);
        assert_eq!(Totals::decode(&bytes), whole);
        assert_eq!(Totals::decode(&bytes[..9]).calls, 1);
    }
}
