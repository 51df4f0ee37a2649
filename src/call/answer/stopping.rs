/*! Ending a stream before its provider does. */

use super::{Context, Seen, Stopped};
use crate::json::Edits;
use crate::ledger::Usage;
use crate::protocols::texts::ChannelKey;
use crate::protocols::{Api, EndReason, EndUsage, Ending, Refusal};

/// How a stream may be ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::call) enum Stop {
    /// Not before its provider ends it.
    Never,
    /// Where [`Context::passed`] says so, or a guardrail.
    Possible {
        /// Tokens of the prompt, estimated.
        prompt: u64,
        /// Whether the provider was told how long the answer may become.
        bounded: bool,
    },
}

/// Most bytes that are dropped behind the end of an answer that the provider has a bound for,
/// before the connections are cut. Anthropic's clients, and others, read up to the end of the
/// body and take a cut for an error; what they wait for has been reserved. 1 MiB is some
/// thousand tokens in events, more than an estimate is ever wrong by.
const PATIENCE: usize = 1024 * 1024;

/// Where a stream stands that may be ended.
#[derive(Debug)]
pub(super) enum Stopping {
    Never,
    Ready(Box<Ready>),
    /// It was ended. So many more bytes may be dropped.
    Stopped(usize),
}

/// What has to be known to end a stream.
#[derive(Debug)]
pub(super) struct Ready {
    ending: Ending,
    api: Api,
    prompt: u64,
    asked: bool,
    patience: usize,
}

impl Stopping {
    /// For a stream that begins; `asked`: whether its caller wants a report of usage.
    pub(super) fn new(stop: Stop, api: Api, model: Option<&str>, asked: bool) -> Self {
        let Stop::Possible { prompt, bounded } = stop else {
            return Self::Never;
        };
        Self::Ready(Box::new(Ready {
            ending: Ending::new(api, model),
            api,
            prompt,
            asked,
            patience: if bounded { PATIENCE } else { 0 },
        }))
    }

    pub(super) const fn is_stopped(&self) -> bool {
        matches!(self, Self::Stopped(_))
    }

    /// Follows one event, by its data.
    pub(super) fn note(&mut self, data: &[u8]) {
        if let Self::Ready(ready) = self {
            ready.ending.note(data);
        }
    }

    /// See [`Ending::rest`].
    pub(super) fn rest(&mut self, data: &[u8], rest: &[(ChannelKey, String)]) -> Vec<u8> {
        match self {
            Self::Ready(ready) if !rest.is_empty() => ready.ending.rest(data, rest),
            Self::Never | Self::Ready(_) | Self::Stopped(_) => Vec::new(),
        }
    }

    /// See [`Ending::renumber`].
    pub(super) fn renumber(&self, data: &[u8], edits: &mut Edits) {
        if let Self::Ready(ready) = self {
            ready.ending.renumber(data, edits);
        }
    }

    /// See [`Ending::next_number`]; `None`: the stream is not followed.
    pub(super) const fn next_number(&self) -> Option<u64> {
        match self {
            Self::Ready(ready) => Some(ready.ending.next_number()),
            Self::Never | Self::Stopped(_) => None,
        }
    }

    /// Whether a limit leaves no room for more of the stream.
    pub(super) fn is_due(&self, seen: &Seen, context: &mut dyn Context) -> bool {
        let Self::Ready(ready) = self else {
            return false;
        };
        let open = !seen.error && ready.ending.is_open();
        // To count is dearer than to see that it can't be enough.
        let far = seen.most_output_tokens() <= context.room();
        open && !far && context.passed(seen.output_tokens())
    }

    /// The events that end the stream here because a limit leaves no room for more of it.
    pub(super) fn stop(&mut self, seen: &mut Seen) -> Vec<u8> {
        let Self::Ready(ready) = self else {
            return Vec::new();
        };
        let last = ready.ending.events(EndReason::Length, &ready.told(seen));
        *self = Self::Stopped(ready.patience);
        seen.stopped = Stopped::AtLimit;
        last
    }

    /// The events that end the stream here because a guardrail lets no more of it pass.
    pub(super) fn block(&mut self, seen: &mut Seen, refusal: &Refusal) -> Vec<u8> {
        let (last, patience) = match self {
            Self::Ready(ready) if !seen.error && ready.ending.is_open() => {
                let last = ready.ending.events(EndReason::Content, &ready.told(seen));
                (last, ready.patience)
            }
            // There is no answer that could be ended.
            Self::Ready(ready) => (ready.error(refusal), ready.patience),
            Self::Never | Self::Stopped(_) => (Vec::new(), 0),
        };
        *self = Self::Stopped(patience);
        seen.stopped = Stopped::Blocked;
        last
    }

    /// The event that tells of something that can't be inspected; nothing goes on behind it.
    pub(super) fn give_up(&mut self, seen: &mut Seen, refusal: &Refusal) -> Vec<u8> {
        let (last, patience) = match self {
            Self::Ready(ready) => (ready.error(refusal), ready.patience),
            Self::Never | Self::Stopped(_) => (Vec::new(), 0),
        };
        *self = Self::Stopped(patience);
        seen.stopped = Stopped::Unscannable;
        last
    }

    /// Drops so many bytes; whether that is too much.
    pub(super) const fn is_too_much(&mut self, bytes: usize) -> bool {
        let Self::Stopped(left) = self else {
            return false;
        };
        let too_much = bytes > *left;
        *left = left.saturating_sub(bytes);
        too_much
    }
}

impl Ready {
    fn error(&self, refusal: &Refusal) -> Vec<u8> {
        refusal.numbered_event(self.api, self.ending.next_number())
    }

    fn told(&self, seen: &Seen) -> EndUsage {
        let prompt = seen.usage.or(seen.prompt).unwrap_or(Usage {
            input: self.prompt,
            ..Usage::default()
        });
        EndUsage {
            usage: Usage {
                output: seen.output_tokens(),
                ..prompt
            },
            prompt_told: seen.prompt.is_some(),
            asked: self.asked,
        }
    }
}
