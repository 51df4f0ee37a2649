/*! Records of counters as bytes.

A record is a version byte, then its counters, each with its length in front, so that a
layout that adds something to the end of a counter can be read, and is kept, by code that does
not know it. Numbers are LEB128: most of them are small. */

use super::counter::{Bucket, Counter, Noted};

/// The layout that is written.
pub(super) const VERSION: u8 = 1;

/// Whether a counter outlives a restart.
const LONG: u8 = 1;

/// The counters of a tenant, a model or a user. What is not touched is not decoded: it is
/// written back byte for byte, whatever layout or policy it is of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Record<'b> {
    slots: Vec<Slot<'b>>,
    /// Where the next counter that is asked for is likely to be: they are asked for in the
    /// order in which they were made.
    next: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Slot<'b> {
    Untouched(Head, &'b [u8]),
    Open(Counter),
}

/// What every counter begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    id: u32,
    long: bool,
    expires_ms: u64,
}

impl<'b> Record<'b> {
    /// Reads what follows the version byte. Of a counter without a head, nothing is taken, nor
    /// of what follows it.
    pub(super) fn decode(bytes: &'b [u8]) -> Self {
        let mut rest = bytes;
        let slot = || {
            let block = block(&mut rest)?;
            Some(Slot::Untouched(head(&mut &*block)?, block))
        };
        Self {
            slots: std::iter::from_fn(slot).collect(),
            next: 0,
        }
    }

    /// Adds what follows the version byte. Counters that say nothing any more are left out.
    pub(super) fn encode(&self, now_ms: u64, out: &mut Vec<u8>) {
        let mut scratch = Vec::with_capacity(128);
        let live = |slot: &&Slot<'_>| slot.expires_ms() > now_ms;
        for slot in self.slots.iter().filter(live) {
            match slot {
                Slot::Untouched(_, block) => put_block(out, block),
                Slot::Open(counter) => {
                    scratch.clear();
                    encode_counter(counter, &mut scratch);
                    put_block(out, &scratch);
                }
            }
        }
    }

    /// Whether something of it still counts.
    pub(super) fn lives(&self, now_ms: u64) -> bool {
        self.slots.iter().any(|slot| slot.expires_ms() > now_ms)
    }

    /// The counter with this id, if there is one that makes sense.
    pub(super) fn find(&self, id: u32) -> Option<Counter> {
        self.slots.iter().find(|slot| slot.id() == id)?.counter()
    }

    /// Changes the counter with this id, which `new` makes if there is none that makes sense.
    pub(super) fn change<R>(
        &mut self,
        id: u32,
        new: impl FnOnce() -> Counter,
        change: impl FnOnce(&mut Counter) -> R,
    ) -> R {
        let at = self.position(id);
        self.next = at.saturating_add(1);
        let slot = self.slots.get_mut(at);
        if let Some(Slot::Open(counter)) = slot {
            return change(counter);
        }
        let known = slot.as_ref().and_then(|slot| slot.counter());
        let mut counter = known.unwrap_or_else(new);
        let result = change(&mut counter);
        match slot {
            Some(slot) => *slot = Slot::Open(counter),
            None => self.slots.push(Slot::Open(counter)),
        }
        result
    }

    /// Where the counter with this id is; the end, if there is none.
    fn position(&self, id: u32) -> usize {
        let is = |slot: &Slot<'_>| slot.id() == id;
        if self.slots.get(self.next).is_some_and(is) {
            return self.next;
        }
        let found = self.slots.iter().position(is);
        found.unwrap_or(self.slots.len())
    }

    /// Drops what does not outlive a restart.
    pub(super) fn keep_long(&mut self) {
        self.slots.retain(|slot| match slot {
            Slot::Untouched(head, _) => head.long,
            Slot::Open(counter) => counter.long,
        });
    }

    /// All counters that make sense.
    pub(super) fn counters(&self) -> impl Iterator<Item = Counter> {
        self.slots.iter().filter_map(Slot::counter)
    }
}

impl Slot<'_> {
    const fn id(&self) -> u32 {
        match self {
            Self::Untouched(head, _) => head.id,
            Self::Open(counter) => counter.id,
        }
    }

    const fn expires_ms(&self) -> u64 {
        match self {
            Self::Untouched(head, _) => head.expires_ms,
            Self::Open(counter) => counter.expires_ms,
        }
    }

    fn counter(&self) -> Option<Counter> {
        match self {
            Self::Untouched(_, block) => decode_counter(block),
            Self::Open(counter) => Some(counter.clone()),
        }
    }
}

fn head(rest: &mut &[u8]) -> Option<Head> {
    let (id, after) = rest.split_first_chunk::<4>()?;
    let (flags, after) = after.split_first()?;
    *rest = after;
    Some(Head {
        id: u32::from_le_bytes(*id),
        long: flags & LONG != 0,
        expires_ms: number(rest)?,
    })
}

fn decode_counter(mut bytes: &[u8]) -> Option<Counter> {
    let rest = &mut bytes;
    let Head {
        id,
        long,
        expires_ms,
    } = head(rest)?;
    let alerted = noted(rest)?;
    let topped_up = noted(rest)?;
    let count = usize::try_from(number(rest)?).ok()?;
    // Each takes three bytes at least.
    let mut buckets = Vec::with_capacity(count.min(rest.len() / 3));
    let mut index: u64 = 0;
    for _ in 0..count {
        index = index.checked_add(number(rest)?)?;
        buckets.push(Bucket {
            index,
            used: number(rest)?,
            reserved: number(rest)?,
        });
    }
    Some(Counter {
        id,
        long,
        expires_ms,
        alerted,
        topped_up,
        buckets,
        tail: rest.to_vec(),
    })
}

