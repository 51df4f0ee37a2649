/*! Totals per tenant and model, exact over all workers of an Envoy. */

use super::{Cost, Usage, put_right};
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
    /// What they cost, in nano-USD, as far as there are prices.
    pub cost_nano_usd: u64,
    /// Of the calls: something of their cost has no price.
    pub unpriced: u64,
}

/// 1 ended with `reasoning`, 2 with `unpriced`.
const VERSION: u8 = 3;
const FIELDS: usize = 18;

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
        cost: Cost,
    ) -> Result<(), Exhausted> {
        state::update(host, &Self::key(space, tenant, model), |old| {
            old.map(Self::decode)
                .unwrap_or_default()
                .plus(settlement, cost)
                .encode()
        })
    }

    /// Puts what an estimated call `took`, and what that cost in nano-USD, in the place of what
    /// it was `charged`.
    ///
    /// # Errors
    /// [`Exhausted`] if other workers won every round; the totals keep the estimate then.
    pub fn correct(
        host: &dyn Host,
        space: &Space,
        (tenant, model): (&str, &str),
        (charged, charged_nano): (Usage, u64),
        (took, took_nano): (Usage, u64),
    ) -> Result<(), Exhausted> {
        state::update(host, &Self::key(space, tenant, model), |old| {
            let totals = old.map(Self::decode).unwrap_or_default();
            let mut totals = totals.replaced((charged, charged_nano), (took, took_nano));
            totals.estimated = totals.estimated.saturating_sub(1);
            totals.encode()
        })
    }

    /// Puts another estimate of what a call took in the place of the one that it was `charged`.
    ///
    /// # Errors
    /// As of [`Totals::correct`].
    pub fn estimate_anew(
        host: &dyn Host,
        space: &Space,
        (tenant, model): (&str, &str),
        charged: (Usage, u64),
        new: (Usage, u64),
    ) -> Result<(), Exhausted> {
        state::update(host, &Self::key(space, tenant, model), |old| {
            let totals = old.map(Self::decode).unwrap_or_default();
            totals.replaced(charged, new).encode()
        })
    }

    fn replaced(
        mut self,
        (charged, charged_nano): (Usage, u64),
        (new, nano): (Usage, u64),
    ) -> Self {
        let Usage { input, output, .. } = self.usage;
        self.usage = Usage {
            input: put_right(input, charged.input, new.input),
            output: put_right(output, charged.output, new.output),
            ..self.usage.plus(new)
        };
        self.cost_nano_usd = put_right(self.cost_nano_usd, charged_nano, nano);
        self
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

    fn plus(mut self, settlement: Settlement, cost: Cost) -> Self {
        self.calls = self.calls.saturating_add(1);
        match settlement {
            Settlement::Reported(usage) => self.usage = self.usage.plus(usage),
            Settlement::Estimated(usage) => {
                self.estimated = self.estimated.saturating_add(1);
                self.usage = self.usage.plus(usage);
            }
            Settlement::Failed => self.failed = self.failed.saturating_add(1),
            Settlement::Local => self.local = self.local.saturating_add(1),
        }
        self.cost_nano_usd = self.cost_nano_usd.saturating_add(cost.nano_usd());
        let unpriced = u64::from(cost.is_unpriced());
        self.unpriced = self.unpriced.saturating_add(unpriced);
        self
    }

    /// Version byte, then little-endian 64-bit sums. Newer layouts add theirs at the end.
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
            self.usage.cache_write,
            self.usage.cache_write_1h,
            self.usage.audio_input,
            self.usage.audio_output,
            self.usage.image_input,
            self.cost_nano_usd,
            self.unpriced,
            self.usage.seconds,
            self.usage.characters,
            self.usage.images,
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
        let mut totals = Self {
            calls: next(),
            estimated: next(),
            failed: next(),
            local: next(),
            usage: Usage {
                input: next(),
                output: next(),
                cached: next(),
                reasoning: next(),
                cache_write: next(),
                cache_write_1h: next(),
                audio_input: next(),
                audio_output: next(),
                image_input: next(),
                ..Usage::NONE
            },
            cost_nano_usd: next(),
            unpriced: next(),
        };
        let usage = &mut totals.usage;
        for sum in [&mut usage.seconds, &mut usage.characters, &mut usage.images] {
            *sum = next();
        }
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::memory::MemoryHost;

    /// Every field has a value of its own, so that none is taken for another.
    const USAGE: Usage = Usage {
        input: 100,
        output: 50,
        cached: 3,
        reasoning: 2,
        cache_write: 4,
        cache_write_1h: 5,
        audio_input: 6,
        audio_output: 7,
        image_input: 8,
        seconds: 9,
        characters: 10,
        images: 11,
    };

    #[test]
    fn sums_every_kind_of_settlement() {
        let host = MemoryHost::default();
        let space = Space::new("t");
        for (settlement, cost) in [
            (Settlement::Reported(USAGE), Cost::Known(11)),
            (Settlement::Estimated(USAGE), Cost::Unpriced(22)),
            (Settlement::Failed, Cost::FREE),
            (Settlement::Local, Cost::FREE),
        ] {
            Totals::settle(&host, &space, "acme", "smart", settlement, cost).unwrap();
        }
        let totals = Totals::read(&host, &space, "acme", "smart");
        let wanted = Totals {
            calls: 4,
            estimated: 1,
            failed: 1,
            local: 1,
            usage: USAGE.plus(USAGE),
            cost_nano_usd: 33,
            unpriced: 1,
        };
        assert_eq!(totals, wanted);
        assert_eq!((totals.usage.input, totals.usage.image_input), (200, 16));
        assert_eq!(
            Totals::read(&host, &space, "acme", "light"),
            Totals::default()
        );
    }

    #[test]
    fn sums_saturate() {
        let full = Totals {
            calls: u64::MAX,
            cost_nano_usd: u64::MAX - 1,
            ..Totals::default()
        };
        let sum = full.plus(Settlement::Failed, Cost::Unpriced(7));
        assert_eq!((sum.calls, sum.cost_nano_usd), (u64::MAX, u64::MAX));
    }

    #[test]
    fn reads_the_first_layout() {
        let words: [u64; 8] = [9, 2, 3, 4, 10, 5, 6, 7];
        let old: Vec<u8> = std::iter::once(1)
            .chain(words.into_iter().flat_map(u64::to_le_bytes))
            .collect();
        let wanted = Totals {
            calls: 9,
            estimated: 2,
            failed: 3,
            local: 4,
            usage: Usage {
                input: 10,
                output: 5,
                cached: 6,
                reasoning: 7,
                ..Usage::NONE
            },
            ..Totals::default()
        };
        assert_eq!(Totals::decode(&old), wanted);
        let next = Totals::decode(&old).plus(Settlement::Reported(USAGE), Cost::Known(1));
        let read = Totals::decode(&next.encode());
        assert_eq!(read, next);
        assert_eq!((read.calls, read.usage.input), (10, 110));
        assert_eq!(next.encode().first(), Some(&3));
    }

    #[test]
    fn reads_a_record_that_is_too_short_or_too_long() {
        assert_eq!(Totals::decode(&[]), Totals::default());
        let settlement = Settlement::Reported(USAGE);
        let mut bytes = Totals::default()
            .plus(settlement, Cost::Unpriced(5))
            .encode();
        let whole = Totals::decode(&bytes);
        bytes.extend([7; 8]);
        assert_eq!(Totals::decode(&bytes), whole);
        assert_eq!(Totals::decode(&bytes[..9]).calls, 1);
    }
}
