/*! Check digits and ranges that one issuer alone has. Arguments are numbers without signs. */

use super::super::checks::{all_same, digit, is_day, is_ddmmyy, luhn, number, weighted};
use super::super::view::{at, part};

/// The weighted sum's rest.
pub(super) fn sum_rest(n: &[u8], weights: &[u32], modulus: u32) -> Option<u32> {
    weighted(n, weights)?.checked_rem(modulus)
}

pub(super) fn divides(n: &[u8], weights: &[u32], modulus: u32) -> bool {
    sum_rest(n, weights, modulus) == Some(0)
}

/// What both kinds of nine-digit social security numbers never have; two are known from
/// advertisements and used by nobody.
pub(super) fn is_ssn(n: &[u8]) -> bool {
    part(n, 3, 5) != b"00"
        && part(n, 5, 9) != b"0000"
        && !matches!(n, b"078051120" | b"219099999")
        && !all_same(n)
}

/// Drug Enforcement Administration: odd places, and twice the even ones.
pub(super) fn is_dea(n: &[u8]) -> bool {
    let digits = part(n, 2, 9);
    let sum = weighted(part(digits, 0, 6), &[1, 2, 1, 2, 1, 2]);
    b"ABCDEFGHJKLMPRSTUX".contains(&at(n, 0))
        && sum.is_some_and(|sum| sum % 10 == digit(at(digits, 6)))
}

pub(super) fn is_nino(n: &[u8]) -> bool {
    let (first, second) = (at(n, 0), at(n, 1));
    let given = !b"DFIQUV".contains(&first) && !b"DFIOQUV".contains(&second);
    let prefix = !matches!(part(n, 0, 2), b"BG" | b"GB" | b"NK" | b"KN" | b"TN" | b"NT");
    given && prefix && matches!(at(n, 8), b'A'..=b'D' | 0)
}

/// INSEE: 97 less the rest by 97; Corsica's 2A and 2B count as 19 and 18.
pub(super) fn is_nir(n: &[u8]) -> bool {
    let mut digits = n.to_vec();
    let corsica: Option<&[u8]> = match part(n, 5, 7) {
        b"2A" => Some(b"19"),
        b"2B" => Some(b"18"),
        _ => None,
    };
    if let (Some(code), Some(place)) = (corsica, digits.get_mut(5..7)) {
        place.copy_from_slice(code);
    }
    let (Some(front), Some(key)) = (number(part(&digits, 0, 13)), number(part(&digits, 13, 15)))
    else {
        return false;
    };
    let month = number(part(&digits, 3, 5)).unwrap_or_default();
    matches!(at(n, 0), b'1'..=b'4' | b'7' | b'8')
        && matches!(month, 1..=12 | 20..=42 | 50..=99)
        && key == 97_u64.saturating_sub(front % 97)
}

/// Ministerio del Interior: the rest by 23 as a letter.
pub(super) fn spanish_letter(digits: &[u8]) -> u8 {
    let rest = number(digits).map(|number| number % 23);
    let place = rest.and_then(|rest| usize::try_from(rest).ok());
    place.map_or(0, |place| at(b"TRWAGMYFPDXBNJZSQVHLCKE", place))
}

/// Decree of 23 December 1976: characters at odd places have values of their own; after a
/// clash of codes, digits become letters.
pub(super) fn is_fiscal_code(n: &[u8]) -> bool {
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    let value = |byte: u8| match byte {
        b'0'..=b'9' => digit(byte),
        _ => u32::from(byte.saturating_sub(b'A')),
    };
    let one = |(index, byte): (usize, &u8)| {
        let value = value(*byte);
        if index.is_multiple_of(2) {
            let place = usize::try_from(value).unwrap_or_default();
            ODD.get(place).copied().unwrap_or_default()
        } else {
            value
        }
    };
    let sum: u32 = part(n, 0, 15).iter().enumerate().map(one).sum();
    let numeric =
        |index: usize| at(n, index).is_ascii_digit() || b"LMNPQRSTUV".contains(&at(n, index));
    b"ABCDEHLMPRST".contains(&at(n, 8))
        && [6, 7, 9, 10, 12, 13, 14].into_iter().all(numeric)
        && u32::from(at(n, 15).saturating_sub(b'A')) == sum % 26
}

