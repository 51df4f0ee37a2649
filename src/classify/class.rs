/*! What texts are scored for. */

use super::{Scores, View};

/// What a text is scored for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Prompt injection and jailbreaks.
    PromptInjection,
    /// Insults, hate, profanity.
    Toxicity,
}

impl Class {
    /// Its name in findings and masks.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PromptInjection => "PROMPT_INJECTION",
            Self::Toxicity => "TOXICITY",
        }
    }

    /// Its name in policies.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::PromptInjection => "prompt_injection",
            Self::Toxicity => "toxicity",
        }
    }

    /// Its score, and in which view of the text it was found.
    #[must_use]
    pub const fn of(self, scores: &Scores) -> (u16, View) {
        match self {
            Self::PromptInjection => (scores.injection, scores.injection_view),
            Self::Toxicity => (scores.toxicity, scores.toxicity_view),
        }
    }
}
