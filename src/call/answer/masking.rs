/*! What guardrails do to a stream: one channel for each text that it brings in pieces.

What a channel holds back goes on before the event that ends it. Nothing of any channel goes
on behind a block.

A text that has ended stays so: what came of it has gone on, and a finding could begin there and
go on in what follows. */

use super::guarding::{Guard, Unreadable, total};
use crate::bytes::Fnv;
use crate::json::{Edits, Span};
use crate::mask::{Channel, Form, Verdict};
use crate::protocols::Api;
use crate::protocols::texts::{
    ChannelKey, ChannelKind, Ends, EventTexts, Said, emptied, event_texts, is_by_id,
};
use crate::sse;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Most texts that a stream may bring at once: choices, blocks, calls of tools. More is no
/// answer of a model.
const MAX_CHANNELS: usize = 1024;

/// Most texts that may have ended in a stream: they are remembered, 12 bytes each.
const MAX_ENDED: usize = 16 * 1024;

/// The texts of one stream.
#[derive(Debug)]
pub(super) struct StreamGuard {
    guard: Guard,
    /// Whether it may change what the model says.
    alters: bool,
    api: Api,
    channels: Vec<(ChannelKey, Channel)>,
    /// Those that have ended. Nothing more may come of them.
    ended: BTreeSet<ChannelKey>,
    /// Signed reasoning that is under way.
    signed: Vec<Signed>,
}

/// A text with a signature behind it, which is wrong if the text has changed: not by values put
/// back, for which placeholders stand again when the caller sends it back.
#[derive(Debug)]
struct Signed {
    part: u32,
    /// Nobody gains by two texts with the same hash: the signature would be refused.
    came: Fnv,
    went: Fnv,
    /// Whether something was found in it.
    found: bool,
}

/// What becomes of one event.
#[derive(Debug, Default)]
pub(super) struct Masked {
    /// What its channels have held, to go before it.
    pub(super) rest: Vec<(ChannelKey, String)>,
    /// Changes to its data.
    pub(super) edits: Edits,
    /// Whether the stream has to end here.
    pub(super) blocked: bool,
    /// Whether the event itself may not go on: what it ends has been ended differently.
    pub(super) dropped: bool,
    /// The one text that it brings a piece of, and where, if it has nothing else to look at.
    pub(super) single: Option<(ChannelKey, Span)>,
}

/// What becomes of one text of an event.
struct Written<'a> {
    came: Cow<'a, str>,
    /// `None`: it goes on as it came.
    new: Option<String>,
}

impl StreamGuard {
    pub(super) fn new(guard: Guard, api: Api) -> Self {
        Self {
            alters: guard.alters(),
            guard,
            api,
            channels: Vec::new(),
            ended: BTreeSet::new(),
            signed: Vec::new(),
        }
    }

    /// Whether what can't be read goes on.
    pub(super) const fn passes_unread(&self) -> bool {
        self.guard.passes_unread
    }

    /// Bytes that wait for what comes.
    pub(super) fn held(&self) -> usize {
        self.channels
            .iter()
            .map(|(_, channel)| channel.held())
            .sum()
    }

    /// `event` without the lines beside its data that something is found in; `None`: it goes on
    /// as it is. Clients read no text there, but whoever reads the bytes does.
    pub(super) fn beside_data(&self, event: &[u8], verdict: &mut Verdict) -> Option<Vec<u8>> {
        sse::without_lines(event, |line| {
            let name = line.strip_prefix(b"event:").map(<[u8]>::trim_ascii);
            if name.is_some_and(|name| name.iter().all(is_plain)) {
                return true;
            }
            let line = String::from_utf8_lossy(line);
            self.guard.whole(&line, Form::Text, verdict).is_none()
        })
    }

