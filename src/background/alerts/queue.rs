/*! Alerts that wait for the webhook: one shared record of at most [`MAX_QUEUE`] bytes, the
oldest first. Where there is no room, the oldest goes: what was crossed last says most. */

use super::super::snapshot::Reader;
use super::{Alert, Scope};
use crate::host::Host;
use crate::ledger::limits::Unit;
use crate::state::{self, Exhausted, Space};
use std::cell::Cell;

/// Longest record, in bytes: some 30 alerts.
pub const MAX_QUEUE: usize = 4096;

const RECORD: &str = "alerts";
const VERSION: u8 = 1;

/// Most of a name that goes into the record, in bytes: tenants and models have shorter ones.
const MAX_TEXT: usize = 255;

/// An alert that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) alert: Alert,
    /// How often it was sent.
    pub(super) tries: u8,
    /// Not to be sent before, in milliseconds since the Unix epoch: it has just been sent, or
    /// waits for its next try.
    pub(super) due: u64,
}

/// What became of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Added {
    /// It waits already.
    Known,
    /// It waits now; so many older ones went.
    New { dropped: usize },
}

impl Added {
    pub(super) const fn dropped(self) -> usize {
        match self {
            Self::Known => 0,
            Self::New { dropped } => dropped,
        }
    }
}

impl Pending {
    pub(super) const fn new(alert: Alert, now: u64) -> Self {
        Self {
            alert,
            tries: 0,
            due: now,
        }
    }

    fn encode(&self) -> Vec<u8> {
        let alert = &self.alert;
        let scope = code(&Scope::ALL, alert.scope);
        let mut bytes = vec![self.tries, scope, code(&UNITS, alert.unit), alert.percent];
        let words = [
            alert.id,
            self.due,
            alert.used,
            alert.amount,
            alert.begins_ms,
            alert.ends_ms,
        ];
        bytes.extend(words.into_iter().flat_map(u64::to_le_bytes));
        for text in [&alert.name, &alert.limit] {
            let text = cut(text);
            bytes.push(u8::try_from(text.len()).unwrap_or(0));
            bytes.extend(text.as_bytes());
        }
        bytes
    }

    fn decode(reader: &mut Reader<'_>) -> Option<Self> {
        let tries = reader.u8()?;
        let scope = *Scope::ALL.get(usize::from(reader.u8()?))?;
        let unit = *UNITS.get(usize::from(reader.u8()?))?;
        let percent = reader.u8()?;
        let id = reader.u64()?;
        let due = reader.u64()?;
        let alert = Alert {
            id,
            scope,
            unit,
            percent,
            used: reader.u64()?,
            amount: reader.u64()?,
            begins_ms: reader.u64()?,
            ends_ms: reader.u64()?,
            name: reader.short_text()?.to_owned(),
            limit: reader.short_text()?.to_owned(),
        };
        Some(Self { alert, tries, due })
    }
}

/// Units by their number in the record.
const UNITS: [Unit; 6] = [
    Unit::Requests,
    Unit::InputTokens,
    Unit::OutputTokens,
    Unit::Tokens,
    Unit::NanoUsd,
    Unit::Concurrent,
];

/// The place of a value in a list that has it.
fn code<T: PartialEq>(all: &[T], value: T) -> u8 {
    let place = all.iter().position(|known| *known == value);
    place.and_then(|at| u8::try_from(at).ok()).unwrap_or(0)
}

/// As much of a text as fits.
fn cut(text: &str) -> &str {
    let fits = (0..=MAX_TEXT.min(text.len())).rev();
    let mut parts = fits.filter_map(|length| text.get(..length));
    parts.next().unwrap_or_default()
}

fn decode(bytes: Option<&[u8]>) -> Vec<Pending> {
    let mut reader = match bytes.and_then(<[u8]>::split_first) {
        Some((&VERSION, entries)) => Reader(entries),
        _ => return Vec::new(),
    };
    std::iter::from_fn(|| Pending::decode(&mut reader)).collect()
}

/// The record of as many of the last alerts as fit, and how many did not.
fn encode(queue: &[Pending]) -> (Vec<u8>, usize) {
    let mut length = 1;
    let newest_first = queue.iter().rev().map(Pending::encode);
    let mut entries: Vec<Vec<u8>> = newest_first
        .take_while(|entry| {
            length = entry.len().saturating_add(length);
            length <= MAX_QUEUE
        })
        .collect();
    let dropped = queue.len().saturating_sub(entries.len());
    entries.push(vec![VERSION]);
    entries.reverse();
    (entries.concat(), dropped)
}

/// All that wait, the oldest first.
pub(super) fn read(host: &dyn Host, space: &Space) -> Vec<Pending> {
    let found = host.shared_get(&space.key(RECORD));
    decode(found.as_ref().map(|(bytes, _)| bytes.as_slice()))
}

/// Lets an alert wait.
///
/// # Errors
/// [`Exhausted`] if other workers won every round; it does not wait then.
pub(super) fn add(host: &dyn Host, space: &Space, new: &Pending) -> Result<Added, Exhausted> {
    let added = Cell::new(Added::Known);
    state::update(host, &space.key(RECORD), |old| {
        let mut queue = decode(old);
        if queue.iter().any(|pending| pending.alert.id == new.alert.id) {
            added.set(Added::Known);
            return encode(&queue).0;
        }
        queue.push(new.clone());
        let (bytes, dropped) = encode(&queue);
        added.set(Added::New { dropped });
        bytes
    })?;
    Ok(added.get())
}

/// What becomes of an alert that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It stays as it is.
    Keep,
    /// It has been sent so often, and is due then.
    Wait { tries: u8, due: u64 },
    /// It has been told, or given up.
    Remove,
}

/// Does to the alert `id` what `decide` says, and tells what that was; `None` if it does not
/// wait any more.
///
/// # Errors
/// [`Exhausted`] if other workers won every round; nothing was changed then.
pub(super) fn change(
    host: &dyn Host,
    space: &Space,
    id: u64,
    decide: impl Fn(&Pending) -> Change,
) -> Result<Option<Change>, Exhausted> {
    let decided = Cell::new(None);
    state::update(host, &space.key(RECORD), |old| {
        let mut queue = decode(old);
        let found = queue.iter_mut().find(|pending| pending.alert.id == id);
        decided.set(found.as_ref().map(|pending| decide(pending)));
        match (decided.get(), found) {
            (Some(Change::Wait { tries, due }), Some(found)) => {
                found.tries = tries;
                found.due = due;
            }
            (Some(Change::Remove), _) => queue.retain(|pending| pending.alert.id != id),
            _ => {}
        }
        encode(&queue).0
    })?;
    Ok(decided.get())
}
