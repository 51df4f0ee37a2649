/*! What providers may keep for callers. */

use super::model::Backend;
use crate::wrapped::Secrets;
use std::rc::Rc;

/// That providers may keep responses for callers, who know them by ids of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// What makes these ids, and opens them.
    pub secrets: Secrets,
    /// Where conversations are kept; `None`: there are none.
    pub conversations: Option<Conversations>,
    /// Where files are kept; `None`: nowhere.
    pub files: Option<Rc<Backend>>,
    /// How batches are made there; `None`: not at all.
    pub batches: Option<Batches>,
}

/// Where conversations are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversations {
    /// The name of the backend.
    pub backend: String,
    /// Most tokens that one is taken to bring into a prompt; `None`: what a target's window
    /// holds.
    pub tokens: Option<u64>,
}

/// Files of requests that are worked on later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batches {
    /// Most requests in a file.
    pub lines: u32,
    /// What they cost, in thousandths of what live calls cost.
    pub price: u16,
}

impl Batches {
    /// What a batch costs whose requests would cost so much by themselves, in nano-USD, rounded
    /// up.
    pub fn cost(self, nano_usd: u64) -> u64 {
        let nano = u128::from(nano_usd).saturating_mul(u128::from(self.price));
        u64::try_from(nano.div_ceil(1000)).unwrap_or(u64::MAX)
    }
}

impl Default for Batches {
    /// OpenAI takes 50,000 requests in a file.
    fn default() -> Self {
        Self {
            lines: 50_000,
            price: 1_000,
        }
    }
}
