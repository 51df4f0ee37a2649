/*! The end of a call: what it used, settled once, and its record. */

use super::answer::{Seen, Stopped};
use super::ask::{self, Ask};
use super::background::Later;
use super::{Call, Passage, Phase};
use crate::attempt::{Came, Tries, Try};
use crate::host::{Host, Instant};
use crate::identity::Caller;
use crate::ledger::limits::Counted;
use crate::ledger::{Cost, Settlement, Totals, Usage};
use crate::protocols::{Reasoning, Tariff};
use crate::telemetry::{GuardrailRecord, Record, TryRecord};

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
pub(super) struct Outcome {
    caller: Option<Caller>,
    pub(super) ask: Option<Ask>,
    model: String,
    status: u16,
    outcome: &'static str,
    reason: String,
    pub(super) settlement: Settlement,
    pub(super) cost: Cost,
    pub(super) tries: Tries,
    first_token_ms: Option<u64>,
    pub(super) later: Later,
}

impl Outcome {
    /// Whose call it was.
    pub(super) const fn caller(&self) -> Option<&Caller> {
        self.caller.as_ref()
    }

    /// What was read was settled when it was made.
    const fn settle_nothing(&mut self) {
        if self.is_answered() {
            self.settlement = Settlement::Reported(Usage::NONE);
        }
        self.cost = Cost::FREE;
    }

    /// Whether a provider has done what it was asked for, or may have.
    pub(super) const fn is_answered(&self) -> bool {
        !matches!(self.settlement, Settlement::Failed | Settlement::Local)
    }

    /// Whether a provider has answered with an error that does not tell whether it has done what it
    /// was asked for.
    pub(super) fn leaves_open(&self) -> bool {
        /// Outcomes of calls whose status may be a provider's, where no try tells that.
        const TOLD: [&str; 5] = [
            "upstream_error",
            "upstream_encoding",
            "upstream_reset",
            "timeout",
            CLIENT_CLOSED,
        ];
        let latest = self.tries.0.last().map(|latest| &latest.came);
        let status = match latest {
            Some(Came::Failed(failure)) => failure.status,
            Some(Came::Answered) | None if TOLD.contains(&self.outcome) => self.status,
            _ => 0,
        };
        matches!(status, 408 | 500..)
    }

    /// What a call of `model` took that no answer tells.
    fn charge(&mut self, (usage, cost, model): (Usage, Cost, &str)) {
        self.settlement = Settlement::Estimated(usage);
        self.cost = cost;
        model.clone_into(&mut self.model);
    }

    /// Whether a provider has given a whole answer.
    pub(super) fn is_good(&self) -> bool {
        self.ask.is_some() && self.status == 200 && self.outcome == "ok"
    }
}

impl Call {
    /// The call is over, however it ended: settles it and returns its record as JSON.
    /// Further calls do nothing and return `None`. `end` is asked for only if the call was cut.
    pub fn finish(
        &mut self,
        host: &dyn Host,
        passage: &dyn Passage,
        end: impl FnOnce() -> End,
    ) -> Option<Vec<u8>> {
        let phase = std::mem::replace(&mut self.phase, Phase::Settled);
        if matches!(phase, Phase::Settled) {
            return None;
        }
        let mut outcome = self.outcome(host, passage, phase, end);
        match self.batch_made(&outcome) {
            Some(batch) => outcome.charge(batch),
            None if self.keeping.reads() => outcome.settle_nothing(),
            _ => {}
        }
        let bill = self.steps.end(|| host.now());
        outcome.settlement = bill.settlement(outcome.settlement);
        outcome.cost = outcome.cost.plus(bill.cost);
        let lost = self.settle_limits(host, &outcome);
        self.settle(host, &outcome);
        self.settle_later(host, &mut outcome, |outcome| counted(outcome, &lost));
        self.end_charge(&outcome);
        self.keep(host, &outcome);
        let tenant = outcome.caller.as_ref().map(|caller| &caller.tenant);
        let guardrails = tenant.map(|tenant| self.guarding.report(&self.gateway.policy, tenant));
        let guardrails = guardrails.unwrap_or_default();
        for found in &guardrails {
            self.gateway.metrics.guardrail(host, found);
        }
        let record = self.record(host, &outcome, &guardrails);
        for step in &record.steps {
            self.gateway.metrics.step(host, &record, step);
        }
        self.gateway.metrics.call(host, &record);
        Some(record.to_json())
    }

