/*! All services that are asked about the texts of one body, at once. */

use super::{Asker, Failure, Findings, Found, Mask, Texts, findings, question};
use crate::config::{Action, Asked, FailureMode, Phase};
use crate::http::{Answer, Callout};
use crate::json::Edits;
use crate::mask::{Placeholders, Style, Vault};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// What a flag without a reason is counted as.
const FLAGGED: &str = "flagged";

/// Questions that are under way.
#[derive(Debug)]
pub struct Questions {
    asked: Vec<One>,
    texts: Texts,
}

/// A question to one service.
#[derive(Debug)]
struct One {
    asked: Asked,
    about: About,
    /// What it has said so far.
    said: Option<Result<Findings, Failure>>,
}

/// Which texts a question is about.
#[derive(Debug)]
enum About {
    /// All of the body.
    All,
    /// One that scores leave open, for a judge.
    Open([String; 1]),
}

/// A text that scores leave open, and who judges it.
#[derive(Debug)]
pub struct Open {
    /// The judge.
    pub judge: Asked,
    /// The text.
    pub text: String,
}

/// What a service has said in one phase of a call.
#[derive(Debug, PartialEq, Eq)]
pub struct Report {
    /// Index of the guardrail in the policy.
    pub guardrail: u16,
    /// Which texts were asked about.
    pub phase: Phase,
    /// What was found how often, by the service's names: at most 16 of them.
    pub found: BTreeMap<String, u64>,
    /// Why nothing is known of the texts.
    pub failure: Option<Failure>,
}

/// What becomes of a body.
#[derive(Debug, PartialEq, Eq)]
pub enum Ruling {
    /// It waits for answers.
    Wait,
    /// It goes on; see [`Questions::edits`].
    Pass,
    /// This guardrail blocks it.
    Block(u16),
    /// This guardrail could not be asked, and nothing passes without it.
    Fail(u16),
}

/// Most names that a report tells apart; those beyond count as one.
const MOST_NAMES: usize = 16;
const OTHERS: &str = "other";

