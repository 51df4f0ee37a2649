/*! Characters as the reader of a phrase sees them: letters that look alike are one, case and
marks count for nothing.

Letters of scripts that look like no Latin one stay themselves, in lower case. */

use crate::lookalikes::{is_nothing, looks_like};

/// What a character is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// One letter, or the several that a ligature stands for; unused ones are 0.
    Letters([char; 3]),
    /// What stands between words.
    Gap,
    /// Invisible, or a mark of the letter before: read as if it were not there.
    Nothing,
}

/// No letter.
pub(super) const NONE: char = '\0';

/// How a character is read.
pub(super) fn sign(c: char) -> Sign {
    match u8::try_from(c).ok().and_then(ascii_letter) {
        Some(0) => Sign::Gap,
        Some(letter) => one(char::from(letter)),
        None if is_nothing(c) => Sign::Nothing,
        None => ligature(c).or_else(|| latin(c)).unwrap_or_else(|| other(c)),
    }
}

/// An ASCII letter or digit as [`sign`] reads it, 0 for what stands between words; `None` for a
/// byte that is not ASCII.
pub(super) fn ascii_letter(byte: u8) -> Option<u8> {
    ASCII.get(usize::from(byte)).copied()
}

static ASCII: [u8; 128] = {
    let mut letters = [0; 128];
    let mut byte = 0_u8;
    let mut places: &mut [u8] = &mut letters;
    while let [place, rest @ ..] = places {
        if byte.is_ascii_alphanumeric() {
            *place = ascii(byte as char) as u8;
        }
        places = rest;
        byte = byte.saturating_add(1);
    }
    letters
};

/// Whether letters of this script stand beside each other without being one word, or bear
/// particles: a phrase may begin and end beside them.
pub(super) const fn is_glued(letter: char) -> bool {
    matches!(letter,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1100}'..='\u{11ff}'
        | '\u{1780}'..='\u{17ff}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7ff}'
        | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ffdc}' | '\u{20000}'..='\u{3ffff}')
}

const fn one(letter: char) -> Sign {
    Sign::Letters([letter, NONE, NONE])
}

/// In lower case; digits as the letters that they are put in the place of. I, l and 1 are
/// one, since each is written for each.
const fn ascii(c: char) -> char {
    match c.to_ascii_lowercase() {
        '0' => 'o',
        '1' | 'l' => 'i',
        '3' => 'e',
        '4' => 'a',
        '5' => 's',
        '7' => 't',
        '8' => 'b',
        '9' => 'g',
        plain => plain,
    }
}

fn ligature(c: char) -> Option<Sign> {
    let letters = match c {
        'ß' | 'ẞ' => ['s', 's', NONE],
        'æ' | 'Æ' | 'ǽ' | 'Ǽ' => ['a', 'e', NONE],
        'œ' | 'Œ' => ['o', 'e', NONE],
        'þ' | 'Þ' => ['t', 'h', NONE],
        'ĳ' | 'Ĳ' => ['i', 'j', NONE],
        'ǆ' | 'ǅ' | 'Ǆ' | 'ǳ' | 'ǲ' | 'Ǳ' => ['d', 'z', NONE],
        'ǉ' | 'ǈ' | 'Ǉ' => ['i', 'j', NONE],
        'ǌ' | 'ǋ' | 'Ǌ' => ['n', 'j', NONE],
        '\u{fb00}' => ['f', 'f', NONE],
        '\u{fb01}' => ['f', 'i', NONE],
        '\u{fb02}' => ['f', 'i', NONE],
        '\u{fb03}' | '\u{fb04}' => ['f', 'f', 'i'],
        '\u{fb05}' | '\u{fb06}' => ['s', 't', NONE],
        _ => return None,
    };
    Some(Sign::Letters(letters))
}

/// What looks like an ASCII letter or digit, or is a form of one.
fn latin(c: char) -> Option<Sign> {
    let like = match u32::from(c) {
        full @ 0xff01..=0xff5e => char::from_u32(full.saturating_sub(0xfee0)).map(sign)?,
        0xaa => one('a'),
        0xb2 => one('2'),
        0xb3 => one('e'),
        0xb5 => one('u'),
        0xb9 => one('i'),
        0xba => one('o'),
        _ => one(ascii(looks_like(c)?)),
    };
    Some(like)
}

