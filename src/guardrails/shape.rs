/*! Where requests of each API have what rules are about. */

use super::members::spellings;
use crate::protocols::Api;

/// The shape of an API's requests.
#[derive(Debug)]
pub(super) struct Shape {
    /// Messages: a list of them, or one text of the user's.
    messages: &'static [&'static str],
    /// Whose word a message is that is a text by itself; `None`: there are no such messages.
    pub(super) plain: Option<&'static str>,
    /// The system prompt, where it stands beside the messages.
    system: &'static [&'static str],
    /// Lists of tools.
    tools: &'static [&'static str],
    /// What lets the provider use tools of its own. The member's name counts as the tool's.
    provider_tools: &'static [&'static str],
    /// Whose word a message or a part of one is by its type.
    roles: &'static [(&'static str, &'static str)],
    /// The names of the bound on the answer.
    longest_answer: &'static [&'static str],
}

/// What a member of a request is to rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Model,
    Messages,
    System,
    Tools,
    ProviderTools,
    Parameter,
}

/// OpenAI's own and those of servers that speak its protocol.
const CHAT: Shape = Shape {
    messages: &["messages"],
    plain: None,
    system: &[],
    tools: &["tools", "functions"],
    provider_tools: &[
        "web_search_options",
        "plugins",
        "search_parameters",
        "data_sources",
        "enable_search",
        "mcp_servers",
    ],
    roles: &[],
    longest_answer: &["max_completion_tokens", "max_tokens"],
};

const COMPLETIONS: Shape = Shape {
    messages: &["prompt"],
    plain: Some("user"),
    system: &[],
    tools: &[],
    provider_tools: &[],
    roles: &[],
    longest_answer: &["max_tokens"],
};

/// Sound and images: what is said beside them.
const PROMPTED: Shape = Shape {
    messages: &["prompt"],
    ..EMBEDDINGS
};

const EMBEDDINGS: Shape = Shape {
    messages: &["input"],
    plain: Some("user"),
    system: &[],
    tools: &[],
    provider_tools: &[],
    roles: &[],
    longest_answer: &[],
};

const RESPONSES: Shape = Shape {
    // The second is that of a conversation, the last is vLLM's: what was said before.
    messages: &["input", "items", "previous_input_messages"],
    plain: Some("user"),
    system: &["instructions"],
    tools: &["tools"],
    provider_tools: &[],
    roles: &[
        ("function_call_output", "tool"),
        ("custom_tool_call_output", "tool"),
        ("computer_call_output", "tool"),
        ("local_shell_call_output", "tool"),
        ("shell_call_output", "tool"),
        ("apply_patch_call_output", "tool"),
        ("mcp_approval_response", "user"),
        ("function_call", "assistant"),
        ("custom_tool_call", "assistant"),
        ("computer_call", "assistant"),
        ("local_shell_call", "assistant"),
        ("shell_call", "assistant"),
        ("apply_patch_call", "assistant"),
        ("file_search_call", "assistant"),
        ("web_search_call", "assistant"),
        ("image_generation_call", "assistant"),
        ("code_interpreter_call", "assistant"),
        ("mcp_call", "assistant"),
        ("mcp_list_tools", "assistant"),
        ("mcp_approval_request", "assistant"),
        ("reasoning", "assistant"),
        ("compaction", "assistant"),
    ],
    longest_answer: &["max_output_tokens"],
};

const MESSAGES: Shape = Shape {
    messages: &["messages"],
    plain: None,
    system: &["system"],
    tools: &["tools"],
    provider_tools: &["mcp_servers", "container"],
    roles: &[("tool_result", "tool")],
    longest_answer: &["max_tokens"],
};

impl Shape {
    pub(super) const fn of(api: Api) -> &'static Self {
        match api {
            Api::ChatCompletions | Api::GenerateContent | Api::Converse => &CHAT,
            Api::Completions => &COMPLETIONS,
            Api::Responses => &RESPONSES,
            Api::Embeddings | Api::Moderations | Api::Speech => &EMBEDDINGS,
            Api::Transcriptions
            | Api::Translations
            | Api::ImageGenerations
            | Api::ImageEdits
            | Api::ImageVariations => &PROMPTED,
            Api::Messages | Api::CountTokens => &MESSAGES,
        }
    }

    pub(super) fn part(&self, name: &str) -> Part {
        match name {
            "model" => Part::Model,
            name if self.messages.contains(&name) => Part::Messages,
            name if self.system.contains(&name) => Part::System,
            name if self.tools.contains(&name) => Part::Tools,
            name if self.provider_tools.contains(&name) => Part::ProviderTools,
            _ => Part::Parameter,
        }
    }

    /// The member that has the messages.
    pub(super) fn messages(&self) -> Option<&'static str> {
        self.messages.first().copied()
    }

    /// What requests have instead of the member at `path`, of which other APIs have other names.
    pub(super) fn name_of<'p>(&self, path: &'p str) -> &'p str {
        let is_other = spellings(path).len() > 1 && !self.longest_answer.contains(&path);
        match self.longest_answer.first() {
            Some(name) if is_other => name,
            _ => path,
        }
    }

    /// The role of what has this type, if the type says it.
    pub(super) fn role(&self, kind: &str) -> Option<&'static str> {
        let mut roles = self.roles.iter();
        roles.find(|(of, _)| *of == kind).map(|(_, role)| *role)
    }
}

/// Whether a part of a message with this type is an image, in any API.
pub(super) fn is_image(kind: &str) -> bool {
    kind == "input_image" || kind.starts_with("image")
}

/// Whether this role is that of the system prompt.
pub(super) fn is_system(role: &str) -> bool {
    matches!(role, "system" | "developer")
}
