/*! Where a value stands in a request, and refusals that say so. */

use crate::protocols::{ErrorKind, Refusal};
use std::fmt;

/// Where a value stands in a request, such as `messages[2].content[0].type`. It holds
/// names of the protocols' fields only, nothing that a caller chose.
#[derive(Debug, Clone, Copy)]
pub(super) enum Path<'p> {
    /// The body.
    Body,
    /// A member.
    Key(&'p Path<'p>, &'static str),
    /// An item.
    Index(&'p Path<'p>, usize),
}

impl Path<'_> {
    /// A member of what stands here.
    pub(super) const fn key(&self, name: &'static str) -> Path<'_> {
        Path::Key(self, name)
    }

    /// An item of what stands here.
    pub(super) const fn index(&self, index: usize) -> Path<'_> {
        Path::Index(self, index)
    }

    /// The value has the wrong type, or is none of the known ones.
    pub(super) fn wrong(&self, problem: &str) -> Refusal {
        self.refusal("invalid_value", problem)
    }

    /// The value is missing.
    pub(super) fn missing(&self) -> Refusal {
        self.refusal("missing_required_parameter", "is missing")
    }

    /// The other protocol has no word for it.
    pub(super) fn unsupported(&self) -> Refusal {
        self.unsupported_since("is not supported by the provider of this model")
    }

    /// The other protocol has no word for it, and why.
    pub(super) fn unsupported_since(&self, problem: &str) -> Refusal {
        self.refusal("unsupported_by_provider", problem)
    }

    fn refusal(&self, code: &'static str, problem: &str) -> Refusal {
        let path = self.to_string();
        Refusal::new(ErrorKind::Invalid, code, format!("'{path}' {problem}.")).at(path)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => f.write_str("body"),
            Self::Key(Path::Body, name) => f.write_str(name),
            Self::Key(parent, name) => write!(f, "{parent}.{name}"),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}
