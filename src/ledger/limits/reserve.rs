/*! Reserving: in all records, or in none. */

use super::counter::Counter;
use super::meter::{Amounts, Limit, Meter};
use super::place::{Holder, Place, Scope};
use super::record::Record;
use super::standing::{Standing, Standings};
use super::users::Whose;
use super::{Book, Denied, Exceeded, Traces, settle};
use std::rc::Rc;

/// What a call holds of its limits until it is settled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reservation {
    pub(super) parts: Vec<Part>,
    /// Whether it may hold several charges of one meter.
    pub(super) grown: bool,
}

impl Reservation {
    /// The names of the records in which it counts in a window that outlives a restart.
    pub fn long_records(&self) -> impl Iterator<Item = &str> {
        let long = |part: &&Part| {
            let mut meters = part
                .charges
                .iter()
                .filter_map(|it| part.meters.get(it.meter));
            meters.any(|meter| meter.window.is_long())
        };
        let parts = self.parts.iter().filter(long);
        parts.map(|part| part.place.name.as_str())
    }

    /// Whether nothing is held.
    pub const fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Adds what the same call has reserved later, without another request; both are settled
    /// as one.
    pub fn append(&mut self, more: Self) {
        self.grown = true;
        for mut part in more.parts {
            part.charges.retain(|charge| charge.amount > 0);
            let same = |known: &&mut Part| {
                known.place == part.place && Rc::ptr_eq(&known.meters, &part.meters)
            };
            match self.parts.iter_mut().find(same) {
                Some(known) => part.charges.drain(..).for_each(|charge| known.add(charge)),
                None => self.parts.push(part),
            }
        }
    }
}

/// What it holds in one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) holder: Holder,
    pub(super) place: Place,
    pub(super) meters: Rc<[Meter]>,
    pub(super) charges: Vec<Charge>,
}

impl Part {
    fn add(&mut self, charge: Charge) {
        let same =
            |known: &&mut Charge| known.meter == charge.meter && known.bucket == charge.bucket;
        match self.charges.iter_mut().find(same) {
            Some(known) => known.amount = known.amount.saturating_add(charge.amount),
            None => self.charges.push(charge),
        }
    }
}

/// What it holds of one counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Charge {
    /// The meter's index.
    pub(super) meter: usize,
    /// Where it was reserved.
    pub(super) bucket: u64,
    /// How much.
    pub(super) amount: u64,
}

/// A call that may go on.
#[derive(Debug, Default)]
pub struct Granted {
    /// To be settled, exactly once.
    pub reservation: Reservation,
    /// What is left now.
    pub standings: Standings,
    /// The names of limits in shadow mode that would have refused it.
    pub shadowed: Vec<String>,
    /// Whether there was no room for a record of the user: it is counted with others.
    pub crowded: bool,
}

/// Reserves `wants` for a call of the virtual model `model`, in every scope, or in none.
///
/// # Errors
/// The limit that will be reached longest, or that the ledger was too busy; nothing is
/// reserved then.
pub fn reserve(
    book: &Book<'_>,
    scopes: Vec<Scope>,
    model: &str,
    wants: &Amounts,
) -> Result<Granted, Denied> {
    let mut granted = Granted::default();
    let counted = |scope: &Scope| scope.meters.iter().any(|meter| meter.counts(model));
    let scopes: Vec<Scope> = scopes.into_iter().filter(counted).collect();
    let now_ms = book.now_ms();
    if let Some(exceeded) = refused_user(book, &scopes, (model, wants)) {
        return Err(Denied::Exceeded(exceeded));
    }
    for scope in scopes {
        let demand = Demand {
            scope: &scope,
            model,
            wants,
            now_ms,
        };
        let charged = scope.place().change(book, &scope.meters, |record, whose| {
            demand.charge(record).map(|charged| (charged, whose))
        });
        match charged {
            Ok(Ok(((charged, whose), place))) => {
                granted.crowded |= whose == Whose::Shared;
                granted.standings.add(charged.standings);
                granted.shadowed.extend(charged.shadowed);
                granted.reservation.parts.push(Part {
                    charges: charged.charges,
                    holder: scope.holder,
                    meters: scope.meters,
                    place,
                });
            }
            Ok(Err(mut exceeded)) => {
                exceeded.traces = undo(book, &granted.reservation);
                demand.alarm(book, &mut exceeded.traces);
                return Err(Denied::Exceeded(exceeded));
            }
            Err(_) => return Err(Denied::Busy(undo(book, &granted.reservation))),
        }
    }
    Ok(granted)
}

