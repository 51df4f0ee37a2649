/*! What several guardrails look for, each thing once: a finder that has something twice
tells of one of them. */

use crate::detect::Pattern;
use std::collections::HashMap;
use std::ops::Range;

/// Where something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) guardrail: u16,
    /// In the guardrail's list.
    pub(super) index: usize,
}

/// Things of several guardrails, in the order in which they came.
pub(super) struct Pool<'d, T> {
    pub(super) things: Vec<&'d T>,
    /// Where each was first.
    pub(super) places: Vec<Place>,
    known: HashMap<&'d str, usize>,
}

impl<T> Default for Pool<'_, T> {
    fn default() -> Self {
        Self {
            things: Vec::new(),
            places: Vec::new(),
            known: HashMap::new(),
        }
    }
}

/// Things that are the same if their keys are.
pub(super) trait Keyed {
    fn key(&self) -> &str;
}

impl Keyed for Pattern {
    fn key(&self) -> &str {
        &self.name
    }
}

impl Keyed for String {
    fn key(&self) -> &str {
        self
    }
}

impl<'d, T: Keyed> Pool<'d, T> {
    /// Adds those that are not there yet; hands back where all are.
    pub(super) fn add(&mut self, guardrail: u16, things: &'d [T]) -> Vec<Range<u16>> {
        let mut ranges: Vec<Range<u16>> = Vec::new();
        for (index, thing) in things.iter().enumerate() {
            let next = self.things.len();
            let place = *self.known.entry(thing.key()).or_insert(next);
            if place == next {
                self.things.push(thing);
                self.places.push(Place { guardrail, index });
            }
            // More than 4,096 things are refused before.
            let Ok(place) = u16::try_from(place) else {
                continue;
            };
            match ranges.last_mut() {
                Some(range) if range.end == place => range.end = place.saturating_add(1),
                _ => ranges.push(place..place.saturating_add(1)),
            }
        }
        ranges
    }
}
