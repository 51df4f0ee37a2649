/*! What the guardrails have found in all texts of one call and phase. */

use crate::detect::{Hit, What};

/// Most pairs of guardrail and finding that are told apart.
const MOST_PAIRS: usize = 128;

/// What is known of all texts of one call and phase; of bounded size.
#[derive(Debug, Default)]
pub struct Verdict {
    found: Vec<(u16, What, u64)>,
    others: u64,
    blocked: Option<u16>,
}
