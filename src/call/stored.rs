/*! What providers keep for callers: ids of ours are opened on the way in, and made on the way
out. Tenants share the provider's account, so its own ids open nothing here. */

use super::answer::{Ids, Known};
use super::ask::{Ask, Route};
use super::asking::Inspected;
use super::batches::BatchCall;
use super::budget::Demand;
use super::conversations::Writing;
use super::files::FileCall;
use super::refusing::{
    batch_not_found, conversation_not_found, file_not_found, no_lists, response_not_found,
    wrong_method,
};
use super::request::{self, Kept};
use super::sending::unsupported_api;
use super::{Call, OnHead, Outgoing};
use crate::attempt::Tries;
use crate::config::{Backend, Phase, Unscanned};
use crate::host::Host;
use crate::http::Headers;
use crate::identity::Caller;
use crate::json::{Edits, Rewrite, quote};
use crate::protocols::{Api, ErrorKind, Refusal, Request, not_kept};
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
        /// Whether the caller does not wait for it.
        background: bool,
        /// What it goes on from.
        from: Option<Named>,
    },
    /// It reads or removes one, or a conversation.
    Reads(Named),
    /// It makes a conversation, or writes into one.
    Writes(Writing),
    /// It is about a file.
    File(FileCall),
    /// It is about a batch.
    Batch(BatchCall),
}

/// Something that a caller has named.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) thing: Thing,
    /// The caller's word for it.
    pub(super) told: String,
    /// The member of the request that names it; empty: its path does.
    pub(super) place: &'static str,
}

impl Named {
    /// For its answer.
    pub(super) fn known(&self) -> Known {
        Known {
            kind: self.thing.kind,
            own: self.thing.id.clone(),
            told: self.told.clone(),
            place: self.place,
        }
    }
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
        Some(found.ok_or_else(|| wrong_method(allowed)))
    }
}

/// The same whether there is none, or it is another tenant's.
pub(super) fn not_found(kind: Kind) -> Refusal {
    match kind {
        Kind::Response => response_not_found(),
        Kind::Conversation => conversation_not_found(),
        Kind::File => file_not_found(),
        Kind::Batch => batch_not_found(),
    }
}

impl Keeping {
    /// Whether the call asks for nothing that a provider charges for by its answer.
    pub(super) const fn reads(&self) -> bool {
        matches!(
            self,
            Self::Reads(_) | Self::Writes(_) | Self::File(_) | Self::Batch(_)
        )
    }

    /// Whether a provider keeps the answer: one of `tries` may, if it speaks the API itself.
    pub(super) fn keeps(&self, api: Api, tries: &[routing::Try]) -> bool {
        let speaks = |planned: &routing::Try| planned.target.backend.asked_by(api) == Some(api);
        matches!(self, Self::Makes { kept: true, .. }) && tries.iter().any(speaks)
    }

    /// Whether the answer depends on what a provider keeps, or will be kept there.
    pub(super) const fn matters(&self) -> bool {
        !matches!(
            self,
            Self::Nothing
                | Self::Makes {
                    kept: false,
                    background: false,
                    from: None
                }
        )
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
            from, background, ..
        } = self
        else {
            return Ok(());
        };
        let here = from.as_ref().map(|named| named.thing.backend);
        if here.is_none() && !background {
            return Ok(());
        }
        let is_here = |mark| here.is_none_or(|here| mark == here);
        if leave(api, tries, chain, &is_here) {
            return Ok(());
        }
        // What is translated can't be had in the background.
        if here.is_none() {
            return Err(unsupported_api());
        }
        Err(kept_elsewhere(from.as_ref().map(|named| named.thing.kind)))
    }

    /// Whether the call belongs to a conversation.
    fn converses(&self) -> bool {
        let is_one = |named: &Named| named.thing.kind == Kind::Conversation;
        matches!(self, Self::Makes { from: Some(named), .. } if is_one(named))
    }
}

/// Leaves the tries at the backends that speak the API themselves, and that `keeps` says; whether
/// the call can go there.
pub(super) fn leave(
    api: Api,
    tries: &mut Vec<routing::Try>,
    chain: bool,
    keeps: &dyn Fn(Mark) -> bool,
) -> bool {
    let count = tries.len();
    tries.retain(|planned| {
        let backend = &planned.target.backend;
        backend.asked_by(api) == Some(api) && keeps(Mark::of(&backend.name))
    });
    let is_cut = chain && tries.len() < count;
    !tries.is_empty() && !is_cut
}

