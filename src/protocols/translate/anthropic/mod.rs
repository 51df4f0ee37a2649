/*! Anthropic's messages, to and from the hub.

Source of fields and rules: Anthropic's API reference, "Messages", and its pages on
extended thinking, tool use, structured outputs and streaming. */

mod answer;
mod blocks;
mod message;
mod request;
mod stream;
mod thinking;
mod tools;
mod tuning;
mod write;

pub(super) use answer::{read as read_answer, write as write_answer};
pub(super) use blocks::Writer;
pub(super) use request::read as read_request;
pub(super) use stream::Reader;
pub(super) use thinking::Thinking;
pub(super) use tools::{of_arguments, tool_id};
pub(super) use tuning::fit_sampling;
pub(super) use write::{check_stops, write as write_request};

use super::About;
use super::hub::{Stop, UNKNOWN, Usage};
use super::text::Text;
use super::tree::{Value, unwatched};
use super::write::Writer as Json;
use crate::json;
use crate::ledger;
use crate::protocols::ReportedUsage;
use crate::protocols::anthropic::{Counts, Read};

/// What Anthropic's ids of answers begin with.
const ID_PREFIX: &str = "msg_";

fn read_id(message: &Value<'_>) -> Option<String> {
    let id = message.word_at("id");
    let id = id.strip_prefix(ID_PREFIX).unwrap_or(&id);
    (!id.is_empty()).then(|| id.to_owned())
}

/// Reads `stop_reason` and `stop_sequence`. A paused turn only comes with the provider's
/// own tools, which no translated request has: it is not over.
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
        "end_turn" => Stop::End,
        _ => Stop::Unknown,
    })
}

fn write_stop(stop: &Stop<'_>, json: &mut Json<'_>) {
    let word = match stop {
        Stop::End => "end_turn",
        Stop::Length => "max_tokens",
        Stop::Sequence(_) => "stop_sequence",
        Stop::Calls => "tool_use",
        Stop::Refusal => "refusal",
        Stop::Unknown => UNKNOWN,
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

/// Counts of an answer, read as those that Tollgate settles by.
#[derive(Debug, Clone, Copy)]
enum Tokens {
    Counts(Counts),
    /// There was a number that can't be: nothing is told.
    Nonsense,
}

impl Default for Tokens {
    fn default() -> Self {
        Self::Counts(Counts::default())
    }
}

impl Tokens {
    /// Adds a `usage` member, if there is one.
    fn take(&mut self, usage: Option<&Value<'_>>) {
        let (Self::Counts(counts), Some(usage)) = (&mut *self, usage) else {
            return;
        };
        let read = json::Reader::new(usage.raw.as_bytes(), unwatched)
            .and_then(|mut reader| counts.read(&mut reader));
        if !matches!(read, Ok(Read::Counts | Read::Absent)) {
            *self = Self::Nonsense;
        }
    }

    /// What the beginning of a stream says of the output is no more than a beginning.
    const fn forget_output(&mut self) {
        if let Self::Counts(counts) = self {
            counts.forget_output();
        }
    }

    /// What a stream has told by now. Half of it would be false as the whole.
    fn so_far(&self) -> Usage {
        self.told(Counts::so_far)
    }

    /// What a whole answer has told.
    fn total(&self) -> Usage {
        self.told(Counts::total)
    }

    fn told(&self, of: impl FnOnce(&Counts) -> ReportedUsage) -> Usage {
        let Self::Counts(tokens) = self else {
            return Usage::Untold;
        };
        match of(tokens) {
            ReportedUsage::Counted(counts) => Usage::Told(counts),
            _ => Usage::Untold,
        }
    }
}

/// The members of a `usage` object. Anthropic's always has counts, so what was not told
/// is zero; what is rare is told only where there was some. Sound and images have no words
/// there, and bear OpenAI's: the call is settled by what is written here.
pub(super) fn write_usage(usage: &Usage, json: &mut Json<'_>) {
    let counts = match usage {
        Usage::Untold => ledger::Usage::NONE,
        Usage::Told(counts) => *counts,
    };
    let kept = counts.cached.saturating_add(counts.written());
    json.count("input_tokens", counts.input.saturating_sub(kept));
    json.count("cache_creation_input_tokens", counts.written());
    if counts.cache_write_1h > 0 {
        json.open_member("cache_creation");
        json.count("ephemeral_5m_input_tokens", counts.cache_write);
        json.count("ephemeral_1h_input_tokens", counts.cache_write_1h);
        json.close();
    }
    json.count("cache_read_input_tokens", counts.cached);
    json.count("output_tokens", counts.output);
    let of_input = [
        ("audio_tokens", counts.audio_input),
        ("image_tokens", counts.image_input),
    ];
    json.rare_counts_in("input_tokens_details", &of_input);
    let of_output = [
        ("thinking_tokens", counts.reasoning),
        ("audio_tokens", counts.audio_output),
    ];
    json.rare_counts_in("output_tokens_details", &of_output);
}
