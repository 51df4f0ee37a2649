/*! Steps around the calls of a virtual model, of a compiled policy. */

use super::model::MaxTokensField;
use super::rule::Modality;
use super::service::Moderation;
use crate::ledger::Price;
use crate::protocols::Api;

/// Longest answer of a member of a panel, in bytes: all of them are held until one is chosen.
pub const MAX_CANDIDATE: usize = 1024 * 1024;

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
    /// A model, one of several, answers in the targets' place.
    Panel,
    /// A model says which answer of the panel is the best.
    PanelJudge,
    /// A service reads the answer aloud.
    Speak,
}

impl StepKind {
    /// Those that stand in a workflow under their own names, in the order in which they are made.
    pub const ALL: [Self; 5] = [
        Self::Moderate,
        Self::DescribeImages,
        Self::TranscribeAudio,
        Self::SummariseContext,
        Self::Speak,
    ];

    /// Its name in policies, records and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Moderate => "moderate",
            Self::DescribeImages => "describe_images",
            Self::TranscribeAudio => "transcribe_audio",
            Self::SummariseContext => "summarise_context",
            Self::Panel => "panel",
            Self::PanelJudge => "panel_judge",
            Self::Speak => "speak",
        }
    }

    /// What it makes texts of that a target does not take itself.
    pub const fn makes_text_of(self) -> Option<Modality> {
        match self {
            Self::DescribeImages => Some(Modality::Image),
            Self::TranscribeAudio => Some(Modality::Audio),
            Self::Moderate
            | Self::SummariseContext
            | Self::Panel
            | Self::PanelJudge
            | Self::Speak => None,
        }
    }

    /// The path of its requests unless the document has one.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Moderate => "/v1/moderations",
            Self::TranscribeAudio => "/v1/audio/transcriptions",
            Self::Speak => "/v1/audio/speech",
            Self::DescribeImages | Self::SummariseContext | Self::Panel | Self::PanelJudge => {
                "/v1/chat/completions"
            }
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
    /// How many members of the panel must have answered, for [`StepKind::PanelJudge`].
    pub min: usize,
    /// Longest text that is read aloud, in characters, for [`StepKind::Speak`].
    pub max_characters: u64,
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
    /// What it speaks: chat completions or messages for [`StepKind::Panel`], elsewhere what the
    /// step is asked by.
    pub api: Api,
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
    /// It goes on without what the step would have made. Of a panel that has no judge the first
    /// answer is taken; without enough answers its targets are asked.
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
