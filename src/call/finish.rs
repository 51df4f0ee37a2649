/*! The end of a call: what it used, settled once, and its record. */

use super::answer::Seen;
use super::{Ask, Call, Phase, Route};
use crate::host::Host;
use crate::identity::Caller;
use crate::ledger::{Settlement, Totals, Usage};
use crate::telemetry::Record;

/// Stands for the model of calls that have none, in totals.
pub(super) const NO_MODEL: &str = "-";

/// How Envoy saw the call end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// HTTP status sent to the caller, 0 if none was.
    pub status: u16,
    /// `response.code_details`.
    pub details: String,
    /// `x-request-id`, for calls whose head never came here.
    pub request_id: String,
}

/// What came of a call.
struct Outcome {
    caller: Option<Caller>,
    ask: Option<Ask>,
    model: String,
    status: u16,
    outcome: &'static str,
    reason: String,
    settlement: Settlement,
    first_token_ms: Option<u64>,
}

impl Call {
    /// The call is over, however it ended: settles it and returns its record as JSON.
    /// Further calls do nothing and return `None`. `end` is asked for only if the call was cut.
    pub fn finish(&mut self, host: &dyn Host, end: impl FnOnce() -> End) -> Option<Vec<u8>> {
        let phase = std::mem::replace(&mut self.phase, Phase::Settled);
        if matches!(phase, Phase::Settled) {
            return None;
        }
        let outcome = self.outcome(phase, end);
        self.settle(host, &outcome);
        let record = self.record(host, &outcome);
        self.gateway.metrics.call(host, &record);
        Some(record.to_json())
    }

    fn outcome(&mut self, phase: Phase, end: impl FnOnce() -> End) -> Outcome {
        match phase {
            Phase::Idle | Phase::Settled => {
                let end = end();
                self.name_request(&end.request_id);
                early(None, &end)
            }
            Phase::Reading { caller, .. } => early(Some(caller), &end()),
            Phase::Answered {
                caller,
                model,
                status,
                outcome,
            } => Outcome {
                model: model.map(|model| model.name.clone()).unwrap_or_default(),
                ..local(caller, status, outcome)
            },
            Phase::Sent { caller, ask, .. } => {
                let end = end();
                Outcome {
                    settlement: Settlement::Estimated(estimate(&ask, 0)),
                    ..sent(caller, ask, end.status, cut_by(&end))
                }
            }
            Phase::Failed {
                caller,
                ask,
                status,
                outcome,
                was_sent,
                reason,
            } => Outcome {
                reason,
                settlement: if was_sent {
                    Settlement::Estimated(estimate(&ask, 0))
                } else {
                    Settlement::Failed
                },
                ..sent(caller, ask, status, outcome)
            },
            Phase::Answering {
                caller,
                ask,
                status,
                seen,
                ended,
                ..
            } => {
                let outcome = match ended || seen.done {
                    false => {
                        let end = end();
                        // A head that was held may have been replaced by Envoy's own.
                        let told = if end.status == 0 { status } else { end.status };
                        let cut = cut_by(&end);
                        return self.answered(caller, ask, told.max(status), &seen, cut);
                    }
                    true if status >= 400 || seen.error => "upstream_error",
                    true => "ok",
                };
                self.answered(caller, ask, status, &seen, outcome)
            }
        }
    }

    fn answered(
        &self,
        caller: Caller,
        ask: Ask,
        status: u16,
        seen: &Seen,
        outcome: &'static str,
    ) -> Outcome {
        let settlement = match seen.usage {
            _ if status >= 400 => Settlement::Failed,
            Some(usage) => Settlement::Reported(usage),
            None => Settlement::Estimated(estimate(&ask, seen.text_bytes)),
        };
        let first = seen.first_text.filter(|_| ask.stream);
        Outcome {
            settlement,
            first_token_ms: first.map(|first| first.millis_since(self.started)),
            ..sent(caller, ask, status, outcome)
        }
    }

    fn settle(&self, host: &dyn Host, outcome: &Outcome) {
        // Strangers have no totals: a flood of them must not reach the shared lock.
        let Some(caller) = &outcome.caller else {
            return;
        };
        let model = if outcome.model.is_empty() {
            NO_MODEL
        } else {
            &outcome.model
        };
        let settled = Totals::settle(
            host,
            &self.gateway.space,
            &caller.tenant.name,
            model,
            outcome.settlement,
        );
        if settled.is_err() {
            let metrics = &self.gateway.metrics;
            metrics.event(host, "tollgate.settlements_lost_total");
        }
    }

    fn record<'o>(&'o self, host: &dyn Host, outcome: &'o Outcome) -> Record<'o> {
        let caller = outcome.caller.as_ref();
        let ask = outcome.ask.as_ref();
        let target = ask.and_then(|ask| ask.route.target());
        let backend = ask.map_or("", |ask| match &ask.route {
            Route::Model(model) => model.first().map_or("", |first| &first.backend.name),
            Route::Pass(backend) => &backend.name,
        });
        let (usage, source) = Record::counts(outcome.settlement);
        Record {
            request_id: &self.request_id,
            tenant: caller.map_or("", |caller| &caller.tenant.name),
            tier: caller.map_or("", |caller| &caller.tenant.tier),
            user: caller.map_or("", |caller| &caller.user),
            via: caller.map_or("", |caller| caller.via.as_str()),
            key_label: caller.map_or("", |caller| &caller.key_label),
            operation: self.operation,
            model: &outcome.model,
            backend,
            target_model: target.map_or("", |target| &target.model),
            stream: ask.is_some_and(|ask| ask.stream),
            status: outcome.status,
            outcome: outcome.outcome,
            reason: &outcome.reason,
            input_tokens: usage.input,
            output_tokens: usage.output,
            cached_tokens: usage.cached,
            reasoning_tokens: usage.reasoning,
            usage: source,
            time_to_first_token_ms: outcome.first_token_ms,
            duration_ms: host.now().millis_since(self.started),
        }
    }
}

const fn local(caller: Option<Caller>, status: u16, outcome: &'static str) -> Outcome {
    Outcome {
        caller,
        ask: None,
        model: String::new(),
        status,
        outcome,
        reason: String::new(),
        settlement: Settlement::Local,
        first_token_ms: None,
    }
}

fn early(caller: Option<Caller>, end: &End) -> Outcome {
    local(caller, end.status, early_end(end))
}

fn sent(caller: Caller, ask: Ask, status: u16, outcome: &'static str) -> Outcome {
    Outcome {
        model: match &ask.route {
            Route::Model(model) => model.name.clone(),
            Route::Pass(_) => String::new(),
        },
        ask: Some(ask),
        ..local(Some(caller), status, outcome)
    }
}

/// Prompt and answer so far, where the provider did not say.
const fn estimate(ask: &Ask, answer_bytes: u64) -> Usage {
    Usage {
        input: Usage::estimate(ask.text_bytes),
        output: Usage::estimate(answer_bytes),
        cached: 0,
        reasoning: 0,
    }
}

/// Why a call ended before its body was read.
fn early_end(end: &End) -> &'static str {
    if end.details.contains("downstream") || end.status == 0 {
        "client_closed"
    } else {
        "rejected"
    }
}

/// Who cut a call that was under way.
fn cut_by(end: &End) -> &'static str {
    if end.details.contains("upstream") {
        "upstream_reset"
    } else if end.details.contains("timeout") || end.details.contains("duration") {
        "timeout"
    } else {
        "client_closed"
    }
}
