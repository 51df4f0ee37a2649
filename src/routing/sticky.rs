/*! Which targets calls with the same key keep to: weighted rendezvous hashing.

Every target draws a number from the hash of the key and its own name, and the highest goes
first. So each gets its share of the keys, and a target that comes or goes moves only those
keys that it gets or had. */

use super::Asked;
use crate::config::{StickyBy, Target};
use sha2::{Digest, Sha256};
use std::rc::Rc;

/// The score of each target for this call; the highest goes first.
pub(super) fn scores(by: &StickyBy, asked: &Asked<'_>, targets: &[Rc<Target>]) -> Vec<f64> {
    let key = hash_of_key(by, asked);
    targets.iter().map(|target| score(&key, target)).collect()
}

/// A header that is not there leaves the user, no user leaves the tenant. Keys of one tenant
/// are not those of another.
fn hash_of_key(by: &StickyBy, asked: &Asked<'_>) -> Sha256 {
    let header = match by {
        StickyBy::Header(name) => asked.header(name).filter(|value| !value.is_empty()),
        StickyBy::User | StickyBy::Tenant => None,
    };
    let user = (*by != StickyBy::Tenant && !asked.user.is_empty()).then_some(asked.user);
    let (kind, value) = match (header, user) {
        (Some(value), _) => ("header", value),
        (None, Some(user)) => ("user", user),
        (None, None) => ("tenant", ""),
    };
    let mut hash = Sha256::new();
    for part in [kind, &asked.tenant.name, value] {
        // A length in front keeps parts apart.
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash
}

/// Weight divided by an exponentially distributed number: the largest such score is a target's
/// with a probability that is its share of the weights.
fn score(key: &Sha256, target: &Target) -> f64 {
    let mut hash = key.clone();
    hash.update(target.key.as_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    f64::from(target.weight) / uniform(&digest).ln().abs()
}

/// A number above 0 and at most 1 from the first eight bytes.
fn uniform(digest: &[u8; 32]) -> f64 {
    let (words, _) = digest.as_chunks::<4>();
    let mut words = words
        .iter()
        .map(|word| f64::from(u32::from_le_bytes(*word)));
    let high = words.next().unwrap_or(0.0);
    let low = words.next().unwrap_or(0.0) + 0.5;
    let word = 4_294_967_296.0;
    (high + low / word) / word
}
