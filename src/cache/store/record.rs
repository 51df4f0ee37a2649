/*! The record of a segment: its answers, and what lies in which of its values. All of it is
written at once, or not at all. */

use std::iter;

/// The layout; names have it too, so that another one is never read as this.
const VERSION: u8 = 1;
const HEAD: usize = 11;
const ENTRY: usize = 72;
const CHUNK: usize = 4;

/// No chunk.
const NONE: u16 = u16::MAX;

/// Where in an entry its last use stands.
const USED: usize = 64;

/// How far an answer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Its values are being written.
    Pending,
    /// They are all there.
    Ready,
}

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// What it answers.
    pub(super) digest: [u8; 32],
    /// What all its values begin with, and no other's.
    pub(super) nonce: u64,
    /// When it was given, in milliseconds since the Unix epoch.
    pub(super) stored_ms: u64,
    /// When it ends; of one that is pending, when nobody is taken to write it any more.
    pub(super) until_ms: u64,
    /// Its bytes.
    pub(super) length: u32,
    /// Whose share it counts in.
    pub(super) owner: u32,
    /// When its use was last noted, in seconds since the Unix epoch.
    pub(super) used_s: u32,
    /// Its first chunk; the others follow from there.
    pub(super) first: u16,
    /// How often its use was noted.
    pub(super) hits: u8,
    pub(super) state: State,
}

/// A name of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk {
    /// Bytes that lie there, or that are going to; 0 if none.
    pub(super) size: u16,
    /// The next one of the same answer.
    next: u16,
}

impl Chunk {
    const EMPTY: Self = Self {
        size: 0,
        next: NONE,
    };

    pub(super) const fn new(size: u16) -> Self {
        Self { size, next: NONE }
    }
}

/// What a segment holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    /// The next answer's nonce.
    pub(super) next: u64,
    pub(super) entries: Vec<Entry>,
    pub(super) chunks: Vec<Chunk>,
}

/// Bytes of a record.
pub(super) const fn length(entries: u16, chunks: u16) -> usize {
    let entries = (entries as usize).saturating_mul(ENTRY);
    let chunks = (chunks as usize).saturating_mul(CHUNK);
    HEAD.saturating_add(entries).saturating_add(chunks)
}

/// A record as it lies in shared data.
#[derive(Clone, Copy)]
pub(super) struct View<'r> {
    next: u64,
    entries: &'r [[u8; ENTRY]],
    chunks: &'r [[u8; CHUNK]],
}

impl<'r> View<'r> {
    /// `None`: it is none of this layout.
    pub(super) fn of(record: &'r [u8]) -> Option<Self> {
        let (head, rest) = record.split_first_chunk::<HEAD>()?;
        let [version, a, b, c, d, e, f, g, h, low, high] = *head;
        let count = usize::from(u16::from_le_bytes([low, high]));
        let (entries, rest) = rest.split_at_checked(count.checked_mul(ENTRY)?)?;
        let (chunks, []) = rest.as_chunks() else {
            return None;
        };
        let (entries, _) = entries.as_chunks();
        (version == VERSION).then_some(Self {
            next: u64::from_le_bytes([a, b, c, d, e, f, g, h]),
            entries,
            chunks,
        })
    }

    /// Whether it is of a segment with so many chunks.
    pub(super) const fn has_chunks(&self, count: u16) -> bool {
        self.chunks.len() == count as usize
    }

    /// The answer with this digest that is ready, and its place.
    pub(super) fn find(&self, digest: &[u8; 32]) -> Option<(usize, Entry)> {
        let mut entries = self.entries.iter().enumerate();
        entries.find_map(|(place, bytes)| {
            let entry = bytes.starts_with(digest).then(|| Entry::decode(bytes))?;
            (entry.state == State::Ready).then_some((place, entry))
        })
    }

    /// The chunks of an answer. (A record that links them in a ring is none of ours; it has an
    /// end all the same.)
    pub(super) fn chunks_of(&self, entry: &Entry) -> impl Iterator<Item = (u16, Chunk)> {
        let chunks = self.chunks;
        let at = move |index: u16| {
            let bytes = chunks.get(usize::from(index))?;
            Some((index, Chunk::decode(*bytes)))
        };
        iter::successors(at(entry.first), move |(_, chunk)| at(chunk.next)).take(chunks.len())
    }

    pub(super) fn decode(&self) -> Segment {
        Segment {
            next: self.next,
            entries: self.entries.iter().map(Entry::decode).collect(),
            chunks: self.chunks.iter().copied().map(Chunk::decode).collect(),
        }
    }
}

/// Notes in a record that the entry at `place` was used.
pub(super) fn note_use(record: &mut [u8], place: usize, used_s: u32, hits: u8) -> Option<()> {
    let entry = HEAD.checked_add(place.checked_mul(ENTRY)?)?;
    let entry = record.get_mut(entry..)?.first_chunk_mut::<ENTRY>()?;
    let used = entry.get_mut(USED..)?.first_chunk_mut::<4>()?;
    *used = used_s.to_le_bytes();
    *entry.get_mut(HITS)? = hits;
    Some(())
}

/// Where in an entry the number of its uses stands.
const HITS: usize = USED + 6;

