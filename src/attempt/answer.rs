/*! The provider's answer: is it one, and what goes on of it.

Nothing goes on before it is sure that the try has succeeded: an error can then still move
to the next target. Of a stream that is the first event with content, of a whole
answer its end. */

use super::first::{FirstSign, Sign, error_of_response, is_blocked};
use super::frames::Frames;
use super::tries::{Came, Failure, Why};
use super::{Attempt, amazon, classify};
use crate::host::Instant;
use crate::http::{HeaderEdits, Headers};
use crate::json::{Error, Kind, Reader};
use crate::protocols::translate::{self, ChatApi, ProviderApi};
use crate::protocols::{Api, ErrorKind, Refusal};
use crate::routing::{reset_after, reset_hint};
use std::borrow::Cow;

/// The header that asks Envoy for the next target; `retriable_headers` names it. Its
/// value is the class of the failure.
pub const RETRY_HEADER: &str = "x-tollgate-internal-retry";

/// Most bytes of a stream that wait for its first content. The first two events of Responses
/// repeat the request's instructions and tools.
const fn max_opening(api: Api) -> usize {
    match api {
        Api::Responses => 256 * 1024,
        _ => 16 * 1024,
    }
}

/// Stands for an answer that says no more than that its prompt is refused.
const BLOCKED: &[u8] = br#"{"error":{"code":400,"status":"content_filter","message":"The provider refuses the content."}}"#;

/// Longest error body that is read, in bytes.
const MAX_ERROR: usize = 64 * 1024;

/// What becomes of a piece of an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum OnAttempt {
    /// It goes on as it is.
    Pass,
    /// Head and body wait; the next call brings the body again with what follows.
    Hold,
    /// The head goes on with these edits, and what is there of the body as this instead.
    Release(HeaderEdits, Option<Vec<u8>>),
    /// This goes on instead of the piece.
    Replace(Vec<u8>),
}

/// How far the answer is read.
#[derive(Debug)]
pub(super) enum Reading {
    /// There is none yet.
    Head,
    /// An error, held until it is whole.
    Error(Held, u16, Option<u64>),
    /// A good answer, held until it is whole.
    Whole(Held),
    /// A stream, held until it shows something; so many bytes were looked at.
    Opening(Held, FirstSign, usize),
    /// A stream that passes in another protocol.
    Translating(Box<Translating>),
    /// What follows goes on unread.
    Passing,
    /// What follows belongs to an answer that was replaced.
    Dropping,
}

/// A head that waits: the edits that it needs when it goes on.
#[derive(Debug, Default)]
pub(super) struct Held {
    edits: HeaderEdits,
    now: Instant,
    /// The class of an error by its name, where that says more than the status.
    class: Option<Why>,
}

#[derive(Debug)]
pub(super) struct Translating {
    frames: Frames,
    stream: translate::Stream,
    broken: bool,
}

impl Attempt {
    /// The head of the answer has come; `end` if there is no body.
    pub fn answer_head(&mut self, headers: Headers<'_>, end: bool, now: Instant) -> OnAttempt {
        let status = headers.text(":status").and_then(|text| text.parse().ok());
        let status: u16 = status.unwrap_or(0);
        let held = Held {
            edits: HeaderEdits {
                // A provider's own would be taken for ours.
                remove: headers.names(|name| name.starts_with("x-tollgate-")),
                set: Vec::new(),
            },
            now,
            class: None,
        };
        if self.plan.opaque {
            self.tries.latest_came(Came::Answered);
            return self.pass(held);
        }
        match status {
            200..=299 => self.good_head(held, headers, end),
            _ => self.named_error(held, status, headers, end),
        }
    }

