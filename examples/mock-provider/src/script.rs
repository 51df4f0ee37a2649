/*! What a request can ask of the mock. */

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Deviations from a good answer, as JSON in the header `x-mock`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Script {
    /// HTTP status instead of 200. From 400 on the body is an error of the protocol.
    pub status: Option<u16>,
    /// Further answer headers; a value replaces the mock's own.
    pub headers: BTreeMap<String, String>,
    /// The whole body instead of a made one.
    pub body: Option<String>,
    /// The text that the model "says", or that an error tells.
    pub text: Option<String>,
    /// What the model "thinks" before it speaks.
    pub reasoning: Option<String>,
    /// How many content chunks a stream has; the text is repeated.
    pub events: Option<usize>,
    /// How many characters of text, or of a tool's arguments, each event of a stream brings;
    /// a word, or a part up to a colon, if not said.
    pub chars: Option<usize>,
    /// Answers with a call of the first tool offered.
    pub tool: bool,
    /// Answers with this many calls at once, of the tools offered in turn.
    pub tools: usize,
    /// Why the answer ends, instead of the word for a good end.
    pub stop: Option<String>,
    /// `usage` is left out even if asked for.
    pub no_usage: bool,
    /// The `usage` object instead of the counted one.
    pub usage: Option<Value>,
    /// Members of a batch instead of its own, from now on.
    pub batch: serde_json::Map<String, Value>,
    /// Cuts the body into pieces of this many bytes.
    pub piece: Option<usize>,
    /// Cuts the body in two at this byte.
    pub cut: Option<usize>,
    /// Milliseconds before the head.
    pub delay_ms: u64,
    /// Milliseconds before each piece.
    pub piece_delay_ms: u64,
    /// Trailers after the body (HTTP/2, or HTTP/1.1 in chunks).
    pub trailers: BTreeMap<String, String>,
    /// What goes wrong.
    pub fault: Option<Fault>,
}

/// Ways to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The connection closes instead of a head.
    ResetBeforeHead,
    /// The head comes, then the connection breaks.
    ResetAfterHead,
    /// The connection breaks after half of the body.
    ResetMidBody,
    /// No head ever comes.
    Hang,
    /// The head comes, then nothing.
    HangAfterHead,
    /// The head comes, then what a stream has before its content, then nothing. A whole
    /// answer stops after its first byte.
    HangBeforeContent,
    /// The head comes, then half of the body, then nothing.
    HangMidBody,
    /// The body ends after half of it, as if it were whole.
    EndMidBody,
    /// The body ends before it has begun, as if it were whole.
    Empty,
    /// The answer is JSON that breaks off, also in a stream's first event.
    Garbage,
    /// The answer is a page for people.
    Html,
    /// An error stands where the answer, or a stream's first event, should.
    Error,
    /// A stream's second half is an error.
    ErrorMidBody,
}

impl Script {
    /// Whether nothing is to go wrong.
    pub(crate) fn is_plain(&self) -> bool {
        self.body.is_none() && self.status.is_none() && self.fault.is_none()
    }

    /// How many tools are called.
    pub(crate) fn calls(&self) -> usize {
        self.tools.max(usize::from(self.tool))
    }

    /// The script for the mock called `name` in the header `x-mock`: either one for all, or
    /// one for each name.
    ///
    /// # Errors
    /// It is neither; says why, with the name of a field that there is not.
    pub(crate) fn read(header: &[u8], name: &str) -> Result<Option<Self>, String> {
        serde_json::from_slice(header).map(Some).or_else(|error| {
            let each: Result<BTreeMap<String, Self>, _> = serde_json::from_slice(header);
            each.map(|mut each| each.remove(name)).map_err(|inner| {
                let objects: Result<BTreeMap<String, BTreeMap<String, Value>>, _> =
                    serde_json::from_slice(header);
                match objects {
                    // It may be meant as either.
                    Ok(_) => format!("{error}; by names of mocks: {inner}"),
                    Err(_) => error.to_string(),
                }
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(header: &str, name: &str) -> Result<Option<u16>, String> {
        let script = Script::read(header.as_bytes(), name);
        script.map(|script| script.and_then(|script| script.status))
    }

    #[test]
    fn one_script_for_all_or_one_for_each_name() {
        for (header, expected) in [
            ("{}", None),
            (r#"{"status": 500}"#, Some(500)),
            (r#"{"a": {"status": 500}}"#, Some(500)),
            (r#"{"b": {"status": 500}}"#, None),
            (r#"{"b": {}, "a": {"status": 501}}"#, Some(501)),
        ] {
            assert_eq!(status(header, "a"), Ok(expected), "{header}");
        }
        for header in ["", "7", r#"{"statos": 500}"#, r#"{"a": {"statos": 500}}"#] {
            assert!(status(header, "a").is_err(), "{header}");
        }
    }

    #[test]
    fn regression_a_misspelt_field_is_named() {
        for header in [r#"{"statos": 500}"#, r#"{"a": {"statos": 500}}"#] {
            let error = status(header, "a").unwrap_err();
            assert!(error.contains("unknown field `statos`"), "{error}");
        }
    }
}
