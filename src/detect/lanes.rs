/*! What bytes 64 in a row are, as bits.

Loops over arrays without branches: compilers turn them into instructions that compare 16
bytes or more at once. */

/// Bytes of one step.
pub(super) const CHUNK: usize = 64;

/// What each of 64 bytes is: bit 0 stands for the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bits {
    /// Digits and `@`.
    pub(super) sign: u64,
    /// What matters only if no blank follows: `-./:`, digits, and bytes from `"` to `'` and the
    /// grave accent, quotation marks among them.
    pub(super) joint: u64,
    /// Spaces and ends of lines.
    pub(super) blank: u64,
    pub(super) capital: u64,
    /// Whether there are bytes that are not ASCII.
    pub(super) high: bool,
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
use portable as way;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use simd as way;

impl Bits {
    #[inline]
    pub(super) fn of(chunk: &[u8; CHUNK]) -> Self {
        way::of(chunk)
    }
}

/// Which bytes are what keys are written in: letters, digits and `+-./_=~`. Long runs of it are
/// rare.
pub(super) fn key_bits(chunk: &[u8; CHUNK]) -> u64 {
    way::key(chunk)
}

/// Which bytes are not ASCII, and which of them are the first of a character.
pub(super) fn high_bits(chunk: &[u8; CHUNK]) -> [u64; 2] {
    way::high(chunk)
}

#[cfg(any(test, not(all(target_arch = "wasm32", target_feature = "simd128"))))]
mod portable {
    use super::{Bits, CHUNK};

    #[inline]
    pub(super) fn of(chunk: &[u8; CHUNK]) -> Bits {
        Bits {
            sign: bits(chunk, |byte| within(byte, b'0', b'9') | is(byte, b'@')),
            joint: bits(chunk, joint),
            blank: bits(chunk, |byte| is(byte, b' ') | is(byte, b'\n')),
            capital: bits(chunk, |byte| within(byte, b'A', b'Z')),
            high: !chunk.is_ascii(),
        }
    }

    pub(super) fn key(chunk: &[u8; CHUNK]) -> u64 {
        let small = |byte: u8| within(byte | 0x20, b'a', b'z') | within(byte, b'-', b'9');
        let sign = |byte| is(byte, b'+') | is(byte, b'_') | is(byte, b'=') | is(byte, b'~');
        bits(chunk, |byte| small(byte) | sign(byte))
    }

    pub(super) fn high(chunk: &[u8; CHUNK]) -> [u64; 2] {
        [0x80, 0xc0].map(|first| bits(chunk, |byte| within(byte, first, 0xff)))
    }

    #[inline(always)]
    fn joint(byte: u8) -> u8 {
        within(byte, b'-', b':') | within(byte, b'"', b'\'') | is(byte, b'`')
    }

    #[inline(always)]
    fn is(byte: u8, other: u8) -> u8 {
        u8::from(byte == other)
    }

    #[inline(always)]
    fn within(byte: u8, first: u8, last: u8) -> u8 {
        u8::from(byte.wrapping_sub(first) <= last.wrapping_sub(first))
    }

    /// The bits of bytes that are 0 or 1.
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

/// A few comparisons a class: every instruction counts here, for all text goes through it.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd {
    use super::{Bits, CHUNK};
    use core::arch::wasm32::{
        i8x16_add, i8x16_bitmask, i8x16_eq, i8x16_lt, i8x16_splat, u64x2, v128, v128_or,
    };

    #[inline]
    pub(super) fn of(chunk: &[u8; CHUNK]) -> Bits {
        let mut all = Bits {
            sign: 0,
            joint: 0,
            blank: 0,
            capital: 0,
            high: false,
        };
        let mut every = i8x16_splat(0);
        let (blocks, _) = chunk.as_chunks::<16>();
        for block in blocks.iter().rev() {
            let bytes = load(block);
            let sign = v128_or(within::<b'0', b'9'>(bytes), is::<b'@'>(bytes));
            let quote = v128_or(within::<b'"', b'\''>(bytes), is::<b'`'>(bytes));
            all = Bits {
                sign: join(all.sign, sign),
                joint: join(all.joint, v128_or(within::<b'-', b':'>(bytes), quote)),
                blank: join(all.blank, v128_or(is::<b' '>(bytes), is::<b'\n'>(bytes))),
                capital: join(all.capital, within::<b'A', b'Z'>(bytes)),
                high: false,
            };
            every = v128_or(every, bytes);
        }
        all.high = i8x16_bitmask(every) != 0;
        all
    }

    pub(super) fn key(chunk: &[u8; CHUNK]) -> u64 {
        let small = i8x16_splat(0x20);
        each(chunk, |bytes| {
            let letter = within::<b'a', b'z'>(v128_or(bytes, small));
            let known = v128_or(letter, within::<b'-', b'9'>(bytes));
            let sign = v128_or(is::<b'+'>(bytes), is::<b'_'>(bytes));
            let other = v128_or(is::<b'='>(bytes), is::<b'~'>(bytes));
            v128_or(v128_or(known, sign), other)
        })
    }

    pub(super) fn high(chunk: &[u8; CHUNK]) -> [u64; 2] {
        [
            each(chunk, |bytes| bytes),
            each(chunk, within::<0xc0, 0xff>),
        ]
    }

    #[inline(always)]
    fn each(chunk: &[u8; CHUNK], of: impl Fn(v128) -> v128) -> u64 {
        let (blocks, _) = chunk.as_chunks::<16>();
        let blocks = blocks.iter().rev();
        blocks.fold(0, |behind, block| join(behind, of(load(block))))
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
    fn is<const BYTE: u8>(bytes: v128) -> v128 {
        i8x16_eq(bytes, i8x16_splat(BYTE.cast_signed()))
    }

    /// Signed bytes are compared, which takes one instruction: the first of the range is moved
    /// to the least of them.
    #[inline(always)]
    fn within<const FIRST: u8, const LAST: u8>(bytes: v128) -> v128 {
        const LEAST: u8 = 0x80;
        let moved = i8x16_add(bytes, i8x16_splat(LEAST.wrapping_sub(FIRST).cast_signed()));
        let behind = LEAST.wrapping_add(LAST.wrapping_sub(FIRST)).wrapping_add(1);
        i8x16_lt(moved, i8x16_splat(behind.cast_signed()))
    }

    /// The top bits of a block, and those behind it.
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
                let joint = byte.is_ascii_digit() || b"-./:\"#$%&'`".contains(&byte);
                let key = byte.is_ascii_alphanumeric() || b"+-./_=~".contains(&byte);
                let sign = byte.is_ascii_digit() || byte == b'@';
                assert_eq!(bits.sign, only(sign), "{byte}");
                assert_eq!(bits.joint, only(joint), "{byte}");
                assert_eq!(bits.blank, only(b" \n".contains(&byte)), "{byte}");
                assert_eq!(bits.capital, only(byte.is_ascii_uppercase()), "{byte}");
                assert_eq!(bits.high, !byte.is_ascii(), "{byte}");
                assert_eq!(key_bits(&chunk), only(key), "{byte}");
                let high = [byte >= 0x80, byte >= 0xc0].map(only);
                assert_eq!(high_bits(&chunk), high, "{byte}");
            }
        }
    }
}
