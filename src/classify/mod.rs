/*! Prompt injection and toxicity, scored from the text alone as it comes.

A text is folded (`fold`), cut into words and blocks (`reader`), and what stands in it is hashed into
one table that both classifiers share (`weights`): words, letters in a row, and concepts, classes of
words of many languages. Weights add up, so a window of two blocks is the sum of its blocks, and a
text scores what its worst window does (`windows`). Nothing is kept of the text.

`train/` makes the weights; `train/features.py` computes the same features. */

mod concepts;
mod fold;
mod hash;
mod reader;
#[cfg(test)]
mod tests;
mod weights;
mod windows;

pub use reader::Scorer;
pub use weights::Sensitivity;
pub use windows::Scores;

/// The scores of a whole text.
#[must_use]
pub fn score(text: &str) -> Scores {
    let mut scorer = Scorer::default();
    scorer.push(text);
    scorer.end()
}