/// Skatteverket, SKV 704: a date, 60 more for those without a permanent number, and Luhn.
pub(super) fn is_personnummer(n: &[u8]) -> bool {
    let short = n.get(n.len().saturating_sub(10)..).unwrap_or_default();
    let century = n.len() == 10 || matches!(part(n, 0, 2), b"18" | b"19" | b"20");
    let month = number(part(short, 2, 4)).unwrap_or_default();
    let day = number(part(short, 4, 6)).unwrap_or_default();
    let day = if day > 60 {
        day.saturating_sub(60)
    } else {
        day
    };
    century && is_day(month, day) && luhn(short)
}

/// Digital and Population Data Services Agency: the rest by 31, and signs of the century.
pub(super) fn is_finnish(n: &[u8]) -> bool {
    let sign = b"+-ABCDEFUVWXY".contains(&at(n, 6));
    let digits = [part(n, 0, 6), part(n, 7, 10)].concat();
    let rest = number(&digits).map(|number| number % 31);
    let place = rest.and_then(|rest| usize::try_from(rest).ok());
    let check = place.map_or(0, |place| at(b"0123456789ABCDEFHJKLMNPRSTUVWXY", place));
    sign && is_ddmmyy(n) && at(n, 10) == check
}

/// Immigration and Checkpoints Authority: modulus 11, letters by series.
pub(super) fn is_nric(n: &[u8]) -> bool {
    let Some(sum) = weighted(part(n, 1, 8), &[2, 7, 6, 5, 4, 3, 2]) else {
        return false;
    };
    let (letters, offset): (&[u8], u32) = match at(n, 0) {
        b'S' => (b"JZIHGFEDCBA", 0),
        b'T' => (b"JZIHGFEDCBA", 4),
        b'F' => (b"XWUTRQPNMLK", 0),
        b'G' => (b"XWUTRQPNMLK", 4),
        b'M' => (b"KLJNPQRTUWX", 3),
        _ => return false,
    };
    let rest = sum.saturating_add(offset) % 11;
    usize::try_from(rest).is_ok_and(|rest| at(n, 8) == at(letters, rest))
}

/// National Tax Service of Korea.
pub(super) fn is_brn(n: &[u8]) -> bool {
    let Some(sum) = weighted(part(n, 0, 9), &[1, 3, 7, 1, 3, 7, 1, 3, 5]) else {
        return false;
    };
    let sum = sum.saturating_add(digit(at(n, 8)).saturating_mul(5) / 10);
    digit(at(n, 9)) == 10_u32.saturating_sub(sum % 10) % 10
}

/// Receita Federal: the rest by 11, as a digit.
pub(super) fn brazilian(n: &[u8], weights: &[u32]) -> Option<u8> {
    let rest = sum_rest(n, weights, 11)?;
    let check = if rest < 2 {
        0
    } else {
        11_u32.saturating_sub(rest)
    };
    char::from_digit(check, 10).and_then(|c| u8::try_from(c).ok())
}

/// Two check digits: of the odd and even places, and of all ten.
pub(super) fn is_turkish(n: &[u8]) -> bool {
    let odd = weighted(part(n, 0, 9), &[7, 0, 7, 0, 7, 0, 7, 0, 7]);
    let even = weighted(part(n, 0, 9), &[0, 1, 0, 1, 0, 1, 0, 1, 0]);
    let (Some(odd), Some(even)) = (odd, even) else {
        return false;
    };
    // 7 × odd − even, kept above nought by a multiple of ten.
    let tenth = odd.saturating_add(100).saturating_sub(even) % 10;
    let eleventh = weighted(part(n, 0, 10), &[1; 10]).map(|sum| sum % 10);
    at(n, 0) != b'0' && tenth == digit(at(n, 9)) && eleventh == Some(digit(at(n, 10)))
}
