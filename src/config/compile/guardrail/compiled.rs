/*! What is compiled of several guardrails, each combination once. */

use super::super::super::document::GuardrailEntry;
use super::super::super::problem::Problems;
use super::pool::{Place, Pool};
use std::collections::HashMap;
use std::rc::Rc;

/// Most combinations that tenants have: each takes memory, up to some MiB, in each worker.
const MOST: usize = 64;

/// What was compiled, by what it was compiled of; `None` if that has problems.
pub(super) struct Compiled<T> {
    /// The name of the list in the document.
    list: &'static str,
    known: HashMap<Vec<Place>, Option<Rc<T>>>,
}

impl<T> Compiled<T> {
    pub(super) fn new(list: &'static str) -> Self {
        Self {
            list,
            known: HashMap::new(),
        }
    }

    /// All of `pool` together; `None` if it is empty or has problems.
    pub(super) fn compile<K: Clone>(
        &mut self,
        pool: Pool<'_, K>,
        compile: impl FnOnce(Vec<K>) -> Result<T, Vec<(usize, String)>>,
        entries: &[GuardrailEntry],
        problems: &mut Problems,
    ) -> Option<Rc<T>> {
        if pool.places.is_empty() {
            return None;
        }
        if let Some(known) = self.known.get(&pool.places) {
            return known.clone();
        }
        let things = pool.things.into_iter().cloned().collect();
        let told = |errors| tell(entries, (&pool.places, self.list), errors, problems);
        let compiled = compile(things).map_err(told).ok().map(Rc::new);
        self.known.insert(pool.places, compiled.clone());
        if self.known.len() > MOST {
            let message = format!(
                "must not give tenants more than {MOST} different sets of {}: let more of them \
                 be for all",
                self.list
            );
            problems.error_once("guardrails", message);
        }
        compiled
    }
}

/// The problems of things of several guardrails, each where it stands.
fn tell(
    entries: &[GuardrailEntry],
    (places, list): (&[Place], &str),
    errors: Vec<(usize, String)>,
    problems: &mut Problems,
) {
    for (index, message) in errors {
        let place = places.get(index);
        let entry = place.and_then(|place| entries.get(usize::from(place.guardrail)));
        let path = match (place, entry) {
            (Some(place), Some(entry)) => format!("{}.detect.{list}[{}]", entry.path, place.index),
            _ => "guardrails".to_owned(),
        };
        problems.error_once(path, message);
    }
}
