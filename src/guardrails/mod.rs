/*! Rules on requests as such: how large they are, who speaks in them, which tools and parameters
they have. What texts say is for others to judge. */

mod condition;
mod decimal;
mod members;
mod rules;
mod shape;
mod tally;
mod verdict;
mod walk;

pub use condition::{Bounds, Condition, Number, Scalar};
pub use members::spellings;
pub use rules::{Measure, Name, Parameter, RequestRules, Rule, Rules, SystemRule, Tools};
pub use verdict::{Finding, Verdict};

#[cfg(test)]
mod tests;
