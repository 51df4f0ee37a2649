/*! What all APIs mean, in none's words. Each API reads into these types and writes from them, so a
further one is one more reader and one more writer. */

pub(super) use super::media::Media;

use super::path::Path;
use super::text::Text;
use super::tree::Value;
use super::{ChatApi, Dropped, Target};
use crate::ledger::Usage as Counts;
use crate::protocols::Refusal;
use std::borrow::Cow;

/// A request.
#[derive(Debug, Default)]
pub(super) struct Request<'a> {
    /// By whose names the caller knows its fields.
    pub(super) caller: ChatApi,
    pub(super) stream: bool,
    /// Texts of the system prompt, in order.
    pub(super) system: Vec<Block<'a>>,
    pub(super) turns: Vec<Turn<'a>>,
    pub(super) tools: Vec<Tool<'a>>,
    pub(super) choice: Choice<'a>,
    /// At most one tool call in the answer.
    pub(super) single_call: bool,
    pub(super) max_output: Option<MaxOutput>,
    pub(super) stop: Vec<Text<'a>>,
    pub(super) sampling: Sampling<'a>,
    pub(super) format: Format<'a>,
    pub(super) reasoning: Reasoning,
    /// What only some APIs can tune.
    pub(super) tuning: Vec<Tuning<'a>>,
    /// An opaque id of the end user.
    pub(super) user: Option<Text<'a>>,
    pub(super) tier: Tier,
}

/// The caller's bound on the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MaxOutput {
    pub(super) tokens: u64,
    /// The field that said it.
    pub(super) field: &'static str,
}

impl MaxOutput {
    /// The bound in tokens, which is not above what the target can write: providers refuse
    /// more.
    pub(super) fn within(self, target: &Target<'_>, dropped: &mut Dropped) -> u64 {
        match target.max_output {
            Some(most) if self.tokens > most => {
                dropped.note(self.field);
                most
            }
            _ => self.tokens,
        }
    }
}

/// Numbers as the caller wrote them.
#[derive(Debug, Default)]
pub(super) struct Sampling<'a> {
    pub(super) temperature: Option<&'a str>,
    pub(super) top_p: Option<&'a str>,
    pub(super) top_k: Option<&'a str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    User,
    Assistant,
}

/// What one side says until the other's turn.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    pub(super) role: Role,
    pub(super) blocks: Vec<Block<'a>>,
}

/// A part of a turn.
#[derive(Debug)]
pub(super) struct Block<'a> {
    pub(super) part: Part<'a>,
    /// A `cache_control` object.
    pub(super) cache: Option<&'a str>,
    pub(super) place: Place,
}

impl Block<'_> {
    /// A refusal of a sound.
    pub(super) fn unsupported_sound(&self) -> Refusal {
        self.place
            .unsupported("is sound, which the provider of this model does not take")
    }
}

/// Where a block stood in the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The field that has the messages.
    pub(super) list: &'static str,
    pub(super) message: usize,
    /// The member that has the parts.
    pub(super) content: &'static str,
    pub(super) part: usize,
}

impl Place {
    /// Where chat completions and Anthropic's messages have it.
    pub(super) const fn in_messages(message: usize, part: usize) -> Self {
        Self {
            list: "messages",
            message,
            content: "content",
            part,
        }
    }

    /// A refusal of the block.
    pub(super) fn unsupported(self, problem: &str) -> Refusal {
        let list = Path::Body.key(self.list);
        let message = list.index(self.message);
        let content = message.key(self.content);
        content.index(self.part).unsupported_since(problem)
    }
}

#[derive(Debug)]
pub(super) enum Part<'a> {
    Text(Text<'a>),
    Image(Media<'a>),
    Sound(Media<'a>),
    File {
        media: Media<'a>,
        name: Option<Text<'a>>,
    },
    Call(Call<'a>),
    Result {
        id: Text<'a>,
        content: Vec<Block<'a>>,
        failed: bool,
    },
}

/// A model's call of a tool.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) id: Text<'a>,
    pub(super) name: Text<'a>,
    pub(super) input: Input<'a>,
}

/// Arguments of a tool call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Input<'a> {
    /// The JSON of an object, as it was written.
    Object(Cow<'a, str>),
    /// A model wrote something else.
    Other(Text<'a>),
}

impl<'a> Input<'a> {
    /// Arguments from the text that holds them. Without any text, there are none.
    pub(super) fn of(text: &Text<'a>) -> Self {
        let json = text.value();
        let json = json.trim_matches([' ', '\t', '\n', '\r']);
        if json.is_empty() {
            return Self::Object(Cow::Borrowed("{}"));
        }
        if json.starts_with('{') && is_json(json) {
            Self::Object(Cow::Owned(json.to_owned()))
        } else {
            Self::Other(text.clone())
        }
    }

    /// Arguments from what should be an object. Where there is nothing, there are none.
    pub(super) fn of_value(value: Option<&Value<'a>>) -> Self {
        match value.map(|value| (value.as_object_text(), value.raw)) {
            None => Self::Object(Cow::Borrowed("{}")),
            Some((Some(object), _)) => Self::Object(Cow::Borrowed(object)),
            Some((None, raw)) => Self::Other(Text::of(raw)),
        }
    }

    /// The text that holds them.
    pub(super) fn text(&self) -> Text<'_> {
        match self {
            Self::Object(json) => Text::of(json),
            Self::Other(text) => text.clone(),
        }
    }

    /// The object. What is no JSON stands in one member, named as Anthropic's
    /// documentation of fine-grained tool streaming recommends.
    pub(super) fn object(&self) -> Cow<'_, str> {
        match self {
            Self::Object(json) => Cow::Borrowed(json),
            Self::Other(text) => Cow::Owned(format!("{{\"INVALID_JSON\":{}}}", text.literal())),
        }
    }
}

fn is_json(text: &str) -> bool {
    let read = crate::json::Reader::new(text.as_bytes(), super::tree::unwatched);
    read.and_then(|mut reader| {
        reader.skip()?;
        reader.finish()
    })
    .is_ok()
}

/// A tool that the caller runs.
#[derive(Debug)]
pub(super) struct Tool<'a> {
    pub(super) name: Text<'a>,
    pub(super) description: Option<Text<'a>>,
    /// JSON Schema of its arguments, as it was written.
    pub(super) schema: Option<&'a str>,
    pub(super) strict: bool,
    pub(super) cache: Option<&'a str>,
}

