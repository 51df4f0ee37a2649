/*! A request for a model, by whichever API. */

use super::anthropic::{MessagesRequest, read_count, read_messages};
use super::openai::{
    Adapt, ChatRequest, CompletionRequest, FormRequest, PlainRequest, Previous, ResponsesRequest,
    read_chat, read_completion, read_embedding, read_form, read_image, read_moderation,
    read_responses, read_speech,
};
use super::{Api, ErrorKind, Refusal, Traits};
use crate::json::Rewrite;
use crate::tokens::Prompt;

/// A request that was read.
#[derive(Debug)]
pub enum Request<'a> {
    /// OpenAI's chat completions.
    Chat(ChatRequest<'a>),
    /// OpenAI's completions of plain text.
    Completion(CompletionRequest<'a>),
    /// OpenAI's Responses.
    Response(ResponsesRequest<'a>),
    /// A form: OpenAI's transcriptions, edits of images.
    Form(FormRequest<'a>),
    /// A request of few members: OpenAI's embeddings, moderations.
    Plain(PlainRequest<'a>),
    /// Anthropic's messages.
    Messages(MessagesRequest<'a>),
}

impl<'a> Request<'a> {
    /// Reads a body in one pass; the text of its prompt is added to `text`.
    ///
    /// # Errors
    /// A 400 that says what is wrong.
    pub fn read(api: Api, body: &'a [u8], text: Prompt) -> Result<Self, Refusal> {
        match api {
            Api::ChatCompletions => read_chat(body, text).map(Self::Chat),
            Api::Completions => read_completion(body, text).map(Self::Completion),
            Api::Responses => read_responses(body, text).map(Self::Response),
            Api::Embeddings => read_embedding(body, text).map(Self::Plain),
            Api::Moderations => read_moderation(body, text).map(Self::Plain),
            Api::Speech => read_speech(body, text).map(Self::Plain),
            Api::ImageGenerations => read_image(body, text).map(Self::Plain),
            Api::Transcriptions | Api::Translations | Api::ImageEdits | Api::ImageVariations => {
                read_form(api, body, text).map(Self::Form)
            }
            Api::Messages => read_messages(body, text).map(Self::Messages),
            Api::CountTokens => read_count(body, text).map(Self::Messages),
            Api::GenerateContent | Api::Converse => Err(Refusal::new(
                ErrorKind::Invalid,
                "unsupported_api",
                "Nobody calls by this API.",
            )),
        }
    }

    /// The model asked for.
    pub fn model(&self) -> &str {
        match self {
            Self::Chat(chat) => &chat.model,
            Self::Completion(completion) => &completion.model,
            Self::Response(response) => &response.model,
            Self::Form(form) => &form.model,
            Self::Plain(plain) => &plain.model,
            Self::Messages(messages) => &messages.model,
        }
    }

    /// Whether the caller has named that model; some APIs mean one where none is named.
    pub fn names_model(&self) -> bool {
        match self {
            Self::Form(form) => form.names_model(),
            Self::Plain(plain) => plain.names_model(),
            _ => true,
        }
    }

    /// What is asked of it.
    pub const fn traits(&self) -> &Traits {
        match self {
            Self::Chat(chat) => &chat.traits,
            Self::Completion(completion) => &completion.traits,
            Self::Response(response) => &response.traits,
            Self::Form(form) => &form.traits,
            Self::Plain(plain) => &plain.traits,
            Self::Messages(messages) => &messages.traits,
        }
    }

    /// Whether the report of usage in the stream is nothing that the caller wants.
    pub const fn strips_usage(&self) -> bool {
        match self {
            Self::Chat(chat) => chat.traits.stream && !chat.asks_for_usage(),
            Self::Completion(it) => it.traits.stream && !it.asks_for_usage(),
            // Their events have it in any case, or there are none.
            Self::Response(_) | Self::Form(_) | Self::Plain(_) | Self::Messages(_) => false,
        }
    }

    /// What it has to do with responses that providers keep.
    pub const fn kept(&self) -> Option<(&Option<Previous<'a>>, bool)> {
        match self {
            Self::Response(response) => Some((&response.previous, response.stores())),
            _ => None,
        }
    }

    /// The conversation that it belongs to.
    pub const fn conversation(&self) -> Option<&Previous<'a>> {
        match self {
            Self::Response(response) => response.conversation.as_ref(),
            _ => None,
        }
    }

    /// Whether its answer need not be waited for.
    pub const fn background(&self) -> bool {
        match self {
            Self::Response(response) => response.background,
            _ => false,
        }
    }

    /// Counts `tokens` that the response it goes on from brings into its prompt.
    pub fn add_context(&mut self, tokens: u64) {
        if let Self::Response(response) = self {
            response.traits.context = tokens;
            response.traits.uncounted = true;
        }
    }

    /// Counts files again whose tokens are known by their ids.
    pub fn recount_files(&mut self, known: &dyn Fn(&str) -> Option<u64>) {
        match self {
            Self::Chat(chat) => chat.traits.recount_files(known),
            Self::Response(response) => response.traits.recount_files(known),
            Self::Completion(_) | Self::Form(_) | Self::Plain(_) | Self::Messages(_) => {}
        }
    }

    /// The changes that make it fit a provider of the same API.
    pub fn adapt(&self, body: &[u8], adapt: &Adapt<'_>) -> Option<Rewrite> {
        match self {
            Self::Chat(chat) => chat.adapt(body, adapt),
            Self::Completion(completion) => completion.adapt(body, adapt),
            Self::Response(response) => response.adapt(body, adapt),
            Self::Form(form) => form.adapt(body, adapt),
            Self::Plain(plain) => plain.adapt(body, adapt),
            Self::Messages(messages) => messages.adapt(body, adapt.model, adapt.max_output),
        }
    }
}
