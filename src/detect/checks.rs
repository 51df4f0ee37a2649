/*! Check digits, each with where its rule comes from. Arguments are what the candidate
says without separators, letters in upper case. */

use super::view::{at, part};
use sha2::{Digest, Sha256};

/// The value of a digit; of anything else 0.
pub(super) fn digit(byte: u8) -> u32 {
    char::from(byte).to_digit(10).unwrap_or_default()
}

/// The number that digits say; `None` if there are other bytes, or too many.
pub(super) fn number(bytes: &[u8]) -> Option<u64> {
    let all_digits = !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(bytes).ok().filter(|_| all_digits)?;
    text.parse().ok()
}

/// The sum of digits, each times its weight; `None` unless there are as many of both.
pub(super) fn weighted(bytes: &[u8], weights: &[u32]) -> Option<u32> {
    if bytes.len() != weights.len() || !bytes.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let products = bytes.iter().zip(weights);
    Some(products.fold(0, |sum: u32, (byte, weight)| {
        sum.saturating_add(digit(*byte).saturating_mul(*weight))
    }))
}

/// Whether all bytes are the same, as in examples and placeholders.
pub(super) fn all_same(bytes: &[u8]) -> bool {
    bytes.windows(2).all(|pair| at(pair, 0) == at(pair, 1))
}

/// ISO/IEC 7812-1, annex B.
pub(super) fn luhn(bytes: &[u8]) -> bool {
    luhn_behind(b"", bytes)
}

/// The same for `front` and `bytes` together.
pub(super) fn luhn_behind(front: &[u8], bytes: &[u8]) -> bool {
    let one = |(index, byte): (usize, &u8)| {
        let value = digit(*byte);
        match (index.is_multiple_of(2), value) {
            (true, _) => value,
            (false, 0..=4) => value.saturating_mul(2),
            (false, _) => value.saturating_mul(2).saturating_sub(9),
        }
    };
    let sum: u32 = front.iter().chain(bytes).rev().enumerate().map(one).sum();
    bytes.len() > 1 && bytes.iter().all(u8::is_ascii_digit) && sum.is_multiple_of(10)
}

/// What letters and digits leave when read as one number, A as 10 to Z as 35, and divided
/// by 97 (ISO/IEC 7064 as ISO 13616 uses it).
pub(super) fn rest_97(bytes: impl Iterator<Item = u8>) -> u32 {
    bytes.fold(0, |rest, byte| {
        let value = char::from(byte).to_digit(36).unwrap_or_default();
        let shift = if value > 9 { 100 } else { 10 };
        rest.saturating_mul(shift)
            .saturating_add(value)
            .checked_rem(97)
            .unwrap_or_default()
    })
}

/// ISO/IEC 7064, MOD 11,10 (German tax ids).
pub(super) fn mod_11_10(bytes: &[u8]) -> bool {
    let Some((check, front)) = bytes.split_last() else {
        return false;
    };
    let product = front.iter().fold(10_u32, |product, byte| {
        let sum = digit(*byte).saturating_add(product) % 10;
        let sum = if sum == 0 { 10 } else { sum };
        sum.saturating_mul(2) % 11
    });
    digit(*check) == 11_u32.saturating_sub(product) % 10
}

