/*! Alerts: a limit is used up to a percentage at which its operator wants to know.

Each is counted and logged at once. For the webhook it goes into a short queue that all
workers share, and whoever ticks first takes it out. */

mod courier;
mod queue;

pub(super) use courier::Courier;
pub use queue::MAX_QUEUE;

use crate::config::Policy;
use crate::host::Host;
use crate::state::Space;
use crate::telemetry::Metrics;
use queue::{Added, Pending};
use serde_json::json;
use sha2::{Digest, Sha256};

/// Whose limit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// A tenant's.
    Tenant,
    /// A virtual model's.
    Model,
    /// That of a tenant's users, each on their own; which user is not told.
    User,
}

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Calls.
    Requests,
    /// Tokens of prompts and answers.
    Tokens,
    /// Tokens of prompts.
    InputTokens,
    /// Tokens of answers.
    OutputTokens,
    /// Money, in billionths of a US dollar.
    NanoUsd,
}

/// What has been used of a limit, at the moment when it crossed a percentage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Whose limit.
    pub scope: Scope,
    /// The tenant's name, or the model's.
    pub name: String,
    /// The limit's name.
    pub limit: String,
    /// The percentage that was crossed.
    pub percent: u16,
    /// What has been used, in `unit`.
    pub used: u64,
    /// The whole limit, in `unit`.
    pub amount: u64,
    /// What both count.
    pub unit: Unit,
    /// When the window began, in milliseconds since the Unix epoch.
    pub window_start_ms: u64,
    /// When it ends.
    pub window_end_ms: u64,
}

/// Tells of a percentage that was crossed: a counter, a line in the log, and if the policy
/// has a webhook an entry in its queue. Whether it was crossed for the first time is the
/// ledger's to know; an alert that waits in the queue already is not added again.
pub fn raise(host: &dyn Host, metrics: &Metrics, policy: &Policy, space: &Space, alert: &Alert) {
    let scope = alert.scope.as_str();
    metrics.alert(host, scope, &alert.name);
    log::warn!(
        "alert: {scope} {:?} has used {} of {} {} of limit {:?}, {} %",
        alert.name,
        alert.used,
        alert.amount,
        alert.unit.as_str(),
        alert.limit,
        alert.percent
    );
    if policy.alerts.is_none() {
        return;
    }
    let now = super::millis(host.now());
    let added = queue::add(host, space, &Pending::new(alert.id(), alert.clone(), now));
    for _ in 0..added.map_or(1, Added::dropped) {
        lost(host, metrics, "more alerts wait than the queue holds");
    }
}

/// An alert that nobody is going to be told of.
fn lost(host: &dyn Host, metrics: &Metrics, why: &str) {
    metrics.event(host, "tollgate.alerts_failed_total");
    log::error!("alerts: one was not sent: {why}");
}

impl Alert {
    /// The same whenever the same limit crosses the same percentage in the same window: a
    /// receiver who has it knows it.
    fn id(&self) -> u64 {
        let parts = [
            self.scope.as_str().as_bytes(),
            self.name.as_bytes(),
            self.limit.as_bytes(),
            &self.percent.to_le_bytes(),
            &self.window_start_ms.to_le_bytes(),
        ];
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            hash.update(part);
        }
        let digest: [u8; 32] = hash.finalize().into();
        digest.first_chunk().copied().map_or(0, u64::from_le_bytes)
    }

    /// What the webhook gets.
    fn body(&self, namespace: &str) -> Vec<u8> {
        let body = json!({
            "id": format!("{:016x}", self.id()),
            "type": "budget_alert",
            "namespace": namespace,
            "scope": self.scope.as_str(),
            "name": self.name,
            "limit": self.limit,
            "percent": self.percent,
            "used": self.used,
            "amount": self.amount,
            "unit": self.unit.as_str(),
            "window_start": self.window_start_ms / 1_000,
            "window_end": self.window_end_ms / 1_000,
        });
        body.to_string().into_bytes()
    }
}

impl Scope {
    /// As alerts and metrics tell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Model => "model",
            Self::User => "user",
        }
    }

    const fn code(self) -> u8 {
        match self {
            Self::Tenant => 0,
            Self::Model => 1,
            Self::User => 2,
        }
    }

    const fn of_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Tenant),
            1 => Some(Self::Model),
            2 => Some(Self::User),
            _ => None,
        }
    }
}

impl Unit {
    /// As alerts tell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::InputTokens => "input_tokens",
            Self::OutputTokens => "output_tokens",
            Self::NanoUsd => "nano_usd",
        }
    }

    const fn code(self) -> u8 {
        match self {
            Self::Requests => 0,
            Self::Tokens => 1,
            Self::InputTokens => 2,
            Self::OutputTokens => 3,
            Self::NanoUsd => 4,
        }
    }

    const fn of_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Requests),
            1 => Some(Self::Tokens),
            2 => Some(Self::InputTokens),
            3 => Some(Self::OutputTokens),
            4 => Some(Self::NanoUsd),
            _ => None,
        }
    }
}
