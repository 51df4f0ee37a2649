/*! Batches: many requests in a file, which a provider works on when it likes.

The file is read when it is uploaded: each of its lines goes through what a live call goes through,
and what all of them come to goes into the file's id. Making a batch of it is charged by that, until
the batch is over and says what it has used. */

mod lines;
mod work;

use super::background::BATCH_LASTS_MS;
use super::budget::Demand;
use super::finish::Outcome;
use super::global::Hits;
use super::refusing::{file_not_found, wrong_method};
use super::sending::{Guarded, Pending, Purpose};
use super::stored::{Keeping, Named, in_list, kept_path};
use super::{Call, OnBody, OnHead, Outgoing};
use crate::config::{Model, Target};
use crate::host::Host;
use crate::http::Headers;
use crate::identity::Caller;
use crate::json::{Edits, Rewrite, quote};
use crate::ledger::{Cost, Usage};
use crate::protocols::openai::read_batch;
use crate::protocols::{Api, ErrorKind, Refusal};
use crate::wrapped::Kind;
use std::rc::Rc;
pub(super) use work::Work;

/// The operation of calls that make a batch.
pub(super) const BATCHES_CREATE: &str = "batches_create";

/// What a call does with a batch.
#[derive(Debug)]
pub(super) enum BatchCall {
    /// It makes one.
    Makes(Box<Making>),
    /// It asks what one is, or ends it; with the work of it.
    Names(Named, Vec<u8>),
}

/// A batch that is made.
#[derive(Debug)]
pub(super) struct Making {
    /// The file of its requests.
    pub(super) file: Named,
    pub(super) work: Work,
    pub(super) model: Rc<Model>,
    pub(super) target: Rc<Target>,
}

/// What can be done with batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    /// `POST /v1/batches`
    Create,
    /// `GET /v1/batches/{id}`
    Retrieve,
    /// `POST /v1/batches/{id}/cancel`
    Cancel,
}

impl Verb {
    /// For records.
    const fn operation(self) -> &'static str {
        match self {
            Self::Create => BATCHES_CREATE,
            Self::Retrieve => "batches_retrieve",
            Self::Cancel => "batches_cancel",
        }
    }

    /// What a call wants that has `rest` behind `/v1/batches` in its path, and of which batch.
    fn of<'p>(method: &str, rest: &'p str) -> Option<Result<(Self, &'p str), Refusal>> {
        let (id, below) = match in_list(method, rest)? {
            Ok(Some(place)) => place,
            Ok(None) => return Some(Ok((Self::Create, ""))),
            Err(refusal) => return Some(Err(refusal)),
        };
        Some(match (below, method) {
            ("", "GET") => Ok((Self::Retrieve, id)),
            ("cancel", "POST") => Ok((Self::Cancel, id)),
            ("", _) => Err(wrong_method("GET")),
            ("cancel", _) => Err(wrong_method("POST")),
            _ => return None,
        })
    }
}

impl Call {
    /// What becomes of a call about batches; `None`: it is no such call.
    pub(super) fn about_batches(
        &mut self,
        host: &dyn Host,
        caller: &Caller,
        headers: Headers<'_>,
        below: Option<&str>,
        end: bool,
    ) -> Option<OnHead> {
        let stored = self.gateway.policy.stored.as_ref()?;
        stored.batches?;
        let rest = below?.strip_prefix("/batches")?;
        let verb = Verb::of(headers.text(":method").unwrap_or_default(), rest)?;
        self.api = Api::ChatCompletions;
        let done = verb.and_then(|(verb, id)| {
            self.operation = verb.operation();
            match verb {
                Verb::Create => {
                    let purpose = Purpose::Batch;
                    Ok(self.read_body(host, caller.clone(), headers, purpose, end))
                }
                _ => self.about_batch(host, caller, headers, (verb, id)),
            }
        });
        Some(self.or_refused(caller, done))
    }

    fn about_batch(
        &mut self,
        host: &dyn Host,
        caller: &Caller,
        headers: Headers<'_>,
        (verb, id): (Verb, &str),
    ) -> Result<OnHead, Refusal> {
        let (named, backend, work) = self.open_named(caller, Kind::Batch, id)?;
        let end = if verb == Verb::Cancel { "/cancel" } else { "" };
        let below = format!("/batches/{}{end}", named.thing.id);
        let outgoing = self.pass_kept(host, caller, headers, (backend, &below))?;
        self.keeping = Keeping::Batch(BatchCall::Names(named, work));
        Ok(OnHead::Forward(outgoing))
    }

