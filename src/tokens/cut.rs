/*! Where a text can be cut: at no place inside a character or an escape. */

/// The longest escape: a surrogate pair.
const ESCAPE: usize = 12;

/// How far before its place a text is cut at most for the sake of a space, in bytes.
const LEEWAY: usize = 64;

/// Bytes that are always enough to come past a character and an escape.
const UNIT: usize = 16;

/// Cuts a text in two near `at`: before a space if there is one a little before, else at the
/// latest place that no character, no escape and no surrogate pair has inside. A text that is
/// longer than `at` by 16 bytes is always cut, and unless `at` is 0 there is always a first
/// part. `text` may be a JSON string as it stands, or plain; it must not begin inside an escape.
pub(super) fn cut(text: &[u8], at: usize) -> (&[u8], &[u8]) {
    if at == 0 || text.len() <= at {
        return text.split_at(at.min(text.len()));
    }
    let place = match before_space(text, at).unwrap_or_else(|| boundary(text, at)) {
        0 => boundary(text, at.saturating_add(UNIT)),
        place => place,
    };
    text.split_at_checked(place).unwrap_or((text, &[]))
}

/// The place of the last space before `at`; not that of one that begins the text.
fn before_space(text: &[u8], at: usize) -> Option<usize> {
    let from = at.saturating_sub(LEEWAY).max(1);
    let near = text.get(from..at)?;
    let space = near.iter().rposition(|byte| *byte == b' ')?;
    Some(from.saturating_add(space))
}

/// The last place up to `at` that is in no character, no escape and no pair.
fn boundary(text: &[u8], at: usize) -> usize {
    if at >= text.len() {
        return text.len();
    }
    let place = outside_escape(text, outside_character(text, at));
    outside_pair(text, place)
}

/// UTF-8 has up to three bytes behind the first of a character.
fn outside_character(text: &[u8], at: usize) -> usize {
    let mut places = (at.saturating_sub(3)..=at).rev();
    let begins = |place: &usize| text.get(*place).is_none_or(|byte| byte & 0xC0 != 0x80);
    places.find(begins).unwrap_or(at)
}

/// The begin of the escape that has `at` inside, if there is one.
fn outside_escape(text: &[u8], at: usize) -> usize {
    let from = at.saturating_sub(ESCAPE / 2 - 1);
    let near = text.get(from..at).unwrap_or_default();
    let Some(last) = near.iter().rposition(|byte| *byte == b'\\') else {
        return at;
    };
    let last = from.saturating_add(last);
    let length = match text.get(last.saturating_add(1)) {
        Some(b'u') => ESCAPE / 2,
        _ => 2,
    };
    let inside = begins_escape(text, last) && at < last.saturating_add(length);
    if inside { last } else { at }
}

/// The begin of the first half of a surrogate pair, if `at` is that of its second.
fn outside_pair(text: &[u8], at: usize) -> usize {
    let high = at.saturating_sub(ESCAPE / 2);
    let is_low = matches!(
        text.get(at..),
        Some([b'\\', b'u', b'd' | b'D', b'c'..=b'f' | b'C'..=b'F', ..])
    );
    let is_high = matches!(
        text.get(high..at),
        Some([
            b'\\',
            b'u',
            b'd' | b'D',
            b'8' | b'9' | b'a' | b'b' | b'A' | b'B',
            _,
            _
        ])
    );
    let is_pair = is_low && is_high && begins_escape(text, high);
    if is_pair { high } else { at }
}

/// Whether the backslash at `place` begins an escape: before it stands an even number of others.
fn begins_escape(text: &[u8], place: usize) -> bool {
    let before = text.get(..place).unwrap_or_default();
    let others = before.iter().rev().take_while(|byte| **byte == b'\\');
    others.count().is_multiple_of(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const UNITS: [&str; 9] = [
        r"\u00e9",
        r"\ud83e\udd80",
        r"\\",
        r"\n",
        r#"\""#,
        "é",
        "語",
        "🦀",
        "a",
    ];

    fn unescaped(json: &str) -> String {
        serde_json::from_str(&format!("\"{json}\"")).unwrap()
    }

    /// Cuts all of a text; every part has to be a valid JSON string by itself.
    fn parts(text: &str, at: usize) -> Vec<String> {
        let (mut rest, mut parts) = (text.as_bytes(), Vec::new());
        while !rest.is_empty() {
            let (part, after) = cut(rest, at);
            assert!(!part.is_empty() && part.len() <= at + UNIT, "{text} {at}");
            parts.push(unescaped(std::str::from_utf8(part).unwrap()));
            rest = after;
        }
        parts
    }

    #[test]
    fn characters_and_escapes_are_not_cut() {
        for unit in UNITS {
            let text = unit.repeat(900);
            for at in [1, 2, 5, 11, 12, 13, 100, 101, 512] {
                assert_eq!(parts(&text, at).concat(), unescaped(&text), "{unit} {at}");
            }
        }
    }

    #[test]
    fn what_looks_like_an_escape_is_none() {
        // A backslash, and `u` or a half of a pair as text behind it.
        for text in [r"\\u00e9", r"\\ud83e\\udd80", r"\\\\n", r"\\\u00e9"] {
            for at in 1..text.len() {
                assert_eq!(parts(text, at).concat(), unescaped(text), "{text} {at}");
            }
        }
    }

    #[test]
    fn before_the_last_space_if_one_is_near() {
        let words = "one two three four";
        assert_eq!(
            cut(words.as_bytes(), 10),
            (&b"one two"[..], &b" three four"[..])
        );
        assert_eq!(cut(b" abcdef", 3), (&b" ab"[..], &b"cdef"[..]));
        assert_eq!(cut(b"abc", 3), (&b"abc"[..], &b""[..]));
        assert_eq!(cut(b"abc", 0), (&b""[..], &b"abc"[..]));
        let far = format!("a {}", "b".repeat(200));
        assert_eq!(cut(far.as_bytes(), 100).0.len(), 100);
    }

    proptest! {
        #[test]
        fn any_string_is_cut_well(
            picks in prop::collection::vec((0..UNITS.len(), 1_usize..20), 1..40),
            at in 1_usize..80,
        ) {
            let text: String = picks.iter().map(|(unit, times)| UNITS[*unit].repeat(*times)).collect();
            prop_assert_eq!(parts(&text, at).concat(), unescaped(&text));
        }

        #[test]
        fn bytes_that_are_no_text_are_cut_too(
            bytes in prop::collection::vec(prop::sample::select(vec![b'\\', b'u', b'd', b'8', 0x80, 0xFF, b' ']), 1..300),
            at in 1_usize..80,
        ) {
            let (mut rest, mut whole) = (bytes.as_slice(), Vec::new());
            while !rest.is_empty() {
                let (part, after) = cut(rest, at);
                prop_assert!(!part.is_empty() && part.len() <= at + UNIT);
                whole.extend_from_slice(part);
                rest = after;
            }
            prop_assert_eq!(whole, bytes);
        }
    }
}
