/*! Sorting in little code.

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

/// Sorts in place by `key`: heapsort, for lists of any length. What is equal may change its order.
pub(crate) fn sort_many<T, K: Ord>(list: &mut [T], key: impl Fn(&T) -> K) {
    let length = list.len();
    for root in (0..length / 2).rev() {
        sift(list, root, &key);
    }
    for last in (1..length).rev() {
        list.swap(0, last);
        sift(list.get_mut(..last).unwrap_or_default(), 0, &key);
    }
}

/// Moves the one at `root` down until none below it has a larger key.
fn sift<T, K: Ord>(heap: &mut [T], root: usize, key: &impl Fn(&T) -> K) {
    let mut root = root;
    loop {
        let child = root.saturating_mul(2).saturating_add(1);
        let keys = |place: usize| heap.get(place).map(key);
        let Some(left) = keys(child) else { return };
        let right = keys(child.saturating_add(1));
        let (child, largest) = match right {
            Some(right) if right > left => (child.saturating_add(1), right),
            _ => (child, left),
        };
        if keys(root) >= Some(largest) {
            return;
        }
        heap.swap(root, child);
        root = child;
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

        #[test]
        fn sorts_many_as_the_standard_library_does(mut list in proptest::collection::vec(0..99_u8, 0..400)) {
            let mut wanted = list.clone();
            wanted.sort_unstable();
            sort_many(&mut list, |one| *one);
            prop_assert_eq!(list, wanted);
        }
    }
}
