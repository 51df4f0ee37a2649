/*! Texts through their guards. */

use super::flow::{Flow, Use};
use super::guards::Guards;
use super::json::Kind;
use super::placeholder::{Known, Spotter, may_be_in};
use super::readings::{Found, Reading, Readings, worth_it};
use super::vault::Vault;
use super::verdict::Verdict;
use crate::detect::{Part, Search};
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
    finder: Option<Readings>,
    /// Whether sentences are looked for: those of JSON end with their strings.
    sentences: bool,
    /// Whether a letter has come outside of strings, and no quotation mark behind it: what
    /// begins as JSON does may be prose.
    prose: bool,
    spotter: Option<Spotter>,
}

impl Channel {
    /// One for a text of its own; placeholders of `vault` are restored.
    pub fn new(guards: Option<Rc<Guards>>, form: Form, vault: Option<Rc<Vault>>) -> Self {
        let vault = vault.filter(|vault| !vault.is_empty());
        Self {
            seeing: Seeing::new(guards.as_deref().map(Guards::search), vault.is_some()),
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
        let from = self.flow.held.push(piece);
        self.see(from);
        let settled = self.seeing.settled(self.flow.held.end());
        let (guards, mut places) = (self.guards.as_deref(), places(self.vault.as_deref()));
        self.flow.settle(settled, guards, &mut places, verdict)
    }

    /// Takes the end of the text; gives the rest.
    pub fn finish(&mut self, verdict: &mut Verdict) -> String {
        if verdict.blocked().is_some() {
            return String::new();
        }
        let from = self.flow.held.finish();
        self.see(from);
        let known = self.vault.as_deref().map(Known::In);
        self.seeing.finish(&mut self.flow, known);
        let (guards, mut places) = (self.guards.as_deref(), places(self.vault.as_deref()));
        self.flow.end(guards, &mut places, verdict)
    }

    /// Bytes that wait for what comes.
    pub fn held(&self) -> usize {
        self.flow.held.waiting()
    }

    fn see(&mut self, from: usize) {
        let known = self.vault.as_deref().map(Known::In);
        self.seeing.see_held(from, &mut self.flow, known);
    }
}

fn places(vault: Option<&Vault>) -> Use<'_> {
    vault.map_or(Use::Nothing, Use::Restore)
}

impl Seeing {
    fn new(search: Option<&Search>, spots: bool) -> Self {
        Self {
            finder: search.map(Readings::new),
            sentences: search.is_some_and(|search| !search.classes.is_empty()),
            prose: false,
            spotter: spots.then(Spotter::new),
        }
    }

    fn find(&mut self, text: &str, hits: &mut VecDeque<Found>) {
        if let Some(finder) = &mut self.finder {
            finder.push(text, hits);
        }
    }

    /// Finds what is in what is held from `from` on.
    fn find_held(&mut self, mut from: usize, flow: &mut Flow) {
        if !self.sentences {
            self.find(flow.held.text(from, flow.held.end()), &mut flow.hits);
            return;
        }
        while let Some((end, kind)) = flow.held.part(from) {
            let text = flow.held.text(from, end);
            if matches!(kind, Kind::Outside | Kind::Bare) {
                self.find_outside(text, &mut flow.hits);
            } else {
                self.find(text, &mut flow.hits);
            }
            from = end;
        }
    }

    /// Outside of strings, sentences begin with a letter and end with a quotation mark:
    /// numbers and brackets are none.
    fn find_outside(&mut self, text: &str, hits: &mut VecDeque<Found>) {
        for part in text.split_inclusive('"') {
            let letter = part.find(|c: char| self.prose || c.is_alphabetic());
            let (between, prose) = part
                .split_at_checked(letter.unwrap_or(part.len()))
                .unwrap_or_default();
            self.pass(between, hits);
            let said = prose.strip_suffix('"');
            self.find(said.unwrap_or(prose), hits);
            self.pass(if said.is_some() { "\"" } else { "" }, hits);
            self.prose = !part.ends_with('"') && (self.prose || letter.is_some());
        }
    }

    /// Passes over what ends a sentence.
    fn pass(&mut self, between: &str, hits: &mut VecDeque<Found>) {
        if let Some(finder) = self.finder.as_mut().filter(|_| !between.is_empty()) {
            finder.push_between(between, hits);
        }
    }

