/*! The usage page: what a caller has used and may use; of the whole tenant for admins. */

use super::budget::{Demand, Scopes};
use super::finish::NO_MODEL;
use super::limited::{self, Origin, usd};
use super::{Call, OnHead};
use crate::config::Role;
use crate::date;
use crate::host::Host;
use crate::identity::Caller;
use crate::ledger::Totals;
use crate::ledger::limits::{
    self, Book, Budget, Denied, Holder, Limit, Meter, Period, Scope, Unit, Window,
};
use crate::protocols::{Refusal, Reply};
use serde_json::{Map, Value, json};
use std::rc::Rc;

/// How often a caller may read the page in a minute: each look reads a dozen shared records or
/// more, behind a lock that all workers share.
const READS: u64 = 60;
/// Admins', whose dashboards ask for many.
const ADMIN_READS: u64 = 600;

impl Call {
    /// The caller's own limits; for admins, those of the tenant and the totals, too.
    pub(super) fn usage(&mut self, host: &dyn Host, caller: Caller) -> OnHead {
        if let Err(refusal) = self.count_read(host, &caller) {
            return OnHead::Reply(self.refuse(Some(caller), None, &refusal));
        }
        let page = self.page(host, &caller);
        let reply = Reply::json(200, &Value::Object(page));
        OnHead::Reply(self.answer(caller, reply))
    }

    fn page(&self, host: &dyn Host, caller: &Caller) -> Map<String, Value> {
        let book = self.book(host);
        let tenant = &caller.tenant;
        let mut page = Map::new();
        let mut add = |name: &str, value: Value| page.insert(name.to_owned(), value);
        add("object", json!("tollgate.usage"));
        add("tenant", json!(tenant.name));
        add("user", json!(caller.user));
        if !self.knows_what_was_used(host) {
            // Windows of an hour or more tell too little as yet.
            add("loading", json!(true));
        }
        add("per_user", json!([]));
        if caller.role == Role::Admin {
            add("limits", json!([]));
            add("models", self.models(host, caller));
            add("model_limits", model_limits(caller, &book));
        }
        for scope in Scopes::of(caller, None).list {
            let name = match scope.holder {
                Holder::User { .. } => "per_user",
                _ if caller.role == Role::Admin => "limits",
                _ => continue,
            };
            add(name, entries(&scope, &book));
        }
        page
    }

    /// Totals of the tenant by virtual model.
    fn models(&self, host: &dyn Host, caller: &Caller) -> Value {
        let tenant = &caller.tenant;
        let named = tenant.models.iter().map(|model| model.name.as_str());
        let models = named.chain([NO_MODEL]).map(|model| {
            let totals = Totals::read(host, &self.gateway.space, &tenant.name, model);
            (model.to_owned(), totals_entry(&totals))
        });
        Value::Object(models.collect())
    }

    /// Counts a look at the page, or a change of a limit.
    pub(super) fn count_read(&self, host: &dyn Host, caller: &Caller) -> Result<(), Refusal> {
        let reads = match caller.role {
            Role::User => READS,
            Role::Admin => ADMIN_READS,
        };
        let scope = Scope {
            holder: Holder::User {
                // No tenant has such a name: it is not the user's own record, in which room is
                // kept for what the operator limits.
                tenant: format!("{}\0usage", caller.tenant.name),
                name: match caller.user.as_str() {
                    "" => caller.key_label.clone(),
                    user => user.to_owned(),
                },
            },
            meters: Rc::from([reading(reads)]),
        };
        let book = self.book(host);
        let amounts = Demand::OPAQUE.amounts;
        match limits::reserve(&book, vec![scope], "", &amounts) {
            // What is reserved counts as what is used: it need not be settled.
            Ok(_) => Ok(()),
            Err(Denied::Exceeded(exceeded)) => {
                let now_ms = book.now.unix_millis();
                let (protocol, origin) = (self.api.protocol(), Origin::default());
                Err(limited::refusal(&exceeded, protocol, now_ms, &origin))
            }
            Err(Denied::Busy(_)) => Err(super::budget::busy()),
        }
    }
}

fn reading(reads: u64) -> Meter {
    Meter {
        id: 1,
        unit: Unit::Requests,
        window: Window::Sliding(Period::Minute),
        models: Vec::new(),
        limits: vec![Limit {
            name: "usage-reads".to_owned(),
            amount: reads,
            shadow: false,
            alert_at: Vec::new(),
        }],
    }
}

/// The limits of the virtual models that the tenant may use; of all their callers.
fn model_limits(caller: &Caller, book: &Book<'_>) -> Value {
    let models = caller.tenant.models.iter();
    let limited = models.filter(|model| !model.limits.is_empty());
    let limits = limited.map(|model| {
        let scope = Scope {
            holder: Holder::Model(model.name.clone()),
            meters: Rc::clone(&model.limits),
        };
        (model.name.clone(), entries(&scope, book))
    });
    Value::Object(limits.collect())
}

fn entries(scope: &Scope, book: &Book<'_>) -> Value {
    scope.budgets(book).iter().map(entry).collect()
}

/// One limit. Money is told in dollars, and in billionths of them for programs.
pub(super) fn entry(budget: &Budget) -> Value {
    let mut entry = Map::new();
    entry.insert("name".to_owned(), json!(budget.name));
    entry.insert("unit".to_owned(), json!(budget.unit.as_str()));
    if let Some(period) = budget.period {
        let resets = date::rfc3339(budget.resets_ms.div_ceil(1_000));
        entry.insert("per".to_owned(), json!(period.as_str()));
        entry.insert("resets_at".to_owned(), json!(resets));
    }
    if !budget.models.is_empty() {
        entry.insert("models".to_owned(), json!(budget.models));
    }
    entry.insert("shadow".to_owned(), json!(budget.shadow));
    let taken = budget.used.saturating_add(budget.reserved);
    for (name, amount) in [
        ("limit", budget.limit),
        ("topped_up", budget.topped_up),
        ("used", budget.used),
        ("reserved", budget.reserved),
        ("remaining", budget.limit.saturating_sub(taken)),
    ] {
        if budget.unit == Unit::NanoUsd {
            entry.insert(name.to_owned(), json!(usd(amount)));
            entry.insert(format!("{name}_nano_usd"), json!(amount));
        } else {
            entry.insert(name.to_owned(), json!(amount));
        }
    }
    Value::Object(entry)
}

fn totals_entry(totals: &Totals) -> Value {
    json!({
        "calls": totals.calls,
        "estimated": totals.estimated,
        "failed": totals.failed,
        "local": totals.local,
        "input_tokens": totals.usage.input,
        "output_tokens": totals.usage.output,
        "cached_tokens": totals.usage.cached,
        "reasoning_tokens": totals.usage.reasoning,
        "cache_write_tokens": totals.usage.cache_write,
        "cache_write_1h_tokens": totals.usage.cache_write_1h,
        "audio_input_tokens": totals.usage.audio_input,
        "audio_output_tokens": totals.usage.audio_output,
        "image_input_tokens": totals.usage.image_input,
        "audio_seconds": totals.usage.seconds,
        "characters": totals.usage.characters,
        "images": totals.usage.images,
        "cost_usd": usd(totals.cost_nano_usd),
        "cost_nano_usd": totals.cost_nano_usd,
        "unpriced": totals.unpriced,
    })
}
