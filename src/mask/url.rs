/*! Whether text is within a URL.

A placeholder within a URL stays: whoever can make a model write a link could otherwise
have the value sent to a host of theirs, by a click or as soon as an image is shown. So the
rule errs towards URLs: one begins behind two slashes of either kind, `http:`, `mailto:` and
other schemes, `www.`, a host with a path or a query, and `](`, and ends with white space, the
end of the Markdown link, or the quotation mark that it follows. */

use crate::detect::{LONGEST_REFERENCE, SCHEMES, reference};

/// Reads text byte by byte.
#[derive(Debug, Clone, Copy)]
pub(super) struct UrlWatch {
    tail: Tail,
    /// What the word that is being read follows.
    opener: Opener,
    /// Whether nothing but white space has come behind `opener`.
    fresh: bool,
    plain: Plain,
    link: Link,
    host: Host,
    reference: Reference,
}

/// The last eight bytes, in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tail {
    /// Without the tabs and line ends that browsers drop from URLs.
    joined: u64,
    /// As they are written: words end at the ends of lines.
    written: u64,
}

/// How far what was read last looks like the name of a host, with its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Host {
    /// Whether a full stop has come behind a label.
    dotted: bool,
    /// Length of the label that is being read, as far as it matters.
    length: u8,
    /// Whether that label has letters only, as top-level domains have.
    letters: bool,
    port: bool,
}

/// Schemes that prose has before a colon, too: they begin a URL only with slashes behind it.
const WORDS: [&str; 3] = ["file", "intent", "tel"];

/// A character reference of HTML that may have begun: `&#58;` is a colon.
#[derive(Debug, Clone, Copy)]
struct Reference {
    /// What stands behind `&`.
    name: [u8; LONGEST_REFERENCE],
    /// Length of that, if one has begun.
    length: Option<u8>,
    /// What came before it.
    tail: Tail,
    host: Host,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opener {
    Space,
    Quote(u8),
    /// The beginning of a text that is a value of its own.
    Literal,
}

/// A URL that is written as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plain {
    Outside,
    /// Up to white space.
    Word,
    /// Up to this quotation mark: white space in it is part of the URL.
    Quoted(u8),
    /// All of the text.
    Literal,
}

/// The destination of a Markdown link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Outside,
    Opened,
    Angle,
    Parens(u32),
    /// Behind a backslash.
    Escaped(u32),
}

impl UrlWatch {
    /// At the beginning of a text.
    pub(super) const fn new() -> Self {
        Self {
            tail: Tail::NONE,
            opener: Opener::Space,
            fresh: true,
            plain: Plain::Outside,
            link: Link::Outside,
            host: Host::NONE,
            reference: Reference::NONE,
        }
    }

    /// At the beginning of a text that is a value of its own, such as a string of JSON.
    pub(super) const fn of_literal() -> Self {
        Self {
            opener: Opener::Literal,
            ..Self::new()
        }
    }

    /// Whether the next byte belongs to a URL.
    pub(super) fn within(&self) -> bool {
        self.plain != Plain::Outside || self.link != Link::Outside
    }

    pub(super) fn step(&mut self, byte: u8) {
        if let Some(sign) = self.reference.ends(byte) {
            // What it means is read in its place.
            (self.tail, self.host) = (self.reference.tail, self.reference.host);
            self.step_sign(sign);
            if byte == b';' {
                return;
            }
        }
        if byte == b'&' {
            self.reference = Reference {
                length: Some(0),
                tail: self.tail,
                host: self.host,
                ..Reference::NONE
            };
        }
        self.step_sign(byte);
    }

    fn step_sign(&mut self, byte: u8) {
        self.tail.step(byte);
        self.step_link(byte);
        self.step_plain(byte);
        self.step_opener(byte);
        self.host.step(byte);
    }

    fn step_link(&mut self, byte: u8) {
        self.link = match (self.link, byte) {
            (Link::Outside, b'(') if self.ends(b"](") => Link::Opened,
            (Link::Opened, byte) if byte.is_ascii_whitespace() => Link::Opened,
            (Link::Outside, _) | (Link::Opened, b')') | (_, b'\n') => Link::Outside,
            (Link::Opened, b'<') => Link::Angle,
            (Link::Angle, b'>') => Link::Parens(1),
            (Link::Angle, _) => Link::Angle,
            (Link::Opened, b'\\') => Link::Escaped(1),
            (Link::Opened, b'(') => Link::Parens(2),
            (Link::Opened, _) => Link::Parens(1),
            // A URL in it goes on where Markdown sees no link: up to white space.
            (Link::Parens(1), b')') => Link::Outside,
            (Link::Parens(depth), b')') => Link::Parens(depth.saturating_sub(1)),
            (Link::Parens(depth), b'(') => Link::Parens(depth.saturating_add(1)),
            (Link::Parens(depth), b'\\') => Link::Escaped(depth),
            (Link::Parens(depth) | Link::Escaped(depth), _) => Link::Parens(depth),
        };
    }

