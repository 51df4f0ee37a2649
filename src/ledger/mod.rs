/*! What calls used and cost: usage of one call, the arithmetic of prices, and the totals that
all workers share. */

mod cost;
mod price;
mod totals;
mod usage;

pub use cost::{Bill, Cost};
pub use price::Kinds;
pub use totals::{Settlement, Totals};
pub use usage::Usage;
