/*! Where text stands in requests and answers.

Every string and every long number is a text, unless a table here knows its member as part of the structure (an id,
a type, base64), and it is spelled as such. So what a protocol gains is looked at before
Tollgate knows it. In answers, a duplicate of a key that says where text belongs is an error. */

mod input;
mod output;
mod spelling;
mod walk;

pub(super) use input::{Walk, definition, walk_request};
pub(super) use output::{Speech, index, reader as answer_reader};
pub(super) use spelling::{is_key, is_name};
pub(super) use walk::{
    Member, Table, by_key, emit_key, peek, plain, read, report, unknown, unless_null, value,
};

use super::{Api, anthropic, openai};
use crate::json::{Error, Reader, Span, Text, quote};
use crate::mask::Form;
use std::borrow::Cow;

/// A text where it stands.
#[derive(Debug, Clone, Copy)]
pub enum Site<'a> {
    /// The value of a string, or a key.
    String(Text<'a>),
    /// A number of many digits. What is found in it becomes a string.
    Number {
        /// The number.
        number: &'a str,
        /// Where it stands.
        span: Span,
    },
    /// JSON that is no string: what a tool gets as an object.
    Json {
        /// The JSON.
        json: &'a str,
        /// Where it stands.
        span: Span,
    },
    /// A text as it is: the value of a form's field, or a whole answer.
    Plain {
        /// The text.
        text: &'a str,
        /// Where it stands.
        span: Span,
    },
    /// The name of a form's file, which stands in quotes.
    FileName {
        /// The name.
        text: &'a str,
        /// Where it stands.
        span: Span,
    },
}

impl<'a> Site<'a> {
    /// The text.
    pub fn value(&self) -> Cow<'a, str> {
        match self {
            Self::String(text) => text.value(),
            Self::Number { number: json, .. }
            | Self::Json { json, .. }
            | Self::Plain { text: json, .. }
            | Self::FileName { text: json, .. } => Cow::Borrowed(json),
        }
    }

    /// Where it stands: what [`Site::written`] replaces.
    pub const fn span(&self) -> Span {
        match self {
            Self::String(text) => text.span(),
            Self::Number { span, .. }
            | Self::Json { span, .. }
            | Self::Plain { span, .. }
            | Self::FileName { span, .. } => *span,
        }
    }

    /// How it is written.
    pub const fn spelling(&self) -> Spelling {
        match self {
            Self::String(_) | Self::Number { .. } => Spelling::Quoted,
            Self::Json { .. } => Spelling::Json,
            Self::Plain { .. } => Spelling::Plain,
            Self::FileName { .. } => Spelling::FileName,
        }
    }

    /// `value` as it has to be written in its place.
    pub fn written(&self, value: String) -> String {
        self.spelling().of(value)
    }
}

/// How a value is written in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// As a string of JSON.
    Quoted,
    /// As the JSON that it is.
    Json,
    /// As it is.
    Plain,
    /// As the name of a form's file.
    FileName,
}

impl Spelling {
    /// `value`, written so.
    pub fn of(self, value: String) -> String {
        match self {
            Self::Quoted => quote(&value),
            Self::Json => value,
            // What a mask has joined must be no boundary.
            Self::Plain => value.replace("\r\n--", "\n--"),
            Self::FileName => value.replace(['"', '\\', '\r', '\n'], "_"),
        }
    }
}

/// A text of a request.
#[derive(Debug, Clone, Copy)]
pub struct InputText<'a> {
    /// The text.
    pub text: Site<'a>,
    /// Whose it is.
    pub origin: Origin,
    /// What it is written in.
    pub form: Form,
}

/// Whose a text of a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The system prompt's or the developer's.
    System,
    /// The user's.
    User,
    /// What the model has said before.
    Assistant,
    /// What the model has thought before. Where it is signed, a change makes the signature
    /// wrong.
    Reasoning,
    /// What a tool has answered.
    ToolResult,
    /// What the model has asked of a tool.
    ToolCall,
    /// The definition of a tool, or of what the answer shall look like.
    Definition,
    /// A name of a file.
    FileName,
    /// A URL of media, or of a server.
    Url,
    /// Another.
    Other,
}

/// What a request holds that no text can be read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unscannable {
    /// An image, a sound or a file inside of the request.
    Media,
    /// A prompt in tokens or embeddings: only who has the model's vocabulary can read it.
    Tokens,
    /// What the provider fetches or has: a URL, the id of a sound.
    Remote,
    /// A file that the provider keeps, by its id.
    Stored,
    /// A tool that the provider runs, or an MCP server that it asks.
    Tools,
}

