/*! What guards one tenant, of a compiled policy. */

use super::guardrail::{Action, Phase};
use super::scoring::{Opinion, Scored, ScoredRole};
use super::service::Service;
use crate::classify;
use crate::guardrails::Rules;
use crate::mask::{self, TagKey, Verdict, Worst};
use std::rc::Rc;

/// What the guardrails of one tenant do, in both phases.
#[derive(Debug, Clone, Default)]
pub struct Guards {
    /// What is done to texts of requests; `None`: nothing.
    pub input: Option<Rc<mask::Guards>>,
    /// The same for texts whose sentences are not scored: those of the operator and the model.
    pub input_unscored: Option<Rc<mask::Guards>>,
    /// What scores whole texts of requests, in the order of the document.
    pub scored: Rc<[Scored]>,
    /// What is done to texts of answers; `None`: nothing.
    pub output: Option<Rc<mask::Guards>>,
    /// The services that are asked about requests, in the order of the document.
    pub input_services: Rc<[Asked]>,
    /// Those that are asked about requests where scores leave it open.
    pub judges: Rc<[Asked]>,
    /// The services that are asked about whole answers, in the order of the document.
    pub output_services: Rc<[Asked]>,
    /// What requests as such have to keep; `None`: nothing.
    pub requests: Option<Rc<Rules>>,
    /// What the placeholders of this tenant are made with; `None`: nothing is restored.
    pub restore: Option<TagKey>,
}

/// What the scores of a text mean.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// Whether it counts for any guardrail.
    pub counts: bool,
    /// The guardrails whose judges have to say.
    pub open: Vec<u16>,
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
    /// How long what it says of a text is kept, in milliseconds: judges' verdicts are. 0: it is
    /// not.
    pub remember_ms: u64,
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

    /// Scores a text of a request as a whole. Nothing is scored of a request that is blocked.
    pub fn score(&self, text: &str, role: ScoredRole, verdict: &mut Verdict) -> Judgement {
        self.score_both((text, None), role, verdict)
    }

    /// The same of a text that may be read in two ways: it scores what the worse one does.
    pub fn score_both(
        &self,
        (text, other): (&str, Option<&str>),
        role: ScoredRole,
        verdict: &mut Verdict,
    ) -> Judgement {
        let mut judgement = Judgement::default();
        if !self.scores(role) || verdict.blocked().is_some() {
            return judgement;
        }
        let scores = classify::score(text);
        let scores = other.map_or(scores, |other| scores.worse(classify::score(other)));
        for scored in self.scored.iter() {
            let guardrail = scored.guardrail;
            let (opinion, score, view) = scored.scoring.opinion(&scores, role);
            match opinion {
                Opinion::Clean => {}
                Opinion::Unsure => judgement.open.push(guardrail),
                Opinion::Counts => {
                    judgement.counts = true;
                    let worst = Worst {
                        guardrail,
                        score,
                        view,
                    };
                    verdict.add_scored(worst, scored.scoring.class, text.len());
                    if scored.action == Action::Block {
                        verdict.block(guardrail);
                    }
                }
            }
        }
        judgement
    }

    /// Whether texts of `role` are scored as a whole.
    pub fn scores(&self, role: ScoredRole) -> bool {
        let mut scored = self.scored.iter();
        scored.any(|scored| scored.scoring.roles.has(role))
    }

    /// Who judges for this guardrail where scores leave it open.
    pub fn judge(&self, guardrail: u16) -> Option<&Asked> {
        let mut judges = self.judges.iter();
        judges.find(|judge| judge.guardrail == guardrail)
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
            && self.scored == other.scored
            && self.judges == other.judges
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
