/*! What bytes 64 in a row are, as bits.

Loops over arrays without branches: compilers turn them into instructions that compare 16
bytes or more at once. */

/// Bytes of one step.
pub(super) const CHUNK: usize = 64;

/// What each of 64 bytes is: bit 0 stands for the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bits {
    /// Digits, `@`, `:`, `.`, `-`, quotation marks, and first bytes of characters that are not
    /// ASCII.
    pub(super) sign: u64,
    pub(super) capital: u64,
    /// What keys are written in: letters, digits and `+-./_=~`.
    pub(super) key: u64,
}

impl Bits {
    #[inline]
    pub(super) fn of(chunk: &[u8; CHUNK]) -> Self {
        Self {
            sign: bits(chunk, sign),
            capital: bits(chunk, |byte| within(byte, b'A', b'Z')),
            key: bits(chunk, key),
        }
    }
}

#[inline(always)]
fn sign(byte: u8) -> u8 {
    within(byte, b'0', b':')
        | within(byte, b'-', b'.')
        | is(byte, b'@')
        | is(byte, b'"')
        | is(byte, b'\'')
        | is(byte, b'`')
        | within(byte, 0xc0, 0xff)
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
                let sign = byte.is_ascii_digit() || b"@:.-\"'`".contains(&byte) || byte >= 0xc0;
                let key = byte.is_ascii_alphanumeric() || b"+-./_=~".contains(&byte);
                assert_eq!(bits.sign, only(sign), "{byte}");
                assert_eq!(bits.capital, only(byte.is_ascii_uppercase()), "{byte}");
                assert_eq!(bits.key, only(key), "{byte}");
            }
        }
    }
}
