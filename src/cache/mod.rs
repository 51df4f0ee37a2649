/*! Repeated questions: answers that were given before, and may be given again. */

pub mod canonical;
pub mod store;
