/*! What became of each try: written by the tries, read by the gateway that settles. */

use crate::host::Instant;
use serde::{Deserialize, Serialize};

/// All tries of one call so far, oldest first. Travels as JSON in filter state, like the
/// plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tries(pub Vec<Try>);

/// One try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Try {
    /// Which target of the plan, from 0.
    pub target: usize,
    /// When it began, in nanoseconds since the Unix epoch.
    pub began: u64,
    /// How far it came.
    pub came: Came,
}

/// How far a try came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Came {
    /// On its way; if this is the last word, it was lost: no answer, or one that was cut.
    Sent,
    /// It never reached the provider.
    Unsent,
    /// The provider's answer is what the caller gets.
    Answered,
    /// It failed.
    Failed(Failure),
}

impl Came {
    /// For records and metrics.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Sent => "lost",
            Self::Unsent => "unreachable",
            Self::Answered => "answered",
            Self::Failed(failure) => failure.why.as_str(),
        }
    }
}

/// Why a try failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// The class.
    pub why: Why,
    /// The provider's status.
    pub status: u16,
    /// When the provider will take requests again, in nanoseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
}

/// Classes of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// 429: too many requests or tokens.
    RateLimited,
    /// 401 or 403: the operator's key.
    Auth,
    /// A status of 500 or above, or one that only a broken or misplaced server gives.
    Unavailable,
    /// A model, path or file that is not there.
    NotFound,
    /// A good status with something that is no answer: HTML, broken JSON, nothing.
    Garbage,
    /// The model has broken off at this request, as one that makes a call of a tool that cannot be
    /// read: another may not, and this one may do well with the next request.
    Model,
    /// The prompt is longer than the model's window.
    ContextLength,
    /// The provider refuses the content.
    ContentPolicy,
    /// The request itself is wrong: another target would say the same.
    Request,
}

impl Why {
    /// Whether the target is worse off for it: such failures count towards a cool-down.
    pub const fn blames_target(self) -> bool {
        matches!(self, Self::Auth | Self::Unavailable | Self::Garbage)
    }

    /// For records and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::Auth => "auth",
            Self::Unavailable => "unavailable",
            Self::NotFound => "not_found",
            Self::Garbage => "garbage",
            Self::Model => "model_error",
            Self::ContextLength => "context_length",
            Self::ContentPolicy => "content_policy",
            Self::Request => "request",
        }
    }
}

impl Tries {
    /// As they are handed on.
    pub fn to_json(&self) -> Vec<u8> {
        // Numbers and fixed words only: this cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads what [`Tries::to_json`] wrote; nothing there is no try yet.
    pub fn from_json(json: &[u8]) -> Self {
        serde_json::from_slice(json).unwrap_or_default()
    }

    /// Adds a try that is on its way.
    pub fn begin(&mut self, target: usize, now: Instant) {
        self.0.push(Try {
            target,
            began: now.0,
            came: Came::Sent,
        });
    }

    /// Says how far the latest try came.
    pub fn latest_came(&mut self, came: Came) {
        if let Some(latest) = self.0.last_mut() {
            latest.came = came;
        }
    }
}
