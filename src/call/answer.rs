/*! Reading an answer while it passes, in the caller's protocol. */

mod again;
mod alike;
mod error;
mod freeing;
mod guarding;
mod ids;
mod lines;
mod long;
mod masking;
mod stopping;
mod stream;
mod whole;

use super::workflow::Spoken;
use crate::callout::{Failure, Questions};
use crate::config::Policy;
use crate::host::Instant;
use crate::http::{Answer, Callout, HeaderEdits, Headers};
use crate::ledger::Usage;
use crate::mask::Verdict;
use crate::protocols::openai::BatchUsage;
use crate::protocols::{Api, Reasoning, Refusal, Reply, ReportedUsage};
use crate::tokens::Stream;
use again::ToldAgain;
use error::ErrorReader;
pub(super) use error::MAX_ERROR_BODY;
pub(super) use guarding::Guard;
pub(super) use ids::{Ids, Known};
use lines::LinesReader;
pub(super) use stopping::Stop;
use stream::StreamReader;
use whole::WholeReader;

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
const REMOVED_PREFIXES: [&str; 5] = [
    "anthropic-ratelimit-",
    // The error that an answer has become may have another name.
    "x-amzn-errortype",
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
    /// The head, which waited too, goes on with these edits, the body as this instead.
    Release(HeaderEdits, Vec<u8>),
    /// Head and body, which waited, are replaced by this.
    Reply(Reply),
    /// It waits for services that are asked; `Call::service_answered` takes what they say.
    Ask(Vec<Callout>),
    /// It does not go on, and the connections are cut: the caller has all that it gets.
    Reset,
}

/// What the reader of an answer asks of its call.
pub(super) trait Context {
    /// Now. A host call: not to be asked for without need.
    fn now(&self) -> Instant;

    /// Whether the answer, which has so many tokens by now, has to end.
    fn passed(&mut self, output: u64) -> bool;

    /// Tokens of the answer that are reserved: fewer have not passed anything.
    fn room(&self) -> u64;

    /// What guardrails have found in the answer.
    fn verdict(&mut self) -> &mut Verdict;

    /// Notes what services have said of the answer.
    fn heard(&mut self, questions: &Questions);

    /// The policy of the call.
    fn policy(&self) -> &Policy;

    /// Notes that the answer can't be inspected, and whether it passes all the same.
    fn unscanned(&mut self, passed: bool);

    /// What is told where a guardrail lets nothing of an answer pass.
    fn blocked(&mut self) -> Refusal;

    /// Has a text read aloud.
    fn read_aloud(&mut self, _text: &str) -> Spoken {
        Spoken::Text
    }

    /// What has come of that; `None`: the answer is to another question.
    fn sounded(&mut self, _token: u64, _answer: Option<&Answer>) -> Option<Spoken> {
        None
    }

    /// What becomes of a text whose sound can't be used.
    fn unspoken(&mut self) -> Spoken {
        Spoken::Text
    }

    /// What becomes of an answer that can't be read aloud at all.
    fn unsaid(&mut self, _why: Failure) -> Spoken {
        Spoken::Text
    }

    /// Now in Unix seconds, and an id for what is made.
    fn about(&self) -> (u64, String) {
        (self.now().unix_seconds(), String::new())
    }
}

/// What was learned from an answer.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) usage: Option<Usage>,
    /// The counts of the prompt, if they came before the others.
    pub(super) prompt: Option<Usage>,
    /// What was generated, or the whole body where it is not read that closely.
    pub(super) text: Stream,
    /// Tokens of the prompt that the text says again.
    pub(super) echoed: u64,
    /// What is known of the model's reasoning.
    pub(super) reasoning: Reasoning,
    pub(super) first_text: Option<Instant>,
    /// Whether a stream came to the event that ends its protocol's streams. SDKs hang up
    /// there without waiting for the end of the body.
    pub(super) done: bool,
    /// Whether a response or a batch has come to its last state: a whole one, or one in a stream that has
    /// failed or was cancelled.
    pub(super) over: bool,
    /// Whether its provider says that it has failed.
    pub(super) failed: bool,
    /// What a batch says that it has used.
    pub(super) batch: Option<BatchUsage>,
    /// The provider's id of a response in the background, or of a batch.
    pub(super) response: Option<String>,
    /// Whether a stream held an error event.
    pub(super) error: bool,
    /// Whether a stream ended before the answer was whole, and without an error event.
    pub(super) incomplete: bool,
    /// Why an answer was ended before its provider did, if it was.
    pub(super) stopped: Stopped,
    /// Bytes of text that guardrails held when a stream ended without its protocol's end.
    pub(super) held_back: usize,
    /// Bytes of an unfinished event, or line, that were dropped, see [`AnswerReader::trailers`].
    pub(super) dropped: usize,
    /// Whether events have come.
    pub(super) streamed: bool,
    /// The number of the first event and the one behind the last, as their provider tells them.
    pub(super) events: Option<(u64, u64)>,
    /// What a response that is read tells again as a whole.
    pub(super) again: Option<Box<ToldAgain>>,
}

