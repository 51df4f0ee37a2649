/*! One set of guardrails in one phase, as one search with rules. */

use super::super::super::document::GuardrailEntry;
use super::super::super::guardrail::{Action, Detect, Phase};
use super::super::super::problem::Problems;
use super::compiled::Compiled;
use super::pool::Pool;
use crate::detect::{Classes, Entities, Hosts, Pattern, Patterns, Phrases, Search};
use crate::mask::{Act, Guards, Matches, Rule};
use std::collections::HashMap;
use std::rc::Rc;

/// What operators added, compiled once for each set of guardrails that have some.
pub(super) struct Finders<'d> {
    entries: &'d [GuardrailEntry],
    patterns: Compiled<Patterns>,
    phrases: Compiled<Phrases>,
    hosts: HashMap<u16, Rc<Hosts>>,
}

impl<'d> Finders<'d> {
    pub(super) fn new(entries: &'d [GuardrailEntry]) -> Self {
        Self {
            entries,
            patterns: Compiled::new("patterns"),
            phrases: Compiled::new("phrases"),
            hosts: HashMap::new(),
        }
    }

    /// What `set` does to texts of `phase`.
    pub(super) fn guards(&mut self, phase: Phase, set: &[u16], problems: &mut Problems) -> Guards {
        let (mut entities, mut links) = (Entities::default(), false);
        let mut classes = Classes::default();
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
                Detect::SystemPrompt { words } => vec![Matches::SystemPrompt { words: *words }],
                Detect::Links(hosts) => {
                    links = true;
                    let hosts = self.hosts(guardrail, &entry.path, hosts, problems);
                    hosts.map(Matches::Links).into_iter().collect()
                }
                Detect::Scored(scoring) if by_sentence(&entry.guardrail.action, phase) => {
                    let (class, least) = (scoring.class, scoring.least);
                    classes.add(class, least);
                    vec![Matches::Class { class, least }]
                }
                Detect::Scored(_) | Detect::Service(_) | Detect::Request(_) => Vec::new(),
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
            patterns: self
                .patterns
                .compile(patterns, Patterns::new, self.entries, problems),
            phrases: self.phrases.compile(
                phrases,
                |list| Phrases::new(&list),
                self.entries,
                problems,
            ),
            // Each call has its own.
            system_prompt: None,
            links,
            classes,
        };
        Guards::new(search, rules)
    }

    fn hosts(
        &mut self,
        guardrail: u16,
        path: &str,
        list: &[String],
        problems: &mut Problems,
    ) -> Option<Rc<Hosts>> {
        if let Some(known) = self.hosts.get(&guardrail) {
            return Some(Rc::clone(known));
        }
        match Hosts::new(list.to_vec()) {
            Ok(hosts) => {
                let hosts = Rc::new(hosts);
                self.hosts.insert(guardrail, Rc::clone(&hosts));
                Some(hosts)
            }
            Err(errors) => {
                for (index, message) in errors {
                    problems.error_once(format!("{path}.detect.links.allow[{index}]"), message);
                }
                None
            }
        }
    }
}

/// Whether sentences are scored, and not whole texts: those of an answer may be on their way
/// before it is whole, and a mask covers no more than it has to.
const fn by_sentence(action: &Action, phase: Phase) -> bool {
    matches!(phase, Phase::Output) || matches!(action, Action::Mask(_))
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
