/*! Files that a provider keeps for callers, who know them by ids of ours: they are uploaded, read,
removed, and named in requests. */

use super::answer::Ids;
use super::ask::Ask;
use super::asking::Inspected;
use super::batches::{BatchCall, Work};
use super::budget::{Demand, Held};
use super::refusing::{file_not_found, wrong_method};
use super::request;
use super::sending::{Guarded, Pending, Purpose};
use super::stored::{Keeping, Named, in_list, kept_path, leave};
use super::{Call, OnBody, OnHead, Outgoing, Phase};
use crate::attempt::Tries;
use crate::config::{self, Backend};
use crate::host::Host;
use crate::http::Headers;
use crate::identity::Caller;
use crate::json::{Edits, Rewrite, path_at, quote};
use crate::protocols::openai::{FilePurpose, Upload, read_items, read_upload};
use crate::protocols::{Api, ErrorKind, Refusal, Request, Traits, stored};
use crate::routing;
use crate::tokens::media;
use crate::wrapped::{Kind, Mark};
use std::rc::Rc;

/// Most files that a request may name, each as often as it does: each id is opened by itself.
const MOST_NAMED: usize = 128;

/// What a call does with a file.
#[derive(Debug)]
pub(super) enum FileCall {
    /// It uploads one, which brings so many tokens into a prompt, to this backend; with what
    /// its requests come to, if it has some.
    Puts(Mark, u64, Vec<u8>),
    /// It asks what one is, or removes it.
    Names(Named),
    /// It asks for what one holds.
    Reads(Named),
    /// It asks for what a batch has made.
    Outputs(Named),
}

/// What can be done with files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    /// `POST /v1/files`
    Create,
    /// `GET /v1/files/{id}`
    Retrieve,
    /// `DELETE /v1/files/{id}`
    Delete,
    /// `GET /v1/files/{id}/content`
    Content,
}

impl Verb {
    /// For records.
    const fn operation(self) -> &'static str {
        match self {
            Self::Create => "files_create",
            Self::Retrieve => "files_retrieve",
            Self::Delete => "files_delete",
            Self::Content => "files_content",
        }
    }

    /// What follows the id in the path.
    const fn below(self) -> &'static str {
        match self {
            Self::Create | Self::Retrieve | Self::Delete => "",
            Self::Content => "/content",
        }
    }

    /// What a call wants that has `rest` behind `/v1/files` in its path, and of which file.
    fn of<'p>(method: &str, rest: &'p str) -> Option<Result<(Self, &'p str), Refusal>> {
        let (id, below) = match in_list(method, rest)? {
            Ok(Some(place)) => place,
            Ok(None) => return Some(Ok((Self::Create, ""))),
            Err(refusal) => return Some(Err(refusal)),
        };
        Some(match (below, method) {
            ("", "GET") => Ok((Self::Retrieve, id)),
            ("", "DELETE") => Ok((Self::Delete, id)),
            ("content", "GET") => Ok((Self::Content, id)),
            ("", _) => Err(wrong_method("GET, DELETE")),
            ("content", _) => Err(wrong_method("GET")),
            _ => return None,
        })
    }
}

impl Call {
    /// What becomes of a call about files; `None`: it is no such call.
    pub(super) fn about_files(
        &mut self,
        host: &dyn Host,
        caller: &Caller,
        headers: Headers<'_>,
        below: Option<&str>,
        end: bool,
    ) -> Option<OnHead> {
        self.gateway.policy.stored.as_ref()?.files.as_ref()?;
        let rest = below?.strip_prefix("/files")?;
        let verb = Verb::of(headers.text(":method").unwrap_or_default(), rest)?;
        // Anthropic's API has other files at the same path.
        self.api = Api::ChatCompletions;
        let done = verb.and_then(|(verb, id)| {
            self.operation = verb.operation();
            match verb {
                Verb::Create => {
                    let purpose = Purpose::Upload;
                    Ok(self.read_body(host, caller.clone(), headers, purpose, end))
                }
                _ => self.about_file(host, caller, headers, (verb, id)),
            }
        });
        Some(self.or_refused(caller, done))
    }

