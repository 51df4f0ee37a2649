/*! Writing a request. */

use super::said::messages;
use crate::protocols::Refusal;
use crate::protocols::translate::hub::{Choice, Effort, Format, Reasoning, Request, Tier};
use crate::protocols::translate::path::Path;
use crate::protocols::translate::write::Writer;
use crate::protocols::translate::{Dropped, Target};

/// Most stop sequences (API reference, `stop`).
const MAX_STOPS: usize = 4;

/// The name of a schema, which OpenAI demands and Anthropic's callers do not give.
const SCHEMA_NAME: &str = "answer";

/// Writes a request.
pub(in super::super) fn write(
    request: &Request<'_>,
    target: &Target<'_>,
    dropped: &mut Dropped,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    if request.stop.len() > MAX_STOPS {
        let at = Path::Body.key("stop_sequences");
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
            json.member("name", SCHEMA_NAME);
            json.raw_member("strict", "true");
            json.raw_member("schema", schema);
            json.close();
            json.close();
        }
    }
    if let Some(effort) = effort(request.reasoning) {
        json.member("reasoning_effort", effort);
    }
    if let Some(user) = &request.user {
        json.text_member("user", user);
    }
    match request.tier {
        Tier::Unsaid => {}
        Tier::Auto => json.member("service_tier", "auto"),
        Tier::Standard => json.member("service_tier", "default"),
    }
}

/// The bounds lie between the budgets that the other way gives to each effort. "None" is
/// not said: many models do not know the word, and those that do mean it unasked.
const fn effort(reasoning: Reasoning) -> Option<&'static str> {
    Some(match reasoning {
        Reasoning::Unsaid | Reasoning::Off => return None,
        Reasoning::Effort(Effort::Minimal) => "minimal",
        Reasoning::Effort(Effort::Low) | Reasoning::Budget(..=4095) => "low",
        Reasoning::Effort(Effort::Medium) | Reasoning::Budget(..=12_287) => "medium",
        Reasoning::Effort(Effort::High) | Reasoning::Budget(_) => "high",
        Reasoning::Effort(Effort::Max) => "xhigh",
    })
}

fn tools(request: &Request<'_>, json: &mut Writer<'_>, dropped: &mut Dropped) {
    if request.tools.is_empty() {
        if !matches!(request.choice, Choice::Unsaid | Choice::Auto | Choice::None) {
            dropped.note("tool_choice");
        }
        return;
    }
    json.open_list_member("tools");
    for tool in &request.tools {
        if tool.cache.is_some() {
            dropped.note("cache_control");
        }
        json.open();
        json.member("type", "function");
        json.open_member("function");
        json.text_member("name", &tool.name);
        if let Some(description) = &tool.description {
            json.text_member("description", description);
        }
        if let Some(schema) = tool.schema {
            json.raw_member("parameters", schema);
        }
        if tool.strict {
            json.raw_member("strict", "true");
        }
        json.close();
        json.close();
    }
    json.close_list();
    match &request.choice {
        Choice::Unsaid => {}
        Choice::Auto => json.member("tool_choice", "auto"),
        Choice::None => json.member("tool_choice", "none"),
        Choice::Any => json.member("tool_choice", "required"),
        Choice::Named(name) => {
            json.open_member("tool_choice");
            json.member("type", "function");
            json.open_member("function");
            json.text_member("name", name);
            json.close();
            json.close();
        }
    }
    if request.single_call {
        json.raw_member("parallel_tool_calls", "false");
    }
}
