/*! Anthropic's messages, to and from the hub.

Source of fields and rules: Anthropic's API reference, "Messages", and its pages on
extended thinking, tool use, structured outputs and streaming. */

mod answer;
mod blocks;
mod message;
mod nesting;
mod request;
mod stream;
mod thinking;
mod tuning;
mod write;

pub(super) use answer::{read as read_answer, write as write_answer};
pub(super) use blocks::Writer;
pub(super) use request::read as read_request;
pub(super) use stream::Reader;
pub(super) use write::write as write_request;

use super::About;
use super::hub::{Stop, Usage};
use super::text::Text;
use super::tree::Value;
use super::write::Writer as Json;
use crate::ledger::Usage as Counts;

/// What Anthropic's ids of answers begin with.
const ID_PREFIX: &str = "msg_";

fn read_id(message: &Value<'_>) -> Option<String> {
    let id = message.word_at("id");
    let id = id.strip_prefix(ID_PREFIX).unwrap_or(&id);
    (!id.is_empty()).then(|| id.to_owned())
}

/// Reads `stop_reason` and `stop_sequence`. A paused turn only comes with the provider's
/// own tools, which no translated request has.
fn read_stop<'a>(holder: &Value<'a>) -> Option<Stop<'a>> {
    let reason = holder.text_at("stop_reason")?;
    Some(match reason.value().as_ref() {
        "max_tokens" | "model_context_window_exceeded" => Stop::Length,
        "stop_sequence" => match holder.text_at("stop_sequence") {
            Some(sequence) => Stop::Sequence(sequence),
            None => Stop::End,
        },
        "tool_use" => Stop::Calls,
        "refusal" => Stop::Refusal,
        _ => Stop::End,
    })
}

fn write_stop(stop: &Stop<'_>, json: &mut Json<'_>) {
    let word = match stop {
        Stop::End => "end_turn",
        Stop::Length => "max_tokens",
        Stop::Sequence(_) => "stop_sequence",
        Stop::Calls => "tool_use",
        Stop::Refusal => "refusal",
    };
    json.member("stop_reason", word);
    match stop {
        Stop::Sequence(sequence) => json.text_member("stop_sequence", sequence),
        _ => json.raw_member("stop_sequence", "null"),
    }
}

/// The id of a call to which the provider gave none: unique in the conversation.
fn call_id(id: Option<&Text<'_>>, about: &About<'_>, number: usize) -> Text<'static> {
    match id {
        Some(id) if !id.is_empty() => id.clone().into_owned(),
        _ => Text::of(&format!("toolu_{}_{number}", about.id)),
    }
}

/// Counts as Anthropic tells them: those in a later event of a stream replace earlier ones.
#[derive(Debug, Clone, Copy, Default)]
struct Tokens {
    /// Without what was read from the cache or written to it.
    input: u64,
    read: u64,
    written: u64,
    output: u64,
    told: Told,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Told {
    #[default]
    Nothing,
    Counts,
    /// Numbers that can't be.
    Nonsense,
}

impl Tokens {
    fn take(&mut self, usage: Option<&Value<'_>>) {
        let Some(usage) = usage else { return };
        let fields = [
            ("input_tokens", &mut self.input),
            ("cache_read_input_tokens", &mut self.read),
            ("cache_creation_input_tokens", &mut self.written),
            ("output_tokens", &mut self.output),
        ];
        for (name, field) in fields {
            let Some(count) = usage.get(name) else {
                continue;
            };
            match count
                .as_count()
                .filter(|count| *count <= Counts::MAX_TOKENS)
            {
                Some(count) => *field = count,
                None => self.told = Told::Nonsense,
            }
            if self.told == Told::Nothing {
                self.told = Told::Counts;
            }
        }
    }

    const fn usage(&self) -> Usage {
        if !matches!(self.told, Told::Counts) {
            return Usage::Untold;
        }
        let cached = self.read.saturating_add(self.written);
        Usage::Told {
            counts: Counts {
                input: self.input.saturating_add(cached),
                output: self.output,
                cached: self.read,
                reasoning: 0,
            },
            written: self.written,
        }
    }
}

/// The members of a `usage` object. Anthropic's always has counts, so what was not told
/// is zero.
fn write_usage(usage: &Usage, json: &mut Json<'_>) {
    let (counts, written) = match usage {
        Usage::Untold => (Counts::default(), 0),
        Usage::Told { counts, written } => (*counts, *written),
    };
    let cached = counts.cached.saturating_add(written);
    json.count("input_tokens", counts.input.saturating_sub(cached));
    json.count("cache_creation_input_tokens", written);
    json.count("cache_read_input_tokens", counts.cached);
    json.count("output_tokens", counts.output);
}
