/*! What an operator should know of budgets that Envoy forgets. */

use super::super::policy::Policy;
use super::super::problem::Problems;
use crate::ledger::limits::Meter;

/// Warns if limits of an hour or more begin anew with each start of Envoy.
pub(super) fn warn_of_loss(policy: &Policy, problems: &mut Problems) {
    if policy.store.is_none() && has_long(policy) {
        problems.warning(
            "ledger.store",
            "is missing: when Envoy is restarted, limits of an hour or more begin anew",
        );
    }
    if policy.alerts.is_some() && !has_alerts(policy) {
        problems.warning("alerts", "no limit has alert_at: nobody will be alerted");
    }
}

/// Whether any limit's window should outlive a restart.
fn has_long(policy: &Policy) -> bool {
    let long = |meters: &[Meter]| meters.iter().any(|meter| meter.window.is_long());
    let mut tenants = policy.tenants.values();
    let mut models = policy.models.values();
    tenants.any(|tenant| long(&tenant.limits) || long(&tenant.per_user))
        || models.any(|model| long(&model.limits))
}

/// Whether any limit raises alerts.
fn has_alerts(policy: &Policy) -> bool {
    let alerts = |meters: &[Meter]| {
        let mut limits = meters.iter().flat_map(|meter| &meter.limits);
        limits.any(|limit| !limit.alert_at.is_empty())
    };
    let mut tenants = policy.tenants.values();
    let mut models = policy.models.values();
    tenants.any(|tenant| alerts(&tenant.limits) || alerts(&tenant.per_user))
        || models.any(|model| alerts(&model.limits))
}
