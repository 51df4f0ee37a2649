/*! Scalars of a configuration: names, numbers, sizes, digests, dates. */

use super::fields::{Located, Node};
use super::policy::Expiry;
use super::problem::Problems;
use super::tree::Tree;
use crate::date::{parse_day, parse_time};

/// Longest name of a tenant, model or backend, in bytes: names become metric labels.
const MAX_NAME: usize = 128;

/// Longest text, in bytes: names of models elsewhere, labels, claims, ids.
const MAX_TEXT: usize = 256;

/// Text that may go into headers, records and metadata paths.
pub(super) fn text(node: &Node<'_>, problems: &mut Problems) -> Option<String> {
    match node.tree {
        Tree::String(text) if text.is_empty() => {
            problems.error(&node.path, "must not be empty");
            None
        }
        Tree::String(text) if text.len() > MAX_TEXT || text.contains(char::is_control) => {
            problems.error(&node.path, "must be at most 256 bytes of printable text");
            None
        }
        Tree::String(text) if text.trim() != text => {
            problems.error(&node.path, "must not begin or end with a space");
            None
        }
        Tree::String(text) => Some(text.clone()),
        _ => node.wanted("a string", problems),
    }
}

/// A name that is safe in paths, metric names and logs.
pub(super) fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-:@+".contains(c);
    !name.is_empty() && name.len() <= MAX_NAME && name.chars().all(allowed)
}

/// As [`is_name`]; model names may have slashes too (`meta/llama-3.1`).
pub(super) fn is_model_name(name: &str) -> bool {
    is_name(&name.replace('/', "_"))
}

/// Words that stand for "no name" in metrics and totals.
const RESERVED: [&str; 2] = ["other", "-"];

fn check_reserved(name: &str, path: &str, problems: &mut Problems) {
    if RESERVED.contains(&name) {
        problems.error(
            path,
            format!("{name:?} is reserved: metrics and totals use it"),
        );
    }
}

pub(super) fn check_name(name: &str, path: &str, problems: &mut Problems) {
    check_reserved(name, path, problems);
    if !is_name(name) {
        problems.error(path, "a name has 1 to 128 letters, digits and . _ - : @ +");
    }
}

pub(super) fn check_model_name(name: &str, path: &str, problems: &mut Problems) {
    check_reserved(name, path, problems);
    if !is_model_name(name) {
        problems.error(
            path,
            "a model's name has 1 to 128 letters, digits and . _ - : @ + /",
        );
    }
}

pub(super) fn name(node: &Node<'_>, problems: &mut Problems) -> Option<String> {
    let name = text(node, problems)?;
    check_name(&name, &node.path, problems);
    Some(name)
}

/// A reference to something named elsewhere.
pub(super) fn reference(node: &Node<'_>, problems: &mut Problems) -> Option<Located<String>> {
    text(node, problems).map(|name| node.located(name))
}

pub(super) fn references(node: &Node<'_>, problems: &mut Problems) -> Option<Vec<Located<String>>> {
    let elements = node.elements(problems)?;
    let read = |element: &Node<'_>| reference(element, problems);
    Some(elements.iter().filter_map(read).collect())
}

/// Headers that mean something else already.
const TAKEN_HEADERS: [&str; 10] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "transfer-encoding",
    "x-api-key",
    "x-request-id",
];

/// The name of a header that has no meaning yet, lower case.
pub(super) fn header_name(node: &Node<'_>, problems: &mut Problems) -> Option<String> {
    check_header_name(&text(node, problems)?, &node.path, problems)
}

/// As [`header_name`], of a name that stands at `path` (RFC 9110 `token`).
pub(super) fn check_header_name(name: &str, path: &str, problems: &mut Problems) -> Option<String> {
    let name = name.to_ascii_lowercase();
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(token) {
        problems.error(path, "is no header name");
    } else if TAKEN_HEADERS.contains(&name.as_str())
        || name.starts_with("x-envoy-")
        || name.starts_with("x-tollgate-")
    {
        problems.error(path, "is a header that has another meaning");
    } else {
        return Some(name);
    }
    None
}

/// The path of a claim, with dots between its parts.
pub(super) fn claim(node: &Node<'_>, problems: &mut Problems) -> Option<String> {
    let path = text(node, problems)?;
    if path.split('.').all(|part| !part.is_empty()) {
        return Some(path);
    }
    problems.error(&node.path, "must be a claim such as org or org.id");
    None
}

