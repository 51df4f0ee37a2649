/*! Charges that stand until somebody tells what a call took, over all workers. They are bounded
in number, by the places of [`super::Slot`], and in time: what is not told in time stays charged.
What has ended without telling it gives its place back and stays as long as there is room: the
truth may be told later. */

use super::Slot;
use super::limits::Counted;
use crate::host::{Host, Instant};
use crate::state::{Exhausted, Space, decode_words, encode_words, try_update};

const VERSION: u8 = 4;

/// Records of a tenant, over which its charges are spread.
const RECORDS: u64 = 16;

/// Most charges of a record. There are places for far fewer, spread by numbers that nobody chooses;
/// those that have none any more make room for others.
const MOST: usize = 512;

/// What a call was charged, and where. Names are numbers here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// When it was reserved, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Until when it can be corrected, likewise.
    pub until_ms: u64,
    /// Whose place it has, see [`Slot::user`].
    pub user: u64,
    /// Tokens of the prompt.
    pub input: u64,
    /// Tokens of the answer.
    pub output: u64,
    /// What they cost, in nano-USD.
    pub nano_usd: u64,
    /// Whether all of it had a price.
    pub priced: bool,
    /// The virtual model.
    pub model: u64,
    /// The target, by its key.
    pub target: u64,
    /// What of the answer has passed already.
    pub passed: Passed,
    /// Whether what it is for has ended without telling what it took: it needs no place any more.
    pub over: bool,
    /// Where it counts.
    pub counted: Counted,
}

/// What of an answer has passed that is not over, in streams that may have been cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Passed {
    /// Tokens of its pieces.
    pub pieces: u64,
    /// Tokens of its texts that were told again as a whole, behind their pieces.
    pub wholes: u64,
    /// The number of the first event.
    pub from: u64,
    /// The number behind that of the last one; the same as the first if nothing has passed.
    pub until: u64,
}

impl Passed {
    /// The tokens.
    pub const fn tokens(&self) -> u64 {
        if self.pieces > self.wholes {
            self.pieces
        } else {
            self.wholes
        }
    }

    const fn length(&self) -> u64 {
        self.until.saturating_sub(self.from)
    }

    /// Both together. What has passed twice counts once, as far as the numbers of events tell;
    /// never is it less than what has passed in truth.
    #[must_use]
    pub fn and(self, more: Self) -> Self {
        let most = Self {
            pieces: self.pieces.max(more.pieces),
            wholes: self.wholes.max(more.wholes),
            ..self
        };
        if more.length() == 0 || self.length() == 0 {
            let known = if self.length() == 0 { more } else { self };
            return Self {
                from: known.from,
                until: known.until,
                ..most
            };
        }
        let (covers, covered) = (self.covers(&more), more.covers(&self));
        match (covers, covered) {
            (true, _) => self,
            (_, true) => Self {
                from: more.from,
                until: more.until,
                ..most
            },
            _ => self.joined(more),
        }
    }

    const fn covers(&self, other: &Self) -> bool {
        self.from <= other.from && self.until >= other.until
    }

    /// Both, of which neither covers the other.
    fn joined(self, more: Self) -> Self {
        let (first, last) = (self.from.max(more.from), self.until.min(more.until));
        let twice = last.saturating_sub(first);
        let fresh = u128::from(more.length().saturating_sub(twice));
        let pieces = u128::from(more.pieces).saturating_mul(fresh);
        let pieces = pieces.div_ceil(u128::from(more.length().max(1)));
        let both = Self {
            pieces: self
                .pieces
                .saturating_add(u64::try_from(pieces).unwrap_or(u64::MAX)),
            // Few events tell most of it: nobody knows which.
            wholes: self.wholes.saturating_add(more.wholes),
            ..self
        };
        if first <= last {
            return Self {
                from: self.from.min(more.from),
                until: self.until.max(more.until),
                ..both
            };
        }
        // What lies between them has not passed: the shorter one may count again.
        let known = if more.length() > self.length() {
            more
        } else {
            self
        };
        Self {
            from: known.from,
            until: known.until,
            ..both
        }
    }
}

/// A charge stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost;

impl From<Exhausted> for Lost {
    fn from(_: Exhausted) -> Self {
        Self
    }
}

/// A charge in a record, by the number of what it is for.
type Entry = (u64, Charge);

impl Charge {
    fn words((id, charge): &Entry) -> Vec<u64> {
        let own = [
            *id,
            charge.at_ms,
            charge.until_ms,
            charge.user,
            charge.input,
            charge.output,
            charge.nano_usd,
            u64::from(charge.priced),
            charge.model,
            charge.target,
            charge.passed.pieces,
            charge.passed.wholes,
            charge.passed.from,
            charge.passed.until,
            u64::from(charge.over),
        ];
        [&own[..], &charge.counted.words()].concat()
    }

