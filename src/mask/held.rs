/*! Text that has come and has not gone on. */

use super::channel::Form;
use super::json::{Kind, Lexer, Run, escaped};
use std::collections::VecDeque;
use std::ops::Range;

/// A bare value of JSON is held until its end is known, but not beyond so many bytes: then
/// it stays without quotation marks, and what is masked behind them becomes `0`.
pub(super) const LONGEST_BARE: usize = 512;

/// Text that waits. Places are bytes of all that the text says.
#[derive(Debug)]
pub(super) struct Held {
    /// What it says; the part before `at` has gone on.
    text: String,
    /// Place of `text`.
    base: usize,
    at: usize,
    written: Written,
}

#[derive(Debug)]
enum Written {
    /// As it says.
    Same,
    Json(Box<Json>),
}

#[derive(Debug)]
struct Json {
    lexer: Lexer,
    /// The text as it is written, and where it begins.
    raw: String,
    base: usize,
    runs: VecDeque<Run>,
    /// What the run before these was.
    before: Kind,
    bare: Bare,
}

/// The bare value of which a part has gone on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bare {
    None,
    Plain,
    /// It becomes a string.
    Quoted,
}

/// A part of the text that one finding can be in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Literal {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether a value begins here.
    pub(super) first: bool,
    /// Whether it is in the name of a member of an object.
    pub(super) key: bool,
}

impl Held {
    pub(super) fn new(form: Form) -> Self {
        let written = match form {
            Form::Text => Written::Same,
            Form::Json => Written::Json(Box::new(Json {
                lexer: Lexer::new(),
                raw: String::new(),
                base: 0,
                runs: VecDeque::new(),
                before: Kind::Outside,
                bare: Bare::None,
            })),
        };
        Self {
            text: String::new(),
            base: 0,
            at: 0,
            written,
        }
    }

    /// Takes the next piece; gives the place of what it says.
    pub(super) fn push(&mut self, piece: &str) -> usize {
        let from = self.end();
        match &mut self.written {
            Written::Same => self.text.push_str(piece),
            Written::Json(json) => {
                json.raw.push_str(piece);
                json.lexer.push(piece, &mut self.text, &mut json.runs);
            }
        }
        from
    }

    /// Takes the end of the text; gives the place of what it says besides.
    pub(super) fn finish(&mut self) -> usize {
        let from = self.end();
        if let Written::Json(json) = &mut self.written {
            json.lexer.finish(&mut self.text, &mut json.runs);
        }
        from
    }

    /// Where the text ends so far.
    pub(super) const fn end(&self) -> usize {
        self.base.saturating_add(self.text.len())
    }

    /// Up to where it has gone on.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// Bytes that wait, as they are written.
    pub(super) fn waiting(&self) -> usize {
        match &self.written {
            Written::Same => self.end().saturating_sub(self.at),
            Written::Json(json) => {
                let gone = json.raw_place(self.at).saturating_sub(json.base);
                json.raw.len().saturating_sub(gone)
            }
        }
    }

    pub(super) fn text(&self, start: usize, end: usize) -> &str {
        let [start, end] = [start, end].map(|place| place.saturating_sub(self.base));
        self.text.get(start..end).unwrap_or_default()
    }

    /// Parts of a range that are values, or of values.
    pub(super) fn literals(&self, range: Range<usize>) -> Vec<Literal> {
        match &self.written {
            Written::Same => vec![Literal {
                start: range.start,
                end: range.end,
                first: false,
                key: false,
            }],
            Written::Json(json) => json.literals(range, self.end()),
        }
    }

    /// How much of the text before `upto` may go on without its being known if a bare value
    /// becomes a string.
    pub(super) fn limit(&self, upto: usize) -> usize {
        let Written::Json(json) = &self.written else {
            return upto;
        };
        let Some((index, run)) = json.run_at(upto.saturating_sub(1)) else {
            return upto;
        };
        let ends = json
            .runs
            .get(index.saturating_add(1))
            .map(|next| next.start);
        let ends = ends.or_else(|| (!json.lexer.in_bare()).then_some(self.end()));
        let known = ends.is_some_and(|end| end <= upto)
            || upto.saturating_sub(run.start) >= LONGEST_BARE
            || self.at > run.start;
        if run.kind != Kind::Bare || known {
            upto
        } else {
            run.start
        }
    }

    /// Lets the text before `upto` go on as it is. `next` is where the next part of it will
    /// be replaced.
    pub(super) fn copy(&mut self, upto: usize, next: usize, out: &mut String) {
        let upto = upto.min(self.end());
        if upto <= self.at {
            return;
        }
        let [start, end] = [self.at, upto].map(|place| place.saturating_sub(self.base));
        let said = self.text.get(start..end).unwrap_or_default();
        match &mut self.written {
            Written::Same => out.push_str(said),
            Written::Json(json) => json.copy(said, self.at, next, out),
        }
        self.at = upto;
    }

    /// Puts `text` in the place of what stands before `upto`, which is within one value.
    pub(super) fn replace(&mut self, upto: usize, text: &str, out: &mut String) {
        match &mut self.written {
            Written::Same => out.push_str(text),
            Written::Json(json) => json.replace(self.at, text, out),
        }
        self.skip(upto);
    }

    /// Lets nothing of the text before `upto` go on.
    pub(super) fn skip(&mut self, upto: usize) {
        self.at = self.at.max(upto.min(self.end()));
    }

