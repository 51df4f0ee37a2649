/*! Conversations that a provider keeps. No model stands in calls about them: one backend keeps
them all. What is written into one is a request's input, and is guarded as that. */

use super::budget::Demand;
use super::files::{file_place, kept_elsewhere};
use super::refusing::wrong_method;
use super::request;
use super::sending::{Guarded, Purpose};
use super::stored::{Keeping, Named, kept_path, not_found};
use super::{Call, OnBody, OnHead};
use crate::config::{self, Backend};
use crate::host::Host;
use crate::http::Headers;
use crate::identity::Caller;
use crate::json::Rewrite;
use crate::protocols::openai::read_items;
use crate::protocols::{Api, Refusal};
use crate::tokens::Prompt;
use crate::wrapped::{Kind, Mark};
use std::rc::Rc;

/// What is done with conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    /// `POST /v1/conversations`
    Create,
    /// `GET /v1/conversations/{id}`
    Retrieve,
    /// `POST /v1/conversations/{id}`
    Update,
    /// `DELETE /v1/conversations/{id}`
    Delete,
    /// `POST /v1/conversations/{id}/items`
    AddItems,
    /// `GET /v1/conversations/{id}/items`
    ListItems,
    /// `GET /v1/conversations/{id}/items/{item}`
    RetrieveItem,
    /// `DELETE /v1/conversations/{id}/items/{item}`
    DeleteItem,
}

impl Deed {
    /// For records.
    const fn operation(self) -> &'static str {
        match self {
            Self::Create => "conversations_create",
            Self::Retrieve => "conversations_retrieve",
            Self::Update => "conversations_update",
            Self::Delete => "conversations_delete",
            Self::AddItems => "conversation_items_create",
            Self::ListItems => "conversation_items_list",
            Self::RetrieveItem => "conversation_items_retrieve",
            Self::DeleteItem => "conversation_items_delete",
        }
    }

    /// Whether its request has a body.
    const fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::AddItems)
    }

    /// Whether its answer holds items, in a form that guardrails do not know.
    const fn shows_items(self) -> bool {
        matches!(self, Self::AddItems | Self::ListItems | Self::RetrieveItem)
    }

    /// What is done with which conversation (empty: with none), and what follows its id.
    fn at<'p>(method: &str, below: &'p str) -> Option<Result<(Self, &'p str, &'p str), Refusal>> {
        let rest = below.strip_prefix("/conversations")?;
        let (id, rest) = match rest.strip_prefix('/') {
            None if rest.is_empty() => ("", ""),
            None => return None,
            Some(rest) => rest.find('/').map_or((rest, ""), |at| {
                rest.split_at_checked(at).unwrap_or((rest, ""))
            }),
        };
        let is_one = |item: &str| !item.is_empty() && !item.contains('/');
        let (deeds, allowed): (&[(&str, Self)], _) = match rest {
            "" if id.is_empty() => (&[("POST", Self::Create)], "POST"),
            "" => (
                &[
                    ("GET", Self::Retrieve),
                    ("POST", Self::Update),
                    ("DELETE", Self::Delete),
                ],
                "GET, POST, DELETE",
            ),
            "/items" => (
                &[("GET", Self::ListItems), ("POST", Self::AddItems)],
                "GET, POST",
            ),
            rest if rest.strip_prefix("/items/").is_some_and(is_one) => (
                &[("GET", Self::RetrieveItem), ("DELETE", Self::DeleteItem)],
                "GET, DELETE",
            ),
            _ => return None,
        };
        let deed = deeds.iter().find(|(known, _)| *known == method);
        let deed = deed.map(|(_, deed)| (*deed, id, rest));
        Some(deed.ok_or_else(|| wrong_method(allowed)))
    }
}

/// Where what is written into a conversation goes.
#[derive(Debug)]
pub(super) struct Writing {
    backend: Rc<Backend>,
    path: String,
    /// The conversation; `None`: a new one.
    pub(super) named: Option<Named>,
}

impl Writing {
    pub(super) fn backend(&self) -> &str {
        &self.backend.name
    }
}

