/*! Correcting what a settled call was charged, once it is known what it took. */

use super::Book;
use super::counter::Counter;
use super::meter::{Amounts, Unit};
use super::place::Scope;
use super::window::Window;
use std::convert::Infallible;

/// What came of a correction.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Corrected {
    /// The names of the records that it changed in a window that outlives a restart.
    pub long_records: Vec<String>,
    /// Records in which others won every round: they keep the charge.
    pub lost: u32,
}

/// Puts what a call `took` in the place of what it was `charged` when it was settled. It was
/// reserved at `at_ms`, in milliseconds since the Unix epoch, and counted in the limits of
/// `scopes` for `model`. Where its window no longer counts, only what it took beyond the charge
/// does, now.
pub fn correct(
    book: &Book<'_>,
    (scopes, model): (&[Scope], &str),
    at_ms: u64,
    charged: &Amounts,
    took: &Amounts,
) -> Corrected {
    let mut corrected = Corrected::default();
    for scope in scopes {
        let counted = |unit| !matches!(unit, Unit::Requests | Unit::Concurrent);
        let meters = scope.meters.iter();
        let meters = meters.filter(|meter| counted(meter.unit) && meter.counts(model));
        let meters: Vec<_> = meters.collect();
        if meters.is_empty() {
            continue;
        }
        let changed = scope.place().change(book, &scope.meters, |record, _| {
            for meter in &meters {
                let window = meter.window;
                let at = (window.bucket(at_ms), window.bucket(book.now_ms()));
                let amounts = (charged.of(meter.unit), took.of(meter.unit));
                let new = || Counter::new(meter.id, window);
                record.change(meter.id, new, |counter| {
                    counter.correct(window, at, amounts)
                });
            }
            Ok::<_, Infallible>(())
        });
        match changed {
            Ok(Ok(((), place))) if meters.iter().any(|meter| meter.window.is_long()) => {
                corrected.long_records.push(place.name);
            }
            Ok(_) => {}
            Err(_) => corrected.lost = corrected.lost.saturating_add(1),
        }
    }
    corrected
}

impl Counter {
    fn correct(&mut self, window: Window, (at, now): (u64, u64), (charged, took): (u64, u64)) {
        self.tidy(window, now);
        match self.buckets.iter_mut().find(|bucket| bucket.index == at) {
            Some(bucket) => {
                bucket.used = bucket.used.saturating_sub(charged).saturating_add(took);
            }
            // A call that is over counts in its own window, or beyond its charge in this one.
            None => self.settle(window, (at, now), charged, took),
        }
    }
}
