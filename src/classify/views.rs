/*! Texts within a text: what base64, hex, rot13, reversing or joined words hide is scored, too.

Nothing is decoded unless the plain reading met a sign of it ([`Signs`]): a long word, many digits,
common words in rot13 or backwards, words joined to one. */

mod base64;
mod decoded;
mod hex;

use std::ops::Range;

use super::{
    reader::{Scorer, in_word},
    word::joints,
};

/// How a text was read when the worst of it was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum View {
    /// As it stands; case, accents and look-alikes are always folded.
    #[default]
    Plain,
    /// Letters for digits, spaced letters joined, words joined by `_` or capitals apart.
    Respelled,
    /// Base64 decoded.
    Base64,
    /// Hexadecimal bytes decoded.
    Hex,
    /// Letters turned by 13.
    Rot13,
    /// From the end to the beginning.
    Reversed,
}

impl View {
    /// Its name in reasons and records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            View::Plain => "plain",
            View::Respelled => "respelled",
            View::Base64 => "base64",
            View::Hex => "hex",
            View::Rot13 => "rot13",
            View::Reversed => "reversed",
        }
    }
}

/// Signs of hidden text that a reading met.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Signs {
    pub(super) long_words: u32,
    pub(super) digits: u32,
    pub(super) rot13: u32,
    pub(super) reversed: u32,
    /// Words of five or more that are joined.
    pub(super) joined: u32,
}

/// Letters of a word that may be encoded.
pub(super) const LONG_WORD: usize = 14;

/// Decimal digits of a text that may hold hex: most bytes of ASCII text begin with one.
const HEX_DIGITS: u32 = 10;

/// Common words, one of which may be chance.
const WORDS: u32 = 2;

/// Joints of a word that may be a sentence; names in programs mostly have fewer.
pub(super) const JOINTS: usize = 4;

/// Calls `found` with a scorer for each view that there are signs of, the hidden text read into it.
pub(super) fn each(text: &str, signs: Signs, mut found: impl FnMut(View, Scorer)) {
    if signs.long_words > 0
        && let Some(scorer) = base64::read(text)
    {
        found(View::Base64, scorer);
    }
    if signs.digits >= HEX_DIGITS
        && let Some(scorer) = hex::read(text)
    {
        found(View::Hex, scorer);
    }
    let mut turned = |view, chars: &mut dyn Iterator<Item = char>| {
        let mut scorer = Scorer::default();
        chars.for_each(|c| scorer.read(c));
        found(view, scorer);
    };
    if signs.rot13 >= WORDS {
        turned(View::Rot13, &mut text.chars().map(rot13));
    }
    if signs.reversed >= WORDS {
        turned(View::Reversed, &mut text.chars().rev());
    }
    if signs.joined > 0 {
        found(View::Respelled, apart(text));
    }
}

fn rot13(c: char) -> char {
    let turn = |c: u8, first: u8| {
        let place = c.wrapping_sub(first).wrapping_add(13) % 26;
        char::from(first.wrapping_add(place))
    };
    match u8::try_from(c) {
        Ok(c @ b'a'..=b'z') => turn(c, b'a'),
        Ok(c @ b'A'..=b'Z') => turn(c, b'A'),
        _ => c,
    }
}

/// Bytes around joined words that are read with them.
const NEAR: usize = 512;

/// What stands near joined words, those apart; all of the text where the words are not found again.
fn apart(text: &str) -> Scorer {
    let mut scorer = Scorer::default();
    let mut near = 0..0;
    let mut at = 0_usize;
    for word in text.split_inclusive(|c: char| !is_joined(c)) {
        let from = at.saturating_sub(NEAR);
        at = at.saturating_add(word.len());
        let wide = word.matches('＿').count();
        if joints(word.as_bytes()).saturating_add(wide) < JOINTS {
            continue;
        }
        if from > near.end {
            read_apart(part(text, &near), &mut scorer);
            scorer.read('\n');
            near.start = from;
        }
        near.end = at.saturating_add(NEAR);
    }
    if near.is_empty() {
        near = 0..text.len();
    }
    read_apart(part(text, &near), &mut scorer);
    scorer
}

fn is_joined(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '＿')
}

/// A part of a text, and the rest of the characters at its ends.
fn part<'a>(text: &'a str, range: &Range<usize>) -> &'a str {
    let boundary = |at: &usize| text.is_char_boundary(*at);
    let from = (0..=range.start).rev().find(boundary).unwrap_or(0);
    let to = (range.end..text.len()).find(boundary);
    text.get(from..to.unwrap_or(text.len())).unwrap_or("")
}

/// Reads a text with its joined words apart.
fn read_apart(text: &str, scorer: &mut Scorer) {
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let n = rest.bytes().take_while(|c| in_word(*c)).count();
        let (word, after) = rest
            .split_at_checked(n.max(first.len_utf8()))
            .unwrap_or((rest, ""));
        rest = after;
        if joints(word.as_bytes()) == 0 {
            scorer.push(if first == '＿' { " " } else { word });
            continue;
        }
        let mut before = ' ';
        for c in word.chars() {
            if before.is_ascii_lowercase() && c.is_ascii_uppercase() {
                scorer.read(' ');
            }
            scorer.read(if c == '_' { ' ' } else { c });
            before = c;
        }
    }
}

#[cfg(test)]
mod tests;