/// Which tools may or must be called.
#[derive(Debug, Default)]
pub(super) enum Choice<'a> {
    #[default]
    Unsaid,
    Auto,
    None,
    Any,
    Named(Text<'a>),
}

/// The form of the answer's text.
#[derive(Debug, Default)]
pub(super) enum Format<'a> {
    #[default]
    Text,
    /// Any JSON object.
    Json,
    /// JSON that follows this schema.
    Schema(Schema<'a>),
}

/// A schema of answers.
#[derive(Debug)]
pub(super) struct Schema<'a> {
    /// JSON Schema, as it was written.
    pub(super) json: &'a str,
    pub(super) name: Option<Text<'a>>,
    pub(super) description: Option<Text<'a>>,
    pub(super) strict: bool,
}

/// A field that tunes an answer and that not all APIs have.
#[derive(Debug)]
pub(super) struct Tuning<'a> {
    pub(super) knob: Knob,
    /// The caller's name of it.
    pub(super) field: &'static str,
    /// Its value, as it was written.
    pub(super) json: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Knob {
    Verbosity,
    CacheKey,
    CacheRetention,
    FrequencyPenalty,
    PresencePenalty,
    Seed,
}

/// How much a model shall think before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Reasoning {
    /// The model decides.
    #[default]
    Unsaid,
    Off,
    Effort(Effort),
    /// Most tokens of thinking.
    Budget(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effort {
    Minimal,
    Low,
    Medium,
    High,
    Max,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Tier {
    #[default]
    Unsaid,
    Auto,
    Standard,
}

impl<'a> Request<'a> {
    /// Adds blocks; they join the turn before if it is of the same side. Nobody says
    /// nothing: without blocks there is no turn.
    pub(super) fn say(&mut self, role: Role, blocks: Vec<Block<'a>>) {
        if blocks.is_empty() {
            return;
        }
        match self.turns.last_mut() {
            Some(last) if last.role == role => last.blocks.extend(blocks),
            _ => self.turns.push(Turn { role, blocks }),
        }
    }
}

/// A whole answer. Text, thinking and calls are each in order; the order between them is
/// not kept, since chat completions have none.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    /// The provider's id of it, without the prefix that its protocol uses.
    pub(super) id: Option<String>,
    pub(super) thinking: Text<'a>,
    pub(super) text: Text<'a>,
    pub(super) calls: Vec<Call<'a>>,
    pub(super) stop: Stop<'a>,
    pub(super) usage: Usage,
}

/// Why a model stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop<'a> {
    /// It was done.
    End,
    /// At the most tokens that were allowed, or that fit.
    Length,
    /// At a stop sequence.
    Sequence(Text<'a>),
    /// To have tools run.
    Calls,
    /// It, or a filter, refused.
    Refusal,
    /// For a reason that nothing is known of, or that was not told: an error, perhaps.
    Unknown,
}

/// What callers are told of an end that nothing is known of. No API has a word for
/// it, and to name it a good end would be false.
pub(super) const UNKNOWN: &str = "unknown";

impl Stop<'_> {
    /// The same, holding on to nothing.
    pub(super) fn into_owned(self) -> Stop<'static> {
        match self {
            Self::End => Stop::End,
            Self::Length => Stop::Length,
            Self::Sequence(text) => Stop::Sequence(text.into_owned()),
            Self::Calls => Stop::Calls,
            Self::Refusal => Stop::Refusal,
            Self::Unknown => Stop::Unknown,
        }
    }

    /// OpenAI says `stop` where a tool was forced, and some servers always do; whoever
    /// sees calls has to run them.
    #[must_use]
    pub(super) fn with_calls(self, calls: bool) -> Self {
        match self {
            Self::End if calls => Self::Calls,
            stop => stop,
        }
    }
}

/// What a provider said about tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Usage {
    /// Nothing, or nothing that can be.
    #[default]
    Untold,
    /// `input` includes what was read from the cache and what was written to it.
    Told(Counts),
}

/// What one event of a provider's stream says.
#[derive(Debug)]
pub(super) enum Event<'a> {
    Start {
        id: Option<String>,
    },
    Thinking(Text<'a>),
    Text(Text<'a>),
    /// A call begins. They are numbered from 0 in the order in which they begin.
    Call {
        id: Option<Text<'a>>,
        name: Text<'a>,
    },
    /// More text of a call's arguments.
    Input {
        call: usize,
        text: Text<'a>,
    },
    Stop(Stop<'a>),
    /// All that was used so far.
    Usage(Usage),
    Fault(super::fault::Fault),
    /// The stream is over.
    Done,
}
