/*! Telephone numbers: international ones by their calling code, national ones by the way
they are written or by the words before them. */

use super::super::checks::{all_same, number};
use super::super::context::Context;
use super::super::entity::Entity;
use super::super::view::{at, before, is_word, part, run};
use super::super::words::Subject;
use super::number::{Digits, Group, count, each_span};
use super::{Candidate, Region, Weight};

/// What numbers to call are called, in the languages that callers are likely to use.
pub(super) static PHONE: &[&str] = &[
    "phone",
    "tel",
    "mobile",
    "mobil",
    "cell",
    "fax",
    "call",
    "ring",
    "dial",
    "whatsapp",
    "sms",
    "text me",
    "contact",
    "reach",
    "hotline",
    "helpline",
    "my number",
    "answering",
    "messages to",
    "telefon",
    "telefoon",
    "teléfono",
    "téléphone",
    "telefono",
    "handy",
    "móvil",
    "celular",
    "portable",
    "puhelin",
    "telefonnummer",
    "numéro",
    "número",
    "тел",
    "전화",
    "연락",
    "휴대폰",
    "팩스",
    "電話",
    "电话",
    "手机",
];

/// What other numbers are called.
pub(super) static OTHER: &[&str] = &[
    "ssn",
    "social security",
    "passport",
    "account",
    "acct",
    "iban",
    "routing",
    "aba",
    "card",
    "order",
    "invoice",
    "tracking",
    "zip",
    "postal",
    "license",
    "licence",
    "serial",
    "tax",
    "nhs",
    "nino",
    "policy",
    "case",
    "ticket",
    "reference",
    "isbn",
    "npi",
    "mrn",
    "bsn",
    "pesel",
    "sin",
    "aadhaar",
    "version",
    "id",
    "amount",
    "price",
    "total",
    "year",
    "date",
    "번호판",
    "계좌",
    "주민등록",
    "보험 번호",
    "보험번호",
];

/// No number that is looked for has fewer digits.
const FEWEST: usize = 6;

/// ITU-T E.164.
const LONGEST: usize = 15;

pub(super) fn find(region: &Region<'_>, found: &mut Vec<Candidate>) {
    let bytes = region.bytes();
    each_span(bytes, FEWEST, |span| {
        let Some(first) = span.first() else { return };
        let alone = span.len() == 1 && is_word(before(bytes, first.start));
        if alone {
            return;
        }
        let called = Called::by(region.context(start(bytes, first.start)));
        let mut groups = span;
        while let Some((_, rest)) = groups.split_first() {
            groups = match first_number(bytes, groups, called) {
                Some((candidate, length)) => {
                    found.push(candidate);
                    groups.get(length..).unwrap_or_default()
                }
                None => groups.get(date_length(bytes, groups)..).unwrap_or(rest),
            };
        }
    });
}

/// The number that begins with the first group, and how many groups it has.
fn first_number(bytes: &[u8], groups: &[Group], called: Called) -> Option<(Candidate, usize)> {
    let first = groups.first()?;
    let start = start(bytes, first.start);
    if is_word(before(bytes, start)) || matches!(before(bytes, start), b'$' | b'+' | b'.') {
        return None;
    }
    let international =
        at(bytes, start) == b'+' || part(bytes, start, start.saturating_add(2)) == b"(+";
    let (length, weight) = if international {
        (international_length(bytes, groups)?, Weight::Checked)
    } else if date_length(bytes, groups) > 1 {
        return None;
    } else {
        national(bytes, start, groups, called)?
    };
    let number = groups.get(..length)?;
    let last = number.last()?;
    if all_same(Digits::of(bytes, number).bytes()) {
        return None;
    }
    let end = extension_end(bytes, last.end).unwrap_or(last.end);
    if is_word(at(bytes, end)) || at(bytes, end) == b'%' {
        return None;
    }
    let candidate = Candidate {
        entity: Entity::PhoneNumber,
        start,
        end,
        weight,
    };
    Some((candidate, length))
}

