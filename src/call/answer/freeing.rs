/*! What a whole answer says of errors under a good status, freed of the operator's account while
it passes: a response that has failed says so, and a batch. */

use crate::bytes::{self, Set};
use crate::json::Reader;
use crate::protocols::redact_account;

/// Longest error that waits for its end, in bytes. A longer one goes on in pieces, each of them
/// freed.
const MAX_ERROR: usize = 64 * 1024;

/// Longest key of the outermost object that is looked at: `errors` with all of it escaped.
const LONGEST_KEY: usize = 36;

/// Whether the member of the outermost object with this key, as it is written, is an error.
fn is_error(key: &[u8]) -> bool {
    const NAMES: [&str; 2] = ["error", "errors"];
    if !key.contains(&b'\\') {
        return NAMES.iter().any(|name| name.as_bytes() == key);
    }
    let quoted = [b"\"", key, b"\""].concat();
    let read = Reader::new(&quoted, |_| None).and_then(|mut reader| Ok(reader.string()?.value()));
    read.is_ok_and(|name| NAMES.contains(&name.as_ref()))
}

/// Follows one answer through any cuts; only its errors wait until they are whole. Lengths stay.
#[derive(Debug, Default)]
pub(super) struct Freeing {
    scan: Scan,
    /// What has come of the error.
    held: Vec<u8>,
}

impl Freeing {
    /// What goes on of the next piece; `None`: that piece as it is.
    pub(super) fn push(&mut self, piece: &[u8], end: bool) -> Option<Vec<u8>> {
        let before = match self.scan.is_inside() {
            true => 0,
            false => self.scan.run(piece),
        };
        if !self.scan.is_inside() {
            return None;
        }
        let (front, mut rest) = piece.split_at_checked(before).unwrap_or_default();
        let mut out = front.to_vec();
        while self.scan.is_inside() {
            let inside = self.scan.run(rest);
            let (error, behind) = rest.split_at_checked(inside).unwrap_or_default();
            self.held.extend_from_slice(error);
            let goes_on = self.scan.is_inside();
            if end || !goes_on || self.held.len() > MAX_ERROR {
                redact_account(&mut self.held);
                out.append(&mut self.held);
            }
            if goes_on {
                return Some(out);
            }
            let outside = self.scan.run(behind);
            let passes = if self.scan.is_inside() {
                outside
            } else {
                behind.len()
            };
            let (passed, more) = behind.split_at_checked(passes).unwrap_or_default();
            out.extend_from_slice(passed);
            rest = more;
        }
        Some(out)
    }

    /// Bytes that wait for the end of the error.
    pub(super) const fn waiting(&self) -> usize {
        self.held.len()
    }
}

/// Finds errors in text that comes in pieces. What is no JSON has none, or ends where it ends.
#[derive(Debug, Default)]
struct Scan {
    at: At,
    depth: u32,
    /// Whether the next string is a key of the outermost object.
    key_next: bool,
    /// The front of the latest of these keys.
    key: Vec<u8>,
    value: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum At {
    /// Outside strings.
    #[default]
    Plain,
    /// Inside of one.
    String { key: bool, escape: bool },
}

/// How far the error has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Value {
    #[default]
    Before,
    /// Its name has come.
    Next,
    Inside,
    /// The text is over, or there can be none.
    Over,
}

impl Scan {
    fn is_inside(&self) -> bool {
        self.value == Value::Inside
    }

    /// Goes on to where the error begins or ends; how many bytes that are.
    fn run(&mut self, piece: &[u8]) -> usize {
        let was_inside = self.is_inside();
        let mut rest = piece;
        while self.value != Value::Over && self.is_inside() == was_inside {
            if self.at == TEXT {
                let end = bytes::find(rest, Set::of([b'"', b'\\']));
                rest = rest.get(end.unwrap_or(rest.len())..).unwrap_or_default();
            }
            let Some((byte, after)) = rest.split_first() else {
                break;
            };
            self.step(*byte);
            rest = after;
        }
        piece.len().saturating_sub(rest.len())
    }

    fn step(&mut self, byte: u8) {
        match self.at {
            At::Plain => self.plain(byte),
            At::String { key, escape: true } => {
                self.at = At::String { key, escape: false };
                self.note(byte, key);
            }
            At::String { key, .. } => self.string(byte, key),
        }
    }

    fn string(&mut self, byte: u8, key: bool) {
        match byte {
            b'"' => {
                self.at = At::Plain;
                if key {
                    self.value = match is_error(&self.key) {
                        true => Value::Next,
                        false => Value::Before,
                    };
                } else {
                    self.ended();
                }
            }
            b'\\' => self.at = At::String { key, escape: true },
            _ => {}
        }
        self.note(byte, key);
    }

