/*! The steps of a model's workflow: models and services that are asked before its targets are,
about what is in the request; or in their place, as a panel (`panel`). They are planned in rounds (`planning`), each is asked until it
has said something or its `on_error` decides, what they say goes through the guardrails of
requests (`checking`), and then stands in the request. What they take is reserved with the call
and settled with it (`steps`). */

mod checking;
mod panel;
mod planning;
mod putting;
mod refusing;
mod speaking;
mod steps;

pub(super) use refusing::timed_out;
pub(super) use speaking::Spoken;
pub(super) use steps::Steps;

use super::asking::Inspected;
use super::sending::{Guarded, Pending};
use super::{Call, OnAnswered, OnBody, Phase, too_many_held};
use crate::callout::{Failure, Made, Questions, Work, heard, step_request};
use crate::config::{MAX_CANDIDATE, Model, OnError, Step, StepKind, Timeouts};
use crate::host::Host;
use crate::http::{Answer, Callout};
use crate::identity::Caller;
use crate::json::{Rewrite, Span};
use crate::protocols::{Refusal, Request};
use crate::routing::Choice;
use putting::edits;
use refusing::{failed, flagged, too_long};
use std::ops::ControlFlow;
use std::rc::Rc;

/// A call that waits for steps.
#[derive(Debug)]
pub(super) struct Working {
    pending: Pending,
    inspected: Inspected,
    /// The body as guardrails and earlier steps have left it.
    body: Vec<u8>,
    changed: Option<Rewrite>,
    choice: Choice,
    jobs: Vec<Job>,
    stage: Stage,
}

/// What is waited for.
#[derive(Debug)]
enum Stage {
    /// What is asked in the jobs.
    Asking,
    /// What services say of the texts that were made, which stand in this document.
    Checking(Box<Questions>, String),
}

/// One thing that a step has to do.
#[derive(Debug)]
struct Job {
    step: Rc<Step>,
    work: Work,
    /// What its text stands for in the body; `None`: it makes none.
    place: Option<Span>,
    /// How many of the step's models were asked.
    asked: usize,
    end: JobEnd,
}

#[derive(Debug, PartialEq, Eq)]
enum JobEnd {
    /// It is under way, by this number among all attempts of the call.
    Waits(usize),
    /// It has made this text.
    Text(String),
    /// It has given this answer to the call.
    Answer(Candidate),
    /// It has chosen this candidate, counted from 0.
    Chose(usize),
    /// Nothing more comes of it.
    Over,
}

/// An answer to the call.
#[derive(Debug, PartialEq, Eq)]
struct Candidate {
    /// The number of the attempt that has brought it.
    attempt: usize,
    /// As its model has sent it.
    body: Vec<u8>,
    /// What it says, for the judge.
    said: String,
}

/// Answers to steps come back with their number and this.
const TOKENS: u64 = 1 << 32;

impl Working {
    #[cfg(test)]
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    pub(super) fn whose(self: Box<Self>) -> (Caller, Rc<Model>) {
        (self.pending.caller, self.choice.model)
    }
}

