/*! Writing `generationConfig`: numbers that tune an answer, its form, and how to think. */

use super::models::{Thinks, is_pro, knows_medium, knows_minimal, knows_penalties};
use crate::protocols::translate::hub::{Effort, Format, Knob, Reasoning, Request, Tuning};
use crate::protocols::translate::openai::words;
use crate::protocols::translate::write::Writer;
use crate::protocols::translate::{Dropped, Target};

/// Tokens of thinking that all models of 2.5 take.
const BUDGETS: std::ops::RangeInclusive<u64> = 512..=24_576;

/// The least of the large ones, which can't be kept from thinking.
const LEAST_OF_PRO: u64 = 128;

/// Writes the member.
pub(super) fn generation(
    request: &Request<'_>,
    target: &Target<'_>,
    json: &mut Writer<'_>,
    dropped: &mut Dropped,
) {
    json.open_member("generationConfig");
    let asked = request
        .max_output
        .map(|asked| asked.within(target, dropped));
    if let Some(most) = asked.or(target.default_output) {
        json.count("maxOutputTokens", most);
    }
    let sampling = [
        ("temperature", request.sampling.temperature),
        ("topP", request.sampling.top_p),
        ("topK", request.sampling.top_k),
    ];
    for (name, number) in sampling {
        if let Some(number) = number {
            json.raw_member(name, number);
        }
    }
    if !request.stop.is_empty() {
        json.open_list_member("stopSequences");
        let stops = request.stop.iter();
        stops.for_each(|stop| json.raw(stop.literal()));
        json.close_list();
    }
    let tuning = request.tuning.iter();
    let penalties = knows_penalties(target.model);
    tuning.for_each(|tuning| turn(tuning, penalties, json, dropped));
    format(request, json, dropped);
    thinking(request, target.model, json, dropped);
    json.close();
}

/// A penalty of zero is none: models that know no penalties refuse the words.
fn turn(tuning: &Tuning<'_>, penalties: bool, json: &mut Writer<'_>, dropped: &mut Dropped) {
    let name = match tuning.knob {
        Knob::FrequencyPenalty => "frequencyPenalty",
        Knob::PresencePenalty => "presencePenalty",
        Knob::Seed if tuning.json.parse::<i32>().is_ok() => "seed",
        Knob::Seed | Knob::Verbosity | Knob::CacheKey | Knob::CacheRetention => {
            return dropped.note(tuning.field);
        }
    };
    let is_zero = tuning
        .json
        .parse::<f64>()
        .is_ok_and(|value| value.abs() < f64::EPSILON);
    match tuning.knob {
        Knob::Seed => json.raw_member(name, tuning.json),
        _ if is_zero => {}
        _ if penalties => json.raw_member(name, tuning.json),
        _ => dropped.note(tuning.field),
    }
}

/// Schemas are told as JSON Schema: the other field, `responseSchema`, knows a part of OpenAPI's
/// alone.
fn format(request: &Request<'_>, json: &mut Writer<'_>, dropped: &mut Dropped) {
    if matches!(request.format, Format::Text) {
        return;
    }
    json.member("responseMimeType", "application/json");
    if let Format::Schema(schema) = &request.format {
        if schema.description.is_some() {
            dropped.note(request.caller.schema_description());
        }
        json.raw_member("responseJsonSchema", schema.json);
    }
}

fn thinking(request: &Request<'_>, model: &str, json: &mut Writer<'_>, dropped: &mut Dropped) {
    let reasoning = request.reasoning;
    if reasoning == Reasoning::Unsaid {
        return;
    }
    let off = reasoning == Reasoning::Off;
    let thinks = Thinks::of(model);
    if matches!(thinks, Thinks::Never | Thinks::Unknown) {
        if !off || thinks == Thinks::Unknown {
            dropped.note(request.caller.effort(request.reasoning));
        }
        return;
    }
    json.open_member("thinkingConfig");
    if thinks == Thinks::ByBudget {
        json.count("thinkingBudget", budget(reasoning, model));
    } else {
        json.member("thinkingLevel", level(reasoning, model));
    }
    if !off {
        json.raw_member("includeThoughts", "true");
    }
    json.close();
}

/// As Google's own translation of OpenAI's efforts has them.
fn budget(reasoning: Reasoning, model: &str) -> u64 {
    let least = if is_pro(model) { LEAST_OF_PRO } else { 0 };
    match reasoning {
        Reasoning::Unsaid | Reasoning::Off => least,
        Reasoning::Budget(tokens) => tokens.clamp(*BUDGETS.start(), *BUDGETS.end()),
        Reasoning::Effort(Effort::Minimal) => *BUDGETS.start(),
        Reasoning::Effort(Effort::Low) => 1024,
        Reasoning::Effort(Effort::Medium) => 8192,
        Reasoning::Effort(Effort::High | Effort::Max) => *BUDGETS.end(),
    }
}

fn level(reasoning: Reasoning, model: &str) -> &'static str {
    let least = if knows_minimal(model) {
        "MINIMAL"
    } else {
        "LOW"
    };
    match words::effort(reasoning) {
        None | Some("minimal") => least,
        Some("low") => "LOW",
        Some("medium") if knows_medium(model) => "MEDIUM",
        Some(_) => "HIGH",
    }
}