    /// The end has come, and all has gone on.
    pub(super) fn close(&mut self, out: &mut String) {
        if let Written::Json(json) = &mut self.written {
            json.close_bare(out);
        }
    }

    /// Drops what has gone on.
    pub(super) fn forget(&mut self) {
        if let Written::Json(json) = &mut self.written {
            json.forget(self.at);
        }
        self.text
            .drain(..self.at.saturating_sub(self.base).min(self.text.len()));
        self.base = self.at;
    }

    /// The part of the text that begins at `from` and is of one kind: its end, and which.
    pub(super) fn part(&self, from: usize) -> Option<(usize, Kind)> {
        let end = self.end();
        if from >= end {
            return None;
        }
        match &self.written {
            Written::Same => Some((end, Kind::Free)),
            Written::Json(json) => {
                let (index, run) = json.run_at(from)?;
                Some((json.run_end(index, end), run.kind))
            }
        }
    }
}

impl Json {
    /// The run that a place is in.
    fn run_at(&self, place: usize) -> Option<(usize, Run)> {
        let behind = self.runs.partition_point(|run| run.start <= place);
        let index = behind.checked_sub(1)?;
        Some((index, *self.runs.get(index)?))
    }

    /// Where a run ends in a text that ends at `end`.
    fn run_end(&self, index: usize, end: usize) -> usize {
        let next = self.runs.get(index.saturating_add(1));
        next.map_or(end, |next| next.start)
    }

    /// Where in the text as it is written a place is.
    fn raw_place(&self, place: usize) -> usize {
        if place >= self.lexer.said() {
            return self.lexer.raw();
        }
        self.run_at(place).map_or(self.base, |(_, run)| {
            run.raw.saturating_add(place.saturating_sub(run.start))
        })
    }

    fn literals(&self, range: Range<usize>, text_end: usize) -> Vec<Literal> {
        let mut literals: Vec<Literal> = Vec::new();
        let mut start = range.start;
        while let Some((index, run)) = self.run_at(start).filter(|_| start < range.end) {
            let end = self.run_end(index, text_end).min(range.end);
            let before = index.checked_sub(1).and_then(|index| self.runs.get(index));
            let before = before.map_or(self.before, |run| run.kind);
            let within = run.kind.is_string() && before.is_string();
            match literals.last_mut() {
                Some(last) if within && last.end == start => last.end = end,
                _ if run.kind == Kind::Outside => {}
                _ => literals.push(Literal {
                    start,
                    end,
                    first: start == run.start && !within,
                    key: run.key,
                }),
            }
            if end <= start {
                break;
            }
            start = end;
        }
        literals
    }

    fn copy(&mut self, text: &str, at: usize, next: usize, out: &mut String) {
        let upto = at.saturating_add(text.len());
        let mut start = at;
        while let Some((index, run)) = self.run_at(start).filter(|_| start < upto) {
            let run_end = self.run_end(index, usize::MAX);
            let end = run_end.min(upto);
            if run.kind == Kind::Bare {
                let said = text.get(start.saturating_sub(at)..end.saturating_sub(at));
                let becomes_string = next < run_end.min(run.start.saturating_add(LONGEST_BARE));
                self.open_bare(start == run.start, becomes_string, out);
                self.write_bare(said.unwrap_or_default(), out);
            } else {
                self.close_bare(out);
                let raw = [start, end].map(|place| self.raw_place(place));
                let [start, end] = raw.map(|place| place.saturating_sub(self.base));
                out.push_str(self.raw.get(start..end).unwrap_or_default());
            }
            if end <= start {
                break;
            }
            start = end;
        }
    }

    fn replace(&mut self, at: usize, text: &str, out: &mut String) {
        let Some((_, run)) = self.run_at(at) else {
            return;
        };
        match run.kind {
            Kind::Bare => {
                self.open_bare(at == run.start, true, out);
                match self.bare {
                    Bare::Quoted => escaped(text, out),
                    Bare::None | Bare::Plain => out.push('0'),
                }
            }
            Kind::Free => out.push_str(text),
            Kind::Inside | Kind::Escape | Kind::Outside => {
                self.close_bare(out);
                escaped(text, out);
            }
        }
    }

    fn open_bare(&mut self, begins: bool, becomes_string: bool, out: &mut String) {
        if !begins {
            return;
        }
        self.close_bare(out);
        self.bare = if becomes_string {
            out.push('"');
            Bare::Quoted
        } else {
            Bare::Plain
        };
    }

    fn write_bare(&self, text: &str, out: &mut String) {
        match self.bare {
            Bare::Quoted => escaped(text, out),
            Bare::None | Bare::Plain => out.push_str(text),
        }
    }

    fn close_bare(&mut self, out: &mut String) {
        if self.bare == Bare::Quoted {
            out.push('"');
        }
        self.bare = Bare::None;
    }

    /// Drops what stands before `at`, but the run that it is in.
    fn forget(&mut self, at: usize) {
        let gone = self.raw_place(at);
        let drop = gone.saturating_sub(self.base).min(self.raw.len());
        self.raw.drain(..drop);
        self.base = gone;
        while self.runs.get(1).is_some_and(|next| next.start <= at) {
            self.before = self.runs.pop_front().map_or(self.before, |run| run.kind);
        }
    }
}
