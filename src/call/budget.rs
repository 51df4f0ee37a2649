/*! What a call may take of its limits: reserved before it is sent, settled when it is over. */

use super::ask::Ask;
use super::batches::BATCHES_CREATE;
use super::extend::{Extension, Growth};
use super::finish::Outcome;
use super::limited::{self, Origin};
use super::{Call, Gateway};
use crate::attempt::Tries;
use crate::background::{self, alerts};
use crate::config::{DefaultOutput, Ledger, Model, Role, USUAL_WINDOW, UntilLoaded};
use crate::host::Host;
use crate::identity::Caller;
use crate::ledger::limits::{
    self, Amounts, Book, Crossed, Denied, Granted, Holder, Meter, Reservation, Scope, Standings,
    Traces,
};
use crate::ledger::{Price, Settlement, Usage};
use crate::protocols::{Api, ErrorKind, Refusal, Tariff, Traits};
use crate::routing;
use crate::telemetry::Record;
use crate::tokens::media::sound_beyond;
use crate::tokens::{Prompt, correction};
use std::rc::Rc;

/// What a call holds of its limits.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) reservation: Reservation,
    /// What was left of them afterwards.
    pub(super) standings: Standings,
    /// When that was, in milliseconds since the Unix epoch.
    pub(super) at_ms: u64,
    /// Tokens of the prompt that were reserved; 0 if nothing was.
    pub(super) prompt: u64,
    /// Tokens of the answer that were reserved; 0 if nothing was.
    pub(super) answer: u64,
    /// How the reservation of a stream grows, if it is to end at the limit.
    pub(super) extension: Option<Box<Extension>>,
}

impl Held {
    /// Tokens of a growing answer that are reserved; no bound where it does not grow.
    pub(super) fn room(&self) -> u64 {
        let extension = self.extension.as_ref();
        extension.map_or(u64::MAX, |extension| extension.reserved())
    }

    /// See [`Extension::passed`]; without one nothing is ever passed.
    pub(super) fn passed<'b>(&mut self, book: impl FnOnce() -> Book<'b>, output: u64) -> bool {
        let extension = self.extension.as_mut();
        extension.is_some_and(|extension| extension.passed(book, &mut self.reservation, output))
    }
}

/// What a call is going to take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Demand {
    pub(super) amounts: Amounts,
    /// What steps of a workflow are going to take besides.
    pub(super) steps: Amounts,
    /// The bound that providers are told where the caller has set none.
    pub(super) default_output: Option<u64>,
    /// What a stream that is to end at the limit is counted by.
    pub(super) growth: Option<Growth>,
    /// Whether the caller has bounded the answer.
    pub(super) bounded: bool,
    /// Tokens of the prompt that its conversation is taken to hold.
    pub(super) conversation: u64,
}

/// The limits that count a caller's calls.
pub(super) struct Scopes<'a> {
    pub(super) list: Vec<Scope>,
    /// The virtual model called; empty for calls of none.
    pub(super) model: &'a str,
}

impl<'a> Scopes<'a> {
    pub(super) fn of(caller: &Caller, model: Option<&'a Model>) -> Self {
        let tenant = &caller.tenant;
        let mut list = Vec::new();
        let mut add = |meters: &Rc<[Meter]>, holder: &dyn Fn() -> Holder| {
            if !meters.is_empty() {
                list.push(Scope {
                    holder: holder(),
                    meters: Rc::clone(meters),
                });
            }
        };
        add(&tenant.limits, &|| Holder::Tenant(tenant.name.clone()));
        if let Some(model) = model {
            add(&model.limits, &|| Holder::Model(model.name.clone()));
        }
        add(&tenant.per_user, &|| Holder::User {
            tenant: tenant.name.clone(),
            name: caller.user.clone(),
        });
        Self {
            list,
            model: model.map_or("", |model| &model.name),
        }
    }

    /// Whether any of them lasts an hour or more.
    fn are_long(&self) -> bool {
        let mut meters = self.list.iter().flat_map(|scope| scope.meters.iter());
        meters.any(|meter| meter.window.is_long() && meter.counts(self.model))
    }

