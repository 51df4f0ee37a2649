/*! Questions that were asked before in other words.

Two are the same if [`Marks`] says so and their embeddings are near each other ([`Vector`]): the
first finds the few that can be meant, the second judges them. */

mod marks;
mod tokens;
mod vector;
mod words;

pub use marks::Marks;
pub use vector::{Likeness, MAX_DIMENSIONS, Vector};
