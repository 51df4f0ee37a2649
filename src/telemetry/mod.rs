/*! What operators see: the decision record and the metrics of every call.

Label values are names from the configuration or words from this code, never what a
client sent, so the number of series is bounded by the configuration. */

mod metrics;
mod record;

pub use metrics::{Metrics, series_name};
pub use record::{CacheRecord, GuardrailRecord, Record, StepRecord, TryRecord, UsageSource};
