/*! Writing a request. */

use super::said;
use crate::protocols::Refusal;
use crate::protocols::translate::hub::{Format, Knob, Request};
use crate::protocols::translate::openai::words;
use crate::protocols::translate::path::Path;
use crate::protocols::translate::write::Writer;
use crate::protocols::translate::{Dropped, Target};

/// Writes a request. (That nothing is stored is said by the gateway's own `adapt`.)
pub(in super::super) fn write(
    request: &Request<'_>,
    target: &Target<'_>,
    dropped: &mut Dropped,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    check(request)?;
    let mut json = Writer::new(out);
    json.open();
    json.member("model", target.model);
    json.open_list_member("input");
    said::items(request, &mut json, dropped)?;
    json.close_list();
    if request.stream {
        json.raw_member("stream", "true");
    }
    if let Some(asked) = request.max_output {
        json.count("max_output_tokens", asked.within(target, dropped));
    }
    if let Some(temperature) = request.sampling.temperature {
        json.raw_member("temperature", temperature);
    }
    if let Some(top_p) = request.sampling.top_p {
        json.raw_member("top_p", top_p);
    }
    if request.sampling.top_k.is_some() {
        dropped.note("top_k");
    }
    tools(request, &mut json, dropped);
    settings(request, &mut json, dropped);
    json.close();
    Ok(())
}

/// Refuses what Responses have no word for.
fn check(request: &Request<'_>) -> Result<(), Refusal> {
    if request.turns.is_empty() && request.system.is_empty() {
        let at = Path::Body.key(request.caller.conversation());
        return Err(at.unsupported_since("has nothing but empty messages"));
    }
    if !request.stop.is_empty() {
        return Err(Path::Body.key(request.caller.stop()).unsupported());
    }
    Ok(())
}

fn settings(request: &Request<'_>, json: &mut Writer<'_>, dropped: &mut Dropped) {
    let mut tuning = request.tuning.iter();
    let verbosity = tuning.find(|tuning| tuning.knob == Knob::Verbosity);
    if verbosity.is_some() || !matches!(request.format, Format::Text) {
        json.open_member("text");
        format(&request.format, json);
        if let Some(verbosity) = verbosity {
            json.raw_member("verbosity", verbosity.json);
        }
        json.close();
    }
    if let Some(effort) = words::effort(request.reasoning) {
        json.open_member("reasoning");
        json.member("effort", effort);
        json.close();
    }
    if let Some(user) = &request.user {
        json.text_member("user", user);
    }
    if let Some(tier) = words::tier(request.tier) {
        json.member("service_tier", tier);
    }
    for tuning in &request.tuning {
        match tuning.knob {
            Knob::Verbosity => {}
            Knob::CacheKey => json.raw_member("prompt_cache_key", tuning.json),
            Knob::CacheRetention => json.raw_member("prompt_cache_retention", tuning.json),
            Knob::FrequencyPenalty | Knob::PresencePenalty | Knob::Seed => {
                dropped.note(tuning.field);
            }
        }
    }
}

fn format(format: &Format<'_>, json: &mut Writer<'_>) {
    match format {
        Format::Text => {}
        Format::Json => json.raw_member("format", r#"{"type":"json_object"}"#),
        Format::Schema(schema) => {
            json.open_member("format");
            json.member("type", "json_schema");
            words::schema(schema, json);
            json.close();
        }
    }
}

/// Functions are strict here unless they say otherwise.
fn tools(request: &Request<'_>, json: &mut Writer<'_>, dropped: &mut Dropped) {
    if !words::has_tools(request, dropped) {
        return;
    }
    json.open_list_member("tools");
    for tool in &request.tools {
        json.open();
        json.member("type", "function");
        words::function(tool, json, dropped);
        if tool.schema.is_none() {
            json.raw_member("parameters", "null");
        }
        json.raw_member("strict", if tool.strict { "true" } else { "false" });
        json.close();
    }
    json.close_list();
    words::choice(request, json, |name, json| json.text_member("name", name));
}
