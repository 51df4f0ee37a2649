/*! What is left of limits. */

use super::Book;
use super::counter::Counter;
use super::meter::{Limit, Meter, Unit};
use super::place::Scope;
use super::record::Record;

/// What is left of one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// How much is allowed in a window.
    pub limit: u64,
    /// How much of it is left.
    pub remaining: u64,
    /// When all of it is there again, in milliseconds since the Unix epoch.
    pub full_ms: u64,
}

/// For each unit that callers are told of, the limit that is nearest to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standings {
    /// Calls.
    pub requests: Option<Standing>,
    /// Tokens of prompts.
    pub input_tokens: Option<Standing>,
    /// Tokens of answers.
    pub output_tokens: Option<Standing>,
    /// Both.
    pub tokens: Option<Standing>,
}

impl Standings {
    /// Of the limits of tokens of any kind, the one of which least is left.
    pub fn tightest_tokens(&self) -> Option<Standing> {
        let all = [self.tokens, self.input_tokens, self.output_tokens];
        let tighter = |one: Standing, other: Standing| match other.is_tighter(&one) {
            true => other,
            false => one,
        };
        all.into_iter().flatten().reduce(tighter)
    }

    pub(super) fn note(&mut self, unit: Unit, standing: Standing) {
        let place = match unit {
            Unit::Requests => &mut self.requests,
            Unit::InputTokens => &mut self.input_tokens,
            Unit::OutputTokens => &mut self.output_tokens,
            Unit::Tokens => &mut self.tokens,
            // Money is the operator's affair, and calls under way change by themselves.
            Unit::NanoUsd | Unit::Concurrent => return,
        };
        if place.is_none_or(|known| standing.is_tighter(&known)) {
            *place = Some(standing);
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        for (unit, standing) in [
            (Unit::Requests, other.requests),
            (Unit::InputTokens, other.input_tokens),
            (Unit::OutputTokens, other.output_tokens),
            (Unit::Tokens, other.tokens),
        ] {
            if let Some(standing) = standing {
                self.note(unit, standing);
            }
        }
    }
}

impl Standing {
    /// Whether a smaller part of it is left.
    fn is_tighter(&self, other: &Self) -> bool {
        let cross = |a: u64, b: u64| u128::from(a).saturating_mul(u128::from(b));
        let (mine, theirs) = (
            cross(self.remaining, other.limit),
            cross(other.remaining, self.limit),
        );
        mine < theirs || (mine == theirs && self.remaining < other.remaining)
    }
}

/// What is known of one limit, for the usage page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// The limit's name.
    pub name: String,
    /// What it counts.
    pub unit: Unit,
    /// Its period; none for calls under way.
    pub period: Option<super::Period>,
    /// The virtual models that it counts; empty: all.
    pub models: Vec<String>,
    /// Whether it refuses nothing.
    pub shadow: bool,
    /// How much is allowed, with what was topped up.
    pub limit: u64,
    /// Of that, what was topped up for the present window.
    pub topped_up: u64,
    /// How much is used by calls that are settled.
    pub used: u64,
    /// How much is reserved for calls under way.
    pub reserved: u64,
    /// When nothing of what is taken counts any more, in milliseconds since the Unix epoch.
    pub resets_ms: u64,
}

impl Budget {
    /// That of a tidied counter, at a bucket's index.
    pub(super) fn of(meter: &Meter, limit: &Limit, counter: &Counter, now: u64) -> Self {
        let used = counter.used();
        let ends_ms = meter.window.ends_ms(now);
        Self {
            name: limit.name.clone(),
            unit: meter.unit,
            period: meter.window.period(),
            models: meter.models.clone(),
            shadow: limit.shadow,
            limit: limit.amount.saturating_add(counter.topped_up.value),
            topped_up: counter.topped_up.value,
            used,
            reserved: counter.taken().saturating_sub(used),
            resets_ms: counter.empty_ms(meter.window).max(ends_ms),
        }
    }
}

impl Scope {
    /// The name of the shared record that holds its counters.
    pub fn record(&self) -> String {
        self.place().name
    }

    /// All its limits as they stand.
    pub fn budgets(&self, book: &Book<'_>) -> Vec<Budget> {
        self.place()
            .read(book, |record| self.budgets_in(record, book))
    }

    fn budgets_in(&self, record: &Record<'_>, book: &Book<'_>) -> Vec<Budget> {
        let mut all = Vec::new();
        for meter in self.meters.iter() {
            let now = meter.window.bucket(book.now_ms());
            let mut counter = record.find(meter.id).unwrap_or_default();
            counter.tidy(meter.window, now);
            let of = |limit| Budget::of(meter, limit, &counter, now);
            all.extend(meter.limits.iter().map(of));
        }
        all
    }

    /// How much of its dollar budgets is taken, in percent: that of which least is left;
    /// `None` if it has none.
    pub fn budget_percent(&self, book: &Book<'_>) -> Option<u64> {
        let money = |budget: &Budget| budget.unit == Unit::NanoUsd && !budget.shadow;
        if !self.meters.iter().any(|meter| meter.unit == Unit::NanoUsd) {
            return None;
        }
        let percents = self.budgets(book).into_iter().filter(money).map(|budget| {
            let taken = budget.used.saturating_add(budget.reserved);
            super::percent(taken, budget.limit)
        });
        percents.max()
    }
}