    /// Takes the data of one event.
    pub(super) fn event(
        &mut self,
        data: &[u8],
        verdict: &mut Verdict,
    ) -> Result<Masked, Unreadable> {
        let mut texts = event_texts(self.api, data).map_err(|_| Unreadable)?;
        if self.alters {
            let removed = &texts.removed;
            let stays = |said: &Said<'_>| !removed.contains(&said.text.span());
            texts.said.retain(stays);
        }
        self.check(&texts)?;
        let mut written = self.write(&texts, verdict)?;
        let mut rest = self.end(&texts, &mut written, verdict);
        let unsigned = self.unsigned(&texts, &mut rest, verdict);
        let channels = &self.channels;
        // Reasoning that ended without a signature gets none.
        self.signed.retain(|signed| {
            channels
                .iter()
                .any(|(key, _)| is_reasoning(key, signed.part))
        });
        let blocked = verdict.blocked().is_some();
        let mut masked = Masked {
            blocked,
            dropped: blocked && texts.ends != Ends::Nothing,
            ..Masked::default()
        };
        if masked.dropped {
            let texts = texts.said.iter().zip(written);
            let pieces = texts.filter(|(said, _)| !said.repeated);
            let texts = pieces.filter_map(|(said, written)| Some((said.channel?, written.new?)));
            rest.extend(texts.filter(|(_, new)| !new.is_empty()));
        } else {
            masked.edits = edits(&texts, written);
            if self.alters {
                for span in &texts.removed {
                    // Of a segment of a transcript the text goes.
                    let is_text = data.get(span.start) == Some(&b'"');
                    let empty = match self.api.is_transcript() && is_text {
                        true => "\"\"",
                        false => emptied(self.api),
                    };
                    masked.edits.replace(*span, empty.to_owned());
                }
            }
            for span in unsigned {
                masked.edits.replace(span, "\"\"".to_owned());
            }
        }
        masked.rest = rest;
        masked.single = single(&texts);
        Ok(masked)
    }

    /// Takes a piece of a text that is known; `None`: it is not, and nothing was taken.
    pub(super) fn piece(
        &mut self,
        key: ChannelKey,
        came: &str,
        verdict: &mut Verdict,
    ) -> Option<String> {
        if self.ended.len() >= MAX_ENDED || self.has_ended(key) {
            return None;
        }
        let place = self.place_of(&key)?;
        self.push(place, key, came, verdict).ok()
    }

