/*! What guardrails do to texts as they come: what goes on is the same whatever the pieces
were.

Text that can still become a finding is held, and nothing else. */

mod channel;
mod flow;
mod guards;
mod held;
mod host_ahead;
mod json;
mod key;
mod meant;
mod placeholder;
mod readings;
mod style;
mod url;
mod vault;
mod verdict;

pub use channel::{Channel, Form, Placeholders, whole};
pub use guards::{Act, Guards, Matches, Rule};
pub use key::{HashKey, TagKey};
pub use meant::{meant, unescaped};
pub use style::Style;
pub use vault::Vault;
pub use verdict::{Verdict, Worst};

#[cfg(test)]
mod tests;
