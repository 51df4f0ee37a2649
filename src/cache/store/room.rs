/*! Making room in a segment: what goes when something comes.

First goes what has ended. Then, as long as it does not suffice, the owner with the largest share
(the one who stores counts with what comes) gives up what was used least: so one who floods
the cache takes from others only what they have beyond an equal share. A share is counted in what
runs out: bytes, entries and chunks. */

use super::geometry::{Class, answer_cost, sizes};
use super::record::{Chunk, Entry, Segment, State};
use super::{NotStored, Put};
use crate::sorting::sort_many;

/// How long an answer may take to be written, in milliseconds: a worker does it without a pause,
/// so one that takes longer is gone.
const LEASE_MS: u64 = 30_000;

/// Idle time that halves what uses count, in seconds.
const HALF_LIFE_S: u32 = 600;

/// Room that was made for an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Admitted {
    pub(super) nonce: u64,
    /// Where its values go, in order.
    pub(super) chunks: Vec<u16>,
    /// Chunks that hold nothing any more, and are to be emptied before anything is written.
    pub(super) dirty: Vec<u16>,
    /// Answers that had to go though they had not ended.
    pub(super) evicted: u32,
}

/// A chunk's number.
fn number(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(u16::MAX)
}

impl Segment {
    /// Makes room for an answer, which is pending then.
    pub(super) fn admit(&mut self, class: &Class, put: &Put<'_>) -> Result<Admitted, NotStored> {
        let now_ms = put.now_ms;
        self.entries.retain(|entry| {
            now_ms < entry.until_ms && entry.stored_ms <= now_ms.saturating_add(LEASE_MS)
        });
        self.check_same(put)?;
        let length = put.payload.len();
        let evicted = self.make_room(class, put, answer_cost(length), sizes(length).count())?;
        let free = self.free();
        let dirty = |index: &u16| self.size(*index) > 0;
        let (mut taken, clean): (Vec<u16>, Vec<u16>) = free.into_iter().partition(dirty);
        taken.extend(clean);
        let sizes: Vec<u16> = sizes(length).map(number).collect();
        let links: Vec<(u16, u16)> = taken.iter().copied().zip(sizes).collect();
        let first = self.link(&links);
        let nonce = self.next;
        self.next = nonce.wrapping_add(1);
        self.entries.push(Entry {
            digest: put.digest,
            nonce,
            stored_ms: put.now_ms,
            until_ms: put.now_ms.saturating_add(LEASE_MS),
            length: u32::try_from(length).unwrap_or(u32::MAX),
            owner: put.owner,
            used_s: seconds(put.now_ms),
            first,
            hits: 0,
            state: State::Pending,
        });
        Ok(Admitted {
            nonce,
            chunks: links.into_iter().map(|(index, _)| index).collect(),
            dirty: self.dirty(),
            evicted,
        })
    }

    /// Refuses an answer that somebody else stores, or that is there as fresh as it.
    fn check_same(&self, put: &Put<'_>) -> Result<(), NotStored> {
        for entry in self
            .entries
            .iter()
            .filter(|entry| entry.digest == put.digest)
        {
            match entry.state {
                State::Pending => return Err(NotStored::Busy),
                State::Ready if entry.stored_ms > put.asked_ms => return Err(NotStored::Known),
                State::Ready => {}
            }
        }
        Ok(())
    }

    /// Removes answers until there is room for one that costs `wanted` bytes in `count` values.
    fn make_room(
        &mut self,
        class: &Class,
        put: &Put<'_>,
        wanted: usize,
        count: usize,
    ) -> Result<u32, NotStored> {
        let mut evicted: u32 = 0;
        loop {
            let bytes: usize = self.entries.iter().map(bytes).sum();
            let fits = bytes.saturating_add(wanted) <= class.room
                && self.entries.len() < usize::from(class.entries)
                && self.free().len() >= count;
            if fits {
                return Ok(evicted);
            }
            let victim = self.victim(class, put).ok_or(NotStored::NoRoom)?;
            self.entries.swap_remove(victim);
            evicted = evicted.saturating_add(1);
        }
    }

    /// The place of what goes next.
    fn victim(&self, class: &Class, put: &Put<'_>) -> Option<usize> {
        let ready = |entry: &&Entry| entry.state == State::Ready;
        let owned = self
            .entries
            .iter()
            .map(|entry| (entry.owner, weight(class, length(entry))));
        let wanted = weight(class, put.payload.len());
        let mut shares: Vec<(u32, usize)> = owned.chain([(put.owner, wanted)]).collect();
        sort_many(&mut shares, |share| share.0);
        let shares = shares.chunk_by(|one, other| one.0 == other.0);
        let shares = shares.filter_map(|of_one| {
            let (owner, _) = of_one.first()?;
            let weights = of_one.iter().map(|(_, weight)| *weight);
            Some((weights.fold(0, usize::saturating_add), *owner))
        });
        // Of equal shares, that of the one who comes.
        let (_, largest) = shares.max_by_key(|(weight, owner)| (*weight, *owner == put.owner))?;
        let of_owner = self.entries.iter().enumerate();
        let of_owner = of_owner.filter(|(_, entry)| entry.owner == largest && ready(entry));
        let worst = of_owner.min_by_key(|(_, entry)| worth(entry, seconds(put.now_ms)));
        worst.map(|(place, _)| place)
    }

