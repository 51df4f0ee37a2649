/*! A panel: several models answer a call in the targets' place, and a judge says which answer is
the best. What is chosen goes through what an answer of a provider goes through. */

use super::super::asking::Inspected;
use super::super::caching::{Caching, Given};
use super::super::held::HeldBytes;
use super::super::sending::Pending;
use super::super::{Call, OnBody, too_many_held};
use super::planning::{all_tries, amounts, job, said_in, step_of};
use super::refusing::{failed, too_few};
use super::{Job, JobEnd, Working};
use crate::attempt::{Entry, MaxTokensName, fit};
use crate::callout::{Failure, Question, Work, ballot};
use crate::config::{MAX_CANDIDATE, MaxTokensField, Model, OnError, Step, StepKind, StepModel};
use crate::host::Host;
use crate::ledger::Usage;
use crate::ledger::limits::Amounts;
use crate::protocols::replay::as_stream;
use crate::protocols::translate::{self, About, ChatApi, ProviderApi};
use crate::protocols::{Refusal, Request, Traits, unstreamed, with_usage};
use std::rc::Rc;

/// The panel of a model.
#[derive(Debug)]
pub(super) struct Panel<'m> {
    members: Vec<&'m Rc<Step>>,
    judge: &'m Rc<Step>,
}

impl Panel<'_> {
    /// Whether the targets are never asked.
    pub(super) fn replaces_targets(&self) -> bool {
        self.judge.on_error != OnError::Skip
    }

    /// What is held of a request of so many bytes until the judge is asked: the request here and
    /// in Envoy, what each member is asked, and what it may answer.
    fn room(&self, body: usize) -> usize {
        let members = self.members.len();
        let bodies = body.saturating_mul(members.saturating_add(2));
        bodies.saturating_add(MAX_CANDIDATE.saturating_mul(members))
    }

    /// What its members and its judge may take of a prompt of so many tokens.
    pub(super) fn amounts(&self, traits: &Traits, prompt: u64) -> Amounts {
        let mut all = Amounts::NONE;
        // The judge reads all of it, and what each of them says.
        let mut shown = prompt;
        for step in &self.members {
            let question = question(step, traits, prompt, Vec::new());
            let most = question.most;
            shown = shown.saturating_add(most.output);
            let work = Work::Question(Box::new(question));
            all = all.plus(&amounts(step, &work, most));
        }
        let work = Work::Ballot(String::new(), self.members.len());
        let most = crate::callout::most(self.judge, &work);
        let input = most.input.saturating_add(shown);
        all.plus(&amounts(self.judge, &work, Usage { input, ..most }))
    }
}

/// What a member is asked, and what it may use of a prompt of so many tokens.
fn question(step: &Step, traits: &Traits, prompt: u64, body: Vec<u8>) -> Question {
    let output = traits.max_output.unwrap_or(u64::MAX).min(step.max_output);
    Question {
        body,
        most: Usage {
            input: prompt,
            output,
            audio_input: traits.media.audio.min(prompt),
            image_input: traits.media.image.min(prompt),
            ..Usage::NONE
        },
        kinds: traits.kinds(),
    }
}

