/*! Ids of responses in answers: the caller gets ids of ours in the place of the provider's. */

use super::Seen;
use super::stream::write;
use crate::call::stored::Named;
use crate::config::Stored;
use crate::identity::Caller;
use crate::json::{Edits, Reader, Text, quote};
use crate::protocols::openai::{IdOf, ToldError, object_ids, response_ids, told_error};
use crate::protocols::{Api, ReportedUsage};
use crate::sse;
use crate::wrapped::{Kind, Mark, Secrets, Thing};

/// What the ids of an answer become.
#[derive(Debug, Clone)]
pub(in crate::call) struct Ids {
    pub(in crate::call) secrets: Secrets,
    pub(in crate::call) tenant: String,
    /// What the answer tells of.
    pub(in crate::call) kind: Kind,
    /// The backend that answers.
    pub(in crate::call) backend: Mark,
    /// Tokens that the response brings into a prompt, where it does not say itself.
    pub(in crate::call) tokens: u64,
    /// What else its id says.
    pub(in crate::call) more: Vec<u8>,
    /// Whether the provider keeps it: only then its id is worth something.
    pub(in crate::call) kept: bool,
    /// Whether it is not over when it comes.
    pub(in crate::call) background: bool,
    /// Whether a response is read that another call has made.
    pub(in crate::call) reads: bool,
    /// The provider's id of the response itself and how it is told, once it has come.
    pub(in crate::call) own: Option<(String, String)>,
    /// What the call names by ids.
    pub(in crate::call) known: Vec<Known>,
}

/// Something that a call names.
#[derive(Debug, Clone)]
pub(in crate::call) struct Known {
    pub(in crate::call) kind: Kind,
    /// The provider's id.
    pub(in crate::call) own: String,
    /// The caller's.
    pub(in crate::call) told: String,
    /// The member of the request that names it; empty: its path does.
    pub(in crate::call) place: &'static str,
}

impl Ids {
    /// Those of something that a backend keeps, and that brings so many tokens into a prompt.
    pub(in crate::call) fn of(
        (stored, caller): (&Stored, &Caller),
        kind: Kind,
        (backend, tokens): (Mark, u64),
        known: Option<&Named>,
    ) -> Self {
        Self {
            secrets: stored.secrets.clone(),
            tenant: caller.tenant.name.clone(),
            kind,
            backend,
            tokens,
            more: Vec::new(),
            kept: true,
            background: false,
            reads: false,
            own: None,
            known: known.map(Named::known).into_iter().collect(),
        }
    }

    /// Whether the answer tells of a batch.
    pub(super) fn are_of_batch(&self) -> bool {
        self.kind == Kind::Batch
    }

    /// A whole answer with ids of ours; `None`: it has none.
    pub(super) fn whole(&self, body: &[u8]) -> Option<Vec<u8>> {
        let told = match self.kind {
            Kind::Response => tokens(body),
            Kind::Conversation | Kind::File | Kind::Batch => None,
        };
        let edits = self.edits(body, false, told.unwrap_or(self.tokens));
        edits.apply(body).map(|rewrite| rewrite.whole(body))
    }

    /// Whether a provider's id is known that an error may name.
    pub(super) fn know_one(&self) -> bool {
        !self.known.is_empty()
    }

    /// An error with the caller's id in the place of the provider's; `None`: it does not name that.
    pub(super) fn error(&self, body: &[u8]) -> Option<Vec<u8>> {
        let body = String::from_utf8_lossy(body);
        let mut text = body.clone().into_owned();
        let known = self.known.iter().map(|known| (&known.own, &known.told));
        let own = self.own.iter().map(|(own, told)| (own, told));
        for (own, told) in known.chain(own) {
            text = renamed(&text, own, told);
        }
        (text != body).then(|| text.into_bytes())
    }

    /// What the call names of which an error says that it is not there (any more): by a code, or
    /// without one by its id.
    pub(super) fn missing(&self, status: u16, error: &[u8]) -> Option<&Known> {
        let ToldError { code, message } = told_error(error);
        let is_gone = status == 404 || (status == 400 && says_gone(&message));
        let by_id = |known: &&Known| is_gone && names(&message, &known.own);
        let by_code = |known: &&Known| is_code_of(known.kind, &code);
        let known = || self.known.iter();
        known().find(by_id).or_else(|| known().find(by_code))
    }

    /// Takes note of the id of the response itself, the first time that it is told.
    pub(super) fn note(&mut self, text: &[u8], event: bool, seen: &mut Seen) {
        if self.own.is_some() {
            return;
        }
        let mut found = None;
        response_ids(text, event, &mut |of, id| {
            if of == IdOf::Itself {
                found = Some(id.value().into_owned());
            }
        });
        let told = |id: String| Some((self.told(IdOf::Itself, &id, self.tokens)?, id));
        if let Some((told, id)) = found.and_then(told) {
            seen.response = self.background.then(|| id.clone());
            self.own = Some((id, told));
        }
    }