    fn outcome(
        &mut self,
        host: &dyn Host,
        passage: &dyn Passage,
        phase: Phase,
        end: impl FnOnce() -> End,
    ) -> Outcome {
        match phase {
            Phase::Idle | Phase::Settled => {
                let end = end();
                self.name_request(&end.request_id);
                early(None, &end)
            }
            Phase::Reading(pending) => early(Some(pending.caller), &end()),
            Phase::Asking(asking) => early(Some(asking.pending.caller), &end()),
            Phase::Working(working) => {
                let (caller, model) = working.whose();
                Outcome {
                    model: model.name.clone(),
                    ..early(Some(caller), &end())
                }
            }
            Phase::Recalling(recalling) => early(Some(recalling.pending.caller), &end()),
            Phase::Replaying(replaying) => Outcome {
                model: replaying.model.name.clone(),
                ..early(Some(replaying.caller), &end())
            },
            Phase::Answered {
                caller,
                model,
                status,
                outcome,
                reason,
            } => Outcome {
                reason,
                model: model.map(|model| model.name.clone()).unwrap_or_default(),
                ..local(caller, status, outcome)
            },
            Phase::Sent { caller, ask, .. } | Phase::Waiting { caller, ask, .. } => {
                let end = end();
                let cut = cut_by(&end);
                self.unanswered(host, passage, ask, sent(caller, end.status, cut))
            }
            Phase::Failed {
                caller,
                ask,
                status,
                outcome,
                reason,
            } => {
                let so_far = Outcome {
                    reason,
                    ..sent(caller, status, outcome)
                };
                self.unanswered(host, passage, ask, so_far)
            }
            Phase::Answering {
                caller,
                ask,
                status,
                mut seen,
                ended,
                reader,
            } => {
                if !ended && !seen.stopped.early() {
                    seen.held_back = reader.held();
                }
                self.caching.end(seen.passed_whole());
                let over = (ended || seen.done) && !reader.is_judged();
                let (status, outcome) = match (seen.stopped, over) {
                    (Stopped::Refused(status, code) | Stopped::Reworded(status, code), _) => {
                        (status, code)
                    }
                    (Stopped::AtLimit, _) => (status, "budget_exhausted"),
                    (Stopped::Blocked, _) => (status, "guardrail_blocked"),
                    (Stopped::Unscannable, _) => (status, UNSCANNABLE),
                    (Stopped::No, false) => {
                        let end = end();
                        let cut = cut_by(&end);
                        // A head that was held may have been replaced by Envoy's own.
                        let told = if end.status == 0 { status } else { end.status };
                        // While services judge, nobody was told anything yet.
                        let told = if reader.is_judged() {
                            end.status
                        } else {
                            told.max(status)
                        };
                        (told, cut)
                    }
                    (Stopped::No, true) if seen.incomplete => (status, "upstream_incomplete"),
                    (Stopped::No, true) if status >= 400 || seen.error => {
                        (status, "upstream_error")
                    }
                    (Stopped::No, true) => (status, "ok"),
                };
                let so_far = sent(caller, status, outcome);
                self.answered(host, passage, ask, &seen, so_far)
            }
        }
    }

