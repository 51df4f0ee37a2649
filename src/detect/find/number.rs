/*! Digits in groups, and numbers that only the words before them tell apart. */

use super::super::entity::Entity;
use super::super::view::{at, before, is_word, part, run};
use super::super::words::Subject;
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

/// Gives groups of digits between which are at most three of the signs that numbers are
/// written with, in the order of the text; only those with at least `fewest` digits together.
pub(super) fn each_span(bytes: &[u8], fewest: usize, mut each: impl FnMut(&[Group])) {
    let mut span: Vec<Group> = Vec::new();
    let mut from = 0;
    loop {
        let start = run(bytes, from, |byte| !byte.is_ascii_digit());
        let end = run(bytes, start, |byte| byte.is_ascii_digit());
        let signs = part(bytes, from, start);
        let joined = signs.len() <= 3 && signs.iter().all(|sign| b" -./()".contains(sign));
        if !joined || start == end {
            if count(&span) >= fewest {
                each(&span);
            }
            span.clear();
        }
        if start == end {
            return;
        }
        span.push(Group { start, end });
        from = end;
    }
}

/// The digits of some groups, without the signs between them.
#[derive(Debug, Default)]
pub(super) struct Digits {
    all: [u8; 24],
    count: usize,
}

impl Digits {
    /// At most 24 of them.
    pub(super) fn of(bytes: &[u8], groups: &[Group]) -> Self {
        let mut digits = Self::default();
        let parts = groups
            .iter()
            .map(|group| part(bytes, group.start, group.end));
        for (place, digit) in digits.all.iter_mut().zip(parts.flatten()) {
            *place = *digit;
            digits.count = digits.count.saturating_add(1);
        }
        digits
    }

    pub(super) fn bytes(&self) -> &[u8] {
        part(&self.all, 0, self.count)
    }
}

/// How many digits `groups` have.
pub(super) fn count(groups: &[Group]) -> usize {
    groups.iter().map(|group| group.len()).sum()
}

/// Whether nothing of a word stands at either side.
pub(super) fn is_free(bytes: &[u8], start: usize, end: usize) -> bool {
    !is_word(before(bytes, start)) && !is_word(at(bytes, end))
}

pub(super) const ACCOUNT: [&str; 10] = [
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

pub(super) const RECORD: [&str; 5] = [
    "mrn",
    "medical record",
    "patient id",
    "patient number",
    "chart number",
];

pub(super) const SWIFT: [&str; 3] = ["swift", "bic", "스위프트"];

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
        let near = |subject| {
            context
                .nearest(subject)
                .is_some_and(|distance| distance <= 12)
        };
        let entity = if near(Subject::RECORD) {
            Entity::MedicalRecordNumber
        } else if digits == word.len() && digits > 7 && near(Subject::ACCOUNT) {
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
        let called = || region.context(start).has(Subject::SWIFT);
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
