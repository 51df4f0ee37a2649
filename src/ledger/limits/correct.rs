/*! Correcting what a settled call was charged, once it is known what it took. */

use super::Book;
use super::counted::Counted;
use super::counter::Counter;
use super::meter::{Amounts, Meter};
use super::place::{Holder, Place, Scope};
use super::record::Record;
use super::settle::{Crossed, crossed};
use super::users::User;
use super::window::Window;
use crate::ledger::put_right;
use crate::state::Exhausted;
use std::convert::Infallible;

/// What came of a correction.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Corrected {
    /// The names of the records that it changed in a window that outlives a restart.
    pub long_records: Vec<String>,
    /// Alerts to raise.
    pub crossed: Vec<Crossed>,
    /// Records in which others won every round: they keep the charge.
    pub lost: u32,
}

/// Puts what a call `took` in the place of what it was `charged` when it was settled. It was
/// reserved at `at_ms`, in milliseconds since the Unix epoch, and counts where `counted` says, as
/// far as `scopes` have that still. Where its window no longer counts, only what it took beyond
/// the charge does, now.
pub fn correct(
    book: &Book<'_>,
    (scopes, counted): (&[Scope], &Counted),
    at_ms: u64,
    charged: &Amounts,
    took: &Amounts,
) -> Corrected {
    let mut corrected = Corrected::default();
    for scope in scopes {
        let known = counted.of(&scope.holder);
        let meters = scope.meters.iter();
        let change = Change {
            meters: meters.filter(|meter| known.contains(&meter.id)).collect(),
            scope,
            moments: (at_ms, book.now_ms()),
            charged,
            took,
        };
        if change.meters.is_empty() {
            continue;
        }
        match change.make(book, counted) {
            Ok(Some((crossed, record))) => {
                corrected.crossed.extend(crossed);
                let is_long = change.meters.iter().any(|meter| meter.window.is_long());
                corrected.long_records.extend(is_long.then_some(record));
            }
            Ok(None) => {}
            Err(Exhausted) => corrected.lost = corrected.lost.saturating_add(1),
        }
    }
    corrected
}

/// What is put right in one scope.
struct Change<'a> {
    meters: Vec<&'a Meter>,
    scope: &'a Scope,
    /// When it was reserved, and now.
    moments: (u64, u64),
    charged: &'a Amounts,
    took: &'a Amounts,
}

/// Alerts to raise, and the name of the record that was changed.
type Made = (Vec<Crossed>, String);

impl Change<'_> {
    fn make(&self, book: &Book<'_>, counted: &Counted) -> Result<Option<Made>, Exhausted> {
        let Holder::User { tenant, name } = &self.scope.holder else {
            return self.at(book, &self.scope.place(), Some(&self.scope.holder), true);
        };
        let record = counted.record();
        let user = record.user(tenant);
        // Who reads an answer need not be who has asked for it, whose name is not known then.
        let is_same = User::of(tenant, name) == user;
        let told = is_same.then_some(&self.scope.holder);
        let where_counted = if record.shared { user.shared() } else { user };
        let place = Place::of_user(where_counted);
        let changed = place.change_known(book, |record| self.apply(record, told, true))?;
        match changed {
            Some(crossed) => Ok(Some((crossed, place.name))),
            // Nothing of it counts any more.
            None if self.is_more() => self.at(book, &Place::of_user(user), told, false),
            None => Ok(None),
        }
    }

    fn at(
        &self,
        book: &Book<'_>,
        place: &Place,
        told: Option<&Holder>,
        counts: bool,
    ) -> Result<Option<Made>, Exhausted> {
        let changed = place.change(book, &self.scope.meters, |record, _| {
            Ok::<_, Infallible>(self.apply(record, told, counts))
        })?;
        let Ok((crossed, place)) = changed;
        Ok(Some((crossed, place.name)))
    }

    /// Whether the call took more than it was charged, of anything that is counted.
    fn is_more(&self) -> bool {
        let mut meters = self.meters.iter();
        meters.any(|meter| self.took.of(meter.unit) > self.charged.of(meter.unit))
    }

    /// Changes a record, in which the charge counts if its window does. Alerts are for the holder
    /// who can be `told` of.
    fn apply(&self, record: &mut Record<'_>, told: Option<&Holder>, counts: bool) -> Vec<Crossed> {
        let mut all = Vec::new();
        for meter in &self.meters {
            let window = meter.window;
            let (at, now) = (window.bucket(self.moments.0), window.bucket(self.moments.1));
            let (charged, took) = (self.charged.of(meter.unit), self.took.of(meter.unit));
            let new = || Counter::new(meter.id, window);
            let passed = record.change(meter.id, new, |counter| {
                counter.tidy(window, now);
                match counts {
                    true => counter.correct(window, (at, now), (charged, took)),
                    false => counter.add_beyond(window, now, (charged, took)),
                }
                let told = told.filter(|_| took > charged)?;
                crossed(told, meter, counter, now)
            });
            all.extend(passed);
        }
        all
    }
}

impl Counter {
    fn correct(&mut self, window: Window, (at, now): (u64, u64), (charged, took): (u64, u64)) {
        match self.buckets.iter_mut().find(|bucket| bucket.index == at) {
            Some(bucket) => {
                bucket.used = put_right(bucket.used, charged, took);
            }
            // A call that is over counts in its own window, or beyond its charge in this one.
            None => self.add_beyond(window, now, (charged, took)),
        }
    }

    fn add_beyond(&mut self, window: Window, now: u64, (charged, took): (u64, u64)) {
        let beyond = took.saturating_sub(charged);
        if beyond > 0 {
            self.add(now, beyond, 0);
            self.stays_until(window, now);
        }
    }
}