    /// A call that ended without an answer of a provider.
    fn unanswered(
        &self,
        host: &dyn Host,
        passage: &dyn Passage,
        mut ask: Ask,
        so_far: Outcome,
    ) -> Outcome {
        let tries = ask.tries(passage);
        // A caller who hung up says nothing about the target.
        let targets_fault = so_far.outcome != CLIENT_CLOSED;
        self.learn(host, &mut ask, &tries, targets_fault);
        let unseen = at_work_when_it_ended(&so_far).then(|| ask.unseen(&tries));
        let (answered, failed) = match (unseen.flatten(), tries.0.split_last()) {
            (Some(usage), Some((_, before))) => (Settlement::Estimated(usage), before),
            _ => (Settlement::Failed, tries.0.as_slice()),
        };
        let lost = ask::lost(failed);
        Outcome {
            settlement: ask.settlement(answered, &lost),
            cost: ask.cost(answered, &tries, &lost),
            model: ask.model(),
            ask: Some(ask),
            tries,
            ..so_far
        }
    }

    fn answered(
        &self,
        host: &dyn Host,
        passage: &dyn Passage,
        mut ask: Ask,
        seen: &Seen,
        so_far: Outcome,
    ) -> Outcome {
        let waits = self.keeping.waits(seen);
        let settlement = match seen.usage {
            // A refusal in the place of an answer does not unmake what was used.
            _ if so_far.status >= 400 && !seen.stopped.early() => Settlement::Failed,
            _ if waits => Settlement::Estimated(ask.background_usage(seen)),
            _ if self.keeping.came_to_nothing(&ask, seen) => Settlement::Failed,
            // What was told on the way, and may have grown since.
            Some(usage) if was_cut(&so_far, seen, &ask) && seen.has_grown_beyond(&usage) => {
                Settlement::Estimated(ask.with_units(Usage {
                    output: seen.output_tokens(),
                    ..usage
                }))
            }
            Some(usage) => {
                let seen_so_far = seen.estimate(ask.prompt_usage());
                match ask.untold_tokens(usage, seen_so_far) {
                    Some(usage) => Settlement::Estimated(usage),
                    None => Settlement::Reported(ask.with_units(usage)),
                }
            }
            None if ask.traits.tariff == Tariff::Never => Settlement::Reported(Usage::NONE),
            None => {
                let seen_so_far = seen.estimate(ask.prompt_usage());
                // Of a whole answer the end was made before its beginning came.
                let hidden = !ask.traits.stream || seen.text.is_empty();
                let hidden = hidden || seen.reasoning == Reasoning::Begins;
                let hidden = hidden && at_work_when_it_ended(&so_far);
                let least = if hidden { ask.held.answer } else { 0 };
                let media = ask.traits.media_output;
                let usage = Usage {
                    output: seen_so_far.output.max(least).max(media),
                    audio_output: match ask.traits.audio_output {
                        true => media,
                        false => seen_so_far.audio_output,
                    },
                    ..seen_so_far
                };
                Settlement::Estimated(ask.with_units(usage))
            }
        };
        if seen.held_back > 0 {
            let metrics = &self.gateway.metrics;
            metrics.event(host, "tollgate.held_text_dropped_total");
        }
        if seen.dropped > 0 {
            let metrics = &self.gateway.metrics;
            metrics.event(host, "tollgate.unfinished_events_dropped_total");
        }
        let tries = ask.tries(passage);
        self.learn(host, &mut ask, &tries, true);
        let broke_off = matches!(
            so_far.outcome,
            "upstream_reset" | "upstream_incomplete" | "timeout"
        );
        self.learn_end(host, &ask, &tries, broke_off);
        if let Settlement::Reported(usage) = &settlement {
            self.learn_prompt(host, &ask, &tries, usage);
        }
        if so_far.outcome == "ok" && !waits {
            let output = Record::counts(settlement).0.output;
            self.learn_speed(host, &ask, &tries, seen.first_text, output);
        }
        let lost = ask::lost(&tries.0);
        let first = seen.first_text.filter(|_| ask.traits.stream);
        let since = |first: Instant| first.millis_since(self.started);
        Outcome {
            settlement: ask.settlement(settlement, &lost),
            cost: ask.cost(settlement, &tries, &lost),
            first_token_ms: first.map(since),
            later: self.later(&ask, &tries, seen),
            model: ask.model(),
            ask: Some(ask),
            tries,
            ..so_far
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
            outcome.cost,
        );
        if settled.is_err() {
            let metrics = &self.gateway.metrics;
            metrics.event(host, "tollgate.settlements_lost_total");
        }
    }

