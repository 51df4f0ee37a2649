/*! What judges have said of texts that come again: with each call of a conversation all of it
does. */

use super::Findings;
use super::reading::keep;
use crate::config::Asked;
use crate::host::Instant;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, VecDeque};

/// Most verdicts that are kept, by each worker: some 100 KiB.
const MOST: usize = 1024;

/// SHA-256 of a text, and of who judges it.
type Key = [u8; 32];

/// Verdicts of judges for a time; of a text only a hash is kept.
#[derive(Debug, Default)]
pub struct Remembered {
    known: HashMap<Key, Verdict>,
    /// In the order in which they were added.
    order: VecDeque<Key>,
}

#[derive(Debug)]
struct Verdict {
    findings: Findings,
    until: Instant,
}

impl Remembered {
    /// What this judge has said of this text, if it is not too long ago.
    pub fn of(&self, asked: &Asked, text: &str, now: impl FnOnce() -> Instant) -> Option<Findings> {
        if asked.remember_ms == 0 {
            return None;
        }
        let verdict = self.known.get(&key(asked, text))?;
        (now() < verdict.until).then(|| verdict.findings.clone())
    }

    /// Keeps what it has said: whether it objects, and why in a few words.
    pub fn keep(
        &mut self,
        asked: &Asked,
        text: &str,
        findings: &Findings,
        now: impl FnOnce() -> Instant,
    ) {
        if asked.remember_ms == 0 {
            return;
        }
        let key = key(asked, text);
        let verdict = Verdict {
            findings: verdict_of(findings),
            until: now().after_millis(asked.remember_ms),
        };
        if self.known.insert(key, verdict).is_some() {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

/// A judge only blocks or counts: where a value stands is not needed again, and there may be many.
fn verdict_of(findings: &Findings) -> Findings {
    let mut reasons = findings.reasons.clone();
    for found in &findings.values {
        keep(&mut reasons, &found.name);
    }
    Findings {
        values: Vec::new(),
        flagged: findings.flagged || !findings.values.is_empty(),
        reasons,
    }
}

fn key(asked: &Asked, text: &str) -> Key {
    let mut hash = Sha256::new();
    hash.update(asked.guardrail.to_le_bytes());
    hash.update(text);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::super::Found;
    use super::*;
    use crate::config::{Action, FailureMode, Service, ServiceKind};
    use std::rc::Rc;

    fn asked(guardrail: u16, remember_ms: u64) -> Asked {
        Asked {
            guardrail,
            service: Rc::new(Service {
                cluster: "guard".to_owned(),
                authority: "guard".to_owned(),
                path: "/".to_owned(),
                kind: ServiceKind::Generic,
                timeout_ms: 500,
                failure_mode: FailureMode::Closed,
            }),
            action: Action::Block,
            remember_ms,
        }
    }

    fn flagged() -> Findings {
        Findings {
            flagged: true,
            ..Findings::default()
        }
    }

    fn at(millis: u64) -> impl FnOnce() -> Instant {
        move || Instant::default().after_millis(millis)
    }

    #[test]
    fn verdicts_are_of_the_same_text_and_judge_and_for_a_time() {
        let mut remembered = Remembered::default();
        remembered.keep(&asked(1, 50), "abc", &flagged(), at(100));
        let of = |asked, text: &str, millis| remembered.of(&asked, text, at(millis));
        assert_eq!(of(asked(1, 50), "abc", 149), Some(flagged()));
        assert_eq!(of(asked(1, 50), "abc", 150), None);
        assert_eq!(of(asked(2, 50), "abc", 149), None);
        assert_eq!(of(asked(1, 0), "abc", 149), None);
        assert_eq!(of(asked(1, 50), "ab", 149), None);
    }

    #[test]
    fn the_oldest_verdicts_go_first() {
        let mut remembered = Remembered::default();
        for index in 0..=MOST {
            remembered.keep(&asked(1, 50), &index.to_string(), &flagged(), at(0));
        }
        let known = |index: usize| {
            let text = index.to_string();
            remembered.of(&asked(1, 50), &text, at(0)).is_some()
        };
        assert_eq!([known(0), known(1), known(MOST)], [false, true, true]);
        assert_eq!(remembered.known.len(), MOST);
        assert_eq!(remembered.order.len(), MOST);
    }

    #[test]
    fn regression_what_is_kept_is_small() {
        let value = |text| Found {
            text,
            start: 0,
            end: 1,
            name: "NAME".to_owned(),
        };
        let many = Findings {
            values: (0..100_000).map(value).collect(),
            ..Findings::default()
        };
        let mut remembered = Remembered::default();
        remembered.keep(&asked(1, 50), "abc", &many, at(0));
        let wanted = Findings {
            reasons: vec!["NAME".to_owned()],
            ..flagged()
        };
        assert_eq!(remembered.of(&asked(1, 50), "abc", at(0)), Some(wanted));
    }
}
