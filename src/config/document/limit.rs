/*! `limits`, `per_user`, `tiers` and `ledger`. */

use super::super::background::Store;
use super::super::fields::{Fields, Node, Read};
use super::super::problem::Problems;
use super::super::scalars::{amount_usd, count, duration, flag, percent, tokens};
use super::super::tree::Tree;
use super::super::values::{name, references, size};
use super::{Located, Named, background, choice, named};
use crate::ledger::limits::{Period, Unit};

pub(in super::super) struct LimitEntry {
    pub(in super::super) path: String,
    pub(in super::super) name: Option<String>,
    pub(in super::super) unit: Unit,
    pub(in super::super) amount: u64,
    pub(in super::super) per: PerEntry,
    pub(in super::super) models: Vec<Located<String>>,
    pub(in super::super) shadow: bool,
    /// Ascending.
    pub(in super::super) alert_at: Vec<u8>,
    /// A new number forgets what was used.
    pub(in super::super) reset: u64,
}

pub(in super::super) enum PerEntry {
    Period {
        period: Period,
        sliding: bool,
    },
    /// In milliseconds.
    Lease(u64),
}

#[derive(Default)]
pub(in super::super) struct TierEntry {
    pub(in super::super) limits: Vec<LimitEntry>,
    pub(in super::super) per_user: Vec<LimitEntry>,
}

#[derive(Default)]
pub(in super::super) struct LedgerEntry {
    pub(in super::super) user_memory: Option<Located<u64>>,
    pub(in super::super) default_output: Option<OutputEntry>,
    pub(in super::super) admit_when_busy: bool,
    pub(in super::super) stop_at_limit: bool,
    pub(in super::super) store: Option<Store>,
}

/// The bound on answers of calls that name none.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct OutputEntry {
    pub(in super::super) tokens: u64,
    pub(in super::super) soft: bool,
}

/// Slots of calls that are never heard of again come back after so long, in milliseconds:
/// longer than most calls may take.
const LEASE_MS: u64 = 15 * 60_000;

/// Most of anything in one window: far below what 64 bits hold, so that sums do too.
const MAX_AMOUNT: u64 = 1_000_000_000_000_000;

pub(super) fn tiers(node: &Node<'_>, problems: &mut Problems) -> Option<Vec<Named<TierEntry>>> {
    named(node, problems, super::check_name, tier)
}

fn tier(node: &Node<'_>, problems: &mut Problems) -> Option<TierEntry> {
    let mut fields = node.fields(problems)?;
    let entry = TierEntry {
        limits: fields
            .optional("limits", limits, problems)
            .unwrap_or_default(),
        per_user: fields
            .optional("per_user", limits, problems)
            .unwrap_or_default(),
    };
    fields.finish(problems);
    Some(entry)
}

pub(super) fn limits(node: &Node<'_>, problems: &mut Problems) -> Option<Vec<LimitEntry>> {
    let elements = node.elements(problems)?;
    if elements.len() > 64 {
        problems.error(&node.path, "must not have more than 64 limits");
    }
    let read = |element: &Node<'_>| limit(element, problems);
    Some(elements.iter().filter_map(read).collect())
}

/// What can be limited; its amount stands under its name.
const UNITS: [(&str, Unit, Read<u64>); 6] = [
    ("requests", Unit::Requests, many),
    ("input_tokens", Unit::InputTokens, many),
    ("output_tokens", Unit::OutputTokens, many),
    ("tokens", Unit::Tokens, many),
    ("usd", Unit::NanoUsd, amount_usd),
    ("concurrent", Unit::Concurrent, many),
];

fn many(node: &Node<'_>, problems: &mut Problems) -> Option<u64> {
    count(node, problems, 1..=MAX_AMOUNT)
}

