/*! Where a settled call counts: what is known of it later is put right there, and nowhere else.
Else a call that nobody has counted would take away what others have used. */

use super::meter::Unit;
use super::place::Holder;
use super::reserve::{Part, Reservation};
use super::users::User;

/// Most counters of one holder that are told: what counts in more keeps its charge in those.
const MOST: usize = 32;

/// The counters of tokens and money in which a settled call counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counted {
    /// Numbers of the tenant's meters.
    tenant: Vec<u32>,
    /// Those of the virtual model's.
    model: Vec<u32>,
    /// Those of the user's.
    user: Vec<u32>,
    /// Which record of users that is.
    record: UserRecord,
}

/// A record of a user, or of those without room for one of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct UserRecord {
    /// The user's own number.
    id: u64,
    shard: u16,
    /// Whether it is the one that many share.
    pub(super) shared: bool,
}

impl UserRecord {
    fn of(part: &Part) -> Option<Self> {
        let Holder::User { tenant, name } = &part.holder else {
            return None;
        };
        let own = User::of(tenant, name);
        Some(Self {
            id: own.id(),
            shard: own.shard,
            shared: part.place.user != Some(own),
        })
    }

    /// Who the user of the tenant is.
    pub(super) fn user(self, tenant: &str) -> User {
        User::known(tenant, self.id, self.shard)
    }
}

impl Reservation {
    /// Where the call counts now that it is settled, but for the parts at the places `lost`.
    pub fn counted(&self, lost: &[usize]) -> Counted {
        let mut counted = Counted::default();
        let parts = self.parts.iter().enumerate();
        for (_, part) in parts.filter(|(place, _)| !lost.contains(place)) {
            counted.add(part);
        }
        counted
    }
}

impl Counted {
    fn add(&mut self, part: &Part) {
        let charges = part.charges.iter();
        let meters = charges.filter_map(|charge| part.meters.get(charge.meter));
        let meters =
            meters.filter(|meter| !matches!(meter.unit, Unit::Requests | Unit::Concurrent));
        let ids: Vec<u32> = meters.map(|meter| meter.id).collect();
        if ids.is_empty() {
            return;
        }
        if let Some(record) = UserRecord::of(part) {
            // A user who has moved while the call was under way keeps the charge.
            let moved = !self.user.is_empty() && self.record != record;
            self.record = record;
            if moved {
                return self.user.clear();
            }
        }
        let known = match &part.holder {
            Holder::Tenant(_) => &mut self.tenant,
            Holder::Model(_) => &mut self.model,
            Holder::User { .. } => &mut self.user,
        };
        for id in ids {
            if !known.contains(&id) && known.len() < MOST {
                known.push(id);
            }
        }
    }

    /// Numbers of the meters of a holder in which the call counts.
    pub(super) fn of(&self, holder: &Holder) -> &[u32] {
        match holder {
            Holder::Tenant(_) => &self.tenant,
            Holder::Model(_) => &self.model,
            Holder::User { .. } => &self.user,
        }
    }

    /// The record of the user's meters.
    pub(super) const fn record(&self) -> UserRecord {
        self.record
    }

    /// For a record: the lengths of its lists and where the user's record is, the user, then the
    /// numbers of meters, two in each.
    pub(in crate::ledger) fn words(&self) -> Vec<u64> {
        let length = |list: &Vec<u32>| u8::try_from(list.len()).unwrap_or(u8::MAX);
        let [low, high] = self.record.shard.to_le_bytes();
        let [tenant, model, user] = [&self.tenant, &self.model, &self.user].map(length);
        let shared = u8::from(self.record.shared);
        let head = [tenant, model, user, shared, low, high, 0, 0];
        let mut words = vec![u64::from_le_bytes(head), self.record.id];
        let ids: Vec<u32> = [&*self.tenant, &*self.model, &*self.user].concat();
        words.extend(ids.chunks(2).map(|pair| {
            let half = |at| pair.get(at).copied().map_or(0, u64::from);
            half(0) | half(1) << 32
        }));
        words
    }

    /// What [`Counted::words`] wrote, off the front of `words`.
    pub(in crate::ledger) fn of_words(words: &mut impl Iterator<Item = u64>) -> Option<Self> {
        let [tenant, model, user, shared, low, high, _, _] = words.next()?.to_le_bytes();
        let id = words.next()?;
        let [tenant, model, user] = [tenant, model, user].map(usize::from);
        let count = tenant.saturating_add(model).saturating_add(user);
        let mut ids = Vec::with_capacity(count.saturating_add(1));
        for _ in 0..count.div_ceil(2) {
            let [a, b, c, d, e, f, g, h] = words.next()?.to_le_bytes();
            ids.extend([[a, b, c, d], [e, f, g, h]].map(u32::from_le_bytes));
        }
        let mut ids = ids.into_iter();
        let mut list = |length| ids.by_ref().take(length).collect();
        Some(Self {
            tenant: list(tenant),
            model: list(model),
            user: list(user),
            record: UserRecord {
                id,
                shard: u16::from_le_bytes([low, high]),
                shared: shared != 0,
            },
        })
    }
}

#[cfg(test)]
pub(in crate::ledger) mod tests {
    use super::*;

    /// One with lists of these lengths.
    pub(in crate::ledger) fn counted(tenant: u32, model: u32, user: u32) -> Counted {
        Counted {
            tenant: (1..=tenant).collect(),
            model: (100..100 + model).collect(),
            user: (u32::MAX - user..u32::MAX).collect(),
            record: UserRecord {
                id: u64::MAX - 7,
                shard: 4095,
                shared: user == 1,
            },
        }
    }

    #[test]
    fn it_comes_back() {
        for (tenant, model, user) in [(0, 0, 0), (1, 0, 0), (1, 1, 1), (3, 0, 2), (32, 32, 32)] {
            let counted = counted(tenant, model, user);
            let words = counted.words();
            let all = tenant + model + user;
            assert_eq!(words.len(), 2 + all.div_ceil(2) as usize);
            let mut rest = words.iter().copied().chain([9]);
            assert_eq!(Counted::of_words(&mut rest), Some(counted));
            assert_eq!(rest.next(), Some(9));
            let mut cut = words.iter().copied().take(words.len() - 1);
            assert_eq!(Counted::of_words(&mut cut), None);
        }
    }
}
