/*! What judges have said of texts that come again: with each call of a conversation all of it
does. */

use super::Findings;
use crate::config::Asked;
use crate::host::Instant;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, VecDeque};

/// Most verdicts that are kept, by each worker: some 100 KiB.
const MOST: usize = 1024;

/// SHA-256 of the texts, and of who judges them.
type Key = [u8; 32];

/// Verdicts of judges for a time; of the texts only a hash is kept.
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
    /// What this service has said of these texts, if it is not too long ago.
    pub fn of(
        &self,
        asked: &Asked,
        texts: &[String],
        now: impl FnOnce() -> Instant,
    ) -> Option<Findings> {
        if asked.remember_ms == 0 {
            return None;
        }
        let verdict = self.known.get(&key(asked, texts))?;
        (now() < verdict.until).then(|| verdict.findings.clone())
    }

    /// Keeps what it has said.
    pub fn keep(
        &mut self,
        asked: &Asked,
        texts: &[String],
        findings: &Findings,
        now: impl FnOnce() -> Instant,
    ) {
        if asked.remember_ms == 0 {
            return;
        }
        let key = key(asked, texts);
        let verdict = Verdict {
            findings: findings.clone(),
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

fn key(asked: &Asked, texts: &[String]) -> Key {
    let mut hash = Sha256::new();
    hash.update(asked.guardrail.to_le_bytes());
    for text in texts {
        // Lengths tell where one text ends and the next begins.
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
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
    fn verdicts_are_of_the_same_texts_and_service_and_for_a_time() {
        let texts = ["a", "bc"].map(str::to_owned);
        let mut remembered = Remembered::default();
        remembered.keep(&asked(1, 50), &texts, &flagged(), at(100));
        let of = |asked, texts: &[&str], millis| {
            let texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
            remembered.of(&asked, &texts, at(millis))
        };
        assert_eq!(of(asked(1, 50), &["a", "bc"], 149), Some(flagged()));
        assert_eq!(of(asked(1, 50), &["a", "bc"], 150), None);
        assert_eq!(of(asked(2, 50), &["a", "bc"], 149), None);
        assert_eq!(of(asked(1, 0), &["a", "bc"], 149), None);
        assert_eq!(of(asked(1, 50), &["ab", "c"], 149), None);
        assert_eq!(of(asked(1, 50), &["abc"], 149), None);
    }

    #[test]
    fn the_oldest_verdicts_go_first() {
        let mut remembered = Remembered::default();
        let text = |index: usize| [index.to_string()];
        for index in 0..=MOST {
            remembered.keep(&asked(1, 50), &text(index), &flagged(), at(0));
        }
        let known = |index| remembered.of(&asked(1, 50), &text(index), at(0)).is_some();
        assert_eq!([known(0), known(1), known(MOST)], [false, true, true]);
        assert_eq!(remembered.known.len(), MOST);
        assert_eq!(remembered.order.len(), MOST);
    }
}
