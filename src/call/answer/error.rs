/*! An error of a provider: held until it is whole, then freed of the operator's account, and
inspected like any answer. */

use super::guarding::Guard;
use super::{Context, OnData, Reading};
use crate::protocols::{ErrorKind, Protocol, Refusal, redact_account};

/// Longest error body that is held to remove the operator's account from it, in bytes.
pub(in crate::call) const MAX_ERROR_BODY: usize = 64 * 1024;

#[derive(Debug)]
pub(in crate::call) struct ErrorReader {
    protocol: Protocol,
    guard: Option<Guard>,
    /// Whether another error has gone on in its place.
    replaced: bool,
}

impl ErrorReader {
    pub(super) fn new(reading: Reading) -> Self {
        Self {
            protocol: reading.protocol,
            guard: reading.guard,
            replaced: false,
        }
    }

    pub(super) const fn is_replaced(&self) -> bool {
        self.replaced
    }

    pub(super) const fn changes_length(&self) -> bool {
        self.guard.is_some()
    }

    pub(super) fn data(&mut self, piece: &[u8], end: bool, context: &mut dyn Context) -> OnData {
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
        if let Some(guard) = &self.guard {
            text = guard.error(&text, context.verdict());
            if context.verdict().blocked().is_some() {
                text = in_its_place(self.protocol, "kept back by a guardrail");
            } else if text.len() > guard.longest {
                text = in_its_place(self.protocol, "too long to be shown");
            }
        }
        redact_account(&mut text);
        if text == piece {
            OnData::Pass
        } else {
            OnData::Replace(text)
        }
    }
}

/// Stands in for an error body that may not be shown.
fn in_its_place(protocol: Protocol, why: &str) -> Vec<u8> {
    let message = format!("The provider's error message is {why}.");
    let refusal = Refusal::new(ErrorKind::BadGateway, "upstream_error", message);
    refusal.reply(protocol).body
}