/// J. Verhoeff's check over the dihedral group D5 (Aadhaar numbers).
pub(super) fn verhoeff(bytes: &[u8]) -> bool {
    const PERMUTED: [[u8; 10]; 8] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
        [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
        [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
        [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
        [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
        [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
        [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
    ];
    let permuted = |(index, byte): (usize, &u8)| {
        let row = PERMUTED.get(index % 8);
        let column = usize::try_from(digit(*byte)).unwrap_or_default();
        row.and_then(|row| row.get(column)).copied().unwrap_or(0)
    };
    let steps = bytes.iter().rev().enumerate().map(permuted);
    steps.fold(0, |sum, next| dihedral(sum, u32::from(next))) == 0
}

/// The product of two members of D5: rotations 0–4, reflections 5–9.
fn dihedral(a: u32, b: u32) -> u32 {
    let turn = if a < 5 {
        a.saturating_add(b) % 5
    } else {
        a.saturating_add(5).saturating_sub(b) % 5
    };
    if (a < 5) == (b < 5) {
        turn
    } else {
        turn.saturating_add(5)
    }
}

/// Whether `day` and `month` can be; a leap day always can.
pub(super) fn is_day(month: u64, day: u64) -> bool {
    let last = match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=last).contains(&day)
}

/// Whether `YYMMDD` can be a date.
pub(super) fn is_yymmdd(bytes: &[u8]) -> bool {
    match (number(part(bytes, 2, 4)), number(part(bytes, 4, 6))) {
        (Some(month), Some(day)) => is_day(month, day),
        _ => false,
    }
}

/// Whether `DDMMYY` can be a date.
pub(super) fn is_ddmmyy(bytes: &[u8]) -> bool {
    match (number(part(bytes, 2, 4)), number(part(bytes, 0, 2))) {
        (Some(month), Some(day)) => is_day(month, day),
        _ => false,
    }
}

/// Base58Check: 25 bytes that end in four of the double SHA-256 of the rest.
pub(super) fn base58_check(bytes: &[u8]) -> bool {
    const ALPHABET: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    if bytes.len() > 35 {
        return false;
    }
    let mut words = [0_u32; 7];
    for byte in bytes {
        let Some(value) = ALPHABET.iter().position(|known| known == byte) else {
            return false;
        };
        let mut carry = u64::try_from(value).unwrap_or_default();
        for place in words.iter_mut().rev() {
            carry = carry.saturating_add(u64::from(*place).saturating_mul(58));
            *place = u32::try_from(carry & 0xffff_ffff).unwrap_or_default();
            carry >>= 32;
        }
    }
    // 25 bytes in 28, the first of them the version: only these two have keys of their own.
    let [first, ..] = words;
    if first != 0 && first != 5 {
        return false;
    }
    let mut decoded = [0; 28];
    for (bytes, word) in decoded.chunks_exact_mut(4).zip(words) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    let (payload, check) = decoded.split_at(24);
    let payload = payload.get(3..).unwrap_or_default();
    let digest = Sha256::digest(Sha256::digest(payload));
    digest.get(..4) == Some(check)
}

/// Bech32 and Bech32m (BIP 173, BIP 350) of an address on Bitcoin's main net.
pub(super) fn bech32(bytes: &[u8]) -> bool {
    const ALPHABET: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    let Some(data) = bytes.strip_prefix(b"bc1") else {
        return false;
    };
    // The human-readable part `bc`, expanded as BIP 173 says.
    let mut sum = [3, 3, 0, 2, 3].into_iter().fold(1, polymod);
    for byte in data {
        let Some(value) = ALPHABET.iter().position(|known| known == byte) else {
            return false;
        };
        sum = polymod(sum, u32::try_from(value).unwrap_or_default());
    }
    data.len() > 6 && (sum == 1 || sum == 0x2bc8_30a3)
}

fn polymod(sum: u32, value: u32) -> u32 {
    const GENERATORS: [u32; 5] = [
        0x3b6a_57b2,
        0x2650_8e6d,
        0x1ea1_19fa,
        0x3d42_33dd,
        0x2a14_62b3,
    ];
    let top = sum >> 25;
    let next = ((sum & 0x01ff_ffff) << 5) ^ value;
    let generators = GENERATORS.iter().enumerate();
    generators.fold(next, |next, (bit, generator)| {
        if (top >> bit) & 1 == 1 {
            next ^ generator
        } else {
            next
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_check_digits_pass_and_every_other_last_digit_fails() {
        type Check = fn(&[u8]) -> bool;
        let cases: [(&str, Check); 4] = [
            ("79927398713", luhn),
            ("86095742719", mod_11_10),
            ("2363", verhoeff),
            ("234123412346", verhoeff),
        ];
        for (good, check) in cases {
            let mut text = good.as_bytes().to_vec();
            let last = text.len() - 1;
            for digit in b'0'..=b'9' {
                text[last] = digit;
                assert_eq!(check(&text), text == good.as_bytes(), "{good} {digit}");
            }
        }
    }

    #[test]
    fn addresses_of_bitcoin_are_checked() {
        assert!(base58_check(b"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"));
        assert!(!base58_check(b"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3"));
        assert!(!base58_check(b"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"));
        assert!(bech32(b"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"));
        assert!(!bech32(b"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5"));
    }

    #[test]
    fn the_rest_by_97_is_that_of_the_whole_number() {
        assert_eq!(rest_97(b"3214282912345698765432161182".iter().copied()), 1);
        assert_eq!(rest_97(b"A".iter().copied()), 10);
    }
}
