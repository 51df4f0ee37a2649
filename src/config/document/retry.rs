/*! `fallback` and `cool_down`. */

use super::super::fields::Node;
use super::super::model::Fallback;
use super::super::problem::Problems;
use super::super::scalars::{duration, flag, small_count};
use super::Located;
use super::model::attempts;

/// Tries of a call unless told: two providers may fail before it does.
const ATTEMPTS: u32 = 3;

/// Times in milliseconds.
#[derive(Default)]
pub(in super::super) struct CoolDownEntry {
    pub(in super::super) rate_limited: Option<Located<u64>>,
    pub(in super::super) failures: Option<u32>,
    pub(in super::super) base: Option<Located<u64>>,
    pub(in super::super) max: Option<Located<u64>>,
}

pub(super) fn fallback(node: &Node<'_>, problems: &mut Problems) -> Option<Fallback> {
    let mut fields = node.fields(problems)?;
    let attempts = fields.optional("attempts", attempts, problems);
    let content_policy = fields.optional("content_policy", flag, problems);
    fields.finish(problems);
    Some(Fallback {
        attempts: attempts.unwrap_or(ATTEMPTS),
        content_policy: content_policy.unwrap_or(false),
    })
}

pub(super) fn cool_down(node: &Node<'_>, problems: &mut Problems) -> Option<CoolDownEntry> {
    let mut fields = node.fields(problems)?;
    let entry = CoolDownEntry {
        rate_limited: fields.optional("rate_limited", duration, problems),
        failures: fields.optional("failures", failures, problems),
        base: fields.optional("base", duration, problems),
        max: fields.optional("max", duration, problems),
    };
    fields.finish(problems);
    Some(entry)
}

fn failures(node: &Node<'_>, problems: &mut Problems) -> Option<u32> {
    small_count(node, problems, 1..=1000)
}