    fn about_file(
        &mut self,
        host: &dyn Host,
        caller: &Caller,
        headers: Headers<'_>,
        (verb, id): (Verb, &str),
    ) -> Result<OnHead, Refusal> {
        let (named, backend, more) = self.open_named(caller, Kind::File, id)?;
        if verb == Verb::Content {
            self.guard_content(host, caller, &more)?;
        }
        let below = format!("/files/{}{}", named.thing.id, verb.below());
        let keeping = Keeping::File(match verb {
            Verb::Content if Work::output_of(&more).is_some() => FileCall::Outputs(named),
            Verb::Content => FileCall::Reads(named),
            _ => FileCall::Names(named),
        });
        let outgoing = self.pass_kept(host, caller, headers, (backend, &below))?;
        self.keeping = keeping;
        Ok(OnHead::Forward(outgoing))
    }

    /// The output of a batch goes through what guards answers, line by line, as text that may be JSON;
    /// what other files hold has no form that they know.
    fn guard_content(
        &mut self,
        host: &dyn Host,
        caller: &Caller,
        more: &[u8],
    ) -> Result<(), Refusal> {
        let tenant = &caller.tenant;
        if !tenant.guards.look_at(config::Phase::Output) {
            return Ok(());
        }
        let output = tenant.guards.output.as_ref();
        let needs_prompt = output.is_some_and(|guards| guards.prompt_words().is_some());
        // Services are asked about one answer, and not about thousands.
        let needs_more = needs_prompt || !tenant.guards.output_services.is_empty();
        let lines = Work::output_of(more).filter(|_| !needs_more);
        if lines.is_none() {
            return self.uninspected(host);
        }
        let inspected = Inspected {
            asks_for_json: true,
            ..Inspected::default()
        };
        self.guard_answer(tenant, inspected);
        if let Some(guard) = &mut self.guarding.answer {
            guard.lines = lines;
        }
        Ok(())
    }

    /// The form of an upload is whole.
    pub(super) fn upload(&mut self, host: &dyn Host, pending: Pending, body: &[u8]) -> OnBody {
        let refusal = request::other_boundary(&pending.kept, body);
        match refusal.or_else(|| read_upload(body).err()) {
            Some(refusal) => OnBody::Reply(self.refuse(Some(pending.caller), None, &refusal)),
            None => self.guard(host, pending, body),
        }
    }

    /// Sends on an upload that guardrails let pass.
    pub(super) fn send_upload(
        &mut self,
        host: &dyn Host,
        Guarded {
            pending, changed, ..
        }: Guarded,
        body: &[u8],
    ) -> OnBody {
        let caller = pending.caller.clone();
        match self.put_file(host, pending, (body, changed)) {
            Ok(outgoing) => OnBody::Forward(outgoing),
            Err(refusal) => OnBody::Reply(self.refuse(Some(caller), None, &refusal)),
        }
    }

    fn put_file(
        &mut self,
        host: &dyn Host,
        pending: Pending,
        (body, changed): (&[u8], Option<Rewrite>),
    ) -> Result<Outgoing, Refusal> {
        let stored = self.gateway.policy.stored.as_ref();
        let backend = stored.and_then(|stored| stored.files.clone());
        let backend = backend.ok_or_else(file_not_found)?;
        let upload = read_upload(body)?;
        let size = u64::try_from(upload.file.len()).unwrap_or(u64::MAX);
        let (rewrite, work) = match upload.purpose {
            FilePurpose::Input => (None, Vec::new()),
            FilePurpose::Batch => self.requests(host, &pending, (&upload, body))?,
        };
        let rewrite = match changed {
            Some(changed) => Some(changed.and(rewrite)),
            None => rewrite,
        };
        let (held, _) = self.reserve(host, &pending.caller, None, || Demand::OPAQUE)?;
        self.keeping = Keeping::File(FileCall::Puts(
            Mark::of(&backend.name),
            media::file_of(size),
            work,
        ));
        let path = kept_path(&backend, "/files", "");
        let known = (&Demand::OPAQUE, "");
        Ok(self.pass_body(pending, (backend, &path), rewrite, held, known))
    }