    fn of_words(words: &mut impl Iterator<Item = u64>) -> Option<Entry> {
        let id = words.next()?;
        let charge = Self {
            at_ms: words.next()?,
            until_ms: words.next()?,
            user: words.next()?,
            input: words.next()?,
            output: words.next()?,
            nano_usd: words.next()?,
            priced: words.next()? != 0,
            model: words.next()?,
            target: words.next()?,
            passed: Passed {
                pieces: words.next()?,
                wholes: words.next()?,
                from: words.next()?,
                until: words.next()?,
            },
            over: words.next()? != 0,
            counted: Counted::of_words(words)?,
        };
        Some((id, charge))
    }

    /// The place that it has, unless it is `over`.
    pub const fn slot(&self) -> Slot {
        Slot {
            until_ms: self.until_ms,
            user: self.user,
        }
    }

    const fn stands(&self, now: Instant) -> bool {
        now.unix_millis() < self.until_ms
    }

    /// Leaves the charge of `id` open: the next [`Charge::take`] of it gets it.
    ///
    /// # Errors
    /// [`Lost`] if there is no room for it, or other workers won every round.
    pub fn leave(
        &self,
        host: &dyn Host,
        space: &Space,
        (tenant, id): (&str, u64),
        now: Instant,
    ) -> Result<(), Lost> {
        try_update(host, &key(space, tenant, id), |old| {
            let mut all = read(old);
            all.retain(|(_, charge)| charge.stands(now));
            if all.len() >= MOST {
                all.swap_remove(oldest_over(&all).ok_or(Lost)?);
            }
            all.push((id, self.clone()));
            Ok((written(&all), ()))
        })?
    }

    /// The charge of `id` as it stands, if there is one.
    pub fn see(
        host: &dyn Host,
        space: &Space,
        (tenant, id): (&str, u64),
        now: Instant,
    ) -> Option<Self> {
        let (bytes, _) = host.shared_get(&key(space, tenant, id))?;
        let all = read(Some(&bytes));
        let at = place(&all, id, now)?;
        all.into_iter().nth(at).map(|(_, charge)| charge)
    }

    /// Puts `new` in the place of this charge of `id`; whether it was still there, as it is.
    ///
    /// # Errors
    /// [`Lost`] if other workers won every round.
    pub fn replace(
        &self,
        new: &Self,
        host: &dyn Host,
        space: &Space,
        (tenant, id): (&str, u64),
        now: Instant,
    ) -> Result<bool, Lost> {
        let replaced = try_update(host, &key(space, tenant, id), |old| {
            let mut all = read(old);
            let at = place(&all, id, now).ok_or(())?;
            let (_, charge) = all.get_mut(at).ok_or(())?;
            if charge != self {
                return Err(());
            }
            *charge = new.clone();
            Ok((written(&all), ()))
        })?;
        Ok(replaced.is_ok())
    }

    /// Takes the charge of `id`, if there is one: who gets it has to correct it, and nobody else
    /// gets it.
    ///
    /// # Errors
    /// [`Lost`] if other workers won every round; it may be there still.
    pub fn take(
        host: &dyn Host,
        space: &Space,
        (tenant, id): (&str, u64),
        now: Instant,
    ) -> Result<Option<Self>, Lost> {
        let taken = try_update(host, &key(space, tenant, id), |old| {
            let mut all = read(old);
            let at = place(&all, id, now).ok_or(())?;
            let (_, charge) = all.swap_remove(at);
            Ok::<_, ()>((written(&all), charge))
        })?;
        Ok(taken.ok())
    }
}

fn key(space: &Space, tenant: &str, id: u64) -> String {
    let record = id % RECORDS;
    space.key(&format!("open/{tenant}/{record}"))
}

/// The one of those that need no place which was made first.
fn oldest_over(all: &[Entry]) -> Option<usize> {
    let entries = all.iter().enumerate();
    let over = entries.filter(|(_, (_, charge))| charge.over);
    let oldest = over.min_by_key(|(_, (_, charge))| charge.at_ms);
    oldest.map(|(at, _)| at)
}

fn place(all: &[Entry], id: u64, now: Instant) -> Option<usize> {
    let mut entries = all.iter();
    entries.position(|(known, charge)| *known == id && charge.stands(now))
}

/// Another layout says nothing here: its charges stay as they are.
fn read(record: Option<&[u8]>) -> Vec<Entry> {
    let record = record.filter(|bytes| bytes.first() == Some(&VERSION));
    let mut words = decode_words(record.unwrap_or_default());
    std::iter::from_fn(|| Charge::of_words(&mut words)).collect()
}

fn written(all: &[Entry]) -> Vec<u8> {
    encode_words(VERSION, all.iter().flat_map(Charge::words))
}

#[cfg(test)]
mod tests;