    /// A piece of the body: all of it that waits, if the last word was [`OnAttempt::Hold`];
    /// `end` if nothing follows.
    pub fn answer_data(&mut self, body: &[u8], end: bool) -> OnAttempt {
        match std::mem::replace(&mut self.reading, Reading::Dropping) {
            Reading::Error(held, status, until) => {
                if end || body.len() > MAX_ERROR {
                    self.whole_error(held, status, until, body)
                } else {
                    self.hold(Reading::Error(held, status, until))
                }
            }
            Reading::Whole(held) if end => self.whole_answer(held, body),
            Reading::Whole(held) => self.hold(Reading::Whole(held)),
            Reading::Opening(held, first, seen) => self.opening(held, first, seen, body, end),
            Reading::Translating(mut translating) => {
                let out = translating.push(body, end);
                self.reading = Reading::Translating(translating);
                OnAttempt::Replace(out)
            }
            Reading::Dropping => OnAttempt::Replace(Vec::new()),
            passing @ (Reading::Head | Reading::Passing) => {
                self.reading = passing;
                OnAttempt::Pass
            }
        }
    }

    /// An answer that is held has turned out to have no body.
    pub fn answer_without_body(&mut self) -> OnAttempt {
        match std::mem::replace(&mut self.reading, Reading::Passing) {
            Reading::Error(mut held, status, until) => {
                let why = held.class.or_else(|| classify::of_status(status));
                let why = why.unwrap_or_else(|| classify::of_body(status, b""));
                self.failed(&mut held, why, status, until);
                self.pass(held)
            }
            Reading::Whole(held) | Reading::Opening(held, ..) => {
                let on = self.garbage(held);
                self.reading = Reading::Passing;
                match on {
                    OnAttempt::Release(edits, _) => OnAttempt::Release(edits, None),
                    other => other,
                }
            }
            other => {
                self.reading = other;
                OnAttempt::Pass
            }
        }
    }

    /// Whether pieces of the answer are worth looking at.
    pub const fn reads_answer(&self) -> bool {
        !matches!(self.reading, Reading::Passing | Reading::Head)
    }

    /// Whether nothing can be said of the body before its end, of which `size` bytes wait: the
    /// piece that has come need not be brought.
    pub const fn waits_for_end(&self, size: usize) -> bool {
        match self.reading {
            Reading::Whole(_) => true,
            Reading::Error(..) => size <= MAX_ERROR,
            _ => false,
        }
    }

    /// Whether head and body wait.
    pub const fn holds_answer(&self) -> bool {
        matches!(
            self.reading,
            Reading::Error(..) | Reading::Whole(_) | Reading::Opening(..)
        )
    }

    /// Takes note of an answer's head where nobody waits for what follows: an answer in the
    /// caller's protocol passes the gateway as it comes.
    pub fn note_head(&mut self, status: u16, headers: Headers<'_>, now: impl FnOnce() -> Instant) {
        let why = match status {
            200..=299 if !headers.encoded() => None,
            200..=299 => Some(Why::Garbage),
            _ => Some(classify::of_status(status).unwrap_or(Why::Request)),
        };
        self.tries.latest_came(match why {
            None => Came::Answered,
            Some(why) => {
                let until = reset_hint(headers, status, now()).map(|until| until.0);
                Came::Failed(Failure { why, status, until })
            }
        });
    }

    /// Whether the provider is asked by another API than the caller's.
    pub fn is_foreign(&self) -> bool {
        self.translates().is_some() && !self.plan.opaque
    }

    /// The APIs of provider and caller, if they are not the same.
    fn translates(&self) -> Option<(ProviderApi, ChatApi)> {
        let api = self.entry.api;
        let caller = self.plan.caller;
        let both = ProviderApi::of(api).zip(ChatApi::of(caller));
        both.filter(|_| api != caller)
    }

    fn hold(&mut self, reading: Reading) -> OnAttempt {
        self.reading = reading;
        OnAttempt::Hold
    }

    fn pass(&mut self, held: Held) -> OnAttempt {
        self.reading = Reading::Passing;
        OnAttempt::Release(held.edits, None)
    }

