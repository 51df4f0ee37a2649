/*! Tokens of one call. */

use serde::Serialize;

/// Token counts as OpenTelemetry means them: `input` includes cached tokens, `output`
/// includes reasoning tokens. What is priced apart is a part of one of the two; parts do not
/// overlap. Serialized as records name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Usage {
    /// Prompt tokens.
    #[serde(rename = "input_tokens")]
    pub input: u64,
    /// Generated tokens.
    #[serde(rename = "output_tokens")]
    pub output: u64,
    /// Prompt tokens read from the provider's cache, part of `input`.
    #[serde(rename = "cached_tokens")]
    pub cached: u64,
    /// Tokens of hidden reasoning, part of `output`.
    #[serde(rename = "reasoning_tokens")]
    pub reasoning: u64,
    /// Prompt tokens written to the provider's cache for its usual time (Anthropic: five
    /// minutes), part of `input`.
    #[serde(rename = "cache_write_tokens", skip_serializing_if = "is_zero")]
    pub cache_write: u64,
    /// Prompt tokens written there for an hour, part of `input`.
    #[serde(rename = "cache_write_1h_tokens", skip_serializing_if = "is_zero")]
    pub cache_write_1h: u64,
    /// Prompt tokens of sound, part of `input`.
    #[serde(rename = "audio_input_tokens", skip_serializing_if = "is_zero")]
    pub audio_input: u64,
    /// Generated tokens of sound, part of `output`.
    #[serde(rename = "audio_output_tokens", skip_serializing_if = "is_zero")]
    pub audio_output: u64,
    /// Prompt tokens of images, part of `input`.
    #[serde(rename = "image_input_tokens", skip_serializing_if = "is_zero")]
    pub image_input: u64,
    /// Seconds of sound that were heard, rounded up; beside the tokens.
    #[serde(rename = "audio_seconds", skip_serializing_if = "is_zero")]
    pub seconds: u64,
    /// Characters that were spoken; beside the tokens.
    #[serde(skip_serializing_if = "is_zero")]
    pub characters: u64,
    /// Images that were made; beside the tokens.
    #[serde(skip_serializing_if = "is_zero")]
    pub images: u64,
}

impl Usage {
    /// Largest count taken for real, in tokens: a thousand times the largest context
    /// window on offer. A provider that reports more is not believed.
    pub const MAX_TOKENS: u64 = 1_000_000_000;

    /// Nothing.
    pub const NONE: Self = Self {
        input: 0,
        output: 0,
        cached: 0,
        reasoning: 0,
        cache_write: 0,
        cache_write_1h: 0,
        audio_input: 0,
        audio_output: 0,
        image_input: 0,
        seconds: 0,
        characters: 0,
        images: 0,
    };

    /// Prompt tokens written to the provider's cache, for whatever time.
    pub const fn written(&self) -> u64 {
        self.cache_write.saturating_add(self.cache_write_1h)
    }

    /// Sums of both.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
            cached: self.cached.saturating_add(other.cached),
            reasoning: self.reasoning.saturating_add(other.reasoning),
            cache_write: self.cache_write.saturating_add(other.cache_write),
            cache_write_1h: self.cache_write_1h.saturating_add(other.cache_write_1h),
            audio_input: self.audio_input.saturating_add(other.audio_input),
            audio_output: self.audio_output.saturating_add(other.audio_output),
            image_input: self.image_input.saturating_add(other.image_input),
            seconds: self.seconds.saturating_add(other.seconds),
            characters: self.characters.saturating_add(other.characters),
            images: self.images.saturating_add(other.images),
        }
    }

    /// With every part inside its whole. A part that is larger was evidently counted apart
    /// (as xAI counts reasoning), so it is added: to cut it off instead would charge too
    /// little.
    #[must_use]
    pub fn with_parts_inside(self) -> Self {
        let add = |whole: u64, parts: &[u64]| {
            let apart = parts.iter().filter(|part| **part > whole);
            apart.fold(whole, |sum, part| sum.saturating_add(*part))
        };
        let of_input = [
            self.cached,
            self.cache_write,
            self.cache_write_1h,
            self.audio_input,
            self.image_input,
        ];
        Self {
            input: add(self.input, &of_input),
            output: add(self.output, &[self.reasoning, self.audio_output]),
            ..self
        }
    }

    /// Whether no count is beyond [`Usage::MAX_TOKENS`]; parts are inside their wholes.
    pub const fn is_believable(&self) -> bool {
        self.input <= Self::MAX_TOKENS && self.output <= Self::MAX_TOKENS
    }
}

/// For serde, which hands out references.
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_larger_than_its_whole_was_counted_apart() {
        let usage = Usage {
            input: 100,
            cached: 300,
            audio_input: 100,
            output: 9,
            reasoning: 233,
            ..Usage::NONE
        };
        let inside = usage.with_parts_inside();
        assert_eq!((inside.input, inside.output), (400, 242));
        assert_eq!(inside.with_parts_inside(), inside);
        assert_eq!(
            Usage {
                input: 100,
                output: 9,
                ..inside
            },
            usage
        );
    }

    #[test]
    fn records_name_what_is_rare_only_where_there_is_some() {
        let usage = Usage {
            input: 7,
            cache_write_1h: 3,
            ..Usage::NONE
        };
        let json = serde_json::to_value(usage).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"input_tokens": 7, "output_tokens": 0, "cached_tokens": 0,
                "reasoning_tokens": 0, "cache_write_1h_tokens": 3})
        );
    }
}
