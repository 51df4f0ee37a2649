/*! Hashes of features; `train/features.py` has the same. */

/// The number of buckets.
pub(super) const BUCKETS: u32 = 3 << 16;

const K: [u32; 4] = [0x9E37_79B1, 0x85EB_CA77, 0xC2B2_AE3D, 0x27D4_EB2F];

/// Before and after a word.
pub(super) const EDGE: u32 = 1;

/// The bucket of a hash.
pub(super) fn bucket(mut h: u32) -> usize {
    h ^= h >> 15;
    h = h.wrapping_mul(0x2C1B_3C6D);
    h ^= h >> 13;
    let part = u64::from(h.wrapping_mul(K[0])).wrapping_mul(u64::from(BUCKETS)) >> 32;
    usize::try_from(part).unwrap_or(0)
}

/// The bucket of a feature of some numbers.
pub(super) fn seeded(tag: u32, parts: &[u32]) -> usize {
    bucket(parts.iter().fold(tag.wrapping_mul(K[0]), |h, part| {
        let h = (h ^ part).wrapping_mul(K[1]);
        h ^ (h >> 15)
    }))
}

/// The hash of a word, letter by letter (FNV-1a over code points).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word(pub(super) u32);

impl Word {
    pub(super) const EMPTY: Word = Word(0x811C_9DC5);

    pub(super) fn with(self, letter: u32) -> Word {
        Word((self.0 ^ letter).wrapping_mul(0x0100_0193))
    }
}

/// The buckets of 4 letters in a row of `word`, edges included.
pub(super) fn letters(word: &[u32]) -> impl Iterator<Item = usize> {
    word.windows(4).map(|row| {
        let sum = row.iter().zip(K).fold(0_u32, |sum, (letter, k)| {
            sum.wrapping_add(letter.wrapping_mul(k))
        });
        bucket(sum)
    })
}
