/*! Check digits that operators ask for by name. */

use super::super::checks::{digit, luhn, mod_11_10, rest_97, verhoeff};

/// How the check digits of a match are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// ISO/IEC 7812-1, annex B: cards, and many numbers of members and devices.
    Luhn,
    /// ISO/IEC 7064, MOD 97-10, check digits last: the rest by 97 is 1.
    Mod97,
    /// The rest by 97 is 1 with the first four characters moved to the end (ISO 13616).
    Iban,
    /// Weights 2, 3, 4, … from the right, the check digit last with 1; the sum is divisible
    /// by 11, and X is 10.
    Mod11,
    /// ISO/IEC 7064, MOD 11,10.
    Mod11_10,
    /// J. Verhoeff's check.
    Verhoeff,
}

impl Check {
    /// All of them, with their names in policies.
    pub const NAMED: [(&'static str, Self); 6] = [
        ("luhn", Self::Luhn),
        ("mod97", Self::Mod97),
        ("iban", Self::Iban),
        ("mod11", Self::Mod11),
        ("mod11_10", Self::Mod11_10),
        ("verhoeff", Self::Verhoeff),
    ];

    /// The one with this name.
    pub fn named(name: &str) -> Option<Self> {
        let mut all = Self::NAMED.into_iter();
        all.find(|(known, _)| *known == name)
            .map(|(_, check)| check)
    }

    /// Whether the check digits of `value` are right. Only ASCII digits count, and letters
    /// where the check knows them.
    pub(super) fn holds(self, value: &str) -> bool {
        let signs = value.bytes().filter(u8::is_ascii_alphanumeric);
        let signs: Vec<u8> = signs.map(|byte| byte.to_ascii_uppercase()).collect();
        let digits: Vec<u8> = signs.iter().copied().filter(u8::is_ascii_digit).collect();
        match self {
            Self::Luhn => luhn(&digits),
            Self::Mod97 => signs.len() > 2 && rest_97(signs.iter().copied()) == 1,
            Self::Iban => signs.split_at_checked(4).is_some_and(|(front, rest)| {
                !rest.is_empty() && rest_97(rest.iter().chain(front).copied()) == 1
            }),
            Self::Mod11 => mod_11(&signs),
            Self::Mod11_10 => digits.len() > 1 && mod_11_10(&digits),
            Self::Verhoeff => digits.len() > 1 && verhoeff(&digits),
        }
    }
}

fn mod_11(signs: &[u8]) -> bool {
    let ten = u32::from(signs.last() == Some(&b'X'));
    let digits = signs.iter().filter(|sign| sign.is_ascii_digit());
    let places = digits.rev().zip(ten.saturating_add(1)..);
    let sum = places
        .clone()
        .fold(ten.saturating_mul(10), |sum, (sign, weight)| {
            sum.saturating_add(digit(*sign).saturating_mul(weight))
        });
    places.count() > 1 && sum.is_multiple_of(11)
}
