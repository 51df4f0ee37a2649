/*! A small layer over the sums of a window: how words, letters and concepts count together, and in
texts of what length. `train/layer.py` makes it and computes the same. */

/// What the layer reads, in 1/1024: sums of words, letters and concepts, roots of how many words and
/// how many concepts there are.
pub(super) const INPUTS: usize = 5;

/// Rectified units.
pub(super) const UNITS: usize = 8;

/// Bounds of the inputs and what is added in 1/1024, weights in 1/4096.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Layer {
    pub(super) low: [i32; INPUTS],
    pub(super) high: [i32; INPUTS],
    pub(super) to_units: [[i32; INPUTS]; UNITS],
    pub(super) units: [i32; UNITS],
    pub(super) from_units: [i32; UNITS],
    pub(super) straight: [i32; INPUTS],
    pub(super) bias: i32,
}

impl Layer {
    /// Log odds in 1/1024.
    pub(super) fn odds(&self, inputs: [i64; INPUTS]) -> i32 {
        let mut inputs = inputs;
        for ((input, low), high) in inputs.iter_mut().zip(self.low).zip(self.high) {
            *input = (*input).min(i64::from(high)).max(i64::from(low));
        }
        let mut sum = product(&self.straight, &inputs);
        for ((to, added), from) in self.to_units.iter().zip(self.units).zip(self.from_units) {
            let unit = i64::from(added).saturating_add(product(to, &inputs) >> 12);
            sum = sum.saturating_add(product_of(unit.clamp(0, MOST), from));
        }
        let odds = i64::from(self.bias).saturating_add(sum >> 12);
        i32::try_from(odds).unwrap_or(if odds < 0 { i32::MIN } else { i32::MAX })
    }
}

/// Beyond what any unit reaches: with it, products stay below 64 bits.
const MOST: i64 = i32::MAX as i64;

/// Of a number of 32 bits. Multiplication that saturates takes 128 bits, for which WebAssembly has
/// no instruction.
const fn product_of(number: i64, weight: i32) -> i64 {
    number.wrapping_mul(weight as i64)
}

/// The inputs are within their bounds, which have 32 bits.
fn product(weights: &[i32; INPUTS], inputs: &[i64; INPUTS]) -> i64 {
    weights
        .iter()
        .zip(inputs)
        .fold(0_i64, |sum, (weight, input)| {
            sum.saturating_add(product_of(*input, *weight))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_below_zero_add_nothing_and_inputs_are_bounded() {
        let mut layer = Layer {
            low: [-1024; INPUTS],
            high: [2048; INPUTS],
            straight: [4096, 0, 0, 0, 0],
            bias: 7,
            ..Layer::default()
        };
        layer.to_units[0] = [0, 4096, 0, 0, 0];
        layer.units[0] = -512;
        layer.from_units[0] = 8192;
        for (inputs, odds) in [
            ([0, 0, 0, 0, 0], 7),
            ([100, 0, 9, 9, 9], 107),
            ([0, 512, 0, 0, 0], 7),
            ([0, 513, 0, 0, 0], 9),
            ([0, -900, 0, 0, 0], 7),
            ([i64::MAX, i64::MAX, 0, 0, 0], 2048 + 2 * (2048 - 512) + 7),
            ([i64::MIN, i64::MIN, 0, 0, 0], -1024 + 7),
        ] {
            assert_eq!(layer.odds(inputs), odds, "{inputs:?}");
        }
    }

    #[test]
    fn no_number_overflows() {
        for most in [i32::MIN, i32::MAX] {
            let layer = Layer {
                low: [i32::MIN; INPUTS],
                high: [i32::MAX; INPUTS],
                to_units: [[most; INPUTS]; UNITS],
                units: [most; UNITS],
                from_units: [i32::MAX; UNITS],
                straight: [most; INPUTS],
                bias: most,
            };
            for input in [i64::MIN, -1, 0, 1, i64::MAX] {
                let odds = layer.odds([input; INPUTS]);
                assert_eq!(odds, layer.odds([input; INPUTS]));
            }
        }
    }
}
