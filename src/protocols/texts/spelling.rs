/*! How what is no text is spelled. Strings are looked at as they stand between their quotes. */

/// Longest name or id, in bytes: those of providers are below 100.
const MAX_NAME: usize = 128;

/// Longest token, in bytes: signed ones have one or two KiB.
const MAX_TOKEN: usize = 8 * 1024;

/// Longest front of a data URL, in bytes: its media type and what belongs to that.
const MAX_FRONT: usize = 256;

const BASE64: &[u8] = b";base64,";

/// Most digits of a name that no letter stands between: numbers of persons have more.
const MAX_DIGITS: u32 = 6;

/// Whether it can be a name of a tool or a model, or a type. Dates aside, no long number is.
pub(in crate::protocols) fn is_name(raw: &[u8]) -> bool {
    is_id(raw) && !has_number(raw)
}

/// Whether there are many digits that no letter stands between. Dates, as models and tools of
/// providers have them, count as none.
fn has_number(raw: &[u8]) -> bool {
    let mut digits = 0_u32;
    let mut behind_digit = false;
    let mut rest = raw;
    while let Some((byte, after)) = rest.split_first() {
        if let Some(after) = after_date(rest).filter(|_| !behind_digit) {
            rest = after;
            continue;
        }
        behind_digit = byte.is_ascii_digit();
        if behind_digit {
            digits = digits.saturating_add(1);
        } else if byte.is_ascii_alphabetic() {
            digits = 0;
        }
        if digits > MAX_DIGITS {
            return true;
        }
        rest = after;
    }
    false
}

/// What follows a date of this century: `20260102` or `2026-01-02`.
fn after_date(raw: &[u8]) -> Option<&[u8]> {
    let (date, after) = match raw {
        [b'2', b'0', a, b, b'-', m, n, b'-', d, e, after @ ..]
        | [b'2', b'0', a, b, m, n, d, e, after @ ..] => ([a, b, m, n, d, e], after),
        _ => return None,
    };
    let [_, _, m, _, d, _] = date;
    let possible = date.iter().all(|byte| byte.is_ascii_digit()) && *m <= b'1' && *d <= b'3';
    let ends = !after.first().is_some_and(u8::is_ascii_digit);
    (possible && ends).then_some(after)
}

/// Whether it can be an id, or a time. A URL is none.
pub(in crate::protocols) fn is_id(raw: &[u8]) -> bool {
    raw.len() <= MAX_NAME
        && raw.iter().copied().all(is_in_names)
        && !raw.windows(2).any(|pair| pair == b"//")
}

const fn is_in_names(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'/' | b'-')
}

/// Whether a key is spelled as members of APIs are: lower case and `_`. No secret or number is.
pub(in crate::protocols) fn is_key(raw: &[u8]) -> bool {
    const LONGEST: usize = 32;
    let plain = |byte: &u8| byte.is_ascii_lowercase() || *byte == b'_';
    raw.len() <= LONGEST && raw.iter().all(plain)
}

/// Whether it can be base64, of either alphabet.
pub(in crate::protocols) fn is_encoded(raw: &[u8]) -> bool {
    // Without a branch for each byte: images have megabytes.
    let all = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(true, |all, byte| all & is_in_base64(*byte))
    };
    let (blocks, tail) = raw.as_chunks::<64>();
    let plain = blocks.iter().all(|block| all(block)) && all(tail);
    plain || is_encoded_with_escapes(raw)
}

/// JSON allows `\/` for `/`, and some writers do so everywhere.
fn is_encoded_with_escapes(raw: &[u8]) -> bool {
    let mut rest = raw;
    loop {
        match rest {
            [] => return true,
            [b'\\', b'/', after @ ..] => rest = after,
            [byte, after @ ..] if is_in_base64(*byte) => rest = after,
            _ => return false,
        }
    }
}

const fn is_in_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'_' | b'-')
}

/// Whether it can be a bearer token (RFC 6750, section 2.1).
pub(in crate::protocols) fn is_token(raw: &[u8]) -> bool {
    let in_token = |byte: &u8| is_in_base64(*byte) || matches!(byte, b'.' | b'~');
    raw.len() <= MAX_TOKEN && raw.iter().all(in_token)
}

