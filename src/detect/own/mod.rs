/*! What operators look for: their patterns and phrases, the words of the system prompt, and
where links lead. */

mod check;
mod hosts;
mod patterns;
mod phrases;
mod system_prompt;

pub use check::Check;
pub use hosts::Hosts;
pub use patterns::{LONGEST_MATCH, Pattern, Patterns};
pub use phrases::Phrases;
pub use system_prompt::SystemPrompt;
