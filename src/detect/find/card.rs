/*! Payment card numbers (ISO/IEC 7812). */

use super::super::checks::{all_same, luhn, number};
use super::super::entity::Entity;
use super::super::view::{before, part};
use super::super::words::Subject;
use super::number::{Digits, Group, count, each_span, is_free};
use super::{Candidate, Region, Weight};

pub(super) const WORDS: [&str; 8] = [
    "card",
    "credit",
    "debit",
    "visa",
    "mastercard",
    "amex",
    "카드",
    "卡号",
];

/// No card number has fewer digits.
const FEWEST: usize = 12;

pub(super) fn find(region: &Region<'_>, found: &mut Vec<Candidate>) {
    let bytes = region.bytes();
    each_span(bytes, FEWEST, |span| {
        let mut groups = span;
        while let Some((_, rest)) = groups.split_first() {
            let most = groups.len().min(5);
            let enough = count(groups.get(..most).unwrap_or_default()) >= FEWEST;
            let most = if enough { most } else { 0 };
            let card = (1..=most).find_map(|number| {
                let (card, after) = groups.split_at_checked(number)?;
                Some((candidate(region, card)?, after))
            });
            groups = match card {
                Some((candidate, after)) => {
                    found.push(candidate);
                    after
                }
                None => rest,
            };
        }
    });
}

fn candidate(region: &Region<'_>, groups: &[Group]) -> Option<Candidate> {
    let bytes = region.bytes();
    let (first, last) = (groups.first()?, groups.last()?);
    if !(FEWEST..=19).contains(&count(groups)) || !is_written_so(bytes, groups) {
        return None;
    }
    let digits = Digits::of(bytes, groups);
    let number = digits.bytes();
    let free = is_free(bytes, first.start, last.end) && before(bytes, first.start) != b'+';
    if !free || !is_issued(number) || !luhn(number) || all_same(number) {
        return None;
    }
    let called = region.context(first.start).has(Subject::CARD);
    // One in ten numbers passes Luhn's check: in the rarer lengths it needs words.
    if !called && !(13..=16).contains(&number.len()) && groups.len() < 3 {
        return None;
    }
    Some(Candidate {
        entity: Entity::CreditCard,
        start: first.start,
        end: last.end,
        weight: if called {
            Weight::CheckedAndWords
        } else {
            Weight::Checked
        },
    })
}

/// In one, by fours, or as American Express and Diners Club write theirs.
fn is_written_so(bytes: &[u8], groups: &[Group]) -> bool {
    let lengths = lengths(groups);
    let lengths = lengths.get(..groups.len()).unwrap_or_default();
    let fours = || {
        let (last, front) = lengths.split_last()?;
        Some(front.iter().all(|length| length.is_multiple_of(4)) && (1..=8).contains(last))
    };
    let mut signs = groups.windows(2).filter_map(|pair| match pair {
        [a, b] => Some(part(bytes, a.end, b.start)),
        _ => None,
    });
    let sign = signs.next();
    let one_sign = sign.is_none_or(|sign| matches!(sign, b" " | b"-" | b"."));
    one_sign
        && signs.all(|other| Some(other) == sign)
        && (lengths.len() == 1 || matches!(lengths, [4, 6, 4 | 5]) || fours() == Some(true))
}

/// The lengths of the first groups.
fn lengths(groups: &[Group]) -> [usize; 5] {
    let mut lengths = [0; 5];
    for (length, group) in lengths.iter_mut().zip(groups) {
        *length = group.len();
    }
    lengths
}

/// Whether some network issues numbers of this length that begin so.
fn is_issued(digits: &[u8]) -> bool {
    let begin = |length| number(part(digits, 0, length)).unwrap_or_default();
    matches!(
        (begin(1), begin(2), begin(4), digits.len()),
        (4, _, _, 13 | 16 | 19)
            | (_, 51..=55, _, 16)
            | (_, _, 2221..=2720, 16)
            | (_, 34 | 37, _, 15)
            | (_, 30 | 36 | 38 | 39, _, 14 | 16)
            | (_, 35, _, 15..=19)
            | (_, _, 1800 | 2131, 15)
            | (_, 50 | 56..=69, _, 12..=19)
    )
}
