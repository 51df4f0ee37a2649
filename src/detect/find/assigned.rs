/*! Values of names such as `password`, `api_key` or `clientSecret`: random ones, whatever
their form. */

use super::super::context::{REACH, left};
use super::super::entity::Entity;
use super::super::view::{at, part, run, run_back};
use super::token::is_random;
use super::{Candidate, Region, Weight};

/// Longest value in quotes, in bytes.
pub(in super::super) const LONGEST: usize = 256;

/// From this length on, a random value is a key, whatever words are in it.
const LONG: usize = 32;

/// Shortest value without quotes, in bytes.
const SHORTEST: usize = 8;

/// Most signs between a name and its value.
const MOST_SIGNS: usize = 16;

/// Names that alone say that their value is a secret.
const STRONG: [&[u8]; 14] = [
    b"password",
    b"passwd",
    b"passphrase",
    b"pwd",
    b"secret",
    b"token",
    b"apikey",
    b"accesskey",
    b"privatekey",
    b"credential",
    b"authkey",
    b"signingkey",
    b"encryptionkey",
    b"bearer",
];

/// Names that often do.
const WEAK: [&[u8]; 6] = [b"key", b"auth", b"creds", b"pass", b"hmac", b"pw"];

/// Names with one of the above in them that mean something else.
const OTHER: [&[u8]; 16] = [
    b"credentialsid",
    b"length",
    b"pubkey",
    b"keyvault",
    b"publickey",
    b"primarykey",
    b"foreignkey",
    b"keyword",
    b"keyboard",
    b"author",
    b"tokenizer",
    b"passenger",
    b"keyid",
    b"tokens",
    b"monkey",
    b"keystone",
];

/// How sure a name makes that its value is a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Strong,
    Weak,
}

/// Whether what stands at `end` is assigned to a name that says it is a secret.
pub(in super::super) fn is_assigned(text: &str, end: usize) -> bool {
    may_be_assigned(text.as_bytes(), end) && name_of(left(text, end)).is_some()
}

/// What nearly every place fails that [`name_of`] finds nothing at: told by the few bytes
/// before it.
fn may_be_assigned(bytes: &[u8], end: usize) -> bool {
    // The signs, and three bytes before them.
    let near = part(bytes, end.saturating_sub(MOST_SIGNS.saturating_add(3)), end);
    let from = run_back(near, near.len(), is_glue);
    let (front, signs) = near.split_at_checked(from).unwrap_or_default();
    let option = || {
        let upto = end.saturating_sub(signs.len());
        let reach = REACH.saturating_sub(signs.len());
        let name = part(bytes, upto.saturating_sub(reach), upto);
        let start = run_back(name, name.len(), part_of_name);
        start == 0 || part(name, start, name.len()).starts_with(b"--")
    };
    let named = front
        .last()
        .is_some_and(|last| part_of_name(*last) || last.is_ascii_whitespace());
    match signs {
        _ if !named => false,
        _ if signs.iter().any(|sign| b"=:>".contains(sign)) => true,
        [b'"', b',', ..] => true,
        _ if ends_with(front, b" is") => true,
        [b' '] => ends_with(front, b"rer") || option(),
        [b' ', b'"' | b'\''] => option(),
        _ => false,
    }
}

pub(super) fn find(region: &Region<'_>, found: &mut Vec<Candidate>) {
    let bytes = region.bytes();
    if region.quoted {
        if let Some(name) = name_of(region.left(0)) {
            push(bytes, 0, quoted_end(bytes), (name, true), found);
        }
        return;
    }
    let mut value = Value::default();
    value.look(bytes, 0);
    let first = value.may_be_secret().then(|| name_of(region.left(0)));
    match first.flatten() {
        Some(name) => push(bytes, 0, value.end, (name, false), found),
        None => find_of_user(region, found),
    }
    let mut sign = 0;
    while sign < bytes.len() {
        sign = run(bytes, sign, |byte| !matches!(byte, b'=' | b':'));
        let start = run(bytes, sign, |byte| b"=:>".contains(&byte));
        // Behind `:=` and `=>`, and behind the first of two signs that differ.
        let from = sign;
        sign = start.max(sign.saturating_add(1));
        value.look(bytes, start);
        let named = from < start && start < bytes.len() && value.may_be_secret();
        if let Some(name) = named.then(|| name_of(region.left(start))).flatten() {
            push(bytes, start, value.end, (name, false), found);
        }
    }
}

