/*! Prices and their arithmetic. */

use super::Usage;
use super::cost::nano_usd;
use crate::sorting::sort_few;

/// What a call costs. Prices of tokens are in pico-USD each: a millionth of what a million of
/// them costs in USD, so six decimals of a price are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// A token of the prompt.
    pub input: u64,
    /// One that the provider reads from its cache; as `input` unless told.
    pub cached_input: u64,
    /// One that the provider writes to its cache for its usual time; `input` × 1.25 unless
    /// told, as Anthropic's prices are.
    pub cache_write: u64,
    /// One that it writes there for an hour; `input` × 2 unless told, as Anthropic's are.
    pub cache_write_1h: u64,
    /// One of sound; as `input` unless told.
    pub audio_input: u64,
    /// One of an image; as `input` unless told.
    pub image_input: u64,
    /// A token of the answer.
    pub output: u64,
    /// One of hidden reasoning; as `output` unless told.
    pub reasoning: u64,
    /// One of sound; as `output` unless told.
    pub audio_output: u64,
    /// An answered request, besides its tokens, in nano-USD; 0 unless told.
    pub request: u64,
    /// A second of sound that is heard, besides tokens, in nano-USD; 0 unless told.
    pub second: u64,
    /// A character that is spoken, besides tokens; 0 unless told.
    pub character: u64,
    /// An image that is made, besides tokens, in nano-USD; 0 unless told.
    pub image: u64,
}

/// What a request may hold besides text it is charged for at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kinds {
    /// It asks the provider to keep parts of the prompt.
    pub cache: bool,
    /// There is sound in it.
    pub audio_input: bool,
    /// The answer may be sound.
    pub audio_output: bool,
    /// There is an image.
    pub image: bool,
    /// Seconds of sound that are heard.
    pub seconds: u64,
    /// Characters that are spoken.
    pub characters: u64,
    /// Images that are made.
    pub images: u64,
}

impl Price {
    /// All that it says, in the order of its fields.
    pub const fn numbers(&self) -> [u64; 13] {
        let Self {
            input,
            cached_input,
            cache_write,
            cache_write_1h,
            audio_input,
            image_input,
            output,
            reasoning,
            audio_output,
            request,
            second,
            character,
            image,
        } = *self;
        [
            input,
            cached_input,
            cache_write,
            cache_write_1h,
            audio_input,
            image_input,
            output,
            reasoning,
            audio_output,
            request,
            second,
            character,
            image,
        ]
    }

    /// Of what costs nothing.
    pub const FREE: Self = Self::flat(0, 0);

    /// The price of a target of which no more is told: never free for want of a price.
    pub const fn flat(input: u64, output: u64) -> Self {
        Self {
            input,
            cached_input: input,
            cache_write: input.saturating_add(input.div_ceil(4)),
            cache_write_1h: input.saturating_mul(2),
            audio_input: input,
            image_input: input,
            output,
            reasoning: output,
            audio_output: output,
            request: 0,
            second: 0,
            character: 0,
            image: 0,
        }
    }

    /// What an answer with this usage costs, in nano-USD, rounded up.
    pub fn cost(&self, usage: &Usage) -> u64 {
        nano_usd(self.answers(usage, 1))
    }

    /// The most that a call can cost, in nano-USD, rounded up: every token is charged as the
    /// dearest that it may turn out to be.
    pub fn reserve(&self, input_tokens: u64, output_tokens: u64, kinds: Kinds) -> u64 {
        nano_usd(self.at_most(input_tokens, output_tokens, kinds))
    }

    /// As [`Price::reserve`], in pico-USD.
    pub fn at_most(&self, input_tokens: u64, output_tokens: u64, kinds: Kinds) -> u128 {
        let if_so = |may_be: bool, price: u64| if may_be { price } else { 0 };
        let input = [
            self.input,
            self.cached_input,
            if_so(kinds.cache, self.cache_write.max(self.cache_write_1h)),
            if_so(kinds.audio_input, self.audio_input),
            if_so(kinds.image, self.image_input),
        ];
        let output = [
            self.output,
            self.reasoning,
            if_so(kinds.audio_output, self.audio_output),
        ];
        let most = |tokens, prices: &[u64]| {
            let dearest = prices.iter().copied().max().unwrap_or(0);
            times(tokens, dearest)
        };
        most(input_tokens, &input)
            .saturating_add(most(output_tokens, &output))
            .saturating_add(self.units(kinds.seconds, kinds.characters, kinds.images))
            .saturating_add(self.fee())
    }

