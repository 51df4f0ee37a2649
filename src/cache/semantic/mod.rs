/*! Questions that were asked before in other words.

Two requests ask the same if all but their questions is the same ([`Asked::add_rest`]), the
questions have the same [`Marks`], and their embeddings are near each other ([`Vector`]). The first
two find the few that can be meant ([`Candidates`]); an embedding is only needed to judge them, and
to become one. */

mod asked;
mod candidates;
mod delicate;
mod embedding;
mod kind;
mod marks;
mod tokens;
mod vector;
mod words;

pub use asked::Asked;
pub use candidates::{Candidate, Candidates};
pub use embedding::{embedding_request, read_embedding};
pub use marks::Marks;
pub use vector::{Likeness, MAX_DIMENSIONS, Vector};
