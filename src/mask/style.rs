/*! What stands in the place of a value. */

use super::key::HashKey;
use std::fmt::Write as _;

/// Bytes of a hash that are shown: 64 bits keep values of one policy apart.
const SHOWN: usize = 8;

/// How a value is masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Style {
    /// `<EMAIL_ADDRESS>`.
    Replace,
    /// Letters and digits become `*`, but the last four, or the last half of fewer than
    /// eight.
    KeepLast4,
    /// `<EMAIL_ADDRESS:…>` with a keyed hash: the same value gives the same mask, and
    /// nobody without the key can try values.
    Hash(HashKey),
}

impl Style {
    /// Writes what stands for `value`, which is called `name`.
    pub fn write(&self, name: &str, value: &str, out: &mut String) {
        match self {
            Self::Replace => {
                out.push('<');
                out.push_str(name);
                out.push('>');
            }
            Self::KeepLast4 => keep_last_4(value, out),
            Self::Hash(key) => {
                let hash = key.hmac(&[name.as_bytes(), b"\0", value.as_bytes()]);
                out.push('<');
                out.push_str(name);
                out.push(':');
                for byte in hash.iter().take(SHOWN) {
                    // Writing to a string can't fail.
                    let _ = write!(out, "{byte:02x}");
                }
                out.push('>');
            }
        }
    }
}

fn keep_last_4(value: &str, out: &mut String) {
    let signs = value.chars().filter(|c| c.is_alphanumeric()).count();
    let kept = (signs / 2).min(4);
    let mut left = signs.saturating_sub(kept);
    for c in value.chars() {
        if !c.is_alphanumeric() || left == 0 {
            out.push(c);
        } else {
            out.push('*');
            left = left.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(style: &Style, value: &str) -> String {
        let mut out = String::new();
        style.write("CREDIT_CARD", value, &mut out);
        out
    }

    #[test]
    fn values_are_replaced_or_cut_to_their_end() {
        assert_eq!(masked(&Style::Replace, "4111"), "<CREDIT_CARD>");
        let cases = [
            ("4111-1111-1111-1234", "****-****-****-1234"),
            ("+1 (555) 010-9988", "+* (***) ***-9988"),
            ("123456", "***456"),
            ("7", "*"),
            ("", ""),
        ];
        for (value, wanted) in cases {
            assert_eq!(masked(&Style::KeepLast4, value), wanted);
        }
    }

    #[test]
    fn hashes_depend_on_key_and_value() {
        let style = |key: &str| Style::Hash(HashKey::new(key.to_owned()).unwrap());
        let [a, b] = ["key of 16 bytes.", "key of 17 bytes.."].map(style);
        assert_eq!(masked(&a, "x"), masked(&a, "x"));
        assert_ne!(masked(&a, "x"), masked(&a, "y"));
        assert_ne!(masked(&a, "x"), masked(&b, "x"));
    }
}
