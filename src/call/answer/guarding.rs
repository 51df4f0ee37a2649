/*! What guardrails do to an answer, text by text. */

use crate::call::guarding::{Piece, pieces};
use crate::callout::Texts;
use crate::config::Asked;
use crate::json::{Edits, Span};
use crate::mask::{Act, Channel, Form, Guards, Placeholders, Vault, Verdict, whole};
use crate::protocols::openai::{BatchOutcome, batch_lines, batch_outcomes, cue_text};
use crate::protocols::texts::{
    ChannelKind, Said, all_texts, answer_texts, blocked_answer, emptied,
};
use crate::protocols::{Api, redact_account};
use crate::sse::{self, Framer};
use std::rc::Rc;

/// What answers of a call go through.
#[derive(Debug, Clone)]
pub(in crate::call) struct Guard {
    /// What is looked for; `None`: nothing, placeholders are put back.
    pub(in crate::call) guards: Option<Rc<Guards>>,
    /// The services that judge whole answers.
    pub(in crate::call) services: Rc<[Asked]>,
    /// What stands for values of the request.
    pub(in crate::call) vault: Option<Rc<Vault>>,
    /// Whether the text of the answer shall be JSON: then it is read as that, and stays that.
    pub(in crate::call) is_json: bool,
    /// Longest whole answer, in bytes: Envoy 1.40 crashes when a held answer becomes longer than
    /// its buffer's limit.
    pub(in crate::call) longest: usize,
    /// Whether what can't be read goes on.
    pub(in crate::call) passes_unread: bool,
    /// The API of the answers that stand in lines: the output of a batch; `None`: it is an answer.
    pub(in crate::call) lines: Option<Api>,
}

impl Guard {
    /// One that looks for nothing, and waits until an answer is whole.
    pub(super) fn that_waits(longest: usize) -> Self {
        Self {
            guards: None,
            services: Rc::from([]),
            vault: None,
            is_json: false,
            longest,
            passes_unread: true,
            lines: None,
        }
    }

    /// Whether it is more than one [that waits](Self::that_waits).
    pub(super) fn inspects(&self) -> bool {
        self.guards.is_some() || !self.services.is_empty() || self.vault.is_some()
    }

    /// A text as it may be shown to those who must not see values of the request: what stands
    /// for one is told in words.
    pub(super) fn in_words(&self, text: &str) -> String {
        let Some(vault) = &self.vault else {
            return text.to_owned();
        };
        let mut words = String::with_capacity(text.len());
        for piece in pieces(text, Some(vault)) {
            match piece {
                Piece::Text(piece) => words.push_str(&piece),
                Piece::Placeholder(known) => {
                    let name = known.trim_end_matches('>');
                    let name = name.rsplit_once('_').map_or(name, |(name, _)| name);
                    words.push_str(&name.replace('_', " ").to_lowercase());
                }
            }
        }
        words
    }
}

/// Something that has to be inspected, and can't be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable;

impl Guard {
    pub(super) fn channel(&self, form: Form) -> Channel {
        Channel::new(self.guards.clone(), form, self.vault.clone())
    }

    /// A text that is there at once: `None` if it stays as it is.
    pub(super) fn whole(&self, text: &str, form: Form, verdict: &mut Verdict) -> Option<String> {
        whole(
            text,
            self.guards.as_ref(),
            form,
            self.placeholders(),
            verdict,
        )
    }

    /// How a text is read.
    pub(super) fn form(&self, said: &Said<'_>) -> Form {
        let is_text = said
            .channel
            .is_some_and(|key| key.kind == ChannelKind::Text);
        if self.is_json && is_text {
            Form::Json
        } else {
            said.form
        }
    }

    /// A text of an answer that is there at once.
    pub(super) fn said(
        &self,
        said: &Said<'_>,
        text: &str,
        verdict: &mut Verdict,
    ) -> Option<String> {
        let guards = self.guards.as_ref().filter(|_| !said.echo);
        whole(text, guards, self.form(said), self.placeholders(), verdict)
    }

