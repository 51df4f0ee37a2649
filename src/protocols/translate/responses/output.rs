/*! Writing a response and the items of its output. */

use super::ID_PREFIX;
use crate::protocols::openai::OWN_REASONING;
use crate::protocols::translate::About;
use crate::protocols::translate::hub::{Stop, UNKNOWN, Usage};
use crate::protocols::translate::openai::words;
use crate::protocols::translate::text::Text;
use crate::protocols::translate::write::Writer as Json;

/// What an item of the output is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind<'a> {
    Reasoning,
    Message,
    Call {
        id: &'a Text<'a>,
        name: &'a Text<'a>,
    },
}

/// How far an item has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// More of it may come.
    Open,
    /// All of it is told.
    Whole,
    /// The answer ended within it. Callers must not run such a call.
    Cut,
}

impl Progress {
    /// That of what was not over when the answer ended.
    pub(super) const fn at_end(stop: &Stop<'_>) -> Self {
        match status(stop) {
            (_, None) => Self::Whole,
            (_, Some(_)) => Self::Cut,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "in_progress",
            Self::Whole => "completed",
            Self::Cut => "incomplete",
        }
    }
}

/// What a response says of itself.
#[derive(Debug, Clone, Copy)]
pub(super) enum State<'a> {
    InProgress,
    Ended {
        stop: &'a Stop<'a>,
        usage: &'a Usage,
        /// The items, as JSON.
        output: &'a str,
    },
}

/// What Responses repeat of their requests. The gateway does not keep what was asked, and
/// clients demand the members.
const UNREPEATED: [(&str, &str); 11] = [
    ("instructions", "null"),
    ("max_output_tokens", "null"),
    ("metadata", "{}"),
    ("parallel_tool_calls", "true"),
    ("previous_response_id", "null"),
    ("temperature", "null"),
    ("text", r#"{"format":{"type":"text"}}"#),
    ("tool_choice", "\"auto\""),
    ("tools", "[]"),
    ("top_p", "null"),
    ("truncation", "\"disabled\""),
];

/// `status`, and why it is no better.
const fn status(stop: &Stop<'_>) -> (&'static str, Option<&'static str>) {
    match stop {
        Stop::End | Stop::Sequence(_) | Stop::Calls => ("completed", None),
        Stop::Length => ("incomplete", Some("max_output_tokens")),
        Stop::Refusal => ("incomplete", Some("content_filter")),
        Stop::Unknown => ("incomplete", Some(UNKNOWN)),
    }
}

/// The event that ends a stream.
pub(super) const fn last_event(stop: &Stop<'_>) -> &'static str {
    match status(stop) {
        (_, None) => "response.completed",
        (_, Some(_)) => "response.incomplete",
    }
}

/// The members of a response. Nothing of it is stored.
pub(super) fn response(id: &str, about: &About<'_>, state: State<'_>, json: &mut Json<'_>) {
    let (status, reason) = match state {
        State::InProgress => ("in_progress", None),
        State::Ended { stop, .. } => status(stop),
    };
    json.member("id", &format!("{ID_PREFIX}{id}"));
    json.member("object", "response");
    json.count("created_at", about.created);
    json.member("status", status);
    json.raw_member("background", "false");
    json.raw_member("error", "null");
    match reason {
        Some(reason) => {
            json.open_member("incomplete_details");
            json.member("reason", reason);
            json.close();
        }
        None => json.raw_member("incomplete_details", "null"),
    }
    json.member("model", about.model);
    for (name, value) in UNREPEATED {
        json.raw_member(name, value);
    }
    json.raw_member("store", "false");
    match state {
        State::InProgress => {
            json.raw_member("output", "[]");
            json.raw_member("usage", "null");
        }
        State::Ended { usage, output, .. } => {
            json.raw_member("output", output);
            write_usage(usage, json);
        }
    }
}

pub(in super::super) fn write_usage(usage: &Usage, json: &mut Json<'_>) {
    let Usage::Told(counts) = usage else {
        return json.raw_member("usage", "null");
    };
    json.open_member("usage");
    json.count("input_tokens", counts.input);
    json.open_member("input_tokens_details");
    // Clients demand both.
    json.count("cached_tokens", counts.cached);
    json.count("cache_write_tokens", counts.written());
    words::rare_prompt_details(counts, json);
    json.close();
    json.count("output_tokens", counts.output);
    json.open_member("output_tokens_details");
    json.count("reasoning_tokens", counts.reasoning);
    json.rare_counts(&[("audio_tokens", counts.audio_output)]);
    json.close();
    json.count("total_tokens", counts.input.saturating_add(counts.output));
    json.close();
}

/// The id of the item at `index` of a response.
pub(super) fn item_id(kind: Kind<'_>, response: &str, index: usize) -> String {
    let prefix = match kind {
        Kind::Reasoning => OWN_REASONING,
        Kind::Message => "msg_",
        Kind::Call { .. } => "fc_",
    };
    format!("{prefix}{response}_{index}")
}

/// An item of which this text was told.
pub(super) fn item(
    kind: Kind<'_>,
    id: &str,
    progress: Progress,
    text: &Text<'_>,
    json: &mut Json<'_>,
) {
    json.open();
    json.member("id", id);
    let (word, list) = match kind {
        Kind::Reasoning => ("reasoning", "summary"),
        Kind::Message => ("message", "content"),
        Kind::Call { .. } => ("function_call", "arguments"),
    };
    json.member("type", word);
    json.member("status", progress.as_str());
    match kind {
        Kind::Call { id, name } => {
            json.text_member("call_id", id);
            json.text_member("name", name);
            json.text_member(list, text);
        }
        Kind::Reasoning | Kind::Message => {
            if matches!(kind, Kind::Message) {
                json.member("role", "assistant");
            }
            json.open_list_member(list);
            if progress != Progress::Open {
                json.open();
                part(kind, text, json);
                json.close();
            }
            json.close_list();
        }
    }
    json.close();
}

/// The members of the one part that a message or a reasoning has.
pub(super) fn part(kind: Kind<'_>, text: &Text<'_>, json: &mut Json<'_>) {
    if matches!(kind, Kind::Reasoning) {
        json.member("type", "summary_text");
    } else {
        json.member("type", "output_text");
        json.raw_member("annotations", "[]");
        json.raw_member("logprobs", "[]");
    }
    json.text_member("text", text);
}
