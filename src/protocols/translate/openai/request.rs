/*! Reading a request. */

use super::{message, words};
use crate::protocols::Refusal;
use crate::protocols::translate::Dropped;
use crate::protocols::translate::hub::{Choice, Format, Knob, MaxOutput, Request, Tool};
use crate::protocols::translate::path::Path;
use crate::protocols::translate::text::Text;
use crate::protocols::translate::tree::Value;

/// Fields that only tune, and are left out.
const TUNING: [&str; 4] = ["metadata", "prediction", "store", "top_logprobs"];

/// Fields that some APIs have too.
const KNOBS: [(&str, Knob); 6] = [
    ("verbosity", Knob::Verbosity),
    ("prompt_cache_key", Knob::CacheKey),
    ("prompt_cache_retention", Knob::CacheRetention),
    ("frequency_penalty", Knob::FrequencyPenalty),
    ("presence_penalty", Knob::PresencePenalty),
    ("seed", Knob::Seed),
];

/// Fields without which the answer would be another: they are refused.
const REFUSED: [&str; 4] = ["audio", "function_call", "functions", "web_search_options"];

/// Reads a request.
pub(in super::super) fn read<'a>(
    body: &Value<'a>,
    dropped: &mut Dropped,
) -> Result<Request<'a>, Refusal> {
    let mut request = Request::default();
    let messages = Path::Body.key("messages");
    for (key, value) in body.members(&Path::Body)? {
        if let Some(name) = REFUSED.iter().find(|name| **name == key) {
            return Err(Path::Body.key(name).unsupported());
        }
        if key == "messages" {
            message::read_all(value, &messages, &mut request, dropped)?;
        } else if !member(key, value, &mut request, dropped)?
            && !sampling(key, value, &mut request)?
            && !words::read_knob(&KNOBS, key, value, &mut request)
        {
            unknown(key, value, dropped)?;
        }
    }
    if body.get("messages").is_none() {
        return Err(messages.missing());
    }
    // The current name wins over the old one.
    if let Some(most) = body.get("max_completion_tokens") {
        request.max_output = Some(max_output(most, "max_completion_tokens")?);
    }
    if let Some(user) = body.get("user") {
        request.user = Some(user.text(&Path::Body.key("user"))?);
    }
    Ok(request)
}

/// Reads a member that the hub has; whether it was one.
fn member<'a>(
    key: &str,
    value: &Value<'a>,
    request: &mut Request<'a>,
    dropped: &mut Dropped,
) -> Result<bool, Refusal> {
    let at = |name| Path::Key(&Path::Body, name);
    match key {
        "stream" => request.stream = value.boolean(&at("stream"))?,
        "stop" => request.stop = stop(value, &at("stop"))?,
        "max_tokens" => request.max_output = Some(max_output(value, "max_tokens")?),
        "tools" => request.tools = tools(value, &at("tools"), dropped)?,
        "tool_choice" => request.choice = choice(value, &at("tool_choice"))?,
        "parallel_tool_calls" => {
            request.single_call = !value.boolean(&at("parallel_tool_calls"))?;
        }
        "response_format" => request.format = format(value, &at("response_format"))?,
        "reasoning_effort" => {
            request.reasoning = words::read_effort(value, &at("reasoning_effort"))?;
        }
        "safety_identifier" => request.user = Some(value.text(&at("safety_identifier"))?),
        "service_tier" => {
            request.tier = words::read_tier(&value.word(&at("service_tier"))?, dropped);
        }
        // The target has its own name, usage is always told.
        "model" | "stream_options" | "max_completion_tokens" | "user" => {}
        _ => return Ok(false),
    }
    Ok(true)
}

fn max_output(value: &Value<'_>, field: &'static str) -> Result<MaxOutput, Refusal> {
    let tokens = value.count(&Path::Body.key(field))?;
    Ok(MaxOutput { tokens, field })
}

