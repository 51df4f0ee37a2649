/*! Problems of a configuration, collected and told all at once. */

use std::fmt;

/// Whether a problem stops a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The policy can't be used.
    Error,
    /// It can, but probably not as meant.
    Warning,
}

/// One problem and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where, as `tenants.acme.models[1]`; empty for the document itself.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
    /// Whether it stops a start.
    pub severity: Severity,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.severity == Severity::Warning {
            f.write_str("warning: ")?;
        }
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.path, self.message)
        }
    }
}

/// A list of problems: first those of fields, then those of names, each in the order of
/// the document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    list: Vec<Problem>,
}

impl Problems {
    /// A list of one error.
    pub fn one(path: &str, message: &impl fmt::Display) -> Self {
        let mut problems = Self::default();
        problems.error(path, message.to_string());
        problems
    }

    /// Adds an error.
    pub fn error(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.add(path.into(), message.into(), Severity::Error);
    }

    /// Adds an error, unless the same is there already.
    pub fn error_once(&mut self, path: impl Into<String>, message: impl Into<String>) {
        let (path, message) = (path.into(), message.into());
        let mut known = self.list.iter();
        if !known.any(|problem| problem.path == path && problem.message == message) {
            self.add(path, message, Severity::Error);
        }
    }

    /// Adds a warning.
    pub fn warning(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.add(path.into(), message.into(), Severity::Warning);
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.list.iter()
    }

    /// Errors and warnings apart.
    #[must_use]
    pub fn split(self) -> (Self, Self) {
        let (errors, warnings) = self
            .list
            .into_iter()
            .partition(|problem| problem.severity == Severity::Error);
        (Self { list: errors }, Self { list: warnings })
    }

    fn add(&mut self, path: String, message: String, severity: Severity) {
        self.list.push(Problem {
            path,
            message,
            severity,
        });
    }
}

impl fmt::Display for Problems {
    /// One line each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.list
            .iter()
            .try_for_each(|problem| writeln!(f, "{problem}"))
    }
}
