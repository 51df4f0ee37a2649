/*! The APIs that can be put into each other. */

use super::hub::Reasoning;
use crate::protocols::{Api, Protocol};

/// An API of conversations with models: calls of each can be put into each other one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChatApi {
    /// OpenAI's chat completions.
    #[default]
    Completions,
    /// OpenAI's Responses.
    Responses,
    /// Anthropic's Messages.
    Messages,
}

/// An API of conversations by which providers can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderApi {
    /// One by which callers ask, too.
    Chat(ChatApi),
    /// Gemini's.
    GenerateContent,
    /// Bedrock's.
    Converse,
}

impl ProviderApi {
    /// Which of them an API is; `None`: none.
    pub const fn of(api: Api) -> Option<Self> {
        match (api, ChatApi::of(api)) {
            (Api::GenerateContent, _) => Some(Self::GenerateContent),
            (Api::Converse, _) => Some(Self::Converse),
            (_, Some(chat)) => Some(Self::Chat(chat)),
            (_, None) => None,
        }
    }
}

impl From<ChatApi> for ProviderApi {
    fn from(api: ChatApi) -> Self {
        Self::Chat(api)
    }
}

impl ChatApi {
    /// Which of them an API is; `None`: none.
    pub const fn of(api: Api) -> Option<Self> {
        match api {
            Api::ChatCompletions => Some(Self::Completions),
            Api::Responses => Some(Self::Responses),
            Api::Messages => Some(Self::Messages),
            _ => None,
        }
    }

    /// The same among all APIs.
    pub const fn api(self) -> Api {
        match self {
            Self::Completions => Api::ChatCompletions,
            Self::Responses => Api::Responses,
            Self::Messages => Api::Messages,
        }
    }

    /// Whose it is: the shape of errors.
    pub const fn protocol(self) -> Protocol {
        self.api().protocol()
    }

    /// The field that has the conversation.
    pub(super) const fn conversation(self) -> &'static str {
        match self {
            Self::Completions | Self::Messages => "messages",
            Self::Responses => "input",
        }
    }

    /// The field that says at which texts to stop.
    pub(super) const fn stop(self) -> &'static str {
        match self {
            Self::Completions | Self::Responses => "stop",
            Self::Messages => "stop_sequences",
        }
    }

    /// The field that says in which form to answer.
    pub(super) const fn format(self) -> &'static str {
        match self {
            Self::Completions => "response_format",
            Self::Responses => "text.format",
            Self::Messages => "output_config.format",
        }
    }

    /// What tells in words about the schema of answers.
    pub(super) const fn schema_description(self) -> &'static str {
        match self {
            Self::Completions => "response_format.json_schema.description",
            Self::Responses | Self::Messages => "text.format.description",
        }
    }

    /// What names the end user.
    pub(super) const fn user(self) -> &'static str {
        match self {
            Self::Completions | Self::Responses => "user",
            Self::Messages => "metadata.user_id",
        }
    }

    /// What allows several calls of tools at once, or forbids them.
    pub(super) const fn parallel_calls(self) -> &'static str {
        match self {
            Self::Completions | Self::Responses => "parallel_tool_calls",
            Self::Messages => "tool_choice.disable_parallel_tool_use",
        }
    }

    /// What asks for this thinking.
    pub(super) const fn effort(self, asked: Reasoning) -> &'static str {
        match (self, asked) {
            (Self::Completions, _) => "reasoning_effort",
            (Self::Responses, _) => "reasoning.effort",
            (Self::Messages, Reasoning::Effort(_)) => "output_config.effort",
            (Self::Messages, _) => "thinking",
        }
    }
}

/// The APIs into which calls of this one can be translated, the nearest first.
pub const fn translated_into(from: Api) -> &'static [Api] {
    match from {
        Api::ChatCompletions => &[
            Api::Responses,
            Api::Messages,
            Api::GenerateContent,
            Api::Converse,
        ],
        Api::Responses => &[
            Api::ChatCompletions,
            Api::Messages,
            Api::GenerateContent,
            Api::Converse,
        ],
        Api::Messages => &[
            Api::ChatCompletions,
            Api::Responses,
            Api::GenerateContent,
            Api::Converse,
        ],
        _ => &[],
    }
}