impl Entry {
    fn decode(bytes: &[u8; ENTRY]) -> Self {
        let mut rest = bytes.as_slice();
        let digest = take(&mut rest);
        let [nonce, stored_ms, until_ms] = [(); 3].map(|()| u64::from_le_bytes(take(&mut rest)));
        let [length, owner, used_s] = [(); 3].map(|()| u32::from_le_bytes(take(&mut rest)));
        let first = u16::from_le_bytes(take(&mut rest));
        let [hits, state] = take(&mut rest);
        Self {
            digest,
            nonce,
            stored_ms,
            until_ms,
            length,
            owner,
            used_s,
            first,
            hits,
            state: match state {
                1 => State::Ready,
                _ => State::Pending,
            },
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.digest);
        out.extend(
            [self.nonce, self.stored_ms, self.until_ms]
                .map(u64::to_le_bytes)
                .as_flattened(),
        );
        out.extend(
            [self.length, self.owner, self.used_s]
                .map(u32::to_le_bytes)
                .as_flattened(),
        );
        out.extend(self.first.to_le_bytes());
        out.extend([self.hits, u8::from(self.state == State::Ready)]);
    }
}

/// The first bytes, which there are.
fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let (first, behind) = rest.split_first_chunk::<N>().unwrap_or((&[0; N], &[]));
    *rest = behind;
    *first
}

impl Chunk {
    const fn decode([a, b, c, d]: [u8; CHUNK]) -> Self {
        Self {
            size: u16::from_le_bytes([a, b]),
            next: u16::from_le_bytes([c, d]),
        }
    }
}

impl Segment {
    /// One in which nothing lies. Nonces begin with the clock: what an unreadable record before
    /// this one has left behind is no value of this one's answers.
    pub(super) fn new(chunks: u16, now_nanos: u64) -> Self {
        Self {
            next: now_nanos,
            entries: Vec::new(),
            chunks: vec![Chunk::EMPTY; usize::from(chunks)],
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let entries = u16::try_from(self.entries.len()).unwrap_or(u16::MAX);
        let mut out = Vec::with_capacity(length(entries, NONE).min(super::geometry::VALUE));
        out.push(VERSION);
        out.extend(self.next.to_le_bytes());
        out.extend(entries.to_le_bytes());
        self.entries.iter().for_each(|entry| entry.encode(&mut out));
        for chunk in &self.chunks {
            out.extend(chunk.size.to_le_bytes());
            out.extend(chunk.next.to_le_bytes());
        }
        out
    }

    /// The chunks of an answer.
    pub(super) fn chunks_of(&self, entry: &Entry) -> impl Iterator<Item = u16> {
        let at = |index: u16| Some((index, self.chunks.get(usize::from(index))?));
        let all = iter::successors(at(entry.first), move |(_, chunk)| at(chunk.next));
        all.map(|(index, _)| index).take(self.chunks.len())
    }

    /// Links chunks to the values of one answer; the first of them.
    pub(super) fn link(&mut self, chunks: &[(u16, u16)]) -> u16 {
        let mut next = NONE;
        for (index, size) in chunks.iter().rev() {
            if let Some(chunk) = self.chunks.get_mut(usize::from(*index)) {
                *chunk = Chunk { size: *size, next };
                next = *index;
            }
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(byte: u8) -> Entry {
        Entry {
            digest: [byte; 32],
            nonce: 7_000_000_000 + u64::from(byte),
            stored_ms: 1_700_000_000_123,
            until_ms: 1_700_000_900_123,
            length: 70_000,
            owner: 0xdead_beef,
            used_s: 1_700_000_001,
            first: 3,
            hits: 9,
            state: State::Ready,
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let mut segment = Segment::new(5, 42);
        let first = segment.link(&[(3, 16_384), (0, 16_384), (4, 9)]);
        segment.entries = vec![
            Entry {
                state: State::Pending,
                ..entry(2)
            },
            Entry { first, ..entry(1) },
            entry(2),
        ];
        let record = segment.encode();
        assert_eq!(record.len(), length(3, 5));
        let view = View::of(&record).unwrap();
        assert_eq!(view.decode(), segment);
        let (place, found) = view.find(&[1; 32]).unwrap();
        assert_eq!((place, found), (1, segment.entries[1]));
        let chunks: Vec<_> = view.chunks_of(&found).map(|(index, _)| index).collect();
        assert_eq!(chunks, [3, 0, 4]);
        assert_eq!(segment.chunks_of(&found).collect::<Vec<_>>(), [3, 0, 4]);
        assert_eq!(
            view.find(&[2; 32]).unwrap().0,
            2,
            "what is pending is not found"
        );
        assert!(view.find(&[3; 32]).is_none());
    }

    #[test]
    fn uses_are_noted_in_place() {
        let mut segment = Segment::new(2, 0);
        segment.entries = vec![entry(1), entry(2)];
        let mut record = segment.encode();
        note_use(&mut record, 1, 77, 10).unwrap();
        (segment.entries[1].used_s, segment.entries[1].hits) = (77, 10);
        assert_eq!(View::of(&record).unwrap().decode(), segment);
        assert_eq!(note_use(&mut record, 2, 1, 1), None);
    }

    #[test]
    fn what_is_no_record_is_not_read() {
        let record = Segment::new(2, 0).encode();
        for cut in 0..record.len() {
            let read = View::of(&record[..cut]).map(|view| view.decode());
            assert!(read.is_none_or(|read| read.chunks.len() < 2), "{cut}");
        }
        let other = [&[VERSION + 1], &record[1..]].concat();
        assert!(View::of(&other).is_none());
        assert!(View::of(&[]).is_none());
    }

    #[test]
    fn rings_of_chunks_have_an_end() {
        let mut segment = Segment::new(3, 0);
        segment.chunks[0] = Chunk { size: 1, next: 1 };
        segment.chunks[1] = Chunk { size: 1, next: 0 };
        let entry = Entry {
            first: 0,
            ..entry(1)
        };
        let record = segment.encode();
        assert_eq!(View::of(&record).unwrap().chunks_of(&entry).count(), 3);
        assert_eq!(segment.chunks_of(&entry).count(), 3);
    }
}
