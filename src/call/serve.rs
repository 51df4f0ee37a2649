/*! What each endpoint does for an identified caller. */

use super::budget::Demand;
use super::endpoint;
use super::finish::NO_MODEL;
use super::held::HeldBytes;
use super::request;
use super::request::Kept;
use super::sending::Pending;
use super::{Call, OnBody, OnHead, Phase};
use crate::config::{OtherPaths, Role};
use crate::host::Host;
use crate::http::Headers;
use crate::identity::Caller;
use crate::ledger::Totals;
use crate::protocols::{ErrorKind, Protocol, Refusal, Reply, anthropic, openai};
use crate::routing;
use serde_json::json;
use std::rc::Rc;

impl Call {
    /// A call of a model: its body has to be read.
    pub(super) fn model_head(
        &mut self,
        host: &dyn Host,
        caller: Caller,
        headers: Headers<'_>,
        end: bool,
    ) -> OnHead {
        let policy = &self.gateway.policy;
        if let Err(refusal) = request::check_body_head(headers, &policy.limits) {
            return OnHead::Reply(self.refuse(Some(caller), None, &refusal));
        }
        self.phase = Phase::Reading(Pending {
            edits: request::clean(headers, &policy.identity),
            kept: Kept::of(headers, self.protocol, &policy.routing.headers),
            framed: headers.has("content-length"),
            held: HeldBytes::new(&self.gateway.held, &caller.tenant.name),
            caller,
        });
        if !end {
            return OnHead::Hold;
        }
        match self.request_body(host, &[], 0) {
            OnBody::Reply(reply) => OnHead::Reply(reply),
            OnBody::Forward(outgoing) => OnHead::Forward(outgoing),
        }
    }

    pub(super) fn all_models(&mut self, caller: Caller) -> OnHead {
        let names = caller.tenant.models.iter().map(|model| model.name.as_str());
        let list = match self.protocol {
            Protocol::OpenAi => openai::model_list(names),
            Protocol::Anthropic => anthropic::model_list(names),
        };
        let reply = Reply::json(200, &list);
        OnHead::Reply(self.answer(caller, reply))
    }

    pub(super) fn one_model(&mut self, caller: Caller, name: &str) -> OnHead {
        let name = endpoint::decode_segment(name).unwrap_or_default();
        match routing::find_model(&self.gateway.policy, &caller.tenant, &name) {
            Ok(model) => {
                let entry = match self.protocol {
                    Protocol::OpenAi => openai::model_entry(&model.name),
                    Protocol::Anthropic => anthropic::model_entry(&model.name),
                };
                let reply = Reply::json(200, &entry);
                OnHead::Reply(self.answer(caller, reply))
            }
            Err(refusal) => OnHead::Reply(self.refuse(Some(caller), None, &refusal)),
        }
    }

    /// The totals of the caller's tenant.
    pub(super) fn usage(&mut self, host: &dyn Host, caller: Caller) -> OnHead {
        if caller.role != Role::Admin {
            let refusal = Refusal::new(
                ErrorKind::Permission,
                "admin_only",
                "The usage of a tenant is shown to keys of role admin.",
            );
            return OnHead::Reply(self.refuse(Some(caller), None, &refusal));
        }
        let tenant = &caller.tenant;
        let named = tenant.models.iter().map(|model| model.name.as_str());
        let models = named.chain([NO_MODEL]).map(|model| {
            let totals = Totals::read(host, &self.gateway.space, &tenant.name, model);
            (model.to_owned(), usage_entry(&totals))
        });
        let models: serde_json::Map<String, serde_json::Value> = models.collect();
        let value = json!({
            "object": "tollgate.usage", "tenant": tenant.name, "models": models,
        });
        let reply = Reply::json(200, &value);
        OnHead::Reply(self.answer(caller, reply))
    }

    pub(super) fn other_path(
        &mut self,
        host: &dyn Host,
        caller: Caller,
        headers: Headers<'_>,
        path: &str,
        below: Option<&str>,
    ) -> OnHead {
        let policy = &self.gateway.policy;
        let (OtherPaths::Pass(backend), Some(below)) = (&policy.other_paths, below) else {
            let refusal = Refusal::new(
                ErrorKind::NotFound,
                "unknown_endpoint",
                "This gateway has no such endpoint.",
            );
            return OnHead::Reply(self.refuse(Some(caller), None, &refusal));
        };
        let backend = Rc::clone(backend);
        let path = format!("{below}{}", request::query_without_keys(path));
        let kept = Kept::of(headers, self.protocol, &[]);
        let edits = (request::clean(headers, &policy.identity), kept);
        match self.reserve(host, &caller, None, || Demand::OPAQUE) {
            Ok((held, _)) => OnHead::Forward(self.pass(caller, backend, &path, edits, held)),
            Err(refusal) => OnHead::Reply(self.refuse(Some(caller), None, &refusal)),
        }
    }
}

fn usage_entry(totals: &Totals) -> serde_json::Value {
    json!({
        "calls": totals.calls,
        "estimated": totals.estimated,
        "failed": totals.failed,
        "local": totals.local,
        "input_tokens": totals.usage.input,
        "output_tokens": totals.usage.output,
        "cached_tokens": totals.usage.cached,
        "reasoning_tokens": totals.usage.reasoning,
    })
}
