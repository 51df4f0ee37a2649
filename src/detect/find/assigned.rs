/*! Values of names such as `password`, `api_key` or `clientSecret`: random ones, whatever
their form. */

use super::super::context::Context;
use super::super::entity::Entity;
use super::super::view::{at, before, part, run, run_back};
use super::token::is_random;
use super::{Candidate, Region, Weight};

/// Longest value in quotes, in bytes.
pub(in super::super) const LONGEST: usize = 256;

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

/// Whether what comes next is assigned to a name that says it is a secret.
pub(in super::super) fn is_assigned(before: &Context) -> bool {
    name_of(before.bytes()).is_some()
}

pub(super) fn find(region: &Region<'_>, found: &mut Vec<Candidate>) {
    let bytes = region.bytes();
    if let Some(name) = name_of(region.context(0).bytes()) {
        let end = if region.quoted {
            quoted_end(bytes)
        } else {
            value_end(bytes, 0)
        };
        push(bytes, 0, end, (name, region.quoted), found);
    } else {
        find_of_user(region, found);
    }
    if region.quoted {
        return;
    }
    let signs = bytes.iter().enumerate();
    for (sign, _) in signs.filter(|(_, byte)| matches!(**byte, b'=' | b':')) {
        let start = run(bytes, sign, |byte| b"=:>".contains(&byte));
        let fresh = start == sign.saturating_add(1) || before(bytes, sign) != at(bytes, sign);
        if !fresh || start >= bytes.len() {
            continue;
        }
        if let Some(name) = name_of(region.context(start).bytes()) {
            push(bytes, start, value_end(bytes, start), (name, false), found);
        }
    }
}

/// `curl -u name:password`.
fn find_of_user(region: &Region<'_>, found: &mut Vec<Candidate>) {
    let bytes = region.bytes();
    let context = region.context(0);
    let flagged = context.bytes().trim_ascii_end();
    let flagged = flagged
        .strip_suffix(b"\"")
        .unwrap_or(flagged)
        .trim_ascii_end();
    if !flagged.ends_with(b" -u") && !flagged.ends_with(b" --user") {
        return;
    }
    let colon = run(bytes, 0, |byte| byte != b':');
    let start = colon.saturating_add(1);
    let end = value_end(bytes, start);
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

fn value_end(bytes: &[u8], start: usize) -> usize {
    let mut end = run(bytes, start, |byte| {
        !matches!(byte, b' ' | b'\\' | b'(' | b')')
    });
    // In a query or a form, the next name follows.
    let field = run(bytes, start, |byte| byte != b'&');
    if part(bytes, field, end).contains(&b'=') {
        end = field;
    }
    while end > start && b".!?:*".contains(&before(bytes, end)) {
        end = end.saturating_sub(1);
    }
    end
}

/// The kind of the name to which the text after `left` (lower case) is assigned.
fn name_of(left: &[u8]) -> Option<Name> {
    let glue = run_back(left, left.len(), |byte| {
        b" \t\r\n\"'`=:>,(?!@\\[]{|.".contains(&byte)
    });
    let signs = left.get(glue..)?;
    let (name, is) = match left.get(..glue)?.strip_suffix(b" is") {
        Some(name) => (name, true),
        None => (left.get(..glue)?, false),
    };
    let assigns =
        is || signs.iter().any(|sign| b"=:>".contains(sign)) || signs.starts_with(b"\", \"");
    if !assigns || signs.len() > 16 {
        // `Authorization: Bearer …` has nothing between.
        return left.ends_with(b"bearer ").then_some(Name::Strong);
    }
    kind_of(name)
}

fn kind_of(left: &[u8]) -> Option<Name> {
    let left = left.strip_suffix(b" string").unwrap_or(left);
    let part_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    let start = run_back(left, left.len(), part_of_name);
    let name: Vec<u8> = left
        .get(start..)?
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric())
        .copied()
        .collect();
    let spoken = left.get(..start)?.ends_with(b"api ") && name == b"key";
    let has = |words: &[&[u8]]| {
        let inside = |word: &&[u8]| name.windows(word.len()).any(|part| part == *word);
        words.iter().any(inside)
    };
    let flag = left.get(..start)?.trim_ascii_end();
    if flag.ends_with(b" -u") || flag.ends_with(b" --user") {
        // `curl --user name:'password'`.
        Some(Name::Strong)
    } else if has(&OTHER) || name == b"author" {
        None
    } else if has(&STRONG) || spoken {
        Some(Name::Strong)
    } else {
        has(&WEAK).then_some(Name::Weak)
    }
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
        (Name::Strong, false) => 8,
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
    let lower = value.to_ascii_lowercase();
    let has = |word: &[u8]| lower.windows(word.len()).any(|part| part == word);
    let calls = !quoted && (value.contains(&b'(') || has(b"environ") || has(b"process.env"));
    let url = has(b"://");
    matches!(at(value, 0), b'$' | b'<' | b'{' | b'%' | b'[' | b'*')
        || calls
        || url
        || [
            b"your".as_slice(),
            b"example",
            b"placeholder",
            b"xxxx",
            b"1234567890abcdef...",
        ]
        .into_iter()
        .any(has)
}
