/*! How a cache's memory is cut up: how many names there are, and what each may hold.

Shared data can't delete a name, so their number is settled by the policy alone. What they cost
is taken off before anything is stored. */

/// Longest shared value, in bytes: all of Envoy's shared data has one lock, and values are
/// copied under it.
pub(super) const VALUE: usize = 16 * 1024;

/// What stands before each piece of an answer: whose it is, and which one.
pub(super) const PIECE_HEAD: usize = 10;

/// Most bytes of an answer in one value.
pub(super) const PIECE: usize = VALUE - PIECE_HEAD;

/// What a name costs Envoy beside its text, in bytes: its node in a map and two strings.
const NAME: usize = 112;

/// Longest answer that lies among the small ones, in bytes: a document of 64 KiB with what stands
/// before it.
pub(super) const SMALL: usize = 64 * 1024 + super::SUM + crate::cache::Kept::HEAD;

const SMALL_SEGMENT: usize = 512 * 1024;
const SMALL_ENTRIES: u16 = 192;
const SMALL_CHUNKS: u16 = 224;
const LARGE_ENTRIES: u16 = 64;

/// Segments of one kind. A segment is one record, which says all of what lies in its chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Class {
    /// Stands in names.
    pub(super) letter: char,
    pub(super) segments: u32,
    /// Most answers in a segment.
    pub(super) entries: u16,
    /// Names of values in a segment.
    pub(super) chunks: u16,
    /// What the values of a segment may cost, in bytes as [`cost`] counts.
    pub(super) room: usize,
}

/// How the memory is cut up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Geometry {
    pub(super) small: Class,
    /// For answers longer than [`SMALL`], if there may be any.
    pub(super) large: Option<Class>,
    /// Longest answer, in bytes.
    pub(super) longest: usize,
}

impl Geometry {
    /// For `memory` bytes and answers of at most `longest`; names are of `name` bytes or fewer.
    /// A quarter is for long answers, if there may be any.
    pub(super) fn new(memory: usize, longest: usize, name: usize) -> Self {
        let for_large = if longest > SMALL { memory / 4 } else { 0 };
        let large_segment = longest.saturating_mul(4).max(1);
        let large = (for_large > 0).then(|| {
            let chunks = large_segment
                .div_ceil(VALUE)
                .saturating_add(usize::from(LARGE_ENTRIES));
            let chunks = u16::try_from(chunks).unwrap_or(u16::MAX);
            let size = (for_large, large_segment, name);
            Class::new('l', size, (LARGE_ENTRIES, chunks))
        });
        let for_small = memory.saturating_sub(for_large);
        let size = (for_small, SMALL_SEGMENT, name);
        Self {
            small: Class::new('s', size, (SMALL_ENTRIES, SMALL_CHUNKS)),
            large,
            longest,
        }
    }

    /// Where answers of this length lie.
    pub(super) fn class_of(&self, length: usize) -> &Class {
        match &self.large {
            Some(large) if length > SMALL => large,
            _ => &self.small,
        }
    }

    /// Where they do not.
    pub(super) fn other(&self, class: &Class) -> Option<&Class> {
        match &self.large {
            Some(large) if large.letter != class.letter => Some(large),
            Some(_) => Some(&self.small),
            None => None,
        }
    }

    /// All of them.
    pub(super) fn classes(&self) -> impl Iterator<Item = &Class> {
        std::iter::once(&self.small).chain(&self.large)
    }
}

impl Class {
    fn new(
        letter: char,
        (memory, segment, name): (usize, usize, usize),
        (entries, chunks): (u16, u16),
    ) -> Self {
        let names = usize::from(chunks).saturating_add(1);
        let names = names.saturating_mul(name.saturating_add(NAME));
        let record = cost(super::record::length(entries, chunks));
        let taken = names.saturating_add(record);
        Self {
            letter,
            segments: u32::try_from(memory.checked_div(segment).unwrap_or(0))
                .unwrap_or(u32::MAX)
                .max(1),
            entries,
            chunks,
            room: segment.min(memory).saturating_sub(taken),
        }
    }

    /// The segment of an answer.
    pub(super) fn segment(&self, digest: &[u8; 32]) -> u32 {
        let word = match self.letter {
            's' => digest.first_chunk::<4>(),
            _ => digest.last_chunk::<4>(),
        };
        let word = word.copied().map_or(0, u32::from_le_bytes);
        word.checked_rem(self.segments).unwrap_or(0)
    }
}

/// What a value of so many bytes costs: allocators round up, by an eighth at most.
pub(super) const fn cost(length: usize) -> usize {
    length.saturating_add(length / 8)
}

/// What the values of an answer of so many bytes cost.
pub(super) fn answer_cost(length: usize) -> usize {
    sizes(length).map(cost).fold(0, usize::saturating_add)
}

/// How long the values of an answer of so many bytes are.
pub(super) fn sizes(length: usize) -> impl Iterator<Item = usize> {
    let whole = length.checked_div(PIECE).unwrap_or(0);
    let rest = length.checked_rem(PIECE).unwrap_or(0);
    let rest = (rest > 0 || whole == 0).then(|| rest.saturating_add(PIECE_HEAD));
    std::iter::repeat_n(VALUE, whole).chain(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    #[test]
    fn the_memory_is_never_more_than_was_said() {
        for memory in [4 * MIB, 10 * MIB, 64 * MIB, 100 * MIB + 7, 1024 * MIB] {
            for longest in [1024, SMALL, 256 * 1024, 2 * MIB] {
                if longest > memory / 16 {
                    continue;
                }
                let geometry = Geometry::new(memory, longest, 60);
                let whole: usize = geometry.classes().map(|class| whole(class, 60)).sum();
                assert!(whole <= memory, "{memory} {longest}: {whole}");
                assert!(
                    whole > memory / 8 * 7 - SMALL_SEGMENT,
                    "{memory} {longest}: {whole}"
                );
                for class in geometry.classes() {
                    assert!(super::super::record::length(class.entries, class.chunks) <= VALUE);
                    assert!(answer_cost(longest.min(SMALL)) <= class.room / 3);
                }
                assert!(answer_cost(longest) * 3 <= geometry.class_of(longest).room);
            }
        }
    }

    /// All that a class may take, counted anew.
    fn whole(class: &Class, name: usize) -> usize {
        let record = cost(super::super::record::length(class.entries, class.chunks));
        let names = (usize::from(class.chunks) + 1) * (NAME + name);
        (class.room + record + names) * class.segments as usize
    }

    #[test]
    fn small_answers_are_many() {
        let geometry = Geometry::new(64 * MIB, 256 * 1024, 40);
        let small = geometry.small;
        assert_eq!((small.segments, geometry.large.unwrap().segments), (96, 16));
        assert!(small.segments * u32::from(small.entries) > 18_000);
        let mean = small.room / usize::from(small.entries);
        assert!(mean > 2_000, "{mean} bytes for each");
    }

    #[test]
    fn answers_are_cut_into_values() {
        assert_eq!(sizes(0).collect::<Vec<_>>(), [PIECE_HEAD]);
        assert_eq!(sizes(1).collect::<Vec<_>>(), [PIECE_HEAD + 1]);
        assert_eq!(sizes(PIECE).collect::<Vec<_>>(), [VALUE]);
        assert_eq!(
            sizes(PIECE + 1).collect::<Vec<_>>(),
            [VALUE, PIECE_HEAD + 1]
        );
        assert_eq!(sizes(2 * MIB).count(), 129);
    }
}
