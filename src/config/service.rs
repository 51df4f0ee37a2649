/*! A service that judges texts over HTTP, of a compiled policy. */

use serde::{Serialize, Serializer};
use std::fmt;

/// A service that a guardrail asks about the texts of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The Envoy cluster that reaches it; no filter of Tollgate's may be in it. A key that
    /// the service wants is put in there, by Envoy's credential injector.
    pub cluster: String,
    /// The `:authority` it is called by; by default the cluster's name.
    pub authority: String,
    /// The path of the `POST`; by default [`ServiceKind::path`].
    pub path: String,
    /// What it speaks.
    pub kind: ServiceKind,
    /// How long an answer may take, in milliseconds, 50 ms to 1 min. The call waits.
    pub timeout_ms: u64,
    /// What becomes of a call if there is no answer, or none that can be read.
    pub failure_mode: FailureMode,
}

/// What a service speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceKind {
    /// `POST /analyze` of Presidio's analyzer: finds values, so all actions are possible.
    Presidio(Presidio),
    /// `POST /v1/moderations` of OpenAI and those that speak like it: judges whole texts, so
    /// it can't mask.
    OpenAiModeration(Moderation),
    /// `POST /v1/chat/completions` of a server that runs Llama Guard or a model that answers
    /// like it: judges whole texts, so it can't mask.
    LlamaGuard(LlamaGuard),
    /// Tollgate's own small contract (docs/guardrails.md): finds values and judges.
    Generic,
}

/// How Presidio's analyzer is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presidio {
    /// The language of the texts, as the analyzer is set up for, by default `en`.
    pub language: String,
    /// What is asked for, by Presidio's names; empty: everything it looks for.
    pub entities: Vec<String>,
    /// Least score of what counts; `None`: the analyzer's own default.
    pub threshold: Option<Score>,
}

/// How a moderation service is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moderation {
    /// The model that judges; `None`: the service's own default.
    pub model: Option<String>,
    /// The categories that count; empty: all.
    pub categories: Vec<String>,
    /// Least score of a category that counts; `None`: what the service flags counts.
    pub threshold: Option<Score>,
}

/// How a model like Llama Guard is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LlamaGuard {
    /// The model that judges.
    pub model: String,
    /// The codes of categories that count, such as `S1`; empty: all.
    pub categories: Vec<String>,
}

/// How sure a service is, in thousandths, 0 to 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Score(u16);

/// What becomes of a call whose guardrail can't be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FailureMode {
    /// It is refused.
    #[default]
    Closed,
    /// It goes on as if nothing had been found, and that is counted. A guardrail with the
    /// action `monitor` is always open.
    Open,
}

impl Moderation {
    /// One that takes whatever the service flags.
    pub const NONE: Self = Self {
        model: None,
        categories: Vec::new(),
        threshold: None,
    };
}

impl ServiceKind {
    /// Its name in the document.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Presidio(_) => "presidio",
            Self::OpenAiModeration(_) => "openai_moderation",
            Self::LlamaGuard(_) => "llama_guard",
            Self::Generic => "generic",
        }
    }

    /// The path if the document has none.
    pub const fn path(&self) -> &'static str {
        match self {
            Self::Presidio(_) => "/analyze",
            Self::OpenAiModeration(_) => "/v1/moderations",
            Self::LlamaGuard(_) => "/v1/chat/completions",
            Self::Generic => "/",
        }
    }

    /// Whether it says where in a text something stands: only then `mask` is possible.
    pub const fn finds_values(&self) -> bool {
        !matches!(self, Self::OpenAiModeration(_) | Self::LlamaGuard(_))
    }
}

impl Score {
    /// One of so many thousandths; `None` above 1000.
    pub fn new(thousandths: u16) -> Option<Self> {
        (thousandths <= 1000).then_some(Self(thousandths))
    }

    /// In thousandths.
    pub const fn thousandths(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Score {
    /// As a decimal: `0.500`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

impl Serialize for Score {
    /// As a number: `0.5`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(self.0) / 1000.0)
    }
}

impl FailureMode {
    /// Its name in the document.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
        }
    }
}
