/*! Which records have changed since they were last saved, by groups: what a store keeps in
one object each. */

use super::limits::SHARDS;
use crate::bytes::Fnv;
use std::cell::Cell;

/// Groups of the counters of tenants and models, and as many of users' shards.
const HALF: u8 = 64;

/// Shards of users in a group.
const SHARDS_IN_GROUP: u16 = SHARDS / HALF as u16;

const USERS: &str = "ledger/users/";
const LIMITS: [&str; 2] = ["ledger/tenant/", "ledger/model/"];

/// Records that are saved together. Which group a record is in never changes: a store
/// may hold what an older release has saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group(u8);

impl Group {
    /// The group of a record, by the record's name; `None` for one that is never saved.
    pub fn of(record: &str) -> Option<Self> {
        if let Some(shard) = record.strip_prefix(USERS) {
            let shard: u16 = shard.parse().ok()?;
            let index = u8::try_from(shard.checked_div(SHARDS_IN_GROUP)?).ok()?;
            return (index < HALF).then_some(Self(HALF.saturating_add(index)));
        }
        let named = |prefix: &&str| record.len() > prefix.len() && record.starts_with(*prefix);
        let is_limit = LIMITS.iter().any(named);
        is_limit.then(|| Self(Fnv::NEW.and(record.as_bytes()).0.to_le_bytes()[0] % HALF))
    }

    /// Every group.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..HALF.saturating_mul(2)).map(Self)
    }

    /// Its name in a store: `limits-00` to `limits-63`, `users-00` to `users-63`.
    pub fn name(self) -> String {
        match self.0.checked_sub(HALF) {
            Some(index) => format!("users-{index:02}"),
            None => format!("limits-{:02}", self.0),
        }
    }

    /// The names of its records; those of tenants and models are picked out of `limits`.
    pub fn records(self, limits: &[String]) -> Vec<String> {
        match self.0.checked_sub(HALF) {
            Some(index) => {
                let first = u16::from(index).saturating_mul(SHARDS_IN_GROUP);
                let shards = first..first.saturating_add(SHARDS_IN_GROUP);
                shards.map(|shard| format!("{USERS}{shard}")).collect()
            }
            None => {
                let own = limits.iter().filter(|name| Self::of(name) == Some(self));
                own.cloned().collect()
            }
        }
    }

    const fn bit(self) -> u128 {
        1_u128.wrapping_shl(self.0 as u32)
    }
}

/// A set of groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Groups(u128);

impl Groups {
    /// All of them.
    pub const ALL: Self = Self(u128::MAX);

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `group` is one of them.
    pub const fn has(self, group: Group) -> bool {
        self.0 & group.bit() != 0
    }

    /// These and `group`.
    #[must_use]
    pub const fn with(self, group: Group) -> Self {
        Self(self.0 | group.bit())
    }

    /// These but `group`.
    #[must_use]
    pub const fn without(self, group: Group) -> Self {
        Self(self.0 & !group.bit())
    }

    /// These and those.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Each of them, in order.
    pub fn iter(self) -> impl Iterator<Item = Group> {
        Group::all().filter(move |group| self.has(*group))
    }

    /// As two words, for a record.
    pub fn words(self) -> [u64; 2] {
        let bytes = self.0.to_le_bytes();
        let (words, _) = bytes.as_chunks::<8>();
        let word = |index: usize| words.get(index).copied().map_or(0, u64::from_le_bytes);
        [word(0), word(1)]
    }

    /// Of two words.
    pub fn from_words(words: [u64; 2]) -> Self {
        let [low, high] = words.map(u128::from);
        Self(low | high.wrapping_shl(64))
    }
}

/// What one virtual machine has changed and not yet told the others.
#[derive(Debug, Default)]
pub struct Dirty {
    groups: Cell<Groups>,
    /// When somebody last came to tell them, in milliseconds since the Unix epoch.
    attended_ms: Cell<u64>,
}

