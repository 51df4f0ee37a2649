/*! Prompt injection and toxicity, scored from the text alone.

A text is folded (`fold`), cut into words and blocks (`reader`), and what stands in it is hashed into
one table that both classifiers share (`weights`): words, letters in a row, and concepts, classes of
words of many languages. Weights add up, so a window of two blocks is the sum of its blocks; a small
layer makes log odds of the sums (`layer`), and a text scores what its worst window does (`windows`, `scores`). What an encoding hides is scored, too
(`views`). Streams are scored by sentence (`sentences`). Nothing is kept of the text but what short
words add (`known`), and all numbers are integers: the same in every build.

`train/` makes the weights; `train/features.py` computes the same features. */

mod class;
mod concepts;
mod fold;
mod hash;
mod held;
mod known;
mod layer;
mod reader;
mod scores;
mod sentences;
mod shape;
#[cfg(test)]
mod tests;
mod views;
mod weights;
mod windows;
mod word;

pub use class::Class;
pub use reader::Scorer;
pub use scores::{Scores, Sensitivity};
pub use sentences::{Sentence, Sentences};
pub use views::View;

/// The scores of a whole text: of its worst part, plain or hidden in an encoding ([`View`]).
#[must_use]
pub fn score(text: &str) -> Scores {
    let mut scorer = Scorer::default();
    scorer.push(text);
    // A text without a word says nothing, however its shape may score.
    if !text.contains(says_something) {
        return Scores::default();
    }
    let mut scores = scorer.finish();
    views::each(text, scorer.signs(), |view, mut hidden| {
        scores = scores.worse(hidden.end().seen_in(view));
    });
    scores
}

/// Letters, digits and ideographs, also in other shapes, and pictures, which may say a lot.
fn says_something(c: char) -> bool {
    c.is_alphanumeric() || u32::from(c) >= 0x2070
}