/// A value without quotes, up to what ends it.
#[derive(Debug, Default)]
struct Value {
    start: usize,
    end: usize,
    /// The first digit from `start` on.
    digit: usize,
    /// Up to where nothing ends it; the same without the marks of a sentence.
    stop: usize,
    stop_end: usize,
    /// The last `=` before `stop`.
    last_equals: usize,
    /// The first `&`; the same without the marks of a sentence.
    next: usize,
    next_end: usize,
}

impl Value {
    /// Goes on to the value at `start`; starts only grow.
    fn look(&mut self, bytes: &[u8], start: usize) {
        self.start = start;
        if start >= self.stop {
            self.stop = run(bytes, start, |byte| {
                !matches!(byte, b' ' | b'\\' | b'(' | b')')
            });
            let value = part(bytes, start, self.stop);
            let equals = value.iter().rposition(|byte| *byte == b'=');
            self.last_equals = equals.map_or(0, |equals| start.saturating_add(equals));
            self.stop_end = run_back(bytes, self.stop, is_mark);
        }
        if start >= self.digit {
            self.digit = run(bytes, start, |byte| !byte.is_ascii_digit());
        }
        if start >= self.next {
            self.next = run(bytes, start, |byte| byte != b'&');
            self.next_end = run_back(bytes, self.next, is_mark);
        }
        // In a query or a form, the next name follows.
        let fields = self.next < self.stop && self.last_equals > self.next;
        let end = if fields { self.next_end } else { self.stop_end };
        self.end = end.max(start);
    }

    /// A secret without quotes has eight bytes and a digit.
    const fn may_be_secret(&self) -> bool {
        let length = self.end.saturating_sub(self.start);
        length >= SHORTEST && length <= LONGEST && self.digit < self.end
    }
}

/// `curl -u name:password`.
fn find_of_user(region: &Region<'_>, found: &mut Vec<Candidate>) {
    let bytes = region.bytes();
    let flagged = region.left(0).trim_ascii_end();
    let flagged = flagged
        .strip_suffix(b"\"")
        .unwrap_or(flagged)
        .trim_ascii_end();
    if !is_flag(flagged) {
        return;
    }
    let colon = run(bytes, 0, |byte| byte != b':');
    let start = colon.saturating_add(1);
    let mut value = Value::default();
    value.look(bytes, start);
    let end = value.end;
    let value = part(bytes, start, end);
    if value.len() > 5 && at(value, 0) != b'$' && value.iter().any(u8::is_ascii_digit) {
        found.push(candidate(start, end));
    }
}

fn push(
    bytes: &[u8],
    start: usize,
    end: usize,
    (name, quoted): (Name, bool),
    found: &mut Vec<Candidate>,
) {
    if is_secret(part(bytes, start, end), name, quoted) {
        found.push(candidate(start, end));
    }
}

const fn candidate(start: usize, end: usize) -> Candidate {
    Candidate {
        entity: Entity::SecretValue,
        start,
        end,
        weight: Weight::Words,
    }
}

/// A quote that was escaped leaves its backslash.
fn quoted_end(bytes: &[u8]) -> usize {
    run_back(bytes, bytes.len(), |byte| byte == b'\\')
}

const fn is_mark(byte: u8) -> bool {
    matches!(byte, b'.' | b'!' | b'?' | b':' | b'*')
}

/// `-u` or `--user` of a command.
fn is_flag(left: &[u8]) -> bool {
    ends_with(left, b" -u") || ends_with(left, b" --user")
}

/// `--api-key`: an option whose value follows.
fn is_option(left: &[u8]) -> bool {
    let start = run_back(left, left.len(), part_of_name);
    left.get(start..)
        .is_some_and(|name| name.starts_with(b"--"))
}

const fn part_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// `db_pass`, but not `bypass`.
fn is_password(name: &[u8]) -> bool {
    let mut parts = name.rsplit(|byte| matches!(byte, b'_' | b'-' | b'.'));
    parts
        .next()
        .is_some_and(|last| last.eq_ignore_ascii_case(b"pass") || last.eq_ignore_ascii_case(b"pw"))
}

/// Whether `bytes` end with `word`, which is in lower case, in either case.
fn ends_with(bytes: &[u8], word: &[u8]) -> bool {
    without_end(bytes, word).is_some()
}

