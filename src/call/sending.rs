/*! Sending a request on: its plan, and the edits that put it on its way. */

use super::adjusting::Change;
use super::ask::{Adapter, Ask, Route, Routed};
use super::asking::Inspected;
use super::budget::{Demand, Held};
use super::caching::not_cached;
use super::held::HeldBytes;
use super::request::{self, Kept};
use super::stored::Keeping;
use super::workflow::timed_out;
use super::{Call, Gateway, OnBody, Outgoing, Phase};
use crate::attempt::{Attempt, Entry, Fitted, PLAN_HEADER, Plan, Tries, fit, priority_groups};
use crate::config::{Backend, Fallback, Model, OtherPaths, Strategy, Timeouts};
use crate::host::{Host, Instant};
use crate::http::{HeaderEdits, Headers};
use crate::identity::Caller;
use crate::json::{self, Rewrite};
use crate::protocols::openai::{batch_texts, upload_texts};
use crate::protocols::texts::{Found, request_texts};
use crate::protocols::translate::translated_into;
use crate::protocols::{Api, ErrorKind, Refusal, Reply, Request, Traits};
use crate::routing::{self, Asked, Choice};
use std::cell::OnceCell;
use std::ops::ControlFlow;
use std::rc::Rc;

/// A request that guardrails let pass.
#[derive(Debug)]
pub(super) struct Guarded {
    pub(super) pending: Pending,
    pub(super) inspected: Inspected,
    /// How they have changed its body.
    pub(super) changed: Option<Rewrite>,
}

/// A request whose head waits while its body comes.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) caller: Caller,
    pub(super) edits: HeaderEdits,
    /// What later steps need of the head.
    pub(super) kept: Kept,
    /// Whether the length was declared.
    pub(super) framed: bool,
    pub(super) held: HeldBytes,
    pub(super) purpose: Purpose,
}

/// What a body is read for.
#[derive(Debug, Default)]
pub(super) enum Purpose {
    /// A call of a model.
    #[default]
    Call,
    /// The change of the limit with this name.
    Adjust(Change, String),
    /// A purge of the cache.
    Purge,
    /// An upload of a file.
    Upload,
    /// A batch to be made.
    Batch,
}

impl Purpose {
    /// Whether it is a call of a model, with all that there is to be said about those.
    pub(super) const fn asks_model(&self) -> bool {
        !matches!(self, Self::Upload | Self::Batch)
    }

    /// Visits the texts of what is read for it.
    pub(super) fn texts<'a>(
        &self,
        api: Api,
        body: &'a [u8],
        visit: &mut dyn FnMut(Found<'a>),
    ) -> Result<(), json::Error> {
        match self {
            Self::Upload => upload_texts(body, visit),
            Self::Batch => batch_texts(body, visit),
            _ => request_texts(api, body, visit),
        }
    }
}