fn sampling<'a>(key: &str, value: &Value<'a>, request: &mut Request<'a>) -> Result<bool, Refusal> {
    let at = |name| Path::Key(&Path::Body, name);
    match key {
        "temperature" => request.sampling.temperature = Some(value.number(&at("temperature"))?),
        "top_p" => request.sampling.top_p = Some(value.number(&at("top_p"))?),
        // Not OpenAI's, but of many servers that speak its protocol.
        "top_k" => request.sampling.top_k = Some(value.number(&at("top_k"))?),
        _ => return Ok(false),
    }
    Ok(true)
}

/// Members that the hub has not: some are harmless by their value, some are left out.
fn unknown(key: &str, value: &Value<'_>, dropped: &mut Dropped) -> Result<(), Refusal> {
    let at = |name| Path::Key(&Path::Body, name);
    match key {
        "n" if value.count(&at("n"))? != 1 => {
            return Err(at("n").unsupported_since("must be 1 for the provider of this model"));
        }
        "logprobs" if value.boolean(&at("logprobs"))? => return Err(at("logprobs").unsupported()),
        "logit_bias" if value.members(&at("logit_bias"))?.next().is_some() => {
            return Err(at("logit_bias").unsupported());
        }
        "modalities" => text_only(value, &at("modalities"))?,
        "n" | "logprobs" | "logit_bias" => {}
        _ => dropped.note(TUNING.iter().find(|name| **name == key).unwrap_or(&"other")),
    }
    Ok(())
}

fn text_only(value: &Value<'_>, at: &Path<'_>) -> Result<(), Refusal> {
    for (index, item) in value.items(at)?.iter().enumerate() {
        let at = at.index(index);
        if item.word(&at)? != "text" {
            return Err(at.unsupported());
        }
    }
    Ok(())
}

fn stop<'a>(value: &Value<'a>, at: &Path<'_>) -> Result<Vec<Text<'a>>, Refusal> {
    if let Some(text) = value.as_text() {
        return Ok(vec![text]);
    }
    if !value.is_array() {
        return Err(at.wrong("must be a string or an array of strings"));
    }
    let texts = value.list().iter().enumerate();
    texts
        .map(|(index, item)| item.text(&at.index(index)))
        .collect()
}

fn tools<'a>(
    value: &Value<'a>,
    at: &Path<'_>,
    dropped: &mut Dropped,
) -> Result<Vec<Tool<'a>>, Refusal> {
    let tools = value.items(at)?.iter().enumerate();
    tools
        .map(|(index, value)| tool(value, &at.index(index), dropped))
        .collect()
}

fn tool<'a>(value: &Value<'a>, at: &Path<'_>, dropped: &mut Dropped) -> Result<Tool<'a>, Refusal> {
    let mut cache = None;
    for (key, value) in value.members(at)? {
        match key {
            "type" if value.word(&at.key("type"))? != "function" => {
                return Err(at.key("type").unsupported());
            }
            "type" | "function" => {}
            "cache_control" => cache = value.as_object_text(),
            _ => dropped.note("tools.other"),
        }
    }
    let at = at.key("function");
    let function = value.get("function").ok_or_else(|| at.missing())?;
    words::read_function(function, &at, cache, dropped)
}

fn choice<'a>(value: &Value<'a>, at: &Path<'_>) -> Result<Choice<'a>, Refusal> {
    if let Some(word) = value.as_text() {
        return words::read_choice(&word, at);
    }
    // `allowed_tools` and custom tools have no counterpart.
    if value.required_word("type", at)? != "function" {
        return Err(at.key("type").unsupported());
    }
    let at = at.key("function");
    let function = value.get("function").ok_or_else(|| at.missing())?;
    Ok(Choice::Named(function.required_text("name", &at)?))
}

fn format<'a>(value: &Value<'a>, at: &Path<'_>) -> Result<Format<'a>, Refusal> {
    match value.required_word("type", at)?.as_str() {
        "text" => return Ok(Format::Text),
        "json_object" => return Ok(Format::Json),
        "json_schema" => {}
        _ => return Err(at.key("type").unsupported()),
    }
    let at = at.key("json_schema");
    let described = value.get("json_schema").ok_or_else(|| at.missing())?;
    words::read_schema(described, &at).map(Format::Schema)
}
