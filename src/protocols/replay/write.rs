/*! Writing documents and events. */

use crate::bytes::{self, Set};
use crate::json::quote;
use crate::sse::Framer;

/// Longest piece of text in one event, in bytes of JSON. Clients show a piece at a time, and some
/// of them read no lines above 64 KiB.
const MAX_PIECE: usize = 1024;

/// How often a stream may have its document's length, and how many bytes besides: each event
/// repeats the ids, which may be long.
const MAX_TIMES: usize = 8;
const MAX_REST: usize = 64 << 10;

/// Writes an object.
pub(super) struct Object<'o> {
    out: &'o mut String,
    empty: bool,
}

impl<'o> Object<'o> {
    /// Begins it at the end of `out`.
    pub(super) fn open(out: &'o mut String) -> Self {
        out.push('{');
        Self { out, empty: true }
    }

    /// A member, by its JSON.
    pub(super) fn member(&mut self, name: &str, json: &str) {
        self.key(name).push_str(json);
    }

    /// A member that is a string, by what stands between the quotes.
    pub(super) fn text(&mut self, name: &str, inside: &str) {
        self.between(name, "\"", inside, "\"");
    }

    /// A member that is a list, by what stands between the brackets.
    pub(super) fn list(&mut self, name: &str, inside: &str) {
        self.between(name, "[", inside, "]");
    }

    fn between(&mut self, name: &str, open: &str, inside: &str, close: &str) {
        let out = self.key(name);
        [open, inside, close]
            .iter()
            .for_each(|part| out.push_str(part));
    }

    /// Members as they come.
    pub(super) fn members<'m>(&mut self, members: impl IntoIterator<Item = (&'m str, &'m str)>) {
        for (name, json) in members {
            self.member(name, json);
        }
    }

    /// The members of an object.
    pub(super) fn members_of(&mut self, object: &str) {
        let inside = object
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        let inside = inside.unwrap_or_default();
        if !inside.is_empty() {
            if !std::mem::take(&mut self.empty) {
                self.out.push(',');
            }
            self.out.push_str(inside);
        }
    }

    /// A member that `write` adds.
    pub(super) fn with(&mut self, name: &str, write: impl FnOnce(&mut String)) {
        write(self.key(name));
    }

    fn key(&mut self, name: &str) -> &mut String {
        if !std::mem::take(&mut self.empty) {
            self.out.push(',');
        }
        self.out.push_str(&quote(name));
        self.out.push(':');
        self.out
    }

    /// Ends it.
    pub(super) fn close(&mut self) {
        self.out.push('}');
    }
}

/// An object.
pub(super) fn object(write: impl FnOnce(&mut Object<'_>)) -> String {
    let mut out = String::new();
    let mut object = Object::open(&mut out);
    write(&mut object);
    object.close();
    out
}

/// A stream as it is written. Its events are never longer than what is read of one.
pub(super) struct Events {
    out: String,
    /// No longer than this, in bytes.
    longest: usize,
    too_long: bool,
}

impl Events {
    /// Of a document with so many bytes, that will be told in about `times` as many.
    pub(super) fn new(document: usize, times: usize) -> Self {
        Self {
            out: String::with_capacity(document.saturating_mul(times)),
            longest: document.saturating_mul(MAX_TIMES).saturating_add(MAX_REST),
            too_long: false,
        }
    }

    /// An event. `name` is what its line `event:` says; OpenAI's chunks have none.
    pub(super) fn event(&mut self, name: &str, data: impl FnOnce(&mut Object<'_>)) {
        if self.too_long {
            return;
        }
        let start = self.out.len();
        if !name.is_empty() {
            for part in ["event: ", name, "\n"] {
                self.out.push_str(part);
            }
        }
        self.out.push_str("data: ");
        let mut object = Object::open(&mut self.out);
        data(&mut object);
        object.close();
        self.out.push_str("\n\n");
        let length = self.out.len();
        self.too_long = length > self.longest || length.saturating_sub(start) > Framer::MAX_EVENT;
    }

    /// The event that ends OpenAI's chunks.
    pub(super) fn done(&mut self) {
        self.out.push_str("data: [DONE]\n\n");
    }

    /// `None`: an event is too long, or all of them together.
    pub(super) fn finish(self) -> Option<String> {
        (!self.too_long).then_some(self.out)
    }
}

/// The pieces in which a text is told, by what stands between the quotes of its JSON. None is cut
/// within an escape, or between the two of one character.
pub(super) fn pieces(inside: &str) -> impl Iterator<Item = &str> {
    let mut rest = inside;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, behind) = rest.split_at_checked(cut(rest)).unwrap_or((rest, ""));
        rest = behind;
        Some(piece)
    })
}

