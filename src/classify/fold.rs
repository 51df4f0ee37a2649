/*! Folded characters: case, accents, look-alikes and other shapes of a letter are one, what cannot
be seen is nothing. */

use super::weights;
use crate::lookalikes::{is_nothing, looks_like};

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
    let code = u32::from(c);
    match code {
        // Tags: ASCII that is not shown.
        0xE0020..=0xE007E => return table(code.wrapping_sub(0xE0000)),
        // Skin tones.
        0x1F3FB..=0x1F3FF => return None,
        _ if is_nothing(c) => return None,
        0x00..0x600 => return table(code),
        0x1E00..0x1F00 => return table(code.wrapping_sub(0x1E00 - 0x600)),
        // Full width.
        0xFF01..=0xFF5E => return table(code.wrapping_sub(0xFEE0)),
        _ => {}
    }
    Some(match code {
        0x2018 | 0x2019 => 39,
        0x201C | 0x201D => 34,
        _ => looks_like(c).map_or(code, u32::from),
    })
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