/// With the plus or parenthesis that opens the number.
fn start(bytes: &[u8], digits: usize) -> usize {
    let signs = |from: usize, sign: u8| {
        if before(bytes, from) == sign {
            from.saturating_sub(1)
        } else {
            from
        }
    };
    let plus = signs(signs(digits, b'('), b'+');
    // `(+41) 22`; but `(41)` alone stays without a second parenthesis.
    if at(bytes, plus) == b'+' {
        signs(plus, b'(')
    } else {
        plus
    }
}

/// How many groups a number behind a plus takes.
fn international_length(bytes: &[u8], groups: &[Group]) -> Option<usize> {
    let code = calling_code(Digits::of(bytes, groups.get(..2).unwrap_or(groups)).bytes())?;
    let fits = |length: &usize| {
        let number = groups.get(..*length).unwrap_or_default();
        let count = count(number);
        // A national zero in parentheses is not dialled with the code.
        let national = count.saturating_sub(code);
        let longest = if code == 1 { 11 } else { LONGEST };
        (4..=12).contains(&national) && count >= 7 && count <= longest.saturating_add(1)
    };
    (1..=groups.len().min(8)).rev().find(fits)
}

/// The length of the calling code that `digits` begin with (ITU-T E.164, annex).
fn calling_code(digits: &[u8]) -> Option<usize> {
    match (at(digits, 0), at(digits, 1)) {
        (b'1' | b'7', _) => Some(1),
        (b'2', b'0' | b'7')
        | (b'3', b'0'..=b'4' | b'6' | b'9')
        | (b'4', b'0' | b'1' | b'3'..=b'9')
        | (b'5', b'1'..=b'8')
        | (b'6', b'0'..=b'6')
        | (b'8', b'1' | b'2' | b'4' | b'6')
        | (b'9', b'0'..=b'5' | b'8') => Some(2),
        (b'2', b'1'..=b'6' | b'8' | b'9')
        | (b'3', b'5' | b'7' | b'8')
        | (b'4', b'2')
        | (b'5', b'0' | b'9')
        | (b'6', b'7'..=b'9')
        | (b'8', b'0' | b'5' | b'7' | b'8')
        | (b'9', b'6' | b'7' | b'9') => Some(3),
        _ => None,
    }
}

/// What the words before a span of groups make of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Called {
    Phone,
    /// An amount, or the rest of a number that began before.
    Other,
    Nothing,
}

impl Called {
    /// By the nearest word that names a number.
    fn by(context: Context<'_>) -> Self {
        if context.follows_digits() {
            return Self::Other;
        }
        let phone = context.nearest(Subject::PHONE);
        let other = context.nearest(Subject::NO_PHONE);
        match phone {
            Some(phone) if other.is_none_or(|other| phone <= other) => Self::Phone,
            _ => Self::Nothing,
        }
    }
}

/// How many groups a number without a plus takes: by its form, or all that words allow.
fn national(
    bytes: &[u8],
    start: usize,
    groups: &[Group],
    called: Called,
) -> Option<(usize, Weight)> {
    let lengths = (1..=groups.len().min(6)).rev();
    let mut fitting = lengths.filter_map(|length| {
        let number = groups.get(..length)?;
        if called == Called::Other || !ends_well(bytes, number.last()?.end) {
            None
        } else if called == Called::Phone && is_plausible(bytes, number) {
            Some((length, Weight::Words))
        } else {
            has_form(bytes, start, number).then_some((length, Weight::Form))
        }
    });
    fitting.next()
}

fn ends_well(bytes: &[u8], end: usize) -> bool {
    !is_word(at(bytes, end)) || extension_end(bytes, end).is_some()
}

/// What may be a number to call once words say so.
fn is_plausible(bytes: &[u8], groups: &[Group]) -> bool {
    let singles = groups.iter().filter(|group| group.len() == 1).count();
    let few_groups = groups.len() == 1;
    let least = if few_groups { 7 } else { 6 };
    let short_groups = groups.iter().all(|group| few_groups || group.len() <= 8);
    (least..=13).contains(&count(groups))
        && short_groups
        && singles < 3
        && !is_years(bytes, groups)
        && signs(bytes, groups).all(|signs| signs != b"." || groups.len() > 2)
}

