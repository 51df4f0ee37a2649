/*! Identity numbers, a row each: how they are written, their check digits, and the words
before them. */

use super::super::checks::{
    all_same, digit, is_yymmdd, luhn, luhn_behind, mod_11_10, number, verhoeff, weighted,
};
use super::super::entity::{Entities, Entity};
use super::super::view::{at, before, is_word, part, run};
use super::super::words::{Subject, named_rows};
use super::issuers::{
    brazilian, divides, is_brn, is_dea, is_finnish, is_fiscal_code, is_nino, is_nir, is_nric,
    is_personnummer, is_ssn, is_turkish, spanish_letter, sum_rest,
};
use super::template::{LONGEST_RUN, Shape, take};
use super::{Candidate, Region, Weight};
use std::sync::OnceLock;

/// No identity number has fewer.
pub(super) const FEWEST_DIGITS: usize = 4;

/// How one kind of number is found.
#[derive(Debug)]
pub struct Identity {
    /// What it is.
    pub entity: Entity,
    /// How it is written where nothing else is.
    pub own: &'static [&'static str],
    /// How it is also written, if words say so.
    pub called: &'static [&'static str],
    /// Whether check digits prove it; else only its form and ranges do.
    pub checked: bool,
    /// Whether check digits and ranges are right.
    valid: fn(&[u8]) -> bool,
    /// What it is called, in lower case.
    pub words: &'static [&'static str],
    /// One that is found, words included.
    pub example: &'static str,
}