fn without_end<'b>(bytes: &'b [u8], word: &[u8]) -> Option<&'b [u8]> {
    let (front, end) = bytes.split_at_checked(bytes.len().checked_sub(word.len())?)?;
    end.eq_ignore_ascii_case(word).then_some(front)
}

/// The kind of the name to which the text after `left` is assigned.
fn name_of(left: &[u8]) -> Option<Name> {
    let glue = run_back(left, left.len(), is_glue);
    let (front, signs) = left.split_at_checked(glue)?;
    let (name, is) = match without_end(front, b" is") {
        Some(name) => (name, true),
        None => (front, false),
    };
    let assigns = is
        || signs.iter().any(|sign| b"=:>".contains(sign))
        || signs.starts_with(b"\", \"")
        || (matches!(signs, b" " | b" \"" | b" '") && is_option(front));
    if !assigns || signs.len() > MOST_SIGNS {
        // `Authorization: Bearer …` has nothing between.
        return ends_with(left, b"bearer ").then_some(Name::Strong);
    }
    kind_of(name)
}

/// What stands between a name and its value.
fn is_glue(byte: u8) -> bool {
    GLUE.get(usize::from(byte)).copied().unwrap_or_default()
}

static GLUE: [bool; 256] = {
    let mut glue = [false; 256];
    let mut byte = 0_u8;
    let mut places: &mut [bool] = &mut glue;
    while let [place, rest @ ..] = places {
        *place = matches!(
            byte,
            b' ' | b'\t'
                | b'\r'
                | b'\n'
                | b'"'
                | b'\''
                | b'`'
                | b'='
                | b':'
                | b'>'
                | b','
                | b'('
                | b'?'
                | b'!'
                | b'@'
                | b'\\'
                | b'['
                | b']'
                | b'{'
                | b'|'
                | b'.'
        );
        places = rest;
        byte = byte.saturating_add(1);
    }
    glue
};

/// The letters and digits of a name in lower case.
#[derive(Debug)]
struct Letters {
    all: [u8; 64],
    length: usize,
}

impl Letters {
    fn of(name: &[u8]) -> Self {
        let mut letters = Self {
            all: [0; 64],
            length: 0,
        };
        let kept = name.iter().filter(|byte| byte.is_ascii_alphanumeric());
        for (place, byte) in letters.all.iter_mut().zip(kept) {
            *place = byte.to_ascii_lowercase();
            letters.length = letters.length.saturating_add(1);
        }
        letters
    }

    fn bytes(&self) -> &[u8] {
        part(&self.all, 0, self.length)
    }

    /// Whether a word of [`STRONG`] or [`WEAK`] may be there, by its first letters.
    fn may_name(&self) -> bool {
        self.bytes().windows(2).enumerate().any(|(start, pair)| {
            let third = at(self.bytes(), start.saturating_add(2));
            match pair {
                b"pw" => true,
                b"be" | b"hm" => third == b'a',
                b"pa" => third == b's',
                b"se" => third == b'c',
                b"to" => third == b'k',
                b"cr" => third == b'e',
                b"au" => third == b't',
                b"ke" => third == b'y',
                _ => false,
            }
        })
    }

    fn has(&self, words: &[&[u8]]) -> bool {
        let inside = |word: &&[u8]| {
            let mut parts = self.bytes().windows(word.len());
            parts.any(|part| part == *word)
        };
        words.iter().any(inside)
    }
}

fn kind_of(left: &[u8]) -> Option<Name> {
    let left = without_end(left, b" string").unwrap_or(left);
    let start = run_back(left, left.len(), part_of_name);
    let (front, written) = left.split_at_checked(start)?;
    if is_flag(front.trim_ascii_end()) {
        // `curl --user name:'password'`.
        return Some(Name::Strong);
    }
    if written.is_empty() {
        return None;
    }
    let name = Letters::of(written);
    if !name.may_name() || name.has(&OTHER) || name.bytes() == b"author" {
        return None;
    }
    let spoken = name.bytes() == b"key" && ends_with(front, b"api ");
    if spoken || name.has(&STRONG) || is_password(written) {
        return Some(Name::Strong);
    }
    name.has(&WEAK).then_some(Name::Weak)
}