    /// Refuses an event with more of a text that has ended, or with more texts than models say,
    /// before any of it is taken.
    fn check(&self, texts: &EventTexts<'_>) -> Result<(), Unreadable> {
        if self.ended.len() >= MAX_ENDED {
            return Err(Unreadable);
        }
        let goes_on = |said: &Said<'_>| {
            let piece = said.channel.filter(|_| !said.repeated);
            let ended = piece.filter(|key| self.has_ended(*key));
            ended.is_some() && !said.text.value().is_empty()
        };
        if !self.ended.is_empty() && texts.said.iter().any(goes_on) {
            return Err(Unreadable);
        }
        let pieces = texts.said.iter().filter(|said| !said.repeated);
        let mut keys = pieces.filter_map(|said| said.channel.as_ref());
        match keys.any(|key| self.is_told_otherwise(key)) {
            true => Err(Unreadable),
            false => Ok(()),
        }
    }

    /// Whether earlier texts were told by the place of their items and this one by its id, or the
    /// other way round: a client may join both.
    fn is_told_otherwise(&self, key: &ChannelKey) -> bool {
        let other = |known: &ChannelKey| is_by_id(known.part) != is_by_id(key.part);
        let ended = [self.ended.first(), self.ended.last()];
        ended.into_iter().flatten().any(other)
            || self.channels.first().is_some_and(|(known, _)| other(known))
    }

    /// What goes on of each text of an event.
    fn write<'a>(
        &mut self,
        texts: &EventTexts<'a>,
        verdict: &mut Verdict,
    ) -> Result<Vec<Written<'a>>, Unreadable> {
        let mut written = Vec::with_capacity(texts.said.len());
        for said in &texts.said {
            let came = said.text.value();
            let new = match said.channel {
                Some(key) if said.repeated => {
                    let form = self.guard.form(said);
                    self.repeated(key, &came, form, verdict)
                }
                // Servers repeat the member, empty, behind its end.
                Some(key) if self.has_ended(key) => None,
                None => self.guard.said(said, &came, verdict),
                Some(key) => {
                    let place = self.channel(key, said)?;
                    Some(self.push(place, key, &came, verdict)?)
                }
            };
            written.push(Written { came, new });
        }
        Ok(written)
    }

    /// A text that is said again, whole. What was found in its pieces counts once. Behind a
    /// block in the same event nothing goes on.
    fn repeated(
        &self,
        key: ChannelKey,
        text: &str,
        form: Form,
        verdict: &mut Verdict,
    ) -> Option<String> {
        if verdict.blocked().is_some() {
            return Some(String::new());
        }
        let mut found = Verdict::default();
        let new = self.guard.whole(text, form, &mut found);
        let mut open = self.channels.iter();
        let known = self.has_ended(key) || open.any(|(open, _)| is_one(open, &key));
        if !known || found.blocked().is_some() {
            verdict.add(&found);
        }
        new
    }

    /// Follows reasoning that may be signed.
    fn sign(&mut self, part: u32, came: &str, went: &str, found: bool) {
        let known = self.signed.iter().position(|signed| signed.part == part);
        let place = known.unwrap_or_else(|| {
            self.signed.push(Signed::of(part));
            self.signed.len().saturating_sub(1)
        });
        if let Some(signed) = self.signed.get_mut(place) {
            signed.came = signed.came.and(came.as_bytes());
            signed.went = signed.went.and(went.as_bytes());
            signed.found |= found;
        }
    }

    /// No more comes: what channels have held.
    pub(super) fn finish(&mut self, verdict: &mut Verdict) -> Vec<(ChannelKey, String)> {
        let mut rest = Vec::new();
        for (key, mut channel) in self.channels.drain(..) {
            let held = channel.finish(verdict);
            rest.extend((!held.is_empty()).then_some((key, held)));
        }
        rest
    }

    /// The signatures of an event that are wrong now. What their reasoning has held goes before
    /// them.
    fn unsigned(
        &mut self,
        texts: &EventTexts<'_>,
        rest: &mut Vec<(ChannelKey, String)>,
        verdict: &mut Verdict,
    ) -> Vec<Span> {
        let mut wrong = Vec::new();
        for (part, span) in &texts.signatures {
            let mut channels = self.channels.iter();
            if let Some(place) = channels.position(|(key, _)| is_reasoning(key, *part)) {
                let before = total(verdict);
                let (key, held) = self.close(place, 0, verdict);
                self.sign(*part, "", &held, total(verdict) > before);
                rest.extend((!held.is_empty()).then_some((key, held)));
            }
            let place = self.signed.iter().position(|signed| signed.part == *part);
            let signed = place.map(|place| self.signed.remove(place));
            if signed.is_some_and(|signed| signed.found && signed.came != signed.went) {
                wrong.push(*span);
            }
        }
        wrong
    }

    /// Whether a text has ended: with it, all reasoning of its part up to its index.
    fn has_ended(&self, key: ChannelKey) -> bool {
        let index = match key.kind {
            ChannelKind::Reasoning => u32::MAX,
            _ => key.index,
        };
        let last = ChannelKey { index, ..key };
        self.ended.range(key..=last).next().is_some()
    }

    /// Where the channel of a text is, if it is open.
    fn place_of(&self, key: &ChannelKey) -> Option<usize> {
        let mut channels = self.channels.iter();
        channels.position(|(known, _)| is_one(known, key))
    }

    /// Where the channel of a text is; it is opened if there is none.
    fn channel(&mut self, key: ChannelKey, said: &Said<'_>) -> Result<usize, Unreadable> {
        if let Some(place) = self.place_of(&key) {
            return Ok(place);
        }
        if self.channels.len() >= MAX_CHANNELS {
            return Err(Unreadable);
        }
        let channel = self.guard.channel(self.guard.form(said));
        self.channels.push((key, channel));
        Ok(self.channels.len().saturating_sub(1))
    }

    /// What goes on of a piece of the text whose channel is at `place`.
    fn push(
        &mut self,
        place: usize,
        key: ChannelKey,
        came: &str,
        verdict: &mut Verdict,
    ) -> Result<String, Unreadable> {
        let (known, channel) = self.channels.get_mut(place).ok_or(Unreadable)?;
        known.index = known.index.max(key.index);
        let before = total(verdict);
        let new = channel.push(came, verdict);
        if key.kind == ChannelKind::Reasoning {
            self.sign(key.part, came, &new, total(verdict) > before);
        }
        Ok(new)
    }

    /// Ends the channel at `place`, which there is, with its text of this index if it has
    /// several; what it has held.
    fn close(&mut self, place: usize, index: u32, verdict: &mut Verdict) -> (ChannelKey, String) {
        let (key, mut channel) = self.channels.remove(place);
        self.ended.insert(ChannelKey {
            index: key.index.max(index),
            ..key
        });
        (key, channel.finish(verdict))
    }

    /// Ends channels: what they held goes behind their piece in the event, or is returned.
    fn end(
        &mut self,
        texts: &EventTexts<'_>,
        written: &mut [Written<'_>],
        verdict: &mut Verdict,
    ) -> Vec<(ChannelKey, String)> {
        let mut rest = Vec::new();
        let mut place = 0;
        while let Some((key, _)) = self.channels.get(place) {
            let Some(index) = last_index(&texts.ends, key) else {
                place = place.saturating_add(1);
                continue;
            };
            let (key, held) = self.close(place, index, verdict);
            if held.is_empty() {
                continue;
            }
            let last = texts
                .said
                .iter()
                .rposition(|said| said.channel == Some(key) && !said.repeated);
            match last.and_then(|last| written.get_mut(last)) {
                Some(piece) => piece.add(&held),
                None => rest.push((key, held)),
            }
        }
        rest
    }
}

