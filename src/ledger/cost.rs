/*! What a call cost. */

use super::{Price, Usage};
use serde::{Serialize, Serializer};

/// What a call cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// All of it, in nano-USD.
    Known(u64),
    /// Something of it has no price; the rest came to this, in nano-USD.
    Unpriced(u64),
}

impl Cost {
    /// Nothing.
    pub const FREE: Self = Self::Known(0);

    /// What is known of it, in nano-USD: all of it, unless something has no price.
    pub const fn nano_usd(self) -> u64 {
        match self {
            Self::Known(nano) | Self::Unpriced(nano) => nano,
        }
    }

    /// Sums of both.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        let nano = self.nano_usd().saturating_add(other.nano_usd());
        match (self, other) {
            (Self::Known(_), Self::Known(_)) => Self::Known(nano),
            _ => Self::Unpriced(nano),
        }
    }

    /// Whether something of it has no price.
    pub const fn is_unpriced(&self) -> bool {
        matches!(self, Self::Unpriced(_))
    }
}

impl Serialize for Cost {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.nano_usd())
    }
}

/// Adds up what a call cost; rounds up to nano-USD once, at the end.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bill {
    pico_usd: u128,
    unpriced: bool,
}

impl Bill {
    /// Adds an answer.
    pub fn answer(&mut self, price: Option<&Price>, usage: &Usage) {
        self.answers(price, usage, 1);
    }

    /// Adds so many answers, which have this usage together.
    pub fn answers(&mut self, price: Option<&Price>, usage: &Usage, count: u64) {
        self.add(price.map(|price| price.answers(usage, count)));
    }

    /// Adds a try that gave no answer, by the tokens of its prompt.
    pub fn lost(&mut self, price: Option<&Price>, prompt: &Usage) {
        self.add(price.map(|price| price.tokens(prompt)));
    }

    const fn add(&mut self, pico_usd: Option<u128>) {
        match pico_usd {
            Some(pico_usd) => self.pico_usd = self.pico_usd.saturating_add(pico_usd),
            None => self.unpriced = true,
        }
    }

    /// The sum.
    pub fn cost(self) -> Cost {
        let nano = nano_usd(self.pico_usd);
        if self.unpriced {
            Cost::Unpriced(nano)
        } else {
            Cost::Known(nano)
        }
    }
}

/// Pico-USD as nano-USD, rounded up.
pub(super) fn nano_usd(pico_usd: u128) -> u64 {
    u64::try_from(pico_usd.div_ceil(1000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRICE: Price = Price {
        request: 5,
        ..Price::flat(1, 2)
    };

    fn input(tokens: u64) -> Usage {
        Usage {
            input: tokens,
            ..Usage::NONE
        }
    }

    #[test]
    fn a_bill_is_rounded_up_once() {
        let mut bill = Bill::default();
        for _ in 0..1001 {
            bill.lost(
                Some(&PRICE),
                &Usage {
                    input: 1,
                    ..Usage::NONE
                },
            );
        }
        assert_eq!(bill.cost(), Cost::Known(2));
        // A lost try answers no request.
        bill.answer(Some(&PRICE), &input(999));
        assert_eq!(bill.cost(), Cost::Known(2 + 5));
        bill.answers(Some(&PRICE), &input(1000), 3);
        assert_eq!(bill.cost(), Cost::Known(2 + 5 + 1 + 3 * 5));
        bill.answers(Some(&PRICE), &Usage::NONE, 0);
        assert_eq!(bill.cost(), Cost::Known(2 + 5 + 1 + 3 * 5));
    }

    #[test]
    fn what_has_no_price_is_never_free() {
        let mut bill = Bill::default();
        bill.lost(
            None,
            &Usage {
                input: 1000,
                ..Usage::NONE
            },
        );
        assert_eq!(bill.cost(), Cost::Unpriced(0));
        bill.answer(Some(&PRICE), &input(1000));
        assert_eq!(bill.cost(), Cost::Unpriced(6));
        assert_eq!(Bill::default().cost(), Cost::FREE);
    }

    #[test]
    fn bills_saturate() {
        let dear = Price::flat(u64::MAX, u64::MAX);
        let mut bill = Bill::default();
        for _ in 0..4 {
            bill.answer(Some(&dear), &input(u64::MAX));
        }
        assert_eq!(bill.cost(), Cost::Known(u64::MAX));
    }
}
