/*! `guardrails`: what looks at each tenant's texts, compiled once for each set of
guardrails. Tenants with the same set share it. */

mod compiled;
mod pool;
mod request;
mod set;
mod useless;

use super::super::document::{GuardrailEntry, Named, OtherPathsEntry, TenantEntry};
use super::super::fields::Located;
use super::super::guardrail::{Action, Detect, Guardrail, Phase};
use super::super::guards::{Asked, Guards};
use super::super::problem::Problems;
use super::super::scoring::Scored;
use super::super::suggest::suggest;
use super::super::unscannable::UnscannableRules;
use crate::guardrails::Rules;
use crate::mask::{self, TagKey};
use set::Finders;
use std::collections::HashMap;
use std::rc::Rc;

pub(super) use request::{check_requests, warn_of_idle};

/// Indexes of guardrails, ascending.
type Set = Vec<u16>;

/// All that has been compiled so far.
pub(in super::super) struct Compiler<'d> {
    entries: &'d [GuardrailEntry],
    /// What the placeholders of all tenants are made with.
    restore: Vec<u8>,
    finders: Finders<'d>,
    guards: HashMap<(Phase, Set), Rc<mask::Guards>>,
    requests: request::Compiled,
}

impl<'d> Compiler<'d> {
    /// Placeholders are made with `digest`, that of the document, unless a guardrail has a
    /// key: whoever knows neither can't make up any.
    pub(in super::super) fn new(
        entries: &'d [GuardrailEntry],
        digest: &[u8],
        problems: &mut Problems,
    ) -> Self {
        let key = restore_key(entries, problems);
        let restore = key.map_or(digest, str::as_bytes).to_vec();
        Self {
            entries,
            restore,
            finders: Finders::new(entries),
            guards: HashMap::new(),
            requests: request::Compiled::default(),
        }
    }

    /// What guards `tenant`; `None`: what all guardrails together do, whomever they are for.
    pub(in super::super) fn guards(
        &mut self,
        tenant: Option<&str>,
        problems: &mut Problems,
    ) -> Guards {
        let is_for = |guardrail: &Guardrail| tenant.is_none_or(|name| guardrail.is_for(name));
        let [input, output] = [Phase::Input, Phase::Output].map(|phase| {
            let looks = |guardrail: &Guardrail| guardrail.phase.has(phase) && is_for(guardrail);
            let entries = (0..).zip(self.entries);
            let set = entries.filter(|(_, entry)| looks(&entry.guardrail));
            set.map(|(index, _)| index).collect::<Set>()
        });
        let restores = self.has(&input, |guardrail| {
            matches!(guardrail.action, Action::Restore(_))
        });
        self.check_prompt_words(&output, problems);
        Guards {
            restore: restores.then(|| self.tag_key(tenant.unwrap_or_default())),
            scored: self.scored(&input),
            judges: self.judges(&input),
            input_unscored: self.local(Phase::Input, self.without_scores(&input), problems),
            input_services: self.services(&input),
            output_services: self.services(&output),
            requests: self.requests(&input),
            input: self.local(Phase::Input, input, problems),
            output: self.local(Phase::Output, output, problems),
        }
    }

    /// A placeholder of one tenant is none in calls of another.
    fn tag_key(&self, tenant: &str) -> TagKey {
        TagKey::new(&[self.restore.as_slice(), b"\0", tenant.as_bytes()].concat())
    }

