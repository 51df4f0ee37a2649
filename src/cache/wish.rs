/*! What a caller says of the cache: `x-tollgate-cache`, and `cache-control` as RFC 9111 has it for
requests (5.2.1). */

use crate::http::Headers;
use crate::protocols::{ErrorKind, Refusal};

/// What a caller wants of the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// An answer that was given before, if it is not older than so many milliseconds.
    Use {
        /// No bound unless one was named.
        max_age_ms: u64,
    },
    /// A new answer, which is stored.
    Refresh,
    /// A new answer, which is not.
    Bypass,
}

impl Default for Wish {
    fn default() -> Self {
        Self::Use {
            max_age_ms: u64::MAX,
        }
    }
}

impl Wish {
    /// Reads it from the head of a request. Of several wishes the one that trusts the cache
    /// least counts.
    ///
    /// # Errors
    /// `x-tollgate-cache` has another word than `bypass` and `refresh`.
    pub fn read(headers: Headers<'_>) -> Result<Self, Refusal> {
        let mut wish = Self::default();
        for value in headers.all("x-tollgate-cache") {
            wish = wish.and(match value.trim_ascii() {
                word if word.eq_ignore_ascii_case(b"bypass") => Self::Bypass,
                word if word.eq_ignore_ascii_case(b"refresh") => Self::Refresh,
                _ => return Err(unknown()),
            });
        }
        for value in headers.all("cache-control") {
            let directives = value.split(|byte| *byte == b',');
            wish = directives.filter_map(directive).fold(wish, Self::and);
        }
        Ok(wish)
    }

    const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Bypass, _) | (_, Self::Bypass) => Self::Bypass,
            (Self::Refresh, _) | (_, Self::Refresh) => Self::Refresh,
            (Self::Use { max_age_ms: one }, Self::Use { max_age_ms: other }) => Self::Use {
                max_age_ms: if one < other { one } else { other },
            },
        }
    }
}

/// Whether the caller wants nothing but an answer that was given before
/// (`cache-control: only-if-cached`, RFC 9111, 5.2.1.7).
pub fn only_if_cached(headers: Headers<'_>) -> bool {
    let mut lines = headers.all("cache-control");
    lines.any(|line| {
        let mut directives = line.split(|byte| *byte == b',');
        directives.any(|one| one.trim_ascii().eq_ignore_ascii_case(b"only-if-cached"))
    })
}

/// What one directive wants; those that are not known want nothing. An age that is no number
/// allows none.
fn directive(text: &[u8]) -> Option<Wish> {
    let text = std::str::from_utf8(text).ok()?.trim().to_ascii_lowercase();
    match text.as_str() {
        "no-store" => return Some(Wish::Bypass),
        "no-cache" => return Some(Wish::Refresh),
        _ => {}
    }
    let age = text.strip_prefix("max-age=")?.trim_matches('"');
    let digits = !age.is_empty() && age.bytes().all(|byte| byte.is_ascii_digit());
    // More digits than a number has are more than any age.
    let seconds = digits.then(|| age.parse::<u64>().unwrap_or(u64::MAX));
    let max_age_ms = seconds.unwrap_or(0).saturating_mul(1_000);
    Some(match max_age_ms {
        0 => Wish::Refresh,
        _ => Wish::Use { max_age_ms },
    })
}

fn unknown() -> Refusal {
    let message = "The header x-tollgate-cache must be bypass or refresh.";
    Refusal::new(ErrorKind::Invalid, "invalid_value", message).at("x-tollgate-cache")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&str, &str)]) -> Result<Wish, Refusal> {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
            .collect();
        Wish::read(Headers(&headers))
    }

    #[test]
    fn words_and_directives() {
        let within = |max_age_ms| Wish::Use { max_age_ms };
        let cc = "cache-control";
        for (headers, wish) in [
            (&[][..], Wish::default()),
            (&[("x-tollgate-cache", "bypass")], Wish::Bypass),
            (&[("x-tollgate-cache", " Refresh ")], Wish::Refresh),
            (&[(cc, "no-store")], Wish::Bypass),
            (&[(cc, "No-Cache")], Wish::Refresh),
            (&[(cc, "max-age=60")], within(60_000)),
            (&[(cc, "max-age=\"60\"")], within(60_000)),
            (&[(cc, "max-age=0")], Wish::Refresh),
            (&[(cc, "max-age=")], Wish::Refresh),
            (&[(cc, "max-age=-1")], Wish::Refresh),
            (&[(cc, "max-age=soon")], Wish::Refresh),
            (&[(cc, "max-age=99999999999999999999999")], within(u64::MAX)),
            (&[(cc, "min-fresh=5, no-transform")], Wish::default()),
            (&[(cc, "max-age=60, max-age=5")], within(5_000)),
            (&[(cc, "max-age=60 ,no-cache")], Wish::Refresh),
            (&[(cc, "max-age=60"), (cc, "no-store")], Wish::Bypass),
            (
                &[("x-tollgate-cache", "refresh"), (cc, "no-store")],
                Wish::Bypass,
            ),
            (&[(cc, "no-storex")], Wish::default()),
            (&[(cc, "\u{ff}")], Wish::default()),
        ] {
            assert_eq!(read(headers), Ok(wish), "{headers:?}");
        }
    }

    #[test]
    fn only_what_is_there() {
        for (lines, only) in [
            (&[][..], false),
            (&["only-if-cached"], true),
            (&["max-age=60, Only-If-Cached"], true),
            (&["max-age=60", " only-if-cached ,no-cache"], true),
            (&["only-if-cachedx", "only-if-cached=1", "no-cache"], false),
        ] {
            let headers = lines
                .iter()
                .map(|line| ("cache-control".to_owned(), line.as_bytes().to_vec()));
            let headers: Vec<_> = headers.collect();
            assert_eq!(only_if_cached(Headers(&headers)), only, "{lines:?}");
        }
        assert_eq!(
            read(&[("cache-control", "only-if-cached")]),
            Ok(Wish::default())
        );
    }

    #[test]
    fn a_slip_is_told() {
        for word in ["bypas", "", "bypass, refresh", "true"] {
            let refusal = read(&[("x-tollgate-cache", word)]).unwrap_err();
            assert_eq!(refusal.code, "invalid_value", "{word}");
        }
    }
}
