/*! The two protocols that callers speak. */

use crate::client::{Answer, Ask};
use serde_json::Value;

/// What a caller speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    /// OpenAI's chat completions.
    OpenAi,
    /// Anthropic's messages.
    Anthropic,
}

impl Speaks {
    /// Both.
    pub const ALL: [Self; 2] = [Self::OpenAi, Self::Anthropic];

    /// A call of tenant acme.
    pub fn ask(self, body: &Value) -> Ask {
        match self {
            Self::OpenAi => Ask::chat(body),
            Self::Anthropic => Ask::messages(body),
        }
    }

    /// The text of a good answer.
    pub fn said(self, answer: &Answer, stream: bool) -> String {
        let texts: Vec<Value> = match (self, stream) {
            (Self::OpenAi, false) => vec![answer.json()["choices"][0]["message"]["content"].take()],
            (Self::Anthropic, false) => vec![answer.json()["content"][0]["text"].take()],
            (Self::OpenAi, true) => of_events(answer, "/choices/0/delta/content"),
            (Self::Anthropic, true) => of_events(answer, "/delta/text"),
        };
        texts.iter().filter_map(Value::as_str).collect()
    }

    /// Every name of a model that a good answer tells.
    pub fn models(self, answer: &Answer, stream: bool) -> Vec<String> {
        let names = match (self, stream) {
            (_, false) => vec![answer.json()["model"].take()],
            (Self::OpenAi, true) => of_events(answer, "/model"),
            (Self::Anthropic, true) => of_events(answer, "/message/model"),
        };
        let names = names.iter().filter_map(Value::as_str);
        names.map(str::to_owned).collect()
    }

    /// Whether this is an error of this protocol.
    pub fn is_error(self, event: &Value) -> bool {
        let error = &event["error"];
        let own = match self {
            Self::OpenAi => event["type"].is_null() && error.get("code").is_some(),
            Self::Anthropic => event["type"] == "error",
        };
        own && error["message"].is_string() && error["type"].is_string()
    }
}

/// What each event of a stream has at this place.
fn of_events(answer: &Answer, pointer: &str) -> Vec<Value> {
    let events = answer.events();
    let found = events.iter().filter_map(|event| event.pointer(pointer));
    found.cloned().collect()
}
