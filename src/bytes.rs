/*! Searching bytes a block at a time, and telling them apart by a hash. */

/// Bytes looked at in one step.
pub const BLOCK: usize = 16;

/// A set of bytes that can be searched for a block at a time.
#[derive(Debug, Clone, Copy)]
pub struct Set {
    /// Two members; the same one twice if there is one only.
    pub any: [u8; 2],
    /// All bytes below this one are members.
    pub below: u8,
    /// All bytes from 0x80 on are members.
    pub high: bool,
}

impl Set {
    /// A set of two bytes.
    pub const fn of(any: [u8; 2]) -> Self {
        Self {
            any,
            below: 0,
            high: false,
        }
    }

    /// Whether `byte` is a member.
    #[inline]
    pub const fn has(self, byte: u8) -> bool {
        let [a, b] = self.any;
        (byte == a) | (byte == b) | (byte < self.below) | (self.high & (byte >= 0x80))
    }

    /// Which bytes of a block are members: bit 0 stands for the first.
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    #[inline]
    pub fn mask(self, block: &[u8; BLOCK]) -> u32 {
        use core::arch::wasm32::{
            u8x16_bitmask, u8x16_eq, u8x16_lt, u8x16_splat, u64x2, v128_and, v128_or,
        };
        let (words, _) = block.as_chunks::<8>();
        let [first, second] = words else {
            return 0;
        };
        let bytes = u64x2(u64::from_le_bytes(*first), u64::from_le_bytes(*second));
        let [a, b] = self.any;
        let named = v128_or(
            u8x16_eq(bytes, u8x16_splat(a)),
            u8x16_eq(bytes, u8x16_splat(b)),
        );
        let low = u8x16_lt(bytes, u8x16_splat(self.below));
        // A bit mask takes the top bit of each byte: a byte from 0x80 on is its own sign.
        let high = v128_and(bytes, u8x16_splat(if self.high { 0x80 } else { 0 }));
        u32::from(u8x16_bitmask(v128_or(v128_or(named, low), high)))
    }

    /// Which bytes of a block are members: bit 0 stands for the first.
    #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
    #[inline]
    pub fn mask(self, block: &[u8; BLOCK]) -> u32 {
        block
            .iter()
            .rev()
            .fold(0, |mask, &byte| (mask << 1) | u32::from(self.has(byte)))
    }
}

/// Which bytes of a block are one of `wanted`: bit 0 stands for the first.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[inline]
pub fn any_of<const N: usize>(wanted: [u8; N], block: &[u8; BLOCK]) -> u32 {
    use core::arch::wasm32::{u8x16_bitmask, u8x16_eq, u8x16_splat, u64x2, v128_or};
    let (words, _) = block.as_chunks::<8>();
    let [first, second] = words else {
        return 0;
    };
    let bytes = u64x2(u64::from_le_bytes(*first), u64::from_le_bytes(*second));
    let add = |all, byte| v128_or(all, u8x16_eq(bytes, u8x16_splat(byte)));
    u32::from(u8x16_bitmask(wanted.into_iter().fold(u64x2(0, 0), add)))
}

/// Which bytes of a block are one of `wanted`: bit 0 stands for the first.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
#[inline]
pub fn any_of<const N: usize>(wanted: [u8; N], block: &[u8; BLOCK]) -> u32 {
    let is_wanted = |byte: u8| wanted.iter().fold(false, |is, other| is | (byte == *other));
    block
        .iter()
        .rev()
        .fold(0, |mask, &byte| (mask << 1) | u32::from(is_wanted(byte)))
}

/// The index of the first byte that is in `set`.
#[inline]
pub fn find(haystack: &[u8], set: Set) -> Option<usize> {
    find_by(haystack, |block| set.mask(block), |byte| set.has(byte))
}

/// The index of the first byte that is one of `wanted`.
#[inline]
pub fn find_any<const N: usize>(haystack: &[u8], wanted: [u8; N]) -> Option<usize> {
    let mask = |block: &[u8; BLOCK]| any_of(wanted, block);
    find_by(haystack, mask, |byte| wanted.contains(&byte))
}

#[inline]
fn find_by(
    haystack: &[u8],
    mask: impl Fn(&[u8; BLOCK]) -> u32,
    has: impl Fn(u8) -> bool,
) -> Option<usize> {
    let (blocks, tail) = haystack.as_chunks::<BLOCK>();
    let mut start = 0_usize;
    for block in blocks {
        let mask = mask(block);
        if mask != 0 {
            return Some(start.saturating_add(first_bit(mask)));
        }
        start = start.saturating_add(BLOCK);
    }
    let offset = tail.iter().position(|&byte| has(byte))?;
    Some(start.saturating_add(offset))
}

/// The number of the lowest bit that is set.
#[inline]
pub fn first_bit(mask: u32) -> usize {
    usize::try_from(mask.trailing_zeros()).unwrap_or(BLOCK)
}

/// FNV-1a of 64 bits, of bytes that come in pieces: the same in every release. It keeps nobody
/// from making two texts with the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fnv(pub u64);

impl Fnv {
    /// Of no bytes.
    pub const NEW: Self = Self(0xcbf2_9ce4_8422_2325);

    /// Of what came and `bytes` behind it.
    #[must_use]
    pub fn and(self, bytes: &[u8]) -> Self {
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        Self(bytes.iter().fold(self.0, step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETS: [Set; 4] = [
        Set::of([b'"', b'\\']),
        Set::of([b'\n', b'\n']),
        Set {
            any: [b'"', b'\\'],
            below: 0x20,
            high: false,
        },
        Set {
            any: [b'"', b'\\'],
            below: 0x20,
            high: true,
        },
    ];

    #[test]
    fn finds_the_first_hit_at_every_offset() {
        for length in 0..70 {
            for hit in 0..length {
                let mut text = vec![b'a'; length];
                text[hit] = b'"';
                assert_eq!(find(&text, SETS[0]), Some(hit), "{length} {hit}");
                assert_eq!(find_any(&text, *b"{\"]"), Some(hit), "{length} {hit}");
            }
            assert_eq!(find(&vec![b'a'; length], SETS[0]), None);
        }
    }

    #[test]
    fn a_mask_says_of_each_byte_whether_it_is_a_member() {
        for set in SETS {
            for byte in 0..=255 {
                for place in 0..BLOCK {
                    let mut block = [b'a'; BLOCK];
                    block[place] = byte;
                    let wanted = u32::from(set.has(byte)) << place;
                    assert_eq!(set.mask(&block), wanted, "{set:?} {byte} {place}");
                }
            }
        }
    }
}
