/*! Masking as text comes: what goes on is the same whatever the pieces were.

Text that can still become a finding is held, and nothing else. */

use super::style::Style;
use crate::detect::{Entities, Entity, Finding, Part, Scanner};
use std::rc::Rc;

/// What is looked for, and how each entity is masked.
#[derive(Debug, Default)]
pub struct Masks {
    /// All that is looked for; those without a style are left as they are.
    pub wanted: Entities,
    /// Of an entity in several, the first counts.
    pub styles: Vec<(Entities, Style)>,
}

impl Masks {
    fn style(&self, entity: Entity) -> Option<&Style> {
        let styles = self.styles.iter();
        let mut of_entity = styles.filter(|(entities, _)| entities.has(entity));
        of_entity.next().map(|(_, style)| style)
    }
}

/// Masks one text that comes in pieces.
#[derive(Debug)]
pub struct Masker {
    masks: Rc<Masks>,
    scanner: Scanner,
    /// Text that has come and is not settled.
    held: String,
    /// Offset of `held` in all text, in bytes.
    base: usize,
}

/// What a piece has settled.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Masked {
    /// Text to go on.
    pub text: String,
    /// What was found; offsets are in the text as it came, in bytes.
    pub found: Vec<Finding>,
}

impl Masker {
    /// One for a text of its own.
    pub fn new(masks: Rc<Masks>) -> Self {
        Self {
            scanner: Scanner::new(masks.wanted),
            masks,
            held: String::new(),
            base: 0,
        }
    }

    /// Takes the next piece.
    pub fn push(&mut self, piece: &str) -> Masked {
        self.held.push_str(piece);
        let mut found = Vec::new();
        self.scanner.push(piece, &mut found);
        self.settle(found, self.scanner.settled())
    }

    /// Takes the end of the text.
    pub fn finish(&mut self) -> Masked {
        let mut found = Vec::new();
        self.scanner.finish(&mut found);
        let all = self.base.saturating_add(self.held.len());
        self.settle(found, all)
    }

    /// Bytes that wait for what comes.
    pub const fn held(&self) -> usize {
        self.held.len()
    }

    fn settle(&mut self, found: Vec<Finding>, upto: usize) -> Masked {
        let mut text = String::new();
        let mut from = self.base;
        for finding in &found {
            let Some(style) = self.masks.style(finding.entity) else {
                continue;
            };
            text.push_str(self.part(from, finding.start));
            let value = self.part(finding.start, finding.end);
            match finding.part {
                Part::Whole => style.write(finding.entity.name(), value, &mut text),
                // Its end may not be known: there is nothing to keep or to hash.
                Part::First => Style::Replace.write(finding.entity.name(), value, &mut text),
                Part::Next => {}
            }
            from = finding.end;
        }
        text.push_str(self.part(from, upto));
        self.held
            .drain(..upto.saturating_sub(self.base).min(self.held.len()));
        self.base = upto;
        Masked { text, found }
    }

    /// A part of the held text by its place in all text.
    fn part(&self, start: usize, end: usize) -> &str {
        let [start, end] = [start, end].map(|place| place.saturating_sub(self.base));
        self.held.get(start..end).unwrap_or_default()
    }
}

/// Masks a whole text.
pub fn mask(text: &str, masks: Rc<Masks>) -> Masked {
    let mut masker = Masker::new(masks);
    let mut all = masker.push(text);
    let rest = masker.finish();
    all.text.push_str(&rest.text);
    all.found.extend(rest.found);
    all
}

#[cfg(test)]
#[path = "masker_tests.rs"]
mod tests;
