/*! Records of counters as bytes.

A record is a version byte, then its counters, each with its length in front, so that a
layout that adds something to the end of a counter can be read by code that does not know it.
Numbers are LEB128: most of them are small. */

use super::counter::{Bucket, Counter, Noted};

/// The layout that is written.
pub(super) const VERSION: u8 = 1;

/// Whether a counter outlives a restart.
const LONG: u8 = 1;

/// The counters of a tenant, a model or a user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Record {
    pub(super) counters: Vec<Counter>,
}

impl Record {
    /// Reads what follows the version byte. Of a counter that makes no sense, nothing is
    /// taken, nor of what follows it.
    pub(super) fn decode(bytes: &[u8]) -> Self {
        let mut rest = bytes;
        let mut counters = Vec::new();
        while let Some(counter) = block(&mut rest).and_then(decode_counter) {
            counters.push(counter);
        }
        Self { counters }
    }

    /// Adds what follows the version byte. Counters that say nothing any more are left out.
    pub(super) fn encode(&self, now_ms: u64, out: &mut Vec<u8>) {
        let live = |counter: &&Counter| counter.expires_ms > now_ms;
        for counter in self.counters.iter().filter(live) {
            put_block(out, &encode_counter(counter));
        }
    }

    /// The counter with this id, if there is one.
    pub(super) fn find(&self, id: u32) -> Option<&Counter> {
        self.counters.iter().find(|counter| counter.id == id)
    }

    /// Changes the counter with this id, which `new` makes if there is none.
    pub(super) fn change<R>(
        &mut self,
        id: u32,
        new: impl FnOnce() -> Counter,
        change: impl FnOnce(&mut Counter) -> R,
    ) -> R {
        if let Some(counter) = self.counters.iter_mut().find(|counter| counter.id == id) {
            return change(counter);
        }
        let mut counter = new();
        let result = change(&mut counter);
        self.counters.push(counter);
        result
    }
}

fn decode_counter(mut bytes: &[u8]) -> Option<Counter> {
    let rest = &mut bytes;
    let (id, after) = rest.split_first_chunk::<4>()?;
    let (flags, after) = after.split_first()?;
    *rest = after;
    let mut counter = Counter {
        id: u32::from_le_bytes(*id),
        long: flags & LONG != 0,
        expires_ms: number(rest)?,
        alerted: noted(rest)?,
        topped_up: noted(rest)?,
        buckets: Vec::new(),
    };
    let mut index: u64 = 0;
    for _ in 0..number(rest)? {
        index = index.checked_add(number(rest)?)?;
        counter.buckets.push(Bucket {
            index,
            used: number(rest)?,
            reserved: number(rest)?,
        });
    }
    Some(counter)
}

fn encode_counter(counter: &Counter) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    out.extend(counter.id.to_le_bytes());
    out.push(if counter.long { LONG } else { 0 });
    put(&mut out, counter.expires_ms);
    put_noted(&mut out, counter.alerted);
    put_noted(&mut out, counter.topped_up);
    put(&mut out, u64::try_from(counter.buckets.len()).unwrap_or(0));
    let mut before: u64 = 0;
    for bucket in &counter.buckets {
        put(&mut out, bucket.index.saturating_sub(before));
        put(&mut out, bucket.used);
        put(&mut out, bucket.reserved);
        before = bucket.index;
    }
    out
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
                }
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(counters in proptest::collection::vec(any_counter(), 0..8)) {
            let record = Record { counters };
            let mut bytes = Vec::new();
            record.encode(0, &mut bytes);
            prop_assert_eq!(Record::decode(&bytes), record);
        }

        #[test]
        fn garbage_is_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let record = Record::decode(&bytes);
            let mut again = Vec::new();
            record.encode(0, &mut again);
            prop_assert!(again.len() <= bytes.len() * 2);
        }
    }

    #[test]
    fn a_counter_that_has_grown_at_its_end_is_read() {
        let counter = Counter {
            id: 7,
            expires_ms: 9,
            ..Counter::default()
        };
        let mut longer = encode_counter(&counter);
        longer.extend([1, 2, 3]);
        let mut bytes = Vec::new();
        put_block(&mut bytes, &longer);
        put_block(&mut bytes, &encode_counter(&counter));
        assert_eq!(Record::decode(&bytes).counters, [counter.clone(), counter]);
    }

    #[test]
    fn what_has_expired_is_left_out() {
        let counter = Counter {
            id: 7,
            expires_ms: 9,
            ..Counter::default()
        };
        let record = Record {
            counters: vec![counter],
        };
        let mut bytes = Vec::new();
        record.encode(9, &mut bytes);
        assert!(bytes.is_empty());
    }
}
