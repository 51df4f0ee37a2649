/*! Keyed hashes of values. */

use sha2::{Digest, Sha256};
use std::fmt;
use std::rc::Rc;

/// Block length of SHA-256, in bytes.
const BLOCK: usize = 64;

/// The key of hashes that stand for values.
#[derive(Clone, PartialEq, Eq)]
pub struct HashKey(Rc<Keyed>);

/// The key of the tags in placeholders: the same value has the same tag wherever the key is
/// the same, and nobody without the key can try values.
#[derive(Clone, PartialEq, Eq)]
pub struct TagKey(Rc<Keyed>);

/// HMAC (RFC 2104) with SHA-256, as far as it is the same for all messages.
#[derive(Clone)]
struct Keyed {
    /// The key as one block.
    block: [u8; BLOCK],
    inner: Sha256,
    outer: Sha256,
}

impl HashKey {
    /// Shortest key, in bytes.
    pub const SHORTEST: usize = 16;

    /// A key; `None` if it is too short.
    pub fn new(key: String) -> Option<Self> {
        (key.len() >= Self::SHORTEST).then(|| Self(Rc::new(Keyed::new(key.as_bytes()))))
    }

    pub(super) fn hmac(&self, message: &[&[u8]]) -> [u8; 32] {
        self.0.hash(message)
    }
}

impl TagKey {
    /// A key made of a secret of the operator's, or of whatever else nobody else knows.
    pub fn new(secret: &[u8]) -> Self {
        let key = Keyed::new(secret).hash(&[b"tags of placeholders"]);
        Self(Rc::new(Keyed::new(&key)))
    }

    pub(super) fn hmac(&self, message: &[&[u8]]) -> [u8; 32] {
        self.0.hash(message)
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey(…)")
    }
}

impl fmt::Debug for TagKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TagKey(…)")
    }
}

impl Keyed {
    fn new(key: &[u8]) -> Self {
        let mut block = [0_u8; BLOCK];
        let digest: [u8; 32];
        let short = if key.len() > BLOCK {
            digest = Sha256::digest(key).into();
            &digest
        } else {
            key
        };
        for (place, byte) in block.iter_mut().zip(short) {
            *place = *byte;
        }
        Self {
            block,
            inner: Sha256::new_with_prefix(block.map(|byte| byte ^ 0x36)),
            outer: Sha256::new_with_prefix(block.map(|byte| byte ^ 0x5c)),
        }
    }

    fn hash(&self, message: &[&[u8]]) -> [u8; 32] {
        let mut inner = self.inner.clone();
        message.iter().for_each(|part| inner.update(part));
        let mut outer = self.outer.clone();
        outer.update(inner.finalize());
        outer.finalize().into()
    }
}

impl PartialEq for Keyed {
    fn eq(&self, other: &Self) -> bool {
        self.block == other.block
    }
}

impl Eq for Keyed {}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2, whose key is shorter than the policy allows.
    #[test]
    fn hashes_are_hmac_sha_256() {
        let hash = Keyed::new(b"Jefe").hash(&[b"what do ya want ", b"for nothing?"]);
        assert_eq!(hash[..4], [0x5b, 0xdc, 0xc1, 0x46]);
        let long = "k".repeat(100);
        assert_ne!(
            Keyed::new(long.as_bytes()).hash(&[b"a"]),
            Keyed::new(long.as_bytes()).hash(&[b"b"])
        );
    }

    #[test]
    fn keys_are_not_shown() {
        let key = HashKey::new("key of 16 bytes.".to_owned()).unwrap();
        assert!(!format!("{key:?}").contains("key of"));
        assert_eq!(format!("{:?}", TagKey::new(b"secret")), "TagKey(…)");
        assert!(HashKey::new("short".to_owned()).is_none());
    }
}
