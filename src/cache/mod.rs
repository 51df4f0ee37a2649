/*! Answers that were given before. */

pub mod canonical;
pub mod semantic;
