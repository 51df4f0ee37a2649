/*! Limits that hold: reserved before a call, settled after it.

A call reserves what it may take, in every record that one of its limits counts in, or in none
of them; settling puts what it took in the place of the reservation. Both are one
compare-and-swap for each record: the tenant's, the virtual model's, the user's shard, in this
order. Between two of them others may see a reservation that is then undone, never less than
what is taken.

- `window`: when usage counts; `counter`: usage by buckets of a window
- `record`, `users`: counters as bytes, of one holder and of many
- `meter`: what an operator limits
- `reserve`, `settle`: the protocol; `refused`: what it says and leaves where a limit is reached
- `standing`: what is left, for callers
- `correct`: what is known only long after a call was settled; `counted`: where that call counts
- `adjust`: windows topped up and emptied by an operator
- `durable`: what outlives a restart */

mod adjust;
mod correct;
mod counted;
mod counter;
pub mod durable;
mod meter;
mod place;
mod record;
mod refused;
mod reserve;
mod settle;
mod standing;
mod users;
mod window;

pub use adjust::{Adjustment, Unadjusted, adjust};
pub use correct::{Corrected, correct};
pub use counted::Counted;
pub use meter::{Amounts, Limit, Meter, Unit, record_bytes};
pub use place::{Holder, Scope};
pub use refused::{Denied, Exceeded, Traces};
pub use reserve::{Granted, Reservation, reserve};
pub use settle::{Crossed, Settled, settle};
pub use standing::{Budget, Standing, Standings};
pub use users::{SHARDS, User, place_bytes};
pub use window::{Period, Window};

use crate::host::{Host, Instant};
use crate::state::Space;

/// Where limits are counted, and when.
#[derive(Clone, Copy)]
pub struct Book<'a> {
    /// Holds the records.
    pub host: &'a dyn Host,
    /// Where they are.
    pub space: &'a Space,
    /// Bytes of each of the [`SHARDS`] that users share.
    pub shard_bytes: u64,
    /// Now.
    pub now: Instant,
}

impl Book<'_> {
    const fn now_ms(&self) -> u64 {
        self.now.unix_millis()
    }
}

/// How many whole percent of `amount` are `taken`.
fn percent(taken: u64, amount: u64) -> u64 {
    let hundredfold = u128::from(taken).saturating_mul(100);
    let percent = hundredfold.checked_div(u128::from(amount));
    percent.map_or(u64::MAX, |percent| {
        u64::try_from(percent).unwrap_or(u64::MAX)
    })
}

#[cfg(test)]
pub(in crate::ledger) use counted::tests::counted as counted_of;

#[cfg(test)]
mod tests;
