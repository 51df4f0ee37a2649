/*! Matches of patterns as text comes.

Of each pattern one match is tried at a time, from the leftmost place where one can still
begin; if nothing comes of it, the next place is tried, in what is kept of the text. That
takes at most `max_length + 1` steps for each byte and pattern, and one for each byte of
text that no match begins with. */

use super::super::Part;
use super::super::context::REACH;
use super::super::hit::{Hit, What};
use super::patterns::{Compiled, Patterns};
use super::table::{DEAD, Known, State};
use std::rc::Rc;

/// How much read text is kept before it is dropped, in bytes: dropping costs a move.
const KEPT: usize = 1024;

/// Finds matches of patterns in text that comes in pieces; keeps at most the longest match,
/// the reach of context, and [`KEPT`] besides the piece that it was given.
#[derive(Debug, Clone)]
pub(in super::super) struct Matching {
    patterns: Rc<Patterns>,
    text: String,
    /// Offset of `text` in all text, in bytes.
    base: usize,
    /// How far the text has been read by patterns that are not trying.
    at: usize,
    tries: Vec<Option<Try>>,
    /// By pattern, the first place where a match may begin.
    from: Vec<usize>,
    /// How many patterns are trying.
    trying: usize,
    #[cfg(test)]
    pub(super) steps: usize,
}

/// A match that may come.
#[derive(Debug, Clone, Copy)]
struct Try {
    start: usize,
    at: usize,
    state: State,
    /// End of the longest match so far; `start` if there is none.
    end: usize,
}

/// What became of a try.
enum Outcome {
    /// The text is over, the try is not.
    Open(Try),
    /// It ends here; at its start if nothing was found.
    Over(usize),
}

impl Matching {
    pub(in super::super) fn new(patterns: Rc<Patterns>) -> Self {
        Self {
            text: String::new(),
            base: 0,
            at: 0,
            tries: vec![None; patterns.len()],
            from: vec![0; patterns.len()],
            trying: 0,
            patterns,
            #[cfg(test)]
            steps: 0,
        }
    }

    /// Takes the next piece; adds what is found by it, in no order.
    pub(in super::super) fn push(&mut self, piece: &str, hits: &mut Vec<Hit>) {
        self.text.push_str(piece);
        self.read(false, hits);
        self.forget();
    }

    /// Takes the end of the text.
    pub(in super::super) fn finish(&mut self, hits: &mut Vec<Hit>) {
        self.read(true, hits);
    }

    /// Every hit that begins before this byte of all text has been given.
    pub(in super::super) fn settled(&self) -> usize {
        self.base.saturating_add(self.oldest())
    }

    fn oldest(&self) -> usize {
        if self.trying == 0 {
            return self.at;
        }
        let starts = self.tries.iter().flatten().map(|one| one.start);
        starts.min().unwrap_or(self.at)
    }

    fn read(&mut self, is_end: bool, hits: &mut Vec<Hit>) {
        let patterns = Rc::clone(&self.patterns);
        if self.trying > 0 {
            for index in (0_u16..).take(patterns.len()) {
                self.go_on(&patterns, index, is_end, hits);
            }
        }
        let length = self.text.len();
        while self.at < length {
            let byte = byte_at(&self.text, self.at).unwrap_or(0);
            self.count(1);
            for index in patterns.that_begin(byte) {
                let slot = usize::from(*index);
                let is_free = self.from.get(slot).is_some_and(|from| *from <= self.at);
                if is_free && matches!(self.tries.get(slot), Some(None)) {
                    self.try_at(&patterns, *index, self.at, is_end, hits);
                }
            }
            self.at = self.at.saturating_add(1);
        }
    }

    /// Goes on with the try of a pattern, if it has one, and catches up behind it.
    fn go_on(&mut self, patterns: &Patterns, index: u16, is_end: bool, hits: &mut Vec<Hit>) {
        let Some(pattern) = patterns.get(index) else {
            return;
        };
        let Some(open) = self.take(index) else {
            return;
        };
        let outcome = self.run(pattern, open, is_end);
        let mut next = self.settle(pattern, index, open.start, outcome, hits);
        while let Some(start) = next.filter(|start| *start < self.at) {
            let byte = byte_at(&self.text, start).unwrap_or(0);
            next = Some(start.saturating_add(1));
            if pattern.table.begins(byte) {
                next = self.try_at(patterns, index, start, is_end, hits);
            } else {
                self.count(1);
            }
        }
    }

