/*! Personal data and secrets, found as text comes.

Most text is passed over in blocks (`quick`, `lanes`). The rest is cut into regions (`scanner`, `joins`), a region is seen folded to ASCII (`chars`,
`view`), finders name candidates in it (`find`), with the words to the left where these are
needed (`context`, `words`), and of those that overlap the surest stands (`judge`). Secrets beyond
the longest region go on until what ends them (`long`). */

mod by_first;
mod chars;
mod checks;
mod context;
mod entity;
mod find;
mod hit;
mod joins;
mod judge;
mod lanes;
mod long;
mod own;
mod quick;
mod scanner;
mod search;
mod sentences;
mod view;
mod words;

pub use context::REACH;
pub use entity::{Entities, Entity, Group};
pub use find::{IDENTITIES, Identity};
pub use hit::{Hit, What};
pub use own::{
    Check, Hosts, LONGEST_MATCH, LONGEST_REFERENCE, Pattern, Patterns, Phrases, SCHEMES,
    SystemPrompt, USUAL_MATCH, reference,
};
pub use quick::is_clear;
pub use scanner::{LONGEST_REGION, Scanner};
pub use search::{Finder, Search};
pub use sentences::Classes;

/// Something that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub entity: Entity,
    /// Where it begins, in bytes of all text.
    pub start: usize,
    /// Where it ends, in bytes, exclusive.
    pub end: usize,
    /// Whether it is all of what was found.
    pub part: Part,
}

/// Findings longer than [`LONGEST_REGION`], and private keys, are said in parts, since
/// their end is not waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It is whole.
    Whole,
    /// More may follow.
    First,
    /// It goes on the one before, which ended where this one begins.
    Next,
}

/// All findings of a text, in its order.
pub fn find(text: &str, wanted: Entities) -> Vec<Finding> {
    let mut scanner = Scanner::new(wanted);
    let mut parts = Vec::new();
    scanner.push(text, &mut parts);
    scanner.finish(&mut parts);
    let mut findings: Vec<Finding> = Vec::with_capacity(parts.len());
    for part in parts {
        match findings.last_mut() {
            Some(last) if part.part == Part::Next => last.end = part.end,
            _ => findings.push(part),
        }
    }
    findings
}

#[cfg(test)]
mod tests;
