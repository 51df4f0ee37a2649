/*! Alerts: a limit is used up to a percentage at which its operator wants to know.

Each is counted and logged at once. For the webhook it goes into a short queue that all
workers share, and whoever ticks first takes it out. */

mod courier;
mod queue;

pub(super) use courier::Courier;
pub use queue::MAX_QUEUE;

use crate::config::Policy;
use crate::host::Host;
use crate::ledger::limits::{Crossed, Holder, Unit};
use crate::state::Space;
use crate::telemetry::Metrics;
use queue::{Added, Pending};
use serde_json::json;
use sha2::{Digest, Sha256};

/// What waits for the webhook: what was crossed, without the user's name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Alert {
    /// The same whenever the same limit crosses the same percentage in the same window: a
    /// receiver who has it knows it.
    id: u64,
    scope: Scope,
    /// The tenant, or the model.
    name: String,
    limit: String,
    unit: Unit,
    percent: u8,
    used: u64,
    amount: u64,
    begins_ms: u64,
    ends_ms: u64,
}

/// Whose limit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Tenant,
    Model,
    /// That of a tenant's users, each on their own.
    User,
}

/// Tells of a percentage that was crossed: a counter, a line in the log, and if the policy
/// has a webhook an entry in its queue. Whether it was crossed for the first time is the
/// ledger's to know; an alert that waits in the queue already is not added again.
pub fn raise(
    host: &dyn Host,
    metrics: &Metrics,
    policy: &Policy,
    space: &Space,
    crossed: &Crossed,
) {
    let alert = Alert::of(crossed);
    let scope = alert.scope.as_str();
    metrics.alert(host, scope, &alert.name);
    log::warn!(
        "alert: {scope} {:?} has used {} of {} {} of limit {:?}, {} %",
        alert.name,
        alert.used,
        alert.amount,
        unit_as_str(alert.unit),
        alert.limit,
        alert.percent
    );
    if policy.alerts.is_none() {
        return;
    }
    let now = super::millis(host.now());
    let added = queue::add(host, space, &Pending::new(alert, now));
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
    fn of(crossed: &Crossed) -> Self {
        let (scope, name, user) = match &crossed.holder {
            Holder::Tenant(name) => (Scope::Tenant, name, ""),
            Holder::Model(name) => (Scope::Model, name, ""),
            Holder::User { tenant, name } => (Scope::User, tenant, name.as_str()),
        };
        Self {
            id: id(crossed, scope, name, user),
            scope,
            name: name.clone(),
            limit: crossed.limit.clone(),
            unit: crossed.unit,
            percent: crossed.percent,
            used: crossed.used,
            amount: crossed.amount,
            begins_ms: crossed.begins_ms,
            ends_ms: crossed.ends_ms,
        }
    }

    /// What the webhook gets.
    fn body(&self, namespace: &str) -> Vec<u8> {
        let body = json!({
            "type": "budget_alert",
            "id": format!("{:016x}", self.id),
            "namespace": namespace,
            "scope": self.scope.as_str(),
            "name": self.name,
            "limit": self.limit,
            "percent": self.percent,
            "used": self.used,
            "amount": self.amount,
            "unit": unit_as_str(self.unit),
            "window_start": self.begins_ms / 1_000,
            "window_end": self.ends_ms / 1_000,
        });
        body.to_string().into_bytes()
    }
}

fn id(crossed: &Crossed, scope: Scope, name: &str, user: &str) -> u64 {
    let parts = [
        scope.as_str().as_bytes(),
        name.as_bytes(),
        user.as_bytes(),
        crossed.limit.as_bytes(),
        &[crossed.percent],
        &crossed.begins_ms.to_le_bytes(),
    ];
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        hash.update(part);
    }
    let digest: [u8; 32] = hash.finalize().into();
    digest.first_chunk().copied().map_or(0, u64::from_le_bytes)
}

/// Money is told in whole numbers, so its unit is another than in a policy.
const fn unit_as_str(unit: Unit) -> &'static str {
    match unit {
        Unit::NanoUsd => "nano_usd",
        other => other.as_str(),
    }
}

impl Scope {
    const ALL: [Self; 3] = [Self::Tenant, Self::Model, Self::User];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Model => "model",
            Self::User => "user",
        }
    }
}