    pub(super) const fn placeholders(&self) -> Placeholders<'_> {
        match &self.vault {
            Some(vault) => Placeholders::Restore(vault),
            None => Placeholders::Off,
        }
    }

    /// Whether it may change what the model says: what tells the same in another form then has
    /// to go.
    pub(super) fn alters(&self) -> bool {
        let rules = self.guards.iter().flat_map(|guards| guards.rules());
        rules.into_iter().any(|rule| rule.act != Act::Monitor)
    }

    /// What comes before services are asked: values of the request are not theirs to see.
    pub(super) fn before_services(&self) -> Self {
        Self {
            vault: None,
            ..self.clone()
        }
    }

    /// What comes after: values of the request are put back, and nobody looks at them.
    pub(super) fn after_services(&self) -> Self {
        Self {
            guards: None,
            ..self.clone()
        }
    }

    /// An error of a provider, in any form: JSON, events of a stream, or text.
    pub(super) fn error(&self, body: &[u8], verdict: &mut Verdict) -> Vec<u8> {
        if let Some(new) = self.json(body, verdict) {
            return new;
        }
        if has_events(body) {
            return self.events(body, verdict);
        }
        self.text(body, verdict)
    }

    fn text(&self, text: &[u8], verdict: &mut Verdict) -> Vec<u8> {
        let new = self.whole(&String::from_utf8_lossy(text), Form::Text, verdict);
        new.map_or_else(|| text.to_vec(), String::into_bytes)
    }

    /// Each event of an error by itself, an unfinished one too.
    fn events(&self, body: &[u8], verdict: &mut Verdict) -> Vec<u8> {
        let mut framer = Framer::default();
        let joined = framer.join(body);
        let mut events = joined.events();
        let mut new = Vec::with_capacity(body.len());
        for event in events.by_ref() {
            new.append(&mut self.error_event(event, verdict));
        }
        new.append(&mut self.error_event(events.unfinished(), verdict));
        new
    }

    fn error_event(&self, event: &[u8], verdict: &mut Verdict) -> Vec<u8> {
        let Some(data) = sse::data(event) else {
            return self.text(event, verdict);
        };
        let beside = sse::without_lines(event, |line| {
            let line = String::from_utf8_lossy(line);
            self.whole(&line, Form::Text, verdict).is_none()
        });
        let event = beside.as_deref().unwrap_or(event);
        let new = match self.json(&data, verdict) {
            Some(new) => new,
            None => self.text(&data, verdict),
        };
        if new == *data {
            return event.to_vec();
        }
        sse::with_data(event, &new)
    }

    /// JSON of any members; `None`: it is none.
    fn json(&self, body: &[u8], verdict: &mut Verdict) -> Option<Vec<u8>> {
        let texts = all_texts(body).ok()?;
        let mut edits = Edits::default();
        for site in texts {
            if let Some(new) = self.whole(&site.value(), Form::Text, verdict) {
                edits.replace(site.span(), site.written(new));
            }
        }
        let rewrite = edits.apply(body);
        Some(rewrite.map_or_else(|| body.to_vec(), |rewrite| rewrite.whole(body)))
    }

    /// What services are asked about a whole answer.
    pub(super) fn asked_about(&self, api: Api, body: &[u8]) -> Result<Texts, Unreadable> {
        let answer = answer_texts(api, body).map_err(|_| Unreadable)?;
        let mut texts = Texts::default();
        for said in answer.said.iter().filter(|said| !said.echo) {
            texts.add(&said.text, self.form(said));
        }
        Ok(texts)
    }

    /// A whole answer: `None` if it stays as it is.
    pub(super) fn answer(
        &self,
        api: Api,
        body: &[u8],
        verdict: &mut Verdict,
    ) -> Result<Option<Vec<u8>>, Unreadable> {
        match self.lines {
            Some(api) => self.output(api, body, verdict),
            None => self.one(api, body, verdict),
        }
    }

    /// The output of a batch, answer by answer.
    fn output(
        &self,
        api: Api,
        body: &[u8],
        verdict: &mut Verdict,
    ) -> Result<Option<Vec<u8>>, Unreadable> {
        let mut edits = Edits::default();
        for (start, line) in batch_lines(body) {
            for outcome in batch_outcomes(line).map_err(|_| Unreadable)? {
                let (BatchOutcome::Answer(span) | BatchOutcome::Other(span)) = outcome;
                let text = line.get(span.start..span.end).unwrap_or_default();
                // What blocks one lets the others pass.
                let mut found = Verdict::default();
                let new = match outcome {
                    BatchOutcome::Answer(_) => self.one(api, text, &mut found)?,
                    BatchOutcome::Other(_) => {
                        let mut new = self.json(text, &mut found).ok_or(Unreadable)?;
                        redact_account(&mut new);
                        match found.blocked() {
                            Some(_) => Some(b"null".to_vec()),
                            None => Some(new).filter(|new| new != text),
                        }
                    }
                };
                verdict.add(&found);
                if let Some(new) = new {
                    let start = start.saturating_add(span.start);
                    let end = start.saturating_add(text.len());
                    let new = String::from_utf8(new).map_err(|_| Unreadable)?;
                    edits.replace(Span { start, end }, new);
                }
            }
        }
        Ok(edits.apply(body).map(|rewrite| rewrite.whole(body)))
    }

    fn one(
        &self,
        api: Api,
        body: &[u8],
        verdict: &mut Verdict,
    ) -> Result<Option<Vec<u8>>, Unreadable> {
        let texts = answer_texts(api, body).map_err(|_| Unreadable)?;
        let mut written: Vec<Option<String>> = Vec::with_capacity(texts.said.len());
        let mut wrong = Vec::new();
        for said in &texts.said {
            let before = total(verdict);
            written.push(self.said(said, &said.text.value(), verdict));
            if verdict.blocked().is_some() {
                let kept = kept(&texts.said, written);
                return Ok(Some(blocked_answer(api, body, &kept)));
            }
            let changed = written.last().is_some_and(Option::is_some);
            if changed && total(verdict) > before {
                wrong.extend(signed(said));
            }
        }
        let mut edits = Edits::default();
        let mut changed = Vec::new();
        for (said, new) in texts.said.iter().zip(written) {
            let Some(new) = new else { continue };
            changed.extend(said.channel.map(|key| key.part));
            edits.replace(said.text.span(), said.text.written(new));
        }
        for (part, span) in texts.logprobs {
            if changed.contains(&part) {
                edits.replace(span, emptied(api).to_owned());
            }
        }
        if !edits.is_empty() {
            for span in texts.tokens {
                edits.replace(span, emptied(api).to_owned());
            }
        }
        for (part, span) in texts.signatures {
            if wrong.contains(&part) {
                edits.replace(span, "\"\"".to_owned());
            }
        }
        if api.is_transcript() && !self.passes_unread && self.has_split(body) {
            return Err(Unreadable);
        }
        Ok(edits.apply(body).map(|rewrite| rewrite.whole(body)))
    }
}

