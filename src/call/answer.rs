/*! Reading a provider's answer while it passes. */

use crate::host::Instant;
use crate::http::Headers;
use crate::json::{Capture, Reader};
use crate::ledger::Usage;
use crate::protocols::openai::{ReportedUsage, read_chunk, read_usage, redact_account};
use crate::sse::{self, Framer};
use std::borrow::Cow;

/// Longest error body that is held to remove the operator's account from it, in bytes.
pub(super) const MAX_ERROR_BODY: usize = 64 * 1024;

/// Headers of a provider that tell about the operator's account there, or that belong
/// to another connection.
const REMOVED: [&str; 9] = [
    "alt-svc",
    "anthropic-organization-id",
    "openai-organization",
    "openai-project",
    "proxy-authenticate",
    "set-cookie",
    "strict-transport-security",
    "www-authenticate",
    "x-should-retry",
];
const REMOVED_PREFIXES: [&str; 4] = [
    "anthropic-ratelimit-",
    "x-ratelimit-",
    "x-tollgate-",
    "x-envoy-",
];

/// Names of headers or trailers that a caller must not see.
pub fn account_headers(headers: Headers<'_>) -> Vec<String> {
    headers.names(|name| {
        REMOVED.contains(&name)
            || REMOVED_PREFIXES
                .iter()
                .any(|prefix| name.starts_with(prefix))
    })
}

/// What becomes of a piece of an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum OnData {
    /// It goes on as it is.
    Pass,
    /// It goes on as this instead.
    Replace(Vec<u8>),
    /// It waits; the next call brings it again with what follows.
    Hold,
}

/// What was learned from an answer.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) usage: Option<Usage>,
    /// Bytes of generated text, or of the whole body where it is not read that closely.
    pub(super) text_bytes: u64,
    pub(super) first_text: Option<Instant>,
    /// Whether a stream came to its `[DONE]`. SDKs hang up there without waiting for the
    /// end of the body.
    pub(super) done: bool,
    /// Whether a stream held an error event.
    pub(super) error: bool,
    /// Bytes of a stream that were dropped, see [`AnswerReader::trailers`].
    pub(super) dropped: usize,
}

/// How an answer is read.
#[derive(Debug)]
pub(super) enum AnswerReader {
    /// A JSON object that passes as it comes.
    Json(Capture),
    /// A stream of events.
    Stream(StreamReader),
    /// An error: held until it is whole, then freed of account details.
    Error { replaced: bool },
    /// Something that can't be read; whether it is text, whose length says something
    /// about tokens.
    Opaque { text: bool },
}

#[derive(Debug, Default)]
pub(super) struct StreamReader {
    framer: Framer,
    /// Whether the chunk that only reports usage is kept from the caller.
    strip_usage: bool,
    /// Whether the last event was kept back and ended in CR: an LF that follows is still its.
    kept_back_cr: bool,
}

impl AnswerReader {
    pub(super) fn new(status: u16, content_type: &str, strip_usage: bool) -> Self {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        if status >= 400 {
            Self::Error { replaced: false }
        } else if kind.eq_ignore_ascii_case("text/event-stream") {
            Self::Stream(StreamReader {
                strip_usage,
                ..StreamReader::default()
            })
        } else if kind.eq_ignore_ascii_case("application/json") {
            Self::Json(Capture::new(&["usage"]))
        } else {
            let kind = kind.to_ascii_lowercase();
            Self::Opaque {
                text: kind.is_empty() || kind.starts_with("text/") || kind.contains("json"),
            }
        }
    }

    /// Takes the next piece; `end` if it is the last.
    pub(super) fn data(
        &mut self,
        seen: &mut Seen,
        piece: &[u8],
        end: bool,
        now: &dyn Fn() -> Instant,
    ) -> OnData {
        match self {
            Self::Json(capture) => {
                capture.push(piece);
                seen.add_text(piece.len());
                if end {
                    seen.captured(capture);
                }
                OnData::Pass
            }
            Self::Stream(stream) => stream.data(seen, piece, end, now),
            Self::Error { replaced } => error_data(replaced, piece, end),
            Self::Opaque { text } => {
                if *text {
                    seen.add_text(piece.len());
                }
                OnData::Pass
            }
        }
    }

