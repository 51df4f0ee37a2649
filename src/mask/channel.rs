/*! Texts through their guards. */

use super::flow::{Flow, Use};
use super::guards::Guards;
use super::placeholder::{Labels, Spotter};
use super::vault::Vault;
use super::verdict::Verdict;
use crate::detect::{Finder, Hit, Part};
use std::collections::VecDeque;
use std::rc::Rc;

/// How a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// As it stands.
    #[default]
    Text,
    /// As JSON, such as the arguments of a tool call: findings are made with the escapes of
    /// its strings undone, and what is written keeps it valid. Text that is no JSON object,
    /// list or string is read as it stands.
    Json,
}

/// What becomes of placeholders in a whole text.
#[derive(Debug)]
pub enum Placeholders<'v> {
    /// There are none.
    Off,
    /// Made for what is to be restored (requests).
    Make(&'v mut Vault),
    /// Replaced by their values (answers).
    Restore(&'v Rc<Vault>),
}

/// One text that comes in pieces.
#[derive(Debug)]
pub struct Channel {
    guards: Option<Rc<Guards>>,
    vault: Option<Rc<Vault>>,
    seeing: Seeing,
    flow: Flow,
}

/// What is looked for as text comes.
#[derive(Debug)]
struct Seeing {
    finder: Option<Finder>,
    spotter: Option<Spotter>,
    hits: Vec<Hit>,
}

impl Channel {
    /// One for a text of its own; placeholders of `vault` are restored.
    pub fn new(guards: Option<Rc<Guards>>, form: Form, vault: Option<Rc<Vault>>) -> Self {
        let vault = vault.filter(|vault| !vault.is_empty());
        Self {
            seeing: Seeing::new(guards.as_deref(), vault.is_some()),
            flow: Flow::new(form),
            guards,
            vault,
        }
    }

    /// Takes the next piece; gives the text that goes on. After a block nothing does, in any
    /// channel with this verdict.
    pub fn push(&mut self, piece: &str, verdict: &mut Verdict) -> String {
        if verdict.blocked().is_some() {
            return String::new();
        }
        let mut places = self.vault.as_deref().map_or(Use::Nothing, Use::Restore);
        let from = self.flow.held.push(piece);
        self.seeing.see(from, &mut self.flow, &places);
        let settled = self.seeing.settled(&self.flow);
        let guards = self.guards.as_deref();
        self.flow.settle(settled, guards, &mut places, verdict)
    }

    /// Takes the end of the text; gives the rest.
    pub fn finish(&mut self, verdict: &mut Verdict) -> String {
        if verdict.blocked().is_some() {
            return String::new();
        }
        let mut places = self.vault.as_deref().map_or(Use::Nothing, Use::Restore);
        let from = self.flow.held.finish();
        self.seeing.see(from, &mut self.flow, &places);
        self.seeing.finish(&mut self.flow, &places);
        let guards = self.guards.as_deref();
        self.flow.end(guards, &mut places, verdict)
    }

    /// Bytes that wait for what comes.
    pub fn held(&self) -> usize {
        self.flow.held.waiting()
    }
}

impl Seeing {
    fn new(guards: Option<&Guards>, spots: bool) -> Self {
        Self {
            finder: guards.map(|guards| Finder::new(guards.search())),
            spotter: spots.then(Spotter::new),
            hits: Vec::new(),
        }
    }

    /// Looks at what is held from `from` on.
    fn see(&mut self, from: usize, flow: &mut Flow, places: &Use<'_>) {
        if let Some(finder) = &mut self.finder {
            finder.push(flow.held.text(from, flow.held.end()), &mut self.hits);
            flow.hits.extend(self.hits.drain(..));
        }
        let Some(spotter) = &mut self.spotter else {
            return;
        };
        let mut from = from;
        while let Some((end, outside)) = flow.held.part(from) {
            if outside {
                spot(places, |labels, known| {
                    spotter.finish(labels, known, &mut flow.marks);
                });
                spotter.skip(end.saturating_sub(from));
            } else {
                let text = flow.held.text(from, end);
                spot(places, |labels, known| {
                    spotter.push(text, labels, known, &mut flow.marks);
                });
            }
            from = end;
        }
    }

    fn finish(&mut self, flow: &mut Flow, places: &Use<'_>) {
        if let Some(finder) = &mut self.finder {
            finder.finish(&mut self.hits);
            flow.hits.extend(self.hits.drain(..));
        }
        if let Some(spotter) = &mut self.spotter {
            spot(places, |labels, known| {
                spotter.finish(labels, known, &mut flow.marks);
            });
        }
    }
