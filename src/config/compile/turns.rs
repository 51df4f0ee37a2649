/*! Who comes first in each of a round of calls, by weight.

Smooth weighted round robin: in each turn every target gains its weight, the richest goes
first and pays the sum of all. After a round of that many turns all are where they began,
each was first as often as its weight says, and the turns of one are spread evenly. */

/// Longest round.
const MAX_ROUND: u32 = 10_000;

/// The index that comes first in each turn; `None` if the round would be too long.
pub(super) fn turns(weights: &[u32]) -> Option<Vec<u16>> {
    let common = weights.iter().copied().fold(0, gcd).max(1);
    let weights: Vec<i64> = weights
        .iter()
        .map(|weight| i64::from(weight.checked_div(common).unwrap_or(1)))
        .collect();
    let round: i64 = weights.iter().sum();
    if round > i64::from(MAX_ROUND) {
        return None;
    }
    let mut gained = vec![0_i64; weights.len()];
    (0..round)
        .map(|_| turn(&mut gained, &weights, round))
        .collect()
}

fn turn(gained: &mut [i64], weights: &[i64], round: i64) -> Option<u16> {
    let mut first = (0_usize, i64::MIN);
    for (index, (gained, weight)) in gained.iter_mut().zip(weights).enumerate() {
        *gained = gained.saturating_add(*weight);
        if *gained > first.1 {
            first = (index, *gained);
        }
    }
    let paid = gained.get_mut(first.0)?;
    *paid = paid.saturating_sub(round);
    u16::try_from(first.0).ok()
}

fn gcd(a: u32, b: u32) -> u32 {
    match a.checked_rem(b) {
        Some(rest) => gcd(b, rest),
        None => a,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn turns_are_spread_and_in_lowest_terms() {
        for (weights, wanted) in [
            (&[1][..], Some(vec![0])),
            (&[7], Some(vec![0])),
            (&[1, 1], Some(vec![0, 1])),
            (&[500, 500], Some(vec![0, 1])),
            (&[3, 1], Some(vec![0, 0, 1, 0])),
            (&[5, 1, 1], Some(vec![0, 0, 1, 0, 2, 0, 0])),
            (&[], Some(vec![])),
        ] {
            assert_eq!(turns(weights), wanted, "{weights:?}");
        }
        assert_eq!(turns(&[999; 64]), Some((0..64).collect()));
        let mut long = vec![1000; 10];
        long.push(1);
        assert_eq!(turns(&long), None);
    }

    proptest! {
        #[test]
        fn a_round_splits_exactly(weights in proptest::collection::vec(1_u32..30, 1..8)) {
            let round = turns(&weights).unwrap();
            for (index, weight) in weights.iter().enumerate() {
                let index = u16::try_from(index).unwrap();
                let firsts = round.iter().filter(|first| **first == index).count() as u64;
                // In lowest terms a round is a fraction of the sum.
                let sum = weights.iter().map(|w| u64::from(*w)).sum::<u64>();
                prop_assert_eq!(firsts * sum, u64::from(*weight) * round.len() as u64);
            }
        }
    }
}
