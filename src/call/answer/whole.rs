/*! A whole answer: a JSON object that passes as it comes, with its `usage` read on the way
and, if asked for, another name for its model. */

use super::guarding::{Guard, Unreadable, masked};
use super::{Context, Ids, OnData, Reading, Seen, Stopped};
use crate::call::refusing::{answer_too_long, name, unavailable, unscannable};
use crate::callout::{Questions, Ruling};
use crate::config::{Asked, Phase};
use crate::http::Answer;
use crate::json::{Capture, Edits, Error, Kind, Reader, Span, quote};
use crate::ledger::Usage;
use crate::protocols::openai::{last_end, whole_seconds};
use crate::protocols::texts::blocked_answer;
use crate::protocols::{Api, Refusal, ReportedUsage};

#[derive(Debug)]
pub(in crate::call) struct WholeReader {
    api: Api,
    capture: Capture,
    naming: Naming,
    inspection: Inspection,
    ids: Option<Box<Ids>>,
    /// The end of a transcript, at most [`TAIL`] bytes.
    tail: Vec<u8>,
}

/// How far guardrails have come.
#[derive(Debug)]
enum Inspection {
    /// There is nothing to inspect, or it has gone on.
    Settled,
    /// The answer waits until it is whole.
    Wanted(Guard),
    /// It is whole, and services are asked about it.
    Asking(Box<Asking>),
}

/// An answer that services are asked about.
#[derive(Debug)]
struct Asking {
    guard: Guard,
    /// The answer as guardrails in this process have left it.
    body: Vec<u8>,
    questions: Questions,
}

/// What has become of the model's name.
#[derive(Debug)]
enum Naming {
    /// It was replaced, or is left alone.
    Settled,
    /// It is looked for; what has come is held meanwhile.
    Wanted {
        name: String,
        /// The length at which it is worth looking again: twice that of the last time, so
        /// that an answer that drips in is not read over and over.
        look_at: usize,
    },
}

/// Longest front of an answer that is held to find its model, in bytes; behind that the
/// provider's name stays. Below Envoy's default buffer limit of 1 MiB, with room for the
/// piece that crosses the bound.
const MAX_HELD: usize = 768 * 1024;

/// How much of the end of a transcript is kept to find its last cue, in bytes.
const TAIL: usize = 4096;

/// First length at which the model is looked for: it mostly stands within the first
/// hundred bytes.
const FIRST_LOOK: usize = 128;

impl WholeReader {
    pub(super) fn new(reading: Reading) -> Self {
        Self {
            api: reading.api,
            capture: Capture::new(&["usage", "duration"]),
            inspection: reading
                .guard
                .map_or(Inspection::Settled, Inspection::Wanted),
            ids: reading.ids.map(Box::new),
            tail: Vec::new(),
            naming: match reading.model {
                None => Naming::Settled,
                Some(name) => Naming::Wanted {
                    name,
                    look_at: FIRST_LOOK,
                },
            },
        }
    }

    pub(super) const fn holds(&self) -> bool {
        matches!(self.naming, Naming::Wanted { .. })
            || !matches!(self.inspection, Inspection::Settled)
            || self.ids.is_some()
    }

    /// Whether it is whole and waits for services.
    pub(super) const fn is_judged(&self) -> bool {
        matches!(self.inspection, Inspection::Asking(_))
    }

    /// Whether nothing can be said before the end, of which `size` bytes wait.
    pub(super) fn waits_for_end(&self, size: usize) -> bool {
        if self.ids.is_some() {
            return size <= self.longest_for_ids();
        }
        match &self.inspection {
            Inspection::Wanted(guard) => size <= guard.longest,
            Inspection::Settled | Inspection::Asking(_) => false,
        }
    }

    pub(super) fn data(
        &mut self,
        seen: &mut Seen,
        piece: &[u8],
        end: bool,
        context: &mut dyn Context,
    ) -> OnData {
        if self.ids.is_some() && !end && piece.len() <= self.longest_for_ids() {
            return OnData::Hold;
        }
        let new = self.ids.take().and_then(|ids| ids.whole(piece));
        let Some(new) = new else {
            return self.read(seen, piece, end, context);
        };
        match self.read(seen, &new, end, context) {
            OnData::Pass => OnData::Replace(new),
            on => on,
        }
    }

    /// How much of an answer is held for ids that may still come, in bytes. Behind that the
    /// provider's stay; that of the response itself stands at its front.
    fn longest_for_ids(&self) -> usize {
        match &self.inspection {
            Inspection::Wanted(guard) => guard.longest.max(MAX_HELD),
            Inspection::Settled | Inspection::Asking(_) => MAX_HELD,
        }
    }

