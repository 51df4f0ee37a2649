/*! Many users in a fixed amount of memory.

Records of users lie in a fixed number of shards, each a shared value of bounded size. A user
keeps the record as long as one of its windows lives. Who comes when a shard is full shares one
record with all others of the tenant that come so late: limits hold for them together, and nobody
is let through uncounted. When there is room again, who comes gets a record of its own that begins
with what the shared one counts: a user who was counted there has not the whole limit again. Those records come on top of the bound: one for each tenant at most. */

use super::meter::{Meter, record_bytes};
use super::record::{Record, block, number, put, put_block};
use sha2::{Digest, Sha256};

/// Into how many shared values users are divided: never changed, so that no setting can make
/// users forgotten.
pub const SHARDS: u16 = 4096;

/// The bit that tells a user's own record from one that users of a tenant share.
const OWN: u64 = 1 << 63;

/// Who a record belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User {
    id: u64,
    /// The record of those of the same tenant for whom there is no room.
    shared: u64,
    /// The shard.
    pub shard: u16,
}

impl User {
    /// The user of a tenant; an empty name stands for all calls that name nobody.
    ///
    /// Known by 63 bits of a SHA-256: nobody can find a name that shares another's record.
    pub fn of(tenant: &str, name: &str) -> Self {
        let (shared, _) = digest(&[tenant.as_bytes()]);
        let (id, shard) = digest(&[tenant.as_bytes(), &[0], name.as_bytes()]);
        Self {
            id: id | OWN,
            shared: shared & !OWN,
            shard: shard % SHARDS,
        }
    }

    /// One of a tenant whose number and shard are known.
    pub(super) fn known(tenant: &str, id: u64, shard: u16) -> Self {
        let (shared, _) = digest(&[tenant.as_bytes()]);
        Self {
            id: id | OWN,
            shared: shared & !OWN,
            shard: shard % SHARDS,
        }
    }

    /// The number.
    pub(super) const fn id(self) -> u64 {
        self.id
    }

    /// All those of the tenant that share one record.
    pub(super) const fn shared(self) -> Self {
        Self {
            id: self.shared,
            ..self
        }
    }

    const fn whose(self) -> Whose {
        whose(self.id)
    }
}

/// 64 bits of a hash, and 16 others.
fn digest(parts: &[&[u8]]) -> (u64, u16) {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    let digest: [u8; 32] = hasher.finalize().into();
    let (id, rest) = digest.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
    let other = rest
        .first_chunk::<2>()
        .map_or(0, |two| u16::from_le_bytes(*two));
    (u64::from_le_bytes(*id), other)
}

/// Whose record is being changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// The holder's alone.
    Own,
    /// That of all users of the tenant for whom there was no room.
    Shared,
}

const fn whose(id: u64) -> Whose {
    if id & OWN == 0 {
        Whose::Shared
    } else {
        Whose::Own
    }
}

/// One user's record within a shard, as bytes: only the one that changes is read.
#[derive(Clone, Copy)]
struct Entry<'b> {
    id: u64,
    /// Bytes that are kept free for it.
    most: u64,
    record: &'b [u8],
}

impl Entry<'_> {
    fn lives(&self, now_ms: u64) -> bool {
        Record::decode(self.record).lives(now_ms)
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.extend(self.id.to_le_bytes());
        put(out, self.most);
        put_block(out, self.record);
    }
}

/// How a user comes into a shard.
pub(super) struct Room<'a> {
    /// What is to be counted of the user.
    pub(super) meters: &'a [Meter],
    /// Bytes of the shard.
    pub(super) bytes: u64,
}

/// Changes the record of a user in a shard (what follows its version byte). One is made for a
/// user who has none, if there is room; the answer says whose record it was. Returns what the
/// shard has become.
///
/// # Errors
/// That of `change`.
pub(super) fn change<R, E>(
    shard: &[u8],
    user: User,
    room: &Room<'_>,
    now_ms: u64,
    change: impl FnOnce(&mut Record<'_>, Whose) -> Result<R, E>,
) -> Result<(Vec<u8>, R, User), E> {
    let mut entries = entries(shard);
    let mut whose = user;
    // After a reload, users who are there already may be counted by more meters than before.
    let mut most = place_bytes(room.meters);
    if !has(&entries, user) && !has_room(&mut entries, most, room.bytes, now_ms) {
        whose = user.shared();
    }
    let own = entries.iter().position(|entry| entry.id == whose.id);
    let own = own.map(|at| entries.swap_remove(at));
    most = own.map_or(most, |entry| entry.most.max(most));
    let begins = own.or_else(|| taken_over(&entries, whose));
    let mut record = Record::decode(begins.map_or(&[], |entry| entry.record));
    let result = change(&mut record, whose.whose())?;
    let bytes = write(&entries, whose.id, most, &record, now_ms);
    Ok((bytes, result, whose))
}

/// Changes the record of exactly this user, or of those that share one; `None`: there is none.
pub(super) fn change_known<R>(
    shard: &[u8],
    user: User,
    now_ms: u64,
    change: impl FnOnce(&mut Record<'_>) -> R,
) -> Option<(Vec<u8>, R)> {
    let mut entries = entries(shard);
    let own = entries.iter().position(|entry| entry.id == user.id)?;
    let own = entries.swap_remove(own);
    let mut record = Record::decode(own.record);
    let result = change(&mut record);
    let bytes = write(&entries, own.id, own.most, &record, now_ms);
    Some((bytes, result))
}

/// What a user who has no record begins with: nobody can say how much of what is counted in the
/// shared one is this user's, so all of it.
fn taken_over<'b>(entries: &[Entry<'b>], user: User) -> Option<Entry<'b>> {
    entries
        .iter()
        .find(|entry| entry.id == user.shared)
        .copied()
}

