/*! Writing a request. The model and whether to stream are said by its path. */

use super::family::{Family, Model};
use super::said::{Said, points_too_many};
use super::tools;
use super::turns::{self, Turn};
use crate::protocols::Refusal;
use crate::protocols::translate::anthropic::{Thinking, check_stops, fit_sampling};
use crate::protocols::translate::hub::{Format, Reasoning, Request, Role, Sampling};
use crate::protocols::translate::openai::words::note_tier;
use crate::protocols::translate::path::Path;
use crate::protocols::translate::write::Writer;
use crate::protocols::translate::{Dropped, Target};

/// Writes a request.
pub(in super::super) fn write(
    request: &Request<'_>,
    target: &Target<'_>,
    dropped: &mut Dropped,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    let model = Model::of(target.model);
    let turns = turns::of(request, dropped);
    check(request, &turns, model.family)?;
    let mut json = Writer::new(out);
    json.open();
    let in_tools = tools::points(request, model);
    let (of_tools, of_said) = points_too_many(request, &turns, model, in_tools);
    Said::new(request, &turns, (model, of_said), &mut json, dropped).all(request, &turns)?;
    tools::write(request, (model, of_tools), &mut json, dropped);
    inference(request, target, model.family, &mut json, dropped);
    format(request, &mut json);
    if request.user.is_some() {
        dropped.note(request.caller.user());
    }
    note_tier(request, dropped);
    let tuning = request.tuning.iter();
    tuning.for_each(|tuning| dropped.note(tuning.field));
    json.close();
    Ok(())
}

/// Refuses what Bedrock has no word for.
fn check(request: &Request<'_>, turns: &[Turn<'_>], family: Family) -> Result<(), Refusal> {
    let at = Path::Body.key(request.caller.conversation());
    match turns.first().map(|turn| turn.role) {
        Some(Role::User) => {}
        Some(Role::Assistant) => {
            let problem =
                "begins with the assistant, while the provider of this model wants the user first";
            return Err(at.unsupported_since(problem));
        }
        None => {
            return Err(at.unsupported_since("has nothing but system messages or empty ones"));
        }
    }
    if family == Family::Claude {
        check_stops(request)?;
    }
    if matches!(request.format, Format::Json) {
        let at = Path::Body.key(request.caller.format());
        return Err(at.key("type").unsupported_since(
            "is not supported by the provider of this model, which takes 'json_schema'",
        ));
    }
    Ok(())
}

/// Numbers that tune an answer, and how to think: Claude's own words for that are handed on to it
/// as they are.
fn inference(
    request: &Request<'_>,
    target: &Target<'_>,
    family: Family,
    json: &mut Writer<'_>,
    dropped: &mut Dropped,
) {
    let asked = request
        .max_output
        .map(|asked| asked.within(target, dropped))
        .or(target.default_output);
    let most = asked
        .or(target.max_output)
        .unwrap_or(Target::DEFAULT_MAX_OUTPUT);
    let (thinking, sampling) = match family {
        Family::Claude => {
            let thinking = Thinking::of(request, target.model, most, dropped);
            (thinking, fit_sampling(&request.sampling, thinking, dropped))
        }
        Family::Nova | Family::Other => {
            if !matches!(request.reasoning, Reasoning::Unsaid | Reasoning::Off) {
                dropped.note(request.caller.effort(request.reasoning));
            }
            (Thinking::Unasked, plain(&request.sampling, dropped))
        }
    };
    let has_budget = matches!(thinking, Thinking::Budget(_));
    json.open_member("inferenceConfig");
    if let Some(most) = asked.or(has_budget.then_some(most)) {
        json.count("maxTokens", most);
    }
    let numbers = [
        ("temperature", sampling.temperature),
        ("topP", sampling.top_p),
    ];
    for (name, number) in numbers {
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
    json.close();
    if thinking == Thinking::Unasked && sampling.top_k.is_none() {
        return;
    }
    json.open_member("additionalModelRequestFields");
    if let Some(effort) = thinking.write(json) {
        json.open_member("output_config");
        json.member("effort", effort);
        json.close();
    }
    if let Some(top_k) = sampling.top_k {
        json.raw_member("top_k", top_k);
    }
    json.close();
}

/// Temperatures go up to 1, and there is one word for `top_k` for each family only.
fn plain<'a>(sampling: &Sampling<'a>, dropped: &mut Dropped) -> Sampling<'a> {
    let mut temperature = sampling.temperature;
    let number = temperature.and_then(|text| text.parse::<f64>().ok());
    if number.is_some_and(|number| number > 1.0) {
        dropped.note("temperature");
        temperature = Some("1");
    }
    if sampling.top_k.is_some() {
        dropped.note("top_k");
    }
    Sampling {
        temperature,
        top_p: sampling.top_p,
        top_k: None,
    }
}

/// The schema is a text there.
fn format(request: &Request<'_>, json: &mut Writer<'_>) {
    let Format::Schema(schema) = &request.format else {
        return;
    };
    json.open_member("outputConfig");
    json.open_member("textFormat");
    json.member("type", "json_schema");
    json.open_member("structure");
    json.open_member("jsonSchema");
    json.member("schema", schema.json);
    let told = [("name", &schema.name), ("description", &schema.description)];
    for (name, text) in told {
        if let Some(text) = text {
            json.text_member(name, text);
        }
    }
    json.close();
    json.close();
    json.close();
    json.close();
}
