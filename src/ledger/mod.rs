/*! What calls used, cost and may use: usage of one call, prices, the totals that all workers
share, and limits. */

mod cost;
mod dirty;
pub mod limits;
mod price;
mod totals;
mod usage;

pub use cost::{Bill, Cost};
pub use dirty::{Dirty, Group, Groups};
pub use price::{Kinds, Price};
pub use totals::{Settlement, Totals};
pub use usage::Usage;
