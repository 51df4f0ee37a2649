/*! What a call may take of its limits: reserved before it is sent, settled when it is over. */

use super::Call;
use super::finish::Outcome;
use super::limited;
use crate::config::{DefaultOutput, Ledger, Model};
use crate::host::Host;
use crate::identity::Caller;
use crate::ledger::Settlement;
use crate::ledger::limits::{
    self, Amounts, Book, Denied, Granted, Holder, Meter, Reservation, Scope, Standings, Unit,
};
use crate::protocols::{ErrorKind, Refusal, Traits};
use crate::routing;
use crate::telemetry::Record;
use std::rc::Rc;

/// What a call holds of its limits.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) reservation: Reservation,
    /// What was left of them afterwards.
    pub(super) standings: Standings,
    /// When that was, in milliseconds since the Unix epoch.
    pub(super) at_ms: u64,
}

/// What a call is going to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Demand {
    pub(super) amounts: Amounts,
    /// The bound that providers are told where the caller has set none.
    pub(super) default_output: Option<u64>,
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

    /// Whether the length of the answer matters to any of them.
    fn count_output(&self) -> bool {
        let mut meters = self.list.iter().flat_map(|scope| scope.meters.iter());
        meters.any(|meter| {
            let output = matches!(
                meter.unit,
                Unit::OutputTokens | Unit::Tokens | Unit::NanoUsd
            );
            output && meter.counts(self.model)
        })
    }
}

impl Demand {
    /// A call that nothing is known of.
    pub(super) const OPAQUE: Self = Self {
        amounts: Amounts {
            requests: 1,
            input: 0,
            output: 0,
            nano_usd: 0,
        },
        default_output: None,
    };

    /// The most that a call of these targets can take, as far as can be told.
    pub(super) fn of(
        traits: &Traits,
        model: &Model,
        tries: &[routing::Try],
        ledger: &Ledger,
    ) -> Self {
        let default = model.default_output.unwrap_or(ledger.default_output);
        let DefaultOutput { tokens, soft } = default;
        let each = traits.max_output.unwrap_or(tokens);
        let most = tries.iter().map(|planned| planned.target.max_output);
        let most = most.map(|most| most.unwrap_or(u64::MAX)).max();
        let each = each.min(most.unwrap_or(u64::MAX));
        let input = traits.prompt_tokens();
        let output = each.saturating_mul(traits.answers);
        let prices = tries.iter().filter_map(|planned| planned.target.price);
        let nano_usd = prices
            .map(|price| price.reserve(input, output, traits.kinds()))
            .max();
        Self {
            amounts: Amounts {
                requests: 1,
                input,
                output,
                nano_usd: nano_usd.unwrap_or(0),
            },
            default_output: (traits.max_output.is_none() && !soft).then_some(tokens),
        }
    }
}

impl Call {
    pub(super) fn book<'a>(&'a self, host: &'a dyn Host) -> Book<'a> {
        let gateway = &self.gateway;
        Book {
            host,
            space: &gateway.space,
            shard_bytes: gateway.policy.ledger.shard_bytes,
            now: host.now(),
        }
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
        let counts_output = scopes.count_output();
        let demand = demand();
        let book = self.book(host);
        let at_ms = book.now.0 / 1_000_000;
        let metrics = &self.gateway.metrics;
        let granted = limits::reserve(&book, scopes.list, scopes.model, &demand.amounts);
        let Granted {
            reservation,
            standings,
            shadowed,
            crowded,
        } = match granted {
            Ok(granted) => granted,
            Err(Denied::Exceeded(exceeded)) => {
                metrics.limited(host, &caller.tenant.name, &exceeded.limit);
                self.count_lost(host, exceeded.lost);
                return Err(limited::refusal(&exceeded, self.protocol, at_ms));
            }
            Err(Denied::Busy) if self.gateway.policy.ledger.admit_when_busy => {
                metrics.event(host, "tollgate.limits_uncounted_total");
                Granted::default()
            }
            Err(Denied::Busy) => return Err(busy()),
        };
        if crowded {
            metrics.event(host, "tollgate.users_without_room_total");
        }
        for name in &shadowed {
            metrics.shadow(host, "limit", name);
        }
        let held = Held {
            reservation,
            standings,
            at_ms,
        };
        Ok((held, demand.default_output.filter(|_| counts_output)))
    }

    /// Gives back what a call held that was not sent.
    pub(super) fn release(&self, host: &dyn Host, held: &Held) {
        self.settle_held(host, held, &Amounts::default());
    }

    /// Settles what a call held with what it took.
    pub(super) fn settle_limits(&self, host: &dyn Host, outcome: &Outcome) {
        let Some(ask) = &outcome.ask else { return };
        self.settle_held(host, &ask.held, &took(outcome));
    }

    fn settle_held(&self, host: &dyn Host, held: &Held, took: &Amounts) {
        if held.reservation.is_empty() {
            return;
        }
        let settled = limits::settle(&self.book(host), &held.reservation, took);
        self.count_lost(host, settled.lost);
    }

    fn count_lost(&self, host: &dyn Host, lost: u32) {
        let metrics = &self.gateway.metrics;
        for _ in 0..lost {
            metrics.event(host, "tollgate.settlements_lost_total");
        }
    }
}

/// What a call took.
pub(super) fn took(outcome: &Outcome) -> Amounts {
    if outcome.ask.is_none() || outcome.settlement == Settlement::Local {
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