    fn step_plain(&mut self, byte: u8) {
        self.plain = match self.plain {
            Plain::Outside if self.begins(byte) => match self.opener {
                Opener::Space => Plain::Word,
                Opener::Quote(quote) => Plain::Quoted(quote),
                Opener::Literal => Plain::Literal,
            },
            Plain::Word if byte.is_ascii_whitespace() => Plain::Outside,
            Plain::Quoted(quote) if byte == quote => Plain::Outside,
            same => same,
        };
    }

    fn begins(&self, byte: u8) -> bool {
        let slashes = || {
            let [.., before, _] = self.tail.joined.to_be_bytes();
            matches!(before, b'/' | b'\\')
        };
        match byte {
            b'/' | b'\\' => slashes() || self.host.is_whole(),
            b'?' | b'#' => self.host.is_whole(),
            b':' => {
                let mut schemes = SCHEMES.iter().filter(|scheme| !WORDS.contains(scheme));
                schemes.any(|scheme| self.is_behind(scheme))
            }
            b'.' => self.is_behind("www"),
            _ => false,
        }
    }

    fn step_opener(&mut self, byte: u8) {
        match byte {
            b'"' | b'\'' | b'`' => {
                self.opener = Opener::Quote(byte);
                self.fresh = true;
            }
            // White space around a URL in quotation marks is passed over by browsers.
            _ if byte.is_ascii_whitespace() && self.fresh => {}
            b'(' | b'<' | b'[' | b'{' | b'=' | b',' | b'|' => self.opener = Opener::Space,
            _ if byte.is_ascii_whitespace() => self.opener = Opener::Space,
            _ => self.fresh = false,
        }
    }

    /// Whether this word and one sign were read last; of a long one the end.
    fn is_behind(&self, word: &str) -> bool {
        let mut tails = [self.tail.joined, self.tail.written].into_iter();
        tails.any(|tail| ends_in_word(&tail.to_be_bytes(), word.as_bytes()))
    }

    fn ends(&self, with: &[u8]) -> bool {
        self.tail.joined.to_be_bytes().ends_with(with)
    }
}

/// Whether `tail` is a word and one sign; of a long one the end.
fn ends_in_word(tail: &[u8], word: &[u8]) -> bool {
    let Some((_, before)) = tail.split_last() else {
        return false;
    };
    match before.strip_suffix(word) {
        Some(before) => before
            .last()
            .is_none_or(|byte| !byte.is_ascii_alphanumeric()),
        None => word.len() > before.len() && word.ends_with(before),
    }
}

impl Tail {
    const NONE: Self = Self {
        joined: 0,
        written: 0,
    };

    fn step(&mut self, byte: u8) {
        let lower = u64::from(byte.to_ascii_lowercase());
        self.written = (self.written << 8) | lower;
        if !matches!(byte, b'\t' | b'\r' | b'\n') {
            self.joined = (self.joined << 8) | lower;
        }
    }
}

impl Reference {
    const NONE: Self = Self {
        name: [0; LONGEST_REFERENCE],
        length: None,
        tail: Tail::NONE,
        host: Host::NONE,
    };

    /// What it means, if it ends with or before `byte`.
    fn ends(&mut self, byte: u8) -> Option<u8> {
        let length = usize::from(self.length?);
        let name = self.name;
        let (name, _) = name.split_at_checked(length)?;
        // Any number of zeros may come first.
        if byte == b'0' && matches!(name, [b'#'] | [b'#', b'x' | b'X']) {
            return None;
        }
        let goes_on = match name {
            [] => byte == b'#' || byte.is_ascii_alphabetic(),
            [b'#'] => byte.is_ascii_digit() || matches!(byte, b'x' | b'X'),
            [b'#', b'x' | b'X', ..] => byte.is_ascii_hexdigit(),
            [b'#', ..] => byte.is_ascii_digit(),
            _ => byte.is_ascii_alphanumeric(),
        };
        if goes_on && let Some(place) = self.name.get_mut(length) {
            *place = byte;
            self.length = self.length.map(|length| length.saturating_add(1));
            return None;
        }
        let ended = byte == b';' || name.first() == Some(&b'#');
        let sign = ended.then(|| reference(name)).flatten();
        self.length = None;
        sign
    }
}

