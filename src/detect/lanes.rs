/*! What bytes 64 in a row are, as bits.

Loops over arrays without branches: compilers turn them into instructions that compare 16
bytes or more at once. */

/// Bytes of one step.
pub(super) const CHUNK: usize = 64;

/// What each of 64 bytes is: bit 0 stands for the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bits {
    /// Digits, `@`, `-`, and first bytes of characters that are not ASCII.
    pub(super) sign: u64,
    /// Quotation marks.
    pub(super) quote: u64,
    /// Spaces and ends of lines.
    pub(super) blank: u64,
    /// `.` and `:`, which matter before a few signs only.
    pub(super) joint: u64,
    pub(super) capital: u64,
    /// What keys are written in: letters, digits and `+-./_=~`.
    pub(super) key: u64,
}

impl Bits {
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    #[inline]
    pub(super) fn of(chunk: &[u8; CHUNK]) -> Self {
        simd::bits(chunk)
    }

    #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
    #[inline]
    pub(super) fn of(chunk: &[u8; CHUNK]) -> Self {
        portable::of(chunk)
    }
}

#[cfg(any(test, not(all(target_arch = "wasm32", target_feature = "simd128"))))]
mod portable {
    use super::{Bits, CHUNK};

    #[inline]
    pub(super) fn of(chunk: &[u8; CHUNK]) -> Bits {
        Bits {
            sign: bits(chunk, sign),
            quote: bits(chunk, quote),
            blank: bits(chunk, blank),
            joint: bits(chunk, joint),
            capital: bits(chunk, |byte| within(byte, b'A', b'Z')),
            key: bits(chunk, key),
        }
    }

    #[inline(always)]
    fn sign(byte: u8) -> u8 {
        within(byte, b'0', b'9') | is(byte, b'-') | is(byte, b'@') | within(byte, 0xc0, 0xff)
    }

    #[inline(always)]
    fn quote(byte: u8) -> u8 {
        is(byte, b'"') | is(byte, b'\'') | is(byte, b'`')
    }

    #[inline(always)]
    fn blank(byte: u8) -> u8 {
        is(byte, b' ') | is(byte, b'\n')
    }

    #[inline(always)]
    fn joint(byte: u8) -> u8 {
        is(byte, b'.') | is(byte, b':')
    }

    #[inline(always)]
    fn key(byte: u8) -> u8 {
        within(byte | 0x20, b'a', b'z')
            | within(byte, b'-', b'9')
            | is(byte, b'+')
            | is(byte, b'_')
            | is(byte, b'=')
            | is(byte, b'~')
    }

    #[inline(always)]
    fn is(byte: u8, other: u8) -> u8 {
        u8::from(byte == other)
    }

    #[inline(always)]
    fn within(byte: u8, first: u8, last: u8) -> u8 {
        u8::from(byte.wrapping_sub(first) <= last.wrapping_sub(first))
    }

    #[inline(always)]
    fn bits(chunk: &[u8; CHUNK], of: impl Fn(u8) -> u8) -> u64 {
        let mut lanes = [0_u8; CHUNK];
        for (lane, byte) in lanes.iter_mut().zip(chunk) {
            *lane = of(*byte);
        }
        let (words, _) = lanes.as_chunks::<8>();
        let add = |bits: u64, word: &[u8; 8]| (bits << 8) | gathered(u64::from_le_bytes(*word));
        words.iter().rev().fold(0, add)
    }

    /// The lowest bits of eight bytes that have no other: each is moved to a place of its own in
    /// the top byte.
    #[inline(always)]
    const fn gathered(word: u64) -> u64 {
        word.wrapping_mul(0x0102_0408_1020_4080) >> 56
    }
}