impl Dirty {
    /// Notes that a record was changed in a way that is worth saving: one of its windows
    /// lasts an hour or more. Cheap enough for every write.
    pub fn note(&self, record: &str) {
        if let Some(group) = Group::of(record) {
            self.mark(group);
        }
    }

    /// Notes a whole group.
    pub fn mark(&self, group: Group) {
        self.groups.set(self.groups.get().with(group));
    }

    /// Notes that what is noted is going to be told, in milliseconds since the Unix epoch.
    pub fn attend(&self, now_ms: u64) {
        self.attended_ms.set(now_ms);
    }

    /// When that was noted last; 0: never.
    pub const fn attended_ms(&self) -> u64 {
        self.attended_ms.get()
    }

    /// What was noted since the last time.
    pub fn take(&self) -> Groups {
        self.groups.take()
    }

    /// Notes these again: they could not be handed over.
    pub fn put_back(&self, groups: Groups) {
        self.groups.set(self.groups.get().and(groups));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::limits::{Holder, Scope};
    use std::collections::BTreeSet;
    use std::rc::Rc;

    #[test]
    fn records_keep_their_groups() {
        // A store may hold what an older release has saved: none of these may ever change.
        for (record, group) in [
            ("ledger/users/0", Some("users-00")),
            ("ledger/users/63", Some("users-00")),
            ("ledger/users/64", Some("users-01")),
            ("ledger/users/4095", Some("users-63")),
            ("ledger/users/4096", None),
            ("ledger/users/", None),
            ("ledger/users/x", None),
            ("ledger/tenant/", None),
            ("alerts", None),
            ("totals/acme/smart", None),
        ] {
            let found = Group::of(record).map(Group::name);
            assert_eq!(found.as_deref(), group, "{record}");
        }
        let fixed = ["ledger/tenant/acme", "ledger/model/smart"].map(Group::of);
        let fixed = fixed.map(|group| group.unwrap().name());
        assert_eq!(fixed, ["limits-28", "limits-12"]);
    }

    #[test]
    fn the_records_of_all_holders_have_groups() {
        let tenant = || "acme".to_owned();
        for holder in [
            Holder::Tenant(tenant()),
            Holder::Model("smart".to_owned()),
            Holder::User {
                tenant: tenant(),
                name: "ada".to_owned(),
            },
        ] {
            let meters = Rc::from([]);
            let record = Scope { holder, meters }.record();
            assert!(Group::of(&record).is_some(), "{record}");
        }
    }

    #[test]
    fn every_record_is_in_one_group() {
        let limits: Vec<String> = (0..500)
            .map(|n| format!("ledger/tenant/t{n}"))
            .chain((0..500).map(|n| format!("ledger/model/m{n}")))
            .collect();
        let mut seen = BTreeSet::new();
        for group in Group::all() {
            for record in group.records(&limits) {
                assert_eq!(Group::of(&record), Some(group), "{record}");
                assert!(seen.insert(record));
            }
        }
        assert_eq!(seen.len(), 1000 + 4096);
        let names: BTreeSet<String> = Group::all().map(Group::name).collect();
        assert_eq!(names.len(), 128);
    }

    #[test]
    fn sets_keep_their_members_as_words() {
        let some = Group::all().filter(|group| group.0 % 5 == 0);
        let set = some.fold(Groups::default(), Groups::with);
        assert_eq!(Groups::from_words(set.words()), set);
        assert_eq!(set.iter().count(), 26);
        let emptied = set.iter().fold(set, Groups::without);
        assert!(emptied.is_empty() && !set.is_empty());
        assert_eq!(Groups::ALL.iter().count(), 128);
    }

    #[test]
    fn what_is_noted_is_taken_once() {
        let dirty = Dirty::default();
        dirty.note("ledger/users/70");
        dirty.note("ledger/users/71");
        dirty.note("nothing/that/is/saved");
        let taken = dirty.take();
        assert_eq!(
            taken.iter().map(Group::name).collect::<Vec<_>>(),
            ["users-01"]
        );
        assert!(dirty.take().is_empty());
        dirty.put_back(taken);
        assert_eq!(dirty.take(), taken);
    }
}