/// All of them.
pub static IDENTITIES: &[Identity] = &[
    Identity {
        entity: Entity::UsSsn,
        checked: false,
        own: &["999-99-9999", "999 99 9999", "999.99.9999"],
        called: &["999999999"],
        // Social Security Administration: no area 000, 666 or 9xx, no group or serial of noughts.
        valid: |n| !matches!(part(n, 0, 3), b"000" | b"666") && at(n, 0) != b'9' && is_ssn(n),
        words: &["ssn", "social security", "사회보장"],
        example: "219-09-9998",
    },
    Identity {
        entity: Entity::UsItin,
        checked: false,
        own: &["999-99-9999", "999 99 9999"],
        called: &["999999999"],
        // Internal Revenue Service: 9xx, and these groups.
        valid: |n| {
            at(n, 0) == b'9'
                && matches!(
                    number(part(n, 3, 5)),
                    Some(50..=65 | 70..=88 | 90..=92 | 94..=99)
                )
        },
        words: &["itin", "taxpayer", "tax id"],
        example: "912-70-1234",
    },
    Identity {
        entity: Entity::UsPassport,
        checked: false,
        own: &[],
        called: &["A99999999", "999999999"],
        valid: |n| !all_same(n),
        words: &["passport"],
        example: "passport A12345678",
    },
    Identity {
        entity: Entity::UsNpi,
        checked: true,
        own: &["9999-999-999", "9999 999 999"],
        called: &["9999999999"],
        // CMS: Luhn's check with the prefix 80840.
        valid: |n| matches!(at(n, 0), b'1' | b'2') && luhn_behind(b"80840", n),
        words: &["npi", "provider"],
        example: "NPI 1234567893",
    },
    Identity {
        entity: Entity::UsMbi,
        checked: false,
        own: &["9AX9_AX9_AA99"],
        called: &[],
        // CMS: no S, L, O, I, B or Z, and no nought in front.
        valid: |n| at(n, 0) != b'0' && !n.iter().any(|byte| b"SLOIBZ".contains(byte)),
        words: &[],
        example: "1EG4-TE5-MK73",
    },
    Identity {
        entity: Entity::MedicalLicense,
        checked: true,
        own: &[],
        called: &["AA9999999", "A99999999"],
        valid: is_dea,
        words: &["dea", "prescri", "medical licen", "certificate"],
        example: "DEA number BB1388568",
    },
    Identity {
        entity: Entity::AbaRoutingNumber,
        checked: true,
        own: &["9999-9999-9"],
        called: &["999999999"],
        // American Bankers Association.
        valid: |n| {
            matches!(number(part(n, 0, 2)), Some(0..=12 | 21..=32 | 61..=72 | 80))
                && !all_same(n)
                && divides(n, &[3, 7, 1, 3, 7, 1, 3, 7, 1], 10)
        },
        words: &["routing", "aba", "rtn", "transit"],
        example: "routing number 021000021",
    },
    Identity {
        entity: Entity::UkNhs,
        checked: true,
        own: &[],
        called: &["999_999_9999"],
        // NHS Data Dictionary: modulus 11.
        valid: |n| !all_same(n) && divides(n, &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1], 11),
        words: &["nhs", "national health", "health number", "patient"],
        example: "NHS number 943 476 5919",
    },
    Identity {
        entity: Entity::UkNino,
        checked: false,
        own: &["AA999999A", "AA 99 99 99 A"],
        called: &["AA999999", "AA 99 99 99"],
        // HMRC, NIM39110: letters and prefixes that are not given.
        valid: is_nino,
        words: &["nino", "national insurance", "insurance number"],
        example: "AB 12 34 56 C",
    },
    Identity {
        entity: Entity::DeTaxId,
        checked: true,
        own: &["99 999 999 999"],
        called: &["99999999999"],
        valid: |n| at(n, 0) != b'0' && !all_same(n) && mod_11_10(n),
        words: &["steuer", "idnr", "tin", "tax id"],
        example: "Steuer-ID 86 095 742 719",
    },
    Identity {
        entity: Entity::FrNir,
        checked: true,
        own: &["9_99_99_9X_999_999_99"],
        called: &[],
        valid: is_nir,
        words: &[],
        example: "2 55 08 14 168 025 38",
    },
    Identity {
        entity: Entity::EsNif,
        checked: true,
        own: &["99999999_A"],
        called: &[],
        valid: |n| at(n, 8) == spanish_letter(part(n, 0, 8)),
        words: &[],
        example: "12345678Z",
    },
    Identity {
        entity: Entity::EsNie,
        checked: true,
        own: &["A_9999999_A"],
        called: &[],
        // X, Y and Z count as 0, 1 and 2.
        valid: |n| {
            let first = b"XYZ".iter().position(|letter| *letter == at(n, 0));
            let first = first.and_then(|place| b"012".get(place)).copied();
            first.is_some_and(|first| {
                at(n, 8) == spanish_letter(&[&[first], part(n, 1, 8)].concat())
            })
        },
        words: &[],
        example: "X1234567L",
    },
    Identity {
        entity: Entity::ItFiscalCode,
        checked: true,
        own: &["AAAAAAXXAXXAXXXA"],
        called: &[],
        valid: is_fiscal_code,
        words: &[],
        example: "RSSMRA85T10A562S",
    },
    Identity {
        entity: Entity::PlPesel,
        checked: true,
        own: &[],
        called: &["99999999999"],
        // A date whose month also tells the century, and a sum that divides by 10.
        valid: |n| {
            let month = number(part(n, 2, 4)).unwrap_or_default() % 20;
            (1..=12).contains(&month) && divides(n, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1], 10)
        },
        words: &["pesel"],
        example: "PESEL 44051401359",
    },
    Identity {
        entity: Entity::NlBsn,
        checked: true,
        own: &[],
        called: &["9999_99_999", "999999999"],
        valid: |n| !all_same(n) && sum_rest(n, &[9, 8, 7, 6, 5, 4, 3, 2, 10], 11) == Some(0),
        words: &["bsn", "burgerservice", "sofi"],
        example: "BSN 111222333",
    },
    Identity {
        entity: Entity::SePersonnummer,
        checked: true,
        own: &[
            "999999-9999",
            "999999+9999",
            "99999999-9999",
            "99999999+9999",
            "999999999999",
        ],
        called: &["9999999999"],
        valid: is_personnummer,
        words: &["personnummer", "pnr", "personal identity number"],
        example: "811218-9876",
    },
    Identity {
        entity: Entity::FiPersonalIdentityCode,
        checked: true,
        own: &["999999?999X"],
        called: &[],
        valid: is_finnish,
        words: &[],
        example: "131052-308T",
    },
    Identity {
        entity: Entity::InAadhaar,
        checked: true,
        own: &["9999 9999 9999", "9999-9999-9999", "9999:9999:9999"],
        called: &["999999999999"],
        valid: |n| matches!(at(n, 0), b'2'..=b'9') && !all_same(n) && verhoeff(n),
        words: &["aadhaar", "aadhar", "uidai", "uid"],
        example: "2341 2341 2346",
    },
    Identity {
        entity: Entity::InPan,
        checked: false,
        own: &["AAAAA9999A"],
        called: &[],
        // Income Tax Department: the fourth letter is the kind of holder.
        valid: |n| b"ABCFGHJLPT".contains(&at(n, 3)),
        words: &[],
        example: "ABCPD1234Z",
    },
    Identity {
        entity: Entity::AuAbn,
        checked: true,
        own: &["99 999 999 999"],
        called: &["99999999999"],
        // Australian Business Register: one off the first digit, modulus 89.
        valid: |n| {
            let sum = weighted(n, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
            at(n, 0) != b'0' && sum.is_some_and(|sum| sum.saturating_sub(10).is_multiple_of(89))
        },
        words: &["abn", "business number"],
        example: "51 824 753 556",
    },
    Identity {
        entity: Entity::AuTfn,
        checked: true,
        own: &[],
        called: &["999_999_999"],
        valid: |n| !all_same(n) && divides(n, &[1, 4, 3, 7, 5, 8, 6, 9, 10], 11),
        words: &["tfn", "tax file"],
        example: "TFN 123 456 782",
    },
    Identity {
        entity: Entity::AuMedicare,
        checked: true,
        own: &[],
        called: &["9999_99999_9"],
        valid: |n| {
            let sum = weighted(part(n, 0, 8), &[1, 3, 7, 9, 1, 3, 7, 9]);
            matches!(at(n, 0), b'2'..=b'6') && sum.is_some_and(|sum| sum % 10 == digit(at(n, 8)))
        },
        words: &["medicare"],
        example: "Medicare 2123 45670 1",
    },
    Identity {
        entity: Entity::SgNricFin,
        checked: true,
        own: &["A9999999A"],
        called: &[],
        valid: is_nric,
        words: &[],
        example: "S1234567D",
    },
    Identity {
        entity: Entity::KrRrn,
        checked: false,
        own: &["999999-9999999"],
        called: &["9999999999999"],
        // The check digit is not kept since October 2020: the date and the century must do.
        valid: |n| is_yymmdd(n) && matches!(at(n, 6), b'0'..=b'4' | b'9'),
        words: &["rrn", "resident", "주민"],
        example: "900101-1234567",
    },
    Identity {
        entity: Entity::KrFrn,
        checked: false,
        own: &["999999-9999999"],
        called: &["9999999999999"],
        valid: |n| is_yymmdd(n) && matches!(at(n, 6), b'5'..=b'8'),
        words: &["frn", "foreigner", "alien", "외국인"],
        example: "900101-5234567",
    },
    Identity {
        entity: Entity::KrBrn,
        checked: true,
        own: &["999-99-99999"],
        called: &["9999999999"],
        valid: is_brn,
        words: &["brn", "business registration", "사업자"],
        example: "220-81-62517",
    },
    Identity {
        entity: Entity::BrCpf,
        checked: true,
        own: &["999.999.999-99"],
        called: &["99999999999"],
        valid: |n| {
            let first = brazilian(part(n, 0, 9), &[10, 9, 8, 7, 6, 5, 4, 3, 2]);
            let second = brazilian(part(n, 0, 10), &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
            !all_same(n) && first == Some(at(n, 9)) && second == Some(at(n, 10))
        },
        words: &["cpf", "cadastro de pessoa"],
        example: "111.444.777-35",
    },
    Identity {
        entity: Entity::BrCnpj,
        checked: true,
        own: &["99.999.999/9999-99"],
        called: &["99999999999999"],
        valid: |n| {
            let first = brazilian(part(n, 0, 12), &[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]);
            let second = brazilian(part(n, 0, 13), &[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]);
            !all_same(n) && first == Some(at(n, 12)) && second == Some(at(n, 13))
        },
        words: &["cnpj"],
        example: "11.222.333/0001-81",
    },
    Identity {
        entity: Entity::CaSin,
        checked: true,
        own: &[],
        called: &["999_999_999"],
        valid: |n| !matches!(at(n, 0), b'0' | b'8') && !all_same(n) && luhn(n),
        words: &["sin", "social insurance", "nas", "assurance sociale"],
        example: "SIN 130 692 544",
    },
    Identity {
        entity: Entity::TrNationalId,
        checked: true,
        own: &["99999999999"],
        called: &[],
        valid: is_turkish,
        words: &[],
        example: "10000000146",
    },
    Identity {
        entity: Entity::ThTnin,
        checked: true,
        own: &["9-9999-99999-99-9", "9 9999 99999 99 9"],
        called: &["9999999999999"],
        valid: |n| {
            let sum = weighted(part(n, 0, 12), &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
            let check = sum.map(|sum| 11_u32.saturating_sub(sum % 11) % 10);
            matches!(at(n, 0), b'1'..=b'8') && check == Some(digit(at(n, 12)))
        },
        words: &["thai", "tnin", "national id", "บัตรประชาชน"],
        example: "Thai national ID 1101700230708",
    },
    Identity {
        entity: Entity::ZaIdNumber,
        checked: true,
        own: &["9999999999999"],
        called: &["999999 9999 999"],
        valid: |n| is_yymmdd(n) && matches!(at(n, 10), b'0' | b'1') && luhn(n),
        words: &["south africa", "identity number", "id number", "id"],
        example: "ID number 8001015009087",
    },
];

/// Rows, as bits.
#[derive(Debug, Clone, Copy, Default)]
struct Rows {
    own: u64,
    called: u64,
}

/// Which rows are written with such runs of digits: by the length of the first, then by that of
/// the second.
type ByShape = [[Rows; SECONDS]; LONGEST_RUN + 1];

/// Second runs of this length and longer are alike.
const SECONDS: usize = 16;

static BY_SHAPE: OnceLock<ByShape> = OnceLock::new();

fn by_shape() -> ByShape {
    let mut by_shape = [[Rows::default(); SECONDS]; LONGEST_RUN + 1];
    for (number, row) in (0_u32..).zip(IDENTITIES) {
        let mut add = |templates: &[&str], to: fn(&mut Rows) -> &mut u64| {
            for shape in templates.iter().map(|template| Shape::of(template)) {
                for (seconds, lengths) in by_shape.iter_mut().zip(shape.0) {
                    for (length, rows) in (0_u32..).zip(seconds) {
                        *to(rows) |= u64::from((lengths >> length) & 1) << number;
                    }
                }
            }
        };
        add(row.own, |rows| &mut rows.own);
        add(row.called, |rows| &mut rows.called);
    }
    by_shape
}

/// The rows that what begins at `start` may be, by its digits up to `end`.
fn rows_at(bytes: &[u8], start: usize, end: usize) -> Rows {
    let first = end.saturating_sub(start);
    let second = if at(bytes, end).is_ascii_alphanumeric() {
        0
    } else {
        let from = end.saturating_add(1);
        run(bytes, from, |byte| byte.is_ascii_digit()).saturating_sub(from)
    };
    let seconds = BY_SHAPE.get_or_init(by_shape).get(first);
    let rows = seconds.and_then(|rows| rows.get(second.min(SECONDS.saturating_sub(1))));
    rows.copied().unwrap_or_default()
}

/// Looks for rows at every place where a word begins.
pub(super) fn find(region: &Region<'_>, wanted: Entities, found: &mut Vec<Candidate>) {
    let bytes = region.bytes();
    let mut start = 0;
    while start < bytes.len() {
        let byte = at(bytes, start);
        let end = run(bytes, start, |byte| byte.is_ascii_digit());
        let is_start = byte.is_ascii_digit() || byte.is_ascii_uppercase();
        if is_start && !is_word(before(bytes, start)) {
            let rows = rows_at(bytes, start, end);
            find_at(region, start, rows, wanted, found);
        }
        start = end.max(start.saturating_add(1));
    }
}

fn find_at(
    region: &Region<'_>,
    start: usize,
    rows: Rows,
    wanted: Entities,
    found: &mut Vec<Candidate>,
) {
    let mut bits = rows.own;
    if rows.called != 0 {
        bits |= rows.called & named_rows(region.context(start).subjects());
    }
    while bits != 0 {
        let number = usize::try_from(bits.trailing_zeros()).unwrap_or_default();
        bits &= bits.wrapping_sub(1);
        let row = IDENTITIES.get(number).filter(|row| wanted.has(row.entity));
        let subject = Subject::of_row(number);
        found.extend(row.and_then(|row| row.at(region, start, subject)));
    }
}

impl Identity {
    fn at(&self, region: &Region<'_>, start: usize, subject: Subject) -> Option<Candidate> {
        let written = |templates: &[&str]| {
            let mut taken = templates
                .iter()
                .filter_map(|t| take(t, region.bytes(), start));
            taken.find(|taken| (self.valid)(taken.compact()))
        };
        let called = || region.context(start).has(subject);
        let (taken, weight) = match written(self.own) {
            Some(taken) if called() => (taken, Weight::CheckedAndWords),
            Some(taken) if self.checked => (taken, Weight::Checked),
            Some(taken) => (taken, Weight::Form),
            None => {
                let taken = written(self.called)?;
                (called().then_some(taken)?, Weight::CheckedAndWords)
            }
        };
        Some(Candidate {
            entity: self.entity,
            start,
            end: taken.end,
            weight,
        })
    }
}
