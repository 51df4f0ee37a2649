/*! Addresses of cryptocurrencies. */

use super::super::checks::{base58_check, bech32};
use super::super::entity::Entity;
use super::super::view::{at, part, run};
use super::{Candidate, Region, Weight};

pub(super) fn find(region: &Region<'_>, found: &mut Vec<Candidate>) {
    let bytes = region.bytes();
    let mut from = 0;
    while from < bytes.len() {
        let start = run(bytes, from, |byte| !byte.is_ascii_alphanumeric());
        let end = run(bytes, start, |byte| byte.is_ascii_alphanumeric());
        from = end.max(start.saturating_add(1));
        if is_address(part(bytes, start, end)) {
            found.push(Candidate {
                entity: Entity::Crypto,
                start,
                end,
                weight: Weight::Checked,
            });
        }
    }
}

fn is_address(word: &[u8]) -> bool {
    match (word.len(), at(word, 0)) {
        (26..=35, b'1' | b'3') => base58_check(word),
        (42..=62, b'b') => bech32(word),
        (42, b'0') => is_ethereum(word),
        _ => false,
    }
}

/// Its check digits are in the letters' case and need Keccak, which is not worth its code.
fn is_ethereum(word: &[u8]) -> bool {
    let hex = word.strip_prefix(b"0x").unwrap_or_default();
    hex.len() == 40 && hex.iter().all(u8::is_ascii_hexdigit)
}