fn limit(node: &Node<'_>, problems: &mut Problems) -> Option<LimitEntry> {
    let mut fields = node.fields(problems)?;
    let mut written = Vec::new();
    for (word, unit, read) in UNITS {
        if let Some(node) = fields.find(word) {
            written.push((unit, read(&node, problems)));
        }
    }
    let unit = match written.as_slice() {
        [(unit, _)] => Some(*unit),
        _ => {
            let words = UNITS.map(|(word, ..)| word).join(", ");
            problems.error(&node.path, format!("must have exactly one of {words}"));
            None
        }
    };
    let per = unit.and_then(|unit| per(unit, &mut fields, problems));
    let entry = LimitEntry {
        path: node.path.clone(),
        name: fields.optional("name", name, problems),
        models: fields
            .optional("models", references, problems)
            .unwrap_or_default(),
        shadow: fields.optional("shadow", flag, problems).unwrap_or(false),
        alert_at: fields
            .optional("alert_at", percents, problems)
            .unwrap_or_default(),
        reset: fields.optional("reset", reset, problems).unwrap_or(0),
        unit: unit.unwrap_or(Unit::Requests),
        amount: 0,
        per: PerEntry::Lease(LEASE_MS),
    };
    fields.finish(problems);
    let amount = written.into_iter().next()?.1?;
    unit?;
    Some(LimitEntry {
        amount,
        per: per?,
        ..entry
    })
}

/// `per` and `window`, or the `lease` of calls under way.
fn per(unit: Unit, fields: &mut Fields<'_>, problems: &mut Problems) -> Option<PerEntry> {
    if unit == Unit::Concurrent {
        for name in ["per", "window", "alert_at"] {
            if let Some(node) = fields.find(name) {
                problems.error(&node.path, "has no meaning with concurrent");
            }
        }
        let lease = fields.optional("lease", duration, problems);
        return Some(PerEntry::Lease(lease.map_or(LEASE_MS, |lease| lease.value)));
    }
    let period = fields.required("per", period, problems)?;
    let sliding = fields.optional("window", sliding, problems);
    // Those of the calendar are what bills and budgets are made by; shorter ones must not let
    // two windows' worth through around the turn of the clock.
    let by_default = matches!(period, Period::Second | Period::Minute | Period::Hour);
    Some(PerEntry::Period {
        period,
        sliding: sliding.unwrap_or(by_default),
    })
}

fn period(node: &Node<'_>, problems: &mut Problems) -> Option<Period> {
    let words = [
        Period::Second,
        Period::Minute,
        Period::Hour,
        Period::Day,
        Period::Month,
    ];
    choice(
        node,
        problems,
        &words.map(|period| (period.as_str(), period)),
    )
}

fn sliding(node: &Node<'_>, problems: &mut Problems) -> Option<bool> {
    choice(node, problems, &[("sliding", true), ("fixed", false)])
}

fn percents(node: &Node<'_>, problems: &mut Problems) -> Option<Vec<u8>> {
    let elements = node.elements(problems)?;
    let mut all: Vec<u8> = Vec::new();
    for element in &elements {
        let Some(percent) = percent(element, problems) else {
            continue;
        };
        if all.last().is_some_and(|last| *last >= percent) {
            problems.error(&element.path, "must be larger than the one before it");
        }
        all.push(percent);
    }
    Some(all)
}

fn reset(node: &Node<'_>, problems: &mut Problems) -> Option<u64> {
    count(node, problems, 0..=1_000_000_000)
}

pub(super) fn ledger(node: &Node<'_>, problems: &mut Problems) -> Option<LedgerEntry> {
    let mut fields = node.fields(problems)?;
    let entry = LedgerEntry {
        user_memory: fields.optional("user_memory", size, problems),
        default_output: fields.optional("default_output", output, problems),
        admit_when_busy: fields
            .optional("when_busy", when_busy, problems)
            .unwrap_or(false),
        stop_at_limit: fields
            .optional("stop_at_limit", flag, problems)
            .unwrap_or(false),
        store: fields.optional("store", background::store, problems),
    };
    fields.finish(problems);
    Some(entry)
}

fn when_busy(node: &Node<'_>, problems: &mut Problems) -> Option<bool> {
    choice(node, problems, &[("refuse", false), ("admit", true)])
}

/// A number of tokens, or `{ tokens, soft }`.
pub(super) fn output(node: &Node<'_>, problems: &mut Problems) -> Option<OutputEntry> {
    let Tree::Map(_) = node.tree else {
        let tokens = tokens(node, problems)?.value;
        return Some(OutputEntry {
            tokens,
            soft: false,
        });
    };
    let mut fields = node.fields(problems)?;
    let tokens = fields.required("tokens", tokens, problems);
    let soft = fields.optional("soft", flag, problems);
    fields.finish(problems);
    Some(OutputEntry {
        tokens: tokens?.value,
        soft: soft.unwrap_or(false),
    })
}
