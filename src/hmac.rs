/*! HMAC (RFC 2104) with SHA-256. */

use sha2::{Digest, Sha256};

/// Block length of SHA-256, in bytes.
const BLOCK: usize = 64;

/// A key, as far as hashing with it is the same for all messages.
#[derive(Clone)]
pub(crate) struct Hmac {
    /// The key as one block.
    block: [u8; BLOCK],
    inner: Sha256,
    outer: Sha256,
}

impl Hmac {
    pub(crate) fn new(key: &[u8]) -> Self {
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

    /// The hash of all parts as one message.
    pub(crate) fn hash(&self, message: &[&[u8]]) -> [u8; 32] {
        let mut inner = self.inner.clone();
        message.iter().for_each(|part| inner.update(part));
        let mut outer = self.outer.clone();
        outer.update(inner.finalize());
        outer.finalize().into()
    }
}

impl PartialEq for Hmac {
    fn eq(&self, other: &Self) -> bool {
        self.block == other.block
    }
}

impl Eq for Hmac {}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(hash: [u8; 32]) -> String {
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// RFC 4231, test cases 2 and 6: a short key, and one that is longer than a block.
    #[test]
    fn hashes_are_hmac_sha_256() {
        let short = Hmac::new(b"Jefe").hash(&[b"what do ya want ", b"for nothing?"]);
        assert_eq!(
            hex(short),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        let text = b"Test Using Larger Than Block-Size Key - Hash Key First";
        assert_eq!(
            hex(Hmac::new(&[0xaa; 131]).hash(&[text])),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }
}