impl Call {
    /// The panel that answers such a call, if one does: calls for one whole answer in text that
    /// stands for itself.
    pub(super) fn panel_of<'m>(
        &self,
        request: &Request<'_>,
        model: &'m Model,
    ) -> Option<Panel<'m>> {
        let traits = request.traits();
        let judge = step_of(model, StepKind::PanelJudge)?;
        ChatApi::of(self.api)?;
        let plain = traits.answers == 1 && !traits.audio_output && !self.keeping.matters();
        // The others do not have what one provider keeps.
        let plain = plain && self.files.is_empty() && !traits.stored_file;
        let plain = plain && !self.steps.speaks();
        let members = model.workflow.iter();
        let members = members.filter(|step| step.kind == StepKind::Panel);
        plain.then(|| Panel {
            members: members.collect(),
            judge,
        })
    }

    /// A job for each member that the request can be said to. There is room for all of them
    /// before any is made.
    pub(super) fn members(
        &self,
        host: &dyn Host,
        held: &mut HeldBytes,
        (request, body): (&Request<'_>, &[u8]),
        model: &Rc<Model>,
    ) -> Result<Vec<Job>, Refusal> {
        let Some(panel) = self.panel_of(request, model) else {
            return Ok(Vec::new());
        };
        let room = u64::try_from(panel.room(body.len())).unwrap_or(u64::MAX);
        if !held.grow_to(room, self.gateway.policy.limits.held_per_tenant) {
            return Err(too_many_held());
        }
        let traits = request.traits();
        let prompt = self.prompt_tokens(host, traits, &all_tries(model));
        let whole = match traits.stream {
            true => unstreamed(body).map(|rewrite| rewrite.whole(body)),
            false => None,
        };
        let body = whole.as_deref().unwrap_or(body);
        let request = Request::read(self.api, body, <_>::default())?;
        let mut jobs = Vec::new();
        let mut unsaid = None;
        for step in panel.members {
            match fit(self.api, &entry(step), &request, body) {
                Ok(fitted) => {
                    let body = match fitted.rewrite {
                        Some(rewrite) => rewrite.whole(body),
                        None => body.to_vec(),
                    };
                    let question = question(step, traits, prompt, body);
                    jobs.push(job(step, Work::Question(Box::new(question)), None));
                }
                Err(refusal) => unsaid = Some(refusal),
            }
        }
        match unsaid {
            Some(_) if jobs.len() < panel.judge.min && panel.judge.on_error == OnError::Skip => {
                Ok(Vec::new())
            }
            Some(refusal) if jobs.len() < panel.judge.min => Err(refusal),
            _ => Ok(jobs),
        }
    }

    /// What a panel takes more than was foreseen for it: steps may have made another prompt.
    pub(super) fn asked_beyond(
        &self,
        host: &dyn Host,
        request: &Request<'_>,
        model: &Rc<Model>,
        jobs: &[Job],
    ) -> Amounts {
        let panel = self.panel_of(request, model);
        let Some(panel) = panel.filter(|_| jobs.iter().any(Job::is_of_panel)) else {
            return Amounts::NONE;
        };
        let traits = request.traits();
        let prompt = self.prompt_tokens(host, traits, &all_tries(model));
        let [foreseen, now] =
            [self.steps.foreseen, prompt].map(|prompt| panel.amounts(traits, prompt));
        Amounts {
            input: now.input.saturating_sub(foreseen.input),
            nano_usd: now.nano_usd.saturating_sub(foreseen.nano_usd),
            ..Amounts::NONE
        }
    }

    /// All members have answered, or the judge has.
    pub(super) fn panel_done(&mut self, host: &dyn Host, mut working: Box<Working>) -> OnBody {
        let model = Rc::clone(&working.choice.model);
        let Some(judge) = step_of(&model, StepKind::PanelJudge) else {
            return self.refuse_step(working, &too_few());
        };
        let candidates = working.candidates();
        if let Some(verdict) = working.verdict() {
            // Without one it is the first.
            let chosen = candidates.get(verdict.unwrap_or(0)).copied();
            return self.choose_answer(host, working, chosen);
        }
        if candidates.len() < judge.min {
            return match judge.on_error {
                OnError::Skip => self.put_texts(host, working),
                _ => self.refuse_step(working, &too_few()),
            };
        }
        // Answers that are there are better than none.
        let timeouts = working.choice.model.timeouts;
        let took = host.now().millis_since(self.started);
        let judged = judge.on_error != OnError::Skip || timeouts.after(took).is_some();
        let first = candidates.first().copied();
        if candidates.len() == 1 || !judged {
            return self.choose_answer(host, working, first);
        }
        let question = said_in(self.api, &working.body, None);
        let said: Vec<&str> = working.said().collect();
        let work = Work::Ballot(ballot(&question, &said), said.len());
        working.jobs.push(job(judge, work, None));
        // The members have their questions no more.
        for job in &mut working.jobs {
            if let Work::Question(question) = &mut job.work {
                question.body = Vec::new();
            }
        }
        let most = self.gateway.policy.limits.held_per_tenant;
        let bytes = u64::try_from(working.bytes()).unwrap_or(u64::MAX);
        if working.pending.held.grow_to(bytes, most) {
            return self.begin_jobs(host, working);
        }
        match judge.on_error {
            OnError::Skip => self.choose_answer(host, working, first),
            _ => self.refuse_step(working, &too_many_held()),
        }
    }

    /// Gives one of the answers to the caller.
    fn choose_answer(
        &mut self,
        host: &dyn Host,
        mut working: Box<Working>,
        chosen: Option<usize>,
    ) -> OnBody {
        let job = chosen.and_then(|place| working.jobs.get_mut(place));
        let chosen = job.and_then(|job| match std::mem::replace(&mut job.end, JobEnd::Over) {
            JobEnd::Answer(candidate) => Some((Rc::clone(&job.step), candidate)),
            _ => None,
        });
        let Some((step, candidate)) = chosen else {
            return self.refuse_step(working, &too_few());
        };
        self.steps.chosen(candidate.attempt);
        let Some(answer) = self.in_callers_words(host, &step.asked, candidate.body) else {
            return self.refuse_step(working, &failed(&step, Failure::Unreadable));
        };
        let Working {
            pending,
            inspected,
            body,
            choice,
            ..
        } = *working;
        let asked = (pending, inspected, body, choice.model);
        self.give_answer(host, asked, answer, &step)
    }

    /// An answer by the caller's API, with what all have used.
    fn in_callers_words(
        &self,
        host: &dyn Host,
        asked: &StepModel,
        body: Vec<u8>,
    ) -> Option<Vec<u8>> {
        let (from, to) = ChatApi::of(asked.api).zip(ChatApi::of(self.api))?;
        let about = About {
            model: &asked.model,
            created: host.now().unix_seconds(),
            id: &self.request_id,
        };
        let answer = match from == to {
            true => body,
            false => translate::answer(ProviderApi::Chat(from), to, &body, &about).ok()?,
        };
        Some(with_usage(to, answer, &self.steps.used()))
    }

    /// Lets an answer go through what one of a provider goes through.
    fn give_answer(
        &mut self,
        host: &dyn Host,
        (pending, inspected, body, model): (Pending, Inspected, Vec<u8>, Rc<Model>),
        answer: Vec<u8>,
        step: &Step,
    ) -> OnBody {
        let tenant = Rc::clone(&pending.caller.tenant);
        self.guard_answer(&tenant, inspected);
        let request = match self.read_again(&pending.caller, &body) {
            Ok(request) => request,
            Err(refusal) => {
                let (caller, model) = (Some(pending.caller), Some(model));
                return OnBody::Reply(self.refuse(caller, model, &refusal));
            }
        };
        let stream = request.traits().stream;
        let answer = match stream {
            true => as_stream(self.api, &answer, !request.strips_usage()),
            false => Some(answer),
        };
        let Some(answer) = answer else {
            let refusal = failed(step, Failure::Unreadable);
            let (caller, model) = (Some(pending.caller), Some(model));
            return OnBody::Reply(self.refuse(caller, model, &refusal));
        };
        if self.gateway.store.is_some() {
            self.caching = Caching::Bypassed(match model.cache {
                Some(_) => "workflow",
                None => "model",
            });
        }
        let asker = (pending.caller, pending.held);
        let given = Given {
            body: answer,
            stream,
        };
        self.replay(host, asker, (&request, &model), given)
    }
}

