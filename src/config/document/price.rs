/*! `price` and `default_price`. */

use super::super::fields::Node;

use super::super::problem::Problems;
use super::super::scalars::{
    usd_for_a_million, usd_for_a_request, usd_for_a_second, usd_for_an_image, usd_for_characters,
};
use crate::ledger::Price;

pub(super) fn price(node: &Node<'_>, problems: &mut Problems) -> Option<Price> {
    let mut fields = node.fields(problems)?;
    // Where something else is paid for, there may be no tokens.
    let units = ["second", "characters", "image"];
    let untold = units
        .iter()
        .any(|name| fields.find(name).is_some())
        .then_some(0);
    let mut tokens = |name| match untold {
        None => fields.required(name, usd_for_a_million, problems),
        untold => fields
            .optional(name, usd_for_a_million, problems)
            .or(untold),
    };
    let (input, output) = (tokens("input"), tokens("output"));
    let flat = Price::flat(input.unwrap_or(0), output.unwrap_or(0));
    let mut told = |name, default| {
        let told = fields.optional(name, usd_for_a_million, problems);
        told.unwrap_or(default)
    };
    let price = Price {
        cached_input: told("cached_input", flat.cached_input),
        cache_write: told("cache_write", flat.cache_write),
        cache_write_1h: told("cache_write_1h", flat.cache_write_1h),
        audio_input: told("audio_input", flat.audio_input),
        image_input: told("image_input", flat.image_input),
        reasoning: told("reasoning", flat.reasoning),
        audio_output: told("audio_output", flat.audio_output),
        ..flat
    };
    let request = fields.optional("request", usd_for_a_request, problems);
    let second = fields.optional("second", usd_for_a_second, problems);
    let characters = fields.optional("characters", usd_for_characters, problems);
    let image = fields.optional("image", usd_for_an_image, problems);
    fields.finish(problems);
    (input.is_some() && output.is_some()).then_some(Price {
        request: request.unwrap_or(price.request),
        second: second.unwrap_or(price.second),
        character: characters.unwrap_or(price.character),
        image: image.unwrap_or(price.image),
        ..price
    })
}
