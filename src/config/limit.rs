/*! How a compiled policy counts usage; the limits themselves are [`crate::ledger::limits`]. */

/// How usage is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ledger {
    /// Bytes of each of the shards that users' records lie in, 256 to 16384.
    pub shard_bytes: u64,
    /// The bound on answers of calls that name none.
    pub default_output: DefaultOutput,
    /// Whether calls go on uncounted when nobody can say whether there is room.
    pub admit_when_busy: bool,
    /// Whether a stream is ended when it has used up its reservation and no more is left.
    pub stop_at_limit: bool,
}

/// The bound on an answer that the caller has set none for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefaultOutput {
    /// So many tokens are reserved.
    pub tokens: u64,
    /// Whether the provider is not told of it, so that an answer may be longer.
    pub soft: bool,
}

impl Default for Ledger {
    /// 16 MiB for users: some hundred thousand of them with one or two limits. 4096 tokens are
    /// more than most answers have, and what many providers take for a bound themselves.
    fn default() -> Self {
        Self {
            shard_bytes: 4096,
            default_output: DefaultOutput {
                tokens: 4096,
                soft: false,
            },
            admit_when_busy: false,
            stop_at_limit: false,
        }
    }
}