/// Where the first piece ends.
fn cut(text: &str) -> usize {
    if text.len() <= MAX_PIECE {
        return text.len();
    }
    let mut at = 0_usize;
    while at < MAX_PIECE {
        let rest = text.as_bytes().get(at..MAX_PIECE).unwrap_or_default();
        let Some(escape) = bytes::find(rest, ESCAPE) else {
            return boundary(text, MAX_PIECE);
        };
        at = at.saturating_add(escape);
        at = at.saturating_add(escape_length(text.get(at..).unwrap_or_default()));
    }
    at
}

/// Where the character begins that has the byte at `at`.
fn boundary(text: &str, at: usize) -> usize {
    let mut at = at;
    while !text.is_char_boundary(at) {
        at = at.saturating_sub(1);
    }
    at
}

/// Bytes of the escape that `text` begins with.
fn escape_length(text: &str) -> usize {
    match text.as_bytes() {
        // Both halves of a pair.
        [
            b'\\',
            b'u',
            b'd' | b'D',
            b'8' | b'9' | b'a'..=b'b' | b'A'..=b'B',
            ..,
        ] => 12,
        [b'\\', b'u', ..] => 6,
        _ => 2,
    }
}

const ESCAPE: Set = Set::of([b'\\'; 2]);
const QUOTE: Set = Set::of([b'"'; 2]);
const QUOTE_OR_ESCAPE: Set = Set::of([b'"', b'\\']);

/// A document without white space between its values, since events have a line each. `None`: it
/// is no JSON. What comes of it is JSON only if the document is.
pub(super) fn compact(json: &str) -> Option<String> {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(quote) = bytes::find(rest.as_bytes(), QUOTE) {
        let (between, string) = rest.split_at_checked(quote)?;
        push_dense(&mut out, between)?;
        let end = string_end(string)?;
        let (string, behind) = string.split_at_checked(end)?;
        out.push_str(string);
        rest = behind;
    }
    push_dense(&mut out, rest)?;
    Some(out)
}

/// `None`: white space is all that keeps two values apart.
fn push_dense(out: &mut String, text: &str) -> Option<()> {
    let is_value = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
    let words = text.split([' ', '\n', '\r', '\t']);
    for word in words.filter(|word| !word.is_empty()) {
        let ends = out.bytes().next_back().is_some_and(is_value);
        let begins = word.bytes().next().is_some_and(is_value);
        if ends && begins {
            return None;
        }
        out.push_str(word);
    }
    Some(())
}

/// One past the closing quote of the string that `text` begins with.
fn string_end(text: &str) -> Option<usize> {
    let mut at = 1_usize;
    loop {
        let rest = text.as_bytes().get(at..)?;
        let special = bytes::find(rest, QUOTE_OR_ESCAPE)?;
        at = at.saturating_add(special);
        let is_quote = rest.get(special) == Some(&b'"');
        at = at.saturating_add(if is_quote { 1 } else { 2 });
        if is_quote {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocols::replay::parts::{is_json, text};

    #[test]
    fn white_space_goes_between_values_only() {
        for (json, wanted) in [
            (
                "{ \"a b\" :\n [1 , 2.5e3,\ttrue] ,\"c\\\" \\\\\": \" é \\n\" }\r\n",
                "{\"a b\":[1,2.5e3,true],\"c\\\" \\\\\":\" é \\n\"}",
            ),
            ("\"\"", "\"\""),
            (" 1 ", "1"),
            ("{}", "{}"),
        ] {
            assert_eq!(compact(json).as_deref(), Some(wanted));
        }
        for json in [
            "1 2",
            "\"a",
            "\"a\\\"",
            "[1 2]",
            "[true\nfalse]",
            "[1 .5]",
            "[- 1]",
        ] {
            assert_eq!(compact(json), None, "{json}");
        }
        // What is no JSON stays none.
        for json in [
            "",
            "{",
            "[1\u{c},2]",
            "[1\u{a0}]",
            "{\"a\" \"b\"}",
            "[1 \"b\"]",
        ] {
            assert!(!is_json(&compact(json).unwrap()), "{json}");
        }
    }

    #[test]
    fn pieces_are_texts_and_make_the_whole() {
        let signs = [
            "a",
            "é",
            "\\n",
            "\\u00e9",
            "\\ud83d\\ude00",
            "\\\\",
            "😀",
            "\\\"",
        ];
        for shift in 0..12 {
            let inside = "x".repeat(shift) + &signs.concat().repeat(200);
            let whole = text(&format!("\"{inside}\"")).unwrap().into_owned();
            let pieces: Vec<&str> = pieces(&inside).collect();
            assert!(pieces.len() > 2);
            assert!(pieces.iter().all(|piece| piece.len() < MAX_PIECE + 12));
            let texts = pieces
                .iter()
                .map(|piece| text(&format!("\"{piece}\"")).expect("a text").into_owned());
            assert_eq!(texts.collect::<String>(), whole);
        }
        assert_eq!(pieces("").count(), 0);
        assert_eq!(pieces("ab").collect::<Vec<_>>(), ["ab"]);
    }
}