/// `2019-2021`.
fn is_years(bytes: &[u8], groups: &[Group]) -> bool {
    let year = |group: &Group| {
        let century = part(bytes, group.start, group.start.saturating_add(2));
        group.len() == 4 && matches!(century, b"19" | b"20")
    };
    matches!(groups, [a, b] if year(a) && year(b))
}

fn signs<'b>(bytes: &'b [u8], groups: &'b [Group]) -> impl Iterator<Item = &'b [u8]> {
    groups.windows(2).filter_map(move |pair| match pair {
        [a, b] => Some(part(bytes, a.end, b.start)),
        _ => None,
    })
}

/// What is a number to call without any words, since nothing else is written so.
fn has_form(bytes: &[u8], start: usize, groups: &[Group]) -> bool {
    let mut lengths = [0; 6];
    for (length, group) in lengths.iter_mut().zip(groups) {
        *length = group.len();
    }
    let total = count(groups);
    let first = groups.first().map_or(0, |group| group.start);
    let opens = at(bytes, start) == b'(';
    let zero = at(bytes, first) == b'0';
    if goes_on_groups(bytes, start, groups) {
        return false;
    }
    match lengths.get(..groups.len()).unwrap_or_default() {
        // North America, with or without its code.
        [3, 3, 4] => true,
        [1, 3, 3, 4] => at(bytes, first) == b'1',
        [3, 3, 3, 4] => part(bytes, first, first.saturating_add(3)) == b"001",
        [2, 3, 3, 4] => true,
        // An area code in parentheses.
        [2..=5, second, ..] if opens && *second > 1 => (8..=11).contains(&total),
        // A trunk prefix: nought, and groups none of which is a single digit.
        // A social security number that begins with nought.
        [3, 2, 4] => false,
        [2..=5, rest @ ..] if zero && !rest.is_empty() => {
            (9..=11).contains(&total) && rest.iter().all(|length| (2..=8).contains(length))
        }
        _ => false,
    }
}

/// Whether the groups before are written as these are: then these are a part of theirs.
fn goes_on_groups(bytes: &[u8], start: usize, groups: &[Group]) -> bool {
    let sign = before(bytes, start);
    let digit = before(bytes, start.saturating_sub(1)).is_ascii_digit();
    digit && signs(bytes, groups).next() == Some(&[sign])
}

/// How many groups at the front are a date: 1 if none are.
fn date_length(bytes: &[u8], groups: &[Group]) -> usize {
    let value = |group: &Group| number(part(bytes, group.start, group.end)).unwrap_or(u64::MAX);
    let [a, b, c, ..] = groups else { return 1 };
    let mut signs = signs(bytes, groups);
    let (first, second) = (signs.next(), signs.next());
    let alike = first == second && first.is_some_and(|sign| matches!(sign, b"-" | b"." | b"/"));
    let year = |group: &Group| group.len() == 4 && (1900..=2100).contains(&value(group));
    let small = |group: &Group| group.len() <= 2 && (1..=31).contains(&value(group));
    let is_date = alike
        && a.len() < 5
        && ((year(a) && small(b) && small(c))
            || (small(a) && small(b) && (year(c) || c.len() == 2)))
        && groups.len() < 5;
    if is_date { 3 } else { 1 }
}

/// The end of an extension behind a number: `x623`, ` ext. 12`.
fn extension_end(bytes: &[u8], end: usize) -> Option<usize> {
    let word = run(bytes, end, |byte| byte == b' ');
    let letters = run(bytes, word, |byte| byte.is_ascii_alphabetic());
    let name = part(bytes, word, letters).to_ascii_lowercase();
    if !matches!(name.as_slice(), b"x" | b"ext" | b"extension") {
        return None;
    }
    let start = run(bytes, letters, |byte| matches!(byte, b' ' | b'.'));
    let stop = run(bytes, start, |byte| byte.is_ascii_digit());
    let digits = stop.saturating_sub(start);
    ((1..=6).contains(&digits) && !is_word(at(bytes, stop))).then_some(stop)
}
