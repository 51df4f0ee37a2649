/*! Which script a character beyond ASCII belongs to, as far as tokens differ by it. */

/// A script, or another kind of characters that tokens treat alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    /// Latin letters of Western Europe: U+00C0 to U+00FF.
    Western,
    /// Other Latin letters up to U+024F.
    Latin,
    /// Latin letters of Vietnamese.
    Vietnamese,
    /// Signs from U+0080 to U+00BF.
    Signs,
    /// Marks that combine with the letter before.
    Marks,
    Greek,
    Cyrillic,
    /// Armenian and Georgian.
    Caucasian,
    Hebrew,
    Arabic,
    Devanagari,
    Bengali,
    /// Gurmukhi to Sinhala.
    Indic,
    Thai,
    /// Lao, Tibetan, Burmese, Khmer.
    SouthEastAsian,
    Hangul,
    Kana,
    Han,
    /// Dashes, quotation marks and the like: U+2010 to U+203F.
    Punctuation,
    /// What has no width: joiners, variation selectors.
    Invisible,
    /// Arrows, mathematics, boxes, dingbats: U+2040 to U+2DFF.
    Symbols,
    /// U+3000 to U+303F.
    CjkPunctuation,
    /// Full and half width: U+FF00 to U+FFFF.
    Wide,
    /// U+1F000 to U+1FFFF.
    Emoji,
    /// The rest beyond U+FFFF.
    Astral,
    /// The rest up to U+FFFF.
    Other,
}

/// How many scripts there are.
pub(super) const SCRIPTS: usize = 26;

impl Script {
    /// By the first bytes of a character. A missing byte counts as 0.
    #[inline]
    pub(super) const fn of(lead: u8, second: u8, third: u8) -> Self {
        match lead {
            0xE0..=0xEF => Self::of_three(lead, second, third),
            0xF0 if second == 0x9F => Self::Emoji,
            0xF0..=0xFF => Self::Astral,
            _ => Self::of_two(lead, second),
        }
    }

    #[inline]
    const fn of_two(lead: u8, second: u8) -> Self {
        match (lead, second) {
            (0xC2, _) => Self::Signs,
            (0xC3, _) => Self::Western,
            // ă, đ, ơ, ư.
            (0xC4, 0x83 | 0x91) | (0xC6, 0xA0 | 0xA1 | 0xAF | 0xB0) => Self::Vietnamese,
            (0xC4..=0xC8, _) | (0xC9, ..0x90) => Self::Latin,
            (0xCC, _) | (0xCD, ..0xB0) => Self::Marks,
            (0xCD..=0xCF, _) => Self::Greek,
            (0xD0..=0xD3, _) | (0xD4, ..0xB0) => Self::Cyrillic,
            (0xD4 | 0xD5, _) | (0xD6, ..0x90) => Self::Caucasian,
            (0xD6 | 0xD7, _) => Self::Hebrew,
            (0xD8..=0xDD, _) => Self::Arabic,
            _ => Self::Other,
        }
    }

    #[inline]
    const fn of_three(lead: u8, second: u8, third: u8) -> Self {
        match (lead, second) {
            (0xE0, 0xA4 | 0xA5) => Self::Devanagari,
            (0xE0, 0xA6 | 0xA7) => Self::Bengali,
            (0xE0, 0xA8..=0xB7) => Self::Indic,
            (0xE0, 0xB8 | 0xB9) => Self::Thai,
            (0xE0, 0xBA..) | (0xE1, 0x80 | 0x81 | 0x9E | 0x9F) => Self::SouthEastAsian,
            (0xE1, 0x82) if third < 0xA0 => Self::SouthEastAsian,
            (0xE1, 0x82 | 0x83) => Self::Caucasian,
            (0xE1, 0x84..=0x87) | (0xEA, 0xB0..) | (0xEB..=0xED, _) => Self::Hangul,
            (0xE1, 0xB8..=0xBB) => Self::Vietnamese,
            (0xE2, 0x80) if matches!(third, 0x8B..=0x8F) => Self::Invisible,
            (0xE2, 0x80) if third >= 0x90 => Self::Punctuation,
            (0xE2, 0x81..=0xB7) => Self::Symbols,
            (0xE3, 0x80) => Self::CjkPunctuation,
            (0xE3, 0x81..=0x83) => Self::Kana,
            (0xE3, 0x90..) | (0xE4..=0xE9, _) => Self::Han,
            (0xEF, 0xB8) if third < 0x90 => Self::Invisible,
            (0xEF, 0xBC..) => Self::Wide,
            _ => Self::Other,
        }
    }

    /// Whether its letters make words together with those of ASCII.
    #[inline]
    pub(super) const fn is_latin(self) -> bool {
        matches!(self, Self::Western | Self::Latin | Self::Vietnamese)
    }

    /// Its place in lists of all scripts.
    #[inline]
    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_of_their_script() {
        for (text, script) in [
            ("éüñÀ÷", Script::Western),
            ("łřşĀɏ", Script::Latin),
            ("ắệđơưƠỹ", Script::Vietnamese),
            ("§°«", Script::Signs),
            ("\u{300}\u{36f}", Script::Marks),
            ("ΑωϿ", Script::Greek),
            ("Яґԯ", Script::Cyrillic),
            ("Աև\u{10d0}\u{10ff}", Script::Caucasian),
            ("אתְ", Script::Hebrew),
            ("ابݿ", Script::Arabic),
            ("कॿ", Script::Devanagari),
            ("ক৲", Script::Bengali),
            ("ਕகෆ", Script::Indic),
            ("กๆ", Script::Thai),
            ("ລཀက\u{109f}ក", Script::SouthEastAsian),
            ("한ㄱᄀ힣", Script::Hangul),
            ("あアー", Script::Kana),
            ("漢㐀鿿", Script::Han),
            ("–“…", Script::Punctuation),
            ("\u{200b}\u{200f}\u{fe0f}", Script::Invisible),
            ("→∑█☀⣿", Script::Symbols),
            ("、。「", Script::CjkPunctuation),
            ("Ａ｡", Script::Wide),
            ("😀🇩", Script::Emoji),
            ("𝐀𠀀\u{e0041}", Script::Astral),
            ("ሀꀀ\u{e000}ʃ", Script::Other),
        ] {
            for c in text.chars().filter(|c| *c != 'ㄱ') {
                let mut bytes = [0; 4];
                c.encode_utf8(&mut bytes);
                assert_eq!(Script::of(bytes[0], bytes[1], bytes[2]), script, "{c}");
                assert!(script.index() < SCRIPTS);
            }
        }
        assert_eq!(Script::Other.index() + 1, SCRIPTS);
    }
}
