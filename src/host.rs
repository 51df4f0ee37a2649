/*! What the core needs from outside: a clock, shared data, metrics. */

/// A point in time: nanoseconds since the Unix epoch. The clock may step back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Instant(pub u64);

impl Instant {
    /// Whole milliseconds since `earlier`; 0 if the clock stepped back.
    pub const fn millis_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0) / 1_000_000
    }

    /// So many milliseconds later.
    pub const fn after_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis.saturating_mul(1_000_000)))
    }

    /// Whole milliseconds since the Unix epoch.
    pub const fn unix_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Whole seconds since the Unix epoch.
    pub const fn unix_seconds(self) -> u64 {
        self.0 / 1_000_000_000
    }
}

/// What a shared record must be for a write to succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Nobody has written the key yet.
    Absent,
    /// The version that was read is still there.
    Version(u32),
}

/// Somebody else wrote first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conflict;

/// What a metric counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MetricKind {
    /// A sum that only grows.
    Counter,
    /// A distribution of whole numbers.
    Histogram,
}

/// A defined metric of one virtual machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricId(pub u32);

/// The host of the core: Envoy in the plugin, memory in tests.
pub trait Host {
    /// The wall clock.
    fn now(&self) -> Instant;

    /// A shared value and its version; `None` if there is none.
    fn shared_get(&self, key: &str) -> Option<(Vec<u8>, u32)>;

    /// Writes a shared value if it still is what `expect` says.
    ///
    /// # Errors
    /// [`Conflict`] if it is not; nothing was written then.
    fn shared_set(&self, key: &str, value: &[u8], expect: Expect) -> Result<(), Conflict>;

    /// Defines a metric, or finds it again by its name.
    fn metric(&self, kind: MetricKind, name: &str) -> MetricId;

    /// Adds to a counter or records a value in a histogram.
    fn record(&self, metric: MetricId, value: u64);
}

#[cfg(test)]
pub(crate) mod memory;
