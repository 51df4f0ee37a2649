/*! Metrics, defined once per series and virtual machine.

Names follow OpenTelemetry's GenAI conventions where these have one. Envoy's wasm metrics
have no labels: labels are written into the name as `;key=value;`, and the `stats_tags` of
the shipped configuration turn them into Prometheus labels. Histograms are whole
numbers, so times are in milliseconds and say so in their name. */

use super::record::{GuardrailRecord, Record, StepRecord, UsageSource};
use crate::host::{Host, MetricId, MetricKind};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

/// All metrics of one policy in one virtual machine.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Of calls, by what labels them: names are put together once, not per call.
    calls: RefCell<HashMap<String, Ids>>,
    events: RefCell<HashMap<&'static str, MetricId>>,
    /// Of tries and shadows, by their full names.
    named: RefCell<HashMap<String, MetricId>>,
    /// Names that services have given to what they found.
    service_words: RefCell<BTreeSet<String>>,
}

/// Most names of services' that are told apart in metrics.
const MOST_SERVICE_WORDS: usize = 64;

/// The metrics of calls with the same labels; each is defined when it is first needed.
type Ids = [Option<MetricId>; SERIES.len()];

/// One series of each call.
struct Series {
    kind: MetricKind,
    name: &'static str,
    /// Labels besides tenant and model.
    labels: &'static [Label],
    /// The value for a record; `None` if it has nothing to say.
    value: fn(&Record<'_>) -> Option<u64>,
}

enum Label {
    Backend,
    Outcome,
    Type(&'static str),
}

const SERIES: [Series; 17] = [
    Series {
        kind: MetricKind::Counter,
        name: "tollgate.calls_total",
        labels: &[Label::Backend, Label::Outcome],
        value: |_| Some(1),
    },
    tokens(&[Label::Type("input")], |it| some(it.tokens.input)),
    tokens(&[Label::Type("output")], |it| some(it.tokens.output)),
    tokens(&[Label::Type("cached")], |it| some(it.tokens.cached)),
    tokens(&[Label::Type("reasoning")], |it| some(it.tokens.reasoning)),
    tokens(&[Label::Type("cache_write")], |it| {
        some(it.tokens.cache_write)
    }),
    tokens(&[Label::Type("cache_write_1h")], |it| {
        some(it.tokens.cache_write_1h)
    }),
    tokens(&[Label::Type("audio_input")], |it| {
        some(it.tokens.audio_input)
    }),
    tokens(&[Label::Type("audio_output")], |it| {
        some(it.tokens.audio_output)
    }),
    tokens(&[Label::Type("image_input")], |it| {
        some(it.tokens.image_input)
    }),
    Series {
        kind: MetricKind::Counter,
        name: "tollgate.cost_nano_usd_total",
        labels: &[Label::Backend],
        value: |record| some(record.cost.nano_usd()),
    },
    Series {
        kind: MetricKind::Counter,
        name: "tollgate.unpriced_calls_total",
        labels: &[Label::Backend],
        value: |record| record.cost.is_unpriced().then_some(1),
    },
    token_usage(&[Label::Type("input")], |record| {
        counted(record).then_some(record.tokens.input)
    }),
    token_usage(&[Label::Type("output")], |record| {
        counted(record).then_some(record.tokens.output)
    }),
    Series {
        kind: MetricKind::Counter,
        name: "tollgate.usage_estimated_total",
        labels: &[],
        value: |record| (record.usage == UsageSource::Estimated).then_some(1),
    },
    Series {
        kind: MetricKind::Histogram,
        name: "gen_ai.server.request.duration_ms",
        labels: &[Label::Backend],
        value: |record| (!record.backend.is_empty()).then_some(record.duration_ms),
    },
    Series {
        kind: MetricKind::Histogram,
        name: "gen_ai.server.time_to_first_token_ms",
        labels: &[Label::Backend],
        value: |record| record.time_to_first_token_ms,
    },
];

const fn tokens(labels: &'static [Label], value: fn(&Record<'_>) -> Option<u64>) -> Series {
    Series {
        kind: MetricKind::Counter,
        name: "tollgate.tokens_total",
        labels,
        value,
    }
}

const fn token_usage(labels: &'static [Label], value: fn(&Record<'_>) -> Option<u64>) -> Series {
    Series {
        kind: MetricKind::Histogram,
        name: "gen_ai.client.token.usage",
        labels,
        value,
    }
}

