/*! What guards one tenant, of a compiled policy. */

use super::guardrail::{Action, Phase};
use super::service::Service;
use crate::guardrails::Rules;
use crate::mask::{self, TagKey};
use std::rc::Rc;

/// What the guardrails of one tenant do, in both phases.
#[derive(Debug, Clone, Default)]
pub struct Guards {
    /// What is done to texts of requests; `None`: nothing.
    pub input: Option<Rc<mask::Guards>>,
    /// What is done to texts of answers; `None`: nothing.
    pub output: Option<Rc<mask::Guards>>,
    /// The services that are asked about requests, in the order of the document.
    pub input_services: Rc<[Asked]>,
    /// The services that are asked about whole answers, in the order of the document.
    pub output_services: Rc<[Asked]>,
    /// What requests as such have to keep; `None`: nothing.
    pub requests: Option<Rc<Rules>>,
    /// What the placeholders of this tenant are made with; `None`: nothing is restored.
    pub restore: Option<TagKey>,
}

/// A service that a guardrail asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Index of the guardrail in the policy.
    pub guardrail: u16,
    /// Whom it asks, and how.
    pub service: Rc<Service>,
    /// What becomes of what the service finds.
    pub action: Action,
}

impl Guards {
    /// What is done to texts in this process.
    pub const fn of(&self, phase: Phase) -> Option<&Rc<mask::Guards>> {
        match phase {
            Phase::Input => self.input.as_ref(),
            Phase::Output => self.output.as_ref(),
        }
    }

    /// The services that are asked.
    pub fn services(&self, phase: Phase) -> &[Asked] {
        match phase {
            Phase::Input => &self.input_services,
            Phase::Output => &self.output_services,
        }
    }

    /// Whether there is any guardrail.
    pub fn are_there(&self) -> bool {
        let phases = [Phase::Input, Phase::Output];
        self.requests.is_some() || phases.into_iter().any(|phase| self.look_at(phase))
    }

    /// Whether anything looks at texts of this phase.
    pub fn look_at(&self, phase: Phase) -> bool {
        self.of(phase).is_some() || !self.services(phase).is_empty()
    }
}

/// Guards are the same if they were compiled from the same guardrails.
impl PartialEq for Guards {
    fn eq(&self, other: &Self) -> bool {
        let same_texts = |phase| same(self.of(phase), other.of(phase));
        same_texts(Phase::Input)
            && same_texts(Phase::Output)
            && same(self.requests.as_ref(), other.requests.as_ref())
            && self.input_services == other.input_services
            && self.output_services == other.output_services
    }
}

impl Eq for Guards {}

/// Whether both are the same one, or none.
fn same<T>(a: Option<&Rc<T>>, b: Option<&Rc<T>>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => Rc::ptr_eq(a, b),
        (a, b) => a.is_none() && b.is_none(),
    }
}
