/*! Shared records: one bounded compare-and-swap loop for everything that all workers share.

Keys are `tollgate/<layout>/<namespace>/<record>`: the namespace is the plugin's name,
so two policies in one Envoy never meet. Values start with a version byte. */

use crate::host::{Expect, Host};
use std::convert::Infallible;

/// How often a write is tried before it is given up. A worker loses a round only if
/// another one wins it, so with a few dozen workers the bound is out of reach.
pub const MAX_TRIES: u32 = 200;

/// All tries were lost to other workers; nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted;

/// The records of one policy.
#[derive(Debug, Clone)]
pub struct Space {
    namespace: String,
    prefix: String,
}

impl Space {
    /// The space of the policy called `namespace`.
    pub fn new(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            prefix: format!("tollgate/1/{namespace}/"),
        }
    }

    /// The name that tells its records from those of other policies.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The full key of a record.
    pub fn key(&self, record: &str) -> String {
        format!("{}{record}", self.prefix)
    }
}

/// Replaces the record at `key` by what `change` makes of it (`None`: there was none),
/// retrying while other workers get in between.
///
/// # Errors
/// [`Exhausted`] after [`MAX_TRIES`] lost rounds.
pub fn update(
    host: &dyn Host,
    key: &str,
    change: impl Fn(Option<&[u8]>) -> Vec<u8>,
) -> Result<(), Exhausted> {
    let changed = try_update(host, key, |old| Ok::<_, Infallible>((change(old), ())));
    changed.map(|Ok(())| ())
}

/// As [`update`], for a change that may be refused (nothing is written then) and that has
/// something to say.
///
/// # Errors
/// [`Exhausted`] after [`MAX_TRIES`] lost rounds.
pub fn try_update<R, E>(
    host: &dyn Host,
    key: &str,
    mut change: impl FnMut(Option<&[u8]>) -> Result<(Vec<u8>, R), E>,
) -> Result<Result<R, E>, Exhausted> {
    for _ in 0..MAX_TRIES {
        let old = host.shared_get(key);
        let expect = match &old {
            Some((_, version)) => Expect::Version(*version),
            None => Expect::Absent,
        };
        let (value, result) = match change(old.as_ref().map(|(bytes, _)| bytes.as_slice())) {
            Ok(changed) => changed,
            Err(refused) => return Ok(Err(refused)),
        };
        if host.shared_set(key, &value, expect).is_ok() {
            return Ok(Ok(result));
        }
    }
    Err(Exhausted)
}

/// A record of numbers: its version byte, then each in little-endian order.
pub fn encode_words(version: u8, words: impl IntoIterator<Item = u64>) -> Vec<u8> {
    let words = words.into_iter().flat_map(u64::to_le_bytes);
    std::iter::once(version).chain(words).collect()
}

/// The numbers of a record that [`encode_words`] wrote, whatever its version: layouts only
/// ever grow at their end.
pub fn decode_words(bytes: &[u8]) -> impl Iterator<Item = u64> {
    let (words, _) = bytes.get(1..).unwrap_or_default().as_chunks::<8>();
    words.iter().map(|word| u64::from_le_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::memory::MemoryHost;

    fn increment(old: Option<&[u8]>) -> Vec<u8> {
        vec![old.map_or(1, |bytes| bytes[0] + 1)]
    }

    #[test]
    fn retries_until_it_wins() {
        let host = MemoryHost::default();
        host.conflict_next(5);
        update(&host, "k", increment).unwrap();
        update(&host, "k", increment).unwrap();
        assert_eq!(host.shared_get("k").unwrap().0, [2]);
    }

    #[test]
    fn gives_up_after_the_bound_and_writes_nothing() {
        let host = MemoryHost::default();
        host.conflict_next(MAX_TRIES);
        assert_eq!(update(&host, "k", increment), Err(Exhausted));
        assert!(host.shared_get("k").is_none());
    }

    #[test]
    fn namespaces_do_not_meet() {
        assert_ne!(Space::new("a").key("x"), Space::new("b").key("x"));
    }
}
