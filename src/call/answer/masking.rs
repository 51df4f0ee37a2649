/*! What guardrails do to a stream: one channel for each text that it brings in pieces.

What a channel holds back goes on before the event that ends it. Nothing of any channel goes
on behind a block. */

use super::guarding::{Guard, Unreadable};
use crate::json::Edits;
use crate::mask::{Channel, Verdict};
use crate::protocols::Protocol;
use crate::protocols::texts::{ChannelKey, Ends, EventTexts, Said, event_texts, rest_events};
use std::borrow::Cow;

/// Most texts that a stream may bring at once: choices, blocks, calls of tools. More is no
/// answer of a model.
const MAX_CHANNELS: usize = 1024;

/// The texts of one stream.
#[derive(Debug)]
pub(super) struct StreamGuard {
    guard: Guard,
    protocol: Protocol,
    channels: Vec<(ChannelKey, Channel)>,
}

/// What becomes of one event.
#[derive(Debug, Default)]
pub(super) struct Masked {
    /// Events to go before it.
    pub(super) before: Vec<u8>,
    /// Changes to its data.
    pub(super) edits: Edits,
    /// Whether the stream has to end here.
    pub(super) blocked: bool,
    /// Whether the event itself may not go on: what it ends has been ended differently.
    pub(super) dropped: bool,
}

/// What becomes of one text of an event.
struct Written<'a> {
    came: Cow<'a, str>,
    /// `None`: it goes on as it came.
    new: Option<String>,
}

impl StreamGuard {
    pub(super) const fn new(guard: Guard, protocol: Protocol) -> Self {
        Self {
            guard,
            protocol,
            channels: Vec::new(),
        }
    }

    /// Whether what can't be read goes on.
    pub(super) fn passes_unread(&mut self) -> bool {
        self.guard.passes_unread
    }

    /// Bytes that wait for what comes.
    pub(super) fn held(&self) -> usize {
        self.channels
            .iter()
            .map(|(_, channel)| channel.held())
            .sum()
    }

    /// Takes the data of one event.
    pub(super) fn event(
        &mut self,
        data: &[u8],
        verdict: &mut Verdict,
    ) -> Result<Masked, Unreadable> {
        let texts = event_texts(self.protocol, data).map_err(|_| Unreadable)?;
        let mut written = self.write(&texts, verdict)?;
        let mut rest = self.end(&texts, &mut written, verdict);
        let blocked = verdict.blocked().is_some();
        let mut masked = Masked {
            blocked,
            dropped: blocked && texts.ends != Ends::Nothing,
            ..Masked::default()
        };
        if masked.dropped {
            let texts = texts.said.iter().zip(written);
            let texts = texts.filter_map(|(said, written)| Some((said.channel?, written.new?)));
            rest.extend(texts.filter(|(_, new)| !new.is_empty()));
        } else {
            masked.edits = edits(&texts, written);
        }
        if !rest.is_empty() {
            masked.before = rest_events(self.protocol, data, &rest);
        }
        Ok(masked)
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
                None => self.guard.whole(&came, said.form, verdict),
                Some(key) => Some(self.channel(key, said)?.push(&came, verdict)),
            };
            written.push(Written { came, new });
        }
        Ok(written)
    }

    fn channel(&mut self, key: ChannelKey, said: &Said<'_>) -> Result<&mut Channel, Unreadable> {
        let known = self.channels.iter().position(|(known, _)| *known == key);
        let place = match known {
            Some(place) => place,
            None if self.channels.len() >= MAX_CHANNELS => return Err(Unreadable),
            None => {
                self.channels.push((key, self.guard.channel(said.form)));
                self.channels.len().saturating_sub(1)
            }
        };
        let found = self.channels.get_mut(place);
        found.map(|(_, channel)| channel).ok_or(Unreadable)
    }

    /// Ends channels: what they held goes behind their piece in the event, or is returned.
    fn end(
        &mut self,
        texts: &EventTexts<'_>,
        written: &mut [Written<'_>],
        verdict: &mut Verdict,
    ) -> Vec<(ChannelKey, String)> {
        let mut rest = Vec::new();
        let ends = |key: &ChannelKey| match &texts.ends {
            Ends::Nothing => false,
            Ends::Parts(parts) => parts.contains(&key.part),
            Ends::All => true,
        };
        let mut index = 0;
        while let Some((key, channel)) = self.channels.get_mut(index) {
            if !ends(key) {
                index = index.saturating_add(1);
                continue;
            }
            let (key, held) = (*key, channel.finish(verdict));
            self.channels.remove(index);
            if held.is_empty() {
                continue;
            }
            let last = texts
                .said
                .iter()
                .rposition(|said| said.channel == Some(key));
            match last.and_then(|last| written.get_mut(last)) {
                Some(piece) => piece.add(&held),
                None => rest.push((key, held)),
            }
        }
        rest
    }
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
    for span in &texts.removed {
        edits.replace(*span, "null".to_owned());
    }
    edits
}
