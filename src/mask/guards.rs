/*! What is done with what is found. */

use super::flow::LOOKALIKE;
use super::placeholder::Labels;
use super::style::Style;
use crate::classify::Class;
use crate::detect::{Entities, Entity, Hosts, Search, SystemPrompt, What};
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
    /// So many words in a row of the system prompt.
    SystemPrompt {
        /// How many.
        words: usize,
    },
    /// Links to hosts other than these.
    Links(Rc<Hosts>),
    /// Sentences that score so much or more for a class.
    Class {
        /// What for.
        class: Class,
        /// In thousandths.
        least: u16,
    },
}

/// What becomes of what is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// It is masked for good.
    Mask(Style),
    /// A placeholder stands for it until the answer comes back. Where no placeholders are
    /// made it is replaced by its name.
    Restore,
    /// The text does not go on.
    Block,
    /// It is counted, nothing else.
    Monitor,
}

/// What the guardrails of one tenant and phase do to a text, compiled with the policy.
#[derive(Debug, Clone, Default)]
pub struct Guards {
    search: Search,
    rules: Vec<Rule>,
    labels: Labels,
}

impl Matches {
    /// Whether it is about `what`, which was found as `text`.
    pub(super) fn has(&self, what: What, text: &str) -> bool {
        match (self, what) {
            (Self::Entities(entities), What::Entity(entity)) => entities.has(entity),
            (Self::Patterns(range), What::Pattern(index))
            | (Self::Phrases(range), What::Phrase(index)) => range.contains(&index),
            (Self::SystemPrompt { .. }, What::SystemPrompt) => true,
            (Self::Links(hosts), What::Link) => !hosts.allow(text),
            (Self::Class { class, least }, What::Class(found, score)) => {
                *class == found && score >= *least
            }
            _ => false,
        }
    }
}

impl Guards {
    /// Guards by their rules, in the order of the policy: of those that mask the same, the
    /// first decides how. `search` has to look for all that the rules are about.
    pub fn new(search: Search, rules: Vec<Rule>) -> Self {
        let mut guards = Self {
            search,
            rules,
            labels: Labels::default(),
        };
        guards.labels = guards.restorable();
        guards
    }

    /// All that is looked for.
    pub const fn search(&self) -> &Search {
        &self.search
    }

    /// What is done with it.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// How many words of the system prompt count as repeated, if any rule is about them: the
    /// least of all rules.
    pub fn prompt_words(&self) -> Option<usize> {
        let words = self.rules.iter().filter_map(|rule| match rule.matches {
            Matches::SystemPrompt { words } => Some(words),
            _ => None,
        });
        words.min()
    }

    /// These guards for a call with this system prompt.
    #[must_use]
    pub fn for_prompt(&self, prompt: Rc<SystemPrompt>) -> Self {
        let mut guards = self.clone();
        guards.search.system_prompt = Some(prompt);
        guards
    }

    /// The name of what is found, as masks and findings show it.
    pub fn name(&self, what: What) -> &str {
        match what {
            What::Entity(entity) => entity.name(),
            What::Pattern(index) => {
                let patterns = self.search.patterns.as_deref();
                patterns.map_or("PATTERN", |patterns| patterns.name(index))
            }
            What::Phrase(_) => "PHRASE",
            What::SystemPrompt => "SYSTEM_PROMPT",
            What::Link => "LINK",
            What::Class(class, _) => class.name(),
        }
    }

    /// Whether something is masked such that it can be restored.
    pub fn restores(&self) -> bool {
        self.rules.iter().any(|rule| rule.act == Act::Restore)
    }

    /// Names that placeholders of these guards can have.
    pub(super) const fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Rules about `what`, which was found as `text`, in their order.
    pub(super) fn about<'g>(&'g self, what: What, text: &'g str) -> impl Iterator<Item = &'g Rule> {
        let rules = self.rules.iter();
        rules.filter(move |rule| rule.matches.has(what, text))
    }

    fn restorable(&self) -> Labels {
        let mut labels = Labels::default();
        for rule in self.rules.iter().filter(|rule| rule.act == Act::Restore) {
            for what in whats(&rule.matches) {
                labels.add(self.name(what));
            }
            labels.add(LOOKALIKE);
        }
        labels
    }
}

/// All that a rule can be about, phrases by one of them.
fn whats(matches: &Matches) -> Vec<What> {
    match matches {
        Matches::Entities(entities) => {
            let all = Entity::ALL.iter().copied();
            let wanted = all.filter(|entity| entities.has(*entity));
            wanted.map(What::Entity).collect()
        }
        Matches::Patterns(range) => range.clone().map(What::Pattern).collect(),
        Matches::Phrases(_) => vec![What::Phrase(0)],
        Matches::SystemPrompt { .. } => vec![What::SystemPrompt],
        Matches::Links(_) => vec![What::Link],
        Matches::Class { class, least } => vec![What::Class(*class, *least)],
    }
}
