/*! What calls used, cost and may use: usage of one call, prices, the totals that all workers
share, limits, and charges that are not final, with the places that they need. */

mod cost;
mod dirty;
pub mod limits;
mod open;
mod price;
mod slots;
mod totals;
mod usage;

pub use cost::{Bill, Cost};
pub use dirty::{Dirty, Group, Groups};
pub use open::{Charge, Lost, Passed};
pub use price::{Kinds, Price};
pub use slots::{Full, MOST_OF_USER, MOST_OPEN, Slot};
pub use totals::{Settlement, Totals};
pub use usage::Usage;

/// A sum with what was `taken` in the place of what was `charged`. Only the difference is put in:
/// what others do to the sum meanwhile may come before or after it.
const fn put_right(sum: u64, charged: u64, taken: u64) -> u64 {
    let more = sum.saturating_add(taken.saturating_sub(charged));
    more.saturating_sub(charged.saturating_sub(taken))
}
