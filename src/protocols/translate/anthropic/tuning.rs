/*! Writing numbers that tune an answer, and its form. */

use super::thinking::Thinking;
use crate::protocols::translate::Dropped;
use crate::protocols::translate::hub::{Format, Request, Sampling};
use crate::protocols::translate::write::Writer;

/// Writes the numbers.
pub(super) fn sampling(
    sampling: &Sampling<'_>,
    thinking: Thinking,
    json: &mut Writer<'_>,
    dropped: &mut Dropped,
) {
    let fitting = fit_sampling(sampling, thinking, dropped);
    let numbers = [
        ("temperature", fitting.temperature),
        ("top_p", fitting.top_p),
        ("top_k", fitting.top_k),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            json.raw_member(name, number);
        }
    }
}

/// Anthropic takes temperatures from 0 to 1, newer models either `temperature` or `top_p`,
/// and with thinking neither but near their defaults.
pub(in super::super) fn fit_sampling<'a>(
    sampling: &Sampling<'a>,
    thinking: Thinking,
    dropped: &mut Dropped,
) -> Sampling<'a> {
    let thinks = thinking != Thinking::Unasked;
    let temperature = Dial::of(sampling.temperature);
    let top_p = Dial::of(sampling.top_p);
    let mut fitting = Sampling::default();
    match temperature {
        Dial::Unset => {}
        Dial::Neutral(_) if matches!(top_p, Dial::Turned(..)) => {}
        Dial::Turned(..) if thinks => dropped.note("temperature"),
        Dial::Turned(value, _) if value > 1.0 => {
            dropped.note("temperature");
            fitting.temperature = Some("1");
        }
        Dial::Neutral(text) | Dial::Turned(_, text) => fitting.temperature = Some(text),
    }
    match (top_p, temperature) {
        (Dial::Unset, _) | (Dial::Neutral(_), Dial::Neutral(_) | Dial::Turned(..)) => {}
        (Dial::Turned(..), Dial::Turned(..)) if !thinks => dropped.note("top_p"),
        (Dial::Turned(value, _), _) if thinks && value < 0.95 => dropped.note("top_p"),
        (Dial::Neutral(text) | Dial::Turned(_, text), _) => fitting.top_p = Some(text),
    }
    match sampling.top_k {
        Some(_) if thinks => dropped.note("top_k"),
        top_k => fitting.top_k = top_k,
    }
    fitting
}

/// A number of which 1 is the default and changes nothing.
#[derive(Clone, Copy)]
enum Dial<'a> {
    Unset,
    Neutral(&'a str),
    Turned(f64, &'a str),
}

impl<'a> Dial<'a> {
    fn of(text: Option<&'a str>) -> Self {
        let Some(text) = text else { return Self::Unset };
        match text.parse::<f64>() {
            Ok(value) if (value - 1.0).abs() >= f64::EPSILON => Self::Turned(value, text),
            _ => Self::Neutral(text),
        }
    }
}

/// Writes how to think, and in which form to answer.
pub(super) fn output(
    request: &Request<'_>,
    thinking: Thinking,
    json: &mut Writer<'_>,
    dropped: &mut Dropped,
) {
    let effort = thinking.write(json);
    let schema = match &request.format {
        Format::Schema(schema) => Some(schema),
        _ => None,
    };
    if schema.is_some_and(|schema| schema.description.is_some()) {
        dropped.note(request.caller.schema_description());
    }
    if effort.is_none() && schema.is_none() {
        return;
    }
    json.open_member("output_config");
    if let Some(effort) = effort {
        json.member("effort", effort);
    }
    if let Some(schema) = schema {
        json.open_member("format");
        json.member("type", "json_schema");
        json.raw_member("schema", schema.json);
        json.close();
    }
    json.close();
}
