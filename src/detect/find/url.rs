/*! Web addresses, and URLs of any scheme that carry a password. */

use super::super::entity::Entity;
use super::super::view::{at, before, find as search, part, run, run_back};
use super::{Candidate, Region, Weight};

/// Schemes of the web.
const SCHEMES: [&[u8]; 3] = [b"http", b"https", b"ftp"];

/// Top-level domains that are also written without a scheme; country codes and newer ones
/// are too often the end of a file name or a sentence.
pub(in super::super) const BARE_TOPS: [&[u8]; 6] = [b"com", b"org", b"net", b"edu", b"gov", b"mil"];

pub(super) fn find(region: &Region<'_>, found: &mut Vec<Candidate>) {
    let bytes = region.bytes();
    let (mut from, mut end) = (0, 0);
    while let Some(colon) = search(bytes, from, b"://") {
        from = colon.saturating_add(3);
        let start = run_back(bytes, colon, |byte| byte.is_ascii_alphanumeric());
        let scheme = part(bytes, start, colon);
        let known = SCHEMES
            .iter()
            .any(|known| known.eq_ignore_ascii_case(scheme));
        // What stands in a URL ends where that does.
        if known && from >= end {
            end = trimmed_end(bytes, from);
        }
        if known {
            push(bytes, start, from, end.max(from), found);
        }
    }
    if found.is_empty() {
        find_bare(bytes, found);
    }
}

fn push(bytes: &[u8], start: usize, host: usize, end: usize, found: &mut Vec<Candidate>) {
    let host = part(bytes, host, end);
    if host.iter().rev().any(|byte| *byte == b'.') || host.starts_with(b"localhost") {
        found.push(Candidate {
            entity: Entity::Url,
            start,
            end,
            weight: Weight::Enclosing,
        });
    }
}

/// Without a scheme: `www.` and a name with a dot, or a host under one of [`BARE_TOPS`].
fn find_bare(bytes: &[u8], found: &mut Vec<Candidate>) {
    let start = run(bytes, 0, |byte| !byte.is_ascii_alphanumeric());
    let host_end = run(bytes, start, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')
    });
    let host = part(bytes, start, host_end);
    let host = host.strip_suffix(b".").unwrap_or(host);
    let labels = || host.split(|byte| *byte == b'.');
    let is = |label: Option<&[u8]>, names: &[&[u8]]| {
        label.is_some_and(|label| names.iter().any(|name| name.eq_ignore_ascii_case(label)))
    };
    let known = is(labels().next_back(), &BARE_TOPS) || is(labels().next(), &[b"www"]);
    if !known || at(bytes, host_end) == b'@' {
        return;
    }
    let www = is(labels().next(), &[b"www"]) && labels().count() > 2;
    let named = labels().count() > 1 && labels().all(|label| !label.is_empty());
    if named && (www || is(labels().next_back(), &BARE_TOPS)) {
        found.push(Candidate {
            entity: Entity::Url,
            start,
            end: trimmed_end(bytes, start),
            weight: Weight::Form,
        });
    }
}

/// The end of the region without the marks of the sentence around it.
fn trimmed_end(bytes: &[u8], start: usize) -> usize {
    let mut end = run(bytes, start, |byte| byte != b' ');
    let opens = part(bytes, start, end).contains(&b'(');
    while end > start {
        let keep = match before(bytes, end) {
            b'.' | b':' | b'!' | b'?' | b'*' | b'\\' => false,
            b')' => opens,
            _ => true,
        };
        if keep {
            break;
        }
        end = end.saturating_sub(1);
    }
    end
}

/// `scheme://user:password@host`: the whole of it, since what follows often names the
/// database.
pub(super) fn find_credentials(region: &Region<'_>, found: &mut Vec<Candidate>) {
    let bytes = region.bytes();
    let (mut from, mut end) = (0, 0);
    while let Some(colon) = search(bytes, from, b"://") {
        from = colon.saturating_add(3);
        let scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte);
        let start = run_back(bytes, colon, scheme);
        let authority = run(bytes, from, |byte| {
            !matches!(byte, b'/' | b'?' | b'#' | b' ')
        });
        let Some(sign) = part(bytes, from, authority)
            .iter()
            .rposition(|byte| *byte == b'@')
        else {
            continue;
        };
        let user = part(bytes, from, from.saturating_add(sign));
        let password = user.iter().position(|byte| *byte == b':');
        let password = password.and_then(|colon| user.get(colon.saturating_add(1)..));
        if start < colon && password.is_some_and(is_password) {
            if from >= end {
                end = trimmed_end(bytes, from);
            }
            found.push(Candidate {
                entity: Entity::ConnectionString,
                start,
                end,
                weight: Weight::Secret,
            });
        }
    }
}

/// Not a place where one will be put: `$PASSWORD`, `****`, `{{…}}` or nothing.
fn is_password(password: &[u8]) -> bool {
    at(password, 0) != b'$' && password.iter().any(u8::is_ascii_alphanumeric)
}