/// Whether it is a data URL in base64.
pub(in crate::protocols) fn is_data_url(raw: &[u8]) -> bool {
    let front = raw.get(..MAX_FRONT).unwrap_or(raw);
    let Some(at) = front.windows(BASE64.len()).position(|part| part == BASE64) else {
        return false;
    };
    let (front, data) = raw.split_at_checked(at).unwrap_or_default();
    let (scheme, kind) = front.split_at_checked(5).unwrap_or_default();
    let in_kind = |byte: &u8| is_in_names(*byte) || matches!(byte, b';' | b'=' | b'+' | b'\\');
    scheme.eq_ignore_ascii_case(b"data:")
        && kind.iter().all(in_kind)
        && is_encoded(data.get(BASE64.len()..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let long = "a".repeat(MAX_NAME);
        for name in [
            "",
            "chatcmpl-ByL0e7Qw",
            "toolu_01A09q90qw90lq917835lq9",
            "gpt-5.1-2026-01-02",
            "meta-llama/Llama-3.3-70B",
            "anthropic.claude-opus-4-8-v1:0",
            "2026-11-23T02:00:00Z",
            &long,
        ] {
            assert!(is_name(name.as_bytes()), "{name}");
        }
        let longer = format!("{long}a");
        for text in [
            "a b",
            "a@b",
            "é",
            r"\u0061",
            "+49",
            "a,b",
            "(1)",
            "https://a.b",
            &longer,
        ] {
            assert!(!is_name(text.as_bytes()), "{text}");
            assert!(!is_id(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn long_numbers_are_ids_and_no_names() {
        for (text, name) in [
            ("claude-sonnet-4-20250514", true),
            ("gpt-5.1-2026-01-02", true),
            ("web_search_20250305", true),
            ("ticket_123456", true),
            ("ticket_1234567", false),
            ("4111111111111111", false),
            ("4111-1111-1111-1111", false),
            ("pay_4111111111111111", false),
            ("078-05-1120", false),
            ("192.168.100.100", false),
            // Dates are not looked for within numbers.
            ("42025010142", false),
            ("2025010142", false),
            ("20254014", false),
        ] {
            assert_eq!(is_name(text.as_bytes()), name, "{text}");
            assert!(is_id(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn keys() {
        for (text, key) in [
            ("reasoning_content", true),
            ("top_p", true),
            ("", true),
            ("x-groq", false),
            ("sha256", false),
            ("ghp_x7Kd92LmQpR4tVwYzA1bC3eF5gH6iJ8kN0oS", false),
            ("4111111111111111", false),
            ("ada@example.org", false),
        ] {
            assert_eq!(is_key(text.as_bytes()), key, "{text}");
        }
    }

    #[test]
    fn base64() {
        for (text, encoded) in [
            ("", true),
            ("AZaz09+/==", true),
            ("AZaz09-_", true),
            (r"ab\/cd", true),
            (r"ab\\/cd", false),
            (r"ab\n", false),
            ("a b", false),
            ("a.b", false),
            ("ada@example.org", false),
        ] {
            let long = format!("{}{text}{}", "A".repeat(100), "A".repeat(100));
            assert_eq!(is_encoded(long.as_bytes()), encoded, "{long}");
            assert_eq!(is_encoded(text.as_bytes()), encoded, "{text}");
        }
    }

    #[test]
    fn data_urls() {
        for (text, wanted) in [
            ("data:image/png;base64,iVBORw0KGgo=", true),
            (r"DATA:image\/svg+xml;charset=utf-8;base64,AAAA", true),
            ("data:;base64,", true),
            ("data:text/plain,hello", false),
            ("data:text/plain;base64,hello you", false),
            ("data:text/plain;name=ada@example.org;base64,AAAA", false),
            ("https://example.org/;base64,AAAA", false),
            (";base64,AAAA", false),
            ("", false),
        ] {
            assert_eq!(is_data_url(text.as_bytes()), wanted, "{text}");
        }
        let far = format!("data:{};base64,AAAA", "a".repeat(MAX_FRONT));
        assert!(!is_data_url(far.as_bytes()));
    }
}
