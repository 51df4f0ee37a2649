/*! Sorting a few things.

The standard library's sorts are quick for many, and tens of kilobytes of code for each type
that they sort; the module is loaded into every worker. */

use std::cmp::Ordering;

/// Sorts in place; what is equal keeps its order. The time grows with the square of the length:
/// for lists of some dozens.
pub(crate) fn sort_few<T>(list: &mut [T], order: &dyn Fn(&T, &T) -> Ordering) {
    for end in 1..list.len() {
        let (sorted, rest) = list.split_at(end);
        let Some(next) = rest.first() else { return };
        let before = |one: &T| order(one, next) != Ordering::Greater;
        let place = sorted.iter().rposition(before);
        let place = place.map_or(0, |place| place.saturating_add(1));
        if let Some(part) = list.get_mut(place..=end) {
            part.rotate_right(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sorts_as_the_standard_library_does(mut list in proptest::collection::vec((0..9_u8, 0..99_u8), 0..40)) {
            let mut wanted = list.clone();
            wanted.sort_by_key(|(key, _)| *key);
            sort_few(&mut list, &|(a, _), (b, _)| a.cmp(b));
            prop_assert_eq!(list, wanted);
        }
    }
}
