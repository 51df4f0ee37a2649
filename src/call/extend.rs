/*! More budget for a stream that grows beyond what was reserved for it. */

use crate::config::Price;
use crate::ledger::limits::{self, Amounts, Book, Denied, Reservation, Scope};

/// Least tokens that are reserved in addition at once: asking has its price, a change of each
/// record.
const LEAST: u64 = 256;

/// What part of the first reservation is reserved in addition at once.
const PART: u64 = 4;

/// How a stream's reservation grows.
#[derive(Debug)]
pub(super) struct Extension {
    /// The limits that it is counted by.
    scopes: Vec<Scope>,
    /// The virtual model.
    model: String,
    /// Those of the targets that may answer.
    prices: Vec<Price>,
    /// Tokens of the answer that are reserved by now.
    reserved: u64,
    /// Tokens that are reserved in addition at once.
    step: u64,
    /// Whether the provider was told how long the answer may become.
    pub(super) bounded: bool,
}

impl Extension {
    /// For a stream for which `reserved` tokens of the answer are reserved.
    pub(super) fn new(
        (scopes, model): (Vec<Scope>, &str),
        prices: Vec<Price>,
        reserved: u64,
        bounded: bool,
    ) -> Self {
        Self {
            scopes,
            model: model.to_owned(),
            prices,
            reserved,
            step: (reserved / PART).max(LEAST),
            bounded,
        }
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
        let output = beyond.saturating_add(self.step);
        let costs = self.prices.iter().map(|price| price.reserve(0, output));
        let wants = Amounts {
            requests: 0,
            input: 0,
            output,
            nano_usd: costs.max().unwrap_or(0),
        };
        match limits::reserve(&book(), self.scopes.clone(), &self.model, &wants) {
            Ok(granted) => {
                self.reserved = self.reserved.saturating_add(output);
                held.append(granted.reservation);
                false
            }
            Err(Denied::Busy) => false,
            Err(Denied::Exceeded(_)) => true,
        }
    }
}

#[cfg(test)]
mod tests;
