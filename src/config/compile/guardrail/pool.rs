/*! What several guardrails look for, each thing once: a finder that has something twice
tells of one of them. */

use std::ops::Range;

/// Things of several guardrails, in the order in which they came.
pub(super) struct Pool<'d, T> {
    things: Vec<&'d T>,
    /// Where each was first: the guardrail, and the index there.
    places: Vec<(u16, usize)>,
}

impl<T> Default for Pool<'_, T> {
    fn default() -> Self {
        Self {
            things: Vec::new(),
            places: Vec::new(),
        }
    }
}

impl<'d, T: Eq + std::hash::Hash> Pool<'d, T> {
    /// Adds those that are not there yet; hands back where all are.
    pub(super) fn add(&mut self, guardrail: u16, things: &'d [T]) -> Vec<Range<u16>> {
        let mut ranges: Vec<Range<u16>> = Vec::new();
        for (index, thing) in things.iter().enumerate() {
            let known = self.things.iter().position(|known| *known == thing);
            let place = known.unwrap_or_else(|| {
                self.things.push(thing);
                self.places.push((guardrail, index));
                self.things.len().saturating_sub(1)
            });
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
