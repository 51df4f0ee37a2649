/*! Folded characters: case, accents, look-alikes and other shapes of a letter are one, what cannot
be seen is nothing. */

use super::weights;

/// What a folded character is in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Separator,
    Punctuation,
    Letter,
    /// A word by itself: ideographs, kana, emoji.
    Alone,
}

/// The folded code point; none if it is dropped.
pub(super) fn fold(c: char) -> Option<u32> {
    if c.is_ascii() {
        return Some(u32::from(c.to_ascii_lowercase())).filter(|c| *c != 0);
    }
    let c = u32::from(c);
    let folded = match c {
        0x00..0x600 => return table(c),
        0x1E00..0x1F00 => return table(c.wrapping_sub(0x1E00 - 0x600)),
        0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F | 0xFEFF => return None,
        // Variation selectors, skin tones.
        0xFE00..=0xFE0F | 0xE0100..=0xE01EF | 0x1F3FB..=0x1F3FF => return None,
        // Tags: ASCII that is not shown.
        0xE0020..=0xE007E => return table(c.wrapping_sub(0xE0000)),
        // Full width.
        0xFF01..=0xFF5E => return table(c.wrapping_sub(0xFEE0)),
        // Mathematical letters and digits, letters in circles and squares.
        0x1D400..=0x1D6A3 => letter(c, 0x1D400),
        0x1D7CE..=0x1D7FF => 48_u32.saturating_add(c.wrapping_sub(0x1D7CE) % 10),
        0x24B6..=0x24E9 => letter(c, 0x24B6),
        0x1F130..=0x1F149 => letter(c, 0x1F130),
        0x1F150..=0x1F169 => letter(c, 0x1F150),
        0x1F170..=0x1F189 => letter(c, 0x1F170),
        0x2018 | 0x2019 => 39,
        0x201C | 0x201D => 34,
        _ => c,
    };
    Some(folded)
}

fn letter(c: u32, first: u32) -> u32 {
    97_u32.saturating_add(c.wrapping_sub(first) % 26)
}

fn table(c: u32) -> Option<u32> {
    Some(weights::folded(c)).filter(|folded| *folded != 0)
}

/// The kind of a folded code point.
pub(super) fn kind(c: u32) -> Kind {
    match c {
        97..=122 | 48..=57 | 95 => Kind::Letter,
        0..=32 | 127 | 0x85 | 0xA0 | 0x2000..0x2010 | 0x2028..=0x202F | 0x3000 => Kind::Separator,
        33..0xC0 => Kind::Punctuation,
        0xD7 | 0xF7 | 0x60C | 0x61B | 0x61F | 0x6D4 | 0x964 | 0x965 => Kind::Punctuation,
        0xC0..0x2000 | 0xAC00..=0xD7A3 => Kind::Letter,
        0x2010..0x2600 | 0x2E80..=0x303F | 0xFF00..=0xFF65 => Kind::Punctuation,
        _ => Kind::Alone,
    }
}
