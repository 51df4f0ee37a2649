/*! Long lists of words, looked up by their first byte. */

use std::sync::OnceLock;

/// A list whose members each have a text that they begin with.
#[derive(Debug)]
pub(super) struct ByFirst<T: 'static> {
    all: &'static [T],
    text: fn(&T) -> &'static str,
    index: OnceLock<Vec<Vec<T>>>,
}

impl<T: Copy> ByFirst<T> {
    pub(super) const fn of(all: &'static [T], text: fn(&T) -> &'static str) -> Self {
        Self {
            all,
            text,
            index: OnceLock::new(),
        }
    }

    /// The members whose text begins with this byte.
    pub(super) fn that_begin(&self, first: u8) -> &[T] {
        let index = self.index.get_or_init(|| self.index());
        index.get(usize::from(first)).map_or(&[], Vec::as_slice)
    }

    fn index(&self) -> Vec<Vec<T>> {
        let begins = |member: &T, first| (self.text)(member).as_bytes().first() == Some(&first);
        let that_begin = |first: u8| {
            let members = self.all.iter().copied();
            members.filter(|member| begins(member, first)).collect()
        };
        (0..=u8::MAX).map(that_begin).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_is_found_under_its_first_byte() {
        static WORDS: ByFirst<&str> = ByFirst::of(&["ab", "b", "ac", "전화"], |word| word);
        assert_eq!(WORDS.that_begin(b'a'), ["ab", "ac"]);
        assert_eq!(WORDS.that_begin(b'b'), ["b"]);
        assert_eq!(WORDS.that_begin(b'c'), [""; 0]);
        assert_eq!(WORDS.that_begin("전".as_bytes()[0]), ["전화"]);
    }
}
