/*! What an operator does to a window that is under way: topping it up, and emptying it. */

use super::Book;
use super::counter::{Counter, Noted};
use super::meter::{Limit, Meter, Unit};
use super::place::Scope;
use super::standing::Budget;
use super::users::Whose;
use super::window::Window;

/// A change of a limit's present window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adjustment {
    /// So much more is allowed, in the limit's unit: in a fixed window until it ends, in a
    /// sliding one for its length.
    TopUp(u64),
    /// What settled calls have used is forgotten. What is reserved for calls under way stays.
    Reset,
}

/// Why a window stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unadjusted {
    /// The holder has no limit of this name.
    UnknownLimit,
    /// The limit is of calls under way, which has no window.
    NoWindow,
    /// The user has no record, and there is no room for one.
    NoRoom,
    /// Other workers won every round.
    Busy,
}

/// Adjusts the limit called `limit`; returns how it stands then. Limits that count the same
/// in the same window share a counter, so they are adjusted together.
///
/// # Errors
/// [`Unadjusted`]; nothing has changed then.
pub fn adjust(
    book: &Book<'_>,
    scope: &Scope,
    limit: &str,
    adjustment: Adjustment,
) -> Result<Budget, Unadjusted> {
    let (meter, limit) = find(&scope.meters, limit).ok_or(Unadjusted::UnknownLimit)?;
    let window = meter.window;
    if matches!(window, Window::Lease(_)) {
        return Err(Unadjusted::NoWindow);
    }
    let now = window.bucket(book.now_ms());
    let changed = scope.place().change(book, &scope.meters, |record, whose| {
        if whose == Whose::Shared {
            return Err(Unadjusted::NoRoom);
        }
        let new = || Counter::new(meter.id, window);
        Ok(record.change(meter.id, new, |counter| {
            counter.tidy(window, now);
            match adjustment {
                Adjustment::TopUp(amount) => counter.top_up(window, now, amount),
                Adjustment::Reset => counter.empty(),
            }
            if let Some(alerting) = meter.alerting() {
                counter.alert_again(alerting.amount);
            }
            counter.tidy(window, now);
            Budget::of(meter, limit, counter, now)
        }))
    });
    match changed {
        Ok(adjusted) => adjusted.map(|(budget, _)| budget),
        Err(_) => Err(Unadjusted::Busy),
    }
}

fn find<'m>(meters: &'m [Meter], name: &str) -> Option<(&'m Meter, &'m Limit)> {
    meters.iter().find_map(|meter| {
        let limit = meter.limits.iter().find(|limit| limit.name == name)?;
        Some((meter, limit))
    })
}

impl Scope {
    /// What the limit called `name` counts, if there is one.
    pub fn unit_of(&self, name: &str) -> Option<Unit> {
        find(&self.meters, name).map(|(meter, _)| meter.unit)
    }
}

impl Counter {
    /// A further amount adds to those before it, which last as long as it then.
    fn top_up(&mut self, window: Window, now: u64, amount: u64) {
        self.topped_up = Noted {
            value: self.topped_up.value.saturating_add(amount),
            bucket: now,
        };
        self.stays_until(window, now);
    }

    fn empty(&mut self) {
        for bucket in &mut self.buckets {
            bucket.used = 0;
        }
        self.buckets.retain(|bucket| bucket.reserved > 0);
    }

    /// Alerts of percentages that are no longer reached may be raised again.
    fn alert_again(&mut self, amount: u64) {
        let amount = amount.saturating_add(self.topped_up.value);
        let percent = super::percent(self.used(), amount);
        if percent < self.alerted.value {
            self.alerted.value = percent;
        }
        if self.alerted.value == 0 {
            self.alerted = Noted::default();
        }
    }
}
