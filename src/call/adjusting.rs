/*! Top-up and reset of a limit's present window, by an admin of the tenant. */

use super::budget::loading;
use super::limited::usd;
use super::sending::{Pending, Purpose};
use super::{Call, OnBody, OnHead, Phase, budget, endpoint, usage};
use crate::config::{Role, nano_usd};
use crate::host::Host;
use crate::http::Headers;
use crate::identity::{Caller, MAX_USER};
use crate::ledger::limits::{self, Adjustment, Budget, Holder, Scope, Unadjusted, Unit};
use crate::protocols::{ErrorKind, Refusal, Reply};
use serde::Deserialize;
use serde_json::json;
use std::rc::Rc;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// More for the present window.
    TopUp,
    /// The present window from its beginning.
    Reset,
}

impl Change {
    /// For records and metrics.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::TopUp => "limit_top_up",
            Self::Reset => "limit_reset",
        }
    }
}

/// The body.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Wish {
    amount: Option<Amount>,
    /// Whose limit; the tenant's own if it is missing.
    user: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Amount {
    Whole(u64),
    Decimal(String),
}

/// Most of anything that is added at once, as in a policy.
const MAX_AMOUNT: u64 = 1_000_000_000_000_000;

impl Call {
    pub(super) fn adjust_head(
        &mut self,
        host: &dyn Host,
        caller: Caller,
        headers: Headers<'_>,
        (change, limit): (Change, &str),
        end: bool,
    ) -> OnHead {
        if caller.role != Role::Admin {
            let message = "Limits are changed by keys of role admin.";
            let refusal = Refusal::new(ErrorKind::Permission, "admin_only", message);
            return OnHead::Reply(self.refuse(Some(caller), None, &refusal));
        }
        if let Err(refusal) = self.count_read(host, &caller) {
            return OnHead::Reply(self.refuse(Some(caller), None, &refusal));
        }
        let limit = endpoint::decode_segment(limit).unwrap_or_default();
        let purpose = Purpose::Adjust(change, limit);
        self.read_body(host, caller, headers, purpose, end)
    }

    /// The body is whole.
    pub(super) fn adjust(
        &mut self,
        host: &dyn Host,
        pending: Pending,
        (change, limit): (Change, &str),
        body: &[u8],
    ) -> OnBody {
        let caller = pending.caller;
        match self.adjusted(host, &caller, (change, limit), body) {
            Ok((user, budget, what)) => {
                let reply = Reply::json(
                    200,
                    &json!({
                        "object": "tollgate.limit",
                        "tenant": caller.tenant.name,
                        "user": user,
                        "limit": usage::entry(&budget),
                    }),
                );
                let reply = self.answer(caller, reply);
                if let Phase::Answered { reason, .. } = &mut self.phase {
                    *reason = what;
                }
                OnBody::Reply(reply)
            }
            Err(refusal) => OnBody::Reply(self.refuse(Some(caller), None, &refusal)),
        }
    }

    fn adjusted(
        &self,
        host: &dyn Host,
        caller: &Caller,
        (change, limit): (Change, &str),
        body: &[u8],
    ) -> Result<(Option<String>, Budget, String), Refusal> {
        let wish = read(body)?;
        let scope = scope(caller, wish.user.clone());
        let unit = scope.unit_of(limit).ok_or_else(unknown_limit)?;
        let adjustment = adjustment(change, unit, wish.amount.as_ref())?;
        let long = scope.meters.iter().any(|meter| meter.window.is_long());
        if long && !self.knows_what_was_used(host) {
            // What the store tells later would be put over it.
            return Err(loading());
        }
        let budget =
            limits::adjust(&self.book(host), &scope, limit, adjustment).map_err(refusal)?;
        if long {
            let record = scope.record();
            self.note_changes(host, std::iter::once(record.as_str()));
        }
        let what = match adjustment {
            Adjustment::TopUp(amount) if unit == Unit::NanoUsd => {
                format!("{limit} topped up by {} USD", usd(amount))
            }
            Adjustment::TopUp(amount) => format!("{limit} topped up by {amount}"),
            Adjustment::Reset => format!("{limit} reset"),
        };
        // Who it is stands in the answer alone.
        let what = match wish.user {
            Some(_) => format!("{what} for a user"),
            None => what,
        };
        let (tenant, key) = (&caller.tenant.name, &caller.key_label);
        log::info!("limit of tenant {tenant}: {what}, by key {key:?}");
        let metrics = &self.gateway.metrics;
        metrics.adjusted(host, tenant, limit, change.as_str());
        Ok((wish.user, budget, what))
    }
}

