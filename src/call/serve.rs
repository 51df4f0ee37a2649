/*! What each endpoint does for an identified caller. */

use super::endpoint;
use super::finish::NO_MODEL;
use super::held::HeldBytes;
use super::request;
use super::{Ask, Call, OnBody, OnHead, Phase, Route};
use crate::config::{OtherPaths, Role};
use crate::host::Host;
use crate::http::{HeaderEdits, Headers};
use crate::identity::Caller;
use crate::ledger::Totals;
use crate::protocols::openai::{model_entry, model_list, read_chat};
use crate::protocols::{ErrorKind, Refusal, Reply};
use crate::routing;
use serde_json::json;
use std::rc::Rc;

impl Call {
    pub(super) fn chat_head(&mut self, caller: Caller, headers: Headers<'_>, end: bool) -> OnHead {
        let policy = &self.gateway.policy;
        if let Err(refusal) = request::check_body_head(headers, &policy.limits) {
            return OnHead::Reply(self.refuse(Some(caller), None, &refusal));
        }
        self.phase = Phase::Reading {
            edits: request::clean(headers, &policy.identity),
            framed: headers.has("content-length"),
            held: HeldBytes::new(&self.gateway.held, &caller.tenant.name),
            caller,
        };
        if !end {
            return OnHead::Hold;
        }
        match self.request_body(&[], 0) {
            OnBody::Reply(reply) => OnHead::Reply(reply),
            OnBody::Forward(edits, _) => OnHead::Forward(edits),
        }
    }

    pub(super) fn send_chat(
        &mut self,
        caller: Caller,
        mut edits: HeaderEdits,
        framed: bool,
        held: HeldBytes,
        body: &[u8],
    ) -> OnBody {
        let request = match read_chat(body) {
            Ok(request) => request,
            Err(refusal) => return OnBody::Reply(self.refuse(Some(caller), None, &refusal)),
        };
        let policy = &self.gateway.policy;
        let model = match routing::find_model(policy, &caller.tenant, &request.model) {
            Ok(model) => model,
            Err(refusal) => {
                let known = policy.models.get(request.model.as_ref()).cloned();
                return OnBody::Reply(self.refuse(Some(caller), known, &refusal));
            }
        };
        let Some(target) = model.first() else {
            let refusal = routing::no_route(&model);
            return OnBody::Reply(self.refuse(Some(caller), Some(model), &refusal));
        };
        // The caller's query stays here: it may hold a key, and what a provider's path
        // needs is configuration.
        request::address(&mut edits, &target.backend, "/chat/completions");
        let rewrite = request.rewrite(body, &target.model);
        if let Some(rewrite) = rewrite.as_ref().filter(|_| framed) {
            let length = rewrite.length.to_string();
            edits.set.push(("content-length", length));
        }
        let ask = Ask {
            stream: request.stream,
            strip_usage: request.stream && !request.asks_for_usage(),
            text_bytes: request.text_bytes,
            route: Route::Model(model),
        };
        self.phase = Phase::Sent {
            caller,
            ask,
            _held: held,
        };
        OnBody::Forward(edits, rewrite)
    }

    pub(super) fn all_models(&mut self, caller: Caller) -> OnHead {
        let names = caller.tenant.models.iter().map(|model| model.name.as_str());
        let reply = Reply::json(200, &model_list(names));
        OnHead::Reply(self.answer(caller, reply))
    }

    pub(super) fn one_model(&mut self, caller: Caller, name: &str) -> OnHead {
        let name = endpoint::decode_segment(name).unwrap_or_default();
        match routing::find_model(&self.gateway.policy, &caller.tenant, &name) {
            Ok(model) => {
                let reply = Reply::json(200, &model_entry(&model.name));
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
        let query = request::query_without_keys(path);
        let mut edits = request::clean(headers, &policy.identity);
        let path = format!("{below}{query}");
        request::address(&mut edits, &backend, &path);
        let ask = Ask {
            route: Route::Pass(backend),
            stream: false,
            strip_usage: false,
            text_bytes: 0,
        };
        self.phase = Phase::Sent {
            _held: HeldBytes::new(&self.gateway.held, &caller.tenant.name),
            caller,
            ask,
        };
        OnHead::Forward(edits)
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