impl Host {
    const NONE: Self = Self {
        dotted: false,
        length: 0,
        letters: true,
        port: false,
    };

    fn is_whole(self) -> bool {
        self.port || (self.dotted && self.length > 1 && self.letters)
    }

    fn step(&mut self, byte: u8) {
        *self = match byte {
            b'.' => Self {
                dotted: self.dotted || self.length > 0,
                ..Self::NONE
            },
            b':' if self.is_whole() => Self {
                port: true,
                ..Self::NONE
            },
            b'0'..=b'9' if self.port => *self,
            b'-' | b'0'..=b'9' => self.longer(false),
            b'a'..=b'z' | b'A'..=b'Z' | 0x80.. if !self.port => self.longer(true),
            _ => Self::NONE,
        };
    }

    const fn longer(self, letter: bool) -> Self {
        Self {
            length: self.length.saturating_add(1),
            letters: self.letters && letter,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(mut watch: UrlWatch, text: &str) -> bool {
        text.bytes().for_each(|byte| watch.step(byte));
        watch.within()
    }

    #[test]
    fn urls_begin_and_end() {
        let inside = [
            "https://",
            "see https://evil.example/?q=",
            "HTTP:\\\\evil.example/",
            "(http:evil.example/",
            "<img src=//evil.example/?",
            "<img src=\"https://evil.example/? x\n",
            "<img src=' https://evil.example/? ",
            "/\\evil.example/",
            "www.evil.example?",
            "postgres://u:",
            "![x](",
            "![x]( ",
            "[x](<",
            "[x](<a b",
            "[x](a(b) c",
            "[x](a\\)",
            "[x](https://a.example/) https://b.example/",
            "https://a.example/(b)",
            "x](https://evil.example/?q=)",
            "\\[x](https://evil.example/?q=)",
            "[x](https://a.example/)",
            "<img src=\"http&colon;evil.example?",
            "http&#58;evil.example",
            "&sol;&sol;evil.example/?",
            "&#47;&#x2f;evil.example/?",
            "&#47&#47evil.example/?",
            "MAILTO&#x3A;x@evil.example?body=",
            "evil&period;example/?q=",
            "evil.example&quest;q=",
            "smsto:1?body=",
            "vbscript:x",
            "ws:evil.example",
            "https://a.example/>",
            "https://evil.example/?q=\"",
            "<img src=\"/\t/evil.example/?q=",
            "\"ht\ntps:/\n/evil.example/?q=",
            "evil.example/?q=",
            "see evil.example?q=",
            "evil.example:8080/",
            "[1]: evil.example/",
            "(evil.example#",
            "mailto:x@evil.example?body=",
            "javascript:",
            "Write here\nmailto:?to=x@evil.example&body=",
            "Text me\r\nsms:+15550100?body=",
            "me\nsmsto:",
            "me\txmpp:",
            "1\nsip:",
            "a\nskype:",
            "b\ndata:",
            "b\nwww.",
            "mailto&#0000000000000000058;?to=x@evil.example&body=",
            "mailto&#x00000000000000003A;?to=x@evil.example&body=",
            "mailto&#00000058?to=x@evil.example&body=",
        ];
        for text in inside {
            assert!(within(UrlWatch::new(), text), "{text}");
        }
        let outside = [
            "",
            "https://a.example/ ",
            "\"https://a.example/\"",
            "'https://a.example/?q= x'",
            "\"see https://a.example/ ",
            "[x](a(b)c)",
            "[x](<a>)",
            "[x](a\n",
            "a / b",
            "// ",
            "xwww.",
            "note: ",
            "and/or",
            "1.5/",
            "e.g./",
            "what.So? ",
            "a.b/",
            "see evil.example/ ",
            "[x] (",
            "mail: a",
            "Tel:",
            "news:",
            "metadata:",
            "a &amp; b",
            "&#58; x",
            "AT&T:",
            "met\nadat\na:b",
            "mailto&#0000;",
            "mailto&#x;",
        ];
        for text in outside {
            assert!(!within(UrlWatch::new(), text), "{text}");
        }
    }

    #[test]
    fn a_value_that_begins_with_a_url_is_one() {
        assert!(within(
            UrlWatch::of_literal(),
            "https://a.example/?q= x \" y"
        ));
        assert!(within(UrlWatch::of_literal(), " https://a.example/?q= "));
        assert!(!within(UrlWatch::of_literal(), "See https://a.example/ "));
        assert!(within(UrlWatch::of_literal(), "See https://a.example/"));
    }
}
