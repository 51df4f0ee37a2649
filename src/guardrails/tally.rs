/*! What is counted of one request while it is read: of bounded size, but for the name of its
model. */

use super::members::Seen;
use super::rules::{Rules, SystemRule};
use super::shape::is_system;
use std::borrow::Cow;

/// What was read of a request.
#[derive(Debug)]
pub(super) struct Tally<'r, 'a> {
    rules: &'r Rules,
    /// The model asked for.
    pub(super) model: Option<Cow<'a, str>>,
    pub(super) bytes: usize,
    pub(super) messages: u64,
    pub(super) images: u64,
    pub(super) system: System,
    pub(super) seen: Seen<'r>,
    /// By rule.
    pub(super) counts: Vec<Counts>,
}

/// What one rule counts by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    /// Messages, and parts of them, by roles that may not speak.
    pub(super) roles: u64,
    /// Tools that may not be offered.
    pub(super) tools: u64,
    /// How the system prompt beside the messages begins.
    beside: Beginning,
    /// How the first message begins, if it is the system's.
    first: Beginning,
}

/// What is known of the system prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct System {
    /// Whether it stands beside the messages.
    pub(super) beside: bool,
    /// Whether there is any, even a blank one.
    pub(super) any: bool,
    /// Whether it says something.
    pub(super) says: bool,
}

/// Where a text of the system prompt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Beside,
    FirstMessage,
    LaterMessage,
}

/// How far a text, which comes in parts, is what it has to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beginning {
    /// So many bytes are.
    Open(usize),
    /// All of it is there.
    Right,
    /// It begins otherwise.
    Wrong,
}

impl Default for Beginning {
    fn default() -> Self {
        Self::Open(0)
    }
}

impl Beginning {
    fn add(&mut self, wanted: &str, text: &str) {
        let Self::Open(done) = *self else { return };
        let rest = wanted.as_bytes().get(done..).unwrap_or_default();
        *self = if text.as_bytes().starts_with(rest) {
            Self::Right
        } else if rest.starts_with(text.as_bytes()) {
            Self::Open(done.saturating_add(text.len()))
        } else {
            Self::Wrong
        };
    }
}

impl Counts {
    /// Whether the system prompt begins as it has to: that beside the messages if there is
    /// one, else the first message.
    pub(super) fn begins(&self, system: System) -> bool {
        let beginning = match system.beside {
            true => self.beside,
            false => self.first,
        };
        beginning == Beginning::Right
    }
}

impl<'r> Tally<'r, '_> {
    pub(super) fn new(rules: &'r Rules, bytes: usize) -> Self {
        Self {
            rules,
            model: None,
            bytes,
            messages: 0,
            images: 0,
            system: System::default(),
            seen: Seen::default(),
            counts: vec![Counts::default(); rules.list().len()],
        }
    }

    /// Somebody speaks; `None`: it is not said who.
    pub(super) fn role(&mut self, role: Option<&str>) {
        self.system.any |= role.is_some_and(is_system);
        for (rule, counts) in self.rules.list().iter().zip(&mut self.counts) {
            let roles = &rule.asks.roles;
            let allowed = role.is_some_and(|role| roles.iter().any(|one| one == role));
            if !roles.is_empty() && !allowed {
                counts.roles = counts.roles.saturating_add(1);
            }
        }
    }

    /// A tool of these names is offered.
    pub(super) fn tool(&mut self, names: &[&str]) {
        for (rule, counts) in self.rules.list().iter().zip(&mut self.counts) {
            if !rule.asks.tools.allow(names) {
                counts.tools = counts.tools.saturating_add(1);
            }
        }
    }

    /// A text of the system prompt.
    pub(super) fn system_text(&mut self, text: &str, place: Place) {
        self.system.says |= !text.trim().is_empty();
        for (rule, counts) in self.rules.list().iter().zip(&mut self.counts) {
            let SystemRule::StartsWith(wanted) = &rule.asks.system_prompt else {
                continue;
            };
            match place {
                Place::Beside => counts.beside.add(wanted, text),
                Place::FirstMessage => counts.first.add(wanted, text),
                Place::LaterMessage => {}
            }
        }
    }
}
