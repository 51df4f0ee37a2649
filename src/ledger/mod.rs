/*! What calls used and may use: usage of one call, the totals that all workers share, and limits. */

mod dirty;
pub mod limits;
mod totals;
mod usage;

pub use dirty::{Dirty, Group, Groups};
pub use totals::{Settlement, Totals};
pub use usage::Usage;
