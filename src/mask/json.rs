/*! JSON in pieces: what its strings say, and how that is written.

Text is cut into runs: outside of values, within a string, an escape, a bare value such as a
number. What is no JSON is read all the same: escapes that there are not stand for
themselves. */

use std::collections::VecDeque;

/// A part of the text, up to the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) kind: Kind,
    /// Where it begins in what the text says, in bytes.
    pub(super) start: usize,
    /// Where it begins in the text as it is written, in bytes.
    pub(super) raw: usize,
    /// Whether it is in the name of a member of an object.
    pub(super) key: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Quotation marks, brackets, commas, white space.
    Outside,
    /// Within a string.
    Inside,
    /// One escape of a string: one character, which is written otherwise.
    Escape,
    /// A number, `true`, or whatever else stands without quotation marks.
    Bare,
    /// Text that is no JSON.
    Free,
}

impl Kind {
    /// Whether it belongs to a string.
    pub(super) const fn is_string(self) -> bool {
        matches!(self, Self::Inside | Self::Escape)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Outside,
    String,
    Bare,
    Free,
}

/// Reads JSON in pieces.
#[derive(Debug)]
pub(super) struct Lexer {
    state: State,
    nesting: Nesting,
    /// An escape whose end has not come; part of the text as it is written.
    pending: String,
    /// Bytes read so far: of what the text says, and as it is written.
    said: usize,
    raw: usize,
}

/// Which strings are names of members.
#[derive(Debug)]
struct Nesting {
    /// What is open, one bit each, the innermost the lowest: whether it is an object. Of what is
    /// deeper than these bits the outermost are taken for lists.
    objects: u128,
    /// Whether a string that begins now is a name.
    key_next: bool,
}

/// What an escape stands for.
pub(super) enum Escape {
    /// So many bytes stand for this.
    Known(char, usize),
    /// It depends on what comes.
    Open,
    Unknown,
}

impl Lexer {
    pub(super) const fn new() -> Self {
        Self {
            state: State::Start,
            nesting: Nesting {
                objects: 0,
                key_next: false,
            },
            pending: String::new(),
            said: 0,
            raw: 0,
        }
    }

    /// Bytes of what has been read, by what they say.
    pub(super) const fn said(&self) -> usize {
        self.said
    }

    /// Bytes of what has been read, as they are written.
    pub(super) const fn raw(&self) -> usize {
        self.raw
    }

    /// Whether a bare value may go on.
    pub(super) fn in_bare(&self) -> bool {
        self.state == State::Bare
    }

    /// Takes the next piece; adds what it says, and its runs.
    pub(super) fn push(&mut self, piece: &str, said: &mut String, runs: &mut VecDeque<Run>) {
        if self.pending.is_empty() {
            let read = self.read(piece, said, runs);
            self.pending.push_str(piece.get(read..).unwrap_or_default());
            return;
        }
        let mut text = std::mem::take(&mut self.pending);
        text.push_str(piece);
        let read = self.read(&text, said, runs);
        text.drain(..read.min(text.len()));
        self.pending = text;
    }

    /// Takes the end of the text.
    pub(super) fn finish(&mut self, said: &mut String, runs: &mut VecDeque<Run>) {
        let rest = std::mem::take(&mut self.pending);
        self.add(Kind::Inside, &rest, said, runs);
        if self.state == State::Bare {
            self.state = State::Outside;
        }
    }

    /// Reads up to an escape whose end is not there.
    fn read(&mut self, text: &str, said: &mut String, runs: &mut VecDeque<Run>) -> usize {
        let mut rest = text;
        while let Some(&byte) = rest.as_bytes().first() {
            let read = match self.state {
                State::Start => self.start(byte, rest, said, runs),
                State::Free => self.add(Kind::Free, rest, said, runs),
                State::Outside => self.outside(byte, rest, said, runs),
                State::Bare => {
                    let length = length_of(rest, |byte| !is_bare(byte));
                    if length < rest.len() {
                        self.state = State::Outside;
                    }
                    self.add(Kind::Bare, head(rest, length), said, runs)
                }
                State::String => self.string(byte, rest, said, runs),
            };
            let Some(behind) = rest.get(read..).filter(|_| read > 0 || self.moves(rest)) else {
                break;
            };
            rest = behind;
        }
        text.len().saturating_sub(rest.len())
    }

    /// Whether reading goes on though nothing was read: the state is another one.
    fn moves(&self, rest: &str) -> bool {
        !(self.state == State::String && rest.starts_with('\\'))
    }

    fn start(
        &mut self,
        byte: u8,
        rest: &str,
        said: &mut String,
        runs: &mut VecDeque<Run>,
    ) -> usize {
        let length = length_of(rest, |byte| !is_space(byte));
        if length == 0 {
            let json = matches!(byte, b'{' | b'[' | b'"');
            self.state = if json { State::Outside } else { State::Free };
        }
        self.add(Kind::Outside, head(rest, length), said, runs)
    }

