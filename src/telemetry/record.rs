/*! The decision record: one JSON object per call. */

use crate::config::Score;
use crate::ledger::{Cost, Settlement, Usage};
use serde::Serialize;
use std::collections::BTreeMap;

/// Where the token counts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UsageSource {
    /// The provider said so.
    Reported,
    /// Tollgate estimated them.
    Estimated,
    /// There was nothing to count.
    None,
}

/// What was decided about one call, and what came of it: names, numbers and codes. Empty
/// names mean that the call did not get that far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record<'a> {
    /// `x-request-id`, which Envoy makes if the caller did not.
    pub request_id: &'a str,
    /// Who paid.
    pub tenant: &'a str,
    /// Its class of service.
    pub tier: &'a str,
    /// Who asked.
    pub user: &'a str,
    /// How the caller was recognised.
    pub via: &'a str,
    /// The label of the key.
    pub key_label: &'a str,
    /// What was asked for: `chat`, `text_completion`, `responses`, `embeddings`, `models`, `usage`, `other`.
    pub operation: &'static str,
    /// The virtual model.
    pub model: &'a str,
    /// The backend that was chosen.
    pub backend: &'a str,
    /// The backend's model.
    pub target_model: &'a str,
    /// The routing rule that decided, if one did.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub rule: &'a str,
    /// Fields of the request that its provider's protocol has no words for.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub dropped: &'a [&'static str],
    /// How many tries were made at providers.
    pub attempts: usize,
    /// Each of them, if there was more than one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tries: Vec<TryRecord<'a>>,
    /// What guardrails have found, in the request first.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub guardrails: &'a [GuardrailRecord<'a>],
    /// The steps of the model's workflow, in the order in which they were begun.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepRecord<'a>>,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// What the cache had to do with it, if there is one.
    #[serde(flatten)]
    pub cache: Option<CacheRecord>,
    /// HTTP status told to the caller, 0 if none was.
    pub status: u16,
    /// `ok`, or the code of what went wrong.
    pub outcome: &'static str,
    /// Why the provider could not be reached or its answer was not passed on: Envoy's
    /// `response.code_details`, or the provider's status.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub reason: &'a str,
    /// Token counts.
    #[serde(flatten)]
    pub tokens: Usage,
    /// Where these counts come from.
    pub usage: UsageSource,
    /// What the call cost, as `cost_nano_usd`; missing if something of it has no price.
    #[serde(rename = "cost_nano_usd", skip_serializing_if = "Cost::is_unpriced")]
    pub cost: Cost,
    /// Milliseconds to the first generated text of a stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_to_first_token_ms: Option<u64>,
    /// Milliseconds from the request's head to the end of the call.
    pub duration_ms: u64,
}

/// What the cache had to do with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CacheRecord {
    /// `hit`, `miss` or `bypass`.
    pub cache: &'static str,
    /// Why it was not asked.
    #[serde(rename = "cache_reason", skip_serializing_if = "str::is_empty")]
    pub reason: &'static str,
    /// `stored`, or why the answer was not; empty if that was never the question.
    #[serde(rename = "cache_stored", skip_serializing_if = "str::is_empty")]
    pub stored: &'static str,
    /// How old the answer was that it gave.
    #[serde(rename = "cache_age_ms", skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<u64>,
    /// Tokens of the call that the answer was first given to.
    #[serde(rename = "cache_saved_tokens", skip_serializing_if = "Option::is_none")]
    pub saved_tokens: Option<u64>,
    /// What that call cost, as far as it was priced.
    #[serde(
        rename = "cache_saved_nano_usd",
        skip_serializing_if = "Option::is_none"
    )]
    pub saved_nano_usd: Option<u64>,
}

/// One try at a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TryRecord<'a> {
    /// The backend.
    pub backend: &'a str,
    /// Its model.
    pub model: &'a str,
    /// `answered`, `lost`, `unreachable`, or the class of its error.
    pub outcome: &'static str,
}

/// One step of a workflow; what it took is part of what the call took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepRecord<'a> {
    /// What it does.
    pub step: &'static str,
    /// The model that was asked; empty: the service's own.
    pub model: &'a str,
    /// `ok`, `chosen`, `flagged`, `unfinished`, or why it has failed.
    pub outcome: &'static str,
    /// Tokens of its prompt.
    pub input_tokens: u64,
    /// Tokens of its answer.
    pub output_tokens: u64,
    /// Where these counts come from.
    pub usage: UsageSource,
    /// What it cost, missing if it has no price.
    #[serde(rename = "cost_nano_usd", skip_serializing_if = "Cost::is_unpriced")]
    pub cost: Cost,
    /// Milliseconds from its request to its answer.
    pub duration_ms: u64,
}

/// What a guardrail has found in a call, and what it did: never what it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GuardrailRecord<'a> {
    /// The guardrail.
    pub name: &'a str,
    /// `input` or `output`.
    pub phase: &'static str,
    /// `block`, `mask` or `monitor`.
    pub action: &'static str,
    /// How often it has found what, by names of entities and patterns.
    pub found: BTreeMap<String, u64>,
    /// The highest score that counted, as the policy writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<Score>,
    /// How the text was read that has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view: Option<&'static str>,
    /// Whether a service chooses the names of what is found: anything may be one.
    #[serde(skip)]
    pub by_service: bool,
    /// Why the service that it asks said nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<&'static str>,
}

impl Record<'_> {
    /// The record as JSON.
    pub fn to_json(&self) -> Vec<u8> {
        // Strings and numbers only: this cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The token counts of a settlement and where they come from.
    pub const fn counts(settlement: Settlement) -> (Usage, UsageSource) {
        match settlement {
            Settlement::Reported(usage) => (usage, UsageSource::Reported),
            Settlement::Estimated(usage) => (usage, UsageSource::Estimated),
            Settlement::Failed | Settlement::Local => (Usage::NONE, UsageSource::None),
        }
    }
}
