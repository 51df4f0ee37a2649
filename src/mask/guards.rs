/*! What is done with what is found. */

use super::style::Style;
use crate::detect::{Entities, Patterns, Search, What};
use std::ops::Range;
use std::rc::Rc;

/// What one guardrail does with some of what is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Index of the guardrail in the policy.
    pub guardrail: u16,
    /// What it is about.
    pub matches: Matches,
    /// What becomes of it.
    pub act: Act,
}

/// What a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Matches {
    /// Built-in entities.
    Entities(Entities),
    /// Patterns, by their indexes in the search.
    Patterns(Range<u16>),
    /// Phrases, by their indexes in the search.
    Phrases(Range<u16>),
    /// Words of the system prompt.
    SystemPrompt,
    /// Links to hosts that are not allowed.
    Links,
}

/// What becomes of what is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// It is masked for good.
    Mask(Style),
    /// A placeholder stands for it until the answer comes back. Where there are no
    /// placeholders it is replaced by its name.
    Restore,
    /// The text does not go on.
    Block,
    /// It is counted, nothing else.
    Monitor,
}

/// What the guardrails of one tenant and phase do to a text, compiled with the policy.
#[derive(Debug, Clone, Default)]
pub struct Guards {
    /// All that is looked for.
    pub search: Search,
    /// In the order of the policy: of those that mask the same, the first decides how.
    pub rules: Vec<Rule>,
}

impl Matches {
    fn has(&self, what: What) -> bool {
        match (self, what) {
            (Self::Entities(entities), What::Entity(entity)) => entities.has(entity),
            (Self::Patterns(range), What::Pattern(index))
            | (Self::Phrases(range), What::Phrase(index)) => range.contains(&index),
            (Self::SystemPrompt, What::SystemPrompt) | (Self::Links, What::Link) => true,
            _ => false,
        }
    }
}

impl Guards {
    /// The name of what is found, as masks and findings show it.
    pub fn name(&self, what: What) -> &str {
        match what {
            What::Entity(entity) => entity.name(),
            What::Pattern(index) => self.pattern_name(index),
            What::Phrase(_) => "PHRASE",
            What::SystemPrompt => "SYSTEM_PROMPT",
            What::Link => "LINK",
        }
    }

    /// Whether something is masked such that it can be restored.
    pub fn restores(&self) -> bool {
        self.rules.iter().any(|rule| rule.act == Act::Restore)
    }

    /// Rules about `what`, in their order.
    pub(super) fn about(&self, what: What) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |rule| rule.matches.has(what))
    }
}