impl Call {
    /// Begins the next round of steps; goes on where there is none.
    pub(super) fn next_steps(
        &mut self,
        host: &dyn Host,
        mut guarded: Guarded,
        (request, body): (&Request<'_>, &[u8]),
        choice: Choice,
    ) -> ControlFlow<OnBody, (Guarded, Choice)> {
        if choice.model.workflow.is_empty() {
            return ControlFlow::Continue((guarded, choice));
        }
        let pending = &mut guarded.pending;
        let planned = self.plan_steps(host, pending, (request, body), &choice.model);
        let jobs = match planned {
            Ok(jobs) if jobs.is_empty() => {
                let length = u64::try_from(body.len()).unwrap_or(u64::MAX);
                // It becomes less: there is room.
                let _room = guarded.pending.held.grow_to(length, u64::MAX);
                return ControlFlow::Continue((guarded, choice));
            }
            Ok(jobs) => jobs,
            Err(refusal) => {
                let (caller, model) = (guarded.pending.caller, choice.model);
                return ControlFlow::Break(OnBody::Reply(self.refuse(
                    Some(caller),
                    Some(model),
                    &refusal,
                )));
            }
        };
        let Guarded {
            mut pending,
            inspected,
            changed,
        } = guarded;
        // Envoy's, the copy that waits here, what is kept of it to be asked again, and what
        // members of a panel may answer.
        let works = jobs.iter().map(|job| match &job.work {
            Work::Question(question) => question.body.len().saturating_add(MAX_CANDIDATE),
            work => work.bytes(),
        });
        let bytes = works.fold(body.len(), usize::saturating_add);
        let bytes = bytes.saturating_add(body.len());
        let most = self.gateway.policy.limits.held_per_tenant;
        if !pending
            .held
            .grow_to(u64::try_from(bytes).unwrap_or(u64::MAX), most)
        {
            let (caller, model) = (Some(pending.caller), Some(choice.model));
            return ControlFlow::Break(OnBody::Reply(self.refuse(caller, model, &too_many_held())));
        }
        let working = Box::new(Working {
            pending,
            inspected,
            body: body.to_vec(),
            changed,
            choice,
            jobs,
            stage: Stage::Asking,
        });
        ControlFlow::Break(self.begin_jobs(host, working))
    }

    fn begin_jobs(&mut self, host: &dyn Host, mut working: Box<Working>) -> OnBody {
        let mut callouts = Vec::new();
        let timeouts = working.choice.model.timeouts;
        for job in working.jobs.iter_mut().filter(|job| job.asked == 0) {
            match self.ask_job(host, job, timeouts) {
                Ok(callout) => callouts.extend(callout),
                Err(refusal) => {
                    for callout in callouts {
                        self.step_unsent(callout.token);
                    }
                    return self.refuse_step(working, &refusal);
                }
            }
        }
        if callouts.is_empty() {
            return self.jobs_done(host, working);
        }
        self.phase = Phase::Working(working);
        OnBody::Ask(callouts)
    }

    /// A question that stands in a callout with this token was not sent after all.
    pub(super) fn step_unsent(&mut self, token: u64) {
        if let Some(number) = number_of(token) {
            self.steps.unsent(number, Failure::NotSent);
        }
    }

    /// Asks the next model of a job's step, as far as there are some and there is time.
    fn ask_job(
        &mut self,
        host: &dyn Host,
        job: &mut Job,
        timeouts: Timeouts,
    ) -> Result<Option<Callout>, Refusal> {
        let mut failure = None;
        while let Some(asked) = job.step.models().nth(job.asked) {
            let now = host.now();
            let Some(Timeouts { total_ms, .. }) = timeouts.after(now.millis_since(self.started))
            else {
                return Err(timed_out());
            };
            let number = self.steps.begin(&job.step, job.asked, &job.work, now);
            let token = TOKENS.saturating_add(u64::try_from(number).unwrap_or(0));
            job.asked = job.asked.saturating_add(1);
            match step_request(&job.step, asked, &job.work, token) {
                Ok(callout) => {
                    job.end = JobEnd::Waits(number);
                    let timeout_ms = callout.timeout_ms.min(total_ms);
                    return Ok(Some(Callout {
                        timeout_ms,
                        ..callout
                    }));
                }
                Err(why) => {
                    self.steps.unsent(number, why);
                    failure = Some(why);
                }
            }
        }
        job.end = JobEnd::Over;
        match (&job.step.on_error, failure) {
            (OnError::Skip, _) | (_, None) => Ok(None),
            (OnError::Fail | OnError::Fallback(_), Some(why)) => Err(failed(&job.step, why)),
        }
    }

    /// Somebody who was asked by a step has answered; or a service, about what steps have made.
    pub(super) fn step_answered(
        &mut self,
        host: &dyn Host,
        token: u64,
        answer: Option<&Answer>,
    ) -> OnAnswered {
        let mut working = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Working(working) => working,
            other => {
                self.phase = other;
                return OnAnswered::Wait;
            }
        };
        if let Stage::Checking(..) = &working.stage {
            return self.check_answered(host, working, (token, answer));
        }
        let number = number_of(token);
        let timeouts = working.choice.model.timeouts;
        let of_number = |job: &&mut Job| number.is_some_and(|it| job.end == JobEnd::Waits(it));
        let Some(job) = working.jobs.iter_mut().find(of_number) else {
            self.phase = Phase::Working(working);
            return OnAnswered::Wait;
        };
        match self.take_answer(host, job, (number.unwrap_or(0), answer), timeouts) {
            Err(refusal) => OnAnswered::Request(self.refuse_step(working, &refusal)),
            Ok(Some(callout)) => {
                self.phase = Phase::Working(working);
                OnAnswered::Request(OnBody::Ask(vec![callout]))
            }
            Ok(None) if working.jobs.iter().any(Job::waits) => {
                self.phase = Phase::Working(working);
                OnAnswered::Wait
            }
            Ok(None) => OnAnswered::Request(self.jobs_done(host, working)),
        }
    }

