/*! What providers may keep for callers. */

use crate::wrapped::Secrets;

/// That providers may keep responses for callers, who know them by ids of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// What makes these ids, and opens them.
    pub secrets: Secrets,
}
