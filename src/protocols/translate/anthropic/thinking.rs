/*! How a request for reasoning is said in Anthropic's protocol, and what it rules out.

Claude models up to 4.5 take a budget of tokens; newer ones decide by themselves, guided
by an effort (pages "Extended thinking" and "Adaptive thinking"). */

use crate::protocols::translate::Dropped;
use crate::protocols::translate::hub::{Choice, Effort, Part, Reasoning, Request, Role};
use crate::protocols::translate::write::Writer;

/// What is asked of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Thinking {
    /// Nothing.
    Unasked,
    /// Tokens.
    Budget(u64),
    /// The value of `effort`.
    Adaptive(&'static str),
}

/// Smallest budget that Anthropic takes, in tokens.
const LEAST: u64 = 1024;

impl Thinking {
    /// What to ask for. `most` is the bound on output, of which thinking is a part.
    pub(in super::super) fn of(
        request: &Request<'_>,
        model: &str,
        most: u64,
        dropped: &mut Dropped,
    ) -> Self {
        let wanted = match request.reasoning {
            Reasoning::Unsaid | Reasoning::Off => return Self::Unasked,
            _ if knows_none(model) => {
                dropped.note(request.caller.effort(request.reasoning));
                return Self::Unasked;
            }
            Reasoning::Budget(budget) => Self::Budget(budget),
            Reasoning::Effort(effort) if takes_budget(model) => {
                // The answer itself needs room too.
                Self::Budget(budget(effort).min(most.div_euclid(2)))
            }
            Reasoning::Effort(effort) => Self::Adaptive(word(effort)),
        };
        if wanted.is_possible(request, most) {
            wanted
        } else {
            dropped.note(request.caller.effort(request.reasoning));
            Self::Unasked
        }
    }

    /// Writes the member `thinking`; hands out the effort, whose place is another.
    pub(in super::super) fn write(self, json: &mut Writer<'_>) -> Option<&'static str> {
        match self {
            Self::Unasked => None,
            Self::Budget(budget) => {
                json.open_member("thinking");
                json.member("type", "enabled");
                json.count("budget_tokens", budget);
                json.close();
                None
            }
            Self::Adaptive(effort) => {
                json.raw_member("thinking", r#"{"type":"adaptive"}"#);
                Some(effort)
            }
        }
    }

    /// Anthropic refuses thinking where a tool is forced or the answer is begun for the
    /// model; a budget also while tools run, since the thinking before their call would
    /// have to be shown, with its signature.
    fn is_possible(self, request: &Request<'_>, most: u64) -> bool {
        let last = request.turns.last();
        let begun = last.is_some_and(|turn| turn.role == Role::Assistant);
        let is_result = |part: &Part<'_>| matches!(part, Part::Result { .. });
        let running =
            last.is_some_and(|turn| turn.blocks.iter().any(|block| is_result(&block.part)));
        let forced = matches!(request.choice, Choice::Any | Choice::Named(_));
        match self {
            Self::Budget(budget) => {
                budget >= LEAST && budget < most && !running && !begun && !forced
            }
            _ => !begun && !forced,
        }
    }
}

/// Whether a model is older than thinking: it refuses the word.
fn knows_none(model: &str) -> bool {
    const OLDEST: [&str; 9] = [
        // Bedrock's names of Claude 2 begin so.
        "claude-v1",
        "claude-v2",
        "claude-1",
        "claude-2",
        "claude-instant",
        "claude-3-opus",
        "claude-3-sonnet",
        "claude-3-haiku",
        "claude-3-5",
    ];
    is_named(model, &OLDEST)
}

fn is_named(model: &str, names: &[&str]) -> bool {
    let model = model.to_ascii_lowercase().replace('.', "-");
    names.iter().any(|name| model.contains(name))
}

/// Whether a model takes a budget: those named so, by any provider that has them.
fn takes_budget(model: &str) -> bool {
    const OLD: [&str; 8] = [
        "claude-3-7",
        "opus-4-0",
        "sonnet-4-0",
        "opus-4-1",
        "opus-4-5",
        "sonnet-4-5",
        "haiku-4-5",
        // Claude 4 itself has its date right after the 4.
        "-4-2025",
    ];
    let model = model.to_ascii_lowercase();
    is_named(&model, &OLD) || model.ends_with("opus-4") || model.ends_with("sonnet-4")
}

const fn budget(effort: Effort) -> u64 {
    match effort {
        Effort::Minimal => LEAST,
        Effort::Low => 2048,
        Effort::Medium => 8192,
        Effort::High => 16_384,
        Effort::Max => 32_768,
    }
}

const fn word(effort: Effort) -> &'static str {
    match effort {
        Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::Max => "max",
    }
}
