/*! The plan of a call: what the gateway tells the tries that Envoy makes of it.

It travels as JSON in filter state, so that a try in a filter of its own finds it. Every
filter, log and CEL expression can read it there: it holds names, numbers and the headers
by which a caller selects features, no text of the call and no key. */

use crate::config::{AnswerModel, Backend, MaxTokensField, Model, Target};
use crate::protocols::{Api, Protocol};
use serde::{Deserialize, Serialize};

/// The order of the tries, and what they have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The call's request id; answers without an id get it.
    pub id: String,
    /// The API that the caller speaks.
    pub caller: Api,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// Whether nothing in body and answer is looked at.
    pub opaque: bool,
    /// Longest body that a filter may put in place of another, in bytes: Envoy's buffers
    /// hold no more, and it dies of a longer one.
    pub limit: u64,
    /// No try starts after this, in nanoseconds since the Unix epoch.
    pub deadline: u64,
    /// Whether a refusal for the content's sake moves to the next target.
    pub content_policy: bool,
    /// The host that the caller named, for targets that have none of their own.
    pub authority: String,
    /// Headers of the caller that a provider of the same protocol shall see.
    pub headers: Vec<(String, String)>,
    /// The targets, in the order of the tries; never empty.
    pub tries: Vec<Entry>,
}

/// One target: everything that makes a request fit it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Name of the backend.
    pub backend: String,
    /// The API that it is asked by.
    pub api: Api,
    /// The model's name there.
    pub model: String,
    /// The whole path.
    pub path: String,
    /// The host it is called by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// The model's window, in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<u64>,
    /// The most that it can write, in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output: Option<u64>,
    /// The bound on the answers of callers who set none, in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_output: Option<u64>,
    /// Members of a request that it does not know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove_fields: Vec<String>,
    /// What it calls the limit of generated tokens, if only one name is known there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens_field: Option<MaxTokensName>,
    /// Where its credential belongs.
    #[serde(default)]
    pub key_header: KeyHeader,
    /// Whether it may keep responses.
    #[serde(default, skip_serializing_if = "is_false")]
    pub store: bool,
    /// The name to tell the caller instead of the provider's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_model: Option<String>,
}

/// The header that a provider reads its key from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyHeader {
    /// OpenAI's and most others'.
    #[default]
    Authorization,
    /// Anthropic's.
    XApiKey,
    /// Azure's.
    ApiKey,
    /// Gemini's.
    XGoogApiKey,
}

impl KeyHeader {
    /// That of a backend.
    pub const fn of(backend: &Backend) -> Self {
        match backend.protocol {
            Protocol::Anthropic => Self::XApiKey,
            Protocol::Gemini => Self::XGoogApiKey,
            Protocol::OpenAi if backend.azure_api_version.is_some() => Self::ApiKey,
            Protocol::OpenAi | Protocol::Bedrock => Self::Authorization,
        }
    }

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authorization => "authorization",
            Self::XApiKey => "x-api-key",
            Self::ApiKey => "api-key",
            Self::XGoogApiKey => "x-goog-api-key",
        }
    }
}

/// The two names of one field of chat completions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaxTokensName {
    /// The old one, which many servers know alone.
    MaxTokens,
    /// The one that reasoning models insist on.
    MaxCompletionTokens,
}

impl MaxTokensName {
    /// As it stands in a request.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
        }
    }
}

impl Entry {
    /// A target of `model` for a caller who speaks `caller`, and may want a stream. (A target that
    /// has no API for such calls is left out of plans.)
    pub fn of(target: &Target, model: Option<&Model>, caller: Api, stream: bool) -> Self {
        let backend = &target.backend;
        let api = backend.asked_by(caller).unwrap_or(caller);
        let told = model.filter(|model| model.answer_model == AnswerModel::Virtual);
        Self {
            backend: backend.name.clone(),
            api,
            model: target.model.clone(),
            path: path(backend, &target.model, api, stream),
            authority: backend.authority.clone(),
            context: target.context,
            max_output: target.max_output,
            default_output: None,
            remove_fields: backend.remove_fields.clone(),
            max_tokens_field: match backend.max_tokens_field {
                MaxTokensField::AsSent => None,
                MaxTokensField::MaxTokens => Some(MaxTokensName::MaxTokens),
                MaxTokensField::MaxCompletionTokens => Some(MaxTokensName::MaxCompletionTokens),
            },
            key_header: KeyHeader::of(backend),
            store: false,
            told_model: told.map(|model| model.name.clone()),
        }
    }

    /// A request to `path` at `backend` that passes unread.
    pub fn opaque(backend: &Backend, path: String) -> Self {
        Self {
            backend: backend.name.clone(),
            api: backend.protocol.chat(),
            path,
            authority: backend.authority.clone(),
            key_header: KeyHeader::of(backend),
            ..Self::default()
        }
    }
}

/// For serde, which hands out references.
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Where a backend takes the calls of a model.
fn path(backend: &Backend, model: &str, api: Api, stream: bool) -> String {
    let (base, below) = (&backend.base_path, api.path());
    if api == Api::GenerateContent {
        let method = match stream {
            true => ":streamGenerateContent?alt=sse",
            false => below,
        };
        return format!("{base}/{}{method}", resource(model));
    }
    if api == Api::Converse {
        let streams = if stream { "-stream" } else { "" };
        // Signatures are made of the path: it is encoded as Amazon's SDKs do it.
        let model = encode_segment(model);
        return format!("{base}/model/{model}{below}{streams}");
    }
    let Some(version) = &backend.azure_api_version else {
        return format!("{base}{below}");
    };
    let below = match api {
        // Its body names the deployment.
        Api::Responses => below.to_owned(),
        _ => format!("/deployments/{}{below}", encode_segment(model)),
    };
    format!("{base}/openai{below}?api-version={version}")
}

/// Where Gemini's API has a model. Those that are not among `models` (`tunedModels/…`, Vertex AI's
/// `endpoints/…`) say it themselves.
fn resource(model: &str) -> String {
    let segments: Vec<String> = model.split('/').map(encode_segment).collect();
    match segments.as_slice() {
        [name] => format!("models/{name}"),
        segments => segments.join("/"),
    }
}

/// A name as one segment of a path.
fn encode_segment(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

impl Plan {
    /// As it is handed on.
    pub fn to_json(&self) -> Vec<u8> {
        // Strings, numbers and lists only: this cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads what [`Plan::to_json`] wrote.
    pub fn from_json(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// Whether a target after this one (counted from 0) has a larger window than `own`, or
    /// one that nobody stated.
    pub fn larger_window_after(&self, target: usize, own: Option<u64>) -> bool {
        let mut later = self.tries.iter().skip(target.saturating_add(1));
        later.any(|entry| match (own, entry.context) {
            (Some(own), Some(context)) => context > own,
            _ => true,
        })
    }
}