const fn some(count: u64) -> Option<u64> {
    if count > 0 { Some(count) } else { None }
}

fn counted(record: &Record<'_>) -> bool {
    record.usage != UsageSource::None
}

/// The name of a series: `name;key=value;;key=value;`. Empty values become `other`.
pub fn series_name(name: &str, labels: &[(&str, &str)]) -> String {
    let mut full = name.to_owned();
    for (key, value) in labels {
        let value = if value.is_empty() { "other" } else { value };
        for part in [";", key, "=", value, ";"] {
            full.push_str(part);
        }
    }
    full
}

impl Metrics {
    /// Counts a finished call.
    pub fn call(&self, host: &dyn Host, record: &Record<'_>) {
        let key = [record.tenant, record.model, record.backend, record.outcome].join(";");
        let known = self.calls.borrow().get(&key).copied();
        let mut ids = known.unwrap_or_default();
        for (series, id) in SERIES.iter().zip(&mut ids) {
            if let Some(value) = (series.value)(record) {
                let id = id.get_or_insert_with(|| series.define(host, record));
                host.record(*id, value);
            }
        }
        if known != Some(ids) {
            self.calls.borrow_mut().insert(key, ids);
        }
        self.cache(host, record);
    }

    /// Counts what the cache had to do with a call.
    fn cache(&self, host: &dyn Host, record: &Record<'_>) {
        let Some(cache) = &record.cache else { return };
        let [tenant, model] = [("tenant", record.tenant), ("model", record.model)];
        let reason = match cache.reason {
            "" => "none",
            reason => reason,
        };
        let labels = [tenant, model, ("outcome", cache.cache), ("kind", reason)];
        self.count(host, series_name("tollgate.cache_requests_total", &labels));
        for (name, saved) in [
            ("tollgate.cache_saved_tokens_total", cache.saved_tokens),
            ("tollgate.cache_saved_nano_usd_total", cache.saved_nano_usd),
        ] {
            if let Some(saved) = saved.filter(|saved| *saved > 0) {
                self.count_many(host, series_name(name, &[tenant, model]), saved);
            }
        }
    }

    /// Counts a step of a workflow.
    pub fn step(&self, host: &dyn Host, record: &Record<'_>, step: &StepRecord<'_>) {
        let [tenant, model] = [("tenant", record.tenant), ("model", record.model)];
        let labels = [
            tenant,
            model,
            ("kind", step.step),
            ("outcome", step.outcome),
        ];
        self.count(host, series_name("tollgate.workflow_steps_total", &labels));
        let labels = [tenant, model, ("kind", step.step)];
        for (name, count) in [
            (
                "tollgate.workflow_step_tokens_total",
                step.input_tokens.saturating_add(step.output_tokens),
            ),
            (
                "tollgate.workflow_step_nano_usd_total",
                step.cost.nano_usd(),
            ),
        ] {
            if count > 0 {
                self.count_many(host, series_name(name, &labels), count);
            }
        }
    }

    /// Counts an answer that might have been stored, by what became of it.
    pub fn cache_stored(&self, host: &dyn Host, outcome: &'static str) {
        let labels = [("outcome", outcome)];
        self.count(host, series_name("tollgate.cache_stores_total", &labels));
    }

    /// Counts the bytes of a stored answer, and the others that went for it.
    pub fn cache_changed(&self, host: &dyn Host, bytes: u64, evicted: u32) {
        let name = "tollgate.cache_stored_bytes_total".to_owned();
        self.count_many(host, name, bytes);
        if evicted > 0 {
            let name = "tollgate.cache_evictions_total".to_owned();
            self.count_many(host, name, evicted.into());
        }
    }

    /// Counts a purge by an admin of this tenant.
    pub fn cache_purged(&self, host: &dyn Host, tenant: &str, whose: &'static str) {
        let labels = [("tenant", tenant), ("kind", whose)];
        self.count(host, series_name("tollgate.cache_purges_total", &labels));
    }