    /// So many answers with this usage together, in pico-USD.
    pub(super) fn answers(&self, usage: &Usage, count: u64) -> u128 {
        let fees = self.fee().saturating_mul(u128::from(count));
        self.tokens(usage).saturating_add(fees)
    }

    /// Tokens and what is counted beside them, in pico-USD, each charged once.
    pub(super) fn tokens(&self, usage: &Usage) -> u128 {
        let mut of_input = [
            (usage.cached, self.cached_input),
            (usage.cache_write, self.cache_write),
            (usage.cache_write_1h, self.cache_write_1h),
            (usage.audio_input, self.audio_input),
            (usage.image_input, self.image_input),
        ];
        let mut of_output = [
            (usage.reasoning, self.reasoning),
            (usage.audio_output, self.audio_output),
        ];
        let input = side(usage.input, self.input, &mut of_input);
        let units = self.units(usage.seconds, usage.characters, usage.images);
        input
            .saturating_add(side(usage.output, self.output, &mut of_output))
            .saturating_add(units)
    }

    /// What is counted beside tokens, in pico-USD.
    fn units(&self, seconds: u64, characters: u64, images: u64) -> u128 {
        let dear = times(seconds, self.second).saturating_add(times(images, self.image));
        let dear = dear.saturating_mul(1000);
        dear.saturating_add(times(characters, self.character))
    }

    /// What an answered request costs besides its tokens, in pico-USD.
    fn fee(&self) -> u128 {
        u128::from(self.request).saturating_mul(1000)
    }
}

/// Prompt or answer, in pico-USD: its parts by their prices, the rest by its own. Where the
/// parts come to more than the whole they overlap, and the dearest are taken first, so that
/// no token is charged twice and none too cheaply.
fn side(whole: u64, rest: u64, parts: &mut [(u64, u64)]) -> u128 {
    sort_few(parts, &|(_, a), (_, b)| b.cmp(a));
    let mut left = whole;
    let mut sum = 0_u128;
    for (tokens, price) in parts {
        let taken = left.min(*tokens);
        left = left.saturating_sub(taken);
        sum = sum.saturating_add(times(taken, *price));
    }
    sum.saturating_add(times(left, rest))
}