    /// Whether the length of the answer matters to any of them.
    pub(super) fn count_output(&self) -> bool {
        let mut meters = self.list.iter().flat_map(|scope| scope.meters.iter());
        meters.any(|meter| meter.unit.counts_output() && meter.counts(self.model))
    }
}

impl Demand {
    /// A call that nothing is known of.
    pub(super) const OPAQUE: Self = Self::unknown(0);

    /// The same, let through only while there is anything left of every limit.
    pub(super) const OPAQUE_AT_LEAST: Self = Self::unknown(1);

    /// A call whose targets are not asked: others answer for them.
    pub(super) fn of_steps(steps: Amounts) -> Self {
        Self {
            steps,
            ..Self::OPAQUE
        }
    }

    const fn unknown(least: u64) -> Self {
        Self {
            amounts: Amounts {
                requests: 1,
                input: least,
                output: least,
                nano_usd: least,
            },
            steps: Amounts::NONE,
            default_output: None,
            growth: None,
            bounded: false,
            conversation: 0,
        }
    }

    /// The most that a call of these targets can take whose prompt has `input` tokens, as far as
    /// can be told.
    pub(super) fn of(
        (traits, input): (&Traits, u64),
        model: &Model,
        tries: &[routing::Try],
        ledger: &Ledger,
    ) -> Self {
        if traits.tariff == Tariff::Never {
            return Self::OPAQUE;
        }
        let default = model.default_output.unwrap_or(ledger.default_output);
        let DefaultOutput { tokens, soft } = default;
        let tokens = traits
            .usual_output
            .map_or(tokens, |usual| usual.min(tokens));
        let each = traits.max_output.unwrap_or(tokens);
        let most = tries.iter().map(|planned| planned.target.max_output);
        let most = most.map(|most| most.unwrap_or(u64::MAX)).max();
        let each = each.min(most.unwrap_or(u64::MAX));
        let output = each.saturating_mul(traits.answers);
        let prices = tries.iter().filter_map(|planned| planned.target.price);
        let prices: Vec<Price> = prices.collect();
        let costs = prices.iter();
        let costs = costs.map(|price| price.reserve(input, output, traits.kinds()));
        let nano_usd = costs.max();
        let growth = (ledger.stop_at_limit && traits.stream).then_some(Growth {
            prices,
            kinds: traits.kinds(),
            bounded: traits.max_output.is_some() || !soft,
        });
        Self {
            amounts: Amounts {
                requests: 1,
                input,
                output,
                nano_usd: nano_usd.unwrap_or(0),
            },
            steps: Amounts::NONE,
            default_output: (traits.max_output.is_none() && !soft).then_some(tokens),
            growth,
            bounded: traits.max_output.is_some(),
            conversation: 0,
        }
    }
}

impl Gateway {
    pub(super) fn book<'a>(&'a self, host: &'a dyn Host) -> Book<'a> {
        Book {
            host,
            space: &self.space,
            shard_bytes: self.policy.ledger.shard_bytes,
            now: host.now(),
        }
    }
}

impl Call {
    pub(super) fn book<'a>(&'a self, host: &'a dyn Host) -> Book<'a> {
        self.gateway.book(host)
    }

    /// How much of the caller's dollar budgets is taken, in percent, if a rule asks for it.
    pub(super) fn budget_percent(&self, host: &dyn Host, caller: &Caller) -> u64 {
        if !self.gateway.policy.routing.look_at_budgets {
            return 0;
        }
        let book = self.book(host);
        let scopes = Scopes::of(caller, None).list.into_iter();
        let percents = scopes.filter_map(|scope| scope.budget_percent(&book));
        percents.max().unwrap_or(0)
    }

