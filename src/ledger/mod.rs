/*! What calls used: usage of one call, and the totals that all workers share. */

mod totals;
mod usage;

pub use totals::{Settlement, Totals};
pub use usage::Usage;
