/*! `POST /tollgate/cache/purge`: what was stored before is given to nobody any more. */

use super::sending::{Pending, Purpose};
use super::{Call, OnBody, OnHead, budget};
use crate::cache::purge::{Passed, Whose, purge};
use crate::config::{MAX_GENERATION, Role};
use crate::host::Host;
use crate::http::Headers;
use crate::identity::Caller;
use crate::protocols::{ErrorKind, Refusal, Reply};
use serde::Deserialize;
use serde_json::json;

/// The body.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Wish {
    /// Whether it is for all tenants.
    all: bool,
    /// What their answers count as from now on, so that several Envoys agree.
    generation: Option<u64>,
}

impl Call {
    pub(super) fn purge_head(
        &mut self,
        host: &dyn Host,
        caller: Caller,
        headers: Headers<'_>,
        end: bool,
    ) -> OnHead {
        let refusal = if self.gateway.store.is_none() {
            let message = "This gateway has no cache.";
            Some(Refusal::new(ErrorKind::NotFound, "no_cache", message))
        } else if caller.role != Role::Admin {
            let message = "The cache is purged by keys of role admin.";
            Some(Refusal::new(ErrorKind::Permission, "admin_only", message))
        } else {
            self.count_read(host, &caller).err()
        };
        match refusal {
            Some(refusal) => OnHead::Reply(self.refuse(Some(caller), None, &refusal)),
            None => self.read_body(host, caller, headers, Purpose::Purge, end),
        }
    }

    /// The body is whole.
    pub(super) fn purge(&mut self, host: &dyn Host, pending: Pending, body: &[u8]) -> OnBody {
        let caller = pending.caller;
        match self.purged(host, &caller, body) {
            Ok((whose, generation)) => {
                let said = json!({
                    "object": "tollgate.cache.purge", "purged": whose,
                    "tenant": &caller.tenant.name, "generation": generation,
                });
                let reply = Reply::json(200, &said);
                OnBody::Reply(self.answer(caller, reply))
            }
            Err(refusal) => OnBody::Reply(self.refuse(Some(caller), None, &refusal)),
        }
    }

    fn purged(
        &self,
        host: &dyn Host,
        caller: &Caller,
        body: &[u8],
    ) -> Result<(&'static str, u64), Refusal> {
        let Wish { all, generation } = read(body)?;
        let tenant = caller.tenant.name.as_str();
        let cache = self.gateway.policy.cache.as_ref();
        let may = cache.is_some_and(|cache| cache.purge_all.iter().any(|name| name == tenant));
        let (whose, word) = match all {
            true if !may => {
                let message = "This tenant may purge its own answers only.";
                let refusal = Refusal::new(ErrorKind::Permission, "purge_all_not_allowed", message);
                return Err(refusal.at("all"));
            }
            true => (Whose::All, "all"),
            false => (Whose::Tenant(tenant), "tenant"),
        };
        let purged = purge(host, &self.gateway.space, whose, generation);
        let generation = purged.map_err(|_| budget::busy())?.map_err(passed)?;
        let key = &caller.key_label;
        log::info!("cache of {word} purged, by key {key:?} of tenant {tenant}");
        self.gateway.metrics.cache_purged(host, tenant, word);
        Ok((word, generation))
    }
}

fn read(body: &[u8]) -> Result<Wish, Refusal> {
    if body.trim_ascii().is_empty() {
        return Ok(Wish::default());
    }
    let wish: Result<Wish, _> = serde_json::from_slice(body);
    let wish = wish.map_err(|_| {
        let message = "The body must be a JSON object with nothing but 'all', true or false, and 'generation', a whole number.";
        Refusal::new(ErrorKind::Invalid, "invalid_value", message)
    })?;
    match wish.generation {
        Some(wanted) if !(1..MAX_GENERATION).contains(&wanted) => {
            let message = "It must be a whole number from 1 to 2 to the power of 53 less 2.";
            let refusal = Refusal::new(ErrorKind::Invalid, "invalid_value", message);
            Err(refusal.at("generation"))
        }
        _ => Ok(wish),
    }
}

fn passed(Passed(now): Passed) -> Refusal {
    let message = format!("The generation is {now} by now, and none goes back.");
    Refusal::new(ErrorKind::Invalid, "generation_passed", message).at("generation")
}