    /// Takes note of a byte of a key. One more than the names have tells longer ones from them.
    fn note(&mut self, byte: u8, key: bool) {
        if key && self.key.len() <= LONGEST_KEY {
            self.key.push(byte);
        }
    }

    fn plain(&mut self, byte: u8) {
        match byte {
            b'"' if self.key_next => {
                self.key_next = false;
                self.key.clear();
                self.at = At::String {
                    key: true,
                    escape: false,
                };
            }
            b'"' => {
                self.began();
                self.at = TEXT;
            }
            b'{' | b'[' => {
                self.began();
                self.key_next = self.depth == 0 && byte == b'{';
                self.depth = self.depth.saturating_add(1);
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.ended();
            }
            b',' if self.depth == 1 => {
                // A number or a word is over without a sign of its own.
                if self.value == Value::Next {
                    self.value = Value::Before;
                }
                self.key_next = true;
            }
            _ => {}
        }
        if self.depth == 0 && !byte.is_ascii_whitespace() {
            self.value = Value::Over;
        }
    }

    /// A value begins.
    fn began(&mut self) {
        if self.value == Value::Next {
            self.value = Value::Inside;
        }
    }

    /// A value has ended.
    fn ended(&mut self) {
        if self.is_inside() && self.depth == 1 {
            self.value = Value::Before;
        }
    }
}

/// In a string that is no key.
const TEXT: At = At::String {
    key: false,
    escape: false,
};

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "org-1234567890abc";
    const HIDDEN: &str = "org-*************";

    fn freed(pieces: &[&str]) -> String {
        let mut freeing = Freeing::default();
        let mut out = String::new();
        for (index, piece) in pieces.iter().enumerate() {
            let new = freeing.push(piece.as_bytes(), index + 1 == pieces.len());
            let new = new.map(|new| String::from_utf8(new).unwrap());
            out.push_str(new.as_deref().unwrap_or(piece));
        }
        assert_eq!(freeing.waiting(), 0);
        out
    }

    #[test]
    fn regression_errors_alone_are_freed_and_all_of_them_over_every_cut() {
        for (text, wanted) in [
            (
                r#" { "a" : "@", "error" : { "x" : ["}\"", "@"] } , "b" : "@" } "#,
                r#" { "a" : "@", "error" : { "x" : ["}\"", "%"] } , "b" : "@" } "#,
            ),
            (
                r#"{"error":"\\@\"@","b":"@"}"#,
                r#"{"error":"\\%\"%","b":"@"}"#,
            ),
            (r#"{"error":null,"b":"@"}"#, r#"{"error":null,"b":"@"}"#),
            (r#"{"error":7,"b":"@"}"#, r#"{"error":7,"b":"@"}"#),
            (
                r#"{"errors":"@","error":null,"a":"@","error":"@","errors":[{"@":7}]}"#,
                r#"{"errors":"%","error":null,"a":"@","error":"%","errors":[{"%":7}]}"#,
            ),
            (
                r#"{"\u0065rror":"@","errorsome":"@"}"#,
                r#"{"\u0065rror":"%","errorsome":"@"}"#,
            ),
            (
                r#"{"error\"":"@","erro":"@"}"#,
                r#"{"error\"":"@","erro":"@"}"#,
            ),
            (
                r#"{"a":{"error":"@"},"b":["error","@"]}"#,
                r#"{"a":{"error":"@"},"b":["error","@"]}"#,
            ),
            (r#"["error","@"]"#, r#"["error","@"]"#),
            (r#""error" @"#, r#""error" @"#),
            (r#"error: {"error":"@"}"#, r#"error: {"error":"@"}"#),
            (r#"{"error":["@"#, r#"{"error":["%"#),
            ("", ""),
        ] {
            let text = text.replace('@', ID);
            let wanted = wanted.replace('@', ID).replace('%', HIDDEN);
            for cut in 0..=text.len() {
                let (front, back) = text.split_at(cut);
                assert_eq!(freed(&[front, back]), wanted, "{cut} of {text}");
            }
        }
    }

    #[test]
    fn long_errors_are_not_held() {
        let mut freeing = Freeing::default();
        let long = format!(r#"{{"error":"{ID} {}"#, "a".repeat(MAX_ERROR));
        let new = freeing.push(long.as_bytes(), false).unwrap();
        assert_eq!(String::from_utf8(new).unwrap(), long.replace(ID, HIDDEN));
        assert_eq!(freeing.waiting(), 0);
        let rest = format!(r#"{ID}","b":"{ID}"}}"#);
        let new = freeing.push(rest.as_bytes(), true).unwrap();
        let wanted = format!(r#"{HIDDEN}","b":"{ID}"}}"#);
        assert_eq!(String::from_utf8(new).unwrap(), wanted);
    }
}