impl Questions {
    /// Asks all of `services` about `texts`, and judges about what is open. `name` gives the
    /// name of a guardrail, `known` what a judge has said of a text before.
    pub fn ask<'n>(
        services: &[Asked],
        (texts, open): (Texts, Vec<Open>),
        phase: Phase,
        name: impl Fn(u16) -> &'n str,
        known: impl Fn(&Asked, &str) -> Option<Findings>,
    ) -> (Self, Vec<Callout>) {
        let services = services.iter().filter(|_| !texts.is_empty());
        let services = services.map(|asked| One {
            asked: asked.clone(),
            about: About::All,
            said: None,
        });
        let open = open.into_iter().map(|Open { judge, text }| One {
            said: known(&judge, &text).map(Ok),
            asked: judge,
            about: About::Open([text]),
        });
        let mut asked: Vec<One> = services.chain(open).collect();
        let mut callouts = Vec::new();
        for (token, one) in (0..).zip(&mut asked) {
            if one.said.is_some() {
                continue;
            }
            let asker = Asker {
                guardrail: name(one.asked.guardrail),
                phase,
                token,
            };
            match question(&one.asked.service, asker, one.about.texts(&texts)) {
                Ok(callout) => callouts.push(callout),
                Err(failure) => one.said = Some(Err(failure)),
            }
        }
        (Self { asked, texts }, callouts)
    }

    /// Takes the answer to the callout with this token; `None`: Envoy did not make it. What a
    /// judge has said of a text is handed to `learned`.
    pub fn answered(
        &mut self,
        token: u64,
        answer: Option<&Answer>,
        learned: impl FnOnce(&Asked, &str, &Findings),
    ) {
        let place = usize::try_from(token).unwrap_or(usize::MAX);
        let Some(one) = self.asked.get_mut(place).filter(|one| one.said.is_none()) else {
            return;
        };
        let read = answer.ok_or(Failure::NotSent);
        let texts = one.about.texts(&self.texts);
        let read = read.and_then(|answer| findings(&one.asked.service, texts, answer));
        if let (About::Open([text]), Ok(findings)) = (&one.about, &read) {
            learned(&one.asked, text, findings);
        }
        one.said = Some(read);
    }

    /// What is to be done by what is known.
    pub fn ruling(&self) -> Ruling {
        let mut rulings = self.asked.iter().map(one_ruling);
        let refuses = |ruling: &Ruling| matches!(ruling, Ruling::Block(_) | Ruling::Fail(_));
        // The first that refuses decides: it need not be waited for others.
        rulings.clone().find(refuses).unwrap_or_else(|| {
            let waits = rulings.any(|ruling| ruling == Ruling::Wait);
            if waits { Ruling::Wait } else { Ruling::Pass }
        })
    }

    /// The edits that mask what was found. What is to be restored gets a placeholder where
    /// these are made; elsewhere its mask is for good. What a service finds in a placeholder
    /// is no value.
    pub fn edits(&self, placeholders: Placeholders<'_>) -> Edits {
        let known = match &placeholders {
            Placeholders::Off => None,
            Placeholders::Make(vault) => Some(&**vault),
            Placeholders::Restore(vault) => Some(vault.as_ref()),
        };
        let values = self.heard().filter(|(asked, _)| masks(&asked.action));
        let values: Vec<(&Action, Vec<&Found>)> = values
            .map(|(asked, findings)| {
                let values = findings.values.iter();
                let values = values.filter(|found| !self.is_placeholder(found, known));
                (&asked.action, values.collect())
            })
            .collect();
        let vault = RefCell::new(match placeholders {
            Placeholders::Make(vault) => Some(vault),
            Placeholders::Off | Placeholders::Restore(_) => None,
        });
        let write = |action: &Action, name: &str, value: &str, out: &mut String| match (
            action,
            vault.borrow_mut().as_deref_mut(),
        ) {
            (Action::Restore(_), Some(vault)) => vault.put(name, value, out),
            (Action::Mask(style) | Action::Restore(style), _) => style.write(name, value, out),
            (Action::Block | Action::Monitor, _) => Style::Replace.write(name, value, out),
        };
        let writers: Vec<_> = values
            .into_iter()
            .map(|(action, values)| {
                let writer = |name: &str, value: &str, out: &mut String| {
                    write(action, name, value, out);
                };
                (writer, values)
            })
            .collect();
        let masks = writers.iter().flat_map(|(write, values)| {
            let values = values.iter();
            values.map(move |found| Mask { found, write })
        });
        self.texts.edits(&masks.collect::<Vec<_>>())
    }

    /// Whether a value is a placeholder of `vault`, or a part of one.
    fn is_placeholder(&self, found: &Found, vault: Option<&Vault>) -> bool {
        let text = self.texts.asked().get(found.text);
        let Some((vault, text)) = vault.filter(|vault| !vault.is_empty()).zip(text) else {
            return false;
        };
        // From a bracket at or before its first sign to one at or behind its last; a placeholder
        // is short.
        const REACH: usize = 128;
        let bytes = text.as_bytes();
        let from = found.start.saturating_sub(REACH);
        let front = bytes.get(from..found.start.saturating_add(1));
        let start = front.and_then(|front| front.iter().rposition(|byte| *byte == b'<'));
        let last = found.end.saturating_sub(1);
        let rest = bytes.get(last..last.saturating_add(REACH).min(bytes.len()));
        let end = rest.and_then(|rest| rest.iter().position(|byte| *byte == b'>'));
        let start = start.map(|place| from.saturating_add(place));
        let end = end.map(|place| last.saturating_add(place).saturating_add(1));
        let around = start.zip(end).and_then(|(start, end)| text.get(start..end));
        around.is_some_and(|around| vault.has_put(around))
    }

    /// What was said, for records.
    pub fn reports(&self, phase: Phase) -> impl Iterator<Item = Report> {
        self.asked.iter().filter_map(move |one| {
            let (found, failure) = match one.said.as_ref()? {
                Ok(findings) => (counted(findings), None),
                Err(failure) => (BTreeMap::new(), Some(*failure)),
            };
            Some(Report {
                guardrail: one.asked.guardrail,
                phase,
                found,
                failure,
            })
        })
    }

    fn heard(&self) -> impl Iterator<Item = (&Asked, &Findings)> {
        let heard = self.asked.iter();
        heard.filter_map(|one| Some((&one.asked, one.said.as_ref()?.as_ref().ok()?)))
    }
}

const fn masks(action: &Action) -> bool {
    matches!(action, Action::Mask(_) | Action::Restore(_))
}

fn one_ruling(one: &One) -> Ruling {
    let One { asked, about, said } = one;
    let monitors = asked.action == Action::Monitor;
    match said {
        None => Ruling::Wait,
        Some(_) if monitors => Ruling::Pass,
        // Whoever may make a text so long that a judge can't be asked must not pass by it.
        Some(Err(Failure::TooLong)) if matches!(about, About::Open(_)) => {
            Ruling::Fail(asked.guardrail)
        }
        Some(Err(_)) => match asked.service.failure_mode {
            FailureMode::Open => Ruling::Pass,
            FailureMode::Closed => Ruling::Fail(asked.guardrail),
        },
        Some(Ok(findings)) => {
            let found = !findings.values.is_empty() && !masks(&asked.action);
            // An objection to the whole leaves nothing to mask.
            if found || findings.flagged {
                Ruling::Block(asked.guardrail)
            } else {
                Ruling::Pass
            }
        }
    }
}

impl About {
    fn texts<'t>(&'t self, all: &'t Texts) -> &'t [String] {
        match self {
            Self::All => all.asked(),
            Self::Open(text) => text,
        }
    }
}

fn counted(findings: &Findings) -> BTreeMap<String, u64> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let names = findings.values.iter().map(|found| &found.name);
    let unnamed = findings.flagged && findings.reasons.is_empty();
    // Reasons are those of an objection.
    let reasons = findings.reasons.iter().filter(|_| findings.flagged);
    let names = names.chain(reasons).map(String::as_str);
    for name in names.chain(unnamed.then_some(FLAGGED)) {
        let known = counts.len() < MOST_NAMES || counts.contains_key(name);
        let count = counts.entry(if known { name } else { OTHERS }.to_owned());
        let count = count.or_default();
        *count = count.saturating_add(1);
    }
    counts
}
