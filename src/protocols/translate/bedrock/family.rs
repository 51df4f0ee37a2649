/*! What differs between Bedrock's models, told by their names. */

/// Whose a model is, as far as that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// Anthropic's: has words of its own for thinking.
    Claude,
    /// Amazon's.
    Nova,
    /// Another's, or hidden behind the name of a profile.
    Other,
}

impl Family {
    pub(super) fn of(model: &str) -> Self {
        let model = model.to_ascii_lowercase();
        if model.contains("claude") {
            Self::Claude
        } else if model.contains("nova") {
            Self::Nova
        } else {
            Self::Other
        }
    }

    /// Whether it knows points up to which prompts are cached, and results that have failed.
    pub(super) const fn knows_more(self) -> bool {
        matches!(self, Self::Claude | Self::Nova)
    }
}