impl Working {
    /// The places of those jobs that have brought an answer to the call.
    fn candidates(&self) -> Vec<usize> {
        let jobs = self.jobs.iter().enumerate();
        let answered = jobs.filter(|(_, job)| matches!(job.end, JobEnd::Answer(_)));
        answered.map(|(place, _)| place).collect()
    }

    /// What they say.
    fn said(&self) -> impl Iterator<Item = &str> {
        self.jobs.iter().filter_map(|job| match &job.end {
            JobEnd::Answer(candidate) => Some(candidate.said.as_str()),
            _ => None,
        })
    }

    /// Which of them the judge has chosen; `None`: he was not asked yet, `Some(None)`: none.
    fn verdict(&self) -> Option<Option<usize>> {
        let mut jobs = self.jobs.iter();
        let judge = jobs.find(|job| job.step.kind == StepKind::PanelJudge)?;
        Some(match judge.end {
            JobEnd::Chose(place) => Some(place),
            _ => None,
        })
    }

    /// Bytes of the request, here and in Envoy, and of all that steps are asked and have
    /// answered.
    fn bytes(&self) -> usize {
        let jobs = self.jobs.iter().map(|job| match &job.end {
            JobEnd::Answer(it) => it.body.len().saturating_add(it.said.len()),
            _ => job.work.bytes(),
        });
        let bodies = self.body.len().saturating_mul(2);
        jobs.fold(bodies, usize::saturating_add)
    }
}

/// What makes a request fit a member.
fn entry(step: &Step) -> Entry {
    let asked = &step.asked;
    Entry {
        api: asked.api,
        model: asked.model.clone(),
        max_output: Some(step.max_output),
        default_output: Some(step.max_output),
        max_tokens_field: match asked.max_tokens_field {
            MaxTokensField::AsSent => None,
            MaxTokensField::MaxTokens => Some(MaxTokensName::MaxTokens),
            MaxTokensField::MaxCompletionTokens => Some(MaxTokensName::MaxCompletionTokens),
        },
        ..Entry::default()
    }
}