    fn read(
        &mut self,
        seen: &mut Seen,
        piece: &[u8],
        end: bool,
        context: &mut dyn Context,
    ) -> OnData {
        match std::mem::replace(&mut self.inspection, Inspection::Settled) {
            Inspection::Settled => self.pass(seen, piece, end),
            // Nothing comes behind the end.
            asking @ Inspection::Asking(_) => {
                self.inspection = asking;
                OnData::Hold
            }
            Inspection::Wanted(guard) if !end && piece.len() <= guard.longest => {
                self.inspection = Inspection::Wanted(guard);
                OnData::Hold
            }
            Inspection::Wanted(guard) if !end => self.unread(seen, &guard, piece, context),
            Inspection::Wanted(guard) => self.inspected(seen, &guard, piece, context),
        }
    }

    /// Guardrails look at an answer that is whole, or too long to be.
    fn inspected(
        &mut self,
        seen: &mut Seen,
        guard: &Guard,
        held: &[u8],
        context: &mut dyn Context,
    ) -> OnData {
        let on = self.pass(seen, held, true);
        let named = match &on {
            OnData::Replace(new) => new.as_slice(),
            _ => held,
        };
        let asks = !guard.services.is_empty();
        let first = asks.then(|| guard.before_services());
        let first = first.as_ref().unwrap_or(guard);
        let new = match first.answer(self.api, named, context.verdict()) {
            Ok(new) => new,
            Err(Unreadable) if guard.passes_unread => {
                context.unscanned(true);
                return on;
            }
            Err(Unreadable) => {
                context.unscanned(false);
                return self.refused(seen, &unscannable());
            }
        };
        if asks && context.verdict().blocked().is_none() {
            let body = new.unwrap_or_else(|| named.to_vec());
            return self.ask(seen, guard, body, context);
        }
        match new {
            Some(new) => self.done(seen, guard, new, context),
            None => on,
        }
    }

    /// Asks services about an answer.
    fn ask(
        &mut self,
        seen: &mut Seen,
        guard: &Guard,
        body: Vec<u8>,
        context: &mut dyn Context,
    ) -> OnData {
        let Ok(texts) = guard.asked_about(self.api, &body) else {
            context.unscanned(false);
            return self.refused(seen, &unscannable());
        };
        if texts.is_empty() {
            return self.restored(seen, guard, body, context);
        }
        let policy = context.policy();
        let name = |index| name(policy, index);
        // Answers come once: nothing is remembered of them.
        let new = |_: &Asked, _: &str| None;
        let (questions, callouts) = Questions::ask(
            &guard.services,
            (texts, Vec::new()),
            Phase::Output,
            name,
            new,
        );
        let asking = Asking {
            guard: guard.clone(),
            body,
            questions,
        };
        if callouts.is_empty() {
            return self.ruled(seen, asking, context);
        }
        self.inspection = Inspection::Asking(Box::new(asking));
        OnData::Ask(callouts)
    }

    /// Takes the answer of a service.
    pub(super) fn answered(
        &mut self,
        seen: &mut Seen,
        token: u64,
        answer: Option<&Answer>,
        context: &mut dyn Context,
    ) -> Option<OnData> {
        match std::mem::replace(&mut self.inspection, Inspection::Settled) {
            Inspection::Asking(mut asking) => {
                asking.questions.answered(token, answer, |_, _, _| {});
                Some(self.ruled(seen, *asking, context))
            }
            other => {
                self.inspection = other;
                None
            }
        }
    }

    /// Does what services say so far.
    fn ruled(&mut self, seen: &mut Seen, asking: Asking, context: &mut dyn Context) -> OnData {
        let ruling = asking.questions.ruling();
        if ruling == Ruling::Wait {
            self.inspection = Inspection::Asking(Box::new(asking));
            return OnData::Hold;
        }
        context.heard(&asking.questions);
        let Asking {
            guard,
            body,
            questions,
        } = asking;
        match ruling {
            Ruling::Wait | Ruling::Pass => {
                let new = masked(self.api, body, questions.edits(guard.placeholders()));
                self.restored(seen, &guard, new, context)
            }
            Ruling::Block(_) => {
                seen.stopped = Stopped::Blocked;
                OnData::Replace(blocked_answer(self.api, &body, &[]))
            }
            Ruling::Fail(guardrail) => {
                let refusal = unavailable(context.policy(), guardrail);
                self.refused(seen, &refusal)
            }
        }
    }