/// The record of a user, to look at: the user's own, or the shared one.
pub(super) fn read(shard: &[u8], user: User) -> Record<'_> {
    let entries = entries(shard);
    let find = |id| entries.iter().find(|entry| entry.id == id);
    let entry = find(user.id).or_else(|| find(user.shared));
    Record::decode(entry.map_or(&[], |entry| entry.record))
}

/// All records of a shard as they are after `change`; what it leaves empty is dropped.
pub(super) fn change_all(
    shard: &[u8],
    now_ms: u64,
    mut change: impl FnMut(u64, &mut Record<'_>),
) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in entries(shard) {
        let mut record = Record::decode(entry.record);
        change(entry.id, &mut record);
        let mut body = Vec::new();
        record.encode(now_ms, &mut body);
        if !body.is_empty() {
            Entry {
                record: &body,
                ..entry
            }
            .put(&mut bytes);
        }
    }
    bytes
}

/// Shows all records of a shard, with the bytes that are kept free for each.
pub(super) fn each(shard: &[u8], mut show: impl FnMut(u64, u64, Record<'_>)) {
    for entry in entries(shard) {
        show(entry.id, entry.most, Record::decode(entry.record));
    }
}

/// Changes the record `id`, for which `most` bytes are kept free if it has to be made: what
/// was promised before a restart is kept, even if there is less room by now.
pub(super) fn put_record(
    shard: &[u8],
    id: u64,
    most: u64,
    now_ms: u64,
    change: impl FnOnce(&mut Record<'_>),
) -> Vec<u8> {
    let mut entries = entries(shard);
    let own = entries.iter().position(|entry| entry.id == id);
    let own = own.map(|at| entries.swap_remove(at));
    let most = own.as_ref().map_or(most, |entry| entry.most);
    let mut record = Record::decode(own.map_or(&[], |entry| entry.record));
    change(&mut record);
    write(&entries, id, most, &record, now_ms)
}

fn write(others: &[Entry<'_>], id: u64, most: u64, record: &Record<'_>, now_ms: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in others {
        entry.put(&mut bytes);
    }
    let mut body = Vec::new();
    record.encode(now_ms, &mut body);
    if !body.is_empty() {
        let record = &body;
        Entry { id, most, record }.put(&mut bytes);
    }
    bytes
}

fn has(entries: &[Entry<'_>], user: User) -> bool {
    entries.iter().any(|entry| entry.id == user.id)
}

/// Whether `most` more bytes can be promised to somebody, perhaps after those are forgotten
/// of whom nothing counts any more.
fn has_room(entries: &mut Vec<Entry<'_>>, most: u64, room: u64, now_ms: u64) -> bool {
    let fits = |entries: &[Entry<'_>]| {
        let own = entries.iter().filter(|entry| whose(entry.id) == Whose::Own);
        let promised = own.fold(0, |sum: u64, entry| sum.saturating_add(entry.most));
        promised.saturating_add(most) <= room
    };
    if fits(entries) {
        return true;
    }
    entries.retain(|entry| entry.lives(now_ms));
    fits(entries)
}

/// Bytes of a shard that are kept free for a user who is counted by these meters.
pub fn place_bytes(meters: &[Meter]) -> u64 {
    /// Of the entry itself: its id, and lengths.
    const HEAD: u64 = 13;
    record_bytes(meters).saturating_add(HEAD)
}

fn entries(shard: &[u8]) -> Vec<Entry<'_>> {
    let mut rest = shard;
    std::iter::from_fn(|| entry(&mut rest)).collect()
}

fn entry<'b>(rest: &mut &'b [u8]) -> Option<Entry<'b>> {
    let (id, after) = rest.split_first_chunk::<8>()?;
    *rest = after;
    Some(Entry {
        id: u64::from_le_bytes(*id),
        most: number(rest)?,
        record: block(rest)?,
    })
}
