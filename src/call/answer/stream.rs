/*! A streamed answer: whole events go on at once, in the caller's protocol. */

use super::alike::{Alike, Single};
use super::guarding::total;
use super::long::LongEvent;
use super::masking::{Masked, StreamGuard};
use super::stopping::Stopping;
use super::{Context, Ids, OnData, Reading, Seen};
use crate::call::refusing::unscannable;
use crate::json::{Edits, Reader, Span, quote};
use crate::protocols::texts::ChannelKey;
use crate::protocols::{
    Api, Broken, ErrorKind, Event, EventReader, Progress, Reasoning, Refusal, ReportedUsage,
    redact_account,
};
use crate::sse::{self, Framer};
use crate::tokens::Stream;
use std::borrow::Cow;

#[derive(Debug)]
pub(in crate::call) struct StreamReader {
    reading: Reading,
    events: EventReader,
    framer: Framer,
    /// Whether the answer is whole, as far as can be told.
    complete: bool,
    /// Whether the last event was kept back and ended in CR: an LF that follows is still its.
    kept_back_cr: bool,
    /// Whether the front of an event has gone on without its end.
    in_event: bool,
    /// An event that was too long to wait for, while it comes.
    long: Option<Box<LongEvent>>,
    stopping: Stopping,
    guard: Option<StreamGuard>,
    /// The first event's data: what chunks of ours take over where the one at hand says nothing.
    first: Vec<u8>,
    /// Whether something went on that could not be inspected.
    passed_unread: bool,
    /// The last event that brought nothing but a piece of one text.
    alike: Option<Alike>,
    /// The number that the next event has from its provider.
    next_number: u64,
    ids: Option<Box<Ids>>,
}

/// Longest first event that is kept, in bytes.
const LONGEST_FIRST: usize = 16 * 1024;

impl StreamReader {
    pub(super) fn new(mut reading: Reading) -> Self {
        let guard = reading.guard.take();
        let model = reading.model.as_deref();
        // What has to be inspected may be as long as a whole answer that has to be.
        let longest = guard.as_ref().map_or(0, |guard| guard.longest);
        let longest = longest.max(Framer::MAX_EVENT);
        Self {
            stopping: Stopping::new(reading.stop, reading.api, model, !reading.strip_usage),
            events: EventReader::new(reading.api),
            framer: Framer::up_to(longest),
            complete: !reading.judges_end,
            guard: guard.map(|guard| StreamGuard::new(guard, reading.api)),
            first: Vec::new(),
            ids: reading.ids.take().map(Box::new),
            reading,
            kept_back_cr: false,
            in_event: false,
            long: None,
            passed_unread: false,
            alike: None,
            next_number: 0,
        }
    }

    /// Whole events go on at once; an unfinished one waits for its end, because only
    /// then is it known what it is.
    pub(super) fn data(
        &mut self,
        seen: &mut Seen,
        piece: &[u8],
        end: bool,
        context: &mut dyn Context,
    ) -> OnData {
        if self.stopping.is_stopped() {
            return self.dropped(seen, piece, end, context);
        }
        let joined = self.framer.join(piece);
        let mut changed = joined.is_longer();
        let mut out: Vec<Cow<'_, [u8]>> = Vec::new();
        let mut events = joined.events();
        let mut whole = 0_usize;
        for event in events.by_ref() {
            whole = whole.saturating_add(event.len());
            let goes_on = self.whole(seen, event, context);
            changed |= !matches!(goes_on, Some(Cow::Borrowed(_)));
            out.extend(goes_on);
            self.in_event = false;
            if self.stopping.is_due(seen, context) {
                changed = true;
                out.push(Cow::Owned(self.stop(seen, event, context)));
            }
        }
        let (unfinished, place) = (events.unfinished(), events.place());
        if end {
            changed |= self.end(seen, unfinished, &mut out, context);
        }
        let waits = !end && !unfinished.is_empty();
        if !changed && !waits {
            return OnData::Pass;
        }
        let mut out = match <[_; 1]>::try_from(out) {
            Ok([one]) => one.into_owned(),
            Err(out) => out.concat(),
        };
        if waits && let Some(overlong) = self.framer.keep(joined, whole, place) {
            self.in_event = true;
            let told = self.ids.as_mut().filter(|_| self.long.is_none());
            let told = told.and_then(|ids| ids.event(&overlong, seen));
            let overlong = told.unwrap_or(overlong);
            self.goes_on_long(&overlong);
            if self.guard.is_some() && !self.stopping.is_stopped() {
                // Half an event can't be inspected.
                out.extend(self.unread(seen, &overlong, context));
            } else if !self.stopping.is_stopped() {
                out.extend(overlong);
            }
        }
        OnData::Replace(out)
    }