/// Why an answer was ended before its provider did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Stopped {
    /// It was not.
    #[default]
    No,
    /// A limit leaves no room for more of it.
    AtLimit,
    /// A guardrail lets no more of it pass.
    Blocked,
    /// Something in it can't be inspected, and has to be.
    Unscannable,
    /// The caller got a refusal with this status and code in its place.
    Refused(u16, &'static str),
    /// The caller got the provider's error in words of ours, with this status and code.
    Reworded(u16, &'static str),
}

impl Stopped {
    /// The status and the outcome that stand for it, if it was ended; answers that had begun
    /// are good ones by their status.
    pub(super) const fn told(self) -> Option<(u16, &'static str)> {
        match self {
            Self::No => None,
            Self::AtLimit => Some((200, "budget_exhausted")),
            Self::Blocked => Some((200, "guardrail_blocked")),
            Self::Unscannable => Some((200, super::finish::UNSCANNABLE)),
            Self::Refused(status, code) | Self::Reworded(status, code) => Some((status, code)),
        }
    }

    /// Whether the provider's own end is not what the caller was told.
    pub(super) const fn early(self) -> bool {
        !matches!(self, Self::No | Self::Reworded(..))
    }
}

/// How an answer is to be read.
#[derive(Debug)]
pub(super) struct Reading {
    /// The caller's API, which is also that of the bytes.
    pub(super) api: Api,
    /// Whether a stream's chunk that only reports usage is kept from the caller.
    pub(super) strip_usage: bool,
    /// Whether it is known how streams of this endpoint end.
    pub(super) judges_end: bool,
    /// The name for the model in the answer, instead of the provider's.
    pub(super) model: Option<String>,
    /// How it may be ended if it is a stream.
    pub(super) stop: Stop,
    /// What its texts go through; `None`: they pass.
    pub(super) guard: Option<Guard>,
    /// What becomes of ids of responses; `None`: they stay.
    pub(super) ids: Option<Ids>,
}

/// An answer of one kind.
#[derive(Debug)]
pub(super) enum AnswerReader {
    /// A JSON object that passes as it comes.
    Json(Box<WholeReader>),
    /// A stream of events.
    Stream(Box<StreamReader>),
    /// An error: held until it is whole, then freed of account details.
    Error(Box<ErrorReader>),
    /// The output of a batch that nothing inspects.
    Lines(Box<LinesReader>),
    /// Something that can't be read; whether it is text, whose length says something
    /// about tokens.
    Opaque { text: bool },
}

/// The types of answers that are read closely.
const STREAM: &str = "text/event-stream";
const JSON: &str = "application/json";

/// Whether answers of this type are read closely enough to be inspected.
pub(super) fn is_read(api: Api, content_type: &str) -> bool {
    let is_json = media_type(content_type).eq_ignore_ascii_case(JSON);
    is_stream(content_type) || is_json || is_transcript(api, content_type)
}

/// Whether an answer is what was heard in sound, as text.
fn is_transcript(api: Api, content_type: &str) -> bool {
    let kind = media_type(content_type).to_ascii_lowercase();
    api.is_transcript() && (kind.starts_with("text/") || kind == "application/x-subrip")
}

/// Whether answers of this type are streams of events.
pub(super) fn is_stream(content_type: &str) -> bool {
    media_type(content_type).eq_ignore_ascii_case(STREAM)
}

fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

impl AnswerReader {
    /// For the output of a batch that nothing inspects.
    pub(super) fn of_lines() -> Self {
        Self::Lines(Box::default())
    }

    /// The head has said how many bytes the answer has.
    pub(super) fn expect(&mut self, length: Option<u64>) {
        if let Self::Lines(lines) = self {
            lines.expect(length);
        }
    }

    pub(super) fn new(mut reading: Reading, status: u16, content_type: &str) -> Self {
        let kind = media_type(content_type);
        let guard = reading.guard.as_ref();
        let is_output = guard.is_some_and(|guard| guard.lines.is_some());
        if status >= 400 {
            Self::Error(Box::new(ErrorReader::new(reading, status)))
        } else if is_output {
            // Its type says nothing: it is a file.
            Self::Json(Box::new(WholeReader::new(reading)))
        } else if is_stream(content_type) {
            Self::Stream(Box::new(StreamReader::new(reading)))
        } else if kind.eq_ignore_ascii_case(JSON) {
            Self::Json(Box::new(WholeReader::new(reading)))
        } else if is_transcript(reading.api, content_type) {
            // It names no model.
            reading.model = None;
            Self::Json(Box::new(WholeReader::new(reading)))
        } else {
            let kind = kind.to_ascii_lowercase();
            Self::Opaque {
                text: kind.is_empty() || kind.starts_with("text/") || kind.contains("json"),
            }
        }
    }

    /// Whole answers are held, at most so many bytes, and read aloud.
    pub(super) fn reads_aloud(&mut self, longest: usize) {
        if let Self::Json(whole) = self {
            whole.reads_aloud(longest);
        }
    }

    /// Bytes of text that guardrails hold.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::Stream(stream) => stream.held(),
            Self::Json(_) | Self::Error(_) | Self::Lines(_) | Self::Opaque { .. } => 0,
        }
    }

    /// Whether the answer is whole and waits for services.
    pub(super) const fn is_judged(&self) -> bool {
        match self {
            Self::Json(whole) => whole.is_judged(),
            Self::Stream(_) | Self::Error(_) | Self::Lines(_) | Self::Opaque { .. } => false,
        }
    }

    /// Whether the last piece waits, so that it must be brought again at the end.
    pub(super) fn holds(&self) -> bool {
        match self {
            Self::Error(error) => !error.is_replaced(),
            Self::Json(whole) => whole.holds(),
            Self::Stream(_) | Self::Lines(_) | Self::Opaque { .. } => false,
        }
    }

    /// Whether nothing can be said of the body before its end, of which `size` bytes wait.
    pub(super) fn waits_for_end(&self, size: usize) -> bool {
        match self {
            Self::Error(error) => !error.is_replaced() && size <= MAX_ERROR_BODY,
            Self::Json(whole) => whole.waits_for_end(size),
            Self::Stream(_) | Self::Lines(_) | Self::Opaque { .. } => false,
        }
    }

    /// Whether what goes on may have another length than what came. (That of an error
    /// stays, unless there was no `content-length`.)
    pub(super) fn changes_length(&self) -> bool {
        match self {
            Self::Stream(_) => true,
            Self::Json(whole) => whole.holds(),
            Self::Error(error) => error.changes_length(),
            Self::Lines(_) | Self::Opaque { .. } => false,
        }
    }

    /// Takes the next piece; `end` if it is the last.
    pub(super) fn data(
        &mut self,
        seen: &mut Seen,
        piece: &[u8],
        end: bool,
        context: &mut dyn Context,
    ) -> OnData {
        match self {
            Self::Json(whole) => whole.data(seen, piece, end, context),
            Self::Stream(stream) => stream.data(seen, piece, end, context),
            Self::Error(error) => error.data(seen, piece, end, context),
            Self::Lines(lines) => lines.data(piece, end),
            Self::Opaque { text } => {
                if *text {
                    seen.text.push(piece);
                }
                OnData::Pass
            }
        }
    }

    /// A service that was asked about the answer has answered: what becomes of the answer now,
    /// if anything.
    pub(super) fn answered(
        &mut self,
        seen: &mut Seen,
        token: u64,
        answer: Option<&Answer>,
        context: &mut dyn Context,
    ) -> Option<OnData> {
        match self {
            Self::Json(whole) => whole.answered(seen, token, answer, context),
            Self::Stream(_) | Self::Error(_) | Self::Lines(_) | Self::Opaque { .. } => None,
        }
    }

    /// The answer ends in trailers: nothing can be added any more, so what a stream holds
    /// back of an unfinished event is lost. (A client would not have seen it either: SSE
    /// discards events that do not end.)
    pub(super) fn trailers(&mut self, seen: &mut Seen, context: &mut dyn Context) {
        match self {
            Self::Json(whole) => {
                whole.end(seen);
                seen.dropped = whole.waiting();
            }
            Self::Stream(stream) => stream.trailers(seen, context),
            Self::Lines(lines) => seen.dropped = lines.waiting(),
            Self::Error(_) | Self::Opaque { .. } => {}
        }
    }
}

