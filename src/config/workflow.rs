/*! Steps around the calls of a virtual model, of a compiled policy. */

use super::model::MaxTokensField;
use super::rule::Modality;
use super::service::Moderation;
use crate::ledger::Price;

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StepKind {
    /// A service judges the texts of the request.
    Moderate,
    /// A model that sees puts texts in the place of images.
    DescribeImages,
    /// A model that hears puts texts in the place of sounds.
    TranscribeAudio,
    /// A model puts a summary in the place of older turns.
    SummariseContext,
}

impl StepKind {
    /// All of them, in the order in which they are made.
    pub const ALL: [Self; 4] = [
        Self::Moderate,
        Self::DescribeImages,
        Self::TranscribeAudio,
        Self::SummariseContext,
    ];

    /// Its name in policies, records and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Moderate => "moderate",
            Self::DescribeImages => "describe_images",
            Self::TranscribeAudio => "transcribe_audio",
            Self::SummariseContext => "summarise_context",
        }
    }

    /// What it makes texts of that a target does not take itself.
    pub const fn makes_text_of(self) -> Option<Modality> {
        match self {
            Self::DescribeImages => Some(Modality::Image),
            Self::TranscribeAudio => Some(Modality::Audio),
            Self::Moderate | Self::SummariseContext => None,
        }
    }

    /// The path of its requests unless the document has one.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Moderate => "/v1/moderations",
            Self::TranscribeAudio => "/v1/audio/transcriptions",
            Self::DescribeImages | Self::SummariseContext => "/v1/chat/completions",
        }
    }
}

/// A step.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// What it does.
    pub kind: StepKind,
    /// Who is asked.
    pub asked: StepModel,
    /// What becomes of the call if that fails.
    pub on_error: OnError,
    /// Most tokens of an answer, 1 to 16 384; 0 where there are none.
    pub max_output: u64,
    /// What the model is told to do.
    pub prompt: String,
    /// Which objections count, for [`StepKind::Moderate`].
    pub moderation: Moderation,
    /// How many of the latest messages stay as they are, for [`StepKind::SummariseContext`].
    pub keep: usize,
}

/// Who is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepModel {
    /// The Envoy cluster that reaches it; no filter of Tollgate's may be in it. Its key is put
    /// in there, by Envoy's credential injector.
    pub cluster: String,
    /// The `:authority` it is called by; by default the cluster's name.
    pub authority: String,
    /// The path of the `POST`.
    pub path: String,
    /// Its name there; empty: the service's own default.
    pub model: String,
    /// Its context window, in tokens, if told.
    pub context: Option<u64>,
    /// What it costs, if told.
    pub price: Option<Price>,
    /// How long an answer may take, in milliseconds. The call waits.
    pub timeout_ms: u64,
    /// What it calls the bound on the tokens of an answer.
    pub max_tokens_field: MaxTokensField,
}

/// What becomes of a call whose step has failed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum OnError {
    /// It is refused.
    #[default]
    Fail,
    /// It goes on without what the step would have made.
    Skip,
    /// This one is asked; if that fails too, the call is refused.
    Fallback(Box<StepModel>),
}

impl Step {
    /// Those who are asked and have no price of their own have this one.
    pub(super) fn price(&mut self, price: Option<Price>) {
        self.asked.price = self.asked.price.or(price);
        if let OnError::Fallback(fallback) = &mut self.on_error {
            fallback.price = fallback.price.or(price);
        }
    }

    /// All who may be asked, the first one first.
    pub fn models(&self) -> impl Iterator<Item = &StepModel> {
        let fallback = match &self.on_error {
            OnError::Fallback(fallback) => Some(&**fallback),
            OnError::Fail | OnError::Skip => None,
        };
        std::iter::once(&self.asked).chain(fallback)
    }
}
