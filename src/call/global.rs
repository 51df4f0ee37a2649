/*! Budgets over many Envoys: what Envoy's rate limit filter is told of a call, so that it can
charge a rate limit service, and how its refusals are told to the caller.

What it is told stands in filter state, as text: formatters know `tollgate.limit.tenant` as
`wasm.tollgate.limit.tenant`. The filter leaves out what names a key that is not there, so
numbers are there from the start, as 0, and a call that it was never asked about has none. */

use super::ask::Ask;
use super::budget::{Demand, took};
use super::finish::Outcome;
use super::{Call, Passage, Phase};
use crate::config::GlobalCharge;
use crate::host::Host;
use crate::http::Headers;
use crate::identity::Caller;
use crate::ledger::Settlement;
use crate::ledger::limits::Amounts;
use crate::protocols::{ErrorKind, Refusal, Reply};
use sha2::{Digest, Sha256};

/// Entries of filter state: keys and texts.
pub type FilterState = Vec<(&'static str, String)>;

/// The tenant's name.
const TENANT: &str = "tollgate.limit.tenant";
/// The tenant's tier.
const TIER: &str = "tollgate.limit.tier";
/// The virtual model's name; not there for calls of none.
const MODEL: &str = "tollgate.limit.model";
/// A hash of the user's id; not there if the user is not known.
const USER: &str = "tollgate.limit.user";
/// What one unit of budget is told by.
struct Keys {
    /// What the call may use, before it.
    estimate: &'static str,
    /// What it has used, after it.
    used: &'static str,
    /// By how much the estimate was too low, after it.
    over: &'static str,
    /// By how much the estimate was too high, after it.
    under: &'static str,
}

const TOKENS: Keys = Keys {
    estimate: "tollgate.limit.estimate",
    used: "tollgate.limit.tokens",
    over: "tollgate.limit.over",
    under: "tollgate.limit.under",
};

/// In millionths of a USD.
const COST: Keys = Keys {
    estimate: "tollgate.limit.cost_estimate",
    used: "tollgate.limit.cost",
    over: "tollgate.limit.cost_over",
    under: "tollgate.limit.cost_under",
};

/// The keys that say whom a call is charged to, where the policy has `global_limits`.
pub const LIMIT_NAMES: [&str; 4] = [TENANT, TIER, MODEL, USER];

/// The keys of numbers, where the policy has `global_limits`.
pub const fn limit_numbers(charge: GlobalCharge) -> &'static [&'static str] {
    match charge {
        GlobalCharge::Actual => &[TOKENS.used, COST.used],
        GlobalCharge::Estimate { .. } => &[
            TOKENS.estimate,
            TOKENS.over,
            TOKENS.under,
            COST.estimate,
            COST.over,
            COST.under,
        ],
    }
}

/// Most hits that Envoy's rate limit filter takes (1.40): what has more is not charged at all.
const MAX_HITS: u64 = 1_000_000_000;

/// Bytes of a user's hash.
const USER_BYTES: usize = 16;

/// What a call takes of a budget, in hits: at most [`MAX_HITS`] of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hits {
    tokens: u64,
    /// Rounded up.
    micro_usd: u64,
}

impl Hits {
    fn of(amounts: &Amounts) -> Self {
        let tokens = amounts.input.saturating_add(amounts.output);
        Self {
            tokens: tokens.min(MAX_HITS),
            micro_usd: amounts.nano_usd.div_ceil(1000).min(MAX_HITS),
        }
    }

    /// Whether that is less than what it takes.
    pub(super) fn are_cut(amounts: &Amounts) -> bool {
        let tokens = amounts.input.saturating_add(amounts.output);
        tokens.max(amounts.nano_usd.div_ceil(1000)) > MAX_HITS
    }

    const fn each(self) -> [(Keys, u64); 2] {
        [(TOKENS, self.tokens), (COST, self.micro_usd)]
    }
}

/// A call as the rate limit service sees it.
#[derive(Debug, Default)]
pub(super) enum Charge {
    /// The rate limit filter is told nothing.
    #[default]
    None,
    /// The filter may ask, or has asked, for this call.
    Begun {
        charge: GlobalCharge,
        estimate: Hits,
    },
    /// What is left to charge.
    Ended(FilterState),
}

impl Charge {
    /// What the rate limit filter must know before it asks for a call.
    pub(super) fn before(&self, caller: &Caller, model: &str) -> FilterState {
        let Self::Begun { charge, estimate } = self else {
            return Vec::new();
        };
        let mut state = vec![
            (TENANT, caller.tenant.name.clone()),
            (TIER, caller.tenant.tier.clone()),
        ];
        if !model.is_empty() {
            state.push((MODEL, model.to_owned()));
        }
        if !caller.user.is_empty() {
            state.push((USER, hash(&caller.user)));
        }
        for (keys, hits) in estimate.each() {
            match charge {
                GlobalCharge::Actual => state.push((keys.used, "0".to_owned())),
                GlobalCharge::Estimate { .. } => state.extend([
                    (keys.estimate, hits.to_string()),
                    (keys.over, "0".to_owned()),
                    (keys.under, "0".to_owned()),
                ]),
            }
        }
        state
    }

