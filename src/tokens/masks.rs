/*! What kind of byte each of 64 is: one mask a kind, in which bit 0 stands for the first.

In masks, what stands beside what is a shift and an `and` for 64 bytes at once. */

/// Bytes of one step.
pub(super) const BLOCK: usize = 64;

/// The kinds of the bytes of a block. What is in none of them is a sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Masks {
    /// Bytes from 0x80 on.
    pub(super) high: u64,
    /// ASCII letters.
    pub(super) letter: u64,
    /// Among letters, capitals; says nothing of other bytes.
    pub(super) upper: u64,
    /// Among letters, `j`, `k` and `q` of either case; says nothing of other bytes.
    pub(super) jkq: u64,
    /// `0` to `9`.
    pub(super) digit: u64,
    /// The space.
    pub(super) space: u64,
    /// From the tab to CR: rare enough to look closer only if there is one.
    blank: u64,
}

impl Masks {
    /// Tabs, and line ends.
    #[inline]
    pub(super) fn tab_and_line(&self, block: &[u8; BLOCK]) -> (u64, u64) {
        if self.blank == 0 {
            return (0, 0);
        }
        let tab = equal(block, &[b'\t'; BLOCK]);
        (tab, self.blank & !tab)
    }
}

/// The masks of `block`.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[inline]
pub(super) fn masks(block: &[u8; BLOCK]) -> Masks {
    simd::masks(block)
}

/// The masks of `block`.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
#[inline]
pub(super) fn masks(block: &[u8; BLOCK]) -> Masks {
    portable::masks(block)
}

/// Which bytes are those of `other` at the same place.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[inline]
fn equal(block: &[u8; BLOCK], other: &[u8; BLOCK]) -> u64 {
    simd::equal(block, other)
}

/// Which bytes are those of `other` at the same place.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
#[inline]
fn equal(block: &[u8; BLOCK], other: &[u8; BLOCK]) -> u64 {
    portable::equal(block, other)
}

/// Which bytes begin a character of several; `high` says which are of one at all.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[inline]
pub(super) fn leads(block: &[u8; BLOCK], high: u64) -> u64 {
    simd::bit_6(block) & high
}

/// Which bytes begin a character of several; `high` says which are of one at all.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
#[inline]
pub(super) fn leads(block: &[u8; BLOCK], high: u64) -> u64 {
    portable::mask(block, |byte| byte & 0x40 != 0) & high
}