impl Seen {
    /// Tokens of the answer so far, as far as can be told.
    pub(super) fn output_tokens(&self) -> u64 {
        let reported = self.usage.map_or(0, |usage| usage.output);
        self.said_tokens().max(reported)
    }

    /// Tokens of the text so far that are not the prompt's.
    fn said_tokens(&self) -> u64 {
        let tokens = self.text.tally().tokens();
        tokens.saturating_sub(self.echoed)
    }

    /// Whether what was told of a stream that was cut is no longer so: by far more text has come
    /// than it says, or the stream was ended here.
    pub(super) fn has_grown_beyond(&self, told: &Usage) -> bool {
        /// Estimates of short texts are off by some tokens, of all by some percent.
        const SLACK: u64 = 16;
        let most = told.output.saturating_add(told.output / 4);
        self.stopped.early() || self.said_tokens() > most.saturating_add(SLACK)
    }

    /// More tokens than these the answer can't have so far: each has a byte or more.
    pub(super) fn most_output_tokens(&self) -> u64 {
        let reported = self.usage.map_or(0, |usage| usage.output);
        self.text.bytes().max(reported)
    }

    /// What the call used, where the provider did not say all of it: tokens of the prompt,
    /// `prompt` unless they were reported, and of the text so far.
    pub(super) fn estimate(&self, prompt: Usage) -> Usage {
        let prompt = self.prompt.unwrap_or(prompt);
        Usage {
            output: self.said_tokens(),
            ..prompt
        }
    }

    const fn add_usage(&mut self, reported: ReportedUsage) {
        match reported {
            ReportedUsage::Counted(usage) => self.usage = Some(usage),
            ReportedUsage::Prompt(usage) => self.prompt = Some(usage),
            ReportedUsage::Absent | ReportedUsage::Absurd => {}
        }
    }
}

#[cfg(test)]
mod tests;
