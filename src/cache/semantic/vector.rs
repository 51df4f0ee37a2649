/*! Embeddings in one byte a dimension. */

/// Most dimensions that are kept: 4,096, as the largest models in use have. Shared data holds
/// 16 KB in one value.
pub const MAX_DIMENSIONS: usize = 4096;

/// An embedding of length 1, each dimension rounded to 1/127 of the largest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vector {
    values: Box<[i8]>,
    /// The sum of the squares, at least 1.
    square: i64,
}

/// How alike two texts are: the cosine of their embeddings in ten-thousandths, from -10,000 to
/// 10,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Likeness(pub i32);

impl Vector {
    /// `None`: there are no dimensions or too many, or all are 0, or one is no number.
    pub fn of(floats: &[f32]) -> Option<Self> {
        let largest = floats
            .iter()
            .fold(0_f32, |largest, float| largest.max(float.abs()));
        let good = floats.iter().all(|float| float.is_finite()) && largest > 0.0;
        if !good || floats.len() > MAX_DIMENSIONS {
            return None;
        }
        let values = floats.iter().map(|float| rounded(float / largest));
        Self::from_values(values.collect())
    }

    /// From [`Vector::as_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_DIMENSIONS {
            return None;
        }
        Self::from_values(bytes.iter().map(|byte| byte.cast_signed()).collect())
    }

    fn from_values(values: Box<[i8]>) -> Option<Self> {
        let square = dot(&values, &values);
        (square > 0).then_some(Self { values, square })
    }

    /// A byte for each dimension.
    pub fn as_bytes(&self) -> Vec<u8> {
        self.values
            .iter()
            .map(|value| value.cast_unsigned())
            .collect()
    }

    /// How many there are.
    pub fn dimensions(&self) -> usize {
        self.values.len()
    }

    /// `None`: they have different dimensions, so other models have made them.
    pub fn likeness(&self, other: &Self) -> Option<Likeness> {
        const WHOLE: f64 = 10_000.0;
        if self.values.len() != other.values.len() {
            return None;
        }
        let dot = dot(&self.values, &other.values);
        let cosine = float(dot) / (float(self.square).sqrt() * float(other.square).sqrt());
        Some(Likeness(whole(cosine * WHOLE)))
    }
}

/// What a float from -1 to 1 is in 127ths.
fn rounded(float: f32) -> i8 {
    const LARGEST: f32 = 127.0;
    i8::try_from(whole(f64::from(float * LARGEST))).unwrap_or(0)
}

/// The nearest whole number. No number here is larger than 10,001.
fn whole(float: f64) -> i32 {
    // Adding 1.5 * 2^52 leaves the whole part in the lowest bits.
    const SHIFT: f64 = 6_755_399_441_055_744.0;
    let bits = (float + SHIFT).to_bits() & 0xFFFF_FFFF;
    u32::try_from(bits).unwrap_or(0).cast_signed()
}

/// No sum here has more than 27 bits.
fn float(sum: i64) -> f64 {
    i32::try_from(sum).map_or(f64::from(i32::MAX), f64::from)
}

/// The sum of the products. Blocks of 16 become one instruction each where there is SIMD.
fn dot(one: &[i8], other: &[i8]) -> i64 {
    let (blocks, rest) = one.as_chunks::<16>();
    let (other_blocks, other_rest) = other.as_chunks::<16>();
    let mut sums = [0_i32; 16];
    for (one, other) in blocks.iter().zip(other_blocks) {
        for ((sum, one), other) in sums.iter_mut().zip(one).zip(other) {
            let product = i32::from(*one).wrapping_mul(i32::from(*other));
            *sum = sum.wrapping_add(product);
        }
    }
    let rest = rest.iter().zip(other_rest);
    let rest = rest.map(|(one, other)| i32::from(*one).wrapping_mul(i32::from(*other)));
    sums.into_iter().chain(rest).map(i64::from).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn likeness_of_plain_vectors() {
        let of = |floats: &[f32]| Vector::of(floats).unwrap();
        let likeness = |one: &[f32], other: &[f32]| of(one).likeness(&of(other)).unwrap().0;
        assert_eq!(likeness(&[1.0, 0.0], &[2.0, 0.0]), 10_000);
        assert_eq!(likeness(&[1.0, 0.0], &[0.0, 0.5]), 0);
        assert_eq!(likeness(&[1.0, 2.0], &[-0.1, -0.2]), -10_000);
        assert!((likeness(&[1.0, 0.0], &[1.0, 1.0]) - 7071).abs() < 5);
        assert_eq!(of(&[1.0]).likeness(&of(&[1.0, 1.0])), None);
    }

    #[test]
    fn what_is_no_embedding() {
        for floats in [
            &[][..],
            &[0.0, -0.0],
            &[1.0, f32::NAN],
            &[f32::INFINITY],
            &[1.0; 4097],
        ] {
            assert_eq!(Vector::of(floats), None);
        }
        assert!(Vector::of(&[1.0; 4096]).is_some());
        assert_eq!(Vector::from_bytes(&[0, 0]), None);
        assert_eq!(Vector::from_bytes(&[]), None);
        assert_eq!(Vector::from_bytes(&[1; 4097]), None);
        // The most that there can be.
        let most = Vector::from_bytes(&[0x80; 4096]).unwrap();
        assert_eq!(most.likeness(&most), Some(Likeness(10_000)));
        let tiny = Vector::of(&[f32::MIN_POSITIVE, f32::MIN_POSITIVE]).unwrap();
        assert_eq!(tiny.likeness(&tiny), Some(Likeness(10_000)));
        let large = Vector::of(&[f32::MAX, -f32::MAX]).unwrap();
        assert_eq!(large.as_bytes(), [127, 129]);
    }

    fn pairs() -> impl Strategy<Value = Vec<(f32, f32)>> {
        prop::collection::vec((-1_f32..1.0, -1_f32..1.0), 64..1200)
    }

    proptest! {
        #[test]
        fn close_to_the_cosine_of_the_floats(pairs in pairs()) {
            let (one, other): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
            let dot = |a: &[f32], b: &[f32]| -> f64 {
                a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
            };
            let cosine = dot(&one, &other) / (dot(&one, &one) * dot(&other, &other)).sqrt();
            let [a, b] = [&one, &other].map(|floats| Vector::of(floats).unwrap());
            let Likeness(likeness) = a.likeness(&b).unwrap();
            prop_assert!((f64::from(likeness) / 10_000.0 - cosine).abs() < 0.005);
            prop_assert_eq!(b.likeness(&a), Some(Likeness(likeness)));
            prop_assert_eq!(Vector::from_bytes(&a.as_bytes()), Some(a));
        }
    }
}
