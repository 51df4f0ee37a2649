/*! Words of the system prompt as text comes. A word costs three look-ups and a hash of the
words of a row. */

use super::super::Part;
use super::super::hit::{Hit, What};
use super::system_prompt::{Row, SystemPrompt};
use super::words::{Said, Words};
use std::rc::Rc;

/// Finds rows of words that a system prompt has; keeps at most a row of words, no text. A
/// run of them is one hit, said in parts as it goes on.
#[derive(Debug, Clone)]
pub(in super::super) struct Repeating {
    words: Words,
    run: Run,
}

#[derive(Debug, Clone)]
struct Run {
    prompt: Rc<SystemPrompt>,
    row: Row,
    /// End of the last repeated word.
    end: usize,
    open: Option<Open>,
}

/// A run that may go on.
#[derive(Debug, Clone, Copy)]
struct Open {
    /// Where what was not said begins.
    from: usize,
    part: Part,
}

impl Repeating {
    pub(in super::super) fn new(prompt: Rc<SystemPrompt>) -> Self {
        Self {
            words: Words::new(),
            run: Run {
                prompt,
                row: Row::default(),
                end: 0,
                open: None,
            },
        }
    }

    /// Takes the next piece; adds what is found by it.
    pub(in super::super) fn push(&mut self, piece: &str, hits: &mut Vec<Hit>) {
        self.words.push(piece, |said| self.run.take(said, hits));
        self.run.say(hits);
    }

    /// Takes the end of the text.
    pub(in super::super) fn finish(&mut self, hits: &mut Vec<Hit>) {
        self.words.finish(|said| self.run.take(said, hits));
        self.run.say(hits);
        self.run.open = None;
    }

    /// Every hit that begins before this byte of all text has been given.
    pub(in super::super) fn settled(&self) -> usize {
        let row = self.run.row.start();
        let held = row.unwrap_or(usize::MAX).min(self.words.open());
        let held = if self.run.open.is_some() {
            self.run.end
        } else {
            held
        };
        held.max(self.run.end)
    }
}

impl Run {
    fn take(&mut self, said: Said, hits: &mut Vec<Hit>) {
        let repeated = match said {
            Said::Word(word) if self.prompt.goes_on(&mut self.row, word) => Some(word),
            Said::Word(_) => None,
            Said::Break => {
                self.row = Row::default();
                None
            }
        };
        match repeated {
            Some(word) => {
                let start = self.row.start().unwrap_or(word.start).max(self.end);
                self.open.get_or_insert(Open {
                    from: start,
                    part: Part::First,
                });
                self.end = word.end;
            }
            None => {
                self.say(hits);
                self.open = None;
                self.prompt.trim(&mut self.row);
            }
        }
    }

    /// Says the part of the run that has come.
    fn say(&mut self, hits: &mut Vec<Hit>) {
        let end = self.end;
        let Some(open) = self.open.as_mut().filter(|open| open.from < end) else {
            return;
        };
        hits.push(Hit {
            what: What::SystemPrompt,
            start: open.from,
            end,
            part: open.part,
        });
        *open = Open {
            from: end,
            part: Part::Next,
        };
    }
}

#[cfg(test)]
mod tests;
