/*! Where answers lie: shared data, which all workers see, and from which nothing can be removed.

A **segment** is one record (`record`) and a fixed number of names for values, its **chunks**.
The record says which answers there are and which chunks are whose; what it says is changed by
compare and swap, all at once. So a worker that is lost in the middle leaves nothing that nobody
owns. Every value begins with the nonce of its answer and its number in it; each answer has a nonce
that no other had. So what is read is all of one answer, or nothing:

- An answer is written so: a **pending** entry with its chunks, and a lease; what its chunks and
  others without an owner held is emptied; then its values; then the entry is **ready**.
- One that is ready, not ended and not of the future is read value by value; a value with another
  nonce or number, or a wrong sum, means that there is none.
- The bytes of all entries, pending ones too, never cost more than the segment may hold
  (`geometry`), and nothing is written before what went is emptied. */

mod geometry;
mod record;
mod room;
mod shape;

use crate::host::{Expect, Host};
use crate::state::{self, Space};
use geometry::{Class, Geometry, PIECE, PIECE_HEAD};
use record::{Entry, Segment, View, note_use};
use room::{Admitted, seconds};

/// How often a use is noted at most, in seconds: reads should not have to write.
const NOTE_EVERY_S: u32 = 15;

/// Bytes of the sum that stands before what is stored.
const SUM: usize = 8;

/// Answers of all workers, by digest.
#[derive(Debug, Clone)]
pub struct Store {
    geometry: Geometry,
    /// What all names begin with.
    prefix: String,
}

/// An answer to be stored.
#[derive(Debug, Clone, Copy)]
pub struct Put<'a> {
    /// What it answers.
    pub digest: [u8; 32],
    /// Whose share it counts in.
    pub owner: u32,
    /// The answer, in any form.
    pub payload: &'a [u8],
    /// When it was asked for, in milliseconds since the Unix epoch: one that was stored since
    /// stays.
    pub asked_ms: u64,
    /// Now, in milliseconds since the Unix epoch.
    pub now_ms: u64,
    /// How long it may be given, in milliseconds.
    pub ttl_ms: u64,
}

/// An answer that was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// As it was put.
    pub payload: Vec<u8>,
    /// How long ago that was, in milliseconds.
    pub age_ms: u64,
}

/// Why an answer was not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotStored {
    /// It is longer than one may be.
    TooLong,
    /// Another worker stores one with this digest.
    Busy,
    /// One was stored since it was asked for.
    Known,
    /// What lies there may not go.
    NoRoom,
    /// Other workers got in between, or have another policy.
    Lost,
}

impl NotStored {
    /// For records and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Busy => "being_stored",
            Self::Known => "stored_meanwhile",
            Self::NoRoom => "no_room",
            Self::Lost => "lost",
        }
    }
}

/// One segment.
#[derive(Debug, Clone)]
struct Place<'s> {
    class: &'s Class,
    /// The name of its record.
    record: String,
}

impl Store {
    /// One of `memory` bytes, 4 MiB to 1 GiB, for documents of up to `longest` bytes: 2 MiB, and a
    /// sixteenth of the memory.
    pub fn new(space: &Space, memory: u64, longest: u64) -> Self {
        /// Digits and signs that come behind the prefix.
        const NUMBERS: usize = 12;
        let prefix = space.key("cache1/");
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        // What is put has a head and a sum before it.
        let longest = size(longest).saturating_add(SUM);
        let longest = longest.saturating_add(super::Kept::HEAD);
        let name = prefix.len().saturating_add(NUMBERS);
        Self {
            geometry: Geometry::new(size(memory), longest, name),
            prefix,
        }
    }

    /// The answer with this digest, if there is one.
    pub fn get(&self, host: &dyn Host, digest: &[u8; 32], now_ms: u64) -> Option<Found> {
        let mut classes = self.geometry.classes();
        classes.find_map(|class| self.place(class, digest).get(host, digest, now_ms))
    }

