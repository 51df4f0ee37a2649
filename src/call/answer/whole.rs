/*! A whole answer: a JSON object that passes as it comes, with its `usage` read on the way
and, if asked for, another name for its model. */

use super::freeing::Freeing;
use super::guarding::{Guard, Unreadable, masked};
use super::{Context, Ids, OnData, Reading, Seen, Stopped};
use crate::call::refusing::{answer_too_long, name, unavailable, unscannable};
use crate::call::workflow::Spoken;
use crate::callout::{Failure, Questions, Ruling};
use crate::config::{Asked, Phase};
use crate::http::Answer;
use crate::json::{Capture, Edits, Error, Kind, Reader, Span, quote};
use crate::ledger::Usage;
use crate::protocols::openai::{
    Aloud, Sound, aloud, batch_usage, is_over, last_end, whole_seconds, with_sound,
};
use crate::protocols::texts::blocked_answer;
use crate::protocols::{Api, Refusal, ReportedUsage};
use base64::prelude::{BASE64_STANDARD, Engine};

#[derive(Debug)]
pub(in crate::call) struct WholeReader {
    api: Api,
    capture: Capture,
    naming: Naming,
    inspection: Inspection,
    /// Whether it is read aloud when guardrails have seen it.
    aloud: bool,
    /// Whether it tells of a batch.
    is_batch: bool,
    ids: Option<Box<Ids>>,
    /// What frees an error in it, where nothing is held for that.
    freeing: Option<Freeing>,
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
    /// It is whole, and read aloud.
    Speaking(Box<Speaking>),
}

/// An answer whose text is read aloud.
#[derive(Debug)]
struct Speaking {
    guard: Guard,
    /// The answer as all guardrails have left it, without values of the request.
    body: Vec<u8>,
    aloud: Aloud,
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
            capture: Capture::new(&["usage", "status", "duration", "request_counts"]),
            is_batch: reading.ids.as_ref().is_some_and(Ids::are_of_batch),
            inspection: reading
                .guard
                .map_or(Inspection::Settled, Inspection::Wanted),
            aloud: false,
            // With ids it is held, and freed as one.
            freeing: (reading.api == Api::Responses && reading.ids.is_none())
                .then(Freeing::default),
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

    /// See [`super::AnswerReader::reads_aloud`].
    pub(super) fn reads_aloud(&mut self, longest: usize) {
        self.aloud = true;
        if matches!(self.inspection, Inspection::Settled) {
            self.inspection = Inspection::Wanted(Guard::that_waits(longest));
        }
    }

    pub(super) const fn holds(&self) -> bool {
        matches!(self.naming, Naming::Wanted { .. })
            || !matches!(self.inspection, Inspection::Settled)
            || self.ids.is_some()
    }

    /// Whether it is whole and waits for services.
    pub(super) const fn is_judged(&self) -> bool {
        matches!(
            self.inspection,
            Inspection::Asking(_) | Inspection::Speaking(_)
        )
    }

    /// Whether nothing can be said before the end, of which `size` bytes wait.
    pub(super) fn waits_for_end(&self, size: usize) -> bool {
        if self.ids.is_some() {
            return size <= self.longest_for_ids();
        }
        match &self.inspection {
            Inspection::Wanted(guard) => size <= guard.longest,
            Inspection::Settled | Inspection::Asking(_) | Inspection::Speaking(_) => false,
        }
    }

    pub(super) fn data(
        &mut self,
        seen: &mut Seen,
        piece: &[u8],
        end: bool,
        context: &mut dyn Context,
    ) -> OnData {
        let on = self.told(seen, piece, end, context);
        self.freed((piece, end), on)
    }

    /// What goes on, without the operator's account in what it says of an error.
    fn freed(&mut self, (piece, end): (&[u8], bool), on: OnData) -> OnData {
        let Some(freeing) = &mut self.freeing else {
            return on;
        };
        match on {
            OnData::Pass => freeing
                .push(piece, end)
                .map_or(OnData::Pass, OnData::Replace),
            OnData::Replace(new) => OnData::Replace(freeing.push(&new, end).unwrap_or(new)),
            on => on,
        }
    }

    /// Bytes of an error that wait for its end.
    pub(super) fn waiting(&self) -> usize {
        self.freeing.as_ref().map_or(0, Freeing::waiting)
    }