/// What is found in a request.
#[derive(Debug, Clone, Copy)]
pub enum Found<'a> {
    /// A text.
    Text(InputText<'a>),
    /// What is none.
    Unscannable(Unscannable),
    /// That the answer shall be JSON.
    AsksForJson,
}

/// Visits all texts of a request that [`super::Request::read`] accepts, in their order.
///
/// # Errors
/// The body is no JSON.
pub fn request_texts<'a>(
    api: Api,
    body: &'a [u8],
    visit: &mut dyn FnMut(Found<'a>),
) -> Result<(), Error> {
    match api {
        // Nobody asks by Gemini's; its providers' answers are read in the caller's API.
        Api::ChatCompletions | Api::GenerateContent | Api::Converse => {
            openai::texts::request(body, visit)
        }
        Api::Completions => openai::completions::texts::request(body, visit),
        Api::Responses => openai::responses::texts::request(body, visit),
        Api::Embeddings => openai::embeddings::texts::request(body, visit),
        Api::Moderations => openai::moderations::texts::request(body, visit),
        Api::Speech => openai::speech::texts(body, visit),
        Api::ImageGenerations => openai::images::texts(body, visit),
        Api::Transcriptions | Api::Translations | Api::ImageEdits | Api::ImageVariations => {
            openai::forms::texts(body, visit)
        }
        Api::Messages | Api::CountTokens => anthropic::texts::request(body, visit),
    }
}

/// Names a text of an answer that a stream brings in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelKey {
    /// The choice, the content block, or the item of a response.
    pub part: u32,
    /// Which text of it.
    pub kind: ChannelKind,
    /// Which tool call, which detail of the reasoning, or which content of a response's item; 0
    /// for the others.
    pub index: u32,
}

/// Whether a part is an item that its server tells by its id and not by its place.
pub const fn is_by_id(part: u32) -> bool {
    openai::responses::place(part).is_none()
}

/// A text of a choice or a content block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChannelKind {
    /// What the model says.
    Text,
    /// Why it does not: OpenAI's `refusal`.
    Refusal,
    /// Anthropic's `thinking`, and `reasoning` of several servers.
    Reasoning,
    /// `reasoning_content`, which some servers send beside `reasoning`.
    ReasoningContent,
    /// `text` in OpenRouter's `reasoning_details`.
    ReasoningText,
    /// `summary` in OpenRouter's `reasoning_details`.
    ReasoningSummary,
    /// The arguments of a tool, which are JSON.
    Arguments,
    /// The input of OpenAI's custom tools, which is any text.
    CustomInput,
    /// The arguments of OpenAI's former `function_call`.
    FunctionCall,
    /// What is said in sound.
    Transcript,
    /// Anthropic's summary of what was said before.
    Compaction,
    /// The arguments of a tool that the provider asks an MCP server for: JSON.
    McpArguments,
    /// The code that the provider shall run.
    Code,
    /// A command for a shell.
    Command,
    /// What a command has written.
    Output,
    /// The errors that a command has written.
    Errors,
    /// A change to a file.
    Patch,
}

/// A text of an answer.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// The text that it is a piece of; `None`: it is one of its own.
    pub channel: Option<ChannelKey>,
    /// Whether it is no piece, but says the text again, whole, that a stream has brought in
    /// pieces (or has not, where servers leave them out).
    pub repeated: bool,
    /// Whether it is what the request has said, told again. Nothing is looked for in it: its
    /// caller knows it, and what a system prompt must not have told would be found in each answer.
    pub echo: bool,
    /// The text.
    pub text: Site<'a>,
    /// What it is written in.
    pub form: Form,
}

/// Which channels end with an event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Ends {
    /// None.
    #[default]
    Nothing,
    /// Those of these parts.
    Parts(Vec<u32>),
    /// These.
    Channels(Vec<ChannelKey>),
    /// All of the stream.
    All,
}

/// The texts of one event of a stream.
#[derive(Debug, Default)]
pub struct EventTexts<'a> {
    /// In their order. What a channel still holds belongs behind its piece in this event, if
    /// it ends here and has one.
    pub said: Vec<Said<'a>>,
    /// Values that give texts away in another form, to be replaced by
    /// [`emptied`]: log
    /// probabilities and ids of tokens.
    pub removed: Vec<Span>,
    /// Signatures of reasoning, by its part. They are wrong if it is changed.
    pub signatures: Vec<(u32, Span)>,
    /// What ends here.
    pub ends: Ends,
}

