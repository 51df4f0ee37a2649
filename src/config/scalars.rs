/*! Scalars of routing: flags, counts, durations, prices, patterns. */

use super::fields::{Located, Node, Read};
use super::problem::Problems;
use super::rule::Pattern;
use super::tree::Tree;
use super::values::text;
use std::ops::RangeInclusive;

/// Longest duration, in milliseconds: a day.
const MAX_DURATION_MS: u64 = 86_400_000;

/// Highest price: a thousand times what the dearest model on offer costs. Keeps the cost of a
/// call far below what 128 bits hold.
const MAX_USD: u64 = 1_000_000;

/// `true` or `false`.
pub(super) fn flag(node: &Node<'_>, problems: &mut Problems) -> Option<bool> {
    match node.tree {
        Tree::Bool(value) => Some(*value),
        _ => node.wanted("true or false", problems),
    }
}

/// A whole number within bounds.
pub(super) fn count(
    node: &Node<'_>,
    problems: &mut Problems,
    bounds: RangeInclusive<u64>,
) -> Option<u64> {
    let (Tree::String(text) | Tree::Number(text)) = node.tree else {
        return node.wanted("a whole number", problems);
    };
    let number = whole(text).filter(|number| bounds.contains(number));
    if number.is_none() {
        let (least, most) = (bounds.start(), bounds.end());
        let message = format!("must be a whole number from {least} to {most}");
        problems.error(&node.path, message);
    }
    number
}

/// As [`count`], for numbers that fit.
pub(super) fn small_count(
    node: &Node<'_>,
    problems: &mut Problems,
    bounds: RangeInclusive<u32>,
) -> Option<u32> {
    let wide = u64::from(*bounds.start())..=u64::from(*bounds.end());
    u32::try_from(count(node, problems, wide)?).ok()
}

/// A number of tokens, up to more than any context window has.
pub(super) fn tokens(node: &Node<'_>, problems: &mut Problems) -> Option<Located<u64>> {
    let tokens = count(node, problems, 1..=1_000_000_000)?;
    Some(node.located(tokens))
}

fn whole(text: &str) -> Option<u64> {
    // `parse` would take a plus sign too.
    let only_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    only_digits.then(|| text.parse().ok())?
}

/// A time in milliseconds: a whole number with a unit (`500ms`, `20s`, `5m`, `1h`).
pub(super) fn duration(node: &Node<'_>, problems: &mut Problems) -> Option<Located<u64>> {
    let Tree::String(text) = node.tree else {
        return node.wanted("a time such as 20s", problems);
    };
    let duration = parse_duration(text);
    match duration {
        None => {
            let message = format!("{text:?} is no time; write 500ms, 20s, 5m or 1h");
            problems.error(&node.path, message);
        }
        Some(ms) if !(1..=MAX_DURATION_MS).contains(&ms) => {
            problems.error(&node.path, "must be between 1ms and 24h");
        }
        Some(_) => {}
    }
    duration.map(|ms| node.located(ms))
}

fn parse_duration(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let factor: u64 = match unit.trim_start() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    whole(number)?.checked_mul(factor)
}

/// USD for a million tokens, as pico-USD for one.
pub(super) fn usd_for_a_million(node: &Node<'_>, problems: &mut Problems) -> Option<u64> {
    usd(node, problems, "USD for a million tokens", "1.25", 6)
}

/// USD for an answered request, as nano-USD.
pub(super) fn usd_for_a_request(node: &Node<'_>, problems: &mut Problems) -> Option<u64> {
    usd(node, problems, "USD for a request", "0.001", 9)
}

/// USD for a second of sound, as nano-USD.
pub(super) fn usd_for_a_second(node: &Node<'_>, problems: &mut Problems) -> Option<u64> {
    usd(node, problems, "USD for a second", "0.0001", 9)
}

/// USD for an image, as nano-USD.
pub(super) fn usd_for_an_image(node: &Node<'_>, problems: &mut Problems) -> Option<u64> {
    usd(node, problems, "USD for an image", "0.04", 9)
}