    /// An event of a stream, or the front of one, with ids of ours; `None`: it has none.
    pub(super) fn event(&mut self, event: &[u8], seen: &mut Seen) -> Option<Vec<u8>> {
        if !has_response(event) {
            return None;
        }
        let data = sse::data(event)?;
        self.note(&data, true, seen);
        let edits = self.edits(&data, true, self.tokens);
        if edits.is_empty() {
            return None;
        }
        let mut out = Vec::new();
        write(event, &data, edits, &mut out);
        Some(out)
    }

    fn edits(&self, text: &[u8], event: bool, tokens: u64) -> Edits {
        let mut edits = Edits::default();
        let mut take = |of, id: Text<'_>| {
            if let Some(told) = self.told(of, &id.value(), tokens) {
                edits.replace(id.span(), quote(&told));
            }
        };
        match self.kind {
            Kind::Response | Kind::Conversation => response_ids(text, event, &mut take),
            Kind::File | Kind::Batch => self.of_object(text, &mut edits),
        }
        edits
    }

    /// Those of a file, or of a batch and the files that it is made of and makes.
    fn of_object(&self, text: &[u8], edits: &mut Edits) {
        object_ids(text, &mut |name, id| {
            let (kind, more) = match (self.kind, name) {
                (kind, "id") => (kind, &*self.more),
                (_, "input_file_id") => (Kind::File, &*self.more),
                // What they hold is answers to the same requests.
                _ => (Kind::File, self.more.get(..1).unwrap_or_default()),
            };
            let value = id.value();
            let known = self.known.iter().find(|known| known.own == value);
            let told = match known {
                Some(known) => Some(known.told.clone()),
                None => {
                    let thing = Thing {
                        kind,
                        id: value.into_owned(),
                        backend: self.backend,
                        tokens: self.tokens,
                    };
                    self.secrets.wrap_with(&self.tenant, &thing, more)
                }
            };
            if let Some(told) = told {
                edits.replace(id.span(), quote(&told));
            }
        });
    }

    fn told(&self, of: IdOf, id: &str, tokens: u64) -> Option<String> {
        if let Some(known) = self.known.iter().find(|known| known.own == id) {
            return Some(known.told.clone());
        }
        let (kind, tokens) = match of {
            IdOf::Itself if !self.kept => return None,
            IdOf::Itself => (self.kind, tokens),
            IdOf::Previous => (Kind::Response, tokens),
            // How long one is changes all the time.
            IdOf::Conversation => (Kind::Conversation, 0),
        };
        let thing = Thing {
            kind,
            id: id.to_owned(),
            backend: self.backend,
            tokens,
        };
        self.secrets.wrap(&self.tenant, &thing)
    }
}

/// Whether an error of this code says that there is no such thing.
fn is_code_of(kind: Kind, code: &str) -> bool {
    match kind {
        Kind::Response => matches!(code, "previous_response_not_found" | "response_not_found"),
        Kind::Conversation => code == "conversation_not_found",
        Kind::File => code == "file_not_found",
        Kind::Batch => code == "batch_not_found",
    }
}

/// Whether a message under 400, which says many things, says that something is not there.
fn says_gone(message: &str) -> bool {
    const WORDS: [&str; 4] = ["not found", "no such", "does not exist", "doesn't exist"];
    let message = message.to_ascii_lowercase();
    WORDS.iter().any(|words| message.contains(words))
}

/// Whether an id stands in a text by itself.
fn names(text: &str, id: &str) -> bool {
    renamed(text, id, "") != text
}

/// A text with `told` in the place of `own` wherever that stands by itself.
fn renamed(text: &str, own: &str, told: &str) -> String {
    let is_of_ids = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(own) {
        out.push_str(before);
        let is_whole = !out.ends_with(is_of_ids) && !behind.starts_with(is_of_ids);
        out.push_str(if is_whole { told } else { own });
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// Whether an event may tell of a response: others need not be read.
fn has_response(event: &[u8]) -> bool {
    const NAME: &[u8] = b"\"response\"";
    let mut rest = event;
    while let Some(at) = rest.iter().position(|byte| *byte == b'"') {
        rest = rest.get(at..).unwrap_or_default();
        if rest.starts_with(NAME) {
            return true;
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    false
}

/// Tokens of the prompt and the answer, if a whole response says how many they were.
fn tokens(body: &[u8]) -> Option<u64> {
    let mut reported = ReportedUsage::Absent;
    let mut reader = Reader::new(body, |_| None).ok()?;
    let read = reader.object(|reader, key| match key.value().as_ref() {
        "usage" => {
            reported = ReportedUsage::read(Api::Responses, reader)?;
            Ok(())
        }
        _ => reader.skip().map(drop),
    });
    match reported {
        ReportedUsage::Counted(usage) if read.is_ok() => {
            Some(usage.input.saturating_add(usage.output))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
