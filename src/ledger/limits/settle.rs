/*! Settling: what a call took, in the place of what it had reserved. */

use super::Book;
use super::counter::{Counter, Noted};
use super::meter::{Amounts, Meter, Unit};
use super::place::Holder;
use super::record::Record;
use super::reserve::{Part, Reservation};
use super::window::Window;
use std::convert::Infallible;

/// A percentage of a limit that was reached for the first time in its window, over all
/// workers.
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
}

/// Settles a reservation with what the call took in truth; with nothing, it is undone.
pub fn settle(book: &Book<'_>, reservation: &Reservation, took: &Amounts) -> Settled {
    let mut settled = Settled::default();
    for part in reservation
        .parts
        .iter()
        .filter(|part| !part.charges.is_empty())
    {
        let changed = part.place.change(book, &part.meters, |record, _| {
            Ok::<_, Infallible>(settle_part(part, record, took, book.now_ms()))
        });
        match changed {
            Ok(Ok((crossed, _))) => settled.crossed.extend(crossed),
            Ok(Err(never)) => match never {},
            Err(_) => settled.lost = settled.lost.saturating_add(1),
        }
    }
    settled
}

fn settle_part(part: &Part, record: &mut Record<'_>, took: &Amounts, now_ms: u64) -> Vec<Crossed> {
    let mut all = Vec::new();
    for charge in &part.charges {
        let Some(meter) = part.meters.get(charge.meter) else {
            continue;
        };
        let window = meter.window;
        let now = window.bucket(now_ms);
        let used = match meter.unit {
            // It is over.
            Unit::Concurrent => 0,
            unit => took.of(unit),
        };
        let new = || Counter::new(meter.id, window);
        let crossed = record.change(meter.id, new, |counter| {
            counter.tidy(window, now);
            counter.settle(window, (charge.bucket, now), charge.amount, used);
            // What is undone or failed raises nothing.
            let raises = used > 0;
            raises.then(|| crossed(part, meter, counter, now)).flatten()
        });
        all.extend(crossed);
    }
    all
}

/// Whether the counter has now passed a percentage that nobody was told of.
fn crossed(part: &Part, meter: &Meter, counter: &mut Counter, now: u64) -> Option<Crossed> {
    let limit = meter
        .limits
        .iter()
        .find(|limit| !limit.alert_at.is_empty())?;
    let amount = limit.amount.saturating_add(counter.topped_up.value);
    let used = counter.used();
    let percent = super::percent(used, amount);
    let mut reached = limit.alert_at.iter().rev().copied();
    let percent = reached.find(|at| u64::from(*at) <= percent)?;
    if u64::from(percent) <= counter.alerted.value {
        return None;
    }
    counter.alerted = Noted {
        value: u64::from(percent),
        bucket: now,
    };
    let window: Window = meter.window;
    Some(Crossed {
        holder: part.holder.clone(),
        limit: limit.name.clone(),
        unit: meter.unit,
        percent,
        used,
        amount,
        begins_ms: window.begins_ms(now),
        ends_ms: window.ends_ms(now),
    })
}
