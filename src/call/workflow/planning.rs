/*! Which steps a call needs, and what they and the call may take together. */

use super::super::Call;
use super::super::asking::texts_of;
use super::super::budget::{Demand, Held};
use super::super::caching::not_cached;
use super::super::sending::Pending;
use super::{Job, JobEnd};
use crate::callout::{Work, kinds, most};
use crate::config::{Modality, Model, Step, StepKind};
use crate::host::Host;
use crate::identity::Caller;
use crate::json::Span;
use crate::ledger::Usage;
use crate::ledger::limits::Amounts;
use crate::protocols::texts::{Found, Origin, request_texts};
use crate::protocols::translate::ChatApi;
use crate::protocols::{Api, ErrorKind, Medium, Refusal, Request, media, older_turns};
use crate::routing;
use std::rc::Rc;

/// Most questions of a round: a call must not become any number of them.
const MOST_JOBS: usize = 16;

/// What is done together, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    /// Texts are made of images and sounds.
    Media,
    /// All texts are judged, those that were made among them.
    Judge,
    /// Older turns are summed up, as short as they are by then.
    Sum,
    /// A panel answers what has become of it.
    Panel,
}

const ROUNDS: [Round; 4] = [Round::Media, Round::Judge, Round::Sum, Round::Panel];

