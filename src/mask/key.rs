/*! Keyed hashes of values. */

use crate::hmac::Hmac;
use std::fmt;
use std::rc::Rc;

/// The key of hashes that stand for values.
#[derive(Clone, PartialEq, Eq)]
pub struct HashKey(Rc<Hmac>);

/// The key of the tags in placeholders: the same value has the same tag wherever the key is
/// the same, and nobody without the key can try values.
#[derive(Clone, PartialEq, Eq)]
pub struct TagKey(Rc<Hmac>);

impl HashKey {
    /// Shortest key, in bytes.
    pub const SHORTEST: usize = 16;

    /// A key; `None` if it is too short.
    pub fn new(key: String) -> Option<Self> {
        (key.len() >= Self::SHORTEST).then(|| Self(Rc::new(Hmac::new(key.as_bytes()))))
    }

    pub(super) fn hmac(&self, message: &[&[u8]]) -> [u8; 32] {
        self.0.hash(message)
    }
}

impl TagKey {
    /// A key made of a secret of the operator's, or of whatever else nobody else knows.
    pub fn new(secret: &[u8]) -> Self {
        let key = Hmac::new(secret).hash(&[b"tags of placeholders"]);
        Self(Rc::new(Hmac::new(&key)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_not_shown() {
        let key = HashKey::new("key of 16 bytes.".to_owned()).unwrap();
        assert!(!format!("{key:?}").contains("key of"));
        assert_eq!(format!("{:?}", TagKey::new(b"secret")), "TagKey(…)");
        assert!(HashKey::new("short".to_owned()).is_none());
    }
}
