/*! Templates of identity numbers.

`9` is a digit, `A` a capital letter, `X` either, `?` anything; `_` is one of the signs
space, `-`, `.`, `/`, `:` or nothing; the rest stands for itself. */

use super::super::view::{at, before, is_word, part};

/// What a template took.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) end: usize,
    /// Letters, digits and `?` without signs.
    compact: [u8; 24],
    length: usize,
}

impl Taken {
    pub(super) fn compact(&self) -> &[u8] {
        part(&self.compact, 0, self.length)
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.compact.get_mut(self.length) {
            *place = byte;
            self.length = self.length.saturating_add(1);
        }
    }
}

/// Matches `template` at `start`, as a word of its own.
pub(super) fn take(template: &str, bytes: &[u8], start: usize) -> Option<Taken> {
    let end = end(template, bytes, start)?;
    if !stands_alone(bytes, start, end) {
        return None;
    }
    let mut taken = Taken {
        end,
        compact: [0; 24],
        length: 0,
    };
    let mut index = start;
    for wanted in template.bytes() {
        let byte = at(bytes, index);
        if counts(wanted) {
            taken.push(byte);
        } else if wanted == b'_' && !is_sign(byte) {
            continue;
        }
        index = index.saturating_add(1);
    }
    Some(taken)
}

/// Where a match that begins at `start` ends.
fn end(template: &str, bytes: &[u8], start: usize) -> Option<usize> {
    let mut end = start;
    for wanted in template.bytes() {
        let byte = at(bytes, end);
        let matches = match wanted {
            b'9' => byte.is_ascii_digit(),
            b'A' => byte.is_ascii_uppercase(),
            b'X' => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            b'?' => byte != 0,
            b'_' if !is_sign(byte) => continue,
            b'_' => true,
            literal => literal == byte,
        };
        if !matches {
            return None;
        }
        end = end.saturating_add(1);
    }
    Some(end)
}

/// Runs of digits longer than this are no part of an identity number.
pub(super) const LONGEST_RUN: usize = 15;

/// The lengths of the first run of digits that a match begins with, 0 if it begins with a
/// letter: for each, as bits, the lengths of the second one, 0 if there is none.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Shape(pub(super) [u32; LONGEST_RUN + 1]);

impl Shape {
    /// Of what `template` takes.
    pub(super) fn of(template: &str) -> Self {
        let mut done = Self::default();
        // Lengths that the first run may have so far, as bits; and those of the second.
        let mut first = 1_u32;
        let mut second = [0_u32; LONGEST_RUN + 1];
        for wanted in template.bytes() {
            let digit = matches!(wanted, b'9' | b'X' | b'?');
            let letter = matches!(wanted, b'A' | b'X' | b'?');
            let sign = wanted == b'?' || !counts(wanted);
            let bits = |is: bool, bits: u32| if is { bits } else { 0 };
            let step = |run: u32| bits(digit, run << 1) | bits(wanted == b'_', run);
            for ((length, run), done) in (0..).zip(&mut second).zip(&mut done.0) {
                let ends = (first >> length) & 1;
                *done |= bits(letter || sign, *run) | bits(letter, ends);
                *run = step(*run) | bits(sign, ends);
            }
            first = step(first);
        }
        for ((length, run), done) in (0..).zip(second).zip(&mut done.0) {
            let ends = (first >> length) & 1 == 1;
            *done |= if ends { u32::MAX } else { run };
        }
        done
    }
}

fn counts(wanted: u8) -> bool {
    matches!(wanted, b'9' | b'A' | b'X' | b'?')
}

fn is_sign(byte: u8) -> bool {
    b" -./:".contains(&byte)
}

/// Whether the number is not a part of a longer one.
pub(super) fn stands_alone(bytes: &[u8], start: usize, end: usize) -> bool {
    let sign = |byte: u8| b"-./".contains(&byte);
    let (left, right) = (before(bytes, start), at(bytes, end));
    let goes_on_left = sign(left) && before(bytes, start.saturating_sub(1)).is_ascii_digit();
    let goes_on_right = sign(right) && at(bytes, end.saturating_add(1)).is_ascii_digit();
    !is_word(left) && left != b'+' && !is_word(right) && !goes_on_left && !goes_on_right
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_those_of_all_that_is_taken() {
        let has =
            |template, first: usize, second: u32| (Shape::of(template).0[first] >> second) & 1 == 1;
        for (template, first, second, wanted) in [
            ("999-99-9999", 3, 2, true),
            ("999-99-9999", 3, 3, false),
            ("999_999", 3, 3, true),
            ("999_999", 6, 0, true),
            ("999_999", 6, 4, true),
            ("999_999", 2, 3, false),
            ("9_99_99", 3, 2, true),
            ("9_99_99", 1, 4, true),
            ("9AX9", 1, 0, true),
            ("A9999999", 0, 7, false),
            ("A9999999", 0, 0, true),
            ("99X9", 2, 0, true),
            ("99X9", 4, 0, true),
            ("999?99", 3, 2, true),
            ("99999999_A", 8, 0, true),
        ] {
            assert_eq!(
                has(template, first, second),
                wanted,
                "{template} {first} {second}"
            );
        }
    }

    #[test]
    fn templates_take_whole_words_only() {
        let compact = |template, text: &str| {
            let taken = take(template, text.as_bytes(), 0)?;
            Some(String::from_utf8(taken.compact().to_vec()).unwrap())
        };
        let cases = [
            ("999_99_9999", "123-45-6789", Some("123456789")),
            ("999_99_9999", "123456789", Some("123456789")),
            ("999-99-9999", "123 45 6789", None),
            ("999_99_9999", "123-45-6789-1", None),
            ("999_99_9999", "123-45-67890", None),
            ("AA_99", "AB12", Some("AB12")),
            ("AA_99", "ab12", None),
            ("9?9", "1+2", Some("1+2")),
        ];
        for (template, text, wanted) in cases {
            assert_eq!(
                compact(template, text).as_deref(),
                wanted,
                "{template} {text}"
            );
        }
        assert_eq!(take("99", b"112", 1), None);
    }
}
