/*! Numbers of JSON, compared as the decimals that they are. */

use std::cmp::Ordering;

/// A number as it is written. Nothing is rounded, however long it is.
struct Decimal<'t> {
    negative: bool,
    whole: &'t str,
    fraction: &'t str,
    /// Zeros in front of all other digits.
    zeros: usize,
    /// Where the first digit that is no zero stands: 1 for units, 0 for tenths.
    magnitude: i64,
}

/// Which of two numbers is larger; `None` if one of the texts is no number of JSON (RFC 8259,
/// section 6).
pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (Decimal::read(a)?, Decimal::read(b)?);
    Some(match (a.sign(), b.sign()) {
        (left, right) if left != right => left.cmp(&right),
        (0, _) => Ordering::Equal,
        (1, _) => a.compare_size(&b),
        _ => b.compare_size(&a),
    })
}

impl<'t> Decimal<'t> {
    fn read(text: &'t str) -> Option<Self> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(unsigned) => (true, unsigned),
            None => (false, text),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, self::exponent(exponent)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) if are_digits(fraction) => (whole, fraction),
            Some(_) => return None,
            None => (mantissa, ""),
        };
        if !are_digits(whole) || (whole.len() > 1 && whole.starts_with('0')) {
            return None;
        }
        let digits = whole.bytes().chain(fraction.bytes());
        let zeros = digits.take_while(|digit| *digit == b'0').count();
        let magnitude = length(whole.len()).saturating_sub(length(zeros));
        Some(Self {
            negative,
            whole,
            fraction,
            zeros,
            magnitude: magnitude.saturating_add(exponent),
        })
    }

    fn sign(&self) -> i8 {
        let digits = self.whole.len().saturating_add(self.fraction.len());
        match (self.zeros == digits, self.negative) {
            (true, _) => 0,
            (false, false) => 1,
            (false, true) => -1,
        }
    }

    /// Digits from the first that is no zero on.
    fn digits(&self) -> impl Iterator<Item = u8> {
        let all = self.whole.bytes().chain(self.fraction.bytes());
        all.skip(self.zeros)
    }

    fn compare_size(&self, other: &Self) -> Ordering {
        let sizes = self.magnitude.cmp(&other.magnitude);
        sizes.then_with(|| {
            let (mut left, mut right) = (self.digits(), other.digits());
            loop {
                let order = match (left.next(), right.next()) {
                    (None, None) => return Ordering::Equal,
                    (left, right) => left.unwrap_or(b'0').cmp(&right.unwrap_or(b'0')),
                };
                if order != Ordering::Equal {
                    return order;
                }
            }
        })
    }
}

/// Too large a one counts as larger, or smaller, than that of any number that is written out.
fn exponent(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if !are_digits(digits) {
        return None;
    }
    let value = digits.bytes().fold(0_i64, |value, digit| {
        let digit = i64::from(digit.saturating_sub(b'0'));
        value.saturating_mul(10).saturating_add(digit)
    });
    Some(if negative {
        value.saturating_neg()
    } else {
        value
    })
}

fn are_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn length(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_compared_as_decimals() {
        for (a, order, b) in [
            ("1", Ordering::Equal, "1.0"),
            ("1", Ordering::Equal, "10e-1"),
            ("1", Ordering::Equal, "0.01E+2"),
            ("0", Ordering::Equal, "-0"),
            ("-0.0", Ordering::Equal, "0e99"),
            ("0.1", Ordering::Less, "0.10000000000000000000000000000001"),
            ("1", Ordering::Less, "1.00000000000000000000000000000001"),
            ("9007199254740993", Ordering::Greater, "9007199254740992"),
            ("1e400", Ordering::Greater, "1e399"),
            ("1e400", Ordering::Greater, "99999"),
            ("1e99999999999999999999999", Ordering::Greater, "4096"),
            ("-1e99999999999999999999999", Ordering::Less, "-4096"),
            ("1e-99999999999999999999999", Ordering::Less, "0.001"),
            ("1e-99999999999999999999999", Ordering::Greater, "0"),
            ("0e99999999999999999999999", Ordering::Equal, "0"),
            ("-2", Ordering::Less, "-1"),
            ("-0.5", Ordering::Less, "0"),
            ("0.05", Ordering::Less, "0.5"),
            ("10", Ordering::Greater, "9"),
            ("2", Ordering::Greater, "1.9999"),
            ("123.456", Ordering::Less, "123.4561"),
        ] {
            assert_eq!(compare(a, b), Some(order), "{a} {b}");
            assert_eq!(compare(b, a), Some(order.reverse()), "{b} {a}");
        }
    }

    #[test]
    fn what_is_no_number_is_not_compared() {
        for text in [
            "", "-", "+1", "01", ".5", "1.", "1e", "1e+", "1.e1", "NaN", "inf", "0x1", "1 ", "1_0",
            "--1", "1e1.5", "٣",
        ] {
            assert_eq!(compare(text, "1"), None, "{text}");
            assert_eq!(compare("1", text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_integers(a: i64, b: i64, places in 0_usize..6) {
            let shifted = |number: i64| format!("{number}{}e-{places}", "0".repeat(places));
            prop_assert_eq!(compare(&a.to_string(), &shifted(b)), Some(a.cmp(&b)));
        }

        #[test]
        fn the_order_is_that_of_floats(a: f64, b: f64) {
            prop_assume!(a.is_finite() && b.is_finite());
            let wanted = a.partial_cmp(&b);
            prop_assert_eq!(compare(&a.to_string(), &format!("{b:e}")), wanted);
        }

        #[test]
        fn any_text_is_read(a: String, b in "-?[0-9.eE+-]{0,12}") {
            let order = compare(&a, &b);
            prop_assert_eq!(compare(&b, &a), order.map(Ordering::reverse));
        }
    }
}
