/*! What operators look for: their patterns and phrases, the words of the system prompt, and
where links lead. */

mod check;
mod fold;
mod hosts;
pub(super) mod links;
pub(super) mod matching;
mod patterns;
mod phrases;
mod regex;
pub(super) mod repeating;
pub(super) mod spelling;
mod system_prompt;
mod table;
mod target;
mod url;
mod words;

pub use check::Check;
pub use hosts::Hosts;
pub use patterns::{LONGEST_MATCH, Pattern, Patterns, USUAL_MATCH};
pub use phrases::Phrases;
pub use system_prompt::SystemPrompt;
pub use url::{LONGEST_REFERENCE, SCHEMES, reference};
