/*! Writing a request. */

use super::said::messages;
use super::words;
use crate::protocols::Refusal;
use crate::protocols::translate::hub::{Format, Knob, Request};
use crate::protocols::translate::path::Path;
use crate::protocols::translate::write::Writer;
use crate::protocols::translate::{Dropped, Target};

/// Most stop sequences (API reference, `stop`).
const MAX_STOPS: usize = 4;

/// Writes a request.
pub(in super::super) fn write(
    request: &Request<'_>,
    target: &Target<'_>,
    dropped: &mut Dropped,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    if request.stop.len() > MAX_STOPS {
        let at = Path::Body.key(request.caller.stop());
        return Err(
            at.unsupported_since("has more than the 4 that the provider of this model takes")
        );
    }
    let mut json = Writer::new(out);
    json.open();
    json.member("model", target.model);
    json.open_list_member("messages");
    messages(request, &mut json, dropped)?;
    json.close_list();
    if request.stream {
        json.raw_member("stream", "true");
        json.raw_member("stream_options", r#"{"include_usage":true}"#);
    }
    if let Some(asked) = request.max_output {
        json.count("max_completion_tokens", asked.within(target, dropped));
    }
    sampling(request, &mut json, dropped);
    tools(request, &mut json, dropped);
    settings(request, &mut json);
    json.close();
    Ok(())
}

fn sampling(request: &Request<'_>, json: &mut Writer<'_>, dropped: &mut Dropped) {
    if let Some(temperature) = request.sampling.temperature {
        json.raw_member("temperature", temperature);
    }
    if let Some(top_p) = request.sampling.top_p {
        json.raw_member("top_p", top_p);
    }
    if request.sampling.top_k.is_some() {
        dropped.note("top_k");
    }
    if !request.stop.is_empty() {
        json.open_list_member("stop");
        request
            .stop
            .iter()
            .for_each(|stop| json.raw(stop.literal()));
        json.close_list();
    }
}

fn settings(request: &Request<'_>, json: &mut Writer<'_>) {
    match &request.format {
        Format::Text => {}
        Format::Json => json.raw_member("response_format", r#"{"type":"json_object"}"#),
        Format::Schema(schema) => {
            json.open_member("response_format");
            json.member("type", "json_schema");
            json.open_member("json_schema");
            words::schema(schema, json);
            json.close();
            json.close();
        }
    }
    if let Some(effort) = words::effort(request.reasoning) {
        json.member("reasoning_effort", effort);
    }
    if let Some(user) = &request.user {
        json.text_member("user", user);
    }
    if let Some(tier) = words::tier(request.tier) {
        json.member("service_tier", tier);
    }
    for tuning in &request.tuning {
        let name = match tuning.knob {
            Knob::Verbosity => "verbosity",
            Knob::CacheKey => "prompt_cache_key",
            Knob::CacheRetention => "prompt_cache_retention",
            Knob::FrequencyPenalty => "frequency_penalty",
            Knob::PresencePenalty => "presence_penalty",
            Knob::Seed => "seed",
        };
        json.raw_member(name, tuning.json);
    }
}

fn tools(request: &Request<'_>, json: &mut Writer<'_>, dropped: &mut Dropped) {
    if !words::has_tools(request, dropped) {
        return;
    }
    json.open_list_member("tools");
    for tool in &request.tools {
        json.open();
        json.member("type", "function");
        json.open_member("function");
        words::function(tool, json, dropped);
        if tool.strict {
            json.raw_member("strict", "true");
        }
        json.close();
        json.close();
    }
    json.close_list();
    words::choice(request, json, |name, json| {
        json.open_member("function");
        json.text_member("name", name);
        json.close();
    });
}