/// Reads the data of one event.
///
/// # Errors
/// It is nothing that the API knows; or clients could join its texts in another way, by an
/// index that is none or a key that stands twice.
pub fn event_texts(api: Api, data: &[u8]) -> Result<EventTexts<'_>, Error> {
    match api {
        Api::ChatCompletions
        | Api::Completions
        | Api::Embeddings
        | Api::Moderations
        | Api::GenerateContent
        | Api::Converse => openai::texts::event(data),
        Api::Responses => openai::responses::texts::event(data),
        Api::Transcriptions | Api::Translations => openai::transcripts::event_texts(data),
        Api::Speech | Api::ImageGenerations | Api::ImageEdits | Api::ImageVariations => {
            openai::plain::texts::event(data)
        }
        Api::Messages | Api::CountTokens => anthropic::texts::event(data),
    }
}

/// Events that bring the rest of channels, to stand before the event of `data`, which ends
/// them. OpenAI's chunks get their head from `data`, with the model's name there.
pub fn rest_events(api: Api, data: &[u8], rest: &[(ChannelKey, String)]) -> Vec<u8> {
    match api {
        Api::ChatCompletions => openai::texts::rest(data, rest),
        Api::Transcriptions | Api::Translations => openai::transcripts::rest(rest),
        // Without the stream that was before, ids of items are unknown.
        Api::Responses => openai::ResponsesEnding::new(None).rest(data, rest),
        Api::Messages => anthropic::texts::rest(rest),
        _ => openai::completions::texts::rest(data, rest),
    }
    .into_bytes()
}

/// What stands in the place of a value that gives texts away: where clients demand a list, an
/// empty one.
pub const fn emptied(api: Api) -> &'static str {
    match api {
        Api::Responses | Api::Transcriptions | Api::Translations => "[]",
        _ => "null",
    }
}

/// The texts of a whole answer.
#[derive(Debug, Default)]
pub struct AnswerTexts<'a> {
    /// In their order. The channel says which text of which choice or block it is.
    pub said: Vec<Said<'a>>,
    /// Values that give the texts of a choice away in another form, by choice.
    pub logprobs: Vec<(u32, Span)>,
    /// Values that give any of the texts away in another form.
    pub tokens: Vec<Span>,
    /// Signatures of reasoning, by its part. They are wrong if it is changed.
    pub signatures: Vec<(u32, Span)>,
}

/// Reads a whole answer.
///
/// # Errors
/// As [`event_texts`].
pub fn answer_texts(api: Api, body: &[u8]) -> Result<AnswerTexts<'_>, Error> {
    match api {
        Api::ChatCompletions | Api::Completions => openai::texts::answer(body),
        Api::Responses => openai::responses::texts::answer(body),
        Api::Transcriptions | Api::Translations => openai::transcripts::answer_texts(body),
        Api::Messages => anthropic::texts::answer(body),
        _ => openai::plain::texts::answer(body),
    }
}

/// The whole answer of which a guardrail lets only so much text of its choices or blocks
/// through. It ends as answers do that the provider's own filter ends; what it has used
/// stays.
pub fn blocked_answer(api: Api, body: &[u8], kept: &[(u32, String)]) -> Vec<u8> {
    match api {
        Api::ChatCompletions => openai::texts::blocked(body, kept),
        Api::Completions => openai::completions::texts::blocked(body, kept),
        Api::Responses => openai::responses::texts::blocked(body, kept),
        Api::Transcriptions | Api::Translations => openai::transcripts::blocked(body, kept),
        Api::Moderations => openai::plain::texts::blocked(body, "results"),
        Api::CountTokens => r#"{"input_tokens":0}"#.to_owned(),
        Api::Messages => anthropic::texts::blocked(body, kept),
        _ => openai::plain::texts::blocked(body, "data"),
    }
    .into_bytes()
}

/// Every string and long number of any JSON, and every key that is not spelled as keys are: errors of
/// providers.
///
/// # Errors
/// It is no JSON.
pub fn all_texts(body: &[u8]) -> Result<Vec<Site<'_>>, Error> {
    let mut all = Vec::new();
    let mut reader = Reader::new(body, super::event::unwatched)?;
    read(&mut reader, Member::Text, &mut |site| all.push(site))?;
    reader.finish()?;
    Ok(all)
}

#[cfg(test)]
mod tests;
