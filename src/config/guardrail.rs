/*! Guardrails: what is looked for in texts, and what becomes of it. */

use super::scoring::Scoring;
use super::service::Service;
use crate::detect::{Entities, Pattern};
use crate::guardrails::RequestRules;
use crate::mask::Style;
use std::rc::Rc;

/// One guardrail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guardrail {
    /// Its name in the document.
    pub name: String,
    /// Which texts it looks at.
    pub phase: Phases,
    /// The tenants whose texts it looks at; `None`: all.
    pub tenants: Option<Vec<String>>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// What callers send.
    Input,
    /// What models answer.
    Output,
}

/// What a guardrail looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detect {
    /// All personal data, or those of it that are listed.
    PersonalData(Entities),
    /// All secrets, or those of them that are listed.
    Secrets(Entities),
    /// What is listed.
    Listed(Entities),
    /// The operator's own patterns, 1 to 256 in all guardrails.
    Patterns(Vec<Pattern>),
    /// Phrases in any spelling, 1 to 4,096 in all guardrails.
    Phrases(Vec<String>),
    /// The system prompt, said again. In answers only.
    SystemPrompt {
        /// From so many words of it in a row on.
        words: usize,
    },
    /// Links to other hosts than these. In answers only.
    Links(Vec<String>),
    /// Prompt injection or toxicity, by score.
    Scored(Scoring),
    /// What a service says.
    Service(Rc<Service>),
    /// What requests as such break. Counted or blocked, in requests only.
    Request(Rc<RequestRules>),
}

/// What becomes of what a guardrail finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// It is masked, the text goes on.
    Mask(Style),
    /// In requests a placeholder stands for it, and in the answer it stands again in the
    /// placeholder's place. What the model itself writes of it is masked in this style.
    Restore(Style),
    /// It is counted, nothing else.
    Monitor,
    /// The text does not go on.
    Block,
}

impl Guardrail {
    /// Whether it looks at texts of this tenant.
    pub fn is_for(&self, tenant: &str) -> bool {
        let tenants = self.tenants.as_ref();
        tenants.is_none_or(|tenants| tenants.iter().any(|name| name == tenant))
    }
}

impl Phase {
    /// Its name in records and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
        }
    }
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
    /// The entities that are looked for here, in this process.
    pub fn entities(&self) -> Entities {
        match self {
            Self::PersonalData(entities) | Self::Secrets(entities) | Self::Listed(entities) => {
                *entities
            }
            Self::Patterns(_)
            | Self::Phrases(_)
            | Self::SystemPrompt { .. }
            | Self::Links(_)
            | Self::Scored(_)
            | Self::Service(_)
            | Self::Request(_) => Entities::default(),
        }
    }

    /// The service that it asks, always or where it is unsure.
    pub fn service(&self) -> Option<&Rc<Service>> {
        match self {
            Self::Service(service) => Some(service),
            Self::Scored(scoring) => scoring.judge.as_ref().map(|judge| &judge.service),
            _ => None,
        }
    }

    /// The reason code of what it finds.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::PersonalData(_) => "personal_data",
            Self::Secrets(_) => "secrets",
            Self::Listed(_) => "entities",
            Self::Patterns(_) => "patterns",
            Self::Phrases(_) => "phrases",
            Self::SystemPrompt { .. } => "system_prompt",
            Self::Links(_) => "links",
            Self::Scored(scoring) => scoring.class.word(),
            Self::Service(service) => service.kind.name(),
            Self::Request(_) => "request",
        }
    }
}

impl Action {
    /// Its name in the document.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Mask(_) | Self::Restore(_) => "mask",
            Self::Monitor => "monitor",
            Self::Block => "block",
        }
    }
}
