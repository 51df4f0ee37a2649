/*! What a character is to the detectors: folded to ASCII where people and forms write the
same thing differently, and in a class that says whether a region goes on. */

/// A byte that ends a region.
pub(super) const BREAK: u8 = 0;
/// Letters, those of Latin scripts beyond ASCII included.
pub(super) const LETTER: u8 = 1;
/// Decimal digits.
pub(super) const DIGIT: u8 = 1 << 1;
/// The at sign.
pub(super) const AT: u8 = 1 << 2;
/// Colons and slashes.
pub(super) const COLON: u8 = 1 << 3;
/// Full stops.
pub(super) const DOT: u8 = 1 << 4;
/// The rest of what addresses, numbers and keys are written with.
pub(super) const MARK: u8 = 1 << 5;

/// Stands for a letter of a Latin script that is not ASCII.
pub(super) const OTHER_LETTER: u8 = 0xc0;

/// How a character is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Folded {
    /// As this byte: ASCII, or [`OTHER_LETTER`].
    Byte(u8),
    /// As if it were not there.
    Nothing,
}

/// The class of a folded byte.
#[inline(always)]
pub(super) fn class_of(byte: u8) -> u8 {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(BREAK)
}

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [BREAK; 256];
    let mut byte = 0;
    let mut places: &mut [u8] = &mut classes;
    while let [place, rest @ ..] = places {
        *place = class(byte);
        places = rest;
        byte = byte.saturating_add(1);
    }
    classes
}

const fn class(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | OTHER_LETTER => LETTER,
        b'0'..=b'9' => DIGIT,
        b'@' => AT,
        b':' | b'/' => COLON,
        b'.' => DOT,
        b'_' | b'-' | b'+' | b'%' | b'=' | b'&' | b'?' | b'#' | b'~' | b'!' | b'$' | b'*'
        | b'\\' | b'(' | b')' => MARK,
        _ => BREAK,
    }
}

/// Reads a character: full-width forms and digits of other scripts as ASCII, dashes and
/// spaces of every kind as one, invisible characters as nothing.
pub(super) fn fold(c: char) -> Folded {
    let code = u32::from(c);
    let ascii = |code: u32| u8::try_from(code).map_or(Folded::Byte(BREAK), Folded::Byte);
    match code {
        0..=0x7f => ascii(code),
        // Soft hyphen, zero-width characters, word joiner, byte order mark.
        0xad | 0x200b..=0x200d | 0x2060 | 0xfeff => Folded::Nothing,
        0xa0 | 0x2002..=0x200a | 0x202f | 0x3000 => Folded::Byte(b' '),
        0x2010..=0x2015 | 0x2212 => Folded::Byte(b'-'),
        0xff01..=0xff5e => ascii(code.saturating_sub(0xfee0)),
        0x660..=0x669 => ascii(code.saturating_sub(0x660).saturating_add(0x30)),
        0x6f0..=0x6f9 => ascii(code.saturating_sub(0x6f0).saturating_add(0x30)),
        0xc0..=0x24f => Folded::Byte(OTHER_LETTER),
        _ => Folded::Byte(BREAK),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_folded() {
        for (c, byte) in [
            ('a', b'a'),
            ('\u{ff21}', b'A'),
            ('\u{ff15}', b'5'),
            ('\u{ff20}', b'@'),
            ('\u{665}', b'5'),
            ('\u{6f5}', b'5'),
            ('\u{2011}', b'-'),
            ('\u{a0}', b' '),
            ('é', OTHER_LETTER),
            ('한', BREAK),
            ('😀', BREAK),
        ] {
            assert_eq!(fold(c), Folded::Byte(byte), "{c:?}");
        }
        assert_eq!(fold('\u{200b}'), Folded::Nothing);
    }
}