    /// Ends the stream at a limit, behind `event`. What guardrails have held goes on before the
    /// end: it came within the limit.
    fn stop(&mut self, seen: &mut Seen, event: &[u8], context: &mut dyn Context) -> Vec<u8> {
        let held = self.guard.as_mut();
        let held = held.map(|guard| guard.finish(context.verdict()));
        let mut last = Vec::new();
        if let Some(held) = held.filter(|held| !held.is_empty()) {
            let data = sse::data(event).unwrap_or_default();
            // Read anew only for where the model's name stands.
            let mut events = EventReader::new(self.reading.api);
            let read = events.read(&data, &mut Stream::default()).ok();
            last = self.rest(&data, read.as_ref(), &held);
        }
        let blocked = self.guard.is_some() && context.verdict().blocked().is_some();
        if blocked {
            last.extend(self.stopping.block(seen, &context.blocked()));
        } else {
            last.extend(self.stopping.stop(seen));
        }
        last
    }

    /// Behind the end that the caller was told, a stream is only read for what it used.
    fn dropped(
        &mut self,
        seen: &mut Seen,
        piece: &[u8],
        end: bool,
        context: &mut dyn Context,
    ) -> OnData {
        let joined = self.framer.join(piece);
        let mut events = joined.events();
        let mut whole = 0_usize;
        for event in events.by_ref() {
            whole = whole.saturating_add(event.len());
            self.whole(seen, event, context);
        }
        let (unfinished, place) = (events.unfinished(), events.place());
        if end {
            self.whole(seen, unfinished, context);
            return OnData::Replace(Vec::new());
        }
        if let Some(overlong) = self.framer.keep(joined, whole, place) {
            self.goes_on_long(&overlong);
        }
        if self.stopping.is_too_much(piece.len()) {
            return OnData::Reset;
        }
        OnData::Replace(Vec::new())
    }