/// Bytes are told apart by tables of their upper and of their lower half: a bit that both have
/// stands for a rectangle of the code chart.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd {
    use super::{Bits, CHUNK};
    use core::arch::wasm32::{
        i8x16_bitmask, i8x16_eq, u8x16, u8x16_add_sat, u8x16_lt, u8x16_shr, u8x16_splat,
        u8x16_swizzle, u64x2, v128, v128_and, v128_or,
    };

    /// `A…O` and `a…o`.
    const LETTERS: u8 = 1;
    /// `P…Z` and `p…z`.
    const MORE_LETTERS: u8 = 1 << 1;
    const DIGITS: u8 = 1 << 2;
    const HYPHEN: u8 = 1 << 3;
    /// `+`, `.` and `/`.
    const OF_KEYS: u8 = 1 << 4;
    const QUOTES: u8 = 1 << 5;
    /// First bytes of characters that are not ASCII.
    const OTHER: u8 = 1 << 6;

    const KEY: u8 = LETTERS | MORE_LETTERS | DIGITS | HYPHEN | OF_KEYS;
    const SIGN: u8 = DIGITS | HYPHEN | OTHER;

    #[inline]
    pub(super) fn bits(chunk: &[u8; CHUNK]) -> Bits {
        let mut all = Bits {
            sign: 0,
            quote: 0,
            blank: 0,
            joint: 0,
            capital: 0,
            key: 0,
        };
        let (blocks, _) = chunk.as_chunks::<16>();
        for block in blocks.iter().rev() {
            let bytes = load(block);
            let class = class(bytes);
            let eq = |byte: u8| i8x16_eq(bytes, u8x16_splat(byte));
            let odd = v128_or(v128_or(eq(b'='), eq(b'_')), eq(b'~'));
            // Of letters, capitals lie below 0x60.
            let letter = v128_and(class, u8x16_splat(LETTERS | MORE_LETTERS));
            let low = u8x16_lt(bytes, u8x16_splat(0x60));
            let capital = any(v128_and(letter, low));
            all = Bits {
                sign: join(
                    all.sign,
                    v128_or(any(v128_and(class, u8x16_splat(SIGN))), eq(b'@')),
                ),
                quote: join(
                    all.quote,
                    v128_or(any(v128_and(class, u8x16_splat(QUOTES))), eq(b'`')),
                ),
                blank: join(all.blank, v128_or(eq(b' '), eq(b'\n'))),
                joint: join(all.joint, v128_or(eq(b'.'), eq(b':'))),
                capital: join(all.capital, capital),
                key: join(
                    all.key,
                    v128_or(any(v128_and(class, u8x16_splat(KEY))), odd),
                ),
            };
        }
        all
    }

    #[inline(always)]
    fn load(block: &[u8; 16]) -> v128 {
        let (words, _) = block.as_chunks::<8>();
        let [first, second] = words else {
            return u64x2(0, 0);
        };
        u64x2(u64::from_le_bytes(*first), u64::from_le_bytes(*second))
    }

    #[inline(always)]
    fn class(bytes: v128) -> v128 {
        const A: u8 = LETTERS;
        const P: u8 = MORE_LETTERS;
        const D: u8 = DIGITS;
        const K: u8 = OF_KEYS;
        const Q: u8 = QUOTES;
        const H: u8 = OTHER;
        const M: u8 = HYPHEN;
        let upper = u8x16(0, 0, M | K | Q, D, A, P, A, P, 0, 0, 0, 0, H, H, H, H);
        let lower = u8x16(
            P | D | H,
            A | P | D | H,
            A | P | D | Q | H,
            A | P | D | H,
            A | P | D | H,
            A | P | D | H,
            A | P | D | H,
            A | P | D | Q | H,
            A | P | D | H,
            A | P | D | H,
            A | P | H,
            A | K | H,
            A | H,
            A | M | H,
            A | K | H,
            A | K | H,
        );
        let low = v128_and(bytes, u8x16_splat(0x0f));
        v128_and(
            u8x16_swizzle(upper, u8x16_shr(bytes, 4)),
            u8x16_swizzle(lower, low),
        )
    }

    /// The top bit of each byte that is not 0.
    #[inline(always)]
    fn any(bytes: v128) -> v128 {
        u8x16_add_sat(bytes, u8x16_splat(0x7f))
    }

    /// The bits of a block, and those behind it.
    #[inline(always)]
    fn join(behind: u64, block: v128) -> u64 {
        (behind << 16) | u64::from(i8x16_bitmask(block))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_at_every_place_is_what_it_is() {
        for byte in 0..=255_u8 {
            for at in 0..CHUNK {
                let mut chunk = [b';'; CHUNK];
                chunk[at] = byte;
                let bits = Bits::of(&chunk);
                let only = |is: bool| u64::from(is) << at;
                let sign = byte.is_ascii_digit() || b"@-".contains(&byte) || byte >= 0xc0;
                let key = byte.is_ascii_alphanumeric() || b"+-./_=~".contains(&byte);
                assert_eq!(bits.sign, only(sign), "{byte}");
                assert_eq!(bits.quote, only(b"\"'`".contains(&byte)), "{byte}");
                assert_eq!(bits.blank, only(b" \n".contains(&byte)), "{byte}");
                assert_eq!(bits.joint, only(b".:".contains(&byte)), "{byte}");
                assert_eq!(bits.capital, only(byte.is_ascii_uppercase()), "{byte}");
                assert_eq!(bits.key, only(key), "{byte}");
            }
        }
    }
}
