/*! Sentences that score high for a class. */

use super::{Hit, Part, What};
use crate::classify::{Class, Sentence, Sentences};

/// From which score on sentences are found, by class, in thousandths; `None`: they are not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Classes {
    injection: Option<u16>,
    toxicity: Option<u16>,
}

impl Classes {
    /// Sentences that score so much or more for `class` are to be found, too.
    pub fn add(&mut self, class: Class, least: u16) {
        let place = match class {
            Class::PromptInjection => &mut self.injection,
            Class::Toxicity => &mut self.toxicity,
        };
        *place = Some(place.map_or(least, |known| known.min(least)));
    }

    /// Whether none are to be found.
    pub const fn is_empty(&self) -> bool {
        self.injection.is_none() && self.toxicity.is_none()
    }

    const fn least(&self, class: Class) -> Option<u16> {
        match class {
            Class::PromptInjection => self.injection,
            Class::Toxicity => self.toxicity,
        }
    }
}

/// Scores text that comes in pieces, sentence by sentence.
#[derive(Debug, Clone)]
pub(super) struct Scoring {
    classes: Classes,
    sentences: Sentences,
    /// Where the text of `sentences` begins, in bytes of all text.
    base: usize,
    /// Bytes of text that have come.
    length: usize,
}

impl Scoring {
    pub(super) fn new(classes: Classes) -> Self {
        Self {
            classes,
            sentences: Sentences::default(),
            base: 0,
            length: 0,
        }
    }

    pub(super) fn push(&mut self, piece: &str, hits: &mut Vec<Hit>) {
        self.length = self.length.saturating_add(piece.len());
        let (classes, base) = (self.classes, self.base);
        self.sentences
            .push(piece, |sentence| add(classes, base, &sentence, hits));
    }

    /// Passes over so many bytes that belong to no sentence: the one before them ends.
    pub(super) fn skip(&mut self, bytes: usize, hits: &mut Vec<Hit>) {
        if self.length > self.base {
            self.finish(hits);
        }
        self.length = self.length.saturating_add(bytes);
        self.base = self.length;
    }

    pub(super) fn finish(&mut self, hits: &mut Vec<Hit>) {
        if let Some(sentence) = self.sentences.end() {
            add(self.classes, self.base, &sentence, hits);
        }
    }

    /// Every hit that begins before this byte of all text has been given.
    pub(super) fn settled(&self) -> usize {
        self.base.saturating_add(self.sentences.settled())
    }
}

/// Adds what a sentence counts as, of a text that begins at `base`.
fn add(classes: Classes, base: usize, sentence: &Sentence, hits: &mut Vec<Hit>) {
    for class in [Class::PromptInjection, Class::Toxicity] {
        let (score, _) = class.of(&sentence.scores);
        let counts = classes.least(class).is_some_and(|least| score >= least);
        if counts && !sentence.said.is_empty() {
            hits.push(Hit {
                what: What::Class(class, score),
                start: base.saturating_add(sentence.said.start),
                end: base.saturating_add(sentence.said.end),
                part: Part::Whole,
            });
        }
    }
}
