/*! Ids of responses in answers: the caller gets ids of ours in the place of the provider's. */

use super::stream::write;
use crate::json::{Edits, Reader, quote};
use crate::protocols::openai::{IdOf, response_ids};
use crate::protocols::{Api, ReportedUsage};
use crate::sse;
use crate::wrapped::{Kind, Mark, Secrets, Thing};

/// What the ids of an answer become.
#[derive(Debug, Clone)]
pub(in crate::call) struct Ids {
    pub(in crate::call) secrets: Secrets,
    pub(in crate::call) tenant: String,
    /// The backend that answers.
    pub(in crate::call) backend: Mark,
    /// Tokens that the response brings into a prompt, where it does not say itself.
    pub(in crate::call) tokens: u64,
    /// Whether the provider keeps the response: only then its id is worth something.
    pub(in crate::call) kept: bool,
    /// A provider's id and how the caller knows it.
    pub(in crate::call) known: Option<(String, String)>,
}

impl Ids {
    /// A whole answer with ids of ours; `None`: it has none.
    pub(super) fn whole(&self, body: &[u8]) -> Option<Vec<u8>> {
        let edits = self.edits(body, false, tokens(body).unwrap_or(self.tokens));
        edits.apply(body).map(|rewrite| rewrite.whole(body))
    }

    /// Whether a provider's id is known that an error may name.
    pub(super) fn know_one(&self) -> bool {
        self.known.is_some()
    }

    /// An error with the caller's id in the place of the provider's; `None`: it does not name that.
    pub(super) fn error(&self, body: &[u8]) -> Option<Vec<u8>> {
        let (own, told) = self.known.as_ref()?;
        let body = String::from_utf8_lossy(body);
        let is_of_ids = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let mut out = String::new();
        let mut rest = body.as_ref();
        while let Some((before, behind)) = rest.split_once(own) {
            out.push_str(before);
            let is_whole = !out.ends_with(is_of_ids) && !behind.starts_with(is_of_ids);
            out.push_str(if is_whole { told } else { own });
            rest = behind;
        }
        out.push_str(rest);
        (out != body).then(|| out.into_bytes())
    }

    /// An event of a stream, or the front of one, with ids of ours; `None`: it has none.
    pub(super) fn event(&self, event: &[u8]) -> Option<Vec<u8>> {
        if !has_response(event) {
            return None;
        }
        let data = sse::data(event)?;
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
        response_ids(text, event, &mut |of, id| {
            if let Some(told) = self.told(of, &id.value(), tokens) {
                edits.replace(id.span(), quote(&told));
            }
        });
        edits
    }

    fn told(&self, of: IdOf, id: &str, tokens: u64) -> Option<String> {
        if let Some((own, told)) = &self.known
            && own == id
        {
            return Some(told.clone());
        }
        if of == IdOf::Itself && !self.kept {
            return None;
        }
        let thing = Thing {
            kind: Kind::Response,
            id: id.to_owned(),
            backend: self.backend,
            tokens,
        };
        self.secrets.wrap(&self.tenant, &thing)
    }
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
