/*! Phrases as text comes. A letter costs at most three steps of the automaton on average, and
the end of a word one for each front that the last letters end with, at most 128. */

use super::super::Part;
use super::super::hit::{Hit, What};
use super::fold::{NONE, Sign, ascii_letter, is_glued, sign};
use super::phrases::{LONGEST, Node, Phrases};
use std::rc::Rc;

/// Most characters between two letters of a match.
const LONGEST_GAP: usize = 64;

/// Finds phrases in text that comes in pieces; keeps places, no text.
#[derive(Debug, Clone)]
pub(in super::super) struct Spelling {
    phrases: Rc<Phrases>,
    /// The longest front of phrases that the letters read end with.
    node: u32,
    /// Of the letters of that front, bit 0 of the last one: whether a gap stands before it.
    gaps: u128,
    /// Whether a word may begin with it.
    borders: u128,
    /// Where the last letters begin, as a ring.
    starts: Vec<usize>,
    /// How many letters were put into it.
    count: usize,
    /// End of the last letter.
    end: usize,
    /// The last letter.
    last: char,
    /// Characters since the last letter.
    gap: usize,
    /// Bytes of text that were read.
    at: usize,
    #[cfg(test)]
    pub(super) steps: usize,
}

impl Spelling {
    pub(in super::super) fn new(phrases: Rc<Phrases>) -> Self {
        Self {
            phrases,
            node: 0,
            gaps: 0,
            borders: 0,
            starts: vec![0; LONGEST],
            count: 0,
            end: 0,
            last: NONE,
            // The front of the text is a border.
            gap: 1,
            at: 0,
            #[cfg(test)]
            steps: 0,
        }
    }

    /// Takes the next piece; adds what is found by it.
    pub(in super::super) fn push(&mut self, piece: &str, hits: &mut Vec<Hit>) {
        let mut rest = piece;
        loop {
            rest = self.pass(rest);
            let mut chars = rest.chars();
            let Some(c) = chars.next() else {
                return;
            };
            rest = chars.as_str();
            let end = self.at.saturating_add(c.len_utf8());
            match sign(c) {
                Sign::Letters(letters) => {
                    for letter in letters.into_iter().take_while(|letter| *letter != NONE) {
                        self.letter(letter, end, hits);
                    }
                }
                Sign::Gap => self.gap(hits),
                Sign::Nothing => {}
            }
            self.at = end;
        }
    }

    /// Takes the end of the text.
    pub(in super::super) fn finish(&mut self, hits: &mut Vec<Hit>) {
        if self.gap == 0 {
            self.say(hits);
        }
        self.node = 0;
    }