/// 64 hexadecimal digits.
pub(super) fn sha256(node: &Node<'_>, problems: &mut Problems) -> Option<Located<[u8; 32]>> {
    let text = text(node, problems)?;
    let digest = parse_hex(&text);
    if digest.is_none() {
        // The value is not told: it may be a key that was pasted here by mistake.
        problems.error(
            &node.path,
            "must be the SHA-256 of the key as 64 hexadecimal digits",
        );
    }
    if digest == Some(EMPTY) {
        problems.error(&node.path, "is the SHA-256 of nothing: hash a key");
    }
    digest.map(|digest| node.located(digest))
}

/// SHA-256 of the empty string.
const EMPTY: [u8; 32] = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

fn parse_hex(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != digest.len() || !rest.is_empty() {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(pairs) {
        let [high, low] = pair.map(|c| char::from(c).to_digit(16));
        *byte = u8::try_from((high? << 4) | low?).ok()?;
    }
    Some(digest)
}

/// Bytes: a whole number, or one with a unit (`20MiB`, `64KiB`, `1GiB`, `500kB`, `20MB`).
pub(super) fn size(node: &Node<'_>, problems: &mut Problems) -> Option<Located<u64>> {
    let (Tree::String(text) | Tree::Number(text)) = node.tree else {
        return node.wanted("a size such as 20MiB", problems);
    };
    let size = parse_size(text);
    if size.is_none() {
        let message = format!("{text:?} is no size; write 20MiB, 64KiB or a number of bytes");
        problems.error(&node.path, message);
    }
    size.map(|size| node.located(size))
}

fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit());
    let (number, unit) = text.split_at_checked(digits.unwrap_or(text.len()))?;
    let factor: u64 = match unit.trim_start() {
        "" | "B" => 1,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// The end of a key's life: a day (good until it ends, UTC) or a second in RFC 3339, UTC.
pub(super) fn expiry(node: &Node<'_>, problems: &mut Problems) -> Option<Expiry> {
    let text = text(node, problems)?;
    let expiry = parse_expiry(&text);
    if expiry.is_none() {
        let message = format!("{text:?} is no date; write 2027-01-31 or 2027-01-31T18:00:00Z");
        problems.error(&node.path, message);
    }
    expiry
}

fn parse_expiry(text: &str) -> Option<Expiry> {
    const DAY: u64 = 86_400;
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let midnight = parse_day(date)?.checked_mul(DAY)?;
    let seconds = match time {
        Some(time) => midnight.checked_add(parse_time(time.strip_suffix('Z')?)?)?,
        None => midnight.checked_add(DAY)?,
    };
    Some(Expiry {
        unix_seconds: seconds,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("20MiB", Some(20 << 20)),
            ("64 KiB", Some(64 << 10)),
            ("5", Some(5)),
            ("20MB", Some(20_000_000)),
            ("1.5MiB", None),
            ("-1", None),
            ("20mib", None),
            ("99999999999GiB", None),
            ("", None),
        ] {
            assert_eq!(parse_size(text), bytes, "{text}");
        }
    }

    #[test]
    fn dates() {
        for (text, seconds) in [
            ("1970-01-01", Some(86_400)),
            ("1970-01-01T00:00:01Z", Some(1)),
            ("2000-02-29T00:00:00Z", Some(951_782_400)),
            ("2027-01-31T18:00:00Z", Some(1_801_418_400)),
            ("2027-02-29", None),
            ("2027-13-01", None),
            ("2027-1-1", None),
            ("1969-12-31", None),
            ("2027-01-31T18:00:00", None),
            ("2027-01-31T24:00:00Z", None),
            ("tomorrow", None),
        ] {
            assert_eq!(
                parse_expiry(text).map(|e| e.unix_seconds),
                seconds,
                "{text}"
            );
        }
    }

    #[test]
    fn digests() {
        assert_eq!(parse_hex(&"0a".repeat(32)), Some([10; 32]));
        assert_eq!(parse_hex(&"0A".repeat(32)), Some([10; 32]));
        assert_eq!(parse_hex(&"0a".repeat(31)), None);
        assert_eq!(parse_hex(&"0g".repeat(32)), None);
        assert_eq!(parse_hex(&format!("{}é", "0".repeat(62))), None);
    }
}
