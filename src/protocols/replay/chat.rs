/*! Chunks of chat completions and of completions. */

mod call;
mod logprobs;
mod message;
mod stream;

pub(super) use stream::as_stream;

use super::Room;
use super::parts::{Fields, append, get, inside, is_nothing, items, members};
use super::write::{Object, object};
use logprobs::Logprobs;
use message::Message;

/// The data of the event that ends a stream.
const DONE: &str = "[DONE]";

/// Most choices of an answer: the most that OpenAI's API gives.
const MAX_CHOICES: usize = 128;

/// Bytes that a choice or a call takes beside its text, about.
const OVERHEAD: usize = 256;

/// What every chunk repeats, and documents have once.
const HEAD: [&str; 5] = [
    "id",
    "created",
    "model",
    "service_tier",
    "system_fingerprint",
];

/// Whose chunks they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Of chat completions.
    Chat,
    /// Of completions.
    Text,
}

impl Shape {
    /// The type of a document.
    const fn document(self) -> &'static str {
        match self {
            Self::Chat => "\"chat.completion\"",
            Self::Text => "\"text_completion\"",
        }
    }

    /// The type of a chunk.
    const fn chunk(self) -> &'static str {
        match self {
            Self::Chat => "\"chat.completion.chunk\"",
            Self::Text => "\"text_completion\"",
        }
    }
}

/// What the chunks of a stream have told so far.
#[derive(Debug)]
pub(super) struct Chunks {
    shape: Shape,
    head: Fields,
    /// Members of chunks that nothing is known of.
    others: Fields,
    choices: Vec<Choice>,
    usage: Option<String>,
    done: bool,
}

#[derive(Debug)]
struct Choice {
    index: u64,
    says: Says,
    logprobs: Logprobs,
    /// As JSON.
    finish_reason: Option<String>,
    others: Fields,
}

#[derive(Debug)]
enum Says {
    Message(Box<Message>),
    /// The inside of the text, and of the reasoning, which OpenRouter has.
    Text {
        text: String,
        reasoning: String,
    },
}

impl Chunks {
    pub(super) fn new(shape: Shape) -> Self {
        Self {
            shape,
            head: Fields::default(),
            others: Fields::default(),
            choices: Vec::new(),
            usage: None,
            done: false,
        }
    }

    pub(super) fn event(&mut self, data: &str, room: &mut Room) -> Option<()> {
        let data = data.trim_ascii();
        if data.is_empty() {
            return Some(());
        }
        if self.done {
            return None;
        }
        if data == DONE {
            self.done = true;
            return Some(());
        }
        for (name, value) in members(data)? {
            self.member(&name, value, room)?;
        }
        Some(())
    }

    fn member(&mut self, name: &str, value: &str, room: &mut Room) -> Option<()> {
        match name {
            // Of noise, against guesses by length.
            "object" | "obfuscation" => Some(()),
            "choices" if value == "null" => Some(()),
            "choices" => items(value, |choice| self.choice(choice, room)),
            "usage" if value == "null" => Some(()),
            "usage" => {
                let usage = value.starts_with('{').then(|| value.to_owned());
                // Some servers report in each chunk.
                let known = self.usage.as_ref().map_or(0, String::len);
                room.replace(known, value.len())?;
                self.usage = Some(usage?);
                Some(())
            }
            "error" => (value == "null").then_some(()),
            _ if HEAD.contains(&name) => self.head.first(name, value, room),
            _ => self.others.same(name, value, room),
        }
    }

    fn choice(&mut self, json: &str, room: &mut Room) -> Option<()> {
        let members = members(json)?;
        let index = get(&members, "index").map_or(Some(0), |index| index.parse().ok())?;
        let choice = self.choice_at(index, room)?;
        members
            .iter()
            .try_for_each(|(name, value)| choice.member(name, value, room))
    }

    fn choice_at(&mut self, index: u64, room: &mut Room) -> Option<&mut Choice> {
        let known = self.choices.iter().position(|choice| choice.index == index);
        let place = match known {
            Some(place) => place,
            None if self.choices.len() >= MAX_CHOICES => return None,
            None => {
                room.take(OVERHEAD)?;
                self.choices.push(Choice::new(self.shape, index));
                self.choices.len().saturating_sub(1)
            }
        };
        self.choices.get_mut(place)
    }

    /// The document, if all choices have ended and nothing was lost behind.
    pub(super) fn finish(mut self) -> Option<String> {
        let choices = &mut self.choices;
        crate::sorting::sort_few(choices, &|one, other| one.index.cmp(&other.index));
        let all_there = choices
            .iter()
            .zip(0..)
            .all(|(choice, index)| choice.index == index && choice.finish_reason.is_some());
        if !self.done || choices.is_empty() || !all_there {
            return None;
        }
        Some(object(|document| self.write(document)))
    }

    fn write(&self, document: &mut Object<'_>) {
        document.member("object", self.shape.document());
        document.members(self.head.iter());
        document.with("choices", |out| {
            let choices = self.choices.iter();
            let choices: Vec<String> = choices.map(Choice::document).collect();
            out.push('[');
            out.push_str(&choices.join(","));
            out.push(']');
        });
        if let Some(usage) = &self.usage {
            document.member("usage", usage);
        }
        document.members(self.others.iter());
    }
}

impl Choice {
    fn new(shape: Shape, index: u64) -> Self {
        let says = match shape {
            Shape::Chat => Says::Message(Box::default()),
            Shape::Text => Says::Text {
                text: String::new(),
                reasoning: String::new(),
            },
        };
        Self {
            index,
            says,
            logprobs: Logprobs::default(),
            finish_reason: None,
            others: Fields::default(),
        }
    }

    fn member(&mut self, name: &str, value: &str, room: &mut Room) -> Option<()> {
        match (&mut self.says, name) {
            (_, "index") => Some(()),
            (Says::Message(message), "delta") => message.delta(value, room),
            (Says::Text { text, .. }, "text") => append_text(text, value, room),
            (Says::Text { reasoning, .. }, "reasoning") => append_text(reasoning, value, room),
            // The form of a document.
            (_, "message" | "text" | "delta") => None,
            (_, "logprobs") => self.logprobs.add(value, room),
            (_, "finish_reason") => self.ends(value, room),
            _ => self.others.same(name, value, room),
        }
    }

    /// Some servers send "" until there is a reason, others repeat it.
    fn ends(&mut self, reason: &str, room: &mut Room) -> Option<()> {
        if is_nothing(reason) {
            return Some(());
        }
        if let Some(known) = &self.finish_reason {
            return (known == reason).then_some(());
        }
        inside(reason)?;
        room.take(reason.len())?;
        self.finish_reason = Some(reason.to_owned());
        Some(())
    }

    fn document(&self) -> String {
        object(|choice| {
            choice.member("index", &self.index.to_string());
            match &self.says {
                Says::Message(message) => choice.with("message", |out| message.write(out)),
                Says::Text { text, reasoning } => {
                    choice.text("text", text);
                    if !reasoning.is_empty() {
                        choice.text("reasoning", reasoning);
                    }
                }
            }
            self.logprobs.write(choice);
            if let Some(reason) = &self.finish_reason {
                choice.member("finish_reason", reason);
            }
            choice.members(self.others.iter());
        })
    }
}

/// Adds a piece of text; null is none.
fn append_text(to: &mut String, value: &str, room: &mut Room) -> Option<()> {
    match value {
        "null" => Some(()),
        _ => append(to, inside(value)?, room),
    }
}