    /// Passes over ASCII while no phrase has begun: nearly all text. Gives what is left.
    fn pass<'t>(&mut self, text: &'t str) -> &'t str {
        if self.node != 0 {
            return text;
        }
        let mut passed = 0_usize;
        for byte in text.bytes() {
            match ascii_letter(byte) {
                None => break,
                Some(0) => self.gap = self.gap.saturating_add(1),
                Some(letter) => {
                    let is_border = self.gap > 0 || is_glued(self.last);
                    if is_border && self.phrases.begin_with(letter) {
                        break;
                    }
                    (self.last, self.gap) = (char::from(letter), 0);
                    self.end = self.at.saturating_add(passed).saturating_add(1);
                }
            }
            passed = passed.saturating_add(1);
        }
        self.at = self.at.saturating_add(passed);
        text.get(passed..).unwrap_or_default()
    }

    /// Every hit that begins before this byte of all text has been given.
    pub(in super::super) fn settled(&self) -> usize {
        let mut number = self.node;
        while let Some(node) = self.phrases.node(number).filter(|node| node.depth > 0) {
            if self.may_become(node) {
                return self.start(node.depth);
            }
            number = node.fail;
        }
        self.at
    }

    fn letter(&mut self, letter: char, end: usize, hits: &mut Vec<Hit>) {
        let is_border = self.gap > 0 || is_glued(letter) || is_glued(self.last);
        if is_border && self.gap == 0 {
            self.say(hits);
        }
        self.step(letter, is_border);
        if self.node != 0 {
            self.gaps = (self.gaps << 1) | u128::from(self.gap > 0);
            self.borders = (self.borders << 1) | u128::from(is_border);
            let place = self.count % LONGEST;
            if let Some(start) = self.starts.get_mut(place) {
                *start = self.at;
            }
            self.count = self.count.wrapping_add(1);
        }
        (self.end, self.last, self.gap) = (end, letter, 0);
    }

    fn step(&mut self, letter: char, is_border: bool) {
        let mut steps = 1;
        // No match begins within a word.
        if self.node != 0 || is_border {
            self.node = self.phrases.next(self.node, letter, &mut steps);
        }
        self.count_steps(steps);
    }

    fn gap(&mut self, hits: &mut Vec<Hit>) {
        if self.gap == 0 {
            self.say(hits);
        }
        self.gap = self.gap.saturating_add(1);
        if self.gap > LONGEST_GAP {
            self.node = 0;
        }
    }

    /// Adds the phrases that end with the last letter, which a border follows.
    fn say(&mut self, hits: &mut Vec<Hit>) {
        let phrases = Rc::clone(&self.phrases);
        let before = hits.len();
        let mut number = self.node;
        while let Some(node) = phrases.node(number).filter(|node| node.has_ends) {
            self.count_steps(1);
            let ends = node.ends.iter();
            for end in ends.filter(|end| self.fits(node.depth, end.gaps)) {
                let hit = Hit {
                    what: What::Phrase(end.phrase),
                    start: self.start(node.depth),
                    end: self.end,
                    part: Part::Whole,
                };
                // A phrase of several spellings may end here twice.
                let said = hits.get(before..).unwrap_or_default();
                if !said.contains(&hit) {
                    hits.push(hit);
                }
            }
            number = node.fail;
        }
    }

    /// Whether the last letters begin where a word does, and have gaps only where `gaps`
    /// has, or everywhere.
    const fn fits(&self, letters: usize, gaps: u128) -> bool {
        let inner = self.inner_gaps(letters);
        self.begins(letters) && (inner & !gaps == 0 || inner == inner_mask(letters))
    }

    /// Whether a phrase that begins with this front may still be found.
    fn may_become(&self, node: &Node) -> bool {
        let inner = self.inner_gaps(node.depth);
        let is_behind = self.gap > 0;
        let as_written = inner & !node.gaps == 0;
        let spaced = inner == inner_mask(node.depth);
        let ends = !node.ends.is_empty() && !is_behind && (as_written || spaced);
        let goes_on = spaced || (as_written && (!is_behind || node.gap_behind));
        self.begins(node.depth) && (ends || (node.grows() && goes_on))
    }

    const fn begins(&self, letters: usize) -> bool {
        match letters.checked_sub(1) {
            Some(index) => (self.borders >> index) & 1 == 1,
            None => false,
        }
    }

    const fn inner_gaps(&self, letters: usize) -> u128 {
        self.gaps & inner_mask(letters)
    }

    /// Where the last `letters` begin.
    fn start(&self, letters: usize) -> usize {
        let place = self.count.wrapping_sub(letters) % LONGEST;
        self.starts.get(place).copied().unwrap_or_default()
    }

    #[cfg_attr(not(test), expect(clippy::unused_self, reason = "counts in tests"))]
    const fn count_steps(&mut self, _steps: usize) {
        #[cfg(test)]
        {
            self.steps += _steps;
        }
    }
}

/// A bit for each letter but the first.
const fn inner_mask(letters: usize) -> u128 {
    match letters.checked_sub(1) {
        Some(inner) => !(u128::MAX << inner),
        None => 0,
    }
}

#[cfg(test)]
mod tests;