fn read(body: &[u8]) -> Result<Wish, Refusal> {
    if body.is_empty() {
        return Ok(Wish::default());
    }
    let wish: Result<Wish, _> = serde_json::from_slice(body);
    let Ok(wish) = wish else {
        let message = "The body must be a JSON object with nothing but 'amount', a whole number or a decimal in a string, and 'user', a string.";
        return Err(Refusal::new(ErrorKind::Invalid, "invalid_value", message));
    };
    let fits = |user: &String| user.len() <= MAX_USER && !user.chars().any(char::is_control);
    if wish.user.as_ref().is_some_and(|user| !fits(user)) {
        let message = "'user' must have at most 256 bytes of printable text.";
        return Err(Refusal::new(ErrorKind::Invalid, "invalid_value", message).at("user"));
    }
    Ok(wish)
}

fn scope(caller: &Caller, user: Option<String>) -> Scope {
    let tenant = &caller.tenant;
    match user {
        None => Scope {
            holder: Holder::Tenant(tenant.name.clone()),
            meters: Rc::clone(&tenant.limits),
        },
        Some(name) => Scope {
            holder: Holder::User {
                tenant: tenant.name.clone(),
                name,
            },
            meters: Rc::clone(&tenant.per_user),
        },
    }
}

fn adjustment(change: Change, unit: Unit, amount: Option<&Amount>) -> Result<Adjustment, Refusal> {
    let invalid = |message: &str| {
        Err(Refusal::new(ErrorKind::Invalid, "invalid_value", message).at("amount"))
    };
    match (change, amount) {
        (Change::Reset, None) => Ok(Adjustment::Reset),
        (Change::Reset, Some(_)) => invalid("A reset has no 'amount'."),
        (Change::TopUp, amount) => match amount.and_then(|amount| in_unit(unit, amount)) {
            Some(amount) if amount > 0 => Ok(Adjustment::TopUp(amount)),
            _ if unit == Unit::NanoUsd => invalid(
                "'amount' must be USD, more than 0, with up to 9 decimals in a string: \"25.00\".",
            ),
            _ => invalid("'amount' must be a whole number, more than 0."),
        },
    }
}

fn in_unit(unit: Unit, amount: &Amount) -> Option<u64> {
    let text = match amount {
        Amount::Whole(number) => number.to_string(),
        Amount::Decimal(text) => text.clone(),
    };
    if unit == Unit::NanoUsd {
        return nano_usd(&text);
    }
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| digits);
    number.filter(|number| *number <= MAX_AMOUNT)
}

fn unknown_limit() -> Refusal {
    let message =
        "There is no limit of this name; those of users are changed with 'user' in the body.";
    Refusal::new(ErrorKind::NotFound, "limit_not_found", message)
}

fn refusal(why: Unadjusted) -> Refusal {
    match why {
        Unadjusted::UnknownLimit => unknown_limit(),
        Unadjusted::NoWindow => {
            let message = "A limit of calls under way has no window that could be changed.";
            Refusal::new(ErrorKind::Invalid, "limit_without_window", message)
        }
        Unadjusted::NoRoom => {
            let message =
                "The memory for users is full, and this one is counted together with others.";
            Refusal::new(ErrorKind::Unavailable, "user_memory_full", message)
        }
        Unadjusted::Busy => budget::busy(),
    }
}
