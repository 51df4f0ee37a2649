/*! What becomes of what guardrails can't read. */

/// What becomes of calls of guarded tenants that have parts which nothing here can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UnscannableRules {
    /// Images, sound and files inside a request.
    pub media: Unscanned,
    /// What a request names by a URL or an id, and the provider fetches.
    pub remote: Unscanned,
    /// Tools that the provider runs, and MCP servers that it asks: what these say never comes
    /// by here.
    pub tools: Unscanned,
    /// Answers and streams that can't be read.
    pub answers: Unscanned,
    /// Calls that `other_paths` passes: nothing of them is read.
    pub paths: Unscanned,
}

/// What becomes of something that is not scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unscanned {
    /// It is refused.
    #[default]
    Refuse,
    /// It goes on, and is counted.
    Pass,
}

impl UnscannableRules {
    /// The same for everything.
    pub const fn all(unscanned: Unscanned) -> Self {
        Self {
            media: unscanned,
            remote: unscanned,
            tools: unscanned,
            answers: unscanned,
            paths: unscanned,
        }
    }
}