    fn outside(
        &mut self,
        byte: u8,
        rest: &str,
        said: &mut String,
        runs: &mut VecDeque<Run>,
    ) -> usize {
        if byte == b'"' {
            self.state = State::String;
            return self.add(Kind::Outside, "\"", said, runs);
        }
        let length = length_of(rest, |byte| byte == b'"' || is_bare(byte));
        if length == 0 {
            self.state = State::Bare;
        }
        let between = head(rest, length);
        between.bytes().for_each(|byte| self.nesting.read(byte));
        self.add(Kind::Outside, between, said, runs)
    }

    fn string(
        &mut self,
        byte: u8,
        rest: &str,
        said: &mut String,
        runs: &mut VecDeque<Run>,
    ) -> usize {
        match byte {
            b'"' => {
                self.state = State::Outside;
                self.add(Kind::Outside, "\"", said, runs)
            }
            b'\\' => match escape(rest) {
                Escape::Known(c, length) => {
                    self.run(Kind::Escape, runs);
                    said.push(c);
                    self.said = self.said.saturating_add(c.len_utf8());
                    self.raw = self.raw.saturating_add(length);
                    length
                }
                Escape::Open => 0,
                Escape::Unknown => self.add(Kind::Inside, "\\", said, runs),
            },
            _ => {
                let length = length_of(rest, |byte| matches!(byte, b'"' | b'\\'));
                self.add(Kind::Inside, head(rest, length), said, runs)
            }
        }
    }

    /// Adds text that says what is written.
    fn add(
        &mut self,
        kind: Kind,
        text: &str,
        said: &mut String,
        runs: &mut VecDeque<Run>,
    ) -> usize {
        if !text.is_empty() {
            self.run(kind, runs);
            said.push_str(text);
            self.said = self.said.saturating_add(text.len());
            self.raw = self.raw.saturating_add(text.len());
        }
        text.len()
    }