    /// The answer ends in trailers: nothing can be added any more, so what a stream holds
    /// back of an unfinished event is lost. (A client would not have seen it either: SSE
    /// discards events that do not end.)
    pub(super) fn trailers(&mut self, seen: &mut Seen, now: &dyn Fn() -> Instant) {
        match self {
            Self::Json(capture) => seen.captured(capture),
            Self::Stream(stream) => {
                let rest = stream.framer.take_rest();
                // It may still say what was used.
                stream.event(seen, &rest, now);
                seen.dropped = rest.len();
            }
            Self::Error { .. } | Self::Opaque { .. } => {}
        }
    }
}

impl Seen {
    fn add_text(&mut self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.text_bytes = self.text_bytes.saturating_add(bytes);
    }

    fn captured(&mut self, capture: &Capture) {
        let Some(value) = capture.value("usage") else {
            return;
        };
        let usage = Reader::new(value, |_| None).and_then(|mut reader| read_usage(&mut reader));
        if let Ok(ReportedUsage::Counted(usage)) = usage {
            self.usage = Some(usage);
        }
    }
}

impl StreamReader {
    /// Whole events go on at once; an unfinished one waits for its end, because only
    /// then is it known what it is.
    fn data(
        &mut self,
        seen: &mut Seen,
        piece: &[u8],
        end: bool,
        now: &dyn Fn() -> Instant,
    ) -> OnData {
        let joined = self.framer.join(piece);
        let mut changed = joined.is_longer();
        let mut out: Vec<Cow<'_, [u8]>> = Vec::new();
        let mut events = joined.events();
        let mut whole = 0_usize;
        for event in events.by_ref() {
            whole = whole.saturating_add(event.len());
            let goes_on = self.event(seen, event, now);
            changed |= !matches!(goes_on, Some(Cow::Borrowed(_)));
            out.extend(goes_on);
        }
        let (unfinished, place) = (events.unfinished(), events.place());
        if end && !unfinished.is_empty() {
            let goes_on = self.event(seen, unfinished, now);
            changed |= !matches!(goes_on, Some(Cow::Borrowed(_)));
            out.extend(goes_on);
        }
        let waits = !end && !unfinished.is_empty();
        if !changed && !waits {
            return OnData::Pass;
        }
        let mut out = out.concat();
        if waits {
            out.extend(self.framer.keep(joined, whole, place).unwrap_or_default());
        }
        OnData::Replace(out)
    }

    /// Reads one event; returns what goes on of it.
    fn event<'e>(
        &mut self,
        seen: &mut Seen,
        event: &'e [u8],
        now: &dyn Fn() -> Instant,
    ) -> Option<Cow<'e, [u8]>> {
        if std::mem::take(&mut self.kept_back_cr) && event == b"\n" {
            return None;
        }
        let unchanged = Some(Cow::Borrowed(event));
        let Some(data) = sse::data(event) else {
            return unchanged;
        };
        let Ok(chunk) = read_chunk(&data) else {
            seen.done |= data.as_ref() == DONE;
            return unchanged;
        };
        seen.text_bytes = seen.text_bytes.saturating_add(chunk.text_bytes);
        if chunk.text_bytes > 0 {
            seen.first_text.get_or_insert_with(now);
        }
        if let ReportedUsage::Counted(usage) = chunk.usage {
            seen.usage = Some(usage);
        }
        if chunk.error {
            seen.error = true;
            let mut text = event.to_vec();
            redact_account(&mut text);
            return Some(Cow::Owned(text));
        }
        let only_usage = chunk.no_choices && chunk.usage != ReportedUsage::Absent;
        if self.strip_usage && only_usage {
            self.kept_back_cr = event.ends_with(b"\r");
            return None;
        }
        unchanged
    }
}

/// The data of the event that ends a stream of OpenAI's.
const DONE: &[u8] = b"[DONE]";

fn error_data(replaced: &mut bool, piece: &[u8], end: bool) -> OnData {
    if *replaced {
        return OnData::Replace(Vec::new());
    }
    if piece.len() > MAX_ERROR_BODY {
        *replaced = true;
        return OnData::Replace(OVERLONG_ERROR.to_vec());
    }
    if !end {
        return OnData::Hold;
    }
    let mut text = piece.to_vec();
    if redact_account(&mut text) {
        OnData::Replace(text)
    } else {
        OnData::Pass
    }
}

/// Stands in for an error body that is too long to be checked.
const OVERLONG_ERROR: &[u8] = br#"{"error":{"message":"The provider's error message is too long to be shown.","type":"server_error","param":null,"code":"upstream_error"}}"#;

#[cfg(test)]
mod tests;