    /// Adds what goes on at the end of the body; returns whether it is something else than
    /// `unfinished`, what follows the last whole event.
    fn end<'e>(
        &mut self,
        seen: &mut Seen,
        unfinished: &'e [u8],
        out: &mut Vec<Cow<'e, [u8]>>,
        context: &mut dyn Context,
    ) -> bool {
        // Of an event that was cut in its data nothing can be inspected, nor read by clients.
        let is_cut = self.guard.is_some() && is_cut(unfinished);
        if is_cut {
            seen.dropped = unfinished.len();
        }
        let goes_on = match unfinished {
            [] if self.long.is_none() => None,
            _ if is_cut => None,
            unfinished => self.whole(seen, unfinished, context),
        };
        if seen.stopped.early() || !self.ends_early(seen) {
            let changed = !unfinished.is_empty() && !matches!(goes_on, Some(Cow::Borrowed(_)));
            out.extend(goes_on);
            return changed;
        }
        if !has_json(unfinished) {
            // Ended now, it would be an event that no client can read.
            seen.dropped = unfinished.len();
        } else if let Some(event) = goes_on {
            out.push(event);
            self.in_event = true;
        }
        if self.in_event {
            out.push(Cow::Borrowed(b"\n\n"));
        }
        let number = self.stopping.next_number().unwrap_or(self.next_number);
        out.push(Cow::Owned(incomplete(self.reading.api, number)));
        true
    }

    pub(super) fn trailers(&mut self, seen: &mut Seen, context: &mut dyn Context) {
        let rest = self.framer.take_rest();
        // It may still say what was used.
        if !is_cut(&rest) {
            self.whole(seen, &rest, context);
        }
        if !seen.stopped.early() {
            seen.dropped = rest.len();
            self.ends_early(seen);
        }
    }

    /// Bytes of text that wait for what comes.
    pub(super) fn held(&self) -> usize {
        self.guard.as_ref().map_or(0, StreamGuard::held)
    }

    /// The stream ends: whether too early, which is noted.
    fn ends_early(&self, seen: &mut Seen) -> bool {
        // What could still have become a finding does not go on.
        seen.held_back = self.held();
        seen.incomplete = !self.complete && !seen.error;
        seen.error |= seen.incomplete;
        seen.incomplete
    }

    /// A piece of an event that is too long to wait for.
    fn goes_on_long(&mut self, piece: &[u8]) {
        match &mut self.long {
            Some(long) => long.push(piece),
            None => self.long = Some(Box::new(LongEvent::begin(piece))),
        }
    }

    /// Reads one event, or the end of one that was too long to wait for; returns what goes on of
    /// it.
    fn whole<'e>(
        &mut self,
        seen: &mut Seen,
        event: &'e [u8],
        context: &mut dyn Context,
    ) -> Option<Cow<'e, [u8]>> {
        let Some(mut long) = self.long.take() else {
            return self.event(seen, event, context);
        };
        long.push(event);
        if let Some(data) = long.data() {
            if let Ok(read) = self.events.read(&data, &mut seen.text) {
                self.note(seen, &read, context);
            }
            self.stopping.note(&data);
        }
        (!seen.stopped.early()).then_some(Cow::Borrowed(event))
    }

    /// Reads one event, with ids of ours; returns what goes on of it.
    fn event<'e>(
        &mut self,
        seen: &mut Seen,
        event: &'e [u8],
        context: &mut dyn Context,
    ) -> Option<Cow<'e, [u8]>> {
        let ids = self.ids.as_mut();
        match ids.and_then(|ids| ids.event(event, seen)) {
            None => self.told(seen, event, context),
            Some(new) => {
                let goes_on = self.told(seen, &new, context).map(Cow::into_owned);
                goes_on.map(Cow::Owned)
            }
        }
    }

    /// Reads one event; returns what goes on of it. Of one that guardrails look at, also what
    /// stands beside its data.
    fn told<'e>(
        &mut self,
        seen: &mut Seen,
        event: &'e [u8],
        context: &mut dyn Context,
    ) -> Option<Cow<'e, [u8]>> {
        if let Some(known) = self.known(seen, event, context) {
            return Some(known);
        }
        let before = self.guard.is_some().then(|| total(context.verdict()));
        let goes_on = self.read(seen, event, context);
        // What is found beside a text, or in what stands for it, has to be found again.
        if before.is_some_and(|before| total(context.verdict()) > before) {
            self.alike = None;
        }
        goes_on
    }

    fn read<'e>(
        &mut self,
        seen: &mut Seen,
        event: &'e [u8],
        context: &mut dyn Context,
    ) -> Option<Cow<'e, [u8]>> {
        let guard = self.guard.as_ref().filter(|_| !seen.stopped.early());
        let new = guard.and_then(|guard| guard.beside_data(event, context.verdict()));
        let Some(new) = new else {
            return self.data_of(seen, event, context);
        };
        let mut goes_on = self.data_of(seen, &new, context).map(Cow::into_owned);
        if context.verdict().blocked().is_some() && !seen.stopped.early() {
            goes_on = Some(self.stopping.block(seen, &context.blocked()));
        }
        goes_on.map(Cow::Owned)
    }

    /// What goes on of an event that is like one before, and need not be read.
    fn known<'e>(
        &mut self,
        seen: &mut Seen,
        event: &'e [u8],
        context: &mut dyn Context,
    ) -> Option<Cow<'e, [u8]>> {
        let alike = self.alike.as_ref()?;
        if self.kept_back_cr || seen.stopped.early() {
            return None;
        }
        let text = alike.piece(event)?;
        let told = match &mut self.guard {
            None => alike.told(event, &text, None),
            Some(guard) => {
                let came = text.value();
                let new = guard.piece(alike.channel()?, &came, context.verdict())?;
                alike.told(event, &text, Some(new.as_str()).filter(|new| *new != came))
            }
        };
        seen.first_text.get_or_insert_with(|| context.now());
        seen.text.push_json(text.raw());
        if self.guard.is_some() && context.verdict().blocked().is_some() {
            let mut told = told.into_owned();
            told.extend(self.stopping.block(seen, &context.blocked()));
            return Some(Cow::Owned(told));
        }
        Some(told)
    }

    /// Remembers an event that others may be like: its only text is known, and says nothing of the
    /// stream.
    fn learn(&mut self, event: &[u8], read: &Event, masked: Option<&Masked>) {
        let plain = read.progress == Progress::Goes
            && read.usage == ReportedUsage::Absent
            && read.reasoning != Reasoning::Begins;
        let single = masked.map(|masked| masked.single);
        // Events of Responses have numbers of their own.
        let (Some(text), true) = (read.text, plain && self.reading.api != Api::Responses) else {
            return;
        };
        let channel = match single {
            None => None,
            Some(Some((key, span))) if span == text => Some(key),
            Some(_) => return,
        };
        let Some(data) = sse::single_data(event) else {
            return;
        };
        self.alike = Alike::of(&Single {
            event,
            data,
            text,
            model: read.model.zip(self.reading.model.as_deref()),
            channel,
        });
    }

    /// Reads the data of one event; returns what goes on of the event.
    fn data_of<'e>(
        &mut self,
        seen: &mut Seen,
        event: &'e [u8],
        context: &mut dyn Context,
    ) -> Option<Cow<'e, [u8]>> {
        if std::mem::take(&mut self.kept_back_cr) && event == b"\n" {
            return None;
        }
        let unchanged = (!seen.stopped.early()).then_some(Cow::Borrowed(event));
        // Some servers keep a connection alive with empty data.
        let data = sse::data(event).filter(|data| !data.trim_ascii().is_empty());
        let Some(data) = data else {
            return unchanged;
        };
        if self.ids.as_ref().is_some_and(|ids| ids.reads) {
            seen.again.get_or_insert_default().event(&data);
        }
        let read = self.events.read(&data, &mut seen.text);
        if let Ok(read) = &read {
            self.note(seen, read, context);
        }
        if seen.stopped.early() {
            return None;
        }
        if self.guard.is_some() {
            return self
                .inspected(seen, event, &data, read.ok(), context)
                .map(Cow::Owned);
        }
        let Ok(read) = read else {
            return unchanged;
        };
        self.stopping.note(&data);
        if read.progress == Progress::Failed {
            return Some(Cow::Owned(self.freed(event.to_vec())));
        }
        if self.reading.strip_usage && read.only_usage {
            self.kept_back_cr = event.ends_with(b"\r");
            return None;
        }
        self.learn(event, &read, None);
        match (&self.reading.model, read.model) {
            (Some(name), Some(span)) => Some(Cow::Owned(renamed(event, &data, span, name))),
            _ => unchanged,
        }
    }

    /// One event of a stream that guardrails look at.
    fn inspected(
        &mut self,
        seen: &mut Seen,
        event: &[u8],
        data: &[u8],
        read: Option<Event>,
        context: &mut dyn Context,
    ) -> Option<Vec<u8>> {
        let guard = self.guard.as_mut();
        let masked = guard.and_then(|guard| guard.event(data, context.verdict()).ok());
        let (Some(mut masked), Some(read)) = (masked, read) else {
            return Some(self.unread_event(seen, event, data, context));
        };
        if self.first.is_empty() && data.len() <= LONGEST_FIRST {
            self.first = data.to_vec();
        }
        if self.reading.strip_usage && read.only_usage && !masked.blocked {
            self.kept_back_cr = event.ends_with(b"\r");
            return (!masked.rest.is_empty()).then(|| self.rest(data, Some(&read), &masked.rest));
        }
        self.learn(event, &read, Some(&masked));
        let mut out = self.rest(data, Some(&read), &masked.rest);
        if let (Some(name), Some(span)) = (&self.reading.model, read.model) {
            masked.edits.replace(span, quote(name));
        }
        if !masked.dropped {
            self.stopping.renumber(data, &mut masked.edits);
            self.stopping.note(data);
            let from = out.len();
            write(event, data, masked.edits, &mut out);
            if read.progress == Progress::Failed {
                let event = out.split_off(from);
                out.extend(self.freed(event));
            }
        }
        if masked.blocked {
            out.extend(self.stopping.block(seen, &context.blocked()));
        }
        Some(out)
    }

    /// An event that tells of an error, without the provider's account and ids.
    fn freed(&self, event: Vec<u8>) -> Vec<u8> {
        let told = self.ids.as_ref().and_then(|ids| ids.error(&event));
        let mut event = told.unwrap_or(event);
        redact_account(&mut event);
        event
    }

    /// The events that bring what channels have held, before the one of `data`.
    fn rest(
        &mut self,
        data: &[u8],
        read: Option<&Event>,
        rest: &[(ChannelKey, String)],
    ) -> Vec<u8> {
        if rest.is_empty() {
            return Vec::new();
        }
        if read.is_some_and(|read| read.progress == Progress::Ended) && !data.starts_with(b"{") {
            // `[DONE]` says nothing of the stream.
            let first = std::mem::take(&mut self.first);
            let mut events = EventReader::new(self.reading.api);
            let read = events.read(&first, &mut Stream::default()).ok();
            let read = read.filter(|read| read.progress != Progress::Ended);
            let brought = read.map(|read| self.rest(&first, Some(&read), rest));
            self.first = first;
            if let Some(brought) = brought {
                return brought;
            }
        }
        let mut edits = Edits::default();
        let model = read.and_then(|read| read.model);
        if let (Some(name), Some(span)) = (&self.reading.model, model) {
            edits.replace(span, quote(name));
        }
        let named = edits.apply(data).map(|rewrite| rewrite.whole(data));
        self.stopping.rest(named.as_deref().unwrap_or(data), rest)
    }

    /// What goes on in the place of an event that can't be inspected.
    fn unread_event(
        &mut self,
        seen: &mut Seen,
        event: &[u8],
        data: &[u8],
        context: &mut dyn Context,
    ) -> Vec<u8> {
        let out = self.unread(seen, event, context);
        if self.stopping.is_stopped() {
            return out;
        }
        let (mut edits, mut new) = (Edits::default(), Vec::new());
        self.stopping.renumber(data, &mut edits);
        self.stopping.note(data);
        write(event, data, edits, &mut new);
        new
    }

    /// What goes on in the place of what can't be inspected: it itself, or the end of the stream.
    fn unread(&mut self, seen: &mut Seen, event: &[u8], context: &mut dyn Context) -> Vec<u8> {
        let passes = self.guard.as_ref().is_none_or(StreamGuard::passes_unread);
        if !passes {
            context.unscanned(false);
            return self.stopping.give_up(seen, &unscannable());
        }
        if !std::mem::replace(&mut self.passed_unread, true) {
            context.unscanned(true);
        }
        event.to_vec()
    }

    fn note(&mut self, seen: &mut Seen, read: &Event, context: &mut dyn Context) {
        if let Some(number) = read.number {
            self.next_number = number.saturating_add(1);
        }
        seen.note_event(read.number);
        if read.text_bytes > 0 {
            seen.first_text.get_or_insert_with(|| context.now());
        }
        if seen.reasoning != Reasoning::Told && read.reasoning != Reasoning::None {
            seen.reasoning = read.reasoning;
        }
        seen.add_usage(read.usage);
        seen.done |= read.progress == Progress::Ended;
        seen.error |= read.progress == Progress::Failed;
        seen.over |= read.broken != Broken::No;
        seen.failed |= read.broken == Broken::Failed;
        self.complete |= matches!(read.progress, Progress::Complete | Progress::Ended);
    }

    /// Forgets what is known of events, so that the next one is read.
    #[cfg(test)]
    pub(super) fn forget(&mut self) {
        self.alike = None;
    }

    /// Whether an event is known without being read.
    #[cfg(test)]
    pub(super) fn knows(&self, event: &[u8]) -> bool {
        let alike = self.alike.as_ref();
        alike.is_some_and(|alike| alike.piece(event).is_some())
    }

    /// Bytes that wait for the end of their event.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.framer.waiting()
    }
}

