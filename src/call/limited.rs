/*! What callers are told of limits: that one is reached, and how much of each is left. */

use crate::date;
use crate::ledger::limits::{Exceeded, Holder, Standing, Standings, Unit};
use crate::protocols::{ErrorKind, Protocol, Refusal};
use std::fmt::Write;

/// Where the figure of a refused call comes from that its caller has not sent.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Origin {
    /// Tokens that the answer may have.
    pub(super) answer: u64,
    /// Whether the caller has bounded it.
    pub(super) bounded: bool,
    /// The caller's word for that bound, if there is one.
    pub(super) bound: Option<&'static str>,
    /// Tokens that the conversation may hold.
    pub(super) conversation: u64,
    /// Whether steps of a workflow are counted in.
    pub(super) steps: bool,
}

/// The answer to a call for which a limit leaves no room.
pub(super) fn refusal(
    exceeded: &Exceeded,
    protocol: Protocol,
    now_ms: u64,
    origin: &Origin,
) -> Refusal {
    let money = exceeded.unit == Unit::NanoUsd;
    let wait_ms = match exceeded.unit {
        // Any call that ends makes room.
        Unit::Concurrent => Some(1_000),
        _ => exceeded.free_ms.map(|free| free.saturating_sub(now_ms)),
    };
    let (kind, code) = match money {
        true => (ErrorKind::Quota, "insufficient_quota"),
        false => (ErrorKind::RateLimit, "rate_limit_exceeded"),
    };
    let wait = wait_ms.map(|wait| wait.div_ceil(1_000).max(1));
    let mut refusal = Refusal::new(kind, code, message(exceeded, wait, origin));
    refusal.detail = format!("{} {}", holder_kind(&exceeded.holder), exceeded.limit);
    for (name, value) in headers(&exceeded.standings, protocol, now_ms) {
        refusal = refusal.header(name, value);
    }
    match wait {
        Some(wait) if !money => refusal.header("retry-after", wait.to_string()),
        // It would be refused again.
        None => refusal.header("x-should-retry", "false"),
        Some(_) => refusal,
    }
}

/// Whether the figures are the caller's own.
const fn is_own(holder: &Holder) -> bool {
    matches!(holder, Holder::User { .. })
}

pub(super) const fn holder_kind(holder: &Holder) -> &'static str {
    match holder {
        Holder::Tenant(_) => "tenant",
        Holder::Model(_) => "model",
        Holder::User { .. } => "user",
    }
}

fn message(exceeded: &Exceeded, wait: Option<u64>, origin: &Origin) -> String {
    let whose = match &exceeded.holder {
        Holder::Tenant(name) => format!("tenant '{name}'"),
        Holder::Model(name) => format!("the model '{name}'"),
        Holder::User { .. } => "your user".to_owned(),
    };
    if exceeded.unit == Unit::Concurrent {
        let amount = exceeded.amount;
        return format!(
            "Too many calls under way: the limit of {whose} is {amount}. Try again when one has ended."
        );
    }
    let (with_steps, parts) = (
        origin.with_steps(exceeded.unit),
        origin.parts(exceeded.unit),
    );
    if exceeded.unit == Unit::NanoUsd && !is_own(&exceeded.holder) {
        // What others may spend, and have spent, is not the caller's affair.
        return format!("The budget of {whose} leaves no room for this call{with_steps}.{parts}");
    }
    let limit = of_unit(exceeded.unit, exceeded.amount);
    let period = exceeded
        .window
        .period()
        .map_or("", |period| period.as_str());
    let limit = format!("The limit of {whose} is {limit} per {period}");
    let (taken, wanted) = (
        of_unit(exceeded.unit, exceeded.taken),
        of_unit(exceeded.unit, exceeded.wanted),
    );
    let wanted = format!("{wanted}{with_steps}");
    match wait {
        None => format!("{limit}; this call may need {wanted}, which is more than that.{parts}"),
        Some(wait) => {
            let taken = match is_own(&exceeded.holder) {
                true => format!("{taken} are taken, and this call may need {wanted}"),
                false => format!("this call may need {wanted}, and less is left"),
            };
            let wait = duration(wait);
            format!("{limit}: {taken}.{parts} There is room in {wait}.")
        }
    }
}

impl Origin {
    const fn with_steps(&self, unit: Unit) -> &'static str {
        match unit {
            Unit::Requests | Unit::Concurrent => "",
            _ if self.steps => ", its steps included",
            _ => "",
        }
    }

    /// The parts of the figure that the caller has not sent, as a sentence; empty without any.
    fn parts(&self, unit: Unit) -> String {
        let of_prompt = matches!(unit, Unit::InputTokens | Unit::Tokens | Unit::NanoUsd);
        let answer = (unit.counts_output() && self.answer > 0).then(|| self.of_answer());
        let conversation = (of_prompt && self.conversation > 0).then(|| self.of_conversation());
        let parts: Vec<String> = answer.into_iter().chain(conversation).collect();
        match parts.is_empty() {
            true => String::new(),
            false => format!(" Tokens counted in: {}.", parts.join(" and ")),
        }
    }

    fn of_answer(&self) -> String {
        let answer = self.answer;
        match (self.bound, self.bounded) {
            (Some(bound), false) => {
                format!("{answer} for the answer (set {bound} to take less)")
            }
            (Some(_), true) => format!("{answer} for the answer (a lower bound takes less)"),
            (None, _) => format!("{answer} for the answer"),
        }
    }

    fn of_conversation(&self) -> String {
        format!(
            "{} for what the conversation may hold (the operator can set \
             stored.conversations.tokens)",
            self.conversation
        )
    }
}

