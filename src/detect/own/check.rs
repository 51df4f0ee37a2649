/*! Check digits that operators ask for by name. */

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
}
