/*! Keyed hashes of values. */

use sha2::{Digest, Sha256};
use std::fmt;

/// Block length of SHA-256, in bytes.
const BLOCK: usize = 64;

/// The key of hashes that stand for values.
#[derive(Clone, PartialEq, Eq)]
pub struct HashKey(String);

/// The key of the tags in placeholders: the same value has the same tag wherever the key is
/// the same, and nobody without the key can try values.
#[derive(Clone, PartialEq, Eq)]
pub struct TagKey([u8; 32]);

impl HashKey {
    /// Shortest key, in bytes.
    pub const SHORTEST: usize = 16;

    /// A key; `None` if it is too short.
    pub fn new(key: String) -> Option<Self> {
        (key.len() >= Self::SHORTEST).then_some(Self(key))
    }

    pub(super) fn hmac(&self, message: &[&[u8]]) -> [u8; 32] {
        hmac(self.0.as_bytes(), message)
    }
}

impl TagKey {
    /// A key made of a secret of the operator's, or of whatever else nobody else knows.
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac(secret, &[b"tags of placeholders"]))
    }

    pub(super) fn hmac(&self, message: &[&[u8]]) -> [u8; 32] {
        hmac(&self.0, message)
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

/// HMAC (RFC 2104) with SHA-256.
fn hmac(key: &[u8], message: &[&[u8]]) -> [u8; 32] {
    let mut block = [0_u8; BLOCK];
    let digest: [u8; 32] = Sha256::digest(key).into();
    let key = if key.len() > BLOCK { &digest } else { key };
    for (place, byte) in block.iter_mut().zip(key) {
        *place = *byte;
    }
    let mut inner = Sha256::new_with_prefix(block.map(|byte| byte ^ 0x36));
    message.iter().for_each(|part| inner.update(part));
    let mut outer = Sha256::new_with_prefix(block.map(|byte| byte ^ 0x5c));
    outer.update(inner.finalize());
    outer.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2, whose key is shorter than the policy allows.
    #[test]
    fn hashes_are_hmac_sha_256() {
        let hash = hmac(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(hash[..4], [0x5b, 0xdc, 0xc1, 0x46]);
        let long = "k".repeat(100);
        assert_ne!(
            hmac(long.as_bytes(), &[b"a"]),
            hmac(long.as_bytes(), &[b"b"])
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
