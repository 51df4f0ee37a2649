/*! What steps take: reserved with the call, noted attempt by attempt, and settled with it. */

use super::super::budget::Held;
use super::speaking::Speech;
use crate::callout::{Failure, Made, StepUsage, Work, most};
use crate::config::Step;
use crate::host::Instant;
use crate::ledger::{Cost, Settlement, Usage};
use crate::telemetry::{StepRecord, UsageSource};
use std::rc::Rc;

/// What came of the member of a panel whose answer was given.
const CHOSEN: &str = "chosen";

/// The steps of a call.
#[derive(Debug, Default)]
pub(in crate::call) struct Steps {
    held: Reserved,
    attempts: Vec<Attempt>,
    /// Rounds that were planned.
    pub(super) rounds: usize,
    /// Tokens of the prompt for which a panel was reserved.
    pub(super) foreseen: u64,
    /// How the answer is read aloud, if it is.
    pub(super) speech: Option<Box<Speech>>,
}

/// What is reserved for the call and its steps.
#[derive(Debug, Default)]
enum Reserved {
    /// Nothing, or it is the sent call's.
    #[default]
    Elsewhere,
    /// This, with the bound that providers are told where the caller has set none.
    Here(Box<Held>, Option<u64>),
}

/// A question to one model.
#[derive(Debug)]
struct Attempt {
    step: Rc<Step>,
    /// Which of the step's models, counted from 0.
    place: usize,
    outcome: &'static str,
    usage: StepUsage,
    began: Instant,
    took_ms: u64,
    waits: bool,
}

/// What all steps of a call come to.
#[derive(Debug, Clone, Copy)]
pub(in crate::call) struct StepsBill {
    usage: Usage,
    estimated: bool,
    pub(in crate::call) cost: Cost,
}

impl Steps {
    /// Whether there were any.
    pub(in crate::call) const fn ran(&self) -> bool {
        !self.attempts.is_empty()
    }

    /// Keeps what was reserved until the call is sent.
    pub(super) fn hold(&mut self, held: Held, default_output: Option<u64>) {
        self.held = Reserved::Here(Box::new(held), default_output);
    }

    /// What was reserved for the call that is sent now.
    pub(in crate::call) fn take_held(&mut self) -> Option<(Held, Option<u64>)> {
        match std::mem::take(&mut self.held) {
            Reserved::Elsewhere => None,
            Reserved::Here(held, default_output) => Some((*held, default_output)),
        }
    }

    /// Takes back what a call held that was not sent after all; gives it to be released if no
    /// step has taken anything of it.
    pub(in crate::call) fn hold_again(&mut self, held: Held) -> Option<Held> {
        if !self.ran() {
            return Some(held);
        }
        self.hold(held, None);
        None
    }

    /// What is reserved and not the sent call's.
    pub(in crate::call) const fn held(&self) -> Option<&Held> {
        match &self.held {
            Reserved::Elsewhere => None,
            Reserved::Here(held, _) => Some(held),
        }
    }

    /// Notes that a model is asked; gives the number of the attempt.
    pub(super) fn begin(
        &mut self,
        step: &Rc<Step>,
        place: usize,
        work: &Work,
        now: Instant,
    ) -> usize {
        self.attempts.push(Attempt {
            step: Rc::clone(step),
            place,
            outcome: "unfinished",
            // As long as nobody knows better.
            usage: StepUsage::Estimated(most(step, work)),
            began: now,
            took_ms: 0,
            waits: true,
        });
        self.attempts.len().saturating_sub(1)
    }

    /// Notes that it could not be asked.
    pub(super) fn unsent(&mut self, number: usize, why: Failure) {
        if let Some(attempt) = self.attempts.get_mut(number) {
            attempt.outcome = why.code();
            attempt.usage = StepUsage::Reported(Usage::NONE);
            attempt.waits = false;
        }
    }

    /// Notes that what it has brought can't be used: it stays as dear as it was.
    pub(super) fn unused(&mut self, number: usize, why: Failure) {
        if let Some(attempt) = self.attempts.get_mut(number) {
            attempt.outcome = why.code();
        }
    }

