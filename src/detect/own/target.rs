/*! Where a text names the target of a link or an image, and whether that can lead to another
host: Markdown, HTML, style sheets. Targets within the same site cannot. */

use super::url::{SCHEMES, reference};

/// Most bytes of a target that are looked at, and of blanks before it.
const FRONT: usize = 64;

/// Where a link stands, which says what ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Anywhere.
    Text,
    /// Between round brackets.
    Round,
    /// Up to the next blank.
    Word,
    /// Between angle brackets.
    Angle,
    /// Up to this quotation mark.
    Quoted(u8),
}

/// What a byte says about a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing, or that there is none.
    Nothing,
    /// One that began here can lead to another host.
    Link(usize, Place),
}

/// Which targets count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// With any scheme, or without one.
    Any,
    /// With one of [`SCHEMES`], or without one.
    Known,
    /// Without a scheme: `//host`.
    Slashes,
}

/// Waits for a target, and looks at the front of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Target {
    state: State,
    /// The last bytes, to know `url(`.
    word: [u8; 3],
}

#[derive(Debug, Clone, Default)]
enum State {
    #[default]
    None,
    Waiting {
        place: Place,
        rule: Rule,
        blanks: usize,
    },
    Reading {
        place: Place,
        rule: Rule,
        start: usize,
        front: Vec<u8>,
    },
}

impl Target {
    /// Where the target begins that may be one.
    pub(super) const fn start(&self) -> Option<usize> {
        match self.state {
            State::Reading { start, .. } => Some(start),
            State::None | State::Waiting { .. } => None,
        }
    }

    /// Takes the byte at `at`, which follows `last`.
    pub(super) fn take(&mut self, last: u8, byte: u8, at: usize) -> Verdict {
        let verdict = self.go_on(byte, at);
        if let Some((place, rule)) = self.opened(last, byte) {
            self.state = State::Waiting {
                place,
                rule,
                blanks: 0,
            };
        }
        let [_, second, third] = self.word;
        self.word = [second, third, byte.to_ascii_lowercase()];
        verdict
    }

    /// Whether a target may follow `byte`.
    fn opened(&self, last: u8, byte: u8) -> Option<(Place, Rule)> {
        match (last, byte) {
            (b']', b'(') => Some((Place::Round, Rule::Any)),
            (b']', b':') => Some((Place::Word, Rule::Any)),
            (_, b'(') if self.word == *b"url" => Some((Place::Round, Rule::Known)),
            (_, b'=') => Some((Place::Word, Rule::Known)),
            (_, b'<') if !self.is_named(Rule::Any) => Some((Place::Angle, Rule::Known)),
            (_, b',') => Some((Place::Word, Rule::Slashes)),
            (_, b'"' | b'\'') if !self.is_named(Rule::Known) => Some((Place::Word, Rule::Slashes)),
            _ => None,
        }
    }

    /// Whether a target of this rule is waited for, which a bracket or quotation mark opens.
    fn is_named(&self, of: Rule) -> bool {
        matches!(self.state, State::Waiting { rule, .. } if rule == of)
    }

    fn go_on(&mut self, byte: u8, at: usize) -> Verdict {
        match &mut self.state {
            State::None => return Verdict::Nothing,
            State::Waiting { blanks, .. } if is_blank(byte) => {
                *blanks = blanks.saturating_add(1);
                if *blanks > FRONT {
                    self.state = State::None;
                }
                return Verdict::Nothing;
            }
            State::Waiting {
                place,
                rule: Rule::Any,
                ..
            } if byte == b'<' && *place != Place::Angle => {
                *place = Place::Angle;
                return Verdict::Nothing;
            }
            State::Waiting {
                place,
                rule: Rule::Known,
                ..
            } if matches!(byte, b'"' | b'\'' | b'`') && !matches!(place, Place::Quoted(_)) => {
                *place = Place::Quoted(byte);
                return Verdict::Nothing;
            }
            State::Waiting { place, rule, .. } => {
                self.state = State::Reading {
                    place: *place,
                    rule: *rule,
                    start: at,
                    front: Vec::new(),
                };
            }
            State::Reading { .. } => {}
        }
        self.read(byte)
    }