    /// Looks at what is held from `from` on.
    fn see_held(&mut self, mut from: usize, flow: &mut Flow, known: Option<Known<'_>>) {
        self.find_held(from, flow);
        let (Some(spotter), Some(known)) = (&mut self.spotter, known) else {
            return;
        };
        while let Some((end, kind)) = flow.held.part(from) {
            if kind == Kind::Outside {
                spotter.finish(known, &mut flow.marks);
                spotter.skip(end.saturating_sub(from));
            } else {
                spotter.push(flow.held.text(from, end), known, &mut flow.marks);
            }
            from = end;
        }
    }

    /// Looks at a whole text that is not held.
    fn see_all(&mut self, text: &str, flow: &mut Flow, known: Option<Known<'_>>) {
        self.find(text, &mut flow.hits);
        if let (Some(spotter), Some(known)) = (&mut self.spotter, known) {
            spotter.push(text, known, &mut flow.marks);
        }
    }

    fn finish(&mut self, flow: &mut Flow, known: Option<Known<'_>>) {
        if let Some(finder) = &mut self.finder {
            finder.finish(&mut flow.hits);
        }
        if let (Some(spotter), Some(known)) = (&mut self.spotter, known) {
            spotter.finish(known, &mut flow.marks);
        }
    }

    /// Up to where all is known, in a text that ends at `end`.
    fn settled(&self, end: usize) -> usize {
        let found = self.finder.as_ref().map_or(end, Readings::settled);
        let spotted = self.spotter.as_ref().map_or(end, Spotter::settled);
        found.min(spotted)
    }
}

/// A whole text: `None` if it goes on as it is. If it is blocked, the text before what was
/// found is given, and nothing if another text of the call was blocked before.
pub fn whole(
    text: &str,
    guards: Option<&Rc<Guards>>,
    form: Form,
    placeholders: Placeholders<'_>,
    verdict: &mut Verdict,
) -> Option<String> {
    if verdict.blocked().is_some() {
        return Some(String::new());
    }
    let guards = guards.map(Rc::as_ref);
    let mut places = match placeholders {
        Placeholders::Off => Use::Nothing,
        Placeholders::Make(vault) => Use::Make(vault),
        Placeholders::Restore(vault) => Use::Restore(vault),
    };
    let mut flow = seen(text, guards, form, &places)?;
    if let Use::Make(_) = places {
        join(&mut flow.hits);
    }
    let out = flow.end(guards, &mut places, verdict);
    flow.changed.then_some(out)
}

/// A whole text with all that is in it; `None` if there is nothing.
fn seen(text: &str, guards: Option<&Guards>, form: Form, places: &Use<'_>) -> Option<Flow> {
    let known = match places {
        Use::Make(vault) => {
            let labels = vault.labels_to_come(guards.map(Guards::labels));
            labels.map(Known::All)
        }
        Use::Restore(vault) => Some(Known::In(vault)),
        Use::Nothing => None,
    };
    let known = known.filter(|known| !known.labels().is_empty());
    let mut flow = Flow::new(form);
    let mut said = text;
    if form == Form::Json {
        flow.held.push(text);
        flow.held.finish();
        said = flow.held.text(0, flow.held.end());
    }
    let known = known.filter(|_| may_be_in(said));
    let search = guards.map(|guards| worth_it(guards.search(), said));
    let search = search.as_deref().filter(|search| !search.is_empty());
    if known.is_none() && search.is_none() {
        return None;
    }
    let mut seeing = Seeing::new(search, known.is_some());
    if form == Form::Json {
        seeing.see_held(0, &mut flow, known);
    } else {
        seeing.see_all(text, &mut flow, known);
    }
    seeing.finish(&mut flow, known);
    if flow.hits.is_empty() && flow.marks.is_empty() {
        return None;
    }
    if form == Form::Text {
        flow.held.push(text);
    }
    Some(flow)
}

/// Puts what was found in parts together: all of it has come.
fn join(hits: &mut VecDeque<Found>) {
    let mut joined: VecDeque<Found> = VecDeque::with_capacity(hits.len());
    // The last in parts of each reading.
    let mut first = [None; 2];
    for found in hits.drain(..) {
        let [written, undone] = &mut first;
        let first = match found.reading {
            Reading::AsWritten => written,
            Reading::Undone => undone,
        };
        let long = first.and_then(|first: usize| joined.get_mut(first));
        let hit = found.hit;
        match long.map(|long| &mut long.hit) {
            Some(long)
                if hit.part == Part::Next && (long.what, long.end) == (hit.what, hit.start) =>
            {
                long.end = hit.end;
            }
            _ => {
                if hit.part == Part::First {
                    *first = Some(joined.len());
                }
                joined.push_back(found);
            }
        }
    }
    *hits = joined;
}