/// Adds `event` to `out` with edits of its data.
pub(super) fn write(event: &[u8], data: &[u8], edits: Edits, out: &mut Vec<u8>) {
    match sse::single_data(event) {
        _ if edits.is_empty() => out.extend_from_slice(event),
        Some(place) => {
            out.reserve(event.len());
            out.extend_from_slice(event.get(..place.start).unwrap_or_default());
            edits.write(data, out);
            out.extend_from_slice(event.get(place.end..).unwrap_or_default());
        }
        None => {
            let mut new = Vec::new();
            edits.write(data, &mut new);
            out.append(&mut sse::with_data(event, &new));
        }
    }
}

/// Whether an unfinished event ends within its data.
fn is_cut(event: &[u8]) -> bool {
    let is_whole = |data: &[u8]| data.trim_ascii().is_empty() || data.trim_ascii_end() == b"[DONE]";
    sse::data(event).is_some_and(|data| !is_whole(&data)) && !has_json(event)
}

/// Whether an event has data that is JSON.
fn has_json(event: &[u8]) -> bool {
    let check = |data: &[u8]| {
        let mut reader = Reader::new(data, |_| None)?;
        reader.skip()?;
        reader.finish()
    };
    sse::data(event).is_some_and(|data| check(&data).is_ok())
}

/// `event` with another name for the model, which stands at `span` of its data.
fn renamed(event: &[u8], data: &[u8], span: Span, name: &str) -> Vec<u8> {
    let mut edits = Edits::default();
    edits.replace(span, quote(name));
    let mut out = Vec::new();
    write(event, data, edits, &mut out);
    out
}

/// The event that tells a caller of a stream that ended too early. OpenAI's SDKs raise an
/// error on it; a `[DONE]` behind it would tell other clients that all is well.
fn incomplete(api: Api, number: u64) -> Vec<u8> {
    let message = "The provider ended its answer before it was complete.";
    Refusal::new(ErrorKind::BadGateway, "upstream_incomplete", message).numbered_event(api, number)
}
