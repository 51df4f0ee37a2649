/*! CRC-32 as of IEEE 802.3, gzip and zlib: reflected, polynomial 0x04C11DB7. */

/// For each half of a byte: a small table is enough for messages of some hundred bytes.
const TABLE: [u32; 16] = [
    0x0000_0000,
    0x1DB7_1064,
    0x3B6E_20C8,
    0x26D9_30AC,
    0x76DC_4190,
    0x6B6B_51F4,
    0x4DB2_6158,
    0x5005_713C,
    0xEDB8_8320,
    0xF00F_9344,
    0xD6D6_A3E8,
    0xCB61_B38C,
    0x9B64_C2B0,
    0x86D3_D2D4,
    0xA00A_E278,
    0xBDBD_F21C,
];

/// The sum of `bytes`.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        sum = half(half(sum));
    }
    !sum
}

fn half(sum: u32) -> u32 {
    let at = usize::try_from(sum & 0xF).unwrap_or_default();
    TABLE.get(at).copied().unwrap_or_default() ^ (sum >> 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_sums() {
        for (text, sum) in [
            ("", 0),
            ("a", 0xE8B7_BE43),
            ("123456789", 0xCBF4_3926),
            ("The quick brown fox jumps over the lazy dog", 0x414F_A339),
        ] {
            assert_eq!(crc32(text.as_bytes()), sum, "{text}");
        }
    }

    #[test]
    fn the_table_is_that_of_the_polynomial() {
        for (at, known) in (0_u32..).zip(TABLE) {
            let bit = |sum: u32| (sum >> 1) ^ if sum & 1 == 1 { 0xEDB8_8320 } else { 0 };
            assert_eq!(bit(bit(bit(bit(at)))), known);
        }
    }
}
