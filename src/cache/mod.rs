/*! Repeated questions: answers that were given before, and may be given again. */

pub mod store;