    /// Stores an answer; how many others went for it.
    ///
    /// # Errors
    /// Why it was not stored.
    pub fn put(&self, host: &dyn Host, put: &Put<'_>) -> Result<u32, NotStored> {
        let payload = [sum(put.payload).to_le_bytes().as_slice(), put.payload].concat();
        if payload.len() > self.geometry.longest {
            return Err(NotStored::TooLong);
        }
        let class = self.geometry.class_of(payload.len());
        let put = Put {
            payload: &payload,
            ..*put
        };
        let place = self.place(class, &put.digest);
        // A call of an earlier policy must begin no segment that nobody knows of.
        if host.shared_get(&place.record).is_none() && !self.has_its_shape(host) {
            return Err(NotStored::Lost);
        }
        let other = self.geometry.other(class);
        let other = other.map(|other| self.place(other, &put.digest));
        if other.as_ref().is_some_and(|it| it.has_fresher(host, &put)) {
            return Err(NotStored::Known);
        }
        let evicted = place.put(host, &put)?;
        if let Some(other) = other {
            // An earlier answer of another length.
            other.forget(host, &put.digest);
        }
        Ok(evicted)
    }

    fn place<'s>(&self, class: &'s Class, digest: &[u8; 32]) -> Place<'s> {
        self.segment(class, class.segment(digest))
    }

    fn segment<'s>(&self, class: &'s Class, index: u32) -> Place<'s> {
        let Class { letter, .. } = class;
        Place {
            class,
            record: format!("{}{letter}{index}", self.prefix),
        }
    }
}

