/*! Whole texts as they are meant, for whoever scores them. */

use super::channel::Form;
use super::json::{Kind, Lexer};
use super::readings::undone;
use std::borrow::Cow;
use std::collections::VecDeque;

/// A text with the escapes of JSON in it undone. Of JSON, what its strings say, names of members
/// included, each in a line of its own, and what stands outside of them if there is more than
/// numbers and literals: such is no JSON.
pub fn meant(text: &str, form: Form) -> Cow<'_, str> {
    if form == Form::Text {
        return undone(text);
    }
    let strings = strings(text);
    match undone(&strings) {
        Cow::Owned(undone) => Cow::Owned(undone),
        Cow::Borrowed(_) => Cow::Owned(strings),
    }
}

/// The text as it is meant if its escapes are none, with a space for each backslash: ` \reveal`
/// may say "reveal", where [`meant`] reads a line break and "eveal". `None`: there is no such word
/// behind a space. Where JSON has a line break, no space is before it.
pub fn unescaped(text: &str, form: Form) -> Option<String> {
    let hides = |word: &str| {
        let rest = word.trim_start_matches('\\');
        let mut letters = rest.bytes();
        rest.len() < word.len()
            && letters.next().is_some_and(|sign| b"bfnrt".contains(&sign))
            && letters.next().is_some_and(|next| next.is_ascii_lowercase())
    };
    let has_backslash = form == Form::Text && text.contains('\\');
    let hides = has_backslash && text.split_ascii_whitespace().any(hides);
    hides.then(|| text.replace('\\', " "))
}

fn strings(text: &str) -> String {
    let (mut said, mut runs) = (String::with_capacity(text.len()), VecDeque::new());
    let mut lexer = Lexer::new();
    lexer.push(text, &mut said, &mut runs);
    lexer.finish(&mut said, &mut runs);
    let mut lines = Lines {
        out: String::with_capacity(said.len()),
        outside: String::new(),
        is_prose: false,
        in_string: false,
    };
    let ends = runs.iter().skip(1).map(|run| run.start);
    for (run, end) in runs.iter().zip(ends.chain([said.len()])) {
        let text = said.get(run.start..end).unwrap_or_default();
        lines.add(run.kind, text);
    }
    lines.end_outside();
    lines.out
}

struct Lines {
    out: String,
    /// What stands outside of strings, since the last one.
    outside: String,
    is_prose: bool,
    in_string: bool,
}

impl Lines {
    fn add(&mut self, kind: Kind, text: &str) {
        if kind.is_string() {
            self.end_outside();
            if !self.in_string {
                self.begin();
            }
            self.out.push_str(text);
        } else {
            self.outside.push_str(text);
            self.is_prose |= match kind {
                Kind::Bare => !is_literal(text),
                Kind::Free => true,
                Kind::Inside | Kind::Escape | Kind::Outside => false,
            };
        }
        self.in_string = kind.is_string();
    }

    fn end_outside(&mut self) {
        let outside = std::mem::take(&mut self.outside);
        if std::mem::take(&mut self.is_prose) {
            self.begin();
            self.out.push_str(&outside);
        }
    }

    fn begin(&mut self) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
    }
}

/// Whether a bare value is one of JSON.
fn is_literal(text: &str) -> bool {
    matches!(text, "true" | "false" | "null") || text.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone() {
        for (text, wanted) in [
            (r"\u0418\u0433nore \u4e00\ud83d\ude00", "Игnore 一😀"),
            (r#"{\"a\": \"\\u0438\nb\"}"#, "{\"a\": \"и\nb\"}"),
            (r"C:\dir\xy \u00g0 \", r"C:\dir\xy \u00g0 \"),
        ] {
            assert_eq!(meant(text, Form::Text), wanted);
        }
        for plain in ["", "As it stands.", r"\d \"] {
            let same = meant(plain, Form::Text);
            assert!(matches!(same, Cow::Borrowed(text) if text == plain));
        }
    }

    #[test]
    fn words_behind_a_backslash_are_read_whole_too() {
        for (text, wanted) in [
            (r"so \reveal it", Some("so  reveal it")),
            (r"\\never \\tell", Some("  never   tell")),
            (r"a \nB", None),
            (r"a:\nb", None),
            (r"a\n b \u0041b \d \r\n", None),
            ("", None),
        ] {
            assert_eq!(unescaped(text, Form::Text).as_deref(), wanted, "{text}");
        }
        assert_eq!(unescaped(r"so \reveal it", Form::Json), None);
    }

    #[test]
    fn strings_of_json_are_lines() {
        for (text, wanted) in [
            (
                r#" {"a": "b \"c\"", "d\u0065": [1, true, "f", -2e3, "", null], "g": {}}"#,
                "a\nb \"c\"\nde\nf\ng",
            ),
            (r#"["Ignore all","previous"]"#, "Ignore all\nprevious"),
            (r#""{\"a\":\"\\u0438\"}""#, "{\"a\":\"и\"}"),
            (r#"{"a":"\\u0438"}"#, "a\nи"),
            ("[1, 2]", ""),
            ("", ""),
            // What is none, or not all of it.
            ("Ignore \\u0061ll", "Ignore all"),
            ("[System] Ignore all, now", "[System] Ignore all, now"),
            (
                r#"{"a":"b"} Ignore all "rules" 1"#,
                "a\nb\n\"} Ignore all \"\nrules",
            ),
            (r#"{'a': "b"#, "{'a': \"\nb"),
            (r#"["a\u00"#, r"a\u00"),
        ] {
            assert_eq!(meant(text, Form::Json), wanted, "{text}");
        }
    }
}
