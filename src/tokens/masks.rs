/*! What kind of byte each of 64 is: one mask a kind, in which bit 0 stands for the first.

In masks, what stands beside what is a shift and an `and` for 64 bytes at once. */

/// Bytes of one step.
pub(super) const BLOCK: usize = 64;

/// The kinds of the bytes of a block. What is in none of them is punctuation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Masks {
    /// Bytes from 0x80 on.
    pub(super) high: u64,
    /// ASCII letters.
    pub(super) letter: u64,
    /// Bit 5 of each byte is not set: among letters, capitals.
    pub(super) upper: u64,
    /// `0` to `9`.
    pub(super) digit: u64,
    /// `j`, `k` and `q`, of either case.
    pub(super) jkq: u64,
    /// `v` to `z`, of either case.
    pub(super) v_to_z: u64,
    /// The space.
    pub(super) space: u64,
    /// The tab.
    pub(super) tab: u64,
    /// Line ends: from LF to CR.
    pub(super) line: u64,
    /// Bytes that are the one before.
    pub(super) same: u64,
}

/// The masks of `block`; `before` is the block before it.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[inline]
pub(super) fn masks(block: &[u8; BLOCK], before: &[u8; BLOCK]) -> Masks {
    simd::masks(block, before)
}

/// The masks of `block`; `before` is the block before it.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
#[inline]
pub(super) fn masks(block: &[u8; BLOCK], before: &[u8; BLOCK]) -> Masks {
    portable::masks(block, before)
}

/// Which bytes begin a character of several.
#[inline]
pub(super) fn leads(block: &[u8; BLOCK]) -> u64 {
    portable::mask(block, |byte| byte >= 0xC0)
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd {
    use super::{BLOCK, Masks};
    use core::arch::wasm32::{
        i8x16_shl, i8x16_shuffle, i8x16_splat, u8x16_bitmask, u8x16_eq, u8x16_lt, u8x16_splat,
        u8x16_sub, u64x2, v128, v128_or,
    };

    #[inline]
    pub(super) fn masks(block: &[u8; BLOCK], before: &[u8; BLOCK]) -> Masks {
        let [.., last] = vectors(before);
        let [a, b, c, d] = vectors(block);
        let all = [a, b, c, d];
        let shifted = [after(last, a), after(a, b), after(b, c), after(c, d)];
        let pairs = [
            u8x16_eq(a, shifted[0]),
            u8x16_eq(b, shifted[1]),
            u8x16_eq(c, shifted[2]),
            u8x16_eq(d, shifted[3]),
        ];
        let folded = all.map(|bytes| v128_or(bytes, i8x16_splat(0x20)));
        Masks {
            high: join(all),
            letter: join(folded.map(|bytes| range(bytes, b'a', 26))),
            upper: !join(all.map(|bytes| i8x16_shl(bytes, 2))),
            digit: join(all.map(|bytes| range(bytes, b'0', 10))),
            jkq: join(
                folded.map(|bytes| {
                    v128_or(range(bytes, b'j', 2), u8x16_eq(bytes, u8x16_splat(b'q')))
                }),
            ),
            v_to_z: join(folded.map(|bytes| range(bytes, b'v', 5))),
            space: join(all.map(|bytes| u8x16_eq(bytes, u8x16_splat(b' ')))),
            tab: join(all.map(|bytes| u8x16_eq(bytes, u8x16_splat(b'\t')))),
            line: join(all.map(|bytes| range(bytes, b'\n', 4))),
            same: join(pairs),
        }
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

    /// `bytes` moved up by one, behind the last of `before`.
    #[inline]
    fn after(before: v128, bytes: v128) -> v128 {
        i8x16_shuffle::<15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30>(
            before, bytes,
        )
    }

    /// Which bytes are among the `count` from `first` on.
    #[inline]
    fn range(bytes: v128, first: u8, count: u8) -> v128 {
        u8x16_lt(u8x16_sub(bytes, u8x16_splat(first)), u8x16_splat(count))
    }

    /// The top bit of each of 64 bytes.
    #[inline]
    fn join(parts: [v128; 4]) -> u64 {
        let [a, b, c, d] = parts.map(|part| u64::from(u8x16_bitmask(part)));
        a | (b << 16) | (c << 32) | (d << 48)
    }
}

#[cfg(any(test, not(all(target_arch = "wasm32", target_feature = "simd128"))))]
mod whole {
    use super::{BLOCK, Masks, portable::mask};

    #[inline]
    pub(in super::super) fn masks(block: &[u8; BLOCK], before: &[u8; BLOCK]) -> Masks {
        let fold = |byte: u8| byte | 0x20;
        let mut shifted = [0; BLOCK];
        let previous = before.iter().skip(BLOCK - 1).chain(block);
        shifted
            .iter_mut()
            .zip(previous)
            .for_each(|(to, from)| *to = *from);
        let mut different = [0; BLOCK];
        let pairs = block.iter().zip(&shifted);
        different
            .iter_mut()
            .zip(pairs)
            .for_each(|(to, (a, b))| *to = a ^ b);
        Masks {
            high: mask(block, |byte| byte >= 0x80),
            letter: mask(block, |byte| range(fold(byte), b'a', 26)),
            upper: mask(block, |byte| byte & 0x20 == 0),
            digit: mask(block, |byte| range(byte, b'0', 10)),
            jkq: mask(block, |byte| {
                range(fold(byte), b'j', 2) | (fold(byte) == b'q')
            }),
            v_to_z: mask(block, |byte| range(fold(byte), b'v', 5)),
            space: mask(block, |byte| byte == b' '),
            tab: mask(block, |byte| byte == b'\t'),
            line: mask(block, |byte| range(byte, b'\n', 4)),
            same: mask(&different, |byte| byte == 0),
        }
    }

    #[inline]
    const fn range(byte: u8, first: u8, count: u8) -> bool {
        byte.wrapping_sub(first) < count
    }
}

mod portable {
    use super::BLOCK;

    #[cfg(any(test, not(all(target_arch = "wasm32", target_feature = "simd128"))))]
    pub(super) use super::whole::masks;

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
                let masks = masks(&block, &[b'%'; BLOCK]);
                let fold = byte.to_ascii_lowercase();
                for (name, mask, wanted) in [
                    ("high", masks.high, byte >= 0x80),
                    ("letter", masks.letter, byte.is_ascii_alphabetic()),
                    (
                        "upper",
                        masks.upper & masks.letter,
                        byte.is_ascii_uppercase(),
                    ),
                    ("digit", masks.digit, byte.is_ascii_digit()),
                    ("jkq", masks.jkq & masks.letter, b"jkq".contains(&fold)),
                    (
                        "v_to_z",
                        masks.v_to_z & masks.letter,
                        b"vwxyz".contains(&fold),
                    ),
                    ("space", masks.space, byte == b' '),
                    ("tab", masks.tab, byte == b'\t'),
                    ("line", masks.line, (b'\n'..=b'\r').contains(&byte)),
                    ("lead", leads(&block), byte >= 0xC0),
                ] {
                    assert_eq!(mask, u64::from(wanted) << place, "{name} {byte} {place}");
                }
            }
        }
    }

    #[test]
    fn a_byte_is_compared_with_the_one_before_it_even_across_blocks() {
        let mut before = [b'a'; BLOCK];
        let mut block = [b'b'; BLOCK];
        assert_eq!(masks(&block, &before).same, !1);
        before[BLOCK - 1] = b'b';
        assert_eq!(masks(&block, &before).same, !0);
        block[9] = b'c';
        assert_eq!(masks(&block, &before).same, !(3 << 9));
    }
}
