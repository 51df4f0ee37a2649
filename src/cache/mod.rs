/*! Answers that were given before. */

pub mod canonical;
