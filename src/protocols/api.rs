/*! The APIs by which models are called. */

use super::Protocol;
use serde::{Deserialize, Serialize};

/// An API: it decides how requests, answers and streams are read and written. Its
/// [`Protocol`] decides the shape of errors and headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// OpenAI's chat completions.
    #[default]
    ChatCompletions,
    /// OpenAI's completions of plain text.
    Completions,
    /// OpenAI's Responses.
    Responses,
    /// OpenAI's embeddings: texts in, numbers out.
    Embeddings,
    /// OpenAI's moderations: texts and images in, scores out.
    Moderations,
    /// OpenAI's speech: a text in, sound out.
    Speech,
    /// OpenAI's transcriptions: sound in, text out.
    Transcriptions,
    /// OpenAI's translations: sound in any language in, English text out.
    Translations,
    /// OpenAI's images from a text.
    ImageGenerations,
    /// OpenAI's images from images and a text.
    ImageEdits,
    /// OpenAI's images that are like one.
    ImageVariations,
    /// Anthropic's Messages.
    Messages,
    /// Anthropic's count of the tokens that a message would have.
    CountTokens,
    /// Gemini's `generateContent`, by which providers are asked and no caller asks.
    GenerateContent,
    /// Bedrock's Converse, likewise.
    Converse,
}

impl Api {
    /// All by which callers ask.
    pub const ALL: [Self; 13] = [
        Self::ChatCompletions,
        Self::Completions,
        Self::Responses,
        Self::Embeddings,
        Self::Moderations,
        Self::Speech,
        Self::Transcriptions,
        Self::Translations,
        Self::ImageGenerations,
        Self::ImageEdits,
        Self::ImageVariations,
        Self::Messages,
        Self::CountTokens,
    ];

    /// Those that answer in texts, whole or in streams.
    pub const OF_TEXT: [Self; 4] = [
        Self::ChatCompletions,
        Self::Completions,
        Self::Responses,
        Self::Messages,
    ];

    /// Whose it is.
    pub const fn protocol(self) -> Protocol {
        match self {
            Self::Messages | Self::CountTokens => Protocol::Anthropic,
            Self::GenerateContent => Protocol::Gemini,
            Self::Converse => Protocol::Bedrock,
            _ => Protocol::OpenAi,
        }
    }

    /// Its path below `/v1`, or below another base; of Gemini's and Bedrock's, what follows the model's name.
    pub const fn path(self) -> &'static str {
        match self {
            Self::ChatCompletions => "/chat/completions",
            Self::Completions => "/completions",
            Self::Responses => "/responses",
            Self::Embeddings => "/embeddings",
            Self::Moderations => "/moderations",
            Self::Speech => "/audio/speech",
            Self::Transcriptions => "/audio/transcriptions",
            Self::Translations => "/audio/translations",
            Self::ImageGenerations => "/images/generations",
            Self::ImageEdits => "/images/edits",
            Self::ImageVariations => "/images/variations",
            Self::Messages => "/messages",
            Self::CountTokens => "/messages/count_tokens",
            Self::GenerateContent => ":generateContent",
            Self::Converse => "/converse",
        }
    }

    /// Its name in records and policies; OpenTelemetry's `openai.api.type` has the same.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat_completions",
            Self::Completions => "completions",
            Self::Responses => "responses",
            Self::Embeddings => "embeddings",
            Self::Moderations => "moderations",
            Self::Speech => "speech",
            Self::Transcriptions => "transcriptions",
            Self::Translations => "translations",
            Self::ImageGenerations => "image_generations",
            Self::ImageEdits => "image_edits",
            Self::ImageVariations => "image_variations",
            Self::Messages => "messages",
            Self::CountTokens => "count_tokens",
            Self::GenerateContent => "generate_content",
            Self::Converse => "converse",
        }
    }

    /// What a call of it does, for records: OpenTelemetry's `gen_ai.operation.name`, where
    /// calls of Responses are `chat` too.
    pub const fn operation(self) -> &'static str {
        match self {
            Self::ChatCompletions | Self::Messages => "chat",
            Self::Completions => "text_completion",
            Self::Responses => "responses",
            Self::Embeddings => "embeddings",
            Self::Moderations => "moderations",
            Self::Speech => "speech",
            Self::Transcriptions => "transcriptions",
            Self::Translations => "translations",
            Self::ImageGenerations => "image_generations",
            Self::ImageEdits => "image_edits",
            Self::ImageVariations => "image_variations",
            Self::CountTokens => "count_tokens",
            Self::GenerateContent => "generate_content",
            Self::Converse => "converse",
        }
    }

    /// Whether its answers are texts, whose length says how many tokens they have.
    pub fn says_text(self) -> bool {
        Self::OF_TEXT.contains(&self) || self.is_transcript()
    }

    /// Whether its answers say what is heard in sound.
    pub const fn is_transcript(self) -> bool {
        matches!(self, Self::Transcriptions | Self::Translations)
    }

    /// Whether its answers are images.
    pub const fn makes_images(self) -> bool {
        matches!(
            self,
            Self::ImageGenerations | Self::ImageEdits | Self::ImageVariations
        )
    }

    /// Whether its answers are sound or images, in which nothing can be looked for.
    pub const fn makes_media(self) -> bool {
        self.makes_images() || matches!(self, Self::Speech)
    }

    /// Whether its requests are forms (`multipart/form-data`) and not JSON.
    pub const fn is_form(self) -> bool {
        self.is_transcript() || matches!(self, Self::ImageEdits | Self::ImageVariations)
    }

    /// Whether its answers may be stored and given again.
    pub fn is_cached(self) -> bool {
        let repeats = matches!(self, Self::Embeddings | Self::Moderations);
        Self::OF_TEXT.contains(&self) || repeats
    }

    /// The API at `path`, which has no query.
    pub fn at(path: &str) -> Option<Self> {
        let below = path.strip_prefix("/v1")?;
        Self::ALL.into_iter().find(|api| api.path() == below)
    }

    /// The API that a caller of `path` speaks: the one there, or above it. Elsewhere it is the
    /// one that is usual in the caller's protocol, and that is Anthropic's if there is the
    /// `anthropic-version` header, which its API demands.
    pub fn of(path: &str, has_anthropic_version: bool) -> Self {
        let path = path.split('?').next().unwrap_or_default();
        let above = |api: Self| {
            let below = path.strip_prefix("/v1").unwrap_or_default();
            let below = below.strip_prefix(api.path());
            below.is_some_and(|rest| rest.starts_with('/'))
        };
        let known = Self::at(path).or_else(|| above(Self::Messages).then_some(Self::Messages));
        match known {
            Some(api) => api,
            None if has_anthropic_version => Self::Messages,
            None if above(Self::Responses) => Self::Responses,
            None => Self::ChatCompletions,
        }
    }
}