/// The one text of an event of which nothing else is to be looked at, and where it stands.
fn single(texts: &EventTexts<'_>) -> Option<(ChannelKey, Span)> {
    let [said] = texts.said.as_slice() else {
        return None;
    };
    let alone = texts.removed.is_empty()
        && texts.signatures.is_empty()
        && texts.ends == Ends::Nothing
        && !said.repeated
        && !said.echo;
    let key = said.channel.filter(|_| alone)?;
    Some((key, said.text.span()))
}

impl Signed {
    const fn of(part: u32) -> Self {
        Self {
            part,
            came: Fnv::NEW,
            went: Fnv::NEW,
            found: false,
        }
    }
}

/// Whether two keys mean one text. All reasoning of a part that comes without an end between is
/// one: vLLM counts its index up with every piece, and clients join them.
fn is_one(one: &ChannelKey, other: &ChannelKey) -> bool {
    let same_index = one.index == other.index || one.kind == ChannelKind::Reasoning;
    (one.part, one.kind) == (other.part, other.kind) && same_index
}

/// The last text that ends with the one of `key`, by its index, if that ends: of a part that ends,
/// there are no more.
fn last_index(ends: &Ends, key: &ChannelKey) -> Option<u32> {
    match ends {
        Ends::Nothing => None,
        Ends::Channels(keys) => {
            let ended = keys.iter().find(|ended| is_one(ended, key));
            ended.map(|ended| ended.index)
        }
        Ends::Parts(parts) if !parts.contains(&key.part) => None,
        Ends::Parts(_) | Ends::All => Some(match key.kind {
            ChannelKind::Reasoning => u32::MAX,
            _ => key.index,
        }),
    }
}

/// Whether a channel brings the reasoning of a part.
fn is_reasoning(key: &ChannelKey, part: u32) -> bool {
    key.part == part && key.kind == ChannelKind::Reasoning
}

/// Whether a name of an event may have this: a word in small letters is no finding.
const fn is_plain(byte: &u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'_' | b'.')
}

impl Written<'_> {
    fn add(&mut self, text: &str) {
        let new = self
            .new
            .get_or_insert_with(|| self.came.clone().into_owned());
        new.push_str(text);
    }
}

fn edits(texts: &EventTexts<'_>, written: Vec<Written<'_>>) -> Edits {
    let mut edits = Edits::default();
    for (said, Written { came, new }) in texts.said.iter().zip(written) {
        if let Some(new) = new.filter(|new| *new != came) {
            edits.replace(said.text.span(), said.text.written(new));
        }
    }
    edits
}
