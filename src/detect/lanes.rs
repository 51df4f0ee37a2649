/*! Sixteen bytes compared at once, and what bytes 64 in a row are, as bits. */

/// Bytes of one step.
pub(super) const CHUNK: usize = 64;

/// What each of 64 bytes is: bit 0 stands for the first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Bits {
    pub(super) digit: u64,
    pub(super) letter: u64,
    pub(super) capital: u64,
    pub(super) colon: u64,
    pub(super) slash: u64,
    pub(super) dot: u64,
    pub(super) dash: u64,
    /// `"`, `'` and the grave accent.
    pub(super) quote: u64,
    /// The at sign, and first bytes of characters that are not ASCII.
    pub(super) other: u64,
    /// Spaces and control characters.
    pub(super) space: u64,
    /// What keys are written in: letters, digits and `+,-./_=~`.
    pub(super) key: u64,
}

impl Bits {
    pub(super) fn of(chunk: &[u8; CHUNK]) -> Self {
        let mut all = Self::default();
        let (blocks, _) = chunk.as_chunks::<16>();
        for block in blocks.iter().rev() {
            all.push(Lanes::of(block));
        }
        all
    }

    /// Takes the sixteen bytes before those that it has.
    #[inline]
    fn push(&mut self, bytes: Lanes) {
        let add = |all: &mut u64, lanes: Lanes| *all = (*all << 16) | lanes.bits();
        let digit = bytes.within(b'0', b'9');
        let letter = bytes.or_bit(0x20).within(b'a', b'z');
        let quote = bytes.eq(b'"').or(bytes.eq(b'\'')).or(bytes.eq(b'`'));
        let sign = bytes.within(b'+', b'/').or(bytes.eq(b'_'));
        let sign = sign.or(bytes.eq(b'=')).or(bytes.eq(b'~'));
        add(&mut self.digit, digit);
        add(&mut self.letter, letter);
        add(&mut self.capital, bytes.within(b'A', b'Z'));
        add(&mut self.colon, bytes.eq(b':'));
        add(&mut self.slash, bytes.eq(b'/'));
        add(&mut self.dot, bytes.eq(b'.'));
        add(&mut self.dash, bytes.eq(b'-'));
        add(&mut self.quote, quote);
        add(&mut self.other, bytes.eq(b'@').or(bytes.within(0xc0, 0xff)));
        add(&mut self.space, bytes.within(0, b' '));
        add(&mut self.key, letter.or(digit).or(sign));
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd {
    use core::arch::wasm32::{
        u8x16_bitmask, u8x16_eq, u8x16_ge, u8x16_le, u8x16_splat, u64x2, v128, v128_and, v128_or,
    };

    /// Sixteen bytes, or for each whether something is so: all bits or none.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Lanes(v128);

    impl Lanes {
        #[inline(always)]
        pub(super) fn of(block: &[u8; 16]) -> Self {
            let (words, _) = block.as_chunks::<8>();
            let [first, second] = words else {
                return Self(u8x16_splat(0));
            };
            let [first, second] = [first, second].map(|word| u64::from_le_bytes(*word));
            Self(u64x2(first, second))
        }

        #[inline(always)]
        pub(super) fn eq(self, byte: u8) -> Self {
            Self(u8x16_eq(self.0, u8x16_splat(byte)))
        }

        #[inline(always)]
        pub(super) fn within(self, first: u8, last: u8) -> Self {
            let from = u8x16_ge(self.0, u8x16_splat(first));
            Self(v128_and(from, u8x16_le(self.0, u8x16_splat(last))))
        }

        #[inline(always)]
        pub(super) fn or(self, other: Self) -> Self {
            Self(v128_or(self.0, other.0))
        }

        #[inline(always)]
        pub(super) fn or_bit(self, bit: u8) -> Self {
            Self(v128_or(self.0, u8x16_splat(bit)))
        }

        #[inline(always)]
        pub(super) fn bits(self) -> u64 {
            u64::from(u8x16_bitmask(self.0))
        }
    }
}

// Loops over arrays, which compilers for other processors turn into their own instructions.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod simd {
    /// Sixteen bytes, or for each whether something is so: 1 or 0.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Lanes([u8; 16]);

    impl Lanes {
        #[inline(always)]
        pub(super) fn of(block: &[u8; 16]) -> Self {
            Self(*block)
        }

        #[inline(always)]
        pub(super) fn eq(self, byte: u8) -> Self {
            Self(self.0.map(|other| u8::from(other == byte)))
        }

        #[inline(always)]
        pub(super) fn within(self, first: u8, last: u8) -> Self {
            let length = last.wrapping_sub(first);
            let within = |byte: u8| u8::from(byte.wrapping_sub(first) <= length);
            Self(self.0.map(within))
        }

        #[inline(always)]
        pub(super) fn or(self, other: Self) -> Self {
            let mut both = self.0;
            for (one, other) in both.iter_mut().zip(other.0) {
                *one |= other;
            }
            Self(both)
        }

        #[inline(always)]
        pub(super) fn or_bit(self, bit: u8) -> Self {
            Self(self.0.map(|byte| byte | bit))
        }

        #[inline(always)]
        pub(super) fn bits(self) -> u64 {
            let (words, _) = self.0.as_chunks::<8>();
            let add = |bits: u64, word: &[u8; 8]| (bits << 8) | gathered(u64::from_le_bytes(*word));
            words.iter().rev().fold(0, add)
        }
    }

    /// The lowest bits of eight bytes.
    #[inline(always)]
    const fn gathered(word: u64) -> u64 {
        // Each byte is moved to the top byte, and there to a bit of its own.
        word.wrapping_mul(0x0102_0408_1020_4080) >> 56
    }
}

use simd::Lanes;

#[cfg(test)]
mod tests {
    use super::*;

    fn place(bits: u64, at: usize) -> bool {
        (bits >> at) & 1 == 1
    }

    #[test]
    fn every_byte_at_every_place_is_what_it_is() {
        for byte in 0..=255_u8 {
            for at in 0..CHUNK {
                let mut chunk = [b';'; CHUNK];
                chunk[at] = byte;
                let bits = Bits::of(&chunk);
                let is = |bits| place(bits, at);
                assert_eq!(is(bits.digit), byte.is_ascii_digit());
                assert_eq!(is(bits.letter), byte.is_ascii_alphabetic());
                assert_eq!(is(bits.capital), byte.is_ascii_uppercase());
                assert_eq!(is(bits.colon), byte == b':');
                assert_eq!(is(bits.slash), byte == b'/');
                assert_eq!(is(bits.dot), byte == b'.');
                assert_eq!(is(bits.dash), byte == b'-');
                assert_eq!(is(bits.quote), b"\"'`".contains(&byte));
                assert_eq!(is(bits.other), byte == b'@' || byte >= 0xc0);
                assert_eq!(is(bits.space), byte <= b' ');
                let key = byte.is_ascii_alphanumeric() || b"+,-./_=~".contains(&byte);
                assert_eq!(is(bits.key), key);
                assert!(!place(bits.key | bits.other, (at + 1) % CHUNK));
            }
        }
    }
}