    /// Chunks of no answer.
    fn free(&self) -> Vec<u16> {
        let mut owned = vec![false; self.chunks.len()];
        for index in self.entries.iter().flat_map(|entry| self.chunks_of(entry)) {
            if let Some(owned) = owned.get_mut(usize::from(index)) {
                *owned = true;
            }
        }
        let free = owned.iter().enumerate().filter(|(_, owned)| !**owned);
        free.map(|(index, _)| number(index)).collect()
    }

    fn size(&self, index: u16) -> u16 {
        let chunk = self.chunks.get(usize::from(index));
        chunk.map_or(0, |chunk| chunk.size)
    }

    /// Chunks of no answer in which something may lie.
    pub(super) fn dirty(&self) -> Vec<u16> {
        let mut free = self.free();
        free.retain(|index| self.size(*index) > 0);
        free
    }

    /// All values of a pending answer are written: it is ready, in the place of others like it.
    /// Whether it still was there.
    pub(super) fn commit(&mut self, nonce: u64, until_ms: u64) -> bool {
        let mut entries = self.entries.iter_mut();
        let Some(entry) = entries.find(|entry| entry.nonce == nonce) else {
            return false;
        };
        entry.state = State::Ready;
        entry.until_ms = until_ms;
        let digest = entry.digest;
        self.entries
            .retain(|entry| entry.digest != digest || entry.nonce == nonce);
        true
    }

    /// What was emptied since `nonce` was given is so, if nobody has stored anything since.
    pub(super) fn note_emptied(&mut self, nonce: u64, emptied: &[u16]) {
        if self.next != nonce.wrapping_add(1) {
            return;
        }
        for index in self.dirty() {
            let chunk = self.chunks.get_mut(usize::from(index));
            if let Some(chunk) = chunk.filter(|_| emptied.contains(&index)) {
                *chunk = Chunk::new(0);
            }
        }
    }

    /// Removes an answer. Whether it was there.
    pub(super) fn remove(&mut self, is: impl Fn(&Entry) -> bool) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| !is(entry));
        self.entries.len() < before
    }
}

fn length(entry: &Entry) -> usize {
    usize::try_from(entry.length).unwrap_or(usize::MAX)
}

/// What the values of an answer cost, in bytes.
fn bytes(entry: &Entry) -> usize {
    answer_cost(length(entry))
}

/// What an answer of so many bytes takes from others: the part of the room that stands for its
/// bytes, its entry or its chunks, whichever is largest. For each of them may run out first.
fn weight(class: &Class, length: usize) -> usize {
    let part = |count: usize, of: u16| {
        let whole = class.room.saturating_mul(count);
        whole.checked_div(usize::from(of)).unwrap_or(0)
    };
    let entry = part(1, class.entries);
    let chunks = part(sizes(length).count(), class.chunks);
    answer_cost(length).max(entry).max(chunks)
}

/// What is to stay longer is worth more: what was used often of late, then what was used last.
fn worth(entry: &Entry, now_s: u32) -> (u8, u32) {
    let idle = now_s.saturating_sub(entry.used_s) / HALF_LIFE_S;
    let hits = entry.hits.checked_shr(idle).unwrap_or(0);
    (hits, entry.used_s)
}

/// Seconds since the Unix epoch; enough of them until the year 2106.
pub(super) fn seconds(millis: u64) -> u32 {
    u32::try_from(millis / 1_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
impl Segment {
    /// Whether what it says can be: no chunk has two owners, all fit, and so does the whole.
    pub(super) fn check(&self, class: &Class) {
        let mut owned: Vec<u16> = Vec::new();
        let mut bytes = 0;
        for entry in &self.entries {
            let chunks: Vec<u16> = self.chunks_of(entry).collect();
            let length = usize::try_from(entry.length).unwrap();
            assert_eq!(chunks.len(), sizes(length).count());
            let of = chunks.iter().map(|index| usize::from(self.size(*index)));
            assert!(of.clone().eq(sizes(length)));
            bytes += of.map(super::geometry::cost).sum::<usize>();
            owned.extend(chunks);
        }
        let count = owned.len();
        owned.sort_unstable();
        owned.dedup();
        assert_eq!(owned.len(), count, "a chunk of two answers");
        assert!(bytes <= class.room);
        assert!(self.entries.len() <= usize::from(class.entries));
    }
}