impl Call {
    /// The jobs of the next round, with which its budget is reserved; none if the call can go on.
    pub(super) fn plan_steps(
        &mut self,
        host: &dyn Host,
        pending: &mut Pending,
        (request, body): (&Request<'_>, &[u8]),
        model: &Rc<Model>,
    ) -> Result<Vec<Job>, Refusal> {
        let mut jobs = Vec::new();
        while jobs.is_empty() {
            let Some(round) = ROUNDS.get(self.steps.rounds) else {
                return Ok(jobs);
            };
            self.steps.rounds = self.steps.rounds.saturating_add(1);
            jobs = match round {
                Round::Panel => self.members(host, &mut pending.held, (request, body), model)?,
                _ => self.jobs_of(host, *round, (request, body), model),
            };
        }
        if jobs.len() > MOST_JOBS {
            return Err(too_many());
        }
        if pending.kept.only_if_cached {
            // Answers to calls with steps are not kept.
            return Err(not_cached());
        }
        let caller = &pending.caller;
        match self.steps.take_held() {
            None => self.reserve_all(host, caller, request, model, &jobs)?,
            Some((mut held, bound)) => {
                let more = self.summed_up_beyond(host, &held, request, model, &jobs);
                let more = more.plus(&self.asked_beyond(host, request, model, &jobs));
                let reserved = self.reserve_more(host, (caller, &**model), &mut held, &more);
                self.steps.hold(held, bound);
                reserved?;
            }
        }
        Ok(jobs)
    }

    fn jobs_of(
        &self,
        host: &dyn Host,
        round: Round,
        (request, body): (&Request<'_>, &[u8]),
        model: &Rc<Model>,
    ) -> Vec<Job> {
        let steps = model.workflow.iter();
        let mut steps = steps.filter(|step| serves(step.kind, self.api));
        match round {
            Round::Media => steps
                .flat_map(|step| media_jobs(step, (request, body), model))
                .collect(),
            Round::Judge => {
                let step = steps.find(|step| step.kind == StepKind::Moderate);
                let texts = step.map(|step| (step, texts_of(self.api, body).asked().to_vec()));
                let texts = texts.filter(|(_, texts)| !texts.is_empty());
                let jobs = texts.map(|(step, texts)| job(step, Work::Texts(texts), None));
                jobs.into_iter().collect()
            }
            Round::Sum => match steps.any(|step| step.kind == StepKind::SummariseContext) {
                true => self
                    .summary(host, (request, body), model)
                    .into_iter()
                    .collect(),
                false => Vec::new(),
            },
            Round::Panel => Vec::new(),
        }
    }

    /// What a summary takes more than was foreseen for it: texts that were made may be longer
    /// than their models were told.
    fn summed_up_beyond(
        &self,
        host: &dyn Host,
        held: &Held,
        request: &Request<'_>,
        model: &Rc<Model>,
        jobs: &[Job],
    ) -> Amounts {
        let summary = jobs.iter().find(|job| matches!(job.work, Work::Turns(_)));
        let Some(job) = summary.filter(|_| held.prompt > 0) else {
            return Amounts::NONE;
        };
        let prompt = self.prompt_tokens(host, request.traits(), &all_tries(model));
        let [foreseen, now] = [held.prompt, prompt].map(|prompt| summary_of(&job.step, prompt));
        Amounts {
            input: now.input.saturating_sub(foreseen.input),
            nano_usd: now.nano_usd.saturating_sub(foreseen.nano_usd),
            ..Amounts::NONE
        }
    }

    /// A summary of older turns, where the prompt fits into no target's window.
    fn summary(
        &self,
        host: &dyn Host,
        (request, body): (&Request<'_>, &[u8]),
        model: &Rc<Model>,
    ) -> Option<Job> {
        let step = summarises(model)?;
        let targets = all_tries(model);
        let prompt = self.prompt_tokens(host, request.traits(), &targets);
        if !is_too_long(model, request, prompt) {
            return None;
        }
        let place = older_turns(body, step.keep).ok().flatten()?;
        let said = said_in(self.api, body, Some(place));
        Some(job(step, Work::Turns(said), Some(place)))
    }

    /// Reserves what the call and all its steps may take.
    fn reserve_all(
        &mut self,
        host: &dyn Host,
        caller: &Caller,
        request: &Request<'_>,
        model: &Rc<Model>,
        jobs: &[Job],
    ) -> Result<(), Refusal> {
        let targets = all_tries(model);
        let traits = request.traits();
        // What a panel takes is foreseen as a whole.
        let jobs: Vec<&Job> = jobs.iter().filter(|job| !job.is_of_panel()).collect();
        let makes = jobs.iter().filter(|job| job.place.is_some());
        let made = makes.fold(0_u64, |sum, job| sum.saturating_add(job.step.max_output));
        let (prompt, conversation) = self.whole_prompt(host, traits, &targets);
        let prompt = prompt.saturating_add(made);
        let mut steps = jobs.iter().fold(Amounts::NONE, |sum, job| {
            sum.plus(&amounts(&job.step, &job.work, most(&job.step, &job.work)))
        });
        // Texts that are made are judged.
        if made > 0
            && let Some(step) = step_of(model, StepKind::Moderate)
        {
            let work = Work::Texts(Vec::new());
            steps = steps.plus(&amounts(step, &work, most(step, &work)));
        }
        // A summary may follow, of what has become longer.
        let follows = self.steps.rounds < ROUNDS.len()
            && jobs.iter().all(|job| !matches!(job.work, Work::Turns(_)));
        let may_follow = made > 0 || is_too_long(model, request, prompt);
        if let Some(step) = summarises(model).filter(|_| follows && may_follow) {
            steps = steps.plus(&summary_of(step, prompt));
        }
        let panel = self.panel_of(request, model);
        if let Some(panel) = &panel {
            steps = steps.plus(&panel.amounts(traits, prompt));
            self.steps.foreseen = prompt;
        }
        steps = steps.plus(&self.steps.speech_amounts(traits));
        // Targets that a panel answers for are not asked.
        let replaced = panel.is_some_and(|panel| panel.replaces_targets());
        let ledger = &self.gateway.policy.ledger;
        let demand = || match replaced {
            true => Demand::of_steps(steps),
            false => Demand {
                steps,
                conversation,
                ..Demand::of((traits, prompt), model, &targets, ledger)
            },
        };
        let (held, default_output) = self.reserve(host, caller, Some(model), demand)?;
        self.steps.hold(held, default_output);
        Ok(())
    }
}

/// What a step may take, of all who may be asked.
pub(super) fn amounts(step: &Step, work: &Work, most: Usage) -> Amounts {
    step.models().fold(Amounts::NONE, |sum, asked| {
        let price = asked.price.as_ref();
        let cost = price.map(|price| price.reserve(most.input, most.output, kinds(work, &most)));
        sum.plus(&Amounts {
            requests: 0,
            input: most.input,
            output: most.output,
            nano_usd: cost.unwrap_or(0),
        })
    })
}

/// What a summary may take of a prompt of so many tokens.
fn summary_of(step: &Step, prompt: u64) -> Amounts {
    let work = Work::Turns(String::new());
    let usage = most(step, &work);
    let input = usage.input.saturating_add(prompt);
    amounts(step, &work, Usage { input, ..usage })
}

/// Which calls have such a step: those of chats. What completes a text is judged as well, as
/// it is the same model that answers.
fn serves(kind: StepKind, api: Api) -> bool {
    let judges = kind == StepKind::Moderate && api == Api::Completions;
    judges || ChatApi::of(api).is_some()
}

fn media_jobs(step: &Rc<Step>, (request, body): (&Request<'_>, &[u8]), model: &Model) -> Vec<Job> {
    let traits = request.traits();
    let is_image = |medium: &Medium| matches!(medium, Medium::Image { .. });
    match step.kind {
        StepKind::DescribeImages if traits.image && !takes(model, Modality::Image) => {
            of_media(step, body, is_image)
        }
        StepKind::TranscribeAudio if traits.audio && !takes(model, Modality::Audio) => {
            of_media(step, body, |medium| !is_image(medium))
        }
        StepKind::Moderate
        | StepKind::DescribeImages
        | StepKind::TranscribeAudio
        | StepKind::SummariseContext
        | StepKind::Panel
        | StepKind::PanelJudge
        | StepKind::Speak => Vec::new(),
    }
}

fn of_media(step: &Rc<Step>, body: &[u8], wanted: impl Fn(&Medium) -> bool) -> Vec<Job> {
    let parts = media(body).unwrap_or_default().into_iter();
    let parts = parts.filter(|part| wanted(&part.medium));
    let jobs = parts.map(|part| job(step, Work::Medium(part.medium), Some(part.span)));
    jobs.collect()
}

pub(super) fn job(step: &Rc<Step>, work: Work, place: Option<Span>) -> Job {
    Job {
        step: Rc::clone(step),
        work,
        place,
        asked: 0,
        end: JobEnd::Over,
    }
}

/// Whether any live target takes what is of this kind.
fn takes(model: &Model, one: Modality) -> bool {
    let mut targets = model.live().iter();
    targets.any(|target| {
        let known = target.accepts.as_deref();
        known.is_none_or(|known| known.contains(&one))
    })
}

fn summarises(model: &Model) -> Option<&Rc<Step>> {
    step_of(model, StepKind::SummariseContext)
}

pub(super) fn step_of(model: &Model, kind: StepKind) -> Option<&Rc<Step>> {
    let mut steps = model.workflow.iter();
    steps.find(|step| step.kind == kind)
}

/// Whether a prompt of so many tokens, with the answer that is asked for, fits nowhere.
fn is_too_long(model: &Model, request: &Request<'_>, prompt: u64) -> bool {
    let answer = request.traits().max_output.unwrap_or(0);
    let needed = prompt.saturating_add(answer);
    let mut targets = model.live().iter();
    targets.all(|target| target.context.is_some_and(|window| needed > window))
}

/// All live targets, whichever will answer.
pub(super) fn all_tries(model: &Model) -> Vec<routing::Try> {
    let targets = model.live().iter();
    let tries = targets.map(|target| routing::Try {
        target: Rc::clone(target),
        health: routing::cooldown::Health::Alone,
    });
    tries.collect()
}

/// What the messages within `place` say, by who says it; without one, what all of them do, the
/// system's among them.
pub(super) fn said_in(api: Api, body: &[u8], place: Option<Span>) -> String {
    let mut said = String::new();
    let mut last = None;
    let read = request_texts(api, body, &mut |found| {
        let Found::Text(text) = found else { return };
        let span = text.text.span();
        let who = match (text.origin, place) {
            (Origin::System, None) => "System: ",
            (origin, _) => match speaker(origin) {
                Some(who) => who,
                None => return,
            },
        };
        if place.is_some_and(|place| span.start < place.start || span.end > place.end) {
            return;
        }
        if last != Some(who) {
            said.push_str(who);
            last = Some(who);
        }
        said.push_str(&text.text.value());
        said.push('\n');
    });
    // What can't be read was refused before.
    read.map(|()| said).unwrap_or_default()
}

const fn speaker(origin: Origin) -> Option<&'static str> {
    Some(match origin {
        Origin::User | Origin::FileName | Origin::Other => "User: ",
        Origin::Assistant => "Assistant: ",
        Origin::ToolCall => "Call of a tool: ",
        Origin::ToolResult => "Answer of a tool: ",
        Origin::System | Origin::Reasoning | Origin::Definition | Origin::Url => return None,
    })
}

fn too_many() -> Refusal {
    let message = format!("More than {MOST_JOBS} images and sounds in a call are not supported.");
    Refusal::new(ErrorKind::Invalid, "too_many_parts", message)
}
