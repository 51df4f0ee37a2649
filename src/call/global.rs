/*! Budgets over many Envoys: what Envoy's rate limit filter is told of a call, so that it can
charge a rate limit service, and how its refusals are told to the caller.

What it is told stands in filter state, as text: formatters know `tollgate.limit.tenant` as
`wasm.tollgate.limit.tenant`. The filter leaves out what names a key that is not there, so
numbers are there from the start, as 0, and a call that it was never asked about has none. */

use super::ask::Ask;
use super::{Call, Passage, Phase};
use crate::config::GlobalCharge;
use crate::host::Host;
use crate::http::Headers;
use crate::identity::Caller;
use crate::ledger::Settlement;
use crate::protocols::{ErrorKind, Refusal, Reply, Traits};
use crate::telemetry::Record;
use sha2::{Digest, Sha256};

/// Entries of filter state: keys and texts.
pub type FilterState = Vec<(&'static str, String)>;

/// The tenant's name.
const TENANT: &str = "tollgate.limit.tenant";
/// The tenant's tier.
const TIER: &str = "tollgate.limit.tier";
/// The virtual model's name; not there for calls past all inspection.
const MODEL: &str = "tollgate.limit.model";
/// A hash of the user's id; not there if the user is not known.
const USER: &str = "tollgate.limit.user";
/// Tokens that the call may use, before it.
const ESTIMATE: &str = "tollgate.limit.estimate";
/// Tokens that the call has used, after it.
const TOKENS: &str = "tollgate.limit.tokens";
/// Tokens by which the estimate was too low, after the call.
const OVER: &str = "tollgate.limit.over";
/// Tokens by which the estimate was too high, after the call.
const UNDER: &str = "tollgate.limit.under";

/// The keys that say whom a call is charged to, where the policy has `global_limits`.
pub const LIMIT_NAMES: [&str; 4] = [TENANT, TIER, MODEL, USER];

/// The keys of numbers, where the policy has `global_limits`.
pub const fn limit_numbers(charge: GlobalCharge) -> &'static [&'static str] {
    match charge {
        GlobalCharge::Actual => &[TOKENS],
        GlobalCharge::Estimate { .. } => &[ESTIMATE, OVER, UNDER],
    }
}

/// Most hits that Envoy's rate limit filter takes: what has more, it does not charge at all.
const MAX_HITS: u64 = 1_000_000_000;

/// Tokens of an answer whose length was left open.
const DEFAULT_OUTPUT: u64 = 4096;

/// Hexadecimal digits of a user's hash: 128 bits.
const USER_BYTES: usize = 16;

/// A call as the rate limit service sees it.
#[derive(Debug, Default)]
pub(super) enum Charge {
    /// The rate limit filter was told nothing.
    #[default]
    None,
    /// The filter may ask, or has asked, for this call.
    Begun {
        charge: GlobalCharge,
        /// In tokens.
        estimate: u64,
    },
    /// What is left to charge.
    Ended(FilterState),
}

impl Charge {
    /// What is left to charge for a call that ended so. Of one that was answered here nothing
    /// was taken, so there is nothing to correct.
    fn settled(self, settlement: Settlement) -> Self {
        let (charge, estimate) = match self {
            Self::Begun { charge, estimate } => (charge, estimate),
            other => return other,
        };
        if settlement == Settlement::Local {
            return Self::None;
        }
        let usage = Record::counts(settlement).0;
        let used = usage.input.saturating_add(usage.output).min(MAX_HITS);
        Self::Ended(match charge {
            GlobalCharge::Actual => vec![(TOKENS, used.to_string())],
            GlobalCharge::Estimate { .. } => vec![
                (OVER, used.saturating_sub(estimate).to_string()),
                (UNDER, estimate.saturating_sub(used).to_string()),
            ],
        })
    }

    /// The service has refused the call.
    fn refused(self) -> Self {
        match self {
            Self::Begun {
                charge:
                    GlobalCharge::Estimate {
                        refund_refused: true,
                    },
                estimate,
            } => Self::Ended(vec![(UNDER, estimate.to_string())]),
            _ => Self::None,
        }
    }
}

impl Call {
    /// What the rate limit filter must know before it asks for a call.
    pub(super) fn begin_charge(
        &mut self,
        caller: &Caller,
        model: &str,
        tokens: u64,
    ) -> FilterState {
        let Some(charge) = self.gateway.policy.global_limits else {
            return Vec::new();
        };
        let estimate = tokens.min(MAX_HITS);
        self.charge = Charge::Begun { charge, estimate };
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
        let numbers = limit_numbers(charge).iter().map(|key| match *key {
            ESTIMATE => (ESTIMATE, estimate.to_string()),
            other => (other, "0".to_owned()),
        });
        state.extend(numbers);
        state
    }

    /// Settles what the service is owed.
    pub(super) fn end_charge(&mut self, settlement: Settlement) {
        self.charge = std::mem::take(&mut self.charge).settled(settlement);
    }

    /// What the rate limit filter must know after a call, once; for Envoy's `on_log`.
    pub fn charges(&mut self) -> FilterState {
        match std::mem::take(&mut self.charge) {
            Charge::Ended(state) => state,
            _ => Vec::new(),
        }
    }

    /// Tells the caller that the rate limit filter has refused a call. Nobody was asked for
    /// anything, so it counts as answered here.
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
        ask.untried();
        let tries = ask.tries(passage);
        self.learn(host, &mut ask, &tries, true);
        let reply = limited.refusal.reply(self.protocol);
        self.phase = Phase::Answered {
            caller: Some(caller),
            model: ask.virtual_model(),
            status: reply.status,
            outcome: limited.outcome,
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

/// Tokens that a call may use: its prompt, and its answers at their longest.
pub(super) const fn estimate(traits: &Traits) -> u64 {
    let each = match traits.max_output {
        Some(most) => most,
        None => DEFAULT_OUTPUT,
    };
    let answers = each.saturating_mul(traits.answers);
    traits.prompt_tokens().saturating_add(answers)
}

/// Ids of users may be names or addresses, as long as they like: the service, its store and
/// their logs get a hash. `printf %s USER | sha256sum | cut -c1-32` is the same.
fn hash(user: &str) -> String {
    let digest = Sha256::digest(user.as_bytes());
    let bytes = digest.iter().take(USER_BYTES);
    bytes.map(|byte| format!("{byte:02x}")).collect()
}