impl Guard {
    /// Whether what has to be masked or blocked stands in a transcript, divided among its cues:
    /// it can't be masked there.
    fn has_split(&self, body: &[u8]) -> bool {
        let text = String::from_utf8_lossy(body);
        if !self.alters() || cue_text(&text).is_none() {
            return false;
        }
        // Values of the request are the caller's.
        let bare = self.before_services();
        let mut verdict = Verdict::default();
        let masked = bare.whole(&text, Form::Text, &mut verdict);
        let joined = cue_text(masked.as_deref().unwrap_or(&text)).unwrap_or_default();
        let found = bare.whole(&joined, Form::Text, &mut verdict);
        found.is_some() || verdict.blocked().is_some()
    }
}

/// Whether a body that is no JSON has an event whose data is.
fn has_events(body: &[u8]) -> bool {
    let mut framer = Framer::default();
    let joined = framer.join(body);
    let mut events = joined.events();
    let has_json = |event: &[u8]| sse::data(event).is_some_and(|data| all_texts(&data).is_ok());
    events.by_ref().any(has_json) || has_json(events.unfinished())
}

/// A whole answer after what services have found in it is masked. The tokens that its texts
/// were made of go with that.
pub(super) fn masked(api: Api, body: Vec<u8>, edits: Edits) -> Vec<u8> {
    let Some(rewrite) = edits.apply(&body) else {
        return body;
    };
    let new = rewrite.whole(&body);
    let mut edits = Edits::default();
    if let Ok(texts) = answer_texts(api, &new) {
        let logprobs = texts.logprobs.into_iter().map(|(_, span)| span);
        for span in logprobs.chain(texts.tokens) {
            edits.replace(span, emptied(api).to_owned());
        }
    }
    match edits.apply(&new) {
        Some(rewrite) => rewrite.whole(&new),
        None => new,
    }
}

/// How much has been found.
pub(super) fn total(verdict: &Verdict) -> u64 {
    let counts = verdict.found().map(|(_, _, count)| count);
    counts.fold(verdict.others(), u64::saturating_add)
}

/// The part whose signature is about this text, if any is.
fn signed(said: &Said<'_>) -> Option<u32> {
    let key = said.channel?;
    (key.kind == ChannelKind::Reasoning).then_some(key.part)
}

/// What goes on of an answer that is blocked: its texts up to there, by part.
fn kept(said: &[Said<'_>], written: Vec<Option<String>>) -> Vec<(u32, String)> {
    let texts = said.iter().zip(written);
    let kept = texts.filter_map(|(said, new)| {
        let key = said.channel.filter(|key| key.kind == ChannelKind::Text)?;
        let text = new.unwrap_or_else(|| said.text.value().into_owned());
        Some((key.part, text))
    });
    kept.collect()
}