/// The id in a path below `/v1` that is about one response, and what follows it. The names of other
/// endpoints are no ids.
fn about_response(below: &str) -> Option<(&str, &str)> {
    let rest = below.strip_prefix("/responses/")?;
    let (id, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let is_id = id.starts_with(Kind::Response.prefix());
    is_id.then_some((id, rest))
}

/// What a call wants that has `rest` behind the path of a list: to add to it (`Ok(None)`), or
/// something of what has this id there, by what is below that. `None`: there is no such path.
pub(super) fn in_list<'p>(
    method: &str,
    rest: &'p str,
) -> Option<Result<Option<(&'p str, &'p str)>, Refusal>> {
    if rest.is_empty() {
        return Some(match method {
            "POST" => Ok(None),
            "GET" => Err(no_lists()),
            _ => Err(wrong_method("POST")),
        });
    }
    let rest = rest.strip_prefix('/')?;
    Some(Ok(Some(rest.split_once('/').unwrap_or((rest, "")))))
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
        self.gateway.policy.stored.as_ref()?;
        let (id, rest) = about_response(below?)?;
        let verb = Verb::of(headers.text(":method").unwrap_or_default(), rest)?;
        self.api = Api::Responses;
        let done = verb.and_then(|verb| {
            self.operation = verb.operation();
            self.read_kept(host, caller, headers, (verb, id))
        });
        Some(self.or_refused(caller, done))
    }

    fn read_kept(
        &mut self,
        host: &dyn Host,
        caller: &Caller,
        headers: Headers<'_>,
        (verb, id): (Verb, &str),
    ) -> Result<OnHead, Refusal> {
        let (named, backend, _) = self.open_named(caller, Kind::Response, id)?;
        self.guard_kept(host, caller, verb)?;
        let below = format!("/responses/{}{}", named.thing.id, verb.below());
        let outgoing = self.pass_kept(host, caller, headers, (backend, &below))?;
        self.keeping = Keeping::Reads(named);
        Ok(OnHead::Forward(outgoing))
    }

    /// What is done with a call about something that is kept.
    pub(super) fn or_refused(&mut self, caller: &Caller, done: Result<OnHead, Refusal>) -> OnHead {
        let refused = |refusal| OnHead::Reply(self.refuse(Some(caller.clone()), None, &refusal));
        done.unwrap_or_else(refused)
    }

    /// What a path names, with its backend, and what else its id says.
    pub(super) fn open_named(
        &self,
        caller: &Caller,
        kind: Kind,
        id: &str,
    ) -> Result<(Named, Rc<Backend>, Vec<u8>), Refusal> {
        let stored = self.gateway.policy.stored.as_ref();
        let opened = stored.and_then(|it| it.secrets.open_with(&caller.tenant.name, kind, id));
        let (thing, more) = opened.ok_or_else(|| not_found(kind))?;
        let backend = self.backend_of(thing.backend);
        let backend = backend.ok_or_else(|| not_found(kind))?;
        let named = Named {
            thing,
            told: id.to_owned(),
            place: "",
        };
        Ok((named, backend, more))
    }

    /// Sends a call about something that is kept to its path below the base of its backend.
    pub(super) fn pass_kept(
        &mut self,
        host: &dyn Host,
        caller: &Caller,
        headers: Headers<'_>,
        (backend, below): (Rc<Backend>, &str),
    ) -> Result<Outgoing, Refusal> {
        let path = headers.text(":path").unwrap_or_default();
        let path = kept_path(&backend, below, &request::query_without_keys(path));
        self.pass_to(host, caller, headers, (backend, &path))
    }

    /// Sends a call without a body to a path of a backend.
    pub(super) fn pass_to(
        &mut self,
        host: &dyn Host,
        caller: &Caller,
        headers: Headers<'_>,
        (backend, path): (Rc<Backend>, &str),
    ) -> Result<Outgoing, Refusal> {
        let kept = Kept::of(headers, self.api.protocol(), &[]);
        let edits = request::clean(headers, &self.gateway.policy.identity);
        let (held, _) = self.reserve(host, caller, None, || Demand::OPAQUE)?;
        Ok(self.pass(caller.clone(), backend, path, (edits, kept), held))
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
        match is_inspected {
            true => Ok(()),
            false => self.uninspected(host),
        }
    }

    /// Lets something pass that guardrails would have to look at, and can't, or not.
    pub(super) fn uninspected(&self, host: &dyn Host) -> Result<(), Refusal> {
        let gateway = &self.gateway;
        let passes = gateway.policy.unscannable.paths == Unscanned::Pass;
        gateway.metrics.unscannable(host, "paths", passes);
        match passes {
            true => Ok(()),
            false => Err(super::refusing::unscannable_path()),
        }
    }

    pub(super) fn backend_of(&self, mark: Mark) -> Option<Rc<Backend>> {
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
        let background = request.background();
        let named = previous.as_ref().map_or_else(
            || Some((Kind::Conversation, "conversation", request.conversation()?)),
            |previous| Some((Kind::Response, "previous_response_id", previous)),
        );
        let gateway = Rc::clone(&self.gateway);
        let Some(stored) = &gateway.policy.stored else {
            return match (named, background) {
                (Some((_, name, _)), _) => Err(not_kept(name)),
                (None, true) => Err(not_kept("background")),
                (None, false) => Ok(None),
            };
        };
        if let (Some((Kind::Conversation, name, _)), None) = (named, &stored.conversations) {
            return Err(not_kept(name));
        }
        if background && !kept {
            return Err(background_not_stored());
        }
        let Some((kind, name, named)) = named else {
            self.keeping = Keeping::Makes {
                kept,
                background,
                from: None,
            };
            return Ok(None);
        };
        let secrets = &stored.secrets;
        let thing = secrets.open(&caller.tenant.name, kind, &named.id);
        let thing = thing.ok_or_else(|| not_found(kind).at(name))?;
        let mut edits = Edits::default();
        edits.replace(named.span, quote(&thing.id));
        self.keeping = Keeping::Makes {
            kept,
            background,
            from: Some(Named {
                thing,
                told: named.id.clone().into_owned(),
                place: name,
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
        self.count_files(&mut request);
        Ok(request)
    }

    /// Most tokens that the conversation of the call is taken to bring into its prompt; `None`:
    /// it has none.
    pub(super) fn conversation_tokens(&self) -> Option<u64> {
        let stored = self.gateway.policy.stored.as_ref()?;
        let tokens = stored.conversations.as_ref()?.tokens;
        self.keeping.converses().then(|| tokens.unwrap_or(u64::MAX))
    }

    /// What the ids of an answer become; `None`: they stay.
    pub(super) fn ids(&self, caller: &Caller, ask: &Ask, tries: &Tries) -> Option<Ids> {
        let stored = self.gateway.policy.stored.as_ref()?;
        let new = |kind, place, known| Ids::of((stored, caller), kind, place, known);
        match &self.keeping {
            Keeping::Nothing | Keeping::File(_) | Keeping::Batch(_) => None,
            Keeping::Reads(named) => {
                let Thing {
                    backend, tokens, ..
                } = named.thing;
                Some(Ids {
                    kept: false,
                    reads: true,
                    ..new(Kind::Response, (backend, tokens), Some(named))
                })
            }
            Keeping::Writes(writing) => {
                let place = (Mark::of(writing.backend()), 0);
                Some(new(Kind::Conversation, place, writing.named.as_ref()))
            }
            // Of what was translated nothing is kept.
            Keeping::Makes { .. } if ask.latest_is_foreign(tries, self.api) => None,
            Keeping::Makes {
                kept,
                background,
                from,
            } => {
                let Route::Model(_) = ask.route else {
                    return None;
                };
                let backend = Mark::of(ask.latest_backend(tries));
                let tokens = ask.expected_tokens(tries, self.keeping.converses());
                Some(Ids {
                    background: *background,
                    kept: *kept,
                    ..new(Kind::Response, (backend, tokens), from.as_ref())
                })
            }
        }
    }
}

impl Ask {
    /// The tokens that prompt and answer will have together, as far as can be told beforehand. Not
    /// the most: what is too much would add up from call to call, and settling never lowers it.
    fn expected_tokens(&self, tries: &Tries, converses: bool) -> u64 {
        let bound = self.traits.max_output.unwrap_or(u64::MAX);
        let answer = bound.min(EXPECTED_OUTPUT);
        let prompt = match converses {
            // What was reserved for the conversation is only what it could have at most.
            true => self.traits.prompt_tokens(),
            false => self.prompt_usage().input,
        };
        let tokens = prompt.saturating_add(answer);
        let window = self.latest_target(tries).and_then(|target| target.context);
        tokens.min(window.unwrap_or(u64::MAX))
    }
}

/// No target is where the thing is kept that a call goes on from.
fn kept_elsewhere(kind: Option<Kind>) -> Refusal {
    let (message, param) = match kind {
        Some(Kind::Conversation) => (
            "No target of this model is where the conversation is kept.",
            "conversation",
        ),
        _ => (
            "No target of this model is where the response to go on from is kept.",
            "previous_response_id",
        ),
    };
    let refusal = Refusal::new(ErrorKind::Invalid, "response_kept_elsewhere", message);
    refusal.at(param)
}

/// Nobody could ever read it.
fn background_not_stored() -> Refusal {
    let message = "A response in the background has to be stored.";
    Refusal::new(ErrorKind::Invalid, "invalid_value", message).at("store")
}

/// The path of something that is kept, below the base of a backend, with the query.
pub(super) fn kept_path(backend: &Backend, below: &str, query: &str) -> String {
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
    /// Refuses in the provider's place where it has no such thing (any more).
    pub(super) fn gone(&self, status: u16) -> Option<Refusal> {
        let kind = match &self.keeping {
            Keeping::Reads(named) => named.thing.kind,
            // With files, only the error says what is not there.
            Keeping::Writes(writing) if self.files.is_empty() => writing.named.as_ref()?.thing.kind,
            Keeping::File(FileCall::Names(_) | FileCall::Reads(_) | FileCall::Outputs(_)) => {
                Kind::File
            }
            Keeping::Batch(BatchCall::Names(..)) => Kind::Batch,
            _ => return None,
        };
        (status == 404).then(|| not_found(kind))
    }
}
