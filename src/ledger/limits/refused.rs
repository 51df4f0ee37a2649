/*! Refusals: which limit is reached, and what the refused call has left behind. */

use super::Book;
use super::counter::{Counter, Noted};
use super::meter::{Meter, Unit};
use super::place::Holder;
use super::reserve::Demand;
use super::settle::Crossed;
use super::standing::Standings;
use super::window::Window;

/// Why a call may not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denied {
    /// A limit is reached.
    Exceeded(Box<Exceeded>),
    /// Other workers won every round: nobody can say whether there is room.
    Busy(Traces),
}

impl Denied {
    /// What the call has left behind.
    pub const fn traces(&self) -> &Traces {
        match self {
            Self::Exceeded(exceeded) => &exceeded.traces,
            Self::Busy(traces) => traces,
        }
    }
}

/// What a call that may not go on has left behind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Traces {
    /// Records in which others won every round when the call was to be undone: it stays
    /// reserved in them until its window ends.
    pub lost: u32,
    /// The names of the records that were written to, of those that outlive a restart.
    pub touched: Vec<String>,
    /// Alerts to raise.
    pub crossed: Vec<Crossed>,
}

impl Traces {
    /// Those of another refusal, too.
    pub fn add(&mut self, other: &Self) {
        self.lost = self.lost.saturating_add(other.lost);
        self.touched.extend_from_slice(&other.touched);
        self.crossed.extend_from_slice(&other.crossed);
    }
}

/// A limit that is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exceeded {
    /// Whose.
    pub holder: Holder,
    /// Its name.
    pub limit: String,
    /// What it counts.
    pub unit: Unit,
    /// In what window.
    pub window: Window,
    /// How much it allows.
    pub amount: u64,
    /// How much of that is taken.
    pub taken: u64,
    /// How much the call would have taken.
    pub wanted: u64,
    /// When there will be room, in milliseconds since the Unix epoch, unless what others
    /// reserved comes back earlier; `None`: never, the call is too large.
    pub free_ms: Option<u64>,
    /// What is left of all limits.
    pub standings: Standings,
    /// What the call has left behind.
    pub traces: Traces,
}

impl Exceeded {
    /// Whether it lasts longer; then, whether it is about money.
    pub(super) fn worse_than(&self, other: &Self) -> bool {
        let until = |exceeded: &Self| {
            let money = exceeded.unit == Unit::NanoUsd;
            (exceeded.free_ms.unwrap_or(u64::MAX), money)
        };
        until(self) > until(other)
    }
}

/// The percentage that is reached when a limit refuses: what is settled stays below it, as long
/// as calls take no more than they had reserved.
const FULL: u8 = 100;

impl Demand<'_> {
    /// Notes that limits refuse which have an alert for that, once in a window over all workers:
    /// where others win every round, the next refusal does.
    pub(super) fn alarm(&self, book: &Book<'_>, traces: &mut Traces) {
        let alarms = |meter: &Meter| {
            meter
                .alerting()
                .is_some_and(|it| it.alert_at.contains(&FULL))
        };
        if !self.scope.meters.iter().any(alarms) {
            return;
        }
        let noted = self
            .scope
            .place()
            .change(book, &self.scope.meters, |record, _| {
                let mut crossed = Vec::new();
                let meters = self.scope.meters.iter().filter(|meter| alarms(meter));
                for meter in meters.filter(|meter| meter.counts(self.model)) {
                    let new = || Counter::new(meter.id, meter.window);
                    crossed.extend(record.change(meter.id, new, |it| self.alarm_of(meter, it)));
                }
                let long = self.scope.meters.iter().any(|meter| meter.window.is_long());
                // Nothing is written where there is nothing to note.
                if crossed.is_empty() {
                    Err(())
                } else {
                    Ok((crossed, long))
                }
            });
        if let Ok(Ok(((crossed, long), place))) = noted {
            traces.crossed.extend(crossed);
            traces.touched.extend(long.then_some(place.name));
        }
    }

    /// A call that is larger than the limit itself says nothing of how much is used.
    fn alarm_of(&self, meter: &Meter, counter: &mut Counter) -> Option<Crossed> {
        let now = meter.window.bucket(self.now_ms);
        counter.tidy(meter.window, now);
        let limit = meter.alerting().filter(|limit| !limit.shadow)?;
        let most = limit.amount.saturating_add(counter.topped_up.value);
        let wanted = self.wants.of(meter.unit);
        let refuses = wanted > 0 && counter.taken().saturating_add(wanted) > most;
        if !refuses || wanted > most || counter.alerted.value >= u64::from(FULL) {
            return None;
        }
        counter.alerted = Noted {
            value: u64::from(FULL),
            bucket: now,
        };
        counter.stays_until(meter.window, now);
        Some(Crossed::of(
            &self.scope.holder,
            meter,
            (limit, FULL),
            counter,
            now,
        ))
    }
}
