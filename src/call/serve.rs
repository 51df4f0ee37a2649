/*! What each endpoint does for an identified caller. */

use super::budget::Demand;
use super::endpoint::unknown_endpoint;
use super::held::HeldBytes;
use super::refusing::unscannable_path;
use super::request;
use super::request::Kept;
use super::sending::{Pending, Purpose};
use super::{Call, OnBody, OnHead, Phase};
use crate::cache::{Wish, only_if_cached};
use crate::config::{OtherPaths, Unscanned};
use crate::host::Host;
use crate::http::Headers;
use crate::identity::Caller;
use std::rc::Rc;

impl Call {
    /// A call of a model.
    pub(super) fn model_head(
        &mut self,
        host: &dyn Host,
        caller: Caller,
        headers: Headers<'_>,
        end: bool,
    ) -> OnHead {
        self.read_body(host, caller, headers, Purpose::Call, end)
    }

    /// Holds the head until the body is there.
    pub(super) fn read_body(
        &mut self,
        host: &dyn Host,
        caller: Caller,
        headers: Headers<'_>,
        purpose: Purpose,
        end: bool,
    ) -> OnHead {
        let policy = &self.gateway.policy;
        let is_form = self.api.is_form() || matches!(purpose, Purpose::Upload);
        if let Err(refusal) = request::check_body_head(headers, &policy.limits, is_form) {
            return OnHead::Reply(self.refuse(Some(caller), None, &refusal));
        }
        let mut kept = Kept::of(headers, self.api.protocol(), &policy.routing.headers);
        if is_form {
            kept.boundary = request::boundary(headers).unwrap_or_default();
        }
        if policy.cache.is_some() {
            kept.only_if_cached = only_if_cached(headers);
            match Wish::read(headers) {
                Ok(wish) => kept.wish = wish,
                Err(refusal) => return OnHead::Reply(self.refuse(Some(caller), None, &refusal)),
            }
        }
        self.phase = Phase::Reading(Pending {
            edits: request::clean(headers, &policy.identity),
            kept,
            framed: headers.has("content-length"),
            held: HeldBytes::new(&self.gateway.held, &caller.tenant.name),
            caller,
            purpose,
        });
        if !end {
            return OnHead::Hold;
        }
        match self.request_body(host, &[], 0) {
            OnBody::Reply(reply) => OnHead::Reply(reply),
            OnBody::Forward(outgoing) => OnHead::Forward(outgoing),
            // A request without a body has no texts to ask about.
            OnBody::Ask(_) => OnHead::Reply(self.lost(None)),
        }
    }

    /// The body is whole.
    pub(super) fn body_read(
        &mut self,
        host: &dyn Host,
        mut pending: Pending,
        body: &[u8],
    ) -> OnBody {
        match std::mem::take(&mut pending.purpose) {
            Purpose::Call => {
                if let Some(refusal) = request::other_boundary(&pending.kept, body) {
                    return OnBody::Reply(self.refuse(Some(pending.caller), None, &refusal));
                }
                let on = self.guard(host, pending, body);
                if !matches!(on, OnBody::Forward(_)) {
                    self.wants_stream = request::asks_for_stream(body);
                }
                on
            }
            Purpose::Adjust(change, limit) => self.adjust(host, pending, (change, &limit), body),
            Purpose::Purge => self.purge(host, pending, body),
            Purpose::Upload => {
                pending.purpose = Purpose::Upload;
                self.upload(host, pending, body)
            }
            Purpose::Batch => {
                pending.purpose = Purpose::Batch;
                self.batch(host, pending, body)
            }
        }
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
            let refusal = unknown_endpoint(path, policy.stored.as_ref());
            return OnHead::Reply(self.refuse(Some(caller), None, &refusal));
        };
        let guards = &caller.tenant.guards;
        if guards.are_there() {
            let passes = policy.unscannable.paths == Unscanned::Pass;
            let metrics = &self.gateway.metrics;
            metrics.unscannable(host, "paths", passes);
            if !passes {
                let refusal = unscannable_path();
                return OnHead::Reply(self.refuse(Some(caller), None, &refusal));
            }
        }
        let backend = Rc::clone(backend);
        let path = format!("{below}{}", request::query_without_keys(path));
        let kept = Kept::of(headers, self.api.protocol(), &[]);
        let edits = (request::clean(headers, &policy.identity), kept);
        match self.reserve(host, &caller, None, || Demand::OPAQUE_AT_LEAST) {
            Ok((held, _)) => OnHead::Forward(self.pass(caller, backend, &path, edits, held)),
            Err(refusal) => OnHead::Reply(self.refuse(Some(caller), None, &refusal)),
        }
    }
}