    /// What is left to charge for a call that took so much.
    fn settled(self, took: &Amounts) -> Self {
        let (charge, estimate) = match self {
            Self::Begun { charge, estimate } => (charge, estimate),
            other => return other,
        };
        let pairs = Hits::of(took).each().into_iter().zip(estimate.each());
        let told = pairs.flat_map(|((keys, used), (_, estimate))| match charge {
            GlobalCharge::Actual => vec![(keys.used, used.to_string())],
            GlobalCharge::Estimate { .. } => vec![
                (keys.over, used.saturating_sub(estimate).to_string()),
                (keys.under, estimate.saturating_sub(used).to_string()),
            ],
        });
        Self::Ended(told.collect())
    }

    /// The service has refused the call.
    fn refused(self) -> Self {
        let Self::Begun {
            charge: GlobalCharge::Estimate {
                refund_refused: true,
            },
            estimate,
        } = self
        else {
            return Self::None;
        };
        let told = estimate.each().into_iter();
        Self::Ended(
            told.map(|(keys, hits)| (keys.under, hits.to_string()))
                .collect(),
        )
    }
}

impl Call {
    /// What the service will be asked for, if the policy has global limits. Gives the bound that
    /// providers must be told so that the estimate is one.
    pub(super) fn foresee(&mut self, demand: &Demand) -> Option<u64> {
        let charge = self.gateway.policy.global_limits?;
        let estimate = Hits::of(&demand.amounts);
        self.charge = Charge::Begun { charge, estimate };
        match charge {
            GlobalCharge::Actual => None,
            GlobalCharge::Estimate { .. } => demand.default_output,
        }
    }

    /// Settles what the service is owed. For a call that was answered here, and for one that the
    /// service did not let pass, that is nothing, or was said before.
    pub(super) fn end_charge(&mut self, outcome: &Outcome) {
        let charge = std::mem::take(&mut self.charge);
        self.charge = match (charge, outcome.settlement) {
            (Charge::Begun { .. }, Settlement::Local) => Charge::None,
            (charge, _) => charge.settled(&took(outcome)),
        };
    }

    /// What the rate limit filter must know after a call, once; for Envoy's `on_log`.
    pub fn charges(&mut self) -> FilterState {
        match std::mem::take(&mut self.charge) {
            Charge::Ended(state) => state,
            _ => Vec::new(),
        }
    }

    /// Tells the caller that the rate limit filter has refused a call. No provider was asked, so
    /// it counts as answered here, and its own limits get back what it held.
    pub(super) fn limited(
        &mut self,
        host: &dyn Host,
        (caller, mut ask): (Caller, Ask),
        limited: &Limited,
        passage: &dyn Passage,
    ) -> Reply {
        if limited.outcome == OVER_LIMIT {
            self.charge = std::mem::take(&mut self.charge).refused();
        }
        self.release(host, std::mem::take(&mut ask.held));
        ask.untried();
        let tries = ask.tries(passage);
        self.learn(host, &mut ask, &tries, true);
        let reply = limited.refusal.reply(self.api.protocol());
        self.phase = Phase::Answered {
            caller: Some(caller),
            model: ask.virtual_model(),
            status: reply.status,
            outcome: limited.outcome,
            reason: String::new(),
        };
        reply
    }
}

/// The outcome of a call that the service has refused.
const OVER_LIMIT: &str = "global_limit";

/// A refusal of the rate limit filter.
pub(super) struct Limited {
    refusal: Refusal,
    outcome: &'static str,
}

impl Limited {
    /// The filter's refusal, if Envoy's `details` say that an answer is one (Envoy 1.40:
    /// `request_rate_limited`, `rate_limiter_error`).
    pub(super) fn of(details: &str, headers: Headers<'_>) -> Option<Self> {
        match details {
            "request_rate_limited" => Some(Self {
                refusal: over_limit(headers),
                outcome: OVER_LIMIT,
            }),
            "rate_limiter_error" => Some(Self {
                refusal: unavailable(),
                outcome: "global_limit_unavailable",
            }),
            _ => None,
        }
    }
}

fn over_limit(headers: Headers<'_>) -> Refusal {
    const TOLD: [&str; 3] = [
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
    ];
    let message = "The budget for this kind of call is used up.";
    let refusal = Refusal::new(ErrorKind::RateLimit, "rate_limit_exceeded", message);
    let told = |name| headers.text(name).map(|value| (name, value.to_owned()));
    // The limits' own word for it is in seconds too.
    let wait = headers
        .text("retry-after")
        .or_else(|| whole_seconds(headers.text("x-ratelimit-reset")?));
    let wait = wait.map(|seconds| ("retry-after", seconds.to_owned()));
    let told = TOLD.into_iter().filter_map(told).chain(wait);
    told.fold(refusal, |refusal, (name, value)| {
        refusal.header(name, value)
    })
}

/// A text that is a whole number.
fn whole_seconds(text: &str) -> Option<&str> {
    text.parse::<u64>().is_ok().then_some(text)
}

fn unavailable() -> Refusal {
    let message = "The service that keeps the budgets does not answer.";
    Refusal::new(ErrorKind::Unavailable, "limits_unavailable", message)
}

/// Ids of users may be names or addresses, as long as they like: the service, its store and
/// their logs get a hash. `printf %s USER | sha256sum | cut -c1-32` is the same.
fn hash(user: &str) -> String {
    let digest = Sha256::digest(user.as_bytes());
    let bytes = digest.iter().take(USER_BYTES);
    bytes.map(|byte| format!("{byte:02x}")).collect()
}