    fn good_head(&mut self, held: Held, headers: Headers<'_>, end: bool) -> OnAttempt {
        let kind = headers.text("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let kind = kind.to_ascii_lowercase();
        if end || headers.encoded() {
            return self.garbage(held);
        }
        match kind.as_str() {
            kind if self.plan.stream && kind == Frames::content_type(self.entry.api) => {
                let first = FirstSign::of(self.entry.api, self.plan.content_policy);
                self.hold(Reading::Opening(held, first, 0))
            }
            // They are long, and of their errors none come under a good status.
            "application/json" if self.entry.api.makes_images() => self.answered(held),
            "" | "application/json" => self.hold(Reading::Whole(held)),
            kind if is_media(self.entry.api, kind) => self.answered(held),
            _ => self.garbage(held),
        }
    }

    /// It is an answer by its head alone.
    fn answered(&mut self, held: Held) -> OnAttempt {
        self.tries.latest_came(Came::Answered);
        self.pass(held)
    }

    /// An error whose name says more than its status, if it is Amazon's.
    fn named_error(
        &mut self,
        mut held: Held,
        status: u16,
        headers: Headers<'_>,
        end: bool,
    ) -> OnAttempt {
        let name = headers.text(amazon::ERROR_TYPE);
        let name = name.filter(|_| self.entry.api == Api::Converse);
        let meant = name.and_then(amazon::status_of).unwrap_or(status);
        if meant != status {
            held.edits.set.push((":status", meant.to_string()));
        }
        held.class = name.and_then(amazon::class_of);
        self.error_head(held, meant, headers, end)
    }

    fn error_head(
        &mut self,
        mut held: Held,
        status: u16,
        headers: Headers<'_>,
        end: bool,
    ) -> OnAttempt {
        let until = reset_hint(headers, status, held.now).map(|until| until.0);
        let why = held.class.or_else(|| classify::of_status(status));
        // The gateway replaces a redirect whatever its body says.
        let unread = end || (300..400).contains(&status) || self.translates().is_none();
        match why {
            Some(why) if unread => {
                self.failed(&mut held, why, status, until);
                self.pass(held)
            }
            None if end => {
                self.failed(&mut held, classify::of_body(status, b""), status, until);
                self.pass(held)
            }
            _ => self.hold(Reading::Error(held, status, until)),
        }
    }

    fn whole_error(
        &mut self,
        mut held: Held,
        status: u16,
        until: Option<u64>,
        body: &[u8],
    ) -> OnAttempt {
        let body = body.get(..MAX_ERROR).unwrap_or(body);
        let status = match self.entry.api {
            Api::Converse => amazon::status_by_message(status, &amazon::message_of(body)),
            _ => status,
        };
        let why = held.class.or_else(|| classify::of_status(status));
        let why = why.unwrap_or_else(|| classify::of_body(status, body));
        let until = until.or_else(|| told_wait(body, &mut held));
        self.failed(&mut held, why, status, until);
        match self.translates() {
            Some((_, to)) => {
                let (status, body) = translate::error(to.protocol(), status, body);
                self.release_json(held, Some(status), body)
            }
            None => self.pass(held),
        }
    }

    fn whole_answer(&mut self, held: Held, body: &[u8]) -> OnAttempt {
        match looks(body) {
            Looks::Error => {
                let error = match self.entry.api {
                    // It repeats its request.
                    Api::Responses => Cow::Owned(error_of_response(body)),
                    _ => Cow::Borrowed(body),
                };
                return match error.len() <= MAX_ERROR {
                    true => self.hidden_error(held, &error),
                    false => self.garbage(held),
                };
            }
            Looks::Garbage => return self.garbage(held),
            Looks::Answer => {}
        }
        if self.plan.content_policy && is_blocked(self.entry.api, body) {
            return self.hidden_error(held, BLOCKED);
        }
        let Some((from, to)) = self.translates() else {
            self.tries.latest_came(Came::Answered);
            return self.pass(held);
        };
        if self.plan.stream {
            // A stream was asked for and the caller waits for events.
            return self.garbage(held);
        }
        match translate::answer(from, to, body, &self.about(held.now)) {
            Ok(new) => {
                self.tries.latest_came(Came::Answered);
                self.release_json(held, None, new)
            }
            Err(_) => self.garbage(held),
        }
    }

    fn opening(
        &mut self,
        held: Held,
        mut first: FirstSign,
        seen: usize,
        body: &[u8],
        end: bool,
    ) -> OnAttempt {
        let api = self.entry.api;
        let piece = body.get(seen..).unwrap_or_default();
        let sign = match first.push(api, piece) {
            Sign::Nothing if end => first.end(api),
            sign => sign,
        };
        match sign {
            Sign::Error(data) => self.hidden_error(held, &data),
            Sign::Blocked if self.plan.content_policy => self.hidden_error(held, BLOCKED),
            Sign::Nothing if end => self.garbage(held),
            Sign::Nothing if body.len() <= max_opening(api) => {
                self.hold(Reading::Opening(held, first, body.len()))
            }
            Sign::Content | Sign::Blocked | Sign::Nothing => self.stream_begins(held, body, end),
        }
    }

    fn stream_begins(&mut self, mut held: Held, body: &[u8], end: bool) -> OnAttempt {
        let Some((from, to)) = self.translates() else {
            self.tries.latest_came(Came::Answered);
            return self.pass(held);
        };
        let mut translating = Translating {
            frames: Frames::of(self.entry.api),
            stream: translate::Stream::new(from, to, &self.about(held.now)),
            broken: false,
        };
        let out = translating.push(body, end);
        if translating.broken || self.too_long(&out) {
            return self.garbage(held);
        }
        self.tries.latest_came(Came::Answered);
        self.reading = Reading::Translating(Box::new(translating));
        held.edits.remove.push("content-length".to_owned());
        if from == ProviderApi::Converse {
            let kind = Frames::content_type(to.api());
            held.edits.set.push(("content-type", kind.to_owned()));
        }
        OnAttempt::Release(held.edits, Some(out))
    }

    fn too_long(&self, body: &[u8]) -> bool {
        u64::try_from(body.len()).unwrap_or(u64::MAX) > self.plan.limit
    }

    fn about(&self, now: Instant) -> translate::About<'_> {
        let told = self.entry.told_model.as_deref();
        translate::About {
            model: told.unwrap_or(&self.entry.model),
            created: now.unix_seconds(),
            id: &self.plan.id,
        }
    }