impl Place<'_> {
    fn chunk(&self, index: u16) -> String {
        format!("{}/{index}", self.record)
    }

    /// The record's answers; `None` if it has another shape than this policy's.
    fn view<'r>(&self, record: &'r [u8]) -> Option<View<'r>> {
        View::of(record).filter(|view| view.has_chunks(self.class.chunks))
    }

    fn get(&self, host: &dyn Host, digest: &[u8; 32], now_ms: u64) -> Option<Found> {
        let (mut record, version) = host.shared_get(&self.record)?;
        let view = self.view(&record)?;
        let (place, entry) = view.find(digest)?;
        let age_ms = now_ms.checked_sub(entry.stored_ms)?;
        if now_ms >= entry.until_ms {
            return None;
        }
        let chunks = view.chunks_of(&entry).map(|(index, _)| index);
        let Some(payload) = self.read(host, &entry, chunks) else {
            // Its values were overwritten by a worker that came back from the dead, or it is gone.
            self.remove(host, |other| other.nonce == entry.nonce);
            return None;
        };
        let now_s = seconds(now_ms);
        if entry.hits == 0 || now_s.saturating_sub(entry.used_s) >= NOTE_EVERY_S {
            let hits = entry.hits.saturating_add(1);
            if note_use(&mut record, place, now_s, hits).is_some() {
                // If others were faster, one use is not noted.
                let _ = host.shared_set(&self.record, &record, Expect::Version(version));
            }
        }
        Some(Found { payload, age_ms })
    }

    /// All of an answer; `None` unless every value is one of its own.
    fn read(
        &self,
        host: &dyn Host,
        entry: &Entry,
        chunks: impl Iterator<Item = u16>,
    ) -> Option<Vec<u8>> {
        let length = usize::try_from(entry.length).ok()?;
        let mut whole = Vec::with_capacity(length);
        for (part, index) in (0..).zip(chunks) {
            let (value, _) = host.shared_get(&self.chunk(index))?;
            let piece = value.strip_prefix(&head(entry.nonce, part))?;
            whole.extend_from_slice(piece);
        }
        let (stored, payload) = whole.split_first_chunk::<SUM>()?;
        let good = whole.len() == length && u64::from_le_bytes(*stored) == sum(payload);
        good.then(|| {
            whole.drain(..SUM);
            whole
        })
    }

    fn put(&self, host: &dyn Host, put: &Put<'_>) -> Result<u32, NotStored> {
        let admitted = self.admit(host, put)?;
        let nonce = admitted.nonce;
        for index in &admitted.dirty {
            self.empty(host, *index, nonce);
        }
        let until_ms = put.now_ms.saturating_add(put.ttl_ms);
        let written = self.write(host, &admitted, put.payload);
        let gone = written.and_then(|()| self.commit(host, &admitted, until_ms));
        let Some(gone) = gone else {
            self.remove(host, |entry| entry.nonce == nonce);
            return Err(NotStored::Lost);
        };
        for index in &gone {
            self.empty(host, *index, nonce);
        }
        Ok(admitted.evicted)
    }

    fn admit(&self, host: &dyn Host, put: &Put<'_>) -> Result<Admitted, NotStored> {
        let admitted = state::try_update(host, &self.record, |record| {
            let mut segment = self.decode(host, record).ok_or(NotStored::Lost)?;
            let admitted = segment.admit(self.class, put)?;
            Ok((segment.encode(), admitted))
        });
        admitted.unwrap_or(Err(NotStored::Lost))
    }

    fn decode(&self, host: &dyn Host, record: Option<&[u8]>) -> Option<Segment> {
        match record {
            None => Some(Segment::new(self.class.chunks, host.now().0)),
            Some(record) => self.view(record).map(|view| view.decode()),
        }
    }

    /// Writes the values of an answer that is pending; `None` if others have its chunks by now.
    fn write(&self, host: &dyn Host, admitted: &Admitted, payload: &[u8]) -> Option<()> {
        let pieces = payload.chunks(PIECE);
        for ((part, index), piece) in (0..).zip(&admitted.chunks).zip(pieces) {
            let name = self.chunk(*index);
            let expect = match host.shared_get(&name) {
                None => Expect::Absent,
                Some((value, _)) if is_newer(&value, admitted.nonce) => return None,
                Some((_, version)) => Expect::Version(version),
            };
            let value = [head(admitted.nonce, part).as_slice(), piece].concat();
            host.shared_set(&name, &value, expect).ok()?;
        }
        Some(())
    }

    /// The answer is ready; the chunks that lost their owner by that. `None` if it is gone.
    fn commit(&self, host: &dyn Host, admitted: &Admitted, until_ms: u64) -> Option<Vec<u16>> {
        let nonce = admitted.nonce;
        let committed = state::try_update(host, &self.record, |record| {
            let mut segment = self.decode(host, record).ok_or(())?;
            segment.note_emptied(nonce, &admitted.dirty);
            if !segment.commit(nonce, until_ms) {
                return Err(());
            }
            let gone = segment.dirty();
            Ok((segment.encode(), gone))
        });
        committed.ok()?.ok()
    }

    /// Empties a chunk that has no owner, unless it has got one after `nonce` was given.
    fn empty(&self, host: &dyn Host, index: u16, nonce: u64) {
        let name = self.chunk(index);
        let Some((value, version)) = host.shared_get(&name) else {
            return;
        };
        if !value.is_empty() && !is_newer(&value, nonce) {
            // If it was written meanwhile, it has an owner.
            let _ = host.shared_set(&name, &[], Expect::Version(version));
        }
    }

    /// Whether it holds an answer that was stored since this one was asked for.
    fn has_fresher(&self, host: &dyn Host, put: &Put<'_>) -> bool {
        let record = host.shared_get(&self.record);
        let found = record.and_then(|(record, _)| self.view(&record)?.find(&put.digest));
        found.is_some_and(|(_, entry)| {
            let passed = put.asked_ms < entry.stored_ms && entry.stored_ms <= put.now_ms;
            passed && put.now_ms < entry.until_ms
        })
    }

    fn forget(&self, host: &dyn Host, digest: &[u8; 32]) {
        let record = host.shared_get(&self.record);
        let found = record.and_then(|(record, _)| self.view(&record)?.find(digest));
        if let Some((_, known)) = found {
            self.remove(host, |entry| entry.nonce == known.nonce);
        }
    }

    /// Removes an answer; its values go when the next one comes.
    fn remove(&self, host: &dyn Host, is: impl Fn(&Entry) -> bool) {
        // If that is lost to others too often, it ends by itself.
        let _ = state::try_update(host, &self.record, |record| {
            let mut segment = self.decode(host, record).ok_or(())?;
            if segment.remove(&is) {
                Ok((segment.encode(), ()))
            } else {
                Err(())
            }
        });
    }
}

/// What a value begins with.
fn head(nonce: u64, part: u16) -> [u8; PIECE_HEAD] {
    let [a, b, c, d, e, f, g, h] = nonce.to_le_bytes();
    let [low, high] = part.to_le_bytes();
    [a, b, c, d, e, f, g, h, low, high]
}

/// Whether a value is of an answer that came after the one with this nonce.
fn is_newer(value: &[u8], nonce: u64) -> bool {
    let own = value.first_chunk().copied().map(u64::from_le_bytes);
    own.is_some_and(|own| own > nonce)
}

/// A sum that tells damage: no protection against anybody's will, which shared data does not need.
fn sum(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = bytes.as_chunks::<8>();
    let add = |sum: u64, word: u64| (sum ^ word).wrapping_mul(FACTOR).rotate_left(29);
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    let rest = rest.iter().map(|byte| u64::from(*byte));
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    words.chain(rest).fold(length, add)
}

#[cfg(test)]
mod tests;