    fn read(&mut self, byte: u8) -> Verdict {
        let State::Reading {
            place,
            rule,
            start,
            front,
        } = &mut self.state
        else {
            return Verdict::Nothing;
        };
        let dropped = matches!(place, Place::Quoted(_)) && matches!(byte, b'\t' | b'\n' | b'\r');
        let is_link = if dropped {
            None
        } else if ends(*place, byte) {
            Some(*rule != Rule::Slashes && is_encoded(front))
        } else {
            front.push(byte);
            judge(front, *rule)
        };
        let verdict = Verdict::Link(*start, *place);
        match is_link {
            None => Verdict::Nothing,
            Some(is_link) => {
                self.state = State::None;
                if is_link { verdict } else { Verdict::Nothing }
            }
        }
    }
}

const fn is_blank(byte: u8) -> bool {
    byte <= b' ' || byte == 0x7f
}

fn ends(place: Place, byte: u8) -> bool {
    match place {
        Place::Quoted(quote) => byte == quote || byte == b' ',
        Place::Round => is_blank(byte) || byte == b')',
        Place::Angle | Place::Word | Place::Text => {
            is_blank(byte) || matches!(byte, b'<' | b'>' | b'"' | b'\'')
        }
    }
}

/// Whether a target with this front leads elsewhere, if that can be said.
fn judge(front: &[u8], rule: Rule) -> Option<bool> {
    let is_slash = |byte: &u8| matches!(byte, b'/' | b'\\');
    let slashes = front.iter().take_while(|byte| is_slash(byte)).count();
    if slashes == front.len() {
        return (slashes >= FRONT).then_some(true);
    }
    if slashes > 0 {
        return Some(slashes > 1);
    }
    let (last, before) = front.split_last()?;
    let encoded = || Some(rule != Rule::Slashes && is_encoded(front));
    match last {
        b':' => Some(match rule {
            Rule::Any => is_scheme(before),
            Rule::Known => is_known(before),
            Rule::Slashes => false,
        }),
        b'#' if before.last() == Some(&b'&') => None,
        b'/' | b'?' | b'#' => encoded(),
        _ if front.len() >= FRONT && is_cut(front) => Some(rule != Rule::Slashes),
        _ if front.len() >= FRONT => encoded(),
        _ => None,
    }
}

/// Backslashes are what Markdown takes away.
fn is_scheme(bytes: &[u8]) -> bool {
    let sign = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.\\".contains(byte);
    bytes.first().is_some_and(u8::is_ascii_alphabetic) && bytes.iter().all(sign)
}

fn is_known(bytes: &[u8]) -> bool {
    let letters = bytes.iter().filter(|byte| **byte != b'\\');
    let scheme: Vec<u8> = letters.map(u8::to_ascii_lowercase).collect();
    let mut schemes = SCHEMES.iter().map(|scheme| scheme.as_bytes());
    schemes.any(|known| known == scheme)
}

/// Whether character references hide letters, or signs that make a target lead elsewhere.
fn is_encoded(front: &[u8]) -> bool {
    let mut references = front.split(|byte| *byte == b'&').skip(1);
    references.any(|behind| {
        let digits = match behind {
            [b'#', b'x' | b'X', hex @ ..] => {
                2_usize.saturating_add(run(hex, u8::is_ascii_hexdigit))
            }
            [b'#', digits @ ..] => 1_usize.saturating_add(run(digits, u8::is_ascii_digit)),
            _ => 0,
        };
        // A name may be followed by anything where its semicolon is missing.
        let longest = run(behind, u8::is_ascii_alphanumeric);
        let lengths = if digits > 0 {
            digits..=digits
        } else {
            1..=longest
        };
        let mut names = lengths.filter_map(|length| behind.get(..length));
        names.any(|name| reference(name).is_some_and(is_telling))
    })
}

/// Whether a front ends within a numbered reference, which may have any number of zeros.
fn is_cut(front: &[u8]) -> bool {
    let digit = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b'x' | b'X');
    let mut before = front.iter().rev().skip_while(|byte| digit(byte));
    before.next() == Some(&b'#') && before.next() == Some(&b'&')
}

fn run(bytes: &[u8], of: fn(&u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| of(byte)).count()
}

const fn is_telling(sign: u8) -> bool {
    sign.is_ascii_alphanumeric() || matches!(sign, b'\t' | b'\n' | b'\r' | b'/' | b':' | b'\\')
}
