/*! The lines of a file of requests: each goes through what a live call goes through. */

use super::super::Call;
use super::super::budget::Demand;
use super::super::sending::Pending;
use super::invalid;
use super::work::{Work, mark_of};
use crate::attempt::{Entry, fit};
use crate::config::{Batches, Model, Phase, Target};
use crate::host::Host;
use crate::json::{Edits, Rewrite, Span, path_at};
use crate::ledger::Cost;
use crate::ledger::limits::Amounts;
use crate::protocols::openai::{BatchLine, Upload, batch_line_name, batch_lines, read_batch_line};
use crate::protocols::{Api, ErrorKind, Refusal, Request, stored};
use crate::routing::{Try, cooldown::Health};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A file of requests while its lines are read.
struct Sum {
    /// What the lines so far have in common.
    of: Option<(Api, Rc<Model>)>,
    target: Option<Rc<Target>>,
    amounts: Amounts,
    unpriced: bool,
    edits: Edits,
}

impl Sum {
    /// Takes the next line in, which must be as those before.
    fn take(&mut self, api: Api, model: &Rc<Model>) -> Result<(), Refusal> {
        let (first_api, first_model) = self.of.get_or_insert_with(|| (api, Rc::clone(model)));
        if *first_api != api {
            let (here, before) = (api.path(), first_api.path());
            let problem = format!(
                "must be the same in all lines: it is /v1{here} here, and /v1{before} before"
            );
            return Err(invalid("url", &problem));
        }
        // Providers take one model in a file, and limits may be a model's.
        match Rc::ptr_eq(first_model, model) {
            true => Ok(()),
            false => Err(invalid("body.model", "must be the same in all lines")),
        }
    }

    fn work(&self, batches: &Batches) -> Option<Work> {
        let (api, model) = self.of.as_ref()?;
        let nano = batches.cost(self.amounts.nano_usd);
        Some(Work {
            api: *api,
            target: mark_of(model, self.target.as_ref()?, batches),
            input: self.amounts.input,
            output: self.amounts.output,
            cost: match self.unpriced {
                true => Cost::Unpriced(nano),
                false => Cost::Known(nano),
            },
        })
    }
}

/// What callers have called the lines so far. The names themselves are compared: of hashes, two
/// that are the same by chance would refuse a good file. They lie in the file, which is held anyway,
/// so a line takes no more than its place in the map: some 2 MiB for 50,000 of them.
#[derive(Default)]
struct Names<'a>(BTreeMap<Cow<'a, str>, u64>);

impl<'a> Names<'a> {
    /// Takes the name of a line in, which no other may have: answers are told apart by it.
    fn take(&mut self, name: Cow<'a, str>, number: u64) -> Result<(), Refusal> {
        let Some(before) = self.0.insert(name, number) else {
            return Ok(());
        };
        let message = format!("'custom_id' must be unique: line {before} has the same.");
        // OpenAI's own code for it.
        Err(Refusal::new(
            ErrorKind::Invalid,
            "duplicate_custom_id",
            message,
        ))
    }
}

