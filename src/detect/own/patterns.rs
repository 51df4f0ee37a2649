/*! Operators' patterns. */

use super::Check;

/// Longest match that a pattern may have, in bytes.
pub const LONGEST_MATCH: usize = 256;

/// What an operator writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// Its name in masks and records.
    pub name: String,
    /// A regular expression.
    pub regex: String,
    /// Its check digits.
    pub check: Option<Check>,
    /// If there are any, one of these words must stand at most
    /// [`REACH`](crate::detect::REACH) code points to the left.
    pub context: Vec<String>,
    /// Longest match, in bytes, at most [`LONGEST_MATCH`].
    pub max_length: usize,
}

/// Operators' patterns, compiled once with the policy.
#[derive(Debug)]
pub struct Patterns {
    names: Vec<String>,
}

impl Patterns {
    /// Compiles them.
    ///
    /// # Errors
    ///
    /// The index of each that is wrong, and why.
    pub fn new(list: Vec<Pattern>) -> Result<Self, Vec<(usize, String)>> {
        let names = list.into_iter().map(|pattern| pattern.name).collect();
        Ok(Self { names })
    }

    /// The name of a pattern; empty if there is none with this index.
    pub fn name(&self, index: u16) -> &str {
        let name = self.names.get(usize::from(index));
        name.map_or("", String::as_str)
    }
}