    /// What a batch shall be made of is whole.
    pub(super) fn batch(&mut self, host: &dyn Host, pending: Pending, body: &[u8]) -> OnBody {
        match read_batch(body) {
            Ok(_) => self.guard(host, pending, body),
            Err(refusal) => OnBody::Reply(self.refuse(Some(pending.caller), None, &refusal)),
        }
    }

    /// Makes a batch of what guardrails let pass.
    pub(super) fn send_batch(
        &mut self,
        host: &dyn Host,
        Guarded {
            pending, changed, ..
        }: Guarded,
        body: &[u8],
    ) -> OnBody {
        let caller = pending.caller.clone();
        match self.make_batch(host, pending, (body, changed)) {
            Ok(outgoing) => OnBody::Forward(outgoing),
            Err(refusal) => OnBody::Reply(self.refuse(Some(caller), None, &refusal)),
        }
    }

    fn make_batch(
        &mut self,
        host: &dyn Host,
        pending: Pending,
        (body, changed): (&[u8], Option<Rewrite>),
    ) -> Result<Outgoing, Refusal> {
        let asked = read_batch(body)?;
        let making = self.making(&pending.caller, &asked.file.value())?;
        if making.work.api != asked.api {
            return Err(invalid("endpoint", "must be the \"url\" of the lines"));
        }
        let backend = self.backend_of(making.file.thing.backend);
        let backend = backend.ok_or_else(|| file_not_found().at("input_file_id"))?;
        let mut edits = Edits::default();
        edits.replace(asked.file.span(), quote(&making.file.thing.id));
        let opened = edits.apply(body);
        let rewrite = match changed {
            Some(changed) => Some(changed.and(opened)),
            None => opened,
        };
        let demand = Demand {
            amounts: making.work.amounts(),
            ..Demand::OPAQUE
        };
        if self.gateway.policy.global_limits.is_some() && Hits::are_cut(&demand.amounts) {
            return Err(too_large());
        }
        self.take_slot(host, &pending.caller, BATCH_LASTS_MS)?;
        let model = Rc::clone(&making.model);
        let wanted = demand.clone();
        let (held, _) = self.reserve(host, &pending.caller, Some(&model), || wanted)?;
        self.keeping = Keeping::Batch(BatchCall::Makes(Box::new(making)));
        let path = kept_path(&backend, "/batches", "");
        let known = (&demand, model.name.as_str());
        Ok(self.pass_body(pending, (backend, &path), rewrite, held, known))
    }

    /// What a batch of the file with this id is.
    fn making(&self, caller: &Caller, id: &str) -> Result<Making, Refusal> {
        let not_found = || file_not_found().at("input_file_id");
        let stored = self.gateway.policy.stored.as_ref();
        let batches = stored.and_then(|stored| stored.batches).unwrap_or_default();
        let tenant = &caller.tenant;
        let opened = stored.and_then(|it| it.secrets.open_with(&tenant.name, Kind::File, id));
        let (thing, more) = opened.ok_or_else(not_found)?;
        let work = Work::of_bytes(&more);
        let work = work.ok_or_else(|| {
            let problem = "must be a file that was uploaded with purpose: batch";
            invalid("input_file_id", problem)
        })?;
        let found = tenant.models.iter().find_map(|model| {
            let target = work.target_in(model, &batches)?;
            Some((Rc::clone(model), Rc::clone(target)))
        });
        let (model, target) = found.ok_or_else(|| {
            let problem = "was uploaded for a model, a target or a price that is there no more: \
                upload it again";
            invalid("input_file_id", problem)
        })?;
        let file = Named {
            thing,
            told: id.to_owned(),
            place: "input_file_id",
        };
        Ok(Making {
            file,
            work,
            model,
            target,
        })
    }

    /// What the call is charged, and as a call of which model, if it may have made a batch.
    pub(super) fn batch_made(&self, outcome: &Outcome) -> Option<(Usage, Cost, &str)> {
        if !outcome.is_answered() && !outcome.leaves_open() {
            return None;
        }
        let Keeping::Batch(BatchCall::Makes(making)) = &self.keeping else {
            return None;
        };
        let Making { work, model, .. } = &**making;
        Some((work.usage(), work.cost, &model.name))
    }
}

/// A rate limit service can't be told what it takes.
fn too_large() -> Refusal {
    let message = "The batch comes to more than budgets here can count: make several smaller ones.";
    let refusal = Refusal::new(ErrorKind::Invalid, "batch_too_large", message);
    refusal.at("input_file_id")
}

fn invalid(path: &str, problem: &str) -> Refusal {
    let message = format!("'{path}' {problem}.");
    Refusal::new(ErrorKind::Invalid, "invalid_value", message).at(path)
}
