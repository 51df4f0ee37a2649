/*! One try of a call at one provider.

A filter in front of each provider runs one of these per try: it makes the request fit
the provider, reads the provider's answer as far as it must to know whether it is one,
and hands it on in the caller's protocol, or asks Envoy for the next target. The gateway
runs one itself where no such filter stands.

Sans-IO like the call: heads and bytes in, edits out. */

mod amazon;
mod answer;
mod classify;
mod first;
mod frames;
mod groups;
mod headers;
mod plan;
mod request;
mod tries;

pub use answer::{OnAttempt, RETRY_HEADER};
pub use groups::{PLAN_HEADER, priority_groups};
pub use headers::{is_foreign, is_of_a_protocol, passes_to};
pub use plan::{Entry, KeyHeader, MaxTokensName, Plan};
pub use request::{Fitted, fit};
pub use tries::{Came, Failure, Tries, Try, Why};

use crate::host::Instant;
use crate::protocols::Api;
use answer::Reading;

/// One try.
#[derive(Debug)]
pub struct Attempt {
    plan: Plan,
    entry: Entry,
    /// Its place in the plan, from 0.
    target: usize,
    tries: Tries,
    reading: Reading,
}

/// Why a try cannot be made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misplaced {
    /// The plan names another backend for this try: clusters and policy do not fit.
    OtherBackend,
    /// The time for all tries is over.
    TooLate,
}

impl Attempt {
    /// Begins try `number` (from 1) of `plan` in front of `backend`.
    ///
    /// # Errors
    /// The try must not be made.
    pub fn begin(
        plan: Plan,
        tries: Tries,
        number: usize,
        backend: &str,
        now: Instant,
    ) -> Result<Self, Misplaced> {
        let target = number.saturating_sub(1);
        let target = target.min(plan.tries.len().saturating_sub(1));
        Self::begin_target(plan, tries, (number, target), backend, now)
    }

    /// Begins a try where Envoy alone knows the order: at the first target of `backend`.
    ///
    /// # Errors
    /// The try must not be made.
    pub fn begin_at(
        plan: Plan,
        tries: Tries,
        number: usize,
        backend: &str,
        now: Instant,
    ) -> Result<Self, Misplaced> {
        let mut entries = plan.tries.iter();
        let target = entries.position(|entry| entry.backend == backend);
        let target = target.ok_or(Misplaced::OtherBackend)?;
        Self::begin_target(plan, tries, (number, target), backend, now)
    }

    fn begin_target(
        plan: Plan,
        mut tries: Tries,
        (number, target): (usize, usize),
        backend: &str,
        now: Instant,
    ) -> Result<Self, Misplaced> {
        let entry = plan.tries.get(target).cloned();
        let Some(entry) = entry.filter(|entry| entry.backend == backend) else {
            return Err(Misplaced::OtherBackend);
        };
        if number > 1 && now.0 > plan.deadline {
            return Err(Misplaced::TooLate);
        }
        tries.begin(target, now);
        Ok(Self {
            plan,
            entry,
            target,
            tries,
            reading: Reading::Head,
        })
    }

    /// A try that somebody else makes and of which only the outcome is noted.
    pub fn noted(plan: Plan, now: Instant) -> Self {
        let entry = plan.tries.first().cloned().unwrap_or_default();
        let mut tries = Tries::default();
        tries.begin(0, now);
        Self {
            plan,
            entry,
            target: 0,
            tries,
            reading: Reading::Head,
        }
    }

    /// The API by which its provider is asked.
    pub const fn api(&self) -> Api {
        self.entry.api
    }

    /// Whether bodies pass unread.
    pub const fn is_opaque(&self) -> bool {
        self.plan.opaque
    }

    /// What is known of all tries so far, this one included.
    pub const fn tries(&self) -> &Tries {
        &self.tries
    }

    /// The try was not made after all.
    pub fn take_back(&mut self) {
        self.tries.0.pop();
    }

    /// The connection to the provider never came about.
    pub fn unsent(&mut self) {
        if matches!(self.reading, Reading::Head) {
            self.tries.latest_came(Came::Unsent);
        }
    }
}

#[cfg(test)]
mod tests;
