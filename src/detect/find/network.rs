/*! IP and hardware addresses. */

use super::super::entity::Entity;
use super::super::view::{at, before, is_word, part, run};
use super::super::words::Subject;
use super::{Candidate, Region, Weight};
use std::net::{Ipv4Addr, Ipv6Addr};

/// What software calls its versions, which look like IPv4 addresses.
pub(super) const VERSIONS: [&str; 4] = ["version", "ver", "release", "build"];

/// What makes short IPv6 addresses ones.
pub(super) const V6: [&str; 4] = ["ipv6", "loopback", "unspecified", "localhost"];

/// The longest form: eight groups, the last two as IPv4.
const LONGEST_V6: usize = 45;

pub(super) fn find_v4(region: &Region<'_>, found: &mut Vec<Candidate>) {
    let bytes = region.bytes();
    let mut from = 0;
    while from < bytes.len() {
        let start = run(bytes, from, |byte| !byte.is_ascii_digit());
        let mut end = run(bytes, start, |byte| byte.is_ascii_digit() || byte == b'.');
        from = end.max(start.saturating_add(1));
        let free = !is_word(before(bytes, start)) && !is_word(at(bytes, end));
        // A full stop of the sentence, or a fifth number: the first four are one.
        end = fourth_end(bytes, start, end);
        let parsed: Option<Ipv4Addr> = parse(part(bytes, start, end));
        if free && parsed.is_some() && !is_version(region, start) {
            found.push(Candidate {
                entity: Entity::IpAddress,
                start,
                end: prefix_end(bytes, end, 32),
                weight: Weight::Checked,
            });
        }
    }
}

fn fourth_end(bytes: &[u8], start: usize, end: usize) -> usize {
    let dots = part(bytes, start, end).iter().enumerate();
    let fourth = dots.filter(|(_, byte)| **byte == b'.').nth(3);
    fourth.map_or(end, |(offset, _)| start.saturating_add(offset))
}

fn is_version(region: &Region<'_>, start: usize) -> bool {
    before(region.bytes(), start) == b'-' || {
        let nearest = region.context(start).nearest(Subject::VERSION);
        nearest.is_some_and(|distance| distance <= 2) || is_v(region.left(start))
    }
}

/// Whether a lone `v` stands at most two bytes before.
fn is_v(left: &[u8]) -> bool {
    let end = left.len();
    [1, 2].into_iter().any(|distance| {
        let sign = end.saturating_sub(distance);
        !at(left, sign).is_ascii_alphabetic()
            && before(left, sign).eq_ignore_ascii_case(&b'v')
            && !before(left, sign.saturating_sub(1)).is_ascii_alphabetic()
    })
}

pub(super) fn find_v6(region: &Region<'_>, found: &mut Vec<Candidate>) {
    let bytes = region.bytes();
    let mut from = 0;
    while from < bytes.len() {
        let start = run(bytes, from, |byte| !is_v6(byte));
        let mut end = run(bytes, start, is_v6);
        from = end.max(start.saturating_add(1));
        while matches!(before(bytes, end), b'.') {
            end = end.saturating_sub(1);
        }
        let address = part(bytes, start, end);
        let free = !is_word(before(bytes, start)) && !is_word(at(bytes, end));
        let prefixed = prefix_end(bytes, end, 128) > end;
        let short = address.len() <= LONGEST_V6 && address.contains(&b':');
        let parsed: Option<Ipv6Addr> = if short { parse(address) } else { None };
        if free && parsed.is_some() && (prefixed || is_meant(region, start, address)) {
            found.push(Candidate {
                entity: Entity::IpAddress,
                start,
                end: prefix_end(bytes, zone_end(bytes, end), 128),
                weight: Weight::Checked,
            });
        }
    }
}

/// `::` and `a::b` are also how programs name things.
fn is_meant(region: &Region<'_>, start: usize, address: &[u8]) -> bool {
    let digits = address.iter().filter(|byte| byte.is_ascii_digit()).count();
    let colons = address.iter().filter(|byte| **byte == b':').count();
    digits > 1 && colons > 1 && address.len() > 4 || region.context(start).has(Subject::IPV6)
}

/// Behind `fe80::1`: `%eth0`.
fn zone_end(bytes: &[u8], end: usize) -> usize {
    let zone = run(bytes, end.saturating_add(1), |byte| {
        byte.is_ascii_alphanumeric()
    });
    let has_one = at(bytes, end) == b'%' && zone > end.saturating_add(1);
    if has_one { zone } else { end }
}

/// Behind an address: `/24`.
fn prefix_end(bytes: &[u8], end: usize, longest: u8) -> usize {
    let start = end.saturating_add(1);
    let stop = run(bytes, start, |byte| byte.is_ascii_digit());
    let length: Option<u8> = parse(part(bytes, start, stop));
    let is_one = at(bytes, end) == b'/' && length.is_some_and(|length| length <= longest);
    if is_one { stop } else { end }
}

pub(super) fn find_mac(region: &Region<'_>, found: &mut Vec<Candidate>) {
    let bytes = region.bytes();
    for start in 0..bytes.len() {
        if is_word(before(bytes, start)) || !at(bytes, start).is_ascii_hexdigit() {
            continue;
        }
        let second = at(bytes, start.saturating_add(2));
        let (group, length, sign) = match second {
            b':' | b'-' => (2, 17, second),
            _ if at(bytes, start.saturating_add(4)) == b'.' => (4, 14, b'.'),
            _ => continue,
        };
        let end = start.saturating_add(length);
        let address = part(bytes, start, end);
        let goes_on =
            at(bytes, end) == sign && at(bytes, end.saturating_add(1)).is_ascii_hexdigit();
        let free = before(bytes, start) != sign && !is_word(at(bytes, end)) && !goes_on;
        if !address.is_empty() && is_mac(address, group, sign) && free {
            found.push(Candidate {
                entity: Entity::MacAddress,
                start,
                end,
                weight: Weight::Checked,
            });
        }
    }
}

/// Not all zeros or ones: these are nobody's.
fn is_mac(address: &[u8], group: usize, sign: u8) -> bool {
    let digits = || address.iter().filter(|byte| **byte != sign);
    let groups = || address.split(|byte| *byte == sign);
    groups().all(|part| part.len() == group && part.iter().all(u8::is_ascii_hexdigit))
        && !digits().all(|byte| *byte == b'0')
        && !digits().all(|byte| byte.eq_ignore_ascii_case(&b'f'))
}

fn parse<T: std::str::FromStr>(bytes: &[u8]) -> Option<T> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

pub(in super::super) const fn is_v6(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')
}
