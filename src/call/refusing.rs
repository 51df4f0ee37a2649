/*! What callers are told where guardrails let nothing pass. */

use super::background::{OPEN, holder_of};
use crate::config::Policy;
use crate::host::Instant;
use crate::ledger::{Full, MOST_OF_USER, MOST_OPEN};
use crate::mask::Verdict;
use crate::protocols::texts::Unscannable;
use crate::protocols::{ErrorKind, Refusal};

/// What callers are told of a request that this guardrail blocks.
pub(super) fn blocked_request(policy: &Policy, guardrail: u16) -> Refusal {
    let name = name(policy, guardrail);
    let message = format!("The request is blocked by the guardrail '{name}'.");
    content_filter(message, name)
}

/// What callers are told of an answer that is blocked before anything of it has gone on.
pub(super) fn blocked_answer(policy: &Policy, verdict: &Verdict) -> Refusal {
    let name = verdict.blocked().map_or("", |index| name(policy, index));
    let message = format!("The answer is blocked by the guardrail '{name}'.");
    content_filter(message, name)
}

/// The name of a guardrail.
pub(super) fn name(policy: &Policy, index: u16) -> &str {
    let guardrail = policy.guardrails.get(usize::from(index));
    guardrail.map_or("", |guardrail| &guardrail.name)
}

/// OpenAI's own code for what its filters refuse.
fn content_filter(message: String, guardrail: &str) -> Refusal {
    let mut refusal = Refusal::new(ErrorKind::Invalid, "content_filter", message);
    guardrail.clone_into(&mut refusal.detail);
    refusal
}

/// What is told where a guardrail can't be asked, and nothing passes without it.
pub(super) fn unavailable(policy: &Policy, guardrail: u16) -> Refusal {
    let name = name(policy, guardrail);
    let message = format!("The guardrail '{name}' can't be asked at the moment.");
    let mut refusal = Refusal::new(ErrorKind::Unavailable, "guardrail_unavailable", message);
    name.clone_into(&mut refusal.detail);
    refusal
}

/// Why a request that became too long by its masks is refused; `most` in bytes.
pub(super) fn request_too_long(most: u64) -> Refusal {
    let message = format!(
        "With its personal data masked, the request is longer than the {most} bytes that this gateway accepts."
    );
    Refusal::new(ErrorKind::TooLarge, "request_too_large", message)
}

/// Stands in for an answer that is longer than can be inspected, or has become too long by its
/// masks.
pub(super) fn answer_too_long() -> Refusal {
    let message = "The answer is longer than this gateway can inspect.";
    Refusal::new(ErrorKind::BadGateway, "answer_too_long", message)
}

/// Stands in for an answer that has to be inspected, and can't be.
pub(super) fn unscannable() -> Refusal {
    let message = "The provider sent something that can't be inspected, and has to be.";
    Refusal::new(ErrorKind::BadGateway, "unscannable_answer", message)
}

/// Why a stream is refused where services have to judge answers.
pub(super) fn unjudged_stream() -> Refusal {
    let message = "Answers have to be inspected whole here: ask without \"stream\".";
    let mut refusal = Refusal::new(ErrorKind::Invalid, "unscannable_request", message);
    "streams".clone_into(&mut refusal.detail);
    refusal
}

/// Why sound or images are not asked for where answers have to be inspected.
pub(super) fn unread_media() -> Refusal {
    let message = "Answers have to be inspected here, which sound and images can't be.";
    let mut refusal = Refusal::new(ErrorKind::Invalid, "unscannable_request", message);
    "answers".clone_into(&mut refusal.detail);
    refusal
}

/// Its name in policies and metrics.
pub(super) const fn unscannable_name(kind: Unscannable) -> &'static str {
    match kind {
        Unscannable::Media | Unscannable::Tokens => "media",
        Unscannable::Remote | Unscannable::Stored => "remote",
        Unscannable::Tools => "tools",
    }
}

/// Why a request is refused that holds something that has to be inspected, and can't be.
pub(super) fn unscannable_request(kind: Unscannable) -> Refusal {
    let what = match kind {
        Unscannable::Media => "images, sound or files",
        Unscannable::Tokens => "a prompt in tokens or embeddings",
        Unscannable::Remote | Unscannable::Stored => {
            "images or files that the provider would fetch"
        }
        Unscannable::Tools => "tools that the provider would run",
    };
    let message = format!("The request holds {what}, which this gateway can't inspect and has to.");
    let mut refusal = Refusal::new(ErrorKind::Invalid, "unscannable_request", message);
    unscannable_name(kind).clone_into(&mut refusal.detail);
    refusal
}

/// There is no such response; the same whether there is none, or it is another tenant's.
pub(super) fn response_not_found() -> Refusal {
    let message = "There is no such response.";
    Refusal::new(ErrorKind::NotFound, "response_not_found", message)
}

/// There is no such conversation, or nothing such in it; the same where it is another tenant's.
pub(super) fn conversation_not_found() -> Refusal {
    let message = "There is no such conversation, or no such item in it.";
    Refusal::new(ErrorKind::NotFound, "conversation_not_found", message)
}

/// The path has other methods.
pub(super) fn wrong_method(allowed: &str) -> Refusal {
    let message = format!("This path takes {allowed} only.");
    let refusal = Refusal::new(ErrorKind::Method, "method_not_allowed", message);
    refusal.header("allow", allowed)
}

/// There is no such file; the same whether there is none, or it is another tenant's.
pub(super) fn file_not_found() -> Refusal {
    let message = "There is no such file.";
    Refusal::new(ErrorKind::NotFound, "file_not_found", message)
}

/// There is no such batch; the same whether there is none, or it is another tenant's.
pub(super) fn batch_not_found() -> Refusal {
    let message = "There is no such batch.";
    Refusal::new(ErrorKind::NotFound, "batch_not_found", message)
}

/// Why no more is begun whose end has to be read.
pub(super) fn too_many_open(full: &Full, now: Instant) -> Refusal {
    let (whose, most) = match full.of_user {
        true => ("your user", MOST_OF_USER),
        false => ("your tenant", MOST_OPEN),
    };
    let message = format!(
        "Too many responses in the background and batches of {whose} are open: at most {most}. Read \
         those that are over, and try again."
    );
    let mut refusal = Refusal::new(ErrorKind::RateLimit, "too_many_open", message);
    refusal.detail = format!("{} {OPEN}", holder_of(full));
    let wait_ms = full.free_ms.saturating_sub(now.unix_millis());
    refusal.header("retry-after", wait_ms.div_ceil(1_000).max(1).to_string())
}

/// Why lists of what the provider keeps are refused.
pub(super) fn no_lists() -> Refusal {
    let message = "Nothing is listed here: the provider's list has what all tenants keep.";
    Refusal::new(ErrorKind::NotFound, "no_lists", message)
}

/// A path whose calls nothing here can read.
pub(super) fn unscannable_path() -> Refusal {
    let message = "Calls of this path can't be inspected, and have to be, as guardrails look at what \
        your tenant sends or gets. The gateway's operator can let them pass (unscannable.paths).";
    Refusal::new(ErrorKind::NotFound, "unscannable_path", message)
}
