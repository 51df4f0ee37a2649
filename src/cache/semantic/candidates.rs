/*! Answers to questions that may be the same: those with one set of [`super::Marks`], in one value
of the store. */

use super::vector::{Likeness, MAX_DIMENSIONS, Vector};

/// The layout.
const VERSION: u8 = 1;

/// Most bytes of all of them: a value of shared data has 16 KB. 28 embeddings of 384 dimensions.
const MAX_BYTES: usize = 12 * 1024;

/// Bytes of a candidate beside its vector.
const FRONT: usize = 40;

/// Questions that were asked, the oldest first. All vectors have the same dimensions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Candidates(Vec<Candidate>);

/// A question that was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// When its answer is none any more, in milliseconds since the Unix epoch.
    pub expires_ms: u64,
    /// What its answer is found by.
    pub answer: [u8; 32],
    /// Its embedding.
    pub vector: Vector,
}

impl Candidates {
    /// From [`Candidates::encode`]; none if the bytes have another layout.
    pub fn decode(bytes: &[u8]) -> Self {
        Self(decode(bytes).unwrap_or_default())
    }

    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        let dimensions = self.dimensions();
        let mut bytes = vec![VERSION];
        bytes.extend(u16::try_from(dimensions).unwrap_or(0).to_le_bytes());
        for candidate in &self.0 {
            bytes.extend(candidate.expires_ms.to_le_bytes());
            bytes.extend(candidate.answer);
            bytes.extend(candidate.vector.as_bytes());
        }
        bytes
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The answer to the question that is most like this one, if it is so like it at least.
    pub fn nearest(
        &self,
        vector: &Vector,
        least: Likeness,
        now_ms: u64,
    ) -> Option<(&[u8; 32], Likeness)> {
        let fresh = self.0.iter().filter(|known| known.expires_ms > now_ms);
        let like = fresh.filter_map(|known| {
            let likeness = known.vector.likeness(vector)?;
            (likeness >= least).then_some((&known.answer, likeness))
        });
        like.max_by_key(|(_, likeness)| *likeness)
    }

    /// Adds a question. Those that have expired go, and the oldest where there is no room.
    pub fn add(&mut self, new: Candidate, now_ms: u64) {
        let dimensions = new.vector.dimensions();
        self.0.retain(|known| {
            let stays = known.expires_ms > now_ms && known.answer != new.answer;
            stays && known.vector.dimensions() == dimensions
        });
        self.0.push(new);
        let most = MAX_BYTES
            .checked_div(dimensions.saturating_add(FRONT))
            .unwrap_or(0);
        let over = self.0.len().saturating_sub(most.max(1));
        self.0.drain(..over);
    }

    fn dimensions(&self) -> usize {
        let first = self.0.first();
        first.map_or(0, |first| first.vector.dimensions())
    }
}

fn decode(bytes: &[u8]) -> Option<Vec<Candidate>> {
    let ([version, low, high], rest) = bytes.split_first_chunk()?;
    let dimensions = usize::from(u16::from_le_bytes([*low, *high]));
    let length = dimensions.saturating_add(FRONT);
    if *version != VERSION
        || dimensions > MAX_DIMENSIONS
        || rest.len().checked_rem(length) != Some(0)
    {
        return None;
    }
    rest.chunks_exact(length).map(candidate).collect()
}

fn candidate(bytes: &[u8]) -> Option<Candidate> {
    let (expires, rest) = bytes.split_first_chunk()?;
    let (answer, vector) = rest.split_first_chunk()?;
    Some(Candidate {
        expires_ms: u64::from_le_bytes(*expires),
        answer: *answer,
        vector: Vector::from_bytes(vector)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(number: u8, floats: &[f32]) -> Candidate {
        Candidate {
            expires_ms: 100,
            answer: [number; 32],
            vector: Vector::of(floats).unwrap(),
        }
    }

    #[test]
    fn the_nearest_that_is_near_enough() {
        let mut all = Candidates::default();
        let asked = Vector::of(&[1.0, 0.1, 0.0]).unwrap();
        assert_eq!(all.nearest(&asked, Likeness(-10_000), 0), None);
        all.add(candidate(1, &[0.0, 1.0, 0.0]), 0);
        all.add(candidate(2, &[1.0, 0.0, 0.0]), 0);
        all.add(candidate(3, &[1.0, 0.5, 0.0]), 0);
        let (answer, likeness) = all.nearest(&asked, Likeness(9000), 0).unwrap();
        assert_eq!(answer, &[2; 32]);
        assert!(likeness > Likeness(9900));
        assert_eq!(all.nearest(&asked, Likeness(9990), 0), None);
        // Too late, or of another model.
        assert_eq!(all.nearest(&asked, Likeness(0), 100), None);
        let other = Vector::of(&[1.0, 0.1]).unwrap();
        assert_eq!(all.nearest(&other, Likeness(0), 0), None);
        // The same answer once.
        all.add(candidate(2, &[0.0, 0.0, 1.0]), 0);
        assert_ne!(all.nearest(&asked, Likeness(0), 0).unwrap().0, &[2; 32]);
    }

    #[test]
    fn bytes_and_their_bound() {
        for dimensions in [3, 384, 1536, 4096] {
            let mut all = Candidates::default();
            for number in 0..=255 {
                let mut floats = vec![0.25; dimensions];
                floats[usize::from(number) % dimensions] = 1.0;
                all.add(candidate(number, &floats), 0);
                let bytes = all.encode();
                assert!(bytes.len() <= MAX_BYTES + 3, "{}", bytes.len());
                assert_eq!(Candidates::decode(&bytes), all);
            }
            // The last is among them.
            let newest = all.0.last().unwrap().vector.clone();
            let (answer, _) = all.nearest(&newest, Likeness(9999), 0).unwrap();
            assert_eq!(answer, &[255; 32]);
            // Another model, and they are gone.
            all.add(candidate(1, &[1.0]), 0);
            assert_eq!(all.0.len(), 1);
            all.add(candidate(2, &[1.0]), 100);
            assert_eq!(all.0.len(), 1);
        }
        let one = Candidates(vec![candidate(1, &[1.0, 2.0])]).encode();
        for bytes in [
            &one[..one.len() - 1],
            &one[..2],
            &[],
            &[2, 2, 0],
            &[1, 0xFF, 0xFF],
            &[1],
        ] {
            assert!(Candidates::decode(bytes).is_empty());
        }
        let nothing = [&one[..43], &[0, 0]].concat();
        assert!(Candidates::decode(&nothing).is_empty());
    }
}