    /// Puts values of the request back into an answer.
    fn restored(
        &self,
        seen: &mut Seen,
        guard: &Guard,
        body: Vec<u8>,
        context: &mut dyn Context,
    ) -> OnData {
        let last = guard.after_services();
        let new = match last.answer(self.api, &body, context.verdict()) {
            Ok(Some(new)) => new,
            Ok(None) | Err(Unreadable) => body,
        };
        self.done(seen, guard, new, context)
    }

    /// The answer goes on.
    fn done(
        &self,
        seen: &mut Seen,
        guard: &Guard,
        new: Vec<u8>,
        context: &mut dyn Context,
    ) -> OnData {
        if new.len() > guard.longest {
            return self.refused(seen, &answer_too_long());
        }
        if context.verdict().blocked().is_some() {
            seen.stopped = Stopped::Blocked;
        }
        OnData::Replace(new)
    }

    /// An answer that is too long to be held until it is whole.
    fn unread(
        &mut self,
        seen: &mut Seen,
        guard: &Guard,
        held: &[u8],
        context: &mut dyn Context,
    ) -> OnData {
        if !guard.passes_unread {
            context.unscanned(false);
            return self.refused(seen, &answer_too_long());
        }
        context.unscanned(true);
        self.pass(seen, held, false)
    }

    fn refused(&self, seen: &mut Seen, refusal: &Refusal) -> OnData {
        let reply = refusal.reply(self.api.protocol());
        seen.stopped = Stopped::Refused(reply.status, refusal.code);
        OnData::Reply(reply)
    }

    fn pass(&mut self, seen: &mut Seen, piece: &[u8], end: bool) -> OnData {
        let out = match &mut self.naming {
            Naming::Settled => OnData::Pass,
            Naming::Wanted { name, look_at } => match look(piece, name, look_at, end) {
                OnData::Hold => return OnData::Hold,
                out => {
                    self.naming = Naming::Settled;
                    out
                }
            },
        };
        self.capture.push(piece);
        if self.api.is_transcript() {
            let front = piece.len().saturating_sub(TAIL);
            self.tail
                .extend_from_slice(piece.get(front..).unwrap_or_default());
            let front = self.tail.len().saturating_sub(TAIL);
            self.tail.drain(..front);
        }
        // Numbers are no tokens.
        if self.api.says_text() {
            seen.text.push(piece);
        }
        if end {
            self.end(seen);
        }
        out
    }

    /// No more comes.
    pub(super) fn end(&self, seen: &mut Seen) {
        let Some(value) = self.capture.value("usage") else {
            return self.duration(seen);
        };
        let usage = Reader::new(value, |_| None)
            .and_then(|mut reader| ReportedUsage::read(self.api, &mut reader));
        if let Ok(usage) = usage {
            seen.add_usage(usage);
        }
    }

    /// How long the sound of a transcript was, where nothing is told of its usage.
    fn duration(&self, seen: &mut Seen) {
        if !self.api.is_transcript() {
            return;
        }
        let read = |value| {
            let mut reader = Reader::new(value, |_| None).ok()?;
            whole_seconds(&mut reader).ok()?
        };
        let seconds = match self.capture.value("duration") {
            Some(value) => read(value),
            None => last_end(&self.tail),
        };
        if let Some(seconds) = seconds.filter(|seconds| *seconds > 0) {
            seen.usage = Some(Usage {
                seconds,
                ..Usage::NONE
            });
        }
    }
}

fn look(held: &[u8], name: &str, look_at: &mut usize, end: bool) -> OnData {
    let last = end || held.len() > MAX_HELD;
    if !last && held.len() < *look_at {
        return OnData::Hold;
    }
    *look_at = held.len().saturating_mul(2);
    match find_model(held) {
        Some(span) => {
            let mut edits = Edits::default();
            edits.replace(span, quote(name));
            let rewrite = edits.apply(held);
            rewrite.map_or(OnData::Pass, |rewrite| OnData::Replace(rewrite.whole(held)))
        }
        None if last => OnData::Pass,
        None => OnData::Hold,
    }
}

/// Why the search for the model ended.
enum Stop {
    Found(Span),
    /// The text ends, or is no JSON.
    Broken,
}

impl From<Error> for Stop {
    fn from(_: Error) -> Self {
        Self::Broken
    }
}

/// Where the value of the outermost `model` stands in an answer of which the end may still
/// be missing.
fn find_model(text: &[u8]) -> Option<Span> {
    let mut reader = Reader::new(text, |_| None).ok()?;
    let stop = reader.object(|reader, key| {
        if key.value() == "model" && reader.kind()? == Kind::String {
            return Err(Stop::Found(reader.string()?.span()));
        }
        reader.skip().map(drop).map_err(Stop::from)
    });
    match stop {
        Err(Stop::Found(span)) => Some(span),
        Ok(()) | Err(Stop::Broken) => None,
    }
}
