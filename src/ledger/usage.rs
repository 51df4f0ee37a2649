/*! Tokens of one call. */

/// Token counts as OpenTelemetry means them: `input` includes cached tokens, `output`
/// includes reasoning tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Prompt tokens.
    pub input: u64,
    /// Generated tokens.
    pub output: u64,
    /// Prompt tokens read from the provider's cache, part of `input`.
    pub cached: u64,
    /// Tokens of hidden reasoning, part of `output`.
    pub reasoning: u64,
}

impl Usage {
    /// Largest count taken for real, in tokens: a thousand times the largest context
    /// window on offer. A provider that reports more is not believed.
    pub const MAX_TOKENS: u64 = 1_000_000_000;
}
