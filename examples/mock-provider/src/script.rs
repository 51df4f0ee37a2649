/*! What a request can ask of the mock. */

use serde::Deserialize;
use std::collections::BTreeMap;

/// Deviations from a good answer, as JSON in the header `x-mock`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Script {
    /// HTTP status instead of 200.
    pub status: Option<u16>,
    /// Further answer headers.
    pub headers: BTreeMap<String, String>,
    /// The whole body instead of a made one.
    pub body: Option<String>,
    /// The text that the model "says".
    pub text: Option<String>,
    /// How many content chunks a stream has; the text is repeated.
    pub events: Option<usize>,
    /// Answers with a call of the first tool offered.
    pub tool: bool,
    /// `usage` is left out even if asked for.
    pub no_usage: bool,
    /// The `usage` object instead of the counted one.
    pub usage: Option<serde_json::Value>,
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
    /// The connection breaks after half of the body.
    ResetMidBody,
    /// No head ever comes.
    Hang,
    /// The head comes, then half of the body, then nothing.
    HangMidBody,
}