fn encode_counter(counter: &Counter, out: &mut Vec<u8>) {
    out.extend(counter.id.to_le_bytes());
    out.push(if counter.long { LONG } else { 0 });
    put(out, counter.expires_ms);
    put_noted(out, counter.alerted);
    put_noted(out, counter.topped_up);
    put(out, u64::try_from(counter.buckets.len()).unwrap_or(0));
    let mut before: u64 = 0;
    for bucket in &counter.buckets {
        put(out, bucket.index.saturating_sub(before));
        put(out, bucket.used);
        put(out, bucket.reserved);
        before = bucket.index;
    }
    out.extend_from_slice(&counter.tail);
}

fn noted(rest: &mut &[u8]) -> Option<Noted> {
    let value = number(rest)?;
    let bucket = if value == 0 { 0 } else { number(rest)? };
    Some(Noted { value, bucket })
}

fn put_noted(out: &mut Vec<u8>, noted: Noted) {
    put(out, noted.value);
    if noted.value > 0 {
        put(out, noted.bucket);
    }
}

/// Takes a number off the front.
pub(super) fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut value: u64 = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        let bits = u64::from(byte & 0x7F);
        let placed = bits.checked_shl(shift)?;
        if placed >> shift != bits {
            return None;
        }
        value |= placed;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Adds a number.
pub(super) fn put(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            out.push(low & 0x7F);
            return;
        }
        out.push(low | 0x80);
    }
}

/// Takes bytes with their length in front.
pub(super) fn block<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let length = usize::try_from(number(rest)?).ok()?;
    let (block, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(block)
}

/// Adds bytes with their length in front.
pub(super) fn put_block(out: &mut Vec<u8>, block: &[u8]) {
    put(out, u64::try_from(block.len()).unwrap_or(0));
    out.extend_from_slice(block);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_counter() -> impl Strategy<Value = Counter> {
        let bucket = (1..u64::MAX / 64, any::<u64>(), any::<u64>());
        let buckets = proptest::collection::vec(bucket, 0..32);
        let noted = (any::<u8>(), any::<u64>());
        (any::<u32>(), any::<bool>(), 1..u64::MAX, noted, buckets).prop_map(
            |(id, long, expires_ms, (value, bucket), steps)| {
                let mut index = 0;
                let buckets = steps.into_iter().map(|(step, used, reserved)| {
                    index += step;
                    Bucket {
                        index,
                        used,
                        reserved,
                    }
                });
                let value = u64::from(value);
                Counter {
                    id,
                    long,
                    expires_ms,
                    alerted: Noted {
                        value,
                        bucket: if value == 0 { 0 } else { bucket },
                    },
                    topped_up: Noted::default(),
                    buckets: buckets.collect(),
                    tail: vec![7; usize::from(value == 0)],
                }
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(counters in proptest::collection::vec(any_counter(), 0..8)) {
            let bytes = written(&counters, 0);
            let read: Vec<_> = Record::decode(&bytes).counters().collect();
            prop_assert_eq!(read, counters);
        }

        #[test]
        fn garbage_is_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let mut record = Record::decode(&bytes);
            for id in record.counters().map(|counter| counter.id).collect::<Vec<_>>() {
                record.change(id, Counter::default, |_| ());
            }
            let mut again = Vec::new();
            record.encode(0, &mut again);
            prop_assert!(again.len() <= bytes.len() * 2);
        }
    }

    fn written(counters: &[Counter], now_ms: u64) -> Vec<u8> {
        let slots = counters.iter().cloned().map(Slot::Open).collect();
        let mut bytes = Vec::new();
        Record { slots, next: 0 }.encode(now_ms, &mut bytes);
        bytes
    }

    fn counter(id: u32) -> Counter {
        Counter {
            id,
            expires_ms: 9,
            ..Counter::default()
        }
    }

    #[test]
    fn what_a_newer_layout_adds_to_a_counter_is_kept_when_it_changes() {
        let newer = Counter {
            tail: vec![1, 2, 3],
            ..counter(7)
        };
        let bytes = written(&[newer, counter(8)], 0);
        let mut record = Record::decode(&bytes);
        record.change(7, Counter::default, |counter| counter.add(5, 1, 0));
        let mut again = Vec::new();
        record.encode(0, &mut again);
        let found = Record::decode(&again).find(7).unwrap();
        assert_eq!((found.tail.as_slice(), found.used()), (&[1, 2, 3][..], 1));
    }

    #[test]
    fn what_nobody_touches_stays_byte_for_byte() {
        let mut strange = counter(7).id.to_le_bytes().to_vec();
        strange.extend([0, 9, 0xFF, 0xFF]);
        let mut bytes = Vec::new();
        put_block(&mut bytes, &strange);
        bytes.extend(written(&[counter(8)], 0));
        let mut record = Record::decode(&bytes);
        record.change(8, Counter::default, |_| ());
        let mut again = Vec::new();
        record.encode(0, &mut again);
        assert_eq!(again, bytes);
        assert_eq!(record.find(7), None);
        record.change(7, || counter(7), |_| ());
        assert_eq!(record.find(7), Some(counter(7)));
    }

    #[test]
    fn what_has_expired_is_left_out() {
        assert!(written(&[counter(7)], 9).is_empty());
        assert!(!written(&[counter(7)], 8).is_empty());
    }
}
