/*! Metrics, defined once per series and virtual machine.

Names follow OpenTelemetry's GenAI conventions where these have one. Envoy's wasm metrics
have no labels: labels are written into the name as `;key=value;`, and the `stats_tags` of
the shipped configuration turn them into Prometheus labels. Histograms are whole
numbers, so times are in milliseconds and say so in their name. */

use super::record::{Record, UsageSource};
use crate::host::{Host, MetricId, MetricKind};
use std::cell::RefCell;
use std::collections::HashMap;

/// All metrics of one policy in one virtual machine.
#[derive(Debug, Default)]
pub struct Metrics {
    ids: RefCell<HashMap<String, MetricId>>,
}

/// The name of a series: `name;key=value;;key=value;`. Empty values become `other`.
pub fn series_name(name: &str, labels: &[(&str, &str)]) -> String {
    let mut full = String::with_capacity(128);
    write_name(&mut full, name, labels);
    full
}

fn write_name(full: &mut String, name: &str, labels: &[(&str, &str)]) {
    full.push_str(name);
    for (key, value) in labels {
        let value = if value.is_empty() { "other" } else { value };
        for part in [";", key, "=", value, ";"] {
            full.push_str(part);
        }
    }
}

impl Metrics {
    /// Counts a finished call.
    pub fn call(&self, host: &dyn Host, record: &Record<'_>) {
        let base = [("tenant", record.tenant), ("model", record.model)];
        let [tenant, model] = base;
        let backend = ("backend", record.backend);
        self.count(
            host,
            "tollgate.calls_total",
            &[tenant, model, backend, ("outcome", record.outcome)],
            1,
        );
        if record.usage != UsageSource::None {
            self.tokens(host, record, &base);
        }
        if record.backend.is_empty() {
            return;
        }
        self.observe(
            host,
            "gen_ai.server.request.duration_ms",
            &[tenant, model, backend],
            record.duration_ms,
        );
        if let Some(millis) = record.time_to_first_token_ms {
            self.observe(
                host,
                "gen_ai.server.time_to_first_token_ms",
                &[tenant, model, backend],
                millis,
            );
        }
    }

    /// Counts something that should be rare, by the policy that allowed it.
    pub fn event(&self, host: &dyn Host, name: &'static str) {
        self.count(host, name, &[], 1);
    }

    fn tokens(&self, host: &dyn Host, record: &Record<'_>, base: &[(&str, &str); 2]) {
        let [tenant, model] = *base;
        for (kind, count) in [
            ("input", record.input_tokens),
            ("output", record.output_tokens),
            ("cached", record.cached_tokens),
            ("reasoning", record.reasoning_tokens),
        ] {
            if count > 0 {
                let labels = [tenant, model, ("type", kind)];
                self.count(host, "tollgate.tokens_total", &labels, count);
            }
        }
        for (kind, count) in [
            ("input", record.input_tokens),
            ("output", record.output_tokens),
        ] {
            let labels = [tenant, model, ("type", kind)];
            self.observe(host, "gen_ai.client.token.usage", &labels, count);
        }
        if record.usage == UsageSource::Estimated {
            self.count(host, "tollgate.usage_estimated_total", base, 1);
        }
    }

    fn count(&self, host: &dyn Host, name: &str, labels: &[(&str, &str)], by: u64) {
        host.record(self.id(host, MetricKind::Counter, name, labels), by);
    }

    fn observe(&self, host: &dyn Host, name: &str, labels: &[(&str, &str)], value: u64) {
        host.record(self.id(host, MetricKind::Histogram, name, labels), value);
    }

    fn id(
        &self,
        host: &dyn Host,
        kind: MetricKind,
        name: &str,
        labels: &[(&str, &str)],
    ) -> MetricId {
        let full = series_name(name, labels);
        if let Some(id) = self.ids.borrow().get(&full) {
            return *id;
        }
        let id = host.metric(kind, &full);
        self.ids.borrow_mut().insert(full, id);
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_stand_in_the_name() {
        assert_eq!(
            series_name("a.b", &[("tenant", "acme"), ("model", "")]),
            "a.b;tenant=acme;;model=other;"
        );
        assert_eq!(series_name("a.b", &[]), "a.b");
    }
}