    /// An error under a good status: it gets the status that it should have had.
    fn hidden_error(&mut self, mut held: Held, error: &[u8]) -> OnAttempt {
        let (status, why) = classify::of_hidden_error(error);
        self.failed(&mut held, why, status, None);
        let (status, body) = match self.translates() {
            Some((_, to)) => translate::error(to.protocol(), status, error),
            None => (status, error.to_vec()),
        };
        self.release_json(held, Some(status), body)
    }

    /// What came is no answer. The gateway replaces it by an error of its own.
    fn garbage(&mut self, mut held: Held) -> OnAttempt {
        self.failed(&mut held, Why::Garbage, 502, None);
        for name in ["content-length", "content-encoding"] {
            held.edits.remove.push(name.to_owned());
        }
        held.edits.set.push((":status", "502".to_owned()));
        self.reading = Reading::Dropping;
        OnAttempt::Release(held.edits, Some(Vec::new()))
    }

    fn release_json(&mut self, mut held: Held, status: Option<u16>, body: Vec<u8>) -> OnAttempt {
        if self.too_long(&body) {
            return self.garbage(held);
        }
        let set = &mut held.edits.set;
        set.extend(status.map(|status| (":status", status.to_string())));
        set.push(("content-type", "application/json".to_owned()));
        set.push(("content-length", body.len().to_string()));
        self.reading = Reading::Dropping;
        OnAttempt::Release(held.edits, Some(body))
    }

