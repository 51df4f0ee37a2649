/*! Guardrails: what is looked for in texts, and what becomes of it. */

use crate::detect::Entities;
use crate::mask::{Masks, Style};

/// One guardrail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guardrail {
    /// Its name in the document.
    pub name: String,
    /// Which texts it looks at.
    pub phase: Phases,
    /// What it looks for.
    pub detect: Detect,
    /// What becomes of what it finds.
    pub action: Action,
}

/// Which texts a guardrail looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phases {
    /// What callers send.
    Input,
    /// What models answer.
    Output,
    /// Both.
    Both,
}

/// One of the two ways of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// What callers send.
    Input,
    /// What models answer.
    Output,
}

/// What a guardrail looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detect {
    /// All personal data, or those of it that are listed.
    PersonalData(Entities),
    /// All secrets, or those of them that are listed.
    Secrets(Entities),
    /// What is listed.
    Listed(Entities),
}

/// What becomes of what a guardrail finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// It is masked, the text goes on.
    Mask(Style),
    /// It is counted, nothing else.
    Monitor,
    /// The text does not go on.
    Block,
}

impl Phases {
    /// Whether `phase` is one of these.
    pub fn has(self, phase: Phase) -> bool {
        match self {
            Self::Both => true,
            Self::Input => phase == Phase::Input,
            Self::Output => phase == Phase::Output,
        }
    }
}

impl Detect {
    /// Everything that is looked for.
    pub const fn entities(self) -> Entities {
        match self {
            Self::PersonalData(entities) | Self::Secrets(entities) | Self::Listed(entities) => {
                entities
            }
        }
    }

    /// The reason code of what it finds.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::PersonalData(_) => "personal_data",
            Self::Secrets(_) => "secrets",
            Self::Listed(_) => "entities",
        }
    }
}

impl Action {
    /// Its name in the document.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Mask(_) => "mask",
            Self::Monitor => "monitor",
            Self::Block => "block",
        }
    }
}

/// What the guardrails of one phase do to a text together: of two that mask the same
/// entity, the first decides how.
pub fn masks<'g>(guardrails: impl Iterator<Item = &'g Guardrail>) -> Masks {
    let mut masks = Masks::default();
    for guardrail in guardrails {
        let entities = guardrail.detect.entities();
        masks.wanted = masks.wanted.and(entities);
        if let Action::Mask(style) = &guardrail.action {
            masks.styles.push((entities, style.clone()));
        }
    }
    masks
}