    /// What goes on, with the caller's ids.
    fn told(
        &mut self,
        seen: &mut Seen,
        piece: &[u8],
        end: bool,
        context: &mut dyn Context,
    ) -> OnData {
        if self.ids.is_some() && !end && piece.len() <= self.longest_for_ids() {
            return OnData::Hold;
        }
        let new = self.ids.take().and_then(|mut ids| {
            ids.note(piece, false, seen);
            if ids.reads {
                seen.again.get_or_insert_default().whole(piece);
            }
            let told = ids.whole(piece);
            let whole = told.as_deref().unwrap_or(piece);
            let freed = Freeing::default().push(whole, true);
            freed.filter(|freed| freed != whole).or(told)
        });
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
            Inspection::Settled | Inspection::Asking(_) | Inspection::Speaking(_) => MAX_HELD,
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
            asking @ (Inspection::Asking(_) | Inspection::Speaking(_)) => {
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
        let first = (asks || self.aloud).then(|| guard.before_services());
        let first = first.as_ref().unwrap_or(guard);
        let new = match first.answer(self.api, named, context.verdict()) {
            Ok(new) => new,
            Err(Unreadable) if guard.passes_unread => {
                if guard.inspects() {
                    context.unscanned(true);
                }
                return self.unsaid(seen, Failure::Unreadable, on, context);
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
        if self.aloud && context.verdict().blocked().is_none() {
            let body = new.unwrap_or_else(|| named.to_vec());
            return self.judged(seen, guard, body, context);
        }
        match new {
            Some(new) => self.done(seen, guard, new, context),
            None => on,
        }
    }

    /// What becomes of an answer that guardrails let pass: it is read aloud, or goes on.
    fn judged(
        &mut self,
        seen: &mut Seen,
        guard: &Guard,
        body: Vec<u8>,
        context: &mut dyn Context,
    ) -> OnData {
        let aloud = self.aloud.then(|| aloud(&body)).flatten();
        let Some(aloud) = aloud else {
            return self.restored(seen, guard, body, context);
        };
        let spoken = context.read_aloud(&guard.in_words(&aloud.text));
        let speaking = Speaking {
            guard: guard.clone(),
            body,
            aloud,
        };
        self.spoken(seen, Box::new(speaking), spoken, context)
    }

    /// Goes on with what has come of reading an answer aloud.
    fn spoken(
        &mut self,
        seen: &mut Seen,
        speaking: Box<Speaking>,
        spoken: Spoken,
        context: &mut dyn Context,
    ) -> OnData {
        match spoken {
            Spoken::Asks(callout) => {
                self.inspection = Inspection::Speaking(speaking);
                OnData::Ask(vec![callout])
            }
            Spoken::Sound(sound) => {
                let longest = speaking.guard.longest;
                let new = with_data(&speaking, &sound, context);
                // The transcript has the values of the request, too.
                let room = new.len().saturating_add(speaking.aloud.text.len());
                if room > longest {
                    let spoken = context.unspoken();
                    return self.spoken(seen, speaking, spoken, context);
                }
                self.restored(seen, &speaking.guard, new, context)
            }
            Spoken::Text => {
                let Speaking { guard, body, .. } = *speaking;
                self.restored(seen, &guard, body, context)
            }
            Spoken::Fails(refusal) => self.refused(seen, &refusal),
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
            return self.judged(seen, guard, body, context);
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
        let on = self.heard(seen, token, answer, context)?;
        // It waited until it was whole.
        Some(self.freed((&[], true), on))
    }

    fn heard(
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
            Inspection::Speaking(speaking) => match context.sounded(token, answer) {
                Some(spoken) => Some(self.spoken(seen, speaking, spoken, context)),
                None => {
                    self.inspection = Inspection::Speaking(speaking);
                    None
                }
            },
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
                self.judged(seen, &guard, new, context)
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
        if guard.inspects() {
            context.unscanned(true);
        }
        let on = self.pass(seen, held, false);
        self.unsaid(seen, Failure::TooLong, on, context)
    }

    /// Goes on with an answer that can't be read, or is too long, if it need not be read aloud.
    fn unsaid(
        &self,
        seen: &mut Seen,
        why: Failure,
        on: OnData,
        context: &mut dyn Context,
    ) -> OnData {
        let spoken = self.aloud.then(|| context.unsaid(why));
        match spoken {
            Some(Spoken::Fails(refusal)) => self.refused(seen, &refusal),
            _ => on,
        }
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
        let status = self.capture.value("status");
        seen.over = status.is_some_and(is_over);
        seen.failed = status == Some(b"\"failed\"");
        let usage = self.capture.value("usage");
        if self.is_batch {
            seen.batch = batch_usage(usage, self.capture.value("request_counts"));
            return;
        }
        let Some(value) = usage else {
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

/// The answer with the sound of its text.
fn with_data(speaking: &Speaking, sound: &[u8], context: &dyn Context) -> Vec<u8> {
    /// How long OpenAI keeps a sound. Nobody keeps this one: it can't be named later.
    const KEPT: u64 = 3_600;
    let (now, id) = context.about();
    let sound = Sound {
        id: &format!("audio_{id}"),
        data: &BASE64_STANDARD.encode(sound),
        expires_at: now.saturating_add(KEPT),
    };
    with_sound(&speaking.body, &speaking.aloud, &sound)
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