impl Call {
    /// What becomes of a call about conversations; `None`: it is no such call.
    pub(super) fn about_conversation(
        &mut self,
        host: &dyn Host,
        caller: &Caller,
        headers: Headers<'_>,
        below: Option<&str>,
        end: bool,
    ) -> Option<OnHead> {
        let gateway = Rc::clone(&self.gateway);
        gateway.policy.stored.as_ref()?.conversations.as_ref()?;
        let method = headers.text(":method").unwrap_or_default();
        let deed = Deed::at(method, below?)?;
        self.api = Api::Responses;
        let done = deed.and_then(|(deed, id, rest)| {
            self.operation = deed.operation();
            let writing = self.conversation_at(caller, headers, id, rest)?;
            self.show_items(host, caller, deed)?;
            match deed.writes() {
                true => {
                    self.keeping = Keeping::Writes(writing);
                    Ok(self.read_body(host, caller.clone(), headers, Purpose::Call, end))
                }
                false => self.read_conversation(host, caller, headers, writing),
            }
        });
        Some(self.or_refused(caller, done))
    }

    /// The conversation that the caller calls `id`, and the path of what is asked of it.
    fn conversation_at(
        &self,
        caller: &Caller,
        headers: Headers<'_>,
        id: &str,
        rest: &str,
    ) -> Result<Writing, Refusal> {
        let not_found = || not_found(Kind::Conversation);
        let stored = self.gateway.policy.stored.as_ref();
        let query = request::query_without_keys(headers.text(":path").unwrap_or_default());
        let new = stored.and_then(|stored| stored.conversations.as_ref());
        let new = new.ok_or_else(not_found)?;
        if id.is_empty() {
            let mut backends = self.gateway.policy.backends.iter();
            let backend = backends.find(|backend| backend.name == new.backend);
            let backend = Rc::clone(backend.ok_or_else(not_found)?);
            return Ok(Writing {
                path: kept_path(&backend, "/conversations", &query),
                backend,
                named: None,
            });
        }
        let (named, backend, _) = self.open_named(caller, Kind::Conversation, id)?;
        let below = format!("/conversations/{}{rest}", named.thing.id);
        Ok(Writing {
            path: kept_path(&backend, &below, &query),
            backend,
            named: Some(named),
        })
    }

    /// Items are shown as they are, or not at all, where the answers of a tenant are guarded.
    fn show_items(&self, host: &dyn Host, caller: &Caller, deed: Deed) -> Result<(), Refusal> {
        let is_guarded = caller.tenant.guards.look_at(config::Phase::Output);
        match is_guarded && deed.shows_items() {
            true => self.uninspected(host),
            false => Ok(()),
        }
    }

    fn read_conversation(
        &mut self,
        host: &dyn Host,
        caller: &Caller,
        headers: Headers<'_>,
        Writing {
            backend,
            path,
            named,
        }: Writing,
    ) -> Result<OnHead, Refusal> {
        let outgoing = self.pass_to(host, caller, headers, (backend, &path))?;
        self.keeping = named.map_or(Keeping::Nothing, Keeping::Reads);
        Ok(OnHead::Forward(outgoing))
    }

    /// Sends on what guardrails have let into a conversation.
    pub(super) fn send_items(
        &mut self,
        host: &dyn Host,
        Guarded {
            pending, changed, ..
        }: Guarded,
        body: &[u8],
    ) -> OnBody {
        let Keeping::Writes(writing) = &self.keeping else {
            return OnBody::Reply(self.lost(Some(pending.caller)));
        };
        let (backend, path) = (Rc::clone(&writing.backend), writing.path.clone());
        let caller = pending.caller.clone();
        let ready = self.open_items(&caller, &backend, body).and_then(|opened| {
            Ok((
                opened,
                self.reserve(host, &caller, None, || Demand::OPAQUE)?,
            ))
        });
        let (opened, (held, _)) = match ready {
            Ok(ready) => ready,
            Err(refusal) => return OnBody::Reply(self.refuse(Some(caller), None, &refusal)),
        };
        let rewrite = match changed {
            Some(changed) => Some(changed.and(opened)),
            None => opened,
        };
        let known = (&Demand::OPAQUE, "");
        OnBody::Forward(self.pass_body(pending, (backend, &path), rewrite, held, known))
    }

    /// Opens the ids of files in items: no other backend has these files, and none can be asked.
    fn open_items(
        &mut self,
        caller: &Caller,
        backend: &Backend,
        body: &[u8],
    ) -> Result<Option<Rewrite>, Refusal> {
        let traits = read_items(body, Prompt::by_length())?;
        let opened = self.open_files(caller, &traits, body)?;
        let here = Mark::of(&backend.name);
        let mut files = self.files.iter();
        match files.position(|named| named.thing.backend != here) {
            None => Ok(opened),
            Some(index) => {
                let message = "The file is not where the conversation is kept: name it in a \
                    request for a response that belongs to no conversation.";
                Err(kept_elsewhere(message, file_place(body, &traits, index)))
            }
        }
    }
}