/// The targets that a request can be said to, and the fields that are left out for those of
/// another API than the caller's.
type Expressible = (Vec<routing::Try>, Vec<(Api, Vec<&'static str>)>);

/// Who is asked, how long that may take, what the call holds of its limits, and the bound that
/// providers are told where the caller has set none.
type Ready = ((Routed, Timeouts), (Held, Option<u64>));

impl Call {
    /// Reads the body, finds the targets and sends the request to them.
    pub(super) fn send(&mut self, host: &dyn Host, guarded: Guarded, body: &[u8]) -> OnBody {
        match guarded.pending.purpose {
            Purpose::Upload => return self.send_upload(host, guarded, body),
            Purpose::Batch => return self.send_batch(host, guarded, body),
            _ if matches!(self.keeping, Keeping::Writes(_)) => {
                return self.send_items(host, guarded, body);
            }
            _ => {}
        }
        let Guarded {
            pending,
            inspected,
            changed,
        } = guarded;
        let mut request = match Request::read(self.api, body, self.counter(&pending.caller)) {
            Ok(request) => request,
            Err(refusal) => {
                return OnBody::Reply(self.refuse(Some(pending.caller), None, &refusal));
            }
        };
        self.count_files(&mut request);
        match self.open_files(&pending.caller, request.traits(), body) {
            Ok(None) => {}
            Ok(Some(opened)) => {
                let new = opened.whole(body);
                let guarded = Guarded {
                    pending,
                    inspected,
                    changed: Some(match changed {
                        Some(changed) => changed.and(Some(opened)),
                        None => opened,
                    }),
                };
                return self.send(host, guarded, &new);
            }
            Err(refusal) => {
                return OnBody::Reply(self.refuse(Some(pending.caller), None, &refusal));
            }
        }
        let rewrite = match self.open_ids(&pending.caller, &request, body) {
            Ok(Some(opened)) => opened,
            Ok(None) => {
                let guarded = Guarded {
                    pending,
                    inspected,
                    changed,
                };
                return self.send_read(host, guarded, (&request, body));
            }
            Err(refusal) => {
                return OnBody::Reply(self.refuse(Some(pending.caller), None, &refusal));
            }
        };
        // What the earlier calls' input said to the model is not at hand.
        let prompt = inspected.system_prompt.as_ref();
        if prompt.is_some_and(|prompt| !prompt.is_cut()) {
            let metrics = &self.gateway.metrics;
            metrics.unscannable(host, "system_prompt", true);
        }
        let body = rewrite.whole(body);
        let changed = match changed {
            Some(changed) => changed.and(Some(rewrite)),
            None => rewrite,
        };
        match self.read_again(&pending.caller, &body) {
            Ok(request) => {
                let guarded = Guarded {
                    pending,
                    inspected,
                    changed: Some(changed),
                };
                self.send_read(host, guarded, (&request, &body))
            }
            Err(refusal) => OnBody::Reply(self.refuse(Some(pending.caller), None, &refusal)),
        }
    }

    /// Finds the targets of a request that was read.
    fn send_read(
        &mut self,
        host: &dyn Host,
        guarded: Guarded,
        (request, body): (&Request<'_>, &[u8]),
    ) -> OnBody {
        let pending = &guarded.pending;
        let guards = &pending.caller.tenant.guards;
        if let Some(refusal) = self.unjudged_stream(host, guards, request.traits().stream) {
            return OnBody::Reply(self.refuse(Some(guarded.pending.caller), None, &refusal));
        }
        if let Some(refusal) = self.unread_media(host, guards) {
            return OnBody::Reply(self.refuse(Some(guarded.pending.caller), None, &refusal));
        }
        let choice = match self.choose(host, pending, request) {
            Ok(choice) => choice,
            Err(refusal) => {
                let known = self.gateway.policy.models.get(request.model()).cloned();
                return OnBody::Reply(self.refuse(Some(guarded.pending.caller), known, &refusal));
            }
        };
        match self.take_voice((request, body), &choice.model) {
            Ok(None) => self.with_model(host, guarded, (request, body), choice),
            Ok(Some(rewrite)) => self.with_text_alone(host, guarded, (rewrite, body), choice),
            Err(refusal) => {
                let (caller, model) = (guarded.pending.caller, choice.model);
                OnBody::Reply(self.refuse(Some(caller), Some(model), &refusal))
            }
        }
    }

    /// Goes on with a request that asks for text where the caller has asked for sound.
    fn with_text_alone(
        &mut self,
        host: &dyn Host,
        guarded: Guarded,
        (rewrite, body): (Rewrite, &[u8]),
        choice: Choice,
    ) -> OnBody {
        let body = rewrite.whole(body);
        let changed = match guarded.changed {
            Some(changed) => changed.and(Some(rewrite)),
            None => rewrite,
        };
        let guarded = Guarded {
            changed: Some(changed),
            ..guarded
        };
        match self.read_again(&guarded.pending.caller, &body) {
            Ok(request) => self.with_model(host, guarded, (&request, &body), choice),
            Err(refusal) => {
                OnBody::Reply(self.refuse(Some(guarded.pending.caller), None, &refusal))
            }
        }
    }

    /// Goes on with a request whose model is chosen: with a step of its workflow, or to its
    /// targets.
    pub(super) fn with_model(
        &mut self,
        host: &dyn Host,
        guarded: Guarded,
        (request, body): (&Request<'_>, &[u8]),
        choice: Choice,
    ) -> OnBody {
        let (guarded, choice) = match self.next_steps(host, guarded, (request, body), choice) {
            ControlFlow::Continue(ready) => ready,
            ControlFlow::Break(on) => return on,
        };
        let Guarded {
            pending,
            inspected,
            mut changed,
        } = guarded;
        let tenant = Rc::clone(&pending.caller.tenant);
        self.guard_answer(&tenant, inspected);
        let model = Rc::clone(&choice.model);
        let routed = match self.route(host, &pending, (request, body), choice) {
            Ok(routed) => routed,
            Err(refusal) => {
                return OnBody::Reply(self.refuse(Some(pending.caller), Some(model), &refusal));
            }
        };
        if self.counts_here(&routed.targets) {
            return OnBody::Reply(self.count_here(host, pending.caller, request, routed));
        }
        let asked = (request, body, &mut changed);
        let (pending, routed) = match self.ask_cache(host, pending, asked, routed) {
            ControlFlow::Continue(missed) => missed,
            ControlFlow::Break(answered) => return answered,
        };
        self.go_on(host, pending, request, routed, (body, changed))
    }

    /// Sends a request on whose targets are known.
    pub(super) fn go_on(
        &mut self,
        host: &dyn Host,
        pending: Pending,
        request: &Request<'_>,
        routed: Routed,
        (body, changed): (&[u8], Option<Rewrite>),
    ) -> OnBody {
        if pending.kept.only_if_cached {
            let model = Some(Rc::clone(&routed.model));
            return OnBody::Reply(self.refuse(Some(pending.caller), model, &not_cached()));
        }
        let Some(timeouts) = self.time_left(host, routed.model.timeouts) else {
            let model = Some(Rc::clone(&routed.model));
            return OnBody::Reply(self.refuse(Some(pending.caller), model, &timed_out()));
        };
        if let Err(refusal) = self.take_slot_in_background(host, &pending.caller) {
            let model = Some(Rc::clone(&routed.model));
            return OnBody::Reply(self.refuse(Some(pending.caller), model, &refusal));
        }
        let early = self.steps.take_held();
        let made = OnceCell::new();
        let demand_of = |prompt| {
            let ledger = &self.gateway.policy.ledger;
            let asked = (request.traits(), prompt);
            Demand {
                steps: self.steps.speech_amounts(request.traits()),
                ..Demand::of(asked, &routed.model, &routed.targets, ledger)
            }
        };
        let make = || {
            let traits = request.traits();
            let (prompt, conversation) = self.whole_prompt(host, traits, &routed.targets);
            Demand {
                conversation,
                ..demand_of(prompt)
            }
        };
        let demand = || made.get_or_init(make).clone();
        let asker = (&pending.caller, &*routed.model);
        let reserved = match early {
            // Steps have made another prompt of it.
            Some((mut held, bound)) => {
                match self.hold_prompt(host, asker, &mut held, (&demand_of, demand)) {
                    Ok(()) => Ok((held, bound)),
                    Err(refusal) => Err((held, refusal)),
                }
            }
            None => {
                let reserved = self.reserve(host, asker.0, Some(asker.1), demand);
                reserved.map_err(|refusal| (Held::default(), refusal))
            }
        };
        let foreseen = self.gateway.policy.global_limits.map(|_| demand());
        let (held, default_output) = match reserved {
            Ok(reserved) => reserved,
            Err((held, refusal)) => {
                self.release(host, held);
                let model = Some(Rc::clone(&routed.model));
                return OnBody::Reply(self.refuse(Some(pending.caller), model, &refusal));
            }
        };
        let mut routed = routed;
        let (space, policy) = (&self.gateway.space, &self.gateway.policy);
        routing::claim_probe(host, space, policy, &mut routed.targets);
        let bound = foreseen.and_then(|demand| self.foresee(&demand));
        let budget = (held, default_output.or(bound));
        match self.put_on_way(
            host,
            pending,
            request,
            ((routed, timeouts), budget),
            (body, changed),
        ) {
            Ok(outgoing) => OnBody::Forward(outgoing),
            Err(reply) => OnBody::Reply(reply),
        }
    }

    /// What steps have left of the time of a call; `None`: nothing.
    fn time_left(&self, host: &dyn Host, timeouts: Timeouts) -> Option<Timeouts> {
        match self.steps.ran() {
            true => timeouts.after(host.now().millis_since(self.started)),
            false => Some(timeouts),
        }
    }

    /// Whether callers may store files at the provider, for all others to read.
    pub(super) fn stores_files(&self) -> bool {
        matches!(self.gateway.policy.other_paths, OtherPaths::Pass(_))
    }

    /// The model that answers a call.
    pub(super) fn choose(
        &self,
        host: &dyn Host,
        pending: &Pending,
        request: &Request<'_>,
    ) -> Result<Choice, Refusal> {
        let asked = Asked {
            budget_percent: self.budget_percent(host, &pending.caller),
            ..asked(pending, request)
        };
        let choice = routing::choose(&self.gateway.policy, &asked);
        let choice = choice.map_err(|refusal| match request.names_model() {
            true => refusal,
            false => of_usual_model(refusal, request.model()),
        })?;
        for rule in &choice.shadow {
            self.gateway.metrics.shadow(host, "rule", &rule.name);
        }
        Ok(choice)
    }

    fn route(
        &self,
        host: &dyn Host,
        pending: &Pending,
        (request, body): (&Request<'_>, &[u8]),
        choice: Choice,
    ) -> Result<Routed, Refusal> {
        let Gateway {
            space,
            policy,
            metrics,
            ..
        } = &*self.gateway;
        let asked = asked(pending, request);
        let ordered = routing::order(host, space, policy, &asked, &choice.model)?;
        if let Some(target) = &ordered.shadow {
            metrics.shadow(host, "target", &target.key);
        }
        let attempts = attempts(policy.fallback.as_ref(), &choice.model);
        let mut tries = ordered.tries;
        let chain = is_chain(&tries);
        self.keeping.pin(self.api, &mut tries, chain)?;
        self.pin_files(&mut tries, chain, (request.traits(), body))?;
        let (mut targets, dropped) = match self.counts_here(&tries) {
            true => (tries, Vec::new()),
            false => self.expressible(tries, request, body)?,
        };
        if !is_chain(&targets) {
            truncate(&mut targets, attempts);
        }
        Ok(Routed {
            model: choice.model,
            targets,
            rule: choice.rule,
            dropped,
        })
    }

    /// The targets by whose API the request can be said, and the fields that are left
    /// out for some of them.
    fn expressible(
        &self,
        mut targets: Vec<routing::Try>,
        request: &Request<'_>,
        body: &[u8],
    ) -> Result<Expressible, Refusal> {
        let asked_by = |planned: &routing::Try| planned.target.backend.asked_by(self.api);
        let count = targets.len();
        let chain = is_chain(&targets);
        targets.retain(|planned| asked_by(planned).is_some());
        // A chain of clusters comes to each of its members, whatever is planned.
        if targets.is_empty() || (chain && targets.len() < count) {
            return Err(unsupported_api());
        }
        // A gateway that makes the only try itself finds out anyway.
        let alone = self.gateway.policy.fallback.is_none() && targets.len() == 1;
        if alone {
            return Ok((targets, Vec::new()));
        }
        let mut dropped = Vec::new();
        for api in translated_into(self.api) {
            let asked = |planned: &routing::Try| asked_by(planned) == Some(*api);
            let Some(probe) = targets.iter().find(|planned| asked(planned)) else {
                continue;
            };
            let entry = Entry::of(&probe.target, None, self.api, request.traits().stream);
            match fit(self.api, &entry, request, body) {
                Ok(fitted) => dropped.push((*api, fitted.dropped)),
                Err(refusal) => {
                    targets.retain(|planned| !asked(planned));
                    if chain || targets.is_empty() {
                        return Err(refusal);
                    }
                }
            }
        }
        Ok((targets, dropped))
    }

    fn put_on_way(
        &mut self,
        host: &dyn Host,
        pending: Pending,
        request: &Request<'_>,
        ((mut routed, timeouts), (budget, default_output)): Ready,
        (body, changed): (&[u8], Option<Rewrite>),
    ) -> Result<Outgoing, Reply> {
        let Pending {
            caller,
            mut edits,
            kept,
            framed,
            held,
            ..
        } = pending;
        let traits = request.traits().clone();
        let mut plan = self.plan(&routed, &traits, kept);
        for entry in plan.tries.iter_mut() {
            let most = entry.max_output.unwrap_or(u64::MAX);
            entry.default_output = default_output.map(|tokens| tokens.min(most));
            entry.store = self.gateway.policy.stored.is_some();
        }
        let alone = self.gateway.policy.fallback.is_none();
        time_limits(&mut edits, timeouts, traits.stream, alone);
        let (adapter, rewrite, plan) = if alone {
            // The clock is a host call, and only this strategy asks how long a try took.
            let timed = routed.model.strategy == Strategy::Fastest;
            let now = if timed { host.now() } else { self.started };
            match fit_alone(plan, &routed, &mut edits, (request, body), now) {
                Ok((attempt, fitted)) => {
                    routed.dropped = vec![(attempt.api(), fitted.dropped)];
                    (Adapter::Gateway(Box::new(attempt)), fitted.rewrite, None)
                }
                Err(refusal) => {
                    self.release(host, budget);
                    let model = Rc::clone(&routed.model);
                    return Err(self.refuse(Some(caller), Some(model), &refusal));
                }
            }
        } else {
            plan_edits(&mut edits, &routed);
            (Adapter::Backends, None, Some(plan.to_json()))
        };
        let rewrite = match changed {
            Some(changed) => Some(changed.and(rewrite)),
            None => rewrite,
        };
        if let Some(rewrite) = rewrite.as_ref().filter(|_| framed) {
            let length = rewrite.length.to_string();
            edits.set.push(("content-length", length));
        }
        let limits = self.charge.before(&caller, &routed.model.name);
        self.phase = Phase::Sent {
            caller,
            ask: Ask {
                route: Route::Model(routed),
                traits,
                strip_usage: request.strips_usage(),
                adapter,
                held: budget,
                learned: 0,
            },
            _held: held,
        };
        Ok(Outgoing {
            edits,
            rewrite,
            plan,
            limits,
            asks: self.asks_aside(host),
        })
    }

    /// Sends a call past all inspection to `path` below the base of `backend`.
    pub(super) fn pass(
        &mut self,
        caller: Caller,
        backend: Rc<Backend>,
        path: &str,
        edits: (HeaderEdits, Kept),
        held: Held,
    ) -> Outgoing {
        let nothing_known = (&Demand::OPAQUE, "");
        self.pass_as(caller, (backend, path), edits, held, nothing_known)
    }

    /// The same with a call of which is known what it takes, and of which model it is one.
    pub(super) fn pass_as(
        &mut self,
        caller: Caller,
        (backend, path): (Rc<Backend>, &str),
        (mut edits, kept): (HeaderEdits, Kept),
        held: Held,
        (demand, model): (&Demand, &str),
    ) -> Outgoing {
        let path = format!("{}{path}", backend.base_path);
        let plan = Plan {
            opaque: true,
            authority: kept.authority,
            headers: kept.protocol,
            tries: vec![Entry::opaque(&backend, path)],
            ..self.empty_plan(Timeouts::default())
        };
        let (adapter, plan) = if self.gateway.policy.fallback.is_some() {
            let cluster = std::iter::once(backend.cluster.as_str());
            edits.set.push((PLAN_HEADER, priority_groups(cluster)));
            edits.set.push(request::to_cluster(&backend.cluster));
            edits.set.push(("x-envoy-max-retries", "0".to_owned()));
            (Adapter::Backends, Some(plan.to_json()))
        } else {
            let noted = Attempt::noted(plan, self.started);
            edits.set.extend(noted.request_head(Headers(&[]), None).set);
            edits.set.push(request::to_cluster(&backend.cluster));
            (Adapter::Gateway(Box::new(noted)), None)
        };
        self.foresee(demand);
        let limits = self.charge.before(&caller, model);
        self.phase = Phase::Sent {
            _held: HeldBytes::new(&self.gateway.held, &caller.tenant.name),
            caller,
            ask: Ask {
                route: Route::Pass(backend),
                traits: Traits::default(),
                strip_usage: false,
                adapter,
                held,
                learned: 0,
            },
        };
        Outgoing {
            edits,
            rewrite: None,
            plan,
            limits,
            asks: Vec::new(),
        }
    }

    fn empty_plan(&self, timeouts: Timeouts) -> Plan {
        let policy = &self.gateway.policy;
        let content_policy = policy
            .fallback
            .is_some_and(|fallback| fallback.content_policy);
        Plan {
            id: self.request_id.clone(),
            caller: self.api,
            stream: false,
            opaque: false,
            limit: policy.limits.body,
            deadline: deadline(self.started, timeouts),
            content_policy,
            authority: String::new(),
            headers: Vec::new(),
            tries: Vec::new(),
        }
    }

    fn plan(&self, routed: &Routed, traits: &Traits, kept: Kept) -> Plan {
        let entries = routed.targets.iter();
        let entries = entries.map(|planned| {
            Entry::of(
                &planned.target,
                Some(&routed.model),
                self.api,
                traits.stream,
            )
        });
        Plan {
            stream: traits.stream,
            authority: kept.authority,
            headers: kept.protocol,
            tries: entries.collect(),
            ..self.empty_plan(routed.model.timeouts)
        }
    }
}

/// What is known of a call when its targets are chosen, besides its budgets.
fn asked<'a>(pending: &'a Pending, request: &'a Request<'_>) -> Asked<'a> {
    Asked {
        tenant: &pending.caller.tenant,
        user: &pending.caller.user,
        model: request.model(),
        traits: request.traits(),
        headers: &pending.kept.rules,
        budget_percent: 0,
    }
}

fn deadline(started: Instant, timeouts: Timeouts) -> u64 {
    let total = timeouts.total_ms.saturating_mul(1_000_000);
    started.0.saturating_add(total)
}

/// Whether several backends stand behind one cluster, whose order is its own.
pub(super) fn is_chain(targets: &[routing::Try]) -> bool {
    let mut backends = targets.iter().map(|planned| &planned.target.backend);
    let Some(first) = backends.next() else {
        return false;
    };
    let mut others = backends.filter(|other| other.name != first.name).peekable();
    others.peek().is_some() && others.all(|other| other.cluster == first.cluster)
}

/// Keeps as many targets as may be tried. The last of them is the one with the largest window,
/// if that is larger than all that would be left: it is where a prompt goes that is too
/// long for the others.
fn truncate(targets: &mut Vec<routing::Try>, attempts: usize) {
    let window = |planned: &routing::Try| planned.target.context;
    let largest = targets
        .iter()
        .skip(attempts)
        .max_by_key(|planned| window(planned));
    let largest = largest.cloned();
    targets.truncate(attempts);
    let Some(largest) = largest.filter(|_| attempts > 1) else {
        return;
    };
    let known = targets.iter().all(|planned| window(planned).is_some());
    let larger = targets
        .iter()
        .all(|planned| window(planned) < window(&largest));
    if known && larger {
        targets.pop();
        targets.push(largest);
    }
}

/// How many targets a call may try.
fn attempts(fallback: Option<&Fallback>, model: &Model) -> usize {
    let most = fallback.map_or(1, |fallback| model.attempts.unwrap_or(fallback.attempts));
    usize::try_from(most).unwrap_or(1).max(1)
}

/// Tells callers who have named no model that their API means one all the same.
fn of_usual_model(refusal: Refusal, model: &str) -> Refusal {
    let told = &refusal.message;
    let message = format!("The request has no 'model', by which '{model}' is meant. {told}");
    Refusal { message, ..refusal }
}

pub(super) fn unsupported_api() -> Refusal {
    let message = "The providers of this model have no API like this path's. See GET /v1/models for what the model takes and gives.";
    Refusal::new(ErrorKind::Invalid, "unsupported_api", message).at("model")
}

/// Makes the request fit its first target where no filter stands in front of it.
fn fit_alone(
    plan: Plan,
    routed: &Routed,
    edits: &mut HeaderEdits,
    (request, body): (&Request<'_>, &[u8]),
    now: Instant,
) -> Result<(Attempt, Fitted), Refusal> {
    let target = routed.targets.first();
    let backend = target.map(|planned| &planned.target.backend);
    let name = backend.map_or("", |backend| backend.name.as_str());
    let begun = Attempt::begin(plan, Tries::default(), 1, name, now);
    let attempt = begun.map_err(|_| {
        let message = "The gateway has no target for this call.";
        Refusal::new(ErrorKind::Internal, "internal", message)
    })?;
    let fitted = attempt.fit(request, body)?;
    // What the caller sent was cleaned when its head came.
    edits
        .set
        .extend(attempt.request_head(Headers(&[]), None).set);
    edits
        .set
        .extend(backend.map(|backend| request::to_cluster(&backend.cluster)));
    Ok((attempt, fitted))
}

/// What Envoy has to know of the plan: the order of clusters and how often to try.
fn plan_edits(edits: &mut HeaderEdits, routed: &Routed) {
    let clusters = routed
        .targets
        .iter()
        .map(|planned| planned.target.backend.cluster.as_str());
    edits.set.push((PLAN_HEADER, priority_groups(clusters)));
    // For routes to a chain of clusters, whose order is its own.
    let first = routed.targets.first();
    let first = first.map(|planned| request::to_cluster(&planned.target.backend.cluster));
    edits.set.extend(first);
    let retries = routed.targets.len().saturating_sub(1);
    edits.set.push(("x-envoy-max-retries", retries.to_string()));
}

/// Envoy's limits for this call. A try of a stream ends at its first content, another when
/// its answer is whole, since filters in front of providers hold the head so long.
/// Alone, the gateway cannot hold a head back from Envoy's clock: it stops when the head
/// comes, so the limit of a whole answer is set on the call.
///
/// Alone, limits that nobody has written are left to Envoy, which ends what is idle: there is
/// no other target to move to, and each header is a host call.
fn time_limits(edits: &mut HeaderEdits, timeouts: Timeouts, stream: bool, alone: bool) {
    if alone && timeouts == Timeouts::default() {
        return;
    }
    const PER_TRY: &str = "x-envoy-upstream-rq-per-try-timeout-ms";
    const CALL: &str = "x-envoy-upstream-rq-timeout-ms";
    let mut set = |name, millis: u64| edits.set.push((name, millis.to_string()));
    match (stream, alone) {
        (true, _) => set(PER_TRY, timeouts.first_token_ms),
        (false, true) => set(CALL, timeouts.whole_ms.min(timeouts.total_ms)),
        (false, false) => {
            set(PER_TRY, timeouts.whole_ms);
            set(CALL, timeouts.total_ms);
        }
    }
}