impl Call {
    /// Reads a file of requests: the changes that make them the provider's, and what they come to.
    pub(in crate::call) fn read_requests(
        &mut self,
        host: &dyn Host,
        pending: &Pending,
        (upload, batches): (&Upload<'_>, &Batches),
    ) -> Result<(Edits, Work), Refusal> {
        // They are asked about whole bodies, and not about thousands.
        if !pending.caller.tenant.guards.input_services.is_empty() {
            self.uninspected(host)?;
        }
        let mut sum = Sum {
            of: None,
            target: None,
            amounts: Amounts::NONE,
            unpriced: false,
            edits: Edits::default(),
        };
        let mut names = Names::default();
        for (number, (offset, line)) in (1_u64..).zip(batch_lines(upload.file)) {
            if number > u64::from(batches.lines) {
                let most = batches.lines;
                return Err(invalid(
                    "file",
                    &format!("must not have more than {most} lines"),
                ));
            }
            let start = upload.span.start.saturating_add(offset);
            let read = read_batch_line(line).map_err(|refusal| {
                let name = batch_line_name(line);
                at_line(refusal, "The line", (number, name.as_deref()))
            })?;
            names
                .take(read.custom_id.value(), number)
                .and_then(|()| self.line(host, pending, (line, start), &read, &mut sum))
                .map_err(|refusal| at_line(refusal, "'body'", (number, read.name())))?;
        }
        let work = sum.work(batches);
        let work = work.ok_or_else(|| invalid("file", "must have lines"))?;
        Ok((sum.edits, work))
    }

    /// One line, which stands at `start`: as a live call, up to where that would be sent.
    fn line(
        &mut self,
        host: &dyn Host,
        pending: &Pending,
        (line, start): (&[u8], usize),
        read: &BatchLine<'_>,
        sum: &mut Sum,
    ) -> Result<(), Refusal> {
        let caller = &pending.caller;
        let tenant = Rc::clone(&caller.tenant);
        if read.name().is_none() && tenant.guards.look_at(Phase::Input) {
            return Err(invalid(
                "custom_id",
                "must be spelled as names are: it is not inspected",
            ));
        }
        let Span { start: from, end } = read.body;
        let body = line.get(from..end).unwrap_or_default();
        if let Some(refusal) = self.keep_rules_of(read.api, &tenant, body) {
            return Err(refusal);
        }
        let guarded = self.guard_line(host, &tenant.guards, read.api, body)?;
        let new = guarded.as_ref().map(|rewrite| rewrite.whole(body));
        let body = new.as_deref().unwrap_or(body);
        let request = Request::read(read.api, body, self.counter(caller))?;
        check_line(&request, body)?;
        let choice = self.choose(host, pending, &request)?;
        sum.take(read.api, &choice.model)?;
        let target = self.target_of(read.api, &choice.model, &request, sum)?;
        let asked = (read.api, &request, body);
        let fitted = self.fit_line(host, asked, (&choice.model, target), sum)?;
        let rewrite = match guarded {
            Some(guarded) => Some(guarded.and(fitted)),
            None => fitted,
        };
        if let Some(rewrite) = rewrite {
            let start = start.saturating_add(from);
            let end = start.saturating_add(rewrite.replaces);
            let with = String::from_utf8(rewrite.prefix).map_err(|_| not_text())?;
            sum.edits.replace(Span { start, end }, with);
        }
        Ok(())
    }

    /// The target that works on a line: the first one where files are kept, for all lines, since
    /// what a batch has used is told in one sum.
    fn target_of(
        &self,
        api: Api,
        model: &Model,
        request: &Request<'_>,
        sum: &mut Sum,
    ) -> Result<Rc<Target>, Refusal> {
        if !model.workflow.is_empty() {
            return Err(invalid("body.model", "must have no workflow"));
        }
        let stored = self.gateway.policy.stored.as_ref();
        let files = stored.and_then(|stored| stored.files.as_ref());
        let here = |target: &&Rc<Target>| {
            files.is_some_and(|files| Rc::ptr_eq(files, &target.backend))
                && target.backend.asked_by(api) == Some(api)
                && target.can_serve(request.traits())
        };
        if let Some(first) = &sum.target {
            let takes = Some(first).filter(here).cloned();
            return takes.ok_or_else(|| {
                let problem = "must be one that the target of the first line takes";
                invalid("body", problem)
            });
        }
        sum.target = model.live().iter().find(here).cloned();
        sum.target.clone().ok_or_else(|| {
            let problem = "must have a target for such requests where files are kept";
            invalid("body.model", problem)
        })
    }

    /// Makes a line fit its target, and adds what it comes to.
    fn fit_line(
        &self,
        host: &dyn Host,
        (api, request, body): (Api, &Request<'_>, &[u8]),
        (model, target): (&Rc<Model>, Rc<Target>),
        sum: &mut Sum,
    ) -> Result<Option<Rewrite>, Refusal> {
        let mut entry = Entry::of(&target, Some(model), api, false);
        sum.unpriced |= target.price.is_none();
        let tries = [Try {
            target,
            health: Health::Alone,
        }];
        let traits = request.traits();
        let prompt = self.prompt_tokens(host, traits, &tries);
        let ledger = &self.gateway.policy.ledger;
        let demand = Demand::of((traits, prompt), model, &tries, ledger);
        let Amounts {
            input,
            output,
            nano_usd,
            ..
        } = demand.amounts;
        // What a batch is charged at first is the most that it can take: so each answer has a bound.
        let each = output.checked_div(traits.answers);
        entry.default_output = each.filter(|most| *most > 0 && traits.max_output.is_none());
        let all = &mut sum.amounts;
        all.input = all.input.saturating_add(input);
        all.output = all.output.saturating_add(output);
        all.nano_usd = all.nano_usd.saturating_add(nano_usd);
        Ok(fit(entry.api, &entry, request, body)?.rewrite)
    }
}

/// Refuses what a batch can't have: streams, what nobody waits for, and what is kept.
fn check_line(request: &Request<'_>, body: &[u8]) -> Result<(), Refusal> {
    let traits = request.traits();
    if traits.stream {
        return Err(invalid("body.stream", "must not be true"));
    }
    if request.background() {
        return Err(invalid("body.background", "must not be true"));
    }
    if traits.stored_file {
        let first = traits.stored_files.first();
        let path = first.and_then(|file| path_at(body, file.span.start));
        let path = path.map_or_else(|| "file_id".to_owned(), |path| format!("body.{path}"));
        return Err(stored(path));
    }
    let goes_on = matches!(request.kept(), Some((Some(_), _)));
    let kept = [
        (goes_on, "previous_response_id"),
        (request.conversation().is_some(), "conversation"),
    ];
    match kept.into_iter().find(|(named, _)| *named) {
        Some((_, name)) => Err(stored(name.to_owned())),
        None => Ok(()),
    }
}

/// Says where in a file something is wrong; `read` is what was read in the place of a request's body.
fn at_line(mut refusal: Refusal, read: &str, (number, id): (u64, Option<&str>)) -> Refusal {
    let of = id.map_or_else(String::new, |id| format!(" ({id})"));
    let message = refusal.message.replacen("The request body", read, 1);
    refusal.message = format!("Line {number}{of}: {message}");
    refusal.at("file")
}

fn not_text() -> Refusal {
    Refusal::new(
        ErrorKind::Internal,
        "internal",
        "The line can't be written.",
    )
}