/// USD for a million characters, as pico-USD for one.
pub(super) fn usd_for_characters(node: &Node<'_>, problems: &mut Problems) -> Option<u64> {
    usd(node, problems, "USD for a million characters", "15", 6)
}

fn usd(
    node: &Node<'_>,
    problems: &mut Problems,
    what: &str,
    example: &str,
    decimals: u8,
) -> Option<u64> {
    let (Tree::String(text) | Tree::Number(text)) = node.tree else {
        return node.wanted(&format!("{what}, such as {example}"), problems);
    };
    let price = parse_usd(text, decimals, MAX_USD);
    if price.is_none() {
        let message = format!(
            "{text:?} is no price; write {what}, from 0 to {MAX_USD}, with up to {decimals} decimals"
        );
        problems.error(&node.path, message);
    }
    price
}

/// Most dollars in one window: a billion.
const MAX_BUDGET_USD: u64 = 1_000_000_000;

/// An amount of USD, as nano-USD; more than 0.
pub(super) fn amount_usd(node: &Node<'_>, problems: &mut Problems) -> Option<u64> {
    let (Tree::String(text) | Tree::Number(text)) = node.tree else {
        return node.wanted("an amount of USD, such as 50 or 0.25", problems);
    };
    let amount = nano_usd(text).filter(|amount| *amount > 0);
    if amount.is_none() {
        let message = format!(
            "{text:?} is no amount; write USD, more than 0 and up to {MAX_BUDGET_USD}, with up to 9 decimals"
        );
        problems.error(&node.path, message);
    }
    amount
}

/// An amount of USD with up to 9 decimals, as nano-USD; `None` if it is none, or more than a
/// billion.
pub fn nano_usd(text: &str) -> Option<u64> {
    parse_usd(text, 9, MAX_BUDGET_USD)
}

/// A percentage from 1 to 100, with or without its sign.
pub(super) fn percent(node: &Node<'_>, problems: &mut Problems) -> Option<u8> {
    let (Tree::String(text) | Tree::Number(text)) = node.tree else {
        return node.wanted("a percentage such as 80%", problems);
    };
    let number = whole(text.strip_suffix('%').unwrap_or(text));
    let percent = number.and_then(|number| u8::try_from(number).ok());
    let percent = percent.filter(|percent| (1..=100).contains(percent));
    if percent.is_none() {
        problems.error(&node.path, "must be a percentage from 1% to 100%");
    }
    percent
}

/// A share from 0 to 1 with up to three decimals, in thousandths.
pub(super) fn share(node: &Node<'_>, problems: &mut Problems) -> Option<u16> {
    let (Tree::String(text) | Tree::Number(text)) = node.tree else {
        return node.wanted("a number from 0 to 1, such as 0.5", problems);
    };
    let share = parse_share(text);
    if share.is_none() {
        let message = "must be a number from 0 to 1 with up to 3 decimals";
        problems.error(&node.path, message);
    }
    share
}

