/*! `POST /v1/messages/count_tokens` for models whose provider has no such endpoint: Tollgate
answers by its own estimate. */

use super::ask::Routed;
use super::budget::Demand;
use super::sending::is_chain;
use super::{Call, Phase};
use crate::host::Host;
use crate::identity::Caller;
use crate::protocols::{Api, Reply, Request};
use crate::routing;
use serde_json::json;

impl Call {
    /// Whether tokens are to be counted, and the target that would be tried first can't. (Which of
    /// a chain that is, Envoy decides.)
    pub(super) fn counts_here(&self, targets: &[routing::Try]) -> bool {
        let can = |planned: &routing::Try| planned.target.backend.asked_by(self.api).is_some();
        let can = match is_chain(targets) {
            true => targets.iter().all(can),
            false => targets.first().is_some_and(can),
        };
        self.api == Api::CountTokens && !can
    }

    /// Answers with the estimate that a call of the model would be reserved by. It takes nothing
    /// but a request.
    pub(super) fn count_here(
        &mut self,
        host: &dyn Host,
        caller: Caller,
        request: &Request<'_>,
        Routed { model, targets, .. }: Routed,
    ) -> Reply {
        let first = targets.get(..1).unwrap_or_default();
        let tokens = self.prompt_tokens(host, request.traits(), first);
        match self.reserve(host, &caller, Some(&model), || Demand::OPAQUE) {
            Ok((held, _)) => {
                let requests = Demand::OPAQUE.amounts;
                self.settle_held(host, &held, &requests);
            }
            Err(refusal) => return self.refuse(Some(caller), Some(model), &refusal),
        }
        let reply = Reply::json(200, &json!({"input_tokens": tokens}));
        self.phase = Phase::Answered {
            caller: Some(caller),
            model: Some(model),
            status: reply.status,
            outcome: "ok",
            reason: String::new(),
        };
        reply
    }
}
