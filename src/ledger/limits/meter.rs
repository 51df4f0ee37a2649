/*! What an operator limits: meters, each with the limits that look at it. */

use super::window::Window;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Calls that were let through.
    Requests,
    /// Tokens of prompts.
    InputTokens,
    /// Tokens of answers.
    OutputTokens,
    /// Both.
    Tokens,
    /// Money, in billionths of a US dollar.
    NanoUsd,
    /// Calls under way.
    Concurrent,
}

impl Unit {
    /// Whether the length of the answer matters to it.
    pub const fn counts_output(self) -> bool {
        matches!(self, Self::OutputTokens | Self::Tokens | Self::NanoUsd)
    }

    /// The word in a policy.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::InputTokens => "input_tokens",
            Self::OutputTokens => "output_tokens",
            Self::Tokens => "tokens",
            Self::NanoUsd => "usd",
            Self::Concurrent => "concurrent",
        }
    }
}

/// One thing that is counted in one window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meter {
    /// Names its counter in shared records: it depends on what is counted, not on how much is
    /// allowed, so that a changed limit keeps what was used.
    pub id: u32,
    /// What it counts.
    pub unit: Unit,
    /// How long.
    pub window: Window,
    /// The virtual models whose calls it counts; empty: of all.
    pub models: Vec<String>,
    /// At least one.
    pub limits: Vec<Limit>,
}

/// How much is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// For messages, records and metrics.
    pub name: String,
    /// Most that may be taken in a window, in the meter's unit.
    pub amount: u64,
    /// Whether it only counts what it would have refused.
    pub shadow: bool,
    /// Percentages of the amount at which an alert is raised, ascending; of the limits of a
    /// meter, one at most has any.
    pub alert_at: Vec<u8>,
}

/// What a call takes, or took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amounts {
    /// 1, or 0 for what is no call.
    pub requests: u64,
    /// Tokens of the prompt.
    pub input: u64,
    /// Tokens of the answer.
    pub output: u64,
    /// Its price, in billionths of a US dollar.
    pub nano_usd: u64,
}

impl Amounts {
    /// Nothing.
    pub const NONE: Self = Self {
        requests: 0,
        input: 0,
        output: 0,
        nano_usd: 0,
    };

    /// Sums of both.
    #[must_use]
    pub const fn plus(&self, other: &Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
            nano_usd: self.nano_usd.saturating_add(other.nano_usd),
        }
    }

    /// How much of a unit that is.
    pub const fn of(&self, unit: Unit) -> u64 {
        match unit {
            Unit::Requests | Unit::Concurrent => self.requests,
            Unit::InputTokens => self.input,
            Unit::OutputTokens => self.output,
            Unit::Tokens => self.input.saturating_add(self.output),
            Unit::NanoUsd => self.nano_usd,
        }
    }
}

impl Meter {
    /// Whether it counts calls of a virtual model.
    pub fn counts(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|known| known == model)
    }

    /// That of its limits which has alerts.
    pub(super) fn alerting(&self) -> Option<&Limit> {
        self.limits.iter().find(|limit| !limit.alert_at.is_empty())
    }

    /// Most bytes that its counter takes in a record, as long as what is counted stays near
    /// its limits.
    pub(super) fn most_bytes(&self) -> usize {
        // Length, number, flags, expiry, alert, index of the first bucket, their number, and
        // what was topped up.
        const HEAD: usize = 2 + 4 + 1 + 6 + 6 + 5 + 1 + 14;
        const BUCKET_INDEX: usize = 1;
        let amount = self.limits.iter().map(|limit| limit.amount).max();
        let bits = u64::BITS.saturating_sub(amount.unwrap_or(0).leading_zeros());
        // 7 bits a byte, and one more byte for what goes beyond the limit.
        let number = usize::try_from(bits / 7).unwrap_or(0).saturating_add(1);
        let bucket = number.saturating_mul(2).saturating_add(BUCKET_INDEX);
        let buckets = usize::try_from(self.window.before().saturating_add(1)).unwrap_or(0);
        bucket.saturating_mul(buckets).saturating_add(HEAD)
    }
}

/// Most bytes of a record with the counters of these meters, as long as what is counted stays
/// near their limits.
pub fn record_bytes(meters: &[Meter]) -> u64 {
    let bytes = meters.iter().map(Meter::most_bytes);
    let bytes = bytes.fold(0, usize::saturating_add);
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
