/*! Answers in a store beyond this Envoy: what is written there, and what is believed of it.

Other Envoys read it, so each object says what it answers and until when. It is believed only if all
of it is as it was written, and for this question; whoever may write to the store could
still write what he likes. */

use crate::config::CacheStore;
use crate::http::{Answer, Callout};
use sha2::{Digest, Sha256};

/// The layout.
const MAGIC: [u8; 4] = *b"TGC1";

/// Bytes before the payload: the layout, the digest, the end, the sum.
const FRONT: usize = 4 + 32 + 8 + 16;

/// The longest time to live, in milliseconds: 30 days. What says that it ends later has been
/// written by a clock that is wrong.
const LONGEST_MS: u64 = 30 * 86_400_000;

/// What a store has of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// As it was written.
    pub payload: Vec<u8>,
    /// How long it may be given, in milliseconds; more than 0.
    pub left_ms: u64,
}

/// Asks a store for the answer with this digest.
pub fn fetch(store: &CacheStore, token: u64, digest: &[u8; 32]) -> Callout {
    let path = path(&store.path, digest, 0);
    callout(store, token, "GET", path, Vec::new())
}

/// Tells a store an answer that ends at `until_ms`, in milliseconds since the Unix epoch.
pub fn save(
    store: &CacheStore,
    digest: &[u8; 32],
    (payload, until_ms, now_ms): (&[u8], u64, u64),
) -> Callout {
    let left = until_ms.saturating_sub(now_ms).div_ceil(1_000);
    let path = path(&store.put_path, digest, left);
    let body = sealed(digest, until_ms, payload);
    callout(store, 0, "PUT", path, body)
}

/// What a store has answered to [`fetch`]. `Ok(None)`: it has nothing that may be given.
///
/// # Errors
/// The store does not work.
pub fn fetched(answer: &Answer, digest: &[u8; 32], now_ms: u64) -> Result<Option<Fetched>, Failed> {
    match answer.status {
        200 => Ok(unsealed(&answer.body, digest, now_ms)),
        // Of nothing, and of what has ended.
        204 | 404 | 410 => Ok(None),
        _ => Err(Failed),
    }
}

/// A store does not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed;

fn callout(
    store: &CacheStore,
    token: u64,
    method: &'static str,
    path: String,
    body: Vec<u8>,
) -> Callout {
    let is_written = !body.is_empty();
    Callout {
        token,
        cluster: store.cluster.clone(),
        method,
        authority: store.authority.clone(),
        path,
        headers: is_written
            .then_some(("content-type", "application/octet-stream"))
            .into_iter()
            .collect(),
        body,
        timeout_ms: store.timeout_ms,
    }
}

fn path(pattern: &str, digest: &[u8; 32], ttl_s: u64) -> String {
    let key = pattern.replace("{key}", &hex(digest));
    key.replace("{ttl}", &ttl_s.to_string())
}

fn hex(digest: &[u8; 32]) -> String {
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 0xF]);
    digits
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

fn sealed(digest: &[u8; 32], until_ms: u64, payload: &[u8]) -> Vec<u8> {
    let until = until_ms.to_le_bytes();
    let sum = sum(digest, until_ms, payload);
    [&MAGIC[..], digest, &until, &sum, payload].concat()
}

fn unsealed(body: &[u8], digest: &[u8; 32], now_ms: u64) -> Option<Fetched> {
    let (front, payload) = body.split_first_chunk::<FRONT>()?;
    let rest = front.strip_prefix(&MAGIC)?.strip_prefix(digest)?;
    let (until, stored) = rest.split_first_chunk::<8>()?;
    let until_ms = u64::from_le_bytes(*until);
    let left_ms = until_ms.checked_sub(now_ms)?;
    let good = (1..=LONGEST_MS).contains(&left_ms) && stored == sum(digest, until_ms, payload);
    good.then(|| Fetched {
        payload: payload.to_vec(),
        left_ms,
    })
}

/// A part of SHA-256, which tells any damage.
fn sum(digest: &[u8; 32], until_ms: u64, payload: &[u8]) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update(digest);
    hash.update(until_ms.to_le_bytes());
    hash.update(payload);
    let sum: [u8; 32] = hash.finalize().into();
    sum.first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(put_path: &str) -> CacheStore {
        CacheStore {
            cluster: "far".to_owned(),
            authority: "store".to_owned(),
            path: "/cache/{key}".to_owned(),
            put_path: put_path.to_owned(),
            timeout_ms: 50,
        }
    }

    fn answer(status: u16, body: &[u8]) -> Answer {
        Answer {
            status,
            body: body.to_vec(),
        }
    }

    #[test]
    fn what_is_saved_is_fetched() {
        let digest = [0xAB; 32];
        let store = store("/SETEX/{key}/{ttl}");
        let saved = save(&store, &digest, (b"payload", 61_001, 1_000));
        assert_eq!(saved.method, "PUT");
        assert_eq!(saved.path, format!("/SETEX/{}/61", "ab".repeat(32)));
        let asked = fetch(&store, 3, &digest);
        assert_eq!((asked.method, asked.token), ("GET", 3));
        assert_eq!(asked.path, format!("/cache/{}", "ab".repeat(32)));
        assert!(asked.body.is_empty() && asked.headers.is_empty());
        let found = fetched(&answer(200, &saved.body), &digest, 2_000);
        let wanted = Fetched {
            payload: b"payload".to_vec(),
            left_ms: 59_001,
        };
        assert_eq!(found, Ok(Some(wanted)));
    }

    #[test]
    fn nothing_else_is_believed() {
        let digest = [7; 32];
        let saved = save(&store("/{key}"), &digest, (b"payload", 61_000, 1_000)).body;
        let found = |body: &[u8], now| fetched(&answer(200, body), &digest, now).unwrap();
        assert!(found(&saved, 1_000).is_some());
        // It has ended, or comes from a wrong clock.
        assert_eq!(found(&saved, 61_000), None);
        let late = sealed(&digest, LONGEST_MS + 2_000, b"payload");
        assert_eq!(found(&late, 1_000), None);
        // Of another question, damaged, cut, longer.
        assert_eq!(fetched(&answer(200, &saved), &[8; 32], 1_000), Ok(None));
        for at in 0..saved.len() {
            let mut damaged = saved.clone();
            damaged[at] ^= 1;
            assert_eq!(found(&damaged, 1_000), None, "{at}");
            assert_eq!(found(&saved[..at], 1_000), None, "{at}");
        }
        assert_eq!(found(&[saved.as_slice(), b"x"].concat(), 1_000), None);
        for status in [204, 404, 410] {
            assert_eq!(fetched(&answer(status, &saved), &digest, 1_000), Ok(None));
        }
        for status in [0, 301, 401, 500, 503, 504] {
            assert_eq!(
                fetched(&answer(status, &saved), &digest, 1_000),
                Err(Failed)
            );
        }
    }
}