    /// Tries a match that begins at `start`. Returns where the next may begin, unless the
    /// try is open.
    fn try_at(
        &mut self,
        patterns: &Patterns,
        index: u16,
        start: usize,
        is_end: bool,
        hits: &mut Vec<Hit>,
    ) -> Option<usize> {
        let pattern = patterns.get(index)?;
        let before = start.checked_sub(1);
        let before = before.and_then(|before| byte_at(&self.text, before));
        let first = Try {
            start,
            at: start,
            state: pattern.table.start(before),
            end: start,
        };
        let outcome = self.run(pattern, first, is_end);
        self.settle(pattern, index, start, outcome, hits)
    }

    /// Reads on until no longer match can come, or the text is over.
    fn run(&mut self, pattern: &Compiled, mut one: Try, is_end: bool) -> Outcome {
        let table = &pattern.table;
        let bytes = self.text.as_bytes();
        let rest = bytes.get(one.at..).unwrap_or_default();
        let begun = one.at;
        let mut is_over = false;
        for byte in rest {
            one.state = table.next(one.state, *byte);
            let at_bound = one.at.saturating_sub(one.start) >= pattern.max_length;
            let known = table.known(one.state);
            is_over = one.state == DEAD || at_bound || known == Known::Last;
            match known {
                Known::Match | Known::Last => one.end = one.at,
                Known::Sure if !at_bound => {
                    one.end = one.at.saturating_add(1);
                    is_over = true;
                }
                Known::Sure | Known::Nothing => {}
            }
            one.at = one.at.saturating_add(1);
            if is_over {
                break;
            }
        }
        if is_end && !is_over {
            if table.ends(one.state) {
                one.end = one.at;
            }
            is_over = true;
        }
        self.count(one.at.saturating_sub(begun));
        if is_over {
            Outcome::Over(one.end)
        } else {
            Outcome::Open(one)
        }
    }

    fn settle(
        &mut self,
        pattern: &Compiled,
        index: u16,
        start: usize,
        outcome: Outcome,
        hits: &mut Vec<Hit>,
    ) -> Option<usize> {
        let end = match outcome {
            Outcome::Open(open) => {
                if let Some(slot) = self.tries.get_mut(usize::from(index)) {
                    *slot = Some(open);
                    self.trying = self.trying.saturating_add(1);
                }
                return None;
            }
            Outcome::Over(end) => end,
        };
        let found = end > start && pattern.accepts(&self.text, start, end);
        if found {
            hits.push(Hit {
                what: What::Pattern(index),
                start: self.base.saturating_add(start),
                end: self.base.saturating_add(end),
                part: Part::Whole,
            });
        }
        let next = if found { end } else { start.saturating_add(1) };
        if let Some(from) = self.from.get_mut(usize::from(index)) {
            *from = next;
        }
        Some(next)
    }

    fn take(&mut self, index: u16) -> Option<Try> {
        let taken = self.tries.get_mut(usize::from(index))?.take()?;
        self.trying = self.trying.saturating_sub(1);
        Some(taken)
    }

    /// Drops the text that nothing to come can need.
    fn forget(&mut self) {
        let oldest = self.oldest();
        if oldest < KEPT {
            return;
        }
        let front = self.text.get(..oldest).unwrap_or_default();
        let kept = front.char_indices().rev().nth(REACH.saturating_sub(1));
        let cut = kept.map_or(0, |(index, _)| index);
        self.text.drain(..cut);
        self.base = self.base.saturating_add(cut);
        self.at = self.at.saturating_sub(cut);
        for from in &mut self.from {
            *from = from.saturating_sub(cut);
        }
        for one in self.tries.iter_mut().flatten() {
            one.start = one.start.saturating_sub(cut);
            one.at = one.at.saturating_sub(cut);
            one.end = one.end.saturating_sub(cut);
        }
    }

    #[cfg_attr(not(test), expect(clippy::unused_self, reason = "counts in tests"))]
    const fn count(&mut self, _steps: usize) {
        #[cfg(test)]
        {
            self.steps += _steps;
        }
    }
}

#[inline]
fn byte_at(text: &str, index: usize) -> Option<u8> {
    text.as_bytes().get(index).copied()
}

#[cfg(test)]
mod tests;