    /// Notes what came of it.
    pub(super) fn ended(
        &mut self,
        number: usize,
        made: &Result<Made, Failure>,
        usage: StepUsage,
        now: Instant,
    ) {
        let Some(attempt) = self.attempts.get_mut(number) else {
            return;
        };
        attempt.outcome = match made {
            Ok(Made::Findings(findings)) if findings.flagged => "flagged",
            Ok(_) => "ok",
            Err(why) => why.code(),
        };
        attempt.usage = usage;
        attempt.took_ms = now.millis_since(attempt.began);
        attempt.waits = false;
    }

    /// This attempt has given the answer to the call.
    pub(super) fn chosen(&mut self, number: usize) {
        if let Some(attempt) = self.attempts.get_mut(number) {
            attempt.outcome = CHOSEN;
        }
    }

    /// What all of them have used so far.
    pub(super) fn used(&self) -> Usage {
        let counts = self.attempts.iter().map(|attempt| attempt.usage.counts());
        counts.fold(Usage::NONE, Usage::plus)
    }

    /// The call is over: what all of them have taken. Those whose answer nobody has seen count
    /// as what was reserved for them.
    pub(in crate::call) fn end(&mut self, now: impl FnOnce() -> Instant) -> StepsBill {
        if self.attempts.iter().any(|attempt| attempt.waits) {
            let now = now();
            let waiting = self.attempts.iter_mut().filter(|attempt| attempt.waits);
            for attempt in waiting {
                attempt.took_ms = now.millis_since(attempt.began);
                attempt.waits = false;
            }
        }
        let none = StepsBill {
            usage: Usage::NONE,
            estimated: false,
            cost: Cost::FREE,
        };
        let usage = self.used();
        self.attempts.iter().fold(none, |bill, attempt| StepsBill {
            usage,
            estimated: bill.estimated || attempt.is_estimated(),
            cost: bill.cost.plus(attempt.cost()),
        })
    }

    /// Each of them, for the record.
    pub(in crate::call) fn records(&self) -> Vec<StepRecord<'_>> {
        self.attempts.iter().map(Attempt::record).collect()
    }
}

impl StepsBill {
    /// What the call is settled by, its steps among it.
    pub(in crate::call) fn settlement(&self, call: Settlement) -> Settlement {
        if self.usage == Usage::NONE && self.cost == Cost::FREE {
            return call;
        }
        let (usage, estimated) = match call {
            Settlement::Reported(usage) => (usage, self.estimated),
            Settlement::Estimated(usage) => (usage, true),
            Settlement::Failed | Settlement::Local => (Usage::NONE, self.estimated),
        };
        let usage = usage.plus(self.usage);
        match estimated {
            true => Settlement::Estimated(usage),
            false => Settlement::Reported(usage),
        }
    }
}

impl Attempt {
    fn is_estimated(&self) -> bool {
        matches!(self.usage, StepUsage::Estimated(_)) && self.usage.counts() != Usage::NONE
    }

    /// An answer at the price of who gave it; what nobody has answered is free.
    fn cost(&self) -> Cost {
        let usage = self.usage.counts();
        let answered = matches!(self.outcome, "ok" | "flagged" | "unfinished" | CHOSEN);
        if usage == Usage::NONE && !answered {
            return Cost::FREE;
        }
        let asked = self.step.models().nth(self.place);
        match asked.and_then(|asked| asked.price.as_ref()) {
            Some(price) => Cost::Known(price.cost(&usage)),
            None => Cost::Unpriced(0),
        }
    }

    fn record(&self) -> StepRecord<'_> {
        let usage = self.usage.counts();
        let asked = self.step.models().nth(self.place);
        StepRecord {
            step: self.step.kind.as_str(),
            model: asked.map_or("", |asked| &asked.model),
            outcome: self.outcome,
            input_tokens: usage.input,
            output_tokens: usage.output,
            usage: match self.usage {
                _ if usage == Usage::NONE => UsageSource::None,
                StepUsage::Reported(_) => UsageSource::Reported,
                StepUsage::Estimated(_) => UsageSource::Estimated,
            },
            cost: self.cost(),
            duration_ms: self.took_ms,
        }
    }
}
