/*! The words to the left of a candidate: what a number is called before it is written.

Only to the left, so that a stream never waits for words that may come. */

use super::by_first::ByFirst;
use super::view::{at, before};

/// How far to the left words count, in code points.
pub const REACH: usize = 64;

/// The text before a candidate, at most [`REACH`] code points, ASCII in lower case.
#[derive(Debug, Clone)]
pub(super) struct Context {
    text: String,
}

impl Context {
    /// Of all text before the candidate.
    pub(super) fn before(text: &str) -> Self {
        let start = text.char_indices().rev().nth(REACH.saturating_sub(1));
        let start = start.map_or(0, |(start, _)| start);
        let text = text.get(start..).unwrap_or_default();
        Self {
            text: text.to_ascii_lowercase(),
        }
    }

    /// The text, ASCII in lower case.
    pub(super) fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// How many bytes before the candidate the nearest of `words` ends, if one is there.
    /// A word of up to four ASCII letters must stand alone; a longer one may be part of
    /// another (`phone` of `telephone`).
    pub(super) fn nearest(&self, words: &[&str]) -> Option<usize> {
        let ends = words.iter().filter_map(|word| self.last_end(word));
        ends.max().map(|end| self.text.len().saturating_sub(end))
    }

    /// Whether one of `words` is there.
    pub(super) fn has(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.last_end(word).is_some())
    }

    /// Whether the candidate goes on a number, such as `262` of `1,262`, or is an amount.
    pub(super) fn follows_digits(&self) -> bool {
        let mut back = self.text.chars().rev();
        match back.next() {
            Some(',' | '.') => back.next().is_some_and(|c| c.is_ascii_digit()),
            Some('$' | '€' | '£' | '¥' | '₩') => true,
            _ => false,
        }
    }

    /// The same of a long list.
    pub(super) fn nearest_of(&self, words: &ByFirst<&'static str>) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let places = bytes.iter().enumerate();
        let ends = places.flat_map(|(start, first)| {
            let words = words.that_begin(*first).iter();
            words.filter_map(move |word| self.end_at(start, word))
        });
        ends.max().map(|end| self.text.len().saturating_sub(end))
    }

    fn last_end(&self, word: &str) -> Option<usize> {
        let first = at(word.as_bytes(), 0);
        let places = self.text.bytes().enumerate().rev();
        let mut starts = places.filter(|(_, byte)| *byte == first);
        starts.find_map(|(start, _)| self.end_at(start, word))
    }

    /// Where `word` ends, if it begins at `start`.
    fn end_at(&self, start: usize, word: &str) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let found = bytes.get(start..)?.starts_with(word.as_bytes());
        let end = start.saturating_add(word.len());
        let short = word.is_ascii() && word.len() <= 4;
        (found && (!short || self.stands_alone(start, end))).then_some(end)
    }

    fn stands_alone(&self, start: usize, end: usize) -> bool {
        let bytes = self.text.as_bytes();
        !before(bytes, start).is_ascii_alphabetic() && !at(bytes, end).is_ascii_alphabetic()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_counts_and_short_ones_stand_alone() {
        let context = Context::before("My TELEPHONE, not the id: ");
        assert_eq!(context.nearest(&["phone"]), Some(14));
        assert_eq!(context.nearest(&["id", "phone"]), Some(2));
        assert!(!context.has(&["tel", "one"]));
        assert!(Context::before("tel. ").has(&["tel"]));
        assert!(Context::before("hotel tel ").has(&["tel"]));
    }

    #[test]
    fn nothing_beyond_the_reach_counts() {
        let far = format!("phone{}", "é".repeat(REACH));
        assert!(!Context::before(&far).has(&["phone"]));
        let near = format!("phone{}", "é".repeat(REACH - 5));
        assert!(Context::before(&near).has(&["phone"]));
        assert!(!Context::before("").has(&["phone"]));
    }
}