    /// Counts a try at a provider, by how far it came.
    pub fn tried(&self, host: &dyn Host, backend: &str, outcome: &'static str) {
        let labels = [("backend", backend), ("outcome", outcome)];
        self.count(host, series_name("tollgate.tries_total", &labels));
    }

    /// Counts what a rule or target in shadow mode would have decided.
    pub fn shadow(&self, host: &dyn Host, kind: &'static str, name: &str) {
        let labels = [("kind", kind), ("name", name)];
        self.count(host, series_name("tollgate.shadow_total", &labels));
    }

    /// Counts an alert, by whose limit it is about.
    pub fn alert(&self, host: &dyn Host, scope: &'static str, name: &str) {
        let labels = [("kind", scope), ("name", name)];
        self.count(host, series_name("tollgate.alerts_total", &labels));
    }

    /// Counts a call that a limit refused.
    pub fn limited(&self, host: &dyn Host, tenant: &str, holder: &'static str, limit: &str) {
        let labels = [("tenant", tenant), ("holder", holder), ("limit", limit)];
        self.count(host, series_name("tollgate.limited_total", &labels));
    }

    /// Counts a change of a limit's window by an admin.
    pub fn adjusted(&self, host: &dyn Host, tenant: &str, limit: &str, change: &'static str) {
        let labels = [("tenant", tenant), ("limit", limit), ("kind", change)];
        self.count(host, series_name("tollgate.limit_changes_total", &labels));
    }

    /// Counts what a guardrail has found.
    pub fn guardrail(&self, host: &dyn Host, found: &GuardrailRecord<'_>) {
        if let Some(failure) = found.failure {
            let (guardrail, phase) = (("guardrail", found.name), ("phase", found.phase));
            let labels = [guardrail, phase, ("kind", failure)];
            self.count(
                host,
                series_name("tollgate.guardrail_failures_total", &labels),
            );
        }
        for (entity, count) in &found.found {
            let entity = match found.by_service {
                true => self.service_word(entity),
                false => entity,
            };
            let labels = [
                ("guardrail", found.name),
                ("phase", found.phase),
                ("entity", entity),
                ("action", found.action),
            ];
            let name = series_name("tollgate.guardrail_findings_total", &labels);
            self.count_many(host, name, *count);
        }
    }

    /// A word of a service's as a label: few of them are told apart.
    fn service_word<'w>(&self, word: &'w str) -> &'w str {
        let mut known = self.service_words.borrow_mut();
        if known.contains(word) {
            return word;
        }
        if known.len() >= MOST_SERVICE_WORDS {
            return "other";
        }
        known.insert(word.to_owned());
        word
    }

    /// Counts something that guardrails could not look at, by what became of it.
    pub fn unscannable(&self, host: &dyn Host, kind: &'static str, passed: bool) {
        let action = if passed { "pass" } else { "refuse" };
        let labels = [("kind", kind), ("action", action)];
        self.count(host, series_name("tollgate.unscannable_total", &labels));
    }

    fn count(&self, host: &dyn Host, name: String) {
        self.count_many(host, name, 1);
    }

    fn count_many(&self, host: &dyn Host, name: String, count: u64) {
        let known = self.named.borrow().get(&name).copied();
        let id = known.unwrap_or_else(|| {
            let id = host.metric(MetricKind::Counter, &name);
            self.named.borrow_mut().insert(name, id);
            id
        });
        host.record(id, count);
    }

    /// Counts something that should be rare, by the policy that allowed it.
    pub fn event(&self, host: &dyn Host, name: &'static str) {
        let known = self.events.borrow().get(name).copied();
        let id = known.unwrap_or_else(|| host.metric(MetricKind::Counter, name));
        self.events.borrow_mut().insert(name, id);
        host.record(id, 1);
    }
}

impl Series {
    fn define(&self, host: &dyn Host, record: &Record<'_>) -> MetricId {
        let mut labels = vec![("tenant", record.tenant), ("model", record.model)];
        labels.extend(self.labels.iter().map(|label| match label {
            Label::Backend => ("backend", record.backend),
            Label::Outcome => ("outcome", record.outcome),
            Label::Type(kind) => ("type", *kind),
        }));
        host.metric(self.kind, &series_name(self.name, &labels))
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
