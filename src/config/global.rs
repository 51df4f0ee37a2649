/*! Budgets that a rate limit service keeps for many Envoys. */

/// What Envoy's rate limit filter can charge to the service for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GlobalCharge {
    /// Nothing before the call, what it used after it. Any service can do it.
    #[default]
    Actual,
    /// Its estimate before it, the difference after it. The service must take back hits.
    Estimate {
        /// Whether the estimate of a call that the service has refused is given back: right
        /// only where it counts what it refuses.
        refund_refused: bool,
    },
}