    fn take_answer(
        &mut self,
        host: &dyn Host,
        job: &mut Job,
        (number, answer): (usize, Option<&Answer>),
        timeouts: Timeouts,
    ) -> Result<Option<Callout>, Refusal> {
        let (made, used) = heard(&job.step, &job.work, answer);
        self.steps.ended(number, &made, used, host.now());
        match made {
            Ok(Made::Text(text)) => {
                job.end = JobEnd::Text(text);
                Ok(None)
            }
            Ok(Made::Answer(body, said)) => {
                job.end = JobEnd::Answer(Candidate {
                    attempt: number,
                    body,
                    said,
                });
                Ok(None)
            }
            Ok(Made::Choice(place)) => {
                job.end = JobEnd::Chose(place);
                Ok(None)
            }
            // Of an answer, which is not there yet.
            Ok(Made::Sound(_)) => Ok(None),
            Ok(Made::Findings(findings)) => {
                job.end = JobEnd::Over;
                if findings.flagged {
                    return Err(flagged(&job.step, &findings));
                }
                Ok(None)
            }
            Err(why) => match self.ask_job(host, job, timeouts)? {
                Some(callout) => Ok(Some(callout)),
                None if job.step.on_error == OnError::Skip => Ok(None),
                None => Err(failed(&job.step, why)),
            },
        }
    }

    /// All jobs of a round are over.
    fn jobs_done(&mut self, host: &dyn Host, working: Box<Working>) -> OnBody {
        if working.jobs.iter().any(Job::is_of_panel) {
            return self.panel_done(host, working);
        }
        let made = |job: &Job| matches!(job.end, JobEnd::Text(_));
        if working.jobs.iter().any(made) {
            return self.check_texts(host, working);
        }
        self.put_texts(host, working)
    }

    /// The texts take their places, and the request goes on.
    fn put_texts(&mut self, host: &dyn Host, working: Box<Working>) -> OnBody {
        let edits = edits(self.api, &working.jobs);
        let Working {
            mut pending,
            inspected,
            body,
            changed,
            choice,
            ..
        } = *working;
        let length = u64::try_from(body.len()).unwrap_or(u64::MAX);
        // It becomes less: there is room.
        let _room = pending.held.grow_to(length, u64::MAX);
        let (body, changed) = match edits.apply(&body) {
            None => (body, changed),
            Some(rewrite) => {
                if rewrite.length > self.longest_body() {
                    let refusal = too_long();
                    let model = Some(choice.model);
                    return OnBody::Reply(self.refuse(Some(pending.caller), model, &refusal));
                }
                let new = rewrite.whole(&body);
                let rewrite = match changed {
                    Some(changed) => changed.and(Some(rewrite)),
                    None => rewrite,
                };
                (new, Some(rewrite))
            }
        };
        let request = match self.read_again(&pending.caller, &body) {
            Ok(request) => request,
            Err(refusal) => {
                return OnBody::Reply(self.refuse(Some(pending.caller), None, &refusal));
            }
        };
        let guarded = Guarded {
            pending,
            inspected,
            changed,
        };
        self.with_model(host, guarded, (&request, &body), choice)
    }

    fn longest_body(&self) -> usize {
        usize::try_from(self.gateway.policy.limits.body).unwrap_or(usize::MAX)
    }

    fn refuse_step(&mut self, working: Box<Working>, refusal: &Refusal) -> OnBody {
        let (caller, model) = working.whose();
        OnBody::Reply(self.refuse(Some(caller), Some(model), refusal))
    }
}

/// Which of a call's attempts a token stands for.
fn number_of(token: u64) -> Option<usize> {
    let number = token.checked_sub(TOKENS)?;
    usize::try_from(number).ok()
}

impl Job {
    fn is_of_panel(&self) -> bool {
        matches!(self.step.kind, StepKind::Panel | StepKind::PanelJudge)
    }

    const fn waits(&self) -> bool {
        matches!(self.end, JobEnd::Waits(_))
    }
}
