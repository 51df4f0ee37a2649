/*! What providers keep for callers: ids of ours are opened on the way in, and made on the way
out. Tenants share the provider's account, so its own ids open nothing here. */

use super::answer::Ids;
use super::ask::{Ask, Route};
use super::asking::Inspected;
use super::budget::Demand;
use super::refusing::response_not_found as not_found;
use super::request::{self, Kept};
use super::{Call, OnHead};
use crate::attempt::Tries;
use crate::config::{Backend, Phase, Stored, Unscanned};
use crate::host::Host;
use crate::http::Headers;
use crate::identity::Caller;
use crate::json::{Edits, Rewrite, quote};
use crate::protocols::{Api, ErrorKind, Refusal, Request, stored};
use crate::routing::{self, EXPECTED_OUTPUT};
use crate::wrapped::{Kind, Mark, Thing};
use std::rc::Rc;

/// What a call has to do with responses that providers keep.
#[derive(Debug, Default)]
pub(super) enum Keeping {
    /// Nothing.
    #[default]
    Nothing,
    /// It makes one.
    Makes {
        /// Whether that is to be kept.
        kept: bool,
        /// What it goes on from.
        from: Option<Named>,
    },
    /// It reads or removes one.
    Reads(Named),
}

/// Something that a caller has named.
#[derive(Debug)]
pub(super) struct Named {
    thing: Thing,
    /// The caller's word for it.
    told: String,
}

/// What can be done with a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// `GET /v1/responses/{id}`
    Retrieve,
    /// `DELETE /v1/responses/{id}`
    Delete,
    /// `POST /v1/responses/{id}/cancel`
    Cancel,
    /// `GET /v1/responses/{id}/input_items`
    InputItems,
}

impl Verb {
    /// For records.
    const fn operation(self) -> &'static str {
        match self {
            Self::Retrieve => "responses_retrieve",
            Self::Delete => "responses_delete",
            Self::Cancel => "responses_cancel",
            Self::InputItems => "responses_input_items",
        }
    }

    /// What follows the id in the path.
    const fn below(self) -> &'static str {
        match self {
            Self::Retrieve | Self::Delete => "",
            Self::Cancel => "/cancel",
            Self::InputItems => "/input_items",
        }
    }

    fn of(method: &str, below: &str) -> Option<Result<Self, Refusal>> {
        let (found, allowed) = match (below, method) {
            ("", "GET") => (Some(Self::Retrieve), ""),
            ("", "DELETE") => (Some(Self::Delete), ""),
            ("cancel", "POST") => (Some(Self::Cancel), ""),
            ("input_items", "GET") => (Some(Self::InputItems), ""),
            ("", _) => (None, "GET, DELETE"),
            ("cancel", _) => (None, "POST"),
            ("input_items", _) => (None, "GET"),
            _ => return None,
        };
        Some(found.ok_or_else(|| {
            let message = format!("This path takes {allowed} only.");
            let refusal = Refusal::new(ErrorKind::Method, "method_not_allowed", message);
            refusal.header("allow", allowed)
        }))
    }
}

impl Keeping {
    /// Whether the call asks for nothing that a provider charges for.
    pub(super) const fn reads(&self) -> bool {
        matches!(self, Self::Reads(_))
    }

    /// Whether a provider keeps the answer: one of `tries` may, if it speaks the API itself.
    pub(super) fn keeps(&self, api: Api, tries: &[routing::Try]) -> bool {
        let speaks = |planned: &routing::Try| planned.target.backend.asked_by(api) == Some(api);
        matches!(self, Self::Makes { kept: true, .. }) && tries.iter().any(speaks)
    }

    /// Tokens that the response it goes on from brings into the prompt.
    const fn context(&self) -> Option<u64> {
        match self {
            Self::Makes {
                from: Some(named), ..
            } => Some(named.thing.tokens),
            _ => None,
        }
    }