    fn entry(&self, index: u16) -> Option<&'d GuardrailEntry> {
        self.entries.get(usize::from(index))
    }

    fn members(&self, set: &[u16]) -> impl Iterator<Item = (u16, &'d GuardrailEntry)> {
        set.iter()
            .filter_map(|index| Some((*index, self.entry(*index)?)))
    }

    fn has(&self, set: &[u16], is: impl Fn(&Guardrail) -> bool) -> bool {
        self.members(set).any(|(_, entry)| is(&entry.guardrail))
    }

    /// What is done in this process.
    fn local(
        &mut self,
        phase: Phase,
        mut set: Set,
        problems: &mut Problems,
    ) -> Option<Rc<mask::Guards>> {
        let elsewhere = |guardrail: &Guardrail| {
            matches!(guardrail.detect, Detect::Service(_) | Detect::Request(_))
        };
        set.retain(|index| {
            let entry = self.entries.get(usize::from(*index));
            entry.is_some_and(|entry| !elsewhere(&entry.guardrail))
        });
        if set.is_empty() {
            return None;
        }
        if let Some(known) = self.guards.get(&(phase, set.clone())) {
            return Some(Rc::clone(known));
        }
        let guards = Rc::new(self.finders.guards(phase, &set, problems));
        self.guards.insert((phase, set), Rc::clone(&guards));
        Some(guards)
    }

    fn requests(&mut self, set: &[u16]) -> Option<Rc<Rules>> {
        let entries = self.entries;
        let members = set.iter().filter_map(|index| {
            let entry = entries.get(usize::from(*index))?;
            Some((*index, entry))
        });
        self.requests.rules(members)
    }

    fn services(&self, set: &[u16]) -> Rc<[Asked]> {
        let asked = |(index, entry): (u16, &GuardrailEntry)| match &entry.guardrail.detect {
            Detect::Service(service) => Some(Asked {
                guardrail: index,
                service: Rc::clone(service),
                action: entry.guardrail.action.clone(),
                remember_ms: 0,
            }),
            _ => None,
        };
        self.members(set).filter_map(asked).collect()
    }

    fn without_scores(&self, set: &[u16]) -> Set {
        let others = self.members(set);
        let others =
            others.filter(|(_, entry)| !matches!(entry.guardrail.detect, Detect::Scored(_)));
        others.map(|(index, _)| index).collect()
    }

    /// What scores whole texts.
    fn scored(&self, set: &[u16]) -> Rc<[Scored]> {
        let scored = |(index, entry): (u16, &GuardrailEntry)| match &entry.guardrail {
            Guardrail {
                detect: Detect::Scored(scoring),
                action: action @ (Action::Block | Action::Monitor),
                ..
            } => Some(Scored {
                guardrail: index,
                scoring: scoring.clone(),
                action: action.clone(),
            }),
            _ => None,
        };
        self.members(set).filter_map(scored).collect()
    }

    fn judges(&self, set: &[u16]) -> Rc<[Asked]> {
        let judge = |(index, entry): (u16, &GuardrailEntry)| match &entry.guardrail.detect {
            Detect::Scored(scoring) => scoring.judge.as_ref().map(|judge| Asked {
                guardrail: index,
                service: Rc::clone(&judge.service),
                action: entry.guardrail.action.clone(),
                remember_ms: judge.remember_ms,
            }),
            _ => None,
        };
        self.members(set).filter_map(judge).collect()
    }

    /// The prompt of a call is looked for in one way.
    fn check_prompt_words(&self, set: &[u16], problems: &mut Problems) {
        let mut first = None;
        for (_, entry) in self.members(set) {
            let Detect::SystemPrompt { words } = entry.guardrail.detect else {
                continue;
            };
            if *first.get_or_insert(words) != words {
                let message = "another guardrail of the same tenant has another number of words";
                problems.error_once(format!("{}.detect", entry.path), message);
            }
        }
    }
}

/// The key that guardrails have, which must be one: a value has one placeholder.
fn restore_key<'d>(entries: &'d [GuardrailEntry], problems: &mut Problems) -> Option<&'d str> {
    let mut keys = entries
        .iter()
        .filter_map(|entry| entry.restore_key.as_ref());
    let first = keys.next()?;
    for other in keys.filter(|key| key.value != first.value) {
        let message = format!("must be the same as {}: there is one for all", first.path);
        problems.error(&other.path, message);
    }
    Some(&first.value)
}

/// Names of tenants that there are not, and tenants that stand twice.
pub(super) fn check_tenants(
    entries: &[GuardrailEntry],
    tenants: &[Named<TenantEntry>],
    problems: &mut Problems,
) {
    let known = || tenants.iter().map(|tenant| tenant.name.as_str());
    for entry in entries {
        for (index, name) in entry.tenants.iter().enumerate() {
            let mut before = entry.tenants.iter().take(index);
            if before.any(|other| other.value == name.value) {
                problems.error(&name.path, format!("{:?} stands twice", name.value));
            } else if !known().any(|known| known == name.value) {
                let hint = suggest(&name.value, known());
                problems.error(&name.path, format!("no tenant {:?}{hint}", name.value));
            }
        }
    }
}

/// What is written and probably not meant.
pub(super) fn warn(
    (entries, unscannable, other_paths): (
        &[GuardrailEntry],
        &Option<Located<UnscannableRules>>,
        &OtherPathsEntry,
    ),
    problems: &mut Problems,
) {
    useless::warn_of_useless(entries, problems);
    request::warn_of_contradictions(entries, problems);
    match (entries, unscannable) {
        ([], Some(rules)) => {
            problems.warning(&rules.path, "has no effect without guardrails");
        }
        ([], None) => {}
        _ => {
            if let OtherPathsEntry::Pass(backend) = other_paths {
                problems.warning(&backend.path, "calls that pass unread pass all guardrails");
            }
        }
    }
}

/// The guardrails of all tenants, as records and metrics name them.
pub(super) fn guardrails(entries: Vec<GuardrailEntry>) -> Vec<Guardrail> {
    entries.into_iter().map(|entry| entry.guardrail).collect()
}
