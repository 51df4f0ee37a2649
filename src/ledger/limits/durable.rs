/*! What of the records outlives a restart of Envoy. */

use super::counter::Counter;
use super::place::{USERS, body, versioned};
use super::record::Record;
use super::users;
use crate::host::Instant;

/// What is worth saving of the record `name`: its windows of an hour or more. `None`: nothing.
pub fn snapshot(name: &str, bytes: &[u8], now: Instant) -> Option<Vec<u8>> {
    let now_ms = now.unix_millis();
    let kept = changed(name, bytes, now_ms, |_, record| record.keep_long());
    (!kept.is_empty()).then(|| versioned(&kept))
}

/// Adds what was saved of the record `name` to what is there. What was reserved for calls of an
/// Envoy that is gone counts as used: nobody can say what they took.
pub fn merge(name: &str, current: Option<&[u8]>, saved: &[u8], now: Instant) -> Vec<u8> {
    let now_ms = now.unix_millis();
    if !name.starts_with(USERS) {
        let mut record = Record::decode(body(current));
        add(&mut record, &Record::decode(body(Some(saved))));
        let mut bytes = Vec::new();
        record.encode(now_ms, &mut bytes);
        return versioned(&bytes);
    }
    let mut bytes = body(current).to_vec();
    users::each(body(Some(saved)), |id, most, saved| {
        bytes = users::put_record(&bytes, id, most, now_ms, |record| add(record, &saved));
    });
    versioned(&bytes)
}

fn changed(
    name: &str,
    bytes: &[u8],
    now_ms: u64,
    change: impl Fn(u64, &mut Record<'_>),
) -> Vec<u8> {
    if name.starts_with(USERS) {
        return users::change_all(body(Some(bytes)), now_ms, change);
    }
    let mut record = Record::decode(body(Some(bytes)));
    change(0, &mut record);
    let mut bytes = Vec::new();
    record.encode(now_ms, &mut bytes);
    bytes
}

fn add(record: &mut Record<'_>, saved: &Record<'_>) {
    for counter in saved.counters().filter(|counter| counter.long) {
        let new = || Counter {
            buckets: Vec::new(),
            expires_ms: 0,
            ..counter.clone()
        };
        record.change(counter.id, new, |here| {
            for bucket in &counter.buckets {
                let used = bucket.used.saturating_add(bucket.reserved);
                here.add(bucket.index, used, 0);
            }
            here.expires_ms = here.expires_ms.max(counter.expires_ms);
            here.alerted = here.alerted.or_later(counter.alerted);
            here.topped_up = here.topped_up.or_later(counter.topped_up);
        });
    }
}
