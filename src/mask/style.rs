/*! What stands in the place of a value. */

use crate::detect::Entity;
use sha2::{Digest, Sha256};
use std::fmt::{self, Write as _};

/// Block length of SHA-256, in bytes.
const BLOCK: usize = 64;

/// Bytes of a hash that are shown: 64 bits keep values of one policy apart.
const SHOWN: usize = 8;

/// How a value is masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Style {
    /// `<EMAIL_ADDRESS>`.
    Replace,
    /// Letters and digits become `*`, but the last four, or the last half of fewer than
    /// eight.
    KeepLast4,
    /// `<EMAIL_ADDRESS:…>` with a keyed hash: the same value gives the same mask, and
    /// nobody without the key can try values.
    Hash(HashKey),
}

/// The key of hashes.
#[derive(Clone, PartialEq, Eq)]
pub struct HashKey(String);

impl HashKey {
    /// Shortest key, in bytes.
    pub const SHORTEST: usize = 16;

    /// A key; `None` if it is too short.
    pub fn new(key: String) -> Option<Self> {
        (key.len() >= Self::SHORTEST).then_some(Self(key))
    }

    /// HMAC (RFC 2104) with SHA-256.
    fn hmac(&self, message: &[&[u8]]) -> [u8; 32] {
        let mut block = [0_u8; BLOCK];
        let key = self.0.as_bytes();
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
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey(…)")
    }
}

impl Style {
    /// Writes what stands for `value`.
    pub fn write(&self, entity: Entity, value: &str, out: &mut String) {
        match self {
            Self::Replace => {
                out.push('<');
                out.push_str(entity.name());
                out.push('>');
            }
            Self::KeepLast4 => keep_last_4(value, out),
            Self::Hash(key) => {
                let hash = key.hmac(&[entity.name().as_bytes(), b"\0", value.as_bytes()]);
                out.push('<');
                out.push_str(entity.name());
                out.push(':');
                for byte in hash.iter().take(SHOWN) {
                    // Writing to a string can't fail.
                    let _ = write!(out, "{byte:02x}");
                }
                out.push('>');
            }
        }
    }
}

fn keep_last_4(value: &str, out: &mut String) {
    let signs = value.chars().filter(|c| c.is_alphanumeric()).count();
    let kept = (signs / 2).min(4);
    let mut left = signs.saturating_sub(kept);
    for c in value.chars() {
        if !c.is_alphanumeric() || left == 0 {
            out.push(c);
        } else {
            out.push('*');
            left = left.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(style: &Style, value: &str) -> String {
        let mut out = String::new();
        style.write(Entity::CreditCard, value, &mut out);
        out
    }

    #[test]
    fn values_are_replaced_or_cut_to_their_end() {
        assert_eq!(masked(&Style::Replace, "4111"), "<CREDIT_CARD>");
        let cases = [
            ("4111-1111-1111-1234", "****-****-****-1234"),
            ("+1 (555) 010-9988", "+* (***) ***-9988"),
            ("123456", "***456"),
            ("7", "*"),
            ("", ""),
        ];
        for (value, wanted) in cases {
            assert_eq!(masked(&Style::KeepLast4, value), wanted);
        }
    }

    #[test]
    fn hashes_depend_on_key_and_value() {
        let style = |key: &str| Style::Hash(HashKey::new(key.to_owned()).unwrap());
        let [a, b] = ["key of 16 bytes.", "key of 17 bytes.."].map(style);
        assert_eq!(masked(&a, "x"), masked(&a, "x"));
        assert_ne!(masked(&a, "x"), masked(&a, "y"));
        assert_ne!(masked(&a, "x"), masked(&b, "x"));
        assert!(HashKey::new("short".to_owned()).is_none());
        assert!(!format!("{a:?}").contains("key of"));
    }

    /// RFC 4231, test case 2, whose key is shorter than the policy allows.
    #[test]
    fn hashes_are_hmac_sha_256() {
        let key = HashKey("Jefe".to_owned());
        let hash = key.hmac(&[b"what do ya want ", b"for nothing?"]);
        assert_eq!(hash[..4], [0x5b, 0xdc, 0xc1, 0x46]);
        let long = HashKey("k".repeat(100));
        assert_ne!(long.hmac(&[b"a"]), long.hmac(&[b"b"]));
    }
}
