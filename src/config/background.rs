/*! Where counters are saved and alerts are sent, of a compiled policy. */

/// A key-value store over HTTP that keeps counters while Envoy does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// The Envoy cluster that reaches it; no filter of Tollgate's may be in it.
    pub cluster: String,
    /// The `:authority` it is called by.
    pub authority: String,
    /// What stands before the namespace in paths, without a final slash.
    pub path: String,
    /// Least time between the beginnings of two rounds of saving, in milliseconds, 1 s to
    /// 10 min.
    pub every_ms: u64,
    /// How long one answer may take, in milliseconds, 50 ms to 1 min.
    pub timeout_ms: u64,
    /// What happens to calls until it has been read.
    pub until_loaded: UntilLoaded,
}

/// What happens to calls under a limit of an hour or more until what was used before is
/// known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UntilLoaded {
    /// They are refused.
    #[default]
    Refuse,
    /// They are counted from zero, and what is loaded is added.
    Admit,
}

/// Who is told of alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertHook {
    /// The Envoy cluster that reaches it; no filter of Tollgate's may be in it.
    pub cluster: String,
    /// The `:authority` it is called by.
    pub authority: String,
    /// The path of the `POST`, with its query if it needs one. It may hold a secret.
    pub path: String,
    /// How long one answer may take, in milliseconds, 50 ms to 1 min.
    pub timeout_ms: u64,
}
