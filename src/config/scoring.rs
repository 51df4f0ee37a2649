/*! How texts are scored for injection and toxicity, of a compiled policy. */

use super::guardrail::Action;
use super::service::Service;
use crate::classify::{Class, Scores, View};
use std::rc::Rc;

/// How a guardrail scores texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scoring {
    /// What for.
    pub class: Class,
    /// Least score that counts, in thousandths.
    pub least: u16,
    /// The same for what tools have answered: nobody who may ask has written it.
    pub least_of_tools: u16,
    /// Whose texts in a request are scored.
    pub roles: Roles,
    /// Whether the document says anything of roles.
    pub by_role: bool,
    /// Who is asked about scores that are high, but not high enough; `None`: nobody.
    pub judge: Option<Rc<Judge>>,
}

/// Who says what a text in a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScoredRole {
    /// The operator of the application.
    System,
    /// Who uses it.
    User,
    /// The model, earlier, as far as the caller tells.
    Assistant,
    /// A tool that the model has asked.
    Tool,
}

/// Some of the roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles(u8);

/// A second opinion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judge {
    /// From which score on it is asked, in thousandths.
    pub from: u16,
    /// Who is asked.
    pub service: Rc<Service>,
    /// How long what it says of the same texts is kept, in milliseconds, by each worker.
    pub remember_ms: u64,
}

/// A guardrail that scores whole texts of requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scored {
    /// Its index in the policy.
    pub guardrail: u16,
    /// How.
    pub scoring: Scoring,
    /// What becomes of a request whose text counts: it is blocked, or that is counted.
    pub action: Action,
}

/// What a score means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opinion {
    /// Nothing.
    Clean,
    /// The judge has to say.
    Unsure,
    /// It counts.
    Counts,
}

impl ScoredRole {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::System, Self::User, Self::Assistant, Self::Tool];

    /// Its name in policies.
    pub const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::System => 1,
            Self::User => 2,
            Self::Assistant => 4,
            Self::Tool => 8,
        }
    }
}

impl Roles {
    /// What comes from outside: the operator's own words are full of orders, and what the model
    /// has said was looked at when it said it.
    pub const USUAL: Self = Self(ScoredRole::User.bit() | ScoredRole::Tool.bit());

    /// Whether `role` is one of them.
    pub const fn has(self, role: ScoredRole) -> bool {
        self.0 & role.bit() != 0
    }
}

impl FromIterator<ScoredRole> for Roles {
    fn from_iter<I: IntoIterator<Item = ScoredRole>>(roles: I) -> Self {
        let bits = roles.into_iter().fold(0, |bits, role| bits | role.bit());
        Self(bits)
    }
}

impl Scoring {
    /// What these scores of a text of `role` mean, and the score that counts, with its view.
    pub fn opinion(&self, scores: &Scores, role: ScoredRole) -> (Opinion, u16, View) {
        let (score, view) = self.class.of(scores);
        let least = match role {
            ScoredRole::Tool => self.least_of_tools,
            _ => self.least,
        };
        let asked = self.judge.as_ref().is_some_and(|judge| score >= judge.from);
        let opinion = if !self.roles.has(role) {
            Opinion::Clean
        } else if score >= least {
            Opinion::Counts
        } else if asked {
            Opinion::Unsure
        } else {
            Opinion::Clean
        };
        (opinion, score, view)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(injection: u16) -> Scores {
        Scores {
            injection,
            ..Scores::default()
        }
    }

    #[test]
    fn what_scores_mean() {
        let scoring = Scoring {
            class: Class::PromptInjection,
            least: 700,
            least_of_tools: 600,
            roles: Roles::USUAL,
            by_role: false,
            judge: None,
        };
        let opinion = |score, role| scoring.opinion(&scores(score), role).0;
        for (score, role, meant) in [
            (699, ScoredRole::User, Opinion::Clean),
            (700, ScoredRole::User, Opinion::Counts),
            (599, ScoredRole::Tool, Opinion::Clean),
            (600, ScoredRole::Tool, Opinion::Counts),
            (1000, ScoredRole::System, Opinion::Clean),
            (1000, ScoredRole::Assistant, Opinion::Clean),
        ] {
            assert_eq!(opinion(score, role), meant, "{score} {role:?}");
        }
    }

    #[test]
    fn roles_are_sets() {
        let some: Roles = [ScoredRole::System, ScoredRole::Tool].into_iter().collect();
        let has = ScoredRole::ALL.map(|role| some.has(role));
        assert_eq!(has, [true, false, false, true]);
    }
}