impl Protocol {
    /// The API that is usual in it.
    pub const fn chat(self) -> Api {
        match self {
            Self::OpenAi => Api::ChatCompletions,
            Self::Anthropic => Api::Messages,
            Self::Gemini => Api::GenerateContent,
            Self::Bedrock => Api::Converse,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_in_plans() {
        for api in Api::ALL {
            let json = serde_json::to_string(&api).unwrap();
            assert_eq!(json, format!("\"{}\"", api.as_str()));
            assert_eq!(Api::at(&format!("/v1{}", api.path())), Some(api));
            assert_eq!(api.protocol().chat().protocol(), api.protocol());
        }
        for protocol in [Protocol::Gemini, Protocol::Bedrock] {
            let provider = protocol.chat();
            let json = serde_json::to_string(&provider).unwrap();
            assert_eq!(json, format!("\"{}\"", provider.as_str()));
            assert_eq!(provider.protocol(), protocol);
        }
        assert_eq!(Api::at("/v1:generateContent"), None);
    }

    #[test]
    fn paths_and_the_header_of_anthropics_api_tell_what_a_caller_speaks() {
        let chat = Api::ChatCompletions;
        for (path, without, with) in [
            ("/v1/chat/completions", chat, chat),
            ("/v1/completions?x=1", Api::Completions, Api::Completions),
            ("/v1/responses", Api::Responses, Api::Responses),
            ("/v1/embeddings", Api::Embeddings, Api::Embeddings),
            ("/v1/responses/resp_1", Api::Responses, Api::Messages),
            ("/v1/messages", Api::Messages, Api::Messages),
            ("/v1/messages/batches", Api::Messages, Api::Messages),
            (
                "/v1/messages/count_tokens",
                Api::CountTokens,
                Api::CountTokens,
            ),
            ("/v1/moderations", Api::Moderations, Api::Moderations),
            ("/v1/messages_of_mine", chat, Api::Messages),
            ("/v1/models", chat, Api::Messages),
            ("/responses", chat, Api::Messages),
            ("", chat, Api::Messages),
        ] {
            assert_eq!(Api::of(path, false), without, "{path}");
            assert_eq!(Api::of(path, true), with, "{path}");
        }
        assert_eq!(Api::at("/v1/completions/"), None);
        assert_eq!(Api::at("/completions"), None);
    }
}
