/*! What a check found, told in the order of the file. */

use super::at::{At, Position};
use std::fmt;
use tollgate::config::Severity;

/// One problem of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) position: Position,
    /// Which policy of the file, where there are several; else empty.
    pub(super) scope: String,
    pub(super) path: String,
    pub(super) message: String,
    pub(super) severity: Severity,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.severity == Severity::Warning {
            f.write_str("warning: ")?;
        }
        for part in [&self.scope, &self.path] {
            if !part.is_empty() {
                write!(f, "{part}: ")?;
            }
        }
        f.write_str(&self.message)
    }
}

/// All problems of a file.
#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<Finding>,
}

impl Findings {
    /// Adds an error of the place `at`.
    pub(super) fn error(&mut self, at: &At<'_>, message: impl Into<String>) {
        self.add_at(at, message.into(), Severity::Error);
    }

    /// Adds a warning about the place `at`.
    pub(super) fn warning(&mut self, at: &At<'_>, message: impl Into<String>) {
        self.add_at(at, message.into(), Severity::Warning);
    }

    /// Adds an error of the file as a whole.
    pub(super) fn error_of_file(&mut self, message: impl Into<String>) {
        self.add(Finding {
            position: Position::new(),
            scope: String::new(),
            path: String::new(),
            message: message.into(),
            severity: Severity::Error,
        });
    }

    pub(super) fn add(&mut self, finding: Finding) {
        self.list.push(finding);
    }

    pub(super) fn has_errors(&self) -> bool {
        let mut all = self.list.iter();
        all.any(|finding| finding.severity == Severity::Error)
    }

    /// In the order of the file; each once, though two filters may share what is wrong.
    pub(super) fn in_order(mut self) -> Vec<Finding> {
        self.list.sort_by(|a, b| a.position.cmp(&b.position));
        let mut told: Vec<Finding> = Vec::new();
        for finding in self.list {
            if !told.contains(&finding) {
                told.push(finding);
            }
        }
        told
    }

    fn add_at(&mut self, at: &At<'_>, message: String, severity: Severity) {
        self.add(Finding {
            position: at.position.clone(),
            scope: String::new(),
            path: at.path.clone(),
            message,
            severity,
        });
    }
}