    /// Reserves what a call is going to take.
    ///
    /// # Errors
    /// 429 that says which limit is reached, or 503 if nobody can say; nothing is held then.
    pub(super) fn reserve(
        &self,
        host: &dyn Host,
        caller: &Caller,
        model: Option<&Model>,
        demand: impl FnOnce() -> Demand,
    ) -> Result<(Held, Option<u64>), Refusal> {
        let scopes = Scopes::of(caller, model);
        if scopes.list.is_empty() {
            return Ok(<_>::default());
        }
        if scopes.are_long() && !self.knows_what_was_used(host) {
            return Err(loading());
        }
        let counts_output = scopes.count_output();
        let demand = demand();
        let book = self.book(host);
        let at_ms = book.now.unix_millis();
        let metrics = &self.gateway.metrics;
        let growth = demand.growth.filter(|_| counts_output);
        let growth = growth.map(|growth| (scopes.list.clone(), growth));
        let amounts = demand.amounts.plus(&demand.steps);
        let origin = Origin {
            // Of a call that is not read nothing is known.
            answer: model.map_or(0, |_| demand.amounts.output),
            bounded: demand.bounded,
            conversation: demand.conversation,
            // That a model has steps is its operator's affair.
            steps: demand.steps != Amounts::NONE && caller.role == Role::Admin,
            bound: None,
        };
        let granted = limits::reserve(&book, scopes.list, scopes.model, &amounts);
        let Granted {
            reservation,
            standings,
            shadowed,
            crowded,
        } = granted.or_else(|denied| self.denied(host, caller, &denied, (at_ms, origin)))?;
        self.note_changes(host, reservation.long_records());
        if crowded {
            metrics.event(host, "tollgate.users_without_room_total");
        }
        for name in &shadowed {
            metrics.shadow(host, "limit", name);
        }
        let extension = growth.map(|(list, growth)| {
            let output = demand.amounts.output;
            Box::new(Extension::new((list, scopes.model), growth, output))
        });
        let held = Held {
            reservation,
            standings,
            at_ms,
            prompt: model.map_or(0, |_| demand.amounts.input),
            answer: origin.answer,
            extension,
        };
        Ok((held, demand.default_output.filter(|_| counts_output)))
    }

    /// Reserves `more` for a call that holds something already; nothing where it holds nothing.
    ///
    /// # Errors
    /// As of [`Call::reserve`]; it holds what it held then.
    pub(super) fn reserve_more(
        &self,
        host: &dyn Host,
        (caller, model): (&Caller, &Model),
        held: &mut Held,
        more: &Amounts,
    ) -> Result<(), Refusal> {
        if held.reservation.is_empty() || *more == Amounts::NONE {
            return Ok(());
        }
        let scopes = Scopes::of(caller, Some(model));
        let book = self.book(host);
        let at_ms = book.now.unix_millis();
        let granted = limits::reserve(&book, scopes.list, scopes.model, more);
        let told = (at_ms, Origin::default());
        let granted = granted.or_else(|denied| self.denied(host, caller, &denied, told))?;
        self.note_changes(host, granted.reservation.long_records());
        held.reservation.append(granted.reservation);
        Ok(())
    }

    /// Holds a prompt that steps have made another one of: where it has become longer, what it
    /// takes more is reserved in addition.
    ///
    /// # Errors
    /// As of [`Call::reserve`]; it holds what it held then.
    pub(super) fn hold_prompt(
        &self,
        host: &dyn Host,
        (caller, model): (&Caller, &Model),
        held: &mut Held,
        (of_prompt, now): (&dyn Fn(u64) -> Demand, impl FnOnce() -> Demand),
    ) -> Result<(), Refusal> {
        let before = held.prompt;
        if before == 0 {
            return Ok(());
        }
        let new = now().amounts;
        let prompt = new.input;
        if prompt > before {
            let old = of_prompt(before).amounts;
            let more = Amounts {
                input: prompt.saturating_sub(before),
                nano_usd: new.nano_usd.saturating_sub(old.nano_usd),
                ..Amounts::NONE
            };
            self.reserve_more(host, (caller, model), held, &more)?;
        }
        held.prompt = prompt;
        Ok(())
    }