fn parse_share(text: &str) -> Option<u16> {
    let (ones, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if ones.is_empty() || !(1..=3).contains(&fraction.len()) {
        return None;
    }
    let share = whole(ones)?
        .checked_mul(1_000)?
        .checked_add(whole(&format!("{fraction:0<3}"))?)?;
    u16::try_from(share).ok().filter(|share| *share <= 1_000)
}

/// USD up to `most` with up to so many decimals, in units of the last of them.
fn parse_usd(text: &str, decimals: u8, most: u64) -> Option<u64> {
    let (dollars, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let places = usize::from(decimals);
    let fits = !dollars.is_empty() && (1..=places).contains(&fraction.len());
    if !fits {
        return None;
    }
    let unit = 10_u64.checked_pow(u32::from(decimals))?;
    let price = whole(dollars)?
        .checked_mul(unit)?
        .checked_add(whole(&format!("{fraction:0<places$}"))?)?;
    (price <= most.saturating_mul(unit)).then_some(price)
}

/// A text, or the beginning of some with `*` at its end.
pub(super) fn pattern(node: &Node<'_>, problems: &mut Problems) -> Option<Pattern> {
    let text = text(node, problems)?;
    let prefix = text.strip_suffix('*');
    if prefix.unwrap_or(&text).contains('*') {
        problems.error(&node.path, "may have a * at its end only");
        return None;
    }
    Some(match prefix {
        Some(prefix) => Pattern::Prefix(prefix.to_owned()),
        None => Pattern::Exact(text),
    })
}

/// One value, or a list of them; `None` if any of them can't be read.
pub(super) fn one_or_more<T>(
    node: &Node<'_>,
    problems: &mut Problems,
    read: Read<T>,
) -> Option<Vec<T>> {
    let Tree::List(_) = node.tree else {
        return read(node, problems).map(|one| vec![one]);
    };
    let elements = node.elements(problems)?;
    // All of them are read before one is missed, so that every problem is told.
    let values: Vec<Option<T>> = elements
        .iter()
        .map(|element| read(element, problems))
        .collect();
    values.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, ms) in [
            ("500ms", Some(500)),
            ("20s", Some(20_000)),
            ("5m", Some(300_000)),
            ("1 h", Some(3_600_000)),
            ("0s", Some(0)),
            ("20", None),
            ("s", None),
            ("1.5s", None),
            ("-1s", None),
            ("+1s", None),
            ("1m30s", None),
            ("20S", None),
            ("99999999999999999999s", None),
            ("9999999999999999h", None),
            ("", None),
        ] {
            assert_eq!(parse_duration(text), ms, "{text}");
        }
    }

    #[test]
    fn shares() {
        for (text, thousandths) in [
            ("0", Some(0)),
            ("0.5", Some(500)),
            ("0.05", Some(50)),
            ("0.125", Some(125)),
            ("1", Some(1_000)),
            ("1.000", Some(1_000)),
            ("1.001", None),
            ("0.1234", None),
            (".5", None),
            ("0.", None),
            ("-0.5", None),
            ("5e-1", None),
            ("50%", None),
            ("99999999999999999999", None),
            ("", None),
        ] {
            assert_eq!(parse_share(text), thousandths, "{text}");
        }
    }

    #[test]
    fn amounts_are_exact() {
        for (text, nano) in [
            ("50", Some(50_000_000_000)),
            ("0.000000001", Some(1)),
            ("1000000000", Some(1_000_000_000_000_000_000)),
            ("1000000000.1", None),
            ("0.0000000001", None),
            ("-1", None),
            ("1e3", None),
            ("", None),
        ] {
            assert_eq!(nano_usd(text), nano, "{text}");
        }
    }

    #[test]
    fn prices_are_exact() {
        for (text, pico) in [
            ("0", Some(0)),
            ("1.25", Some(1_250_000)),
            ("0.000001", Some(1)),
            ("0.125", Some(125_000)),
            ("10", Some(10_000_000)),
            ("1000000", Some(1_000_000_000_000)),
            ("1000000.000001", None),
            ("0.0000001", None),
            ("1.", None),
            (".5", None),
            ("-1", None),
            ("+1", None),
            ("1e3", None),
            ("1,5", None),
            ("1.2.3", None),
            ("1.-5", None),
            ("$1", None),
            ("", None),
            ("99999999999999999999999", None),
        ] {
            assert_eq!(parse_usd(text, 6, MAX_USD), pico, "{text}");
        }
        for (text, nano) in [
            ("0.001", Some(1_000_000)),
            ("0.000000001", Some(1)),
            ("0.0000000001", None),
            ("1000000", Some(1_000_000_000_000_000)),
            ("1000000.000000001", None),
            ("-0.1", None),
        ] {
            assert_eq!(parse_usd(text, 9, MAX_USD), nano, "{text}");
        }
    }
}
