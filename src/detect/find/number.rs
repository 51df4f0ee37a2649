/*! Digits in groups, and numbers that only the words before them tell apart. */

use super::super::entity::Entity;
use super::super::view::{at, before, is_word, part, run};
use super::{Candidate, Region, Weight};

/// `start..end` of a run of digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Group {
    pub(super) fn len(self) -> usize {
        self.end.saturating_sub(self.start)
    }
}

/// Groups of digits between which are at most three of the signs that numbers are written
/// with, in the order of the text; only those with at least `fewest` digits together.
pub(super) fn spans(bytes: &[u8], fewest: usize) -> Vec<Vec<Group>> {
    let mut spans: Vec<Vec<Group>> = Vec::new();
    let mut span: Vec<Group> = Vec::new();
    let mut from = 0;
    loop {
        let start = run(bytes, from, |byte| !byte.is_ascii_digit());
        let end = run(bytes, start, |byte| byte.is_ascii_digit());
        let signs = part(bytes, from, start);
        let joined = signs.len() <= 3 && signs.iter().all(|sign| b" -./()".contains(sign));
        if !joined || start == end {
            if count(&span) >= fewest {
                spans.push(std::mem::take(&mut span));
            }
            span.clear();
        }
        if start == end {
            return spans;
        }
        span.push(Group { start, end });
        from = end;
    }
}

/// The digits of `groups`.
pub(super) fn digits(bytes: &[u8], groups: &[Group]) -> Vec<u8> {
    let parts = groups
        .iter()
        .map(|group| part(bytes, group.start, group.end));
    parts.flatten().copied().collect()
}

/// How many digits `groups` have.
pub(super) fn count(groups: &[Group]) -> usize {
    groups.iter().map(|group| group.len()).sum()
}

/// Whether nothing of a word stands at either side.
pub(super) fn is_free(bytes: &[u8], start: usize, end: usize) -> bool {
    !is_word(before(bytes, start)) && !is_word(at(bytes, end))
}

const ACCOUNT: [&str; 10] = [
    "account number",
    "account no",
    "account #",
    "account:",
    "acct",
    "bank account",
    "checking account",
    "savings account",
    "routing and account",
    "account is",
];

const RECORD: [&str; 5] = [
    "mrn",
    "medical record",
    "patient id",
    "patient number",
    "chart number",
];

/// Bank account and medical record numbers: there is nothing about them but their name.
pub(super) fn find_called(region: &Region<'_>, found: &mut Vec<Candidate>) {
    let bytes = region.bytes();
    let mut from = 0;
    while from < bytes.len() {
        let start = run(bytes, from, |byte| !byte.is_ascii_alphanumeric());
        let end = run(bytes, start, |byte| {
            byte.is_ascii_alphanumeric() || byte == b'-'
        });
        from = end.max(start.saturating_add(1));
        let word = part(bytes, start, end);
        let digits = word.iter().filter(|byte| byte.is_ascii_digit()).count();
        if digits < 5 || word.len() > 17 {
            continue;
        }
        let context = region.context(start);
        let near = |words: &[&str]| {
            context
                .nearest(words)
                .is_some_and(|distance| distance <= 12)
        };
        let entity = if near(&RECORD) {
            Entity::MedicalRecordNumber
        } else if digits == word.len() && digits > 7 && near(&ACCOUNT) {
            Entity::UsBankNumber
        } else {
            continue;
        };
        found.push(Candidate {
            entity,
            start,
            end,
            weight: Weight::Words,
        });
    }
}

/// Whether a word of letters can be a SWIFT code (ISO 9362): eight or eleven characters.
pub(super) fn may_be_swift(word: &[u8]) -> bool {
    matches!(word.len(), 8 | 11)
        && word.iter().take(6).all(u8::is_ascii_uppercase)
        && word
            .iter()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

pub(super) fn find_swift(region: &Region<'_>, found: &mut Vec<Candidate>) {
    let bytes = region.bytes();
    let mut from = 0;
    while from < bytes.len() {
        let start = run(bytes, from, |byte| !byte.is_ascii_alphanumeric());
        let end = run(bytes, start, |byte| byte.is_ascii_alphanumeric());
        from = end.max(start.saturating_add(1));
        let called = || region.context(start).has(&["swift", "bic", "스위프트"]);
        if may_be_swift(part(bytes, start, end)) && called() {
            found.push(Candidate {
                entity: Entity::SwiftBic,
                start,
                end,
                weight: Weight::Words,
            });
        }
    }
}
