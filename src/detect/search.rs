/*! All that is looked for in one text, and the finders of it run side by side. */

use super::hit::Hit;
use super::own::{Patterns, Phrases, SystemPrompt};
use super::{Entities, Finding, Scanner};
use std::rc::Rc;

/// All that is looked for in one text, compiled once.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Personal data and secrets.
    pub entities: Entities,
    /// Operators' patterns.
    pub patterns: Option<Rc<Patterns>>,
    /// Operators' phrases.
    pub phrases: Option<Rc<Phrases>>,
    /// What the system prompt of the call says.
    pub system_prompt: Option<Rc<SystemPrompt>>,
    /// Where links lead.
    pub links: bool,
}

/// Runs all finders of a search over text that comes in pieces.
///
/// Hits come in the order of their start and may overlap; what is found does not depend on
/// the pieces.
#[derive(Debug)]
pub struct Finder {
    scanner: Scanner,
    found: Vec<Finding>,
}

impl Finder {
    /// One for a text of its own.
    pub fn new(search: &Search) -> Self {
        Self {
            scanner: Scanner::new(search.entities),
            found: Vec::new(),
        }
    }

    /// Takes the next piece; adds what is found by it.
    pub fn push(&mut self, piece: &str, hits: &mut Vec<Hit>) {
        self.scanner.push(piece, &mut self.found);
        hits.extend(self.found.drain(..).map(Hit::from));
    }

    /// Takes the end of the text; adds the rest.
    pub fn finish(&mut self, hits: &mut Vec<Hit>) {
        self.scanner.finish(&mut self.found);
        hits.extend(self.found.drain(..).map(Hit::from));
    }

    /// In bytes of all text: every hit that begins before it has been given. One that was
    /// given may end behind it.
    pub const fn settled(&self) -> usize {
        self.scanner.settled()
    }
}
