/*! Settling: what a call took, in the place of what it had reserved. */

use super::Book;
use super::counter::{Counter, Noted};
use super::meter::{Amounts, Limit, Meter, Unit};
use super::place::Holder;
use super::record::Record;
use super::reserve::{Charge, Part, Reservation};
use std::convert::Infallible;

/// A percentage of a limit that was reached for the first time in its window, over all
/// workers: by what is used, or at 100 % by a call that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crossed {
    /// Whose limit.
    pub holder: Holder,
    /// Its name.
    pub limit: String,
    /// What it counts.
    pub unit: Unit,
    /// The percentage.
    pub percent: u8,
    /// How much is used, in the unit.
    pub used: u64,
    /// How much is allowed, in the unit.
    pub amount: u64,
    /// When the window began, in milliseconds since the Unix epoch.
    pub begins_ms: u64,
    /// When it ends.
    pub ends_ms: u64,
}

/// What came of settling.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Alerts to raise.
    pub crossed: Vec<Crossed>,
    /// Records in which others won every round: the reservation stays in them until its
    /// window ends.
    pub lost: u32,
    /// Which parts of the reservation these are, by their places in it.
    pub lost_parts: Vec<usize>,
}

/// Settles a reservation with what the call took in truth; with nothing, it is undone.
pub fn settle(book: &Book<'_>, reservation: &Reservation, took: &Amounts) -> Settled {
    let mut settled = Settled::default();
    let mut shares = Shares::new(reservation, took);
    let parts = reservation.parts.iter().enumerate();
    for (place, part) in parts.filter(|(_, part)| !part.charges.is_empty()) {
        let used: Vec<u64> = part
            .charges
            .iter()
            .map(|charge| shares.take(part, charge))
            .collect();
        let changed = part.place.change(book, &part.meters, |record, _| {
            Ok::<_, Infallible>(settle_part(part, record, &used, book.now_ms()))
        });
        match changed {
            Ok(Ok((crossed, _))) => settled.crossed.extend(crossed),
            Ok(Err(never)) => match never {},
            Err(_) => {
                settled.lost = settled.lost.saturating_add(1);
                settled.lost_parts.push(place);
            }
        }
    }
    settled
}

/// How what a call took is shared out among its charges, where it has several of one meter:
/// each takes what it had reserved, in their order, and the last one the rest.
struct Shares<'a> {
    took: &'a Amounts,
    /// Whether there may be several of one meter.
    grown: bool,
    /// The charges that have not taken their share, of holders' meters.
    left: Vec<(&'a Holder, u32)>,
    /// What was taken of holders' meters.
    taken: Vec<(&'a Holder, u32, u64)>,
}

impl<'a> Shares<'a> {
    fn new(reservation: &'a Reservation, took: &'a Amounts) -> Self {
        let mut left = Vec::new();
        for part in reservation.parts.iter().filter(|_| reservation.grown) {
            let meters = part
                .charges
                .iter()
                .filter_map(|charge| part.meters.get(charge.meter));
            left.extend(meters.map(|meter| (&part.holder, meter.id)));
        }
        Self {
            took,
            left,
            taken: Vec::new(),
            grown: reservation.grown,
        }
    }

    fn take(&mut self, part: &'a Part, charge: &Charge) -> u64 {
        let Some(meter) = part.meters.get(charge.meter) else {
            return 0;
        };
        let whole = match meter.unit {
            // It is over.
            Unit::Concurrent => 0,
            unit => self.took.of(unit),
        };
        if !self.grown {
            return whole;
        }
        let key = (&part.holder, meter.id);
        let place = self.left.iter().position(|other| *other == key);
        if let Some(place) = place {
            self.left.swap_remove(place);
        }
        let before = self.taken.iter();
        let before = before.filter(|(holder, id, _)| (*holder, *id) == key);
        let before = before.fold(0_u64, |sum, (_, _, share)| sum.saturating_add(*share));
        let rest = whole.saturating_sub(before);
        if !self.left.contains(&key) {
            return rest;
        }
        let share = rest.min(charge.amount);
        self.taken.push((key.0, key.1, share));
        share
    }
}

fn settle_part(part: &Part, record: &mut Record<'_>, used: &[u64], now_ms: u64) -> Vec<Crossed> {
    let mut all = Vec::new();
    for (charge, used) in part.charges.iter().zip(used) {
        let Some(meter) = part.meters.get(charge.meter) else {
            continue;
        };
        let window = meter.window;
        let now = window.bucket(now_ms);
        let new = || Counter::new(meter.id, window);
        let crossed = record.change(meter.id, new, |counter| {
            counter.tidy(window, now);
            counter.settle(window, (charge.bucket, now), charge.amount, *used);
            // What is undone or failed raises nothing.
            let raises = *used > 0;
            raises
                .then(|| crossed(&part.holder, meter, counter, now))
                .flatten()
        });
        all.extend(crossed);
    }
    all
}

/// Whether the counter has now passed a percentage that nobody was told of.
pub(super) fn crossed(
    holder: &Holder,
    meter: &Meter,
    counter: &mut Counter,
    now: u64,
) -> Option<Crossed> {
    let limit = meter.alerting()?;
    let amount = limit.amount.saturating_add(counter.topped_up.value);
    let percent = super::percent(counter.used(), amount);
    let mut reached = limit.alert_at.iter().rev().copied();
    let percent = reached.find(|at| u64::from(*at) <= percent)?;
    if u64::from(percent) <= counter.alerted.value {
        return None;
    }
    counter.alerted = Noted {
        value: u64::from(percent),
        bucket: now,
    };
    Some(Crossed::of(holder, meter, (limit, percent), counter, now))
}

impl Crossed {
    /// A percentage that the counter has reached, at a bucket's index.
    pub(super) fn of(
        holder: &Holder,
        meter: &Meter,
        (limit, percent): (&Limit, u8),
        counter: &Counter,
        now: u64,
    ) -> Self {
        Self {
            holder: holder.clone(),
            limit: limit.name.clone(),
            unit: meter.unit,
            percent,
            used: counter.used(),
            amount: limit.amount.saturating_add(counter.topped_up.value),
            begins_ms: meter.window.begins_ms(now),
            ends_ms: meter.window.ends_ms(now),
        }
    }
}
