/*! An error of a provider: held until it is whole, then freed of the operator's account, and
inspected like any answer, but for services: where they judge answers, an error that they have
not seen is something that can't be inspected. */

use super::guarding::Guard;
use super::{Context, Ids, Known, OnData, Reading, Seen, Stopped};
use crate::call::stored::not_found;
use crate::protocols::{ErrorKind, Protocol, Refusal, redact_account};

/// Longest error body that is held to remove the operator's account from it, in bytes.
pub(in crate::call) const MAX_ERROR_BODY: usize = 64 * 1024;

#[derive(Debug)]
pub(in crate::call) struct ErrorReader {
    protocol: Protocol,
    status: u16,
    guard: Option<Guard>,
    /// How the caller knows what the call is about.
    ids: Option<Box<Ids>>,
    /// Whether another error has gone on in its place.
    replaced: bool,
}

impl ErrorReader {
    pub(super) fn new(reading: Reading, status: u16) -> Self {
        Self {
            protocol: reading.api.protocol(),
            status,
            guard: reading.guard,
            ids: reading.ids.filter(Ids::know_one).map(Box::new),
            replaced: false,
        }
    }

    pub(super) const fn is_replaced(&self) -> bool {
        self.replaced
    }

    pub(super) const fn changes_length(&self) -> bool {
        self.guard.is_some() || self.ids.is_some()
    }

    pub(super) fn data(
        &mut self,
        seen: &mut Seen,
        piece: &[u8],
        end: bool,
        context: &mut dyn Context,
    ) -> OnData {
        if self.replaced {
            return OnData::Replace(Vec::new());
        }
        if piece.len() > MAX_ERROR_BODY {
            self.replaced = true;
            return OnData::Replace(in_its_place(self.protocol, "too long to be shown"));
        }
        if !end {
            return OnData::Hold;
        }
        let mut text = piece.to_vec();
        if let Some(ids) = &self.ids {
            if let Some(missing) = ids.missing(self.status, piece).cloned() {
                return self.missing(seen, &missing);
            }
            text = ids.error(piece).unwrap_or(text);
        }
        if let Some(guard) = &self.guard {
            text = guard.error(&text, context.verdict());
            if context.verdict().blocked().is_some() {
                text = in_its_place(self.protocol, "kept back by a guardrail");
            } else if text.len() > guard.longest {
                text = in_its_place(self.protocol, "too long to be shown");
            } else if !guard.services.is_empty() {
                // Services judge what models say. Whether what they don't see goes on is the
                // operator's to say.
                context.unscanned(guard.passes_unread);
                if !guard.passes_unread {
                    text = in_its_place(self.protocol, "kept back: services have not judged it");
                }
            }
        }
        redact_account(&mut text);
        if text == piece {
            OnData::Pass
        } else {
            OnData::Replace(text)
        }
    }

    /// The provider does not have (any more) what the call names.
    fn missing(&mut self, seen: &mut Seen, missing: &Known) -> OnData {
        self.replaced = true;
        let refusal = match missing.place {
            "" => not_found(missing.kind),
            place => not_found(missing.kind).at(place),
        };
        let reply = refusal.reply(self.protocol);
        seen.stopped = Stopped::Reworded(reply.status, refusal.code);
        OnData::Reply(reply)
    }
}

/// Stands in for an error body that may not be shown.
fn in_its_place(protocol: Protocol, why: &str) -> Vec<u8> {
    let message = format!("The provider's error message is {why}.");
    let refusal = Refusal::new(ErrorKind::BadGateway, "upstream_error", message);
    refusal.reply(protocol).body
}
