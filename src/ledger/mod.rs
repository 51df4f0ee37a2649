/*! What calls used and may use: usage of one call, the totals that all workers share, and limits. */

pub mod limits;
mod totals;
mod usage;

pub use totals::{Settlement, Totals};
pub use usage::Usage;