/// Whether a value of a name that `quoted` or not stands for a secret looks like one.
fn is_secret(value: &[u8], name: Name, quoted: bool) -> bool {
    let letters = value
        .iter()
        .filter(|byte| byte.is_ascii_alphabetic())
        .count();
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let marks = value.len().saturating_sub(letters).saturating_sub(digits);
    let least = match (name, quoted) {
        (Name::Strong, true) => 6,
        (Name::Strong, false) => SHORTEST,
        (Name::Weak, _) => 16,
    };
    if value.len() < least || value.len() > LONGEST || stands_for_another(value, quoted) {
        return false;
    }
    let wordy = !quoted && is_wordy(value);
    let mixed = digits > 0 && letters > 0 && is_random(value) && !wordy;
    match name {
        Name::Strong if quoted && marks > 2 && !value.contains(&b' ') => is_marked(value) || mixed,
        Name::Strong => mixed || (digits == value.len() && digits > 15 && is_random(value)),
        Name::Weak => mixed && digits > 2 && !value.contains(&b' ') && !value.contains(&b'.'),
    }
}

/// `X25519.secret_length`: words of code make up most of it.
fn is_wordy(value: &[u8]) -> bool {
    let parts = value.split(|byte| b"._-".contains(byte));
    let words = parts.filter(|part| part.len() > 2 && part.iter().all(u8::is_ascii_lowercase));
    let length: usize = words.map(<[u8]>::len).sum();
    length > value.len() / 2
}

/// `m{{h}o)p$…`: marks that no word or path has.
fn is_marked(value: &[u8]) -> bool {
    let odd = value
        .iter()
        .filter(|byte| !byte.is_ascii_alphanumeric() && !b"_-./ ,:".contains(byte));
    odd.count() > 2
}

/// `${PASSWORD}`, `<your key>`, `%s`, `os.environ[…]`, `YOUR_API_KEY`, `getToken()`.
fn stands_for_another(value: &[u8], quoted: bool) -> bool {
    let has = |word: &[u8]| contains(value, word);
    let calls = !quoted && (value.contains(&b'(') || has(b"environ") || has(b"process.env"));
    let url = has(b"://");
    let example = value.len() < LONG && has(b"example");
    matches!(at(value, 0), b'$' | b'<' | b'{' | b'%' | b'[' | b'*')
        || calls
        || url
        || example
        || [
            b"your".as_slice(),
            b"placeholder",
            b"xxxx",
            b"1234567890abcdef...",
        ]
        .into_iter()
        .any(has)
}

/// Whether `word`, in lower case, stands in `value` in either case.
fn contains(value: &[u8], word: &[u8]) -> bool {
    let first = at(word, 0);
    value
        .windows(word.len())
        .any(|part| at(part, 0).eq_ignore_ascii_case(&first) && part.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{Entities, Scanner};
    use proptest::prelude::*;

    fn is_found(text: &str) -> bool {
        let mut scanner = Scanner::new(Entities::all());
        let mut found = Vec::new();
        scanner.push(text, &mut found);
        scanner.finish(&mut found);
        let mut found = found.iter();
        found.any(|found| found.entity == Entity::SecretValue)
    }

    #[test]
    fn regression_as_many_signs_as_may_be_are_seen() {
        for name in ["password is", "PASSWORD IS"] {
            for signs in 2..20 {
                let spaces = " ".repeat(signs - 1);
                let text = format!("{name}{spaces}\"Xk29 fQz81\"");
                assert_eq!(is_found(&text), signs <= MOST_SIGNS, "{text}");
            }
        }
    }

    /// The text within reach begins with the name of the option.
    #[test]
    fn regression_options_at_the_end_of_reach_are_seen() {
        for length in 50..70 {
            for front in ["", " x", "é", "x x"] {
                let name = format!("--{}-key", "a".repeat(length));
                let text = format!("{front}{name} \"");
                let found = name_of(left(&text, text.len())).is_some();
                assert!(!found || may_be_assigned(text.as_bytes(), text.len()));
            }
        }
        let name = format!(" x--{}-password", "a".repeat(51));
        assert!(is_assigned(&format!("{name} \""), name.len() + 2));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_is_assigned_may_be(
            front in "(\\PC{0,3}| x|é| )",
            name in "(password|Api-Key|bearer|--(a{0,60})-?token|the pw|-u ab|clientSecret)",
            is in "( is| IS|is|=|: | string =|\", \"|)",
            signs in "( {0,18}|[ =:>\"',.(]{0,18})",
        ) {
            let text = format!("{front}{name}{is}{signs}");
            let found = name_of(left(&text, text.len())).is_some();
            prop_assert!(!found || may_be_assigned(text.as_bytes(), text.len()), "{}", text);
        }
    }
}