    /// What becomes of a call that the ledger has not let through.
    fn denied(
        &self,
        host: &dyn Host,
        caller: &Caller,
        denied: &Denied,
        (at_ms, origin): (u64, Origin),
    ) -> Result<Granted, Refusal> {
        let metrics = &self.gateway.metrics;
        self.note_traces(host, denied.traces());
        match denied {
            Denied::Exceeded(exceeded) => {
                let holder = limited::holder_kind(&exceeded.holder);
                metrics.limited(host, &caller.tenant.name, holder, &exceeded.limit);
                let origin = Origin {
                    bound: self.bound_of_answer(),
                    ..origin
                };
                Err(limited::refusal(
                    exceeded,
                    self.api.protocol(),
                    at_ms,
                    &origin,
                ))
            }
            Denied::Busy(_) if self.gateway.policy.ledger.admit_when_busy => {
                metrics.event(host, "tollgate.limits_uncounted_total");
                Ok(Granted::default())
            }
            Denied::Busy(_) => Err(busy()),
        }
    }

    /// Where the caller bounds the answer.
    fn bound_of_answer(&self) -> Option<&'static str> {
        if self.operation == BATCHES_CREATE {
            return Some("a bound on the answer in each line");
        }
        match self.api {
            Api::ChatCompletions => Some("max_completion_tokens"),
            Api::Responses => Some("max_output_tokens"),
            Api::Completions | Api::Messages => Some("max_tokens"),
            _ => None,
        }
    }

    /// How closely the prompt of a caller has to be counted: as well as possible if something
    /// depends on it.
    pub(super) fn counter(&self, caller: &Caller) -> Prompt {
        let policy = &self.gateway.policy;
        let is_the_answer = self.api == Api::CountTokens;
        let tenant = &caller.tenant;
        let limited = !tenant.limits.is_empty() || !tenant.per_user.is_empty();
        match limited || policy.counts_prompts || is_the_answer {
            true => Prompt::counted(self.started.0),
            false => Prompt::by_length(),
        }
    }

    /// Tokens of a prompt, corrected by what the targets have reported of others: those of the
    /// one that counts most. What an earlier response brings was corrected when its id was made.
    pub(super) fn prompt_tokens(
        &self,
        host: &dyn Host,
        traits: &Traits,
        tries: &[routing::Try],
    ) -> u64 {
        let tokens = traits.prompt_tokens().saturating_sub(traits.context);
        let space = &self.gateway.space;
        let of_target = |planned: &routing::Try| {
            let target = &planned.target;
            let beyond = match target.backend.apis.contains(&Api::GenerateContent) {
                true => sound_beyond(traits.media.audio),
                false => 0,
            };
            let tokens = tokens.saturating_add(beyond);
            correction::read(host, space, &target.key).correct(tokens)
        };
        let corrected = tries.iter().map(of_target).max();
        corrected.unwrap_or(tokens).saturating_add(traits.context)
    }

    /// The same with what a conversation brings, of which nobody knows how long it is: as much
    /// as a window may hold. And what that is alone.
    pub(super) fn whole_prompt(
        &self,
        host: &dyn Host,
        traits: &Traits,
        tries: &[routing::Try],
    ) -> (u64, u64) {
        let told = self.prompt_tokens(host, traits, tries);
        let Some(most) = self.conversation_tokens() else {
            return (told, 0);
        };
        let windows = tries.iter().map(|planned| planned.target.context);
        let window = windows.map(|window| window.unwrap_or(USUAL_WINDOW)).max();
        let answer = traits.max_output.unwrap_or(0);
        let room = window.unwrap_or(0).saturating_sub(answer);
        let whole = told.saturating_add(most).min(room).max(told);
        (whole, whole.saturating_sub(told))
    }

    /// Takes note of how far the estimate of a prompt was off.
    pub(super) fn learn_prompt(&self, host: &dyn Host, ask: &Ask, tries: &Tries, usage: &Usage) {
        let traits = &ask.traits;
        let used = traits.tariff != Tariff::Never;
        let sure = traits.text.is_counted() && traits.media.is_empty() && !traits.uncounted;
        let Some(target) = ask.latest_target(tries).filter(|_| used && sure) else {
            return;
        };
        let (space, estimated) = (&self.gateway.space, traits.prompt_tokens());
        if correction::learn(host, space, &target.key, estimated, usage.input).is_err() {
            let metrics = &self.gateway.metrics;
            metrics.event(host, "tollgate.health_notes_lost_total");
        }
    }

    /// Gives back what a call held that was not sent.
    pub(super) fn release(&mut self, host: &dyn Host, held: Held) {
        // What steps have used is settled when the call is over.
        if let Some(held) = self.steps.hold_again(held) {
            self.settle_held(host, &held, &Amounts::default());
        }
    }

    /// Settles what a call held with what it took; returns the places of the parts of its
    /// reservation that were lost.
    pub(super) fn settle_limits(&self, host: &dyn Host, outcome: &Outcome) -> Vec<usize> {
        let sent = outcome.ask.as_ref().map(|ask| &ask.held);
        match sent.or_else(|| self.steps.held()) {
            Some(held) => self.settle_held(host, held, &took(outcome)),
            None => Vec::new(),
        }
    }

    /// As [`Call::settle_limits`].
    pub(super) fn settle_held(&self, host: &dyn Host, held: &Held, took: &Amounts) -> Vec<usize> {
        if held.reservation.is_empty() {
            return Vec::new();
        }
        let settled = limits::settle(&self.book(host), &held.reservation, took);
        self.note_changes(host, held.reservation.long_records());
        self.count_lost(host, settled.lost);
        self.raise(host, &settled.crossed);
        if let Some(extension) = &held.extension {
            self.note_traces(host, extension.traces());
        }
        settled.lost_parts
    }

    /// What a refused call has left behind is to be saved, counted and told.
    pub(super) fn note_traces(&self, host: &dyn Host, traces: &Traces) {
        self.note_changes(host, traces.touched.iter().map(String::as_str));
        self.count_lost(host, traces.lost);
        self.raise(host, &traces.crossed);
    }

    pub(super) fn raise(&self, host: &dyn Host, crossed: &[Crossed]) {
        let Gateway {
            metrics,
            policy,
            space,
            ..
        } = &*self.gateway;
        for crossed in crossed {
            alerts::raise(host, metrics, policy, space, crossed);
        }
    }

    pub(super) fn count_lost(&self, host: &dyn Host, lost: u32) {
        let metrics = &self.gateway.metrics;
        for _ in 0..lost {
            metrics.event(host, "tollgate.settlements_lost_total");
        }
    }

    /// Whether the store has told what was used before Envoy was started, where calls have to
    /// wait for that.
    pub(super) fn knows_what_was_used(&self, host: &dyn Host) -> bool {
        let store = self.gateway.policy.store.as_ref();
        let waits = store.is_some_and(|store| store.until_loaded == UntilLoaded::Refuse);
        !waits || background::is_loaded(host, &self.gateway.space)
    }

    /// What has changed is to be saved.
    pub(super) fn note_changes<'r>(&self, host: &dyn Host, records: impl Iterator<Item = &'r str>) {
        let Gateway {
            dirty,
            policy,
            space,
            ..
        } = &*self.gateway;
        let noted = records.map(|record| dirty.note(record)).count();
        if noted > 0 && policy.store.is_some() {
            background::tell_if_unattended(host, space, dirty);
        }
    }
}

pub(super) fn loading() -> Refusal {
    let message = "The gateway does not know yet how much was used before; try again.";
    Refusal::new(ErrorKind::Unavailable, "ledger_loading", message).header("retry-after", "1")
}

/// What a call took.
pub(super) fn took(outcome: &Outcome) -> Amounts {
    if outcome.settlement == Settlement::Local {
        return Amounts::default();
    }
    let (usage, _) = Record::counts(outcome.settlement);
    Amounts {
        requests: 1,
        input: usage.input,
        output: usage.output,
        nano_usd: outcome.cost.nano_usd(),
    }
}

pub(super) fn busy() -> Refusal {
    let message = "The gateway could not count this call; try again.";
    Refusal::new(ErrorKind::Unavailable, "ledger_busy", message).header("retry-after", "1")
}
