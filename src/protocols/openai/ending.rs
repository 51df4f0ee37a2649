/*! Ending a stream of chunks before its provider does. */

use crate::json::{Error, Kind, Reader, Span, quote};
use crate::protocols::ending::{EndReason, EndUsage};
use crate::protocols::event::unwatched;
use crate::protocols::texts::{Member, plain};
use crate::sorting::sort_few;

/// Most choices that are followed: the most that OpenAI's API gives.
const MAX_CHOICES: usize = 128;

/// Longest value of a chunk's head that is kept, in bytes of JSON. A longer one is left out
/// of the chunks that end the stream.
pub(super) const MAX_VALUE: usize = 256;

/// What every chunk of a stream repeats.
pub(super) const HEAD: [&str; 5] = [
    "id",
    "created",
    "model",
    "service_tier",
    "system_fingerprint",
];

/// How a value of [`HEAD`] has to be spelled to be told again: guardrails have not seen it.
pub(super) fn member_of_head(name: &str) -> Member {
    match name {
        "id" | "system_fingerprint" => Member::Id,
        _ => Member::Name,
    }
}

/// What has to be known of a stream of chunks to end it.
#[derive(Debug, Default)]
pub struct Ending {
    /// Members that all chunks have, as JSON, each with a comma behind it.
    head: Option<String>,
    /// The model's name that the caller is told, as JSON.
    model: Option<String>,
    /// The choices that have begun.
    choices: Vec<Choice>,
    /// How many of them are not finished.
    open: usize,
}

#[derive(Debug, Clone, Copy)]
struct Choice {
    index: u64,
    finished: bool,
}

impl Ending {
    /// For a stream that begins; `model` is the name that the caller is told instead of the
    /// provider's.
    pub fn new(model: Option<&str>) -> Self {
        Self {
            model: model.map(quote),
            ..Self::default()
        }
    }

    /// Whether a choice has begun and is not finished.
    pub const fn is_open(&self) -> bool {
        self.open > 0
    }

    /// Follows one chunk, by its data.
    pub fn note(&mut self, data: &[u8]) {
        let mut chunk = Chunk::default();
        // A chunk that breaks off says nothing.
        if chunk.read(data).is_err() || chunk.choices.is_empty() {
            return;
        }
        for choice in chunk.choices {
            self.note_choice(choice);
        }
        if self.head.is_none() {
            let head = chunk.head.iter().zip(HEAD);
            let head = head.map(|(span, name)| self.member(data, *span, name));
            self.head = Some(head.collect());
        }
    }

    fn note_choice(&mut self, new: Choice) {
        let room = self.choices.len() < MAX_CHOICES;
        let mut known = self.choices.iter_mut();
        match known.find(|known| known.index == new.index) {
            Some(known) if new.finished && !known.finished => {
                known.finished = true;
                self.open = self.open.saturating_sub(1);
            }
            None if room => {
                self.open = self.open.saturating_add(usize::from(!new.finished));
                self.choices.push(new);
            }
            Some(_) | None => {}
        }
    }

    fn member(&self, data: &[u8], span: Option<Span>, name: &str) -> String {
        let value = span.and_then(|span| data.get(span.start..span.end));
        let value = value.filter(|value| value.len() <= MAX_VALUE);
        let value = value.and_then(|value| std::str::from_utf8(value).ok());
        let told = self.model.as_deref().filter(|_| name == "model");
        told.or(value)
            .map(|value| format!("\"{name}\":{value},"))
            .unwrap_or_default()
    }

    /// The last chunk of each open choice, the report of usage if it was asked for, `[DONE]`.
    pub fn events(&self, reason: EndReason, told: &EndUsage) -> Vec<u8> {
        let reason = match reason {
            EndReason::Length => "length",
            EndReason::Content => "content_filter",
        };
        let open = self.choices.iter().filter(|choice| !choice.finished);
        let mut open: Vec<u64> = open.map(|choice| choice.index).collect();
        sort_few(&mut open, &Ord::cmp);
        let usage = if told.asked { ",\"usage\":null" } else { "" };
        let mut events = String::new();
        for index in open {
            events.push_str(&self.chunk(&format!(
                r#"[{{"index":{index},"delta":{{}},"logprobs":null,"finish_reason":"{reason}"}}]{usage}"#
            )));
        }
        if told.asked {
            events.push_str(&self.chunk(&format!("[],\"usage\":{}", report(told))));
        }
        events.push_str("data: [DONE]\n\n");
        events.into_bytes()
    }

    /// A chunk with these choices, and what follows them.
    fn chunk(&self, choices: &str) -> String {
        let head = self.head.as_deref().unwrap_or_default();
        format!("data: {{{head}\"object\":\"chat.completion.chunk\",\"choices\":{choices}}}\n\n")
    }
}

/// The report of usage.
fn report(told: &EndUsage) -> String {
    let usage = told.usage;
    let total = usage.input.saturating_add(usage.output);
    format!(
        r#"{{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{total},"prompt_tokens_details":{{"cached_tokens":{}}},"completion_tokens_details":{{"reasoning_tokens":{}}}}}"#,
        usage.input, usage.output, usage.cached, usage.reasoning
    )
}

/// What matters of one chunk.
#[derive(Default)]
struct Chunk {
    /// The values of [`HEAD`].
    head: [Option<Span>; HEAD.len()],
    choices: Vec<Choice>,
}

impl Chunk {
    fn read(&mut self, data: &[u8]) -> Result<(), Error> {
        let mut reader = Reader::new(data, unwatched)?;
        if reader.kind()? != Kind::Object {
            return Ok(());
        }
        reader.object(|reader, key| {
            let name = key.value();
            if name == "choices" && reader.kind()? == Kind::Array {
                return reader.array(|reader| choice(reader).map(|read| self.choices.extend(read)));
            }
            let place = HEAD.iter().position(|known| *known == name);
            match place.and_then(|place| self.head.get_mut(place)) {
                Some(place) => *place = plain(reader, member_of_head(&name))?,
                None => drop(reader.skip()?),
            }
            Ok::<(), Error>(())
        })?;
        reader.finish()
    }
}

fn choice(reader: &mut Reader<'_>) -> Result<Option<Choice>, Error> {
    if reader.kind()? != Kind::Object {
        return reader.skip().map(|_| None);
    }
    let mut choice = Choice {
        index: 0,
        finished: false,
    };
    reader.object(|reader, key| {
        match (key.value().as_ref(), reader.kind()?) {
            ("index", Kind::Number) => choice.index = reader.number()?.parse().unwrap_or(0),
            // Some servers send "" until there is one.
            ("finish_reason", Kind::String) => choice.finished = !reader.string()?.is_empty(),
            _ => drop(reader.skip()?),
        }
        Ok::<(), Error>(())
    })?;
    Ok(Some(choice))
}
