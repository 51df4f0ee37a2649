/*! What calls used: usage of one call, and the totals that all workers share. */

mod dirty;
mod totals;
mod usage;

pub use dirty::{Dirty, Group, Groups, USER_SHARDS};
pub use totals::{Settlement, Totals};
pub use usage::Usage;