    /// The requests in an upload: how they change it, and what they come to.
    fn requests(
        &mut self,
        host: &dyn Host,
        pending: &Pending,
        (upload, body): (&Upload<'_>, &[u8]),
    ) -> Result<(Option<Rewrite>, Vec<u8>), Refusal> {
        let stored = self.gateway.policy.stored.as_ref();
        let batches = stored.and_then(|stored| stored.batches);
        let batches = batches.ok_or_else(no_batches)?;
        let (edits, work) = self.read_requests(host, pending, (upload, &batches))?;
        let rewrite = edits.apply(body);
        let length = rewrite.as_ref().map_or(0, |rewrite| rewrite.length);
        match self.too_long_now(length) {
            Some(refusal) => Err(refusal),
            None => Ok((rewrite, work.to_bytes())),
        }
    }

    /// Sends a call whose body was read to a path of a backend that is no model's; `known` is as
    /// of [`Call::pass_as`].
    pub(super) fn pass_body(
        &mut self,
        pending: Pending,
        (backend, path): (Rc<Backend>, &str),
        rewrite: Option<Rewrite>,
        held: Held,
        known: (&Demand, &str),
    ) -> Outgoing {
        let Pending {
            caller,
            mut edits,
            kept,
            framed,
            held: bytes,
            ..
        } = pending;
        if let Some(rewrite) = rewrite.as_ref().filter(|_| framed) {
            let length = rewrite.length.to_string();
            edits.set.push(("content-length", length));
        }
        let outgoing = self.pass_as(caller, (backend, path), (edits, kept), held, known);
        if let Phase::Sent { _held, .. } = &mut self.phase {
            *_held = bytes;
        }
        Outgoing {
            rewrite,
            ..outgoing
        }
    }

    /// Opens the ids of files in a request: the change that puts the provider's own in their
    /// places; `None`: there are none, or they are open.
    pub(super) fn open_files(
        &mut self,
        caller: &Caller,
        traits: &Traits,
        body: &[u8],
    ) -> Result<Option<Rewrite>, Refusal> {
        if !traits.stored_file || !self.files.is_empty() || self.stores_files() {
            return Ok(None);
        }
        if traits.stored_sound {
            return Err(stored("audio.id".to_owned()));
        }
        let stored_here = self.gateway.policy.stored.as_ref();
        let stored_here = stored_here.filter(|stored| stored.files.is_some());
        // Those of Anthropic's API are not among them.
        let named = Some(&traits.stored_files).filter(|named| !named.is_empty());
        let (Some(stored_here), Some(named)) = (stored_here, named) else {
            return Err(stored(file_place(body, traits, 0)));
        };
        if named.len() > MOST_NAMED {
            return Err(too_many().at(file_place(body, traits, MOST_NAMED)));
        }
        let mut edits = Edits::default();
        let mut files = Vec::with_capacity(named.len());
        for (index, file) in named.iter().enumerate() {
            let secrets = &stored_here.secrets;
            let thing = secrets.open(&caller.tenant.name, Kind::File, &file.id);
            let thing =
                thing.ok_or_else(|| file_not_found().at(file_place(body, traits, index)))?;
            edits.replace(file.span, quote(&thing.id));
            files.push(Named {
                thing,
                told: file.id.clone(),
                place: "file_id",
            });
        }
        self.files = files;
        Ok(edits.apply(body))
    }

    /// Counts the files of a request whose ids are open.
    pub(super) fn count_files(&self, request: &mut Request<'_>) {
        if self.files.is_empty() {
            return;
        }
        request.recount_files(&|id| {
            let mut files = self.files.iter();
            let named = files.find(|named| named.thing.id == id)?;
            Some(named.thing.tokens)
        });
    }

    /// Whether all files that a request names are found where they are opened, as many as
    /// `named`: then guardrails have looked at them when they came.
    pub(super) fn knows_files(&self, body: &[u8], named: usize) -> bool {
        let stored = self.gateway.policy.stored.as_ref();
        let found = || match self.keeping {
            Keeping::Writes(_) => {
                let traits = read_items(body, <_>::default()).ok()?;
                Some(traits.stored_files.len())
            }
            _ => {
                let request = Request::read(self.api, body, <_>::default()).ok()?;
                Some(request.traits().stored_files.len())
            }
        };
        stored.is_some_and(|stored| stored.files.is_some()) && found() == Some(named)
    }

    /// Leaves the tries at the backend that keeps the files of the request.
    pub(super) fn pin_files(
        &self,
        tries: &mut Vec<routing::Try>,
        chain: bool,
        (traits, body): (&Traits, &[u8]),
    ) -> Result<(), Refusal> {
        let keeps = |mark| self.files.iter().all(|named| named.thing.backend == mark);
        if self.files.is_empty() || leave(self.api, tries, chain, &keeps) {
            return Ok(());
        }
        let message = "No target of this model is where the files of the request are kept.";
        // Where one is kept elsewhere than the first, no model could help.
        let first = self.files.first().map(|named| named.thing.backend);
        let other = |named: &Named| Some(named.thing.backend) != first;
        let index = self.files.iter().position(other).unwrap_or(0);
        Err(kept_elsewhere(message, file_place(body, traits, index)))
    }

    /// What a provider tells of files and batches are names and numbers, but for its errors: these
    /// are inspected as all are.
    pub(super) fn guard_error(&mut self, caller: &Caller, status: u16) {
        let about = matches!(self.keeping, Keeping::File(_) | Keeping::Batch(_));
        if about && status >= 400 && caller.tenant.guards.look_at(config::Phase::Output) {
            self.guard_answer(&caller.tenant, Inspected::default());
        }
    }

    /// What the ids of an answer become, as [`Call::ids`] has it, and those of files.
    pub(super) fn all_ids(
        &self,
        caller: &Caller,
        ask: &Ask,
        tries: &Tries,
        status: u16,
    ) -> Option<Ids> {
        let is_error = status >= 400;
        let stored = self.gateway.policy.stored.as_ref()?;
        let of = |kind, place, more: &[u8], known: Option<&Named>| Ids {
            more: more.to_vec(),
            ..Ids::of((stored, caller), kind, place, known)
        };
        let of_file = |named: &Named| {
            let place = (named.thing.backend, named.thing.tokens);
            of(Kind::File, place, &[], Some(named))
        };
        let ids = match &self.keeping {
            Keeping::File(FileCall::Puts(backend, tokens, work)) => {
                Some(of(Kind::File, (*backend, *tokens), work, None))
            }
            Keeping::File(FileCall::Names(named)) => Some(of_file(named)),
            // What a file holds is nobody's to change.
            Keeping::File(FileCall::Reads(named) | FileCall::Outputs(named)) => {
                is_error.then(|| of_file(named))
            }
            Keeping::Batch(BatchCall::Makes(making)) => {
                let Named { thing, .. } = &making.file;
                let work = making.work.to_bytes();
                let place = (thing.backend, thing.tokens);
                Some(Ids {
                    background: true,
                    ..of(Kind::Batch, place, &work, Some(&making.file))
                })
            }
            Keeping::Batch(BatchCall::Names(named, work)) => {
                let place = (named.thing.backend, named.thing.tokens);
                Some(of(Kind::Batch, place, work, Some(named)))
            }
            _ => self.ids(caller, ask, tries),
        };
        if self.files.is_empty() || !is_error {
            return ids;
        }
        // An error may name them.
        let mut ids = ids.or_else(|| self.files.first().map(of_file))?;
        ids.known.extend(self.files.iter().map(Named::known));
        Some(ids)
    }
}

/// Where the file stands that is the one with this number among those that a request names.
pub(super) fn file_place(body: &[u8], traits: &Traits, index: usize) -> String {
    let file = traits.stored_files.get(index);
    let path = file.and_then(|file| path_at(body, file.span.start));
    path.unwrap_or_else(|| "file_id".to_owned())
}

/// A file is not where what names it goes.
pub(super) fn kept_elsewhere(message: &str, place: String) -> Refusal {
    Refusal::new(ErrorKind::Invalid, "file_kept_elsewhere", message).at(place)
}

fn too_many() -> Refusal {
    let message = format!("A request must not name more than {MOST_NAMED} files.");
    Refusal::new(ErrorKind::Invalid, "invalid_value", message)
}

fn no_batches() -> Refusal {
    let message = "'purpose' must be assistants, user_data or vision: there are no batches here.";
    Refusal::new(ErrorKind::Invalid, "invalid_value", message).at("purpose")
}