    /// Leaves the tries at the backend that keeps what the call goes on from.
    /// A chain of clusters comes to each of its members, whatever is planned.
    pub(super) fn pin(
        &self,
        api: Api,
        tries: &mut Vec<routing::Try>,
        chain: bool,
    ) -> Result<(), Refusal> {
        let Self::Makes {
            from: Some(named), ..
        } = self
        else {
            return Ok(());
        };
        let count = tries.len();
        tries.retain(|planned| {
            let backend = &planned.target.backend;
            backend.asked_by(api) == Some(api) && Mark::of(&backend.name) == named.thing.backend
        });
        let is_cut = chain && tries.len() < count;
        if !tries.is_empty() && !is_cut {
            return Ok(());
        }
        let message = "No target of this model is where the response to go on from is kept.";
        let refusal = Refusal::new(ErrorKind::Invalid, "response_kept_elsewhere", message);
        Err(refusal.at("previous_response_id"))
    }
}

/// The id in a path below `/v1` that is about one response, and what follows it. The names of other
/// endpoints are no ids.
fn about_response(below: &str) -> Option<(&str, &str)> {
    let rest = below.strip_prefix("/responses/")?;
    let (id, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let is_id = id.starts_with(Kind::Response.prefix());
    is_id.then_some((id, rest))
}

impl Call {
    /// What becomes of a call about a response that is kept; `None`: it is no such call.
    pub(super) fn about_kept(
        &mut self,
        host: &dyn Host,
        caller: &Caller,
        headers: Headers<'_>,
        below: Option<&str>,
    ) -> Option<OnHead> {
        let gateway = Rc::clone(&self.gateway);
        let stored = gateway.policy.stored.as_ref()?;
        let (id, rest) = about_response(below?)?;
        let verb = Verb::of(headers.text(":method").unwrap_or_default(), rest)?;
        let caller = caller.clone();
        self.api = Api::Responses;
        let done = verb.and_then(|verb| {
            self.operation = verb.operation();
            self.read_kept(host, &caller, headers, (stored, verb, id))
        });
        Some(
            done.unwrap_or_else(|refusal| OnHead::Reply(self.refuse(Some(caller), None, &refusal))),
        )
    }

    fn read_kept(
        &mut self,
        host: &dyn Host,
        caller: &Caller,
        headers: Headers<'_>,
        (stored, verb, id): (&Stored, Verb, &str),
    ) -> Result<OnHead, Refusal> {
        let thing = stored.secrets.open(&caller.tenant.name, Kind::Response, id);
        let thing = thing.ok_or_else(not_found)?;
        let backend = self.backend_of(thing.backend).ok_or_else(not_found)?;
        self.guard_kept(host, caller, verb)?;
        let path = headers.text(":path").unwrap_or_default();
        let path = path_at(
            &backend,
            &thing.id,
            verb,
            &request::query_without_keys(path),
        );
        let kept = Kept::of(headers, self.api.protocol(), &[]);
        let edits = request::clean(headers, &self.gateway.policy.identity);
        let (held, _) = self.reserve(host, caller, None, || Demand::OPAQUE)?;
        self.keeping = Keeping::Reads(Named {
            thing,
            told: id.to_owned(),
        });
        let outgoing = self.pass(caller.clone(), backend, &path, (edits, kept), held);
        Ok(OnHead::Forward(outgoing))
    }

    /// A response that is read goes through what guards answers, as text that may be JSON: what was
    /// asked for is not known any more. A list of what went into it has another form, and the
    /// system prompt it was made with is not at hand.
    fn guard_kept(&mut self, host: &dyn Host, caller: &Caller, verb: Verb) -> Result<(), Refusal> {
        let guards = &caller.tenant.guards;
        if !guards.look_at(Phase::Output) {
            return Ok(());
        }
        let output = guards.output.as_ref();
        let needs_prompt = output.is_some_and(|guards| guards.prompt_words().is_some());
        if verb != Verb::InputItems {
            let inspected = Inspected {
                asks_for_json: true,
                ..Inspected::default()
            };
            self.guard_answer(&caller.tenant, inspected);
        }
        let is_inspected = match verb {
            Verb::InputItems => false,
            Verb::Retrieve | Verb::Cancel => !needs_prompt,
            Verb::Delete => true,
        };
        if is_inspected {
            return Ok(());
        }
        let gateway = &self.gateway;
        let passes = gateway.policy.unscannable.paths == Unscanned::Pass;
        gateway.metrics.unscannable(host, "paths", passes);
        match passes {
            true => Ok(()),
            false => Err(super::refusing::unscannable_path()),
        }
    }

    fn backend_of(&self, mark: Mark) -> Option<Rc<Backend>> {
        let mut backends = self.gateway.policy.backends.iter();
        backends
            .find(|backend| Mark::of(&backend.name) == mark)
            .cloned()
    }

    /// Opens the id in a request that goes on from a response: the change that puts the
    /// provider's own in its place, and the tokens that come with it.
    pub(super) fn open_ids(
        &mut self,
        caller: &Caller,
        request: &Request<'_>,
        body: &[u8],
    ) -> Result<Option<Rewrite>, Refusal> {
        let Some((previous, kept)) = request.kept() else {
            return Ok(None);
        };
        let gateway = Rc::clone(&self.gateway);
        let Some(stored) = &gateway.policy.stored else {
            let named = previous.is_some();
            return match named {
                true => Err(self::stored("previous_response_id".to_owned())),
                false => Ok(None),
            };
        };
        let Some(previous) = previous else {
            self.keeping = Keeping::Makes { kept, from: None };
            return Ok(None);
        };
        let secrets = &stored.secrets;
        let thing = secrets.open(&caller.tenant.name, Kind::Response, &previous.id);
        let thing = thing.ok_or_else(|| not_found().at("previous_response_id"))?;
        let mut edits = Edits::default();
        edits.replace(previous.span, quote(&thing.id));
        self.keeping = Keeping::Makes {
            kept,
            from: Some(Named {
                thing,
                told: previous.id.clone().into_owned(),
            }),
        };
        Ok(edits.apply(body))
    }

    /// Reads the body of a call again, whose ids are open by now.
    pub(super) fn read_again<'b>(
        &self,
        caller: &Caller,
        body: &'b [u8],
    ) -> Result<Request<'b>, Refusal> {
        let mut request = Request::read(self.api, body, self.counter(caller))?;
        if let Some(tokens) = self.keeping.context() {
            request.add_context(tokens);
        }
        Ok(request)
    }

    /// What the ids of an answer become; `None`: they stay.
    pub(super) fn ids(&self, caller: &Caller, ask: &Ask, tries: &Tries) -> Option<Ids> {
        let stored = self.gateway.policy.stored.as_ref()?;
        let new = |backend, tokens, kept, known: Option<&Named>| Ids {
            secrets: stored.secrets.clone(),
            tenant: caller.tenant.name.clone(),
            backend,
            tokens,
            kept,
            known: known.map(|named| (named.thing.id.clone(), named.told.clone())),
        };
        match &self.keeping {
            Keeping::Nothing => None,
            Keeping::Reads(named) => {
                let Thing {
                    backend, tokens, ..
                } = named.thing;
                Some(new(backend, tokens, false, Some(named)))
            }
            // Of what was translated nothing is kept.
            Keeping::Makes { .. } if ask.latest_is_foreign(tries, self.api) => None,
            Keeping::Makes { kept, from } => {
                let Route::Model(_) = ask.route else {
                    return None;
                };
                let backend = Mark::of(ask.latest_backend(tries));
                let tokens = ask.expected_tokens(tries);
                Some(new(backend, tokens, *kept, from.as_ref()))
            }
        }
    }
}