    fn run(&self, kind: Kind, runs: &mut VecDeque<Run>) {
        if kind == Kind::Escape || runs.back().is_none_or(|run| run.kind != kind) {
            runs.push_back(Run {
                kind,
                start: self.said,
                raw: self.raw,
                key: kind.is_string() && self.nesting.key_next,
            });
        }
    }
}

impl Nesting {
    /// Reads a byte outside of values.
    fn read(&mut self, byte: u8) {
        match byte {
            b'{' | b'[' => {
                self.key_next = byte == b'{';
                self.objects = (self.objects << 1) | u128::from(self.key_next);
            }
            b'}' | b']' => self.objects >>= 1,
            b',' => self.key_next = self.objects & 1 == 1,
            b':' => self.key_next = false,
            _ => {}
        }
    }
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

const fn is_bare(byte: u8) -> bool {
    !is_space(byte) && !matches!(byte, b'{' | b'}' | b'[' | b']' | b',' | b':' | b'"')
}

fn head(text: &str, length: usize) -> &str {
    text.get(..length).unwrap_or_default()
}

/// Bytes before the first that `ends`, which is an ASCII one.
fn length_of(text: &str, ends: impl Fn(u8) -> bool) -> usize {
    let mut bytes = text.bytes();
    bytes.position(ends).unwrap_or(text.len())
}

/// Reads the escape that `text` begins with. A half of a surrogate pair stands for U+FFFD.
pub(super) fn escape(text: &str) -> Escape {
    let Some(sign) = text.as_bytes().get(1) else {
        return Escape::Open;
    };
    let c = match sign {
        b'"' | b'\\' | b'/' => char::from(*sign),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return code(text),
        _ => return Escape::Unknown,
    };
    Escape::Known(c, 2)
}

/// `\uXXXX`, or two of them.
fn code(text: &str) -> Escape {
    let unit = match unit(text) {
        Unit::Known(unit) => unit,
        Unit::Open => return Escape::Open,
        Unit::None => return Escape::Unknown,
    };
    let half = Escape::Known(char::REPLACEMENT_CHARACTER, 6);
    if !(0xd800..0xdc00).contains(&unit) {
        return char::from_u32(unit).map_or(half, |c| Escape::Known(c, 6));
    }
    match self::unit(text.get(6..).unwrap_or_default()) {
        Unit::Open => Escape::Open,
        Unit::Known(low @ 0xdc00..=0xdfff) => {
            let [high, low] = [unit, low].map(|unit| unit & 0x3ff);
            let c = char::from_u32(0x1_0000_u32.saturating_add((high << 10) | low));
            c.map_or(half, |c| Escape::Known(c, 12))
        }
        Unit::Known(_) | Unit::None => half,
    }
}

enum Unit {
    Known(u32),
    Open,
    None,
}

/// The `\uXXXX` that `text` begins with.
fn unit(text: &str) -> Unit {
    let bytes = text.as_bytes();
    let form = b"\\u";
    let known = bytes.iter().zip(form).all(|(byte, form)| byte == form);
    let digits = bytes.get(2..).unwrap_or_default();
    let mut unit = 0_u32;
    for digit in digits.iter().take(4) {
        match char::from(*digit).to_digit(16) {
            Some(digit) => unit = (unit << 4) | digit,
            None => return Unit::None,
        }
    }
    match () {
        () if !known => Unit::None,
        () if digits.len() < 4 => Unit::Open,
        () => Unit::Known(unit),
    }
}

/// Writes text as a part of a JSON string.
pub(super) fn escaped(text: &str, out: &mut String) {
    use std::fmt::Write as _;
    for c in text.chars() {
        // Writing to a string can't fail.
        let _ = match c {
            '"' | '\\' => {
                out.push('\\');
                out.write_char(c)
            }
            '\n' => out.write_str("\\n"),
            '\r' => out.write_str("\\r"),
            '\t' => out.write_str("\\t"),
            c if c < ' ' => write!(out, "\\u{:04x}", u32::from(c)),
            c => out.write_char(c),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&str]) -> (String, Vec<Run>) {
        let mut lexer = Lexer::new();
        let mut said = String::new();
        let mut runs = VecDeque::new();
        for piece in pieces {
            lexer.push(piece, &mut said, &mut runs);
        }
        lexer.finish(&mut said, &mut runs);
        (said, runs.into())
    }

    #[test]
    fn strings_say_what_their_escapes_stand_for() {
        let cases = [
            (r#"{"a":"b\u0040c"}"#, r#"{"a":"b@c"}"#),
            (
                r#"["\ud83d\ude00\n\t\\\"\/\b\f\r"]"#,
                "[\"😀\n\t\\\"/\u{8}\u{c}\r\"]",
            ),
            (r#"["\ud83dx\ude00"]"#, "[\"\u{fffd}x\u{fffd}\"]"),
            (r#"["\ud83d\u0041"]"#, "[\"\u{fffd}A\"]"),
            (r#"["\a\u00g0\u"]"#, r#"["\a\u00g0\u"]"#),
            (r#"["\u004"#, r#"["\u004"#),
            (r#"["\"#, r#"["\"#),
            (r#" "\u0041""#, " \"A\""),
            (r"plain \u0041", r"plain \u0041"),
            (r#"{"a":\u0041}"#, r#"{"a":\u0041}"#),
            ("", ""),
        ];
        for (text, wanted) in cases {
            let whole = read(&[text]);
            assert_eq!(whole.0, wanted, "{text}");
            for cut in (0..=text.len()).filter(|cut| text.is_char_boundary(*cut)) {
                let (a, b) = text.split_at(cut);
                assert_eq!(read(&[a, b]), whole, "{cut} of {text}");
            }
            let mut buffer = [0; 4];
            let mut lexer = Lexer::new();
            let (mut said, mut runs) = (String::new(), VecDeque::new());
            for c in text.chars() {
                lexer.push(c.encode_utf8(&mut buffer), &mut said, &mut runs);
            }
            lexer.finish(&mut said, &mut runs);
            assert_eq!((said, Vec::from(runs)), whole);
        }
    }

    #[test]
    fn runs_tell_values_apart() {
        let (_, runs) = read(&[r#"{"k\n":-12,"":true}"#]);
        let kinds: Vec<_> = runs
            .iter()
            .map(|run| (run.kind, run.start, run.raw))
            .collect();
        let wanted = [
            (Kind::Outside, 0, 0),
            (Kind::Inside, 2, 2),
            (Kind::Escape, 3, 3),
            (Kind::Outside, 4, 5),
            (Kind::Bare, 6, 7),
            (Kind::Outside, 9, 10),
            (Kind::Bare, 13, 14),
            (Kind::Outside, 17, 18),
        ];
        assert_eq!(kinds, wanted);
    }

    #[test]
    fn names_of_members_are_told_from_values() {
        let deep = format!(r#"{{"K":{}"v"{},"K":"v"}}"#, "[".repeat(60), "]".repeat(60));
        let texts = [
            r#""v""#,
            r#"["v","v"]"#,
            r#" { "K" : "v" , "K
" : [ "v" , { "K" : 1 , "K" : { } , "K" : "v" } , "v" ] , "K" : "v" }"#,
            r#"{"K":{"K":{"K":["v",["v"],"v"],"K":"v"},"K":"v"},"K":[[],{},"v"],"K":""}"#,
            &deep,
        ];
        for text in texts {
            for pieces in [vec![text], text.split_inclusive(|_: char| true).collect()] {
                let (said, runs) = read(&pieces);
                let mut strings = 0;
                for run in runs.iter().filter(|run| run.kind == Kind::Inside) {
                    assert_eq!(
                        run.key,
                        said[run.start..].starts_with('K'),
                        "{run:?} {text}"
                    );
                    strings += 1;
                }
                assert_eq!(strings, text.matches(['K', 'v']).count());
            }
        }
    }

    #[test]
    fn what_is_written_is_valid() {
        let mut out = String::from("\"");
        escaped("a\"b\\c\nd\u{1}é", &mut out);
        out.push('"');
        assert_eq!(
            serde_json::from_str::<String>(&out).unwrap(),
            "a\"b\\c\nd\u{1}é"
        );
    }
}