/// Letters that look like no ASCII one, and the rest: punctuation, symbols, spaces.
fn other(c: char) -> Sign {
    let is_gap = matches!(c,
        '\u{80}'..='\u{bf}' | '×' | '÷' | '\u{37e}' | '\u{387}' | '\u{589}' | '\u{5be}'
        | '\u{5c0}' | '\u{5c3}' | '\u{5f3}' | '\u{5f4}' | '\u{60c}' | '\u{61b}' | '\u{61f}'
        | '\u{66a}'..='\u{66d}' | '\u{6d4}' | '\u{964}' | '\u{965}' | '\u{e4f}' | '\u{e5a}'
        | '\u{e5b}' | '\u{1680}' | '\u{2000}'..='\u{206f}' | '\u{20a0}'..='\u{20cf}'
        | '\u{2190}'..='\u{249b}' | '\u{24eb}'..='\u{2bff}' | '\u{2e00}'..='\u{2e7f}'
        | '\u{3000}'..='\u{3004}' | '\u{3008}'..='\u{3030}' | '\u{303d}' | '\u{30a0}'
        | '\u{30fb}' | '\u{e000}'..='\u{f8ff}' | '\u{fe10}'..='\u{fe1f}'
        | '\u{fe30}'..='\u{fe6f}' | '\u{ff5f}'..='\u{ff65}' | '\u{ffe0}'..='\u{ffff}'
        | '\u{1f000}'..='\u{1faff}' | '\u{f0000}'..);
    if is_gap {
        return Sign::Gap;
    }
    match c {
        'ς' => one('σ'),
        'й' | 'Й' | 'ѝ' | 'Ѝ' => one('и'),
        'ѓ' | 'Ѓ' => one('г'),
        _ => one(c.to_lowercase().next().unwrap_or(c)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        let signs = text.chars().map(sign);
        let letters = signs.flat_map(|sign| match sign {
            Sign::Letters(letters) => letters,
            Sign::Gap => [' ', NONE, NONE],
            Sign::Nothing => [NONE; 3],
        });
        letters.filter(|letter| *letter != NONE).collect()
    }

    #[test]
    fn spellings_of_a_word_are_one() {
        for word in [
            "falcon",
            "FALCON",
            "f4lc0n",
            "fa1con",
            "\u{ff26}\u{ff41}lcon",
            "fаlсоn",
            "fαlcοn",
            "fálçôñ",
            "fa\u{301}lcon",
            "f\u{200b}al\u{ad}con",
            "𝐟𝐚𝐥𝐜𝐨𝐧",
            "𝔽𝔸𝕃ℂ𝕆ℕ",
            "ⓕⓐⓛⓒⓞⓝ",
            "fᴀʟᴄᴏɴ",
            "🇫🇦🇱🇨🇴🇳",
            "🅵🅰🅻🅲🅾🅽",
            "fa\u{e0061}lcon",
        ] {
            assert_eq!(folded(word), "faicon", "{word}");
        }
    }

    #[test]
    fn the_table_of_ascii_says_the_same() {
        for byte in 0..=255_u8 {
            let wanted = match sign(char::from(byte)) {
                _ if !byte.is_ascii() => None,
                Sign::Letters([letter, ..]) => u8::try_from(letter).ok(),
                Sign::Gap | Sign::Nothing => Some(0),
            };
            assert_eq!(ascii_letter(byte), wanted, "{byte}");
        }
    }

    #[test]
    fn other_scripts_stay_themselves() {
        assert_eq!(folded("Проект"), folded("ПРОЕКТ"));
        assert_eq!(folded("Йод"), folded("и\u{306}од"));
        assert_eq!(folded("비밀"), "비밀");
        assert_eq!(folded("Straße"), "strasse");
        assert_eq!(folded("a·b—c。d"), "a b c d");
        assert_ne!(folded("2"), folded("6"));
    }
}