impl Ask {
    /// The tokens that prompt and answer will have together, as far as can be told beforehand. Not
    /// the most: what is too much would add up from call to call, and settling never lowers it.
    fn expected_tokens(&self, tries: &Tries) -> u64 {
        let bound = self.traits.max_output.unwrap_or(u64::MAX);
        let answer = bound.min(EXPECTED_OUTPUT);
        let tokens = self.prompt_usage().input.saturating_add(answer);
        let window = self.latest_target(tries).and_then(|target| target.context);
        tokens.min(window.unwrap_or(u64::MAX))
    }
}

/// The path below the base of a backend, with the query.
fn path_at(backend: &Backend, id: &str, verb: Verb, query: &str) -> String {
    let below = format!("/responses/{id}{}", verb.below());
    match &backend.azure_api_version {
        None => format!("{below}{query}"),
        Some(version) => {
            // Which of two Azure takes, nobody says.
            let more = request::query_without(query, &["api-version"]).replacen('?', "&", 1);
            format!("/openai{below}?api-version={version}{more}")
        }
    }
}

impl Call {
    /// Refuses in the provider's place where it has no such response (any more).
    pub(super) fn gone(&self, status: u16) -> Option<Refusal> {
        (self.keeping.reads() && status == 404).then(not_found)
    }
}