/// Which bytes are the one before them; `last` is the one before the block.
#[inline]
pub(super) fn same(block: &[u8; BLOCK], last: u8) -> u64 {
    let mut before = [last; BLOCK];
    let [_, rest @ ..] = &mut before;
    let [front @ .., _] = block;
    rest.copy_from_slice(front);
    equal(block, &before)
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd {
    use super::{BLOCK, Masks};
    use core::arch::wasm32::{
        i16x8_shl, u8x16_bitmask, u8x16_eq, u8x16_le, u8x16_splat, u8x16_sub, u64x2, v128, v128_or,
    };

    #[inline]
    pub(super) fn masks(block: &[u8; BLOCK]) -> Masks {
        let bytes = vectors(block);
        let fold = bytes.map(|bytes| v128_or(bytes, u8x16_splat(0x20)));
        let q = |bytes| u8x16_eq(bytes, u8x16_splat(b'q'));
        Masks {
            high: join(bytes),
            letter: join(fold.map(|bytes| range(bytes, b'a', b'z'))),
            // Bit 5, moved to where a bit mask looks.
            upper: !join(bytes.map(|bytes| i16x8_shl(bytes, 2))),
            jkq: join(fold.map(|bytes| v128_or(range(bytes, b'j', b'k'), q(bytes)))),
            digit: join(bytes.map(|bytes| range(bytes, b'0', b'9'))),
            space: join(bytes.map(|bytes| u8x16_eq(bytes, u8x16_splat(b' ')))),
            blank: join(bytes.map(|bytes| range(bytes, b'\t', b'\r'))),
        }
    }

    #[inline]
    pub(super) fn equal(block: &[u8; BLOCK], other: &[u8; BLOCK]) -> u64 {
        let [a, b, c, d] = vectors(block);
        let [e, f, g, h] = vectors(other);
        join([
            u8x16_eq(a, e),
            u8x16_eq(b, f),
            u8x16_eq(c, g),
            u8x16_eq(d, h),
        ])
    }

    /// Bit 6 of each byte.
    #[inline]
    pub(super) fn bit_6(block: &[u8; BLOCK]) -> u64 {
        join(vectors(block).map(|bytes| i16x8_shl(bytes, 1)))
    }

    #[inline]
    fn vectors(block: &[u8; BLOCK]) -> [v128; 4] {
        let (words, _) = block.as_chunks::<8>();
        let word = |index: usize| words.get(index).map_or(0, |word| u64::from_le_bytes(*word));
        [
            u64x2(word(0), word(1)),
            u64x2(word(2), word(3)),
            u64x2(word(4), word(5)),
            u64x2(word(6), word(7)),
        ]
    }

    /// Which bytes are from `first` to `last`.
    #[inline]
    fn range(bytes: v128, first: u8, last: u8) -> v128 {
        let above = u8x16_sub(bytes, u8x16_splat(first));
        u8x16_le(above, u8x16_splat(last.wrapping_sub(first)))
    }

    /// The top bit of each of 64 bytes.
    #[inline]
    fn join(parts: [v128; 4]) -> u64 {
        let [a, b, c, d] = parts.map(|part| u64::from(u8x16_bitmask(part)));
        a | (b << 16) | (c << 32) | (d << 48)
    }
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod portable {
    use super::BLOCK;

    #[inline]
    pub(super) fn masks(block: &[u8; BLOCK]) -> super::Masks {
        let range =
            |byte: u8, first: u8, last: u8| byte.wrapping_sub(first) <= last.wrapping_sub(first);
        let fold = block.map(|byte| byte | 0x20);
        super::Masks {
            high: mask(block, |byte| byte >= 0x80),
            letter: mask(&fold, |byte| range(byte, b'a', b'z')),
            upper: mask(block, |byte| byte & 0x20 == 0),
            jkq: mask(&fold, |byte| range(byte, b'j', b'k') | (byte == b'q')),
            digit: mask(block, |byte| range(byte, b'0', b'9')),
            space: mask(block, |byte| byte == b' '),
            blank: mask(block, |byte| range(byte, b'\t', b'\r')),
        }
    }

    #[inline]
    pub(super) fn equal(block: &[u8; BLOCK], other: &[u8; BLOCK]) -> u64 {
        let mut different = *block;
        different
            .iter_mut()
            .zip(other)
            .for_each(|(byte, other)| *byte ^= other);
        mask(&different, |byte| byte == 0)
    }

    /// Which bytes `is` holds for.
    #[inline]
    pub(super) fn mask(block: &[u8; BLOCK], is: impl Fn(u8) -> bool) -> u64 {
        // Eight truths of a byte each become eight bits by one multiplication.
        const GATHER: u64 = 0x0102_0408_1020_4080;
        let truths = block.map(|byte| u8::from(is(byte)));
        let (words, _) = truths.as_chunks::<8>();
        words.iter().rev().fold(0, |mask, word| {
            (mask << 8) | (u64::from_le_bytes(*word).wrapping_mul(GATHER) >> 56)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mask_says_of_each_byte_what_it_is() {
        for byte in 0..=255_u8 {
            for place in [0, 1, 7, 8, 15, 16, 31, 32, 62, 63] {
                let mut block = [b'%'; BLOCK];
                block[place] = byte;
                let masks = masks(&block);
                let (tab, line) = masks.tab_and_line(&block);
                let fold = byte.to_ascii_lowercase();
                for (name, mask, wanted) in [
                    ("high", masks.high, byte >= 0x80),
                    ("letter", masks.letter, byte.is_ascii_alphabetic()),
                    (
                        "upper",
                        masks.upper & masks.letter,
                        byte.is_ascii_uppercase(),
                    ),
                    ("jkq", masks.jkq & masks.letter, b"jkq".contains(&fold)),
                    ("digit", masks.digit, byte.is_ascii_digit()),
                    ("space", masks.space, byte == b' '),
                    ("tab", tab, byte == b'\t'),
                    ("line", line, (b'\n'..=b'\r').contains(&byte)),
                    ("lead", leads(&block, masks.high), byte >= 0xC0),
                ] {
                    assert_eq!(mask, u64::from(wanted) << place, "{name} {byte} {place}");
                }
            }
        }
    }

    #[test]
    fn a_byte_is_compared_with_the_one_before_it_even_across_blocks() {
        let mut block = [b'b'; BLOCK];
        assert_eq!(same(&block, b'a'), !1);
        assert_eq!(same(&block, b'b'), !0);
        block[9] = b'c';
        assert_eq!(same(&block, b'b'), !(3 << 9));
    }
}