/// An amount with its unit.
fn of_unit(unit: Unit, amount: u64) -> String {
    match unit {
        Unit::Requests if amount == 1 => "1 request".to_owned(),
        Unit::Requests => format!("{amount} requests"),
        Unit::InputTokens => format!("{amount} input tokens"),
        Unit::OutputTokens => format!("{amount} output tokens"),
        Unit::Tokens => format!("{amount} tokens"),
        Unit::Concurrent => format!("{amount} calls under way"),
        Unit::NanoUsd => format!("{} USD", usd(amount)),
    }
}

/// Nano-USD as decimal dollars, without needless zeros.
pub(super) fn usd(nano: u64) -> String {
    const ONE: u64 = 1_000_000_000;
    let text = format!("{}.{:09}", nano / ONE, nano % ONE);
    let text = text.trim_end_matches('0');
    text.strip_suffix('.').unwrap_or(text).to_owned()
}

/// What is left, as the caller's protocol says it.
pub(super) fn headers(
    standings: &Standings,
    protocol: Protocol,
    now_ms: u64,
) -> Vec<(&'static str, String)> {
    let mut headers = Vec::new();
    match protocol {
        Protocol::OpenAi | Protocol::Gemini | Protocol::Bedrock => {
            let requests = [
                "x-ratelimit-limit-requests",
                "x-ratelimit-remaining-requests",
                "x-ratelimit-reset-requests",
            ];
            let tokens = [
                "x-ratelimit-limit-tokens",
                "x-ratelimit-remaining-tokens",
                "x-ratelimit-reset-tokens",
            ];
            for (names, standing) in [
                (requests, standings.requests),
                (tokens, standings.tightest_tokens()),
            ] {
                let reset = |standing: &Standing| {
                    duration(standing.full_ms.saturating_sub(now_ms).div_ceil(1_000))
                };
                add(&mut headers, names, standing, reset);
            }
        }
        Protocol::Anthropic => {
            for (names, standing) in [
                (
                    [
                        "anthropic-ratelimit-requests-limit",
                        "anthropic-ratelimit-requests-remaining",
                        "anthropic-ratelimit-requests-reset",
                    ],
                    standings.requests,
                ),
                (
                    [
                        "anthropic-ratelimit-tokens-limit",
                        "anthropic-ratelimit-tokens-remaining",
                        "anthropic-ratelimit-tokens-reset",
                    ],
                    standings.tokens,
                ),
                (
                    [
                        "anthropic-ratelimit-input-tokens-limit",
                        "anthropic-ratelimit-input-tokens-remaining",
                        "anthropic-ratelimit-input-tokens-reset",
                    ],
                    standings.input_tokens,
                ),
                (
                    [
                        "anthropic-ratelimit-output-tokens-limit",
                        "anthropic-ratelimit-output-tokens-remaining",
                        "anthropic-ratelimit-output-tokens-reset",
                    ],
                    standings.output_tokens,
                ),
            ] {
                let reset = |standing: &Standing| date::rfc3339(standing.full_ms.div_ceil(1_000));
                add(&mut headers, names, standing, reset);
            }
        }
    }
    headers
}

fn add(
    headers: &mut Vec<(&'static str, String)>,
    [limit, remaining, reset]: [&'static str; 3],
    standing: Option<Standing>,
    told: impl Fn(&Standing) -> String,
) {
    if let Some(standing) = standing {
        headers.push((limit, standing.limit.to_string()));
        headers.push((remaining, standing.remaining.to_string()));
        headers.push((reset, told(&standing)));
    }
}

/// Seconds in OpenAI's notation: `1s`, `6m0s`, `2h0m5s`.
fn duration(seconds: u64) -> String {
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let mut text = String::new();
    if hours > 0 {
        let _ = write!(text, "{hours}h");
    }
    if seconds >= 60 {
        let _ = write!(text, "{minutes}m");
    }
    let _ = write!(text, "{}s", seconds % 60);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_openai_writes_them() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m0s"),
            (3605, "1h0m5s"),
            (90_000, "25h0m0s"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn dollars_without_needless_zeros() {
        for (nano, text) in [
            (0, "0"),
            (1, "0.000000001"),
            (50_000_000_000, "50"),
            (1_250_000_000, "1.25"),
        ] {
            assert_eq!(usd(nano), text);
        }
    }
}