    /// Notes the failure and asks for the next target if that may help.
    fn failed(&mut self, held: &mut Held, why: Why, status: u16, until: Option<u64>) {
        self.tries
            .latest_came(Came::Failed(Failure { why, status, until }));
        let moves_on = match why {
            Why::Request => false,
            Why::ContextLength => self
                .plan
                .larger_window_after(self.target, self.entry.context),
            Why::ContentPolicy => self.plan.content_policy,
            Why::RateLimited
            | Why::Auth
            | Why::Unavailable
            | Why::NotFound
            | Why::Garbage
            | Why::Model => true,
        };
        // A try that must not begin would hide this answer.
        if moves_on && held.now.0 <= self.plan.deadline {
            held.edits.set.push((RETRY_HEADER, why.as_str().to_owned()));
        }
    }
}

/// When a provider that tells no time in its head will answer again, by its error. The caller is
/// told in the head.
fn told_wait(body: &[u8], held: &mut Held) -> Option<u64> {
    let until = reset_after(&classify::retry_delay(body)?, held.now)?.0;
    let seconds = until.saturating_sub(held.now.0).div_ceil(1_000_000_000);
    held.edits.set.push(("retry-after", seconds.to_string()));
    Some(until)
}

impl Translating {
    fn push(&mut self, piece: &[u8], end: bool) -> Vec<u8> {
        let mut out = Vec::new();
        // What stands behind the end spoils nothing that came before it.
        if self.broken || self.stream.is_over() {
            return out;
        }
        let (frames, stream) = (&mut self.frames, &mut self.stream);
        let mut bad = false;
        let whole = frames.push(piece, &mut |data| {
            bad |= stream.event(data, &mut out).is_err()
        });
        self.broken = bad || (whole.is_err() && !stream.is_over());
        if end && !self.broken {
            // What was cut in the middle is dropped, and a stream that does not end properly is
            // completed by nobody: the gateway says so.
            frames.end(&mut |data| {
                let _ = stream.event(data, &mut out);
            });
            stream.end(&mut out);
        }
        if self.broken {
            let (api, number) = (self.stream.to().api(), self.stream.next_number());
            out.extend(broken_stream().numbered_event(api, number));
        }
        out
    }
}

fn broken_stream() -> Refusal {
    let message = "The provider sent something that can't be read.";
    Refusal::new(ErrorKind::BadGateway, "upstream_invalid_answer", message)
}

/// Whether this is the type of an API's answers that are no JSON: sound, or what is heard in it.
fn is_media(api: Api, kind: &str) -> bool {
    match api {
        Api::Speech => kind.starts_with("audio/") || kind == "application/octet-stream",
        Api::Transcriptions | Api::Translations => {
            matches!(
                kind,
                "text/plain" | "text/vtt" | "text/srt" | "application/x-subrip"
            )
        }
        _ => false,
    }
}

/// What a whole body under a good status is.
enum Looks {
    Answer,
    Error,
    Garbage,
}

fn looks(body: &[u8]) -> Looks {
    match top_level_error(body) {
        Ok(false) => Looks::Answer,
        Ok(true) => Looks::Error,
        Err(_) => Looks::Garbage,
    }
}

/// Whether a JSON object is an error; anything else is broken.
fn top_level_error(body: &[u8]) -> Result<bool, Error> {
    let mut reader = Reader::new(body, |_| None)?;
    let mut error = false;
    reader.object(|reader, key| {
        match (key.value().as_ref(), reader.kind()?) {
            ("error", kind) => {
                error |= kind != Kind::Null;
                reader.skip()?;
            }
            ("type" | "object", Kind::String) => error |= reader.string()?.value() == "error",
            _ => drop(reader.skip()?),
        }
        Ok::<(), Error>(())
    })?;
    reader.finish()?;
    Ok(error)
}
