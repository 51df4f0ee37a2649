/*! What a search has found, whatever found it. */

use super::{Entity, Finding, Part};
use crate::classify::Class;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// Personal data or a secret.
    Entity(Entity),
    /// A match of the operator's pattern with this index in [`Patterns`](super::Patterns).
    Pattern(u16),
    /// The operator's phrase with this index in [`Phrases`](super::Phrases).
    Phrase(u16),
    /// A run of words of the system prompt.
    SystemPrompt,
    /// Where a link leads, whether or not it may.
    Link,
    /// A sentence of this class, by its score in thousandths.
    Class(Class, u16),
}

/// Something that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// What it is.
    pub what: What,
    /// Where it begins, in bytes of all text.
    pub start: usize,
    /// Where it ends, in bytes, exclusive.
    pub end: usize,
    /// Whether it is all of what was found.
    pub part: Part,
}

impl From<Finding> for Hit {
    fn from(finding: Finding) -> Self {
        Self {
            what: What::Entity(finding.entity),
            start: finding.start,
            end: finding.end,
            part: finding.part,
        }
    }
}
