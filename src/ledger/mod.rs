/*! What calls used, cost and may use: usage of one call, prices, the totals that all workers
share, limits, and charges that are not final. */

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
pub use slots::{Full, MOST_OPEN, Slot};
pub use totals::{Settlement, Totals};
pub use usage::Usage;
