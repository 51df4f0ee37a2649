/*! One set of guardrails in one phase, as one search with rules. */

use super::super::super::document::GuardrailEntry;
use super::super::super::guardrail::{Action, Detect, Phase};
use super::super::super::problem::Problems;
use super::Set;
use super::pool::Pool;
use crate::detect::{Entities, Entity, Hosts, Pattern, Patterns, Phrases, Search};
use crate::mask::{Act, Guards, Matches, Rule};
use std::collections::HashMap;
use std::rc::Rc;

/// What operators added, compiled once for each set of guardrails that have some.
pub(super) struct Finders<'d> {
    entries: &'d [GuardrailEntry],
    patterns: HashMap<Set, Option<Rc<Patterns>>>,
    phrases: HashMap<Set, Option<Rc<Phrases>>>,
    hosts: HashMap<u16, Rc<Hosts>>,
}

impl<'d> Finders<'d> {
    pub(super) fn new(entries: &'d [GuardrailEntry]) -> Self {
        Self {
            entries,
            patterns: HashMap::new(),
            phrases: HashMap::new(),
            hosts: HashMap::new(),
        }
    }

    /// What `set` does to texts of `phase`.
    pub(super) fn guards(&mut self, phase: Phase, set: &[u16], problems: &mut Problems) -> Guards {
        let mut entities = Entities::default();
        let mut patterns: Pool<'_, Pattern> = Pool::default();
        let mut phrases: Pool<'_, String> = Pool::default();
        let mut rules = Vec::new();
        for guardrail in set.iter().copied() {
            let Some(entry) = self.entries.get(usize::from(guardrail)) else {
                continue;
            };
            let matches = match &entry.guardrail.detect {
                Detect::PersonalData(some) | Detect::Secrets(some) | Detect::Listed(some) => {
                    entities = entities.and(*some);
                    vec![Matches::Entities(*some)]
                }
                Detect::Patterns(list) => {
                    let ranges = patterns.add(guardrail, list);
                    ranges.into_iter().map(Matches::Patterns).collect()
                }
                Detect::Phrases(list) => {
                    let ranges = phrases.add(guardrail, list);
                    ranges.into_iter().map(Matches::Phrases).collect()
                }
                Detect::SystemPrompt { .. } => vec![Matches::SystemPrompt],
                Detect::Links(hosts) => {
                    entities = entities.and([Entity::Url].into_iter().collect());
                    vec![Matches::Links(self.hosts(guardrail, entry, hosts, problems))]
                }
                Detect::Service(_) => Vec::new(),
            };
            let act = act(&entry.guardrail.action, phase);
            rules.extend(matches.into_iter().map(|matches| Rule {
                guardrail,
                matches,
                act: act.clone(),
            }));
        }
        let search = Search {
            entities,
            patterns: self.patterns(&patterns, problems),
            phrases: self.phrases(&phrases, problems),
            system_prompt: None,
        };
        Guards::new(search, rules)
    }
}

/// What becomes of a match in this phase.
fn act(action: &Action, phase: Phase) -> Act {
    match (action, phase) {
        (Action::Restore(_), Phase::Input) => Act::Restore,
        (Action::Restore(style) | Action::Mask(style), _) => Act::Mask(style.clone()),
        (Action::Block, _) => Act::Block,
        (Action::Monitor, _) => Act::Monitor,
    }
}
