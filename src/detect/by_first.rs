/*! Long lists of words, looked up by their first two bytes. */

use super::view::at;
use std::sync::OnceLock;

const BUCKETS: usize = 1024;

/// A list whose members each have a text of two bytes or more that they begin with.
#[derive(Debug)]
pub(super) struct ByFirst<T: 'static> {
    all: &'static [T],
    text: fn(&T) -> &'static str,
    index: OnceLock<Index>,
}

/// Lists of members, linked by their number: the index and one; 0 ends a list.
#[derive(Debug)]
struct Index {
    heads: [u8; BUCKETS],
    /// The member behind each.
    next: Vec<u8>,
}

/// The same for letters in either case.
fn bucket(first: u8, second: u8) -> usize {
    (usize::from(first & 31) << 5) | usize::from(second & 31)
}

impl<T> ByFirst<T> {
    /// Of at most 255 members.
    pub(super) const fn of(all: &'static [T], text: fn(&T) -> &'static str) -> Self {
        Self {
            all,
            text,
            index: OnceLock::new(),
        }
    }

    /// The members that may begin with these bytes in either case, and some others.
    pub(super) fn that_begin(&self, [first, second]: [u8; 2]) -> impl Iterator<Item = &'static T> {
        let index = self.index.get_or_init(|| self.index());
        let mut number = index
            .heads
            .get(bucket(first, second))
            .copied()
            .unwrap_or_default();
        std::iter::from_fn(move || {
            let place = usize::from(number).checked_sub(1)?;
            number = index.next.get(place).copied().unwrap_or_default();
            self.all.get(place)
        })
    }

    fn index(&self) -> Index {
        let mut index = Index {
            heads: [0; BUCKETS],
            next: Vec::with_capacity(self.all.len()),
        };
        for (member, number) in self.all.iter().zip(1..=u8::MAX) {
            let text = (self.text)(member).as_bytes();
            if let Some(head) = index.heads.get_mut(bucket(at(text, 0), at(text, 1))) {
                index.next.push(*head);
                *head = number;
            }
        }
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_is_found_under_its_first_bytes() {
        static WORDS: ByFirst<&str> = ByFirst::of(&["abc", "ba", "acd", "abd"], |word| word);
        let of = |first: &[u8; 2]| WORDS.that_begin(*first).copied().collect::<Vec<_>>();
        assert_eq!(of(b"ab"), ["abd", "abc"]);
        assert_eq!(of(b"AB"), ["abd", "abc"]);
        assert_eq!(of(b"ba"), ["ba"]);
        assert_eq!(of(b"ca"), [""; 0]);
    }
}