fn times(tokens: u64, price: u64) -> u128 {
    u128::from(tokens).saturating_mul(u128::from(price))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Each kind by a power of ten, so that every digit of a cost tells how many tokens of
    /// which kind were charged.
    const DIGITS: Price = Price {
        input: 1,
        cached_input: 10,
        cache_write: 100,
        cache_write_1h: 1_000,
        audio_input: 10_000,
        image_input: 100_000,
        output: 1_000_000,
        reasoning: 10_000_000,
        audio_output: 100_000_000,
        ..Price::FREE
    };

    #[test]
    fn every_kind_has_its_price() {
        let usage = Usage {
            input: 1 + 2 + 3 + 4 + 5 + 6,
            cached: 2,
            cache_write: 3,
            cache_write_1h: 4,
            audio_input: 5,
            image_input: 6,
            output: 7 + 8 + 9,
            reasoning: 8,
            audio_output: 9,
            ..Usage::NONE
        };
        assert_eq!(DIGITS.tokens(&usage), 987_654_321);
        assert_eq!(DIGITS.cost(&usage), 987_655, "rounded up");
        let fee = Price {
            request: 1_000_000,
            ..DIGITS
        };
        assert_eq!(fee.cost(&usage), 1_987_655);
        assert_eq!(fee.cost(&Usage::NONE), 1_000_000);
        assert_eq!(DIGITS.cost(&Usage::NONE), 0);
    }

    #[test]
    fn what_is_no_token_has_its_price_too() {
        // OpenAI's prices: Whisper's of a second, of a million characters of its voices, of an image.
        let price = Price {
            second: 100_000,
            character: 15_000_000,
            image: 40_000_000,
            ..Price::FREE
        };
        for (usage, kinds, nano) in [
            (
                Usage {
                    seconds: 61,
                    ..Usage::NONE
                },
                Kinds {
                    seconds: 61,
                    ..Kinds::default()
                },
                6_100_000,
            ),
            (
                Usage {
                    characters: 3,
                    ..Usage::NONE
                },
                Kinds {
                    characters: 3,
                    ..Kinds::default()
                },
                45_000,
            ),
            (
                Usage {
                    images: 2,
                    ..Usage::NONE
                },
                Kinds {
                    images: 2,
                    ..Kinds::default()
                },
                80_000_000,
            ),
        ] {
            assert_eq!(price.cost(&usage), nano);
            assert_eq!(price.reserve(9, 9, kinds), nano);
        }
        let most = Usage {
            seconds: u64::MAX,
            images: u64::MAX,
            ..Usage::NONE
        };
        assert_eq!(price.cost(&most), u64::MAX);
    }

    #[test]
    fn a_known_bill() {
        // Anthropic's prices of Claude Sonnet 4.5, in USD a million: 3, 0.30, 3.75, 6, 15.
        let price = Price {
            cached_input: 300_000,
            cache_write: 3_750_000,
            cache_write_1h: 6_000_000,
            ..Price::flat(3_000_000, 15_000_000)
        };
        let usage = Usage {
            input: 10_000 + 2_000 + 1_000 + 50,
            cached: 10_000,
            cache_write: 2_000,
            cache_write_1h: 1_000,
            output: 400,
            ..Usage::NONE
        };
        // 0.003 + 0.0075 + 0.006 + 0.00015 + 0.006 USD
        assert_eq!(price.cost(&usage), 22_650_000);
    }

    #[test]
    fn overlapping_parts_are_charged_as_the_dearest() {
        let usage = Usage {
            input: 100,
            cached: 80,
            audio_input: 60,
            ..Usage::NONE
        };
        let price = Price {
            cached_input: 1,
            audio_input: 1_000,
            ..Price::flat(10, 10)
        };
        assert_eq!(price.tokens(&usage), 60 * 1_000 + 40);
    }

    #[test]
    fn the_most_is_of_the_kinds_that_may_come() {
        let price = Price {
            cached_input: 5,
            cache_write: 20,
            cache_write_1h: 40,
            audio_input: 300,
            image_input: 30,
            reasoning: 7,
            audio_output: 900,
            ..Price::flat(10, 6)
        };
        let kinds = |cache, audio, image| Kinds {
            cache,
            audio_input: audio,
            audio_output: audio,
            image,
            ..Kinds::default()
        };
        for (kinds, most) in [
            (kinds(false, false, false), 10 * 100 + 7 * 10),
            (kinds(true, false, false), 40 * 100 + 7 * 10),
            (kinds(true, false, true), 40 * 100 + 7 * 10),
            (kinds(false, false, true), 30 * 100 + 7 * 10),
            (kinds(true, true, true), 300 * 100 + 900 * 10),
            (
                Kinds {
                    audio_input: true,
                    ..Kinds::default()
                },
                300 * 100 + 7 * 10,
            ),
        ] {
            assert_eq!(price.at_most(100, 10, kinds), most, "{kinds:?}");
        }
        assert_eq!(price.reserve(100, 10, Kinds::default()), 2, "rounded up");
        assert_eq!(
            price.reserve(u64::MAX, u64::MAX, kinds(true, true, true)),
            u64::MAX
        );
    }

    fn price() -> impl Strategy<Value = Price> {
        proptest::array::uniform10(0..1_000_000_000_u64).prop_map(
            |[
                input,
                cached_input,
                cache_write,
                cache_write_1h,
                audio_input,
                image_input,
                output,
                reasoning,
                audio_output,
                request,
            ]| Price {
                input,
                cached_input,
                cache_write,
                cache_write_1h,
                audio_input,
                image_input,
                output,
                reasoning,
                audio_output,
                request,
                second: request,
                character: input,
                image: output,
            },
        )
    }

    /// Any counts, consistent or not.
    fn usage() -> impl Strategy<Value = Usage> {
        proptest::array::uniform9(0..1_000_000_u64).prop_map(
            |[
                input,
                output,
                cached,
                reasoning,
                cache_write,
                cache_write_1h,
                audio_input,
                audio_output,
                image_input,
            ]| Usage {
                input,
                output,
                cached,
                reasoning,
                cache_write,
                cache_write_1h,
                audio_input,
                audio_output,
                image_input,
                seconds: 0,
                characters: 0,
                images: 0,
            },
        )
    }

    /// Counts whose parts fit into their wholes.
    fn consistent() -> impl Strategy<Value = Usage> {
        usage().prop_map(|usage| Usage {
            input: usage.input
                + usage.cached
                + usage.written()
                + usage.audio_input
                + usage.image_input,
            output: usage.output + usage.reasoning + usage.audio_output,
            ..usage
        })
    }

    proptest! {
        #[test]
        fn the_sum_is_that_of_the_parts(price in price(), usage in consistent()) {
            let kinds = [
                (usage.cached, price.cached_input),
                (usage.cache_write, price.cache_write),
                (usage.cache_write_1h, price.cache_write_1h),
                (usage.audio_input, price.audio_input),
                (usage.image_input, price.image_input),
                (usage.input - usage.cached - usage.written() - usage.audio_input - usage.image_input, price.input),
                (usage.reasoning, price.reasoning),
                (usage.audio_output, price.audio_output),
                (usage.output - usage.reasoning - usage.audio_output, price.output),
            ];
            let sum: u128 = kinds.iter().map(|(tokens, price)| u128::from(*tokens) * u128::from(*price)).sum();
            prop_assert_eq!(price.tokens(&usage), sum);
            prop_assert_eq!(u128::from(price.cost(&usage)), (sum + u128::from(price.request) * 1000).div_ceil(1000));
        }

        #[test]
        fn two_calls_cost_what_both_cost(price in price(), a in consistent(), b in consistent()) {
            prop_assert_eq!(price.tokens(&a.plus(b)), price.tokens(&a) + price.tokens(&b));
        }

        #[test]
        fn no_token_is_charged_twice(one in 1..1_000_u64, usage in usage()) {
            let all_alike = Price { cache_write: one, cache_write_1h: one, ..Price::flat(one, one) };
            let tokens = u128::from(usage.input) + u128::from(usage.output);
            prop_assert_eq!(all_alike.tokens(&usage), tokens * u128::from(one));
        }

        #[test]
        fn more_tokens_never_cost_less(price in price(), usage in usage(), input in 0..1_000_u64, output in 0..1_000_u64) {
            let more = Usage { input: usage.input + input, output: usage.output + output, ..usage };
            prop_assert!(price.tokens(&more) >= price.tokens(&usage));
            prop_assert!(price.cost(&more) >= price.cost(&usage));
        }

        #[test]
        fn a_call_within_its_reservation_costs_no_more(price in price(), usage in usage()) {
            let every = Kinds { cache: true, audio_input: true, audio_output: true, image: true, ..Kinds::default() };
            prop_assert!(price.cost(&usage) <= price.reserve(usage.input, usage.output, every));
            let text = Usage { input: usage.input, output: usage.output, cached: usage.cached, reasoning: usage.reasoning, ..Usage::NONE };
            prop_assert!(price.cost(&text) <= price.reserve(text.input, text.output, Kinds::default()));
        }

        #[test]
        fn dearest_first_is_never_below_another_order(price in price(), usage in usage()) {
            // The order of the fields, as one of many.
            let mut left = usage.input;
            let mut sum = 0;
            for (tokens, price) in [(usage.cached, price.cached_input), (usage.cache_write, price.cache_write),
                (usage.cache_write_1h, price.cache_write_1h), (usage.audio_input, price.audio_input),
                (usage.image_input, price.image_input)] {
                let taken = left.min(tokens);
                left -= taken;
                sum += u128::from(taken) * u128::from(price);
            }
            let other = sum + u128::from(left) * u128::from(price.input);
            let input = Usage { output: 0, reasoning: 0, audio_output: 0, ..usage };
            prop_assert!(price.tokens(&input) >= other);
        }
    }
}
