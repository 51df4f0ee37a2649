/*! More budget for a stream that grows beyond what was reserved for it. */

use crate::ledger::limits::{self, Amounts, Book, Denied, Reservation, Scope, Traces};
use crate::ledger::{Kinds, Price};

/// Least tokens that are reserved in addition at once: asking has its price, a change of each
/// record.
const LEAST: u64 = 256;

/// What part of the first reservation is reserved in addition at once.
const PART: u64 = 4;

/// What is known of a stream that is to end at the limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Growth {
    /// Those of the targets that may answer.
    pub(super) prices: Vec<Price>,
    /// What its tokens may be.
    pub(super) kinds: Kinds,
    /// Whether the provider is told how long the answer may become.
    pub(super) bounded: bool,
}

impl Growth {
    /// The most that so many more tokens of the answer can cost, in nano-USD.
    fn cost(&self, output: u64) -> u64 {
        let cost = |price: &Price| {
            let most = price.reserve(0, output, self.kinds);
            // The price of the request itself is reserved already.
            most.saturating_sub(price.reserve(0, 0, self.kinds))
        };
        self.prices.iter().map(cost).max().unwrap_or(0)
    }
}

/// How a stream's reservation grows.
#[derive(Debug)]
pub(super) struct Extension {
    /// The limits that it is counted by.
    scopes: Vec<Scope>,
    /// The virtual model.
    model: String,
    growth: Growth,
    /// Tokens of the answer that are reserved by now.
    reserved: u64,
    /// Tokens that are reserved in addition at once.
    step: u64,
    /// What was left behind where no more could be had.
    traces: Traces,
}

impl Extension {
    /// For a stream for which `reserved` tokens of the answer are reserved.
    pub(super) fn new((scopes, model): (Vec<Scope>, &str), growth: Growth, reserved: u64) -> Self {
        Self {
            scopes,
            model: model.to_owned(),
            growth,
            reserved,
            step: (reserved / PART).max(LEAST),
            traces: Traces::default(),
        }
    }

    /// Whether the provider was told how long the answer may become.
    pub(super) const fn is_bounded(&self) -> bool {
        self.growth.bounded
    }

    /// What was left behind where no more could be had.
    pub(super) const fn traces(&self) -> &Traces {
        &self.traces
    }

    /// Tokens of the answer that are reserved by now.
    pub(super) const fn reserved(&self) -> u64 {
        self.reserved
    }

    /// Whether the answer, which has so many tokens by now, has passed what is reserved for
    /// it, and no more can be had. What can be had is added to `held`.
    ///
    /// If the ledger is too busy to say, the answer goes on, and the next event asks again.
    pub(super) fn passed<'b>(
        &mut self,
        book: impl FnOnce() -> Book<'b>,
        held: &mut Reservation,
        output: u64,
    ) -> bool {
        let beyond = output.saturating_sub(self.reserved);
        if beyond == 0 {
            return false;
        }
        let book = book();
        // At the end of a budget a whole step is too much.
        for output in [beyond.saturating_add(self.step), beyond] {
            match limits::reserve(&book, self.scopes.clone(), &self.model, &self.wants(output)) {
                Ok(granted) => {
                    self.reserved = self.reserved.saturating_add(output);
                    held.append(granted.reservation);
                    return false;
                }
                Err(denied) => {
                    self.traces.add(denied.traces());
                    if matches!(denied, Denied::Busy(_)) {
                        return false;
                    }
                }
            }
        }
        true
    }

    fn wants(&self, output: u64) -> Amounts {
        Amounts {
            requests: 0,
            input: 0,
            output,
            nano_usd: self.growth.cost(output),
        }
    }
}

#[cfg(test)]
mod tests;
