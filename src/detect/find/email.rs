/*! E-mail addresses: the part of RFC 5322 that is in use, `local@label.label`. */

use super::super::chars::OTHER_LETTER;
use super::super::entity::Entity;
use super::super::view::{at, before, part, run, run_back};
use super::{Candidate, Region, Weight};

/// RFC 5321, section 4.5.3.1.1, in octets.
const LONGEST_LOCAL: usize = 64;

pub(super) fn find(region: &Region<'_>, found: &mut Vec<Candidate>) {
    let bytes = region.bytes();
    for (sign, byte) in bytes.iter().enumerate() {
        if *byte != b'@' {
            continue;
        }
        let start = local_start(bytes, sign);
        let domain = sign.saturating_add(1);
        let end = domain_end(bytes, domain);
        if start < sign && end > domain {
            found.push(Candidate {
                entity: Entity::EmailAddress,
                start,
                end,
                weight: Weight::Checked,
            });
        }
    }
}

fn local_start(bytes: &[u8], sign: usize) -> usize {
    let start = run_back(bytes, sign, |byte| {
        is_letter(byte) || b"0123456789._%+-".contains(&byte)
    });
    let start = start.max(sign.saturating_sub(LONGEST_LOCAL));
    // Marks of the sentence before it, or `%20` of a link.
    run(bytes, start, |byte| matches!(byte, b'.' | b'-' | b'%')).min(sign)
}

/// The end of a domain name with at least two labels, the last one of letters; `start` if
/// there is none.
fn domain_end(bytes: &[u8], start: usize) -> usize {
    let (mut longest, mut label) = (start, start);
    loop {
        // `a@b.com.` ends a sentence, `a@b.com-Office` goes on.
        let mut end = label;
        loop {
            end = run(bytes, end, |byte| is_letter(byte) || byte.is_ascii_digit());
            let last = part(bytes, label, end);
            if label > start && is_label(last) && is_top(last) {
                longest = end;
            }
            if at(bytes, end) != b'-' {
                break;
            }
            end = end.saturating_add(1);
        }
        if at(bytes, end) != b'.' || !is_label(part(bytes, label, end)) {
            return longest;
        }
        label = end.saturating_add(1);
    }
}

fn is_label(label: &[u8]) -> bool {
    !label.is_empty()
        && label.len() < 64
        && at(label, 0) != b'-'
        && before(label, label.len()) != b'-'
}

/// Top-level domains: letters, or an internationalised one in its ASCII form.
fn is_top(label: &[u8]) -> bool {
    label.starts_with(b"xn--") || (label.len() > 1 && label.iter().all(|byte| is_letter(*byte)))
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == OTHER_LETTER
}