/// Looks whether the user's own limits are reached, before the limits of others are written to:
/// else who has used up an own limit could, by asking on, get others refused who find the
/// tenant's limit taken for a moment.
fn refused_user(
    book: &Book<'_>,
    scopes: &[Scope],
    (model, wants): (&str, &Amounts),
) -> Option<Box<Exceeded>> {
    let is_user = |scope: &&Scope| matches!(scope.holder, Holder::User { .. });
    let scope = scopes.iter().skip(1).find(is_user)?;
    let demand = Demand {
        scope,
        model,
        wants,
        now_ms: book.now_ms(),
    };
    let charged = |record: &Record<'_>| demand.charge(&mut record.clone());
    let mut exceeded = scope.place().read(book, charged).err()?;
    demand.alarm(book, &mut exceeded.traces);
    Some(exceeded)
}

fn undo(book: &Book<'_>, reservation: &Reservation) -> Traces {
    Traces {
        lost: settle::settle(book, reservation, &Amounts::default()).lost,
        touched: reservation.long_records().map(str::to_owned).collect(),
        crossed: Vec::new(),
    }
}

/// What a call asks of one scope.
pub(super) struct Demand<'a> {
    pub(super) scope: &'a Scope,
    pub(super) model: &'a str,
    pub(super) wants: &'a Amounts,
    pub(super) now_ms: u64,
}

/// What was reserved in one record.
#[derive(Default)]
struct Charged {
    charges: Vec<Charge>,
    standings: Standings,
    /// What is left if the call takes nothing.
    before: Standings,
    shadowed: Vec<String>,
}

impl Demand<'_> {
    fn charge(&self, record: &mut Record<'_>) -> Result<Charged, Box<Exceeded>> {
        let mut charged = Charged::default();
        let mut exceeded: Option<Box<Exceeded>> = None;
        let meters = self.scope.meters.iter().enumerate();
        for (index, meter) in meters.filter(|(_, meter)| meter.counts(self.model)) {
            let new = || Counter::new(meter.id, meter.window);
            record.change(meter.id, new, |counter| {
                if let Some(refused) = self.take(index, counter, &mut charged)
                    && exceeded
                        .as_ref()
                        .is_none_or(|worst| refused.worse_than(worst))
                {
                    exceeded = Some(refused);
                }
            });
        }
        match exceeded {
            None => Ok(charged),
            Some(mut exceeded) => {
                exceeded.standings = charged.before;
                Err(exceeded)
            }
        }
    }

    /// Takes the call's part of one counter; what its limits say against it.
    fn take(
        &self,
        index: usize,
        counter: &mut Counter,
        charged: &mut Charged,
    ) -> Option<Box<Exceeded>> {
        let meter = self.scope.meters.get(index)?;
        let (window, amount) = (meter.window, self.wants.of(meter.unit));
        let now = window.bucket(self.now_ms);
        counter.tidy(window, now);
        let mut exceeded = None;
        for limit in &meter.limits {
            let most = limit.amount.saturating_add(counter.topped_up.value);
            let taken = counter.taken();
            let refuses = amount > 0 && taken.saturating_add(amount) > most;
            if limit.shadow {
                charged.shadowed.extend(refuses.then(|| limit.name.clone()));
                continue;
            }
            let standing = |taken: u64| Standing {
                limit: most,
                remaining: most.saturating_sub(taken),
                full_ms: counter.empty_ms(window).max(window.ends_ms(now)),
            };
            charged.before.note(meter.unit, standing(taken));
            let then = standing(taken.saturating_add(amount));
            charged.standings.note(meter.unit, then);
            if refuses {
                exceeded = Some(self.exceeded(meter, limit, counter, most));
            }
        }
        counter.reserve(window, now, amount);
        charged.charges.push(Charge {
            meter: index,
            bucket: now,
            amount,
        });
        exceeded
    }

    fn exceeded(
        &self,
        meter: &Meter,
        limit: &Limit,
        counter: &Counter,
        most: u64,
    ) -> Box<Exceeded> {
        let wanted = self.wants.of(meter.unit);
        Box::new(Exceeded {
            holder: self.scope.holder.clone(),
            limit: limit.name.clone(),
            unit: meter.unit,
            window: meter.window,
            amount: most,
            taken: counter.taken(),
            wanted,
            free_ms: counter.free_ms(meter.window, wanted, most),
            standings: Standings::default(),
            traces: Traces::default(),
        })
    }
}