    fn record<'o>(
        &'o self,
        host: &dyn Host,
        outcome: &'o Outcome,
        guardrails: &'o [GuardrailRecord<'o>],
    ) -> Record<'o> {
        let caller = outcome.caller.as_ref();
        let ask = outcome.ask.as_ref();
        let tries = &outcome.tries;
        let target = ask.and_then(|ask| ask.latest_target(tries));
        let backend = ask.map_or("", |ask| ask.latest_backend(tries));
        let (tokens, source) = Record::counts(outcome.settlement);
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
            rule: ask.map_or("", Ask::rule),
            dropped: ask
                .map(|ask| ask.dropped(tries, self.api))
                .unwrap_or_default(),
            attempts: tries.0.len(),
            tries: ask.map(|ask| tried(ask, tries)).unwrap_or_default(),
            guardrails,
            steps: self.steps.records(),
            stream: ask.map_or(self.wants_stream, |ask| ask.traits.stream)
                || self.caching.streams(),
            cache: self.caching.record(outcome.outcome),
            status: outcome.status,
            outcome: outcome.outcome,
            reason: &outcome.reason,
            tokens,
            usage: source,
            cost: outcome.cost,
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
        cost: Cost::FREE,
        tries: Tries(Vec::new()),
        first_token_ms: None,
        later: Later::Never,
    }
}

fn early(caller: Option<Caller>, end: &End) -> Outcome {
    local(caller, end.status, early_end(end))
}

const fn sent(caller: Caller, status: u16, outcome: &'static str) -> Outcome {
    local(Some(caller), status, outcome)
}

/// Where a call counts that is settled, but for the parts of its reservation that were lost.
fn counted(outcome: &Outcome, lost: &[usize]) -> Counted {
    let held = outcome.ask.as_ref().map(|ask| &ask.held);
    held.map_or_else(Counted::default, |held| held.reservation.counted(lost))
}

/// The tries of a call that took more than one.
fn tried<'a>(ask: &'a Ask, tries: &Tries) -> Vec<TryRecord<'a>> {
    let record = |tried: &Try| {
        let target = &ask.planned(tried)?.target;
        Some(TryRecord {
            backend: &target.backend.name,
            model: &target.model,
            outcome: tried.came.as_str(),
        })
    };
    if tries.0.len() < 2 {
        return Vec::new();
    }
    tries.0.iter().filter_map(record).collect()
}

/// Whether a call ended while its provider was well and at work, by its caller's will or by a
/// limit of time that the caller's wishes have met.
fn at_work_when_it_ended(outcome: &Outcome) -> bool {
    matches!(
        outcome.outcome,
        CLIENT_CLOSED | "timeout" | "upstream_timeout"
    )
}

/// Whether the end of a stream never came.
fn was_cut(outcome: &Outcome, seen: &Seen, ask: &Ask) -> bool {
    let cut = [CLIENT_CLOSED, "timeout", "upstream_reset"].contains(&outcome.outcome);
    !seen.done && ask.traits.stream && (cut || seen.stopped.early())
}

/// The outcome of calls whose answer could not be inspected.
pub(super) const UNSCANNABLE: &str = "unscannable_answer";

/// The outcome of calls whose caller hung up.
const CLIENT_CLOSED: &str = "client_closed";

/// Why a call ended before its body was read.
fn early_end(end: &End) -> &'static str {
    if end.details.contains("downstream") || end.status == 0 {
        CLIENT_CLOSED
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
        CLIENT_CLOSED
    }
}
