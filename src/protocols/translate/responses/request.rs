/*! Reading a request. */

use super::input;
use crate::protocols::Refusal;
use crate::protocols::translate::Dropped;
use crate::protocols::translate::hub::{
    Block, Choice, Format, Knob, MaxOutput, Part, Place, Request, Tool,
};
use crate::protocols::translate::openai::words;
use crate::protocols::translate::path::Path;
use crate::protocols::translate::tree::Value;

/// Fields that only tune, and are left out.
const TUNING: [&str; 5] = [
    "context_management",
    "include",
    "max_tool_calls",
    "metadata",
    "top_logprobs",
];

/// Fields that some APIs have too.
const KNOBS: [(&str, Knob); 2] = [
    ("prompt_cache_key", Knob::CacheKey),
    ("prompt_cache_retention", Knob::CacheRetention),
];

/// What the answer shall tell besides, without which it would be another.
const LOGPROBS: &str = "message.output_text.logprobs";

/// Reads a request. What the provider would keep was refused where it was first read, but for
/// `store`.
pub(in super::super) fn read<'a>(
    body: &Value<'a>,
    dropped: &mut Dropped,
) -> Result<Request<'a>, Refusal> {
    let mut request = Request::default();
    let at = Path::Body.key("instructions");
    // They come first, wherever they stand.
    if let Some(instructions) = body.get("instructions") {
        let text = instructions.text(&at)?;
        request.system.extend((!text.is_empty()).then(|| Block {
            part: Part::Text(text),
            cache: None,
            place: Place::in_messages(0, 0),
        }));
    }
    for (key, value) in body.members(&Path::Body)? {
        if !settings(key, value, &mut request, dropped)?
            && !tuning(key, value, &mut request, dropped)?
        {
            unknown(key, value, dropped)?;
        }
    }
    let at = Path::Body.key("input");
    let input = body.get("input").ok_or_else(|| at.missing())?;
    input::read(input, &at, &mut request, dropped)?;
    if let Some(user) = body.get("user") {
        request.user = Some(user.text(&Path::Body.key("user"))?);
    }
    Ok(request)
}

/// What is asked, and with which tools; whether the member was one of these.
fn settings<'a>(
    key: &str,
    value: &Value<'a>,
    request: &mut Request<'a>,
    dropped: &mut Dropped,
) -> Result<bool, Refusal> {
    let at = |name| Path::Key(&Path::Body, name);
    match key {
        "stream" => request.stream = value.boolean(&at("stream"))?,
        "max_output_tokens" => {
            request.max_output = Some(MaxOutput {
                tokens: value.count(&at("max_output_tokens"))?,
                field: "max_output_tokens",
            });
        }
        "tools" => request.tools = tools(value, &at("tools"), dropped)?,
        "tool_choice" => request.choice = choice(value, &at("tool_choice"))?,
        "parallel_tool_calls" => {
            request.single_call = !value.boolean(&at("parallel_tool_calls"))?;
        }
        "text" => text(value, &at("text"), request, dropped)?,
        "reasoning" => reasoning(value, &at("reasoning"), request, dropped)?,
        "safety_identifier" => request.user = Some(value.text(&at("safety_identifier"))?),
        "service_tier" => {
            request.tier = words::read_tier(&value.word(&at("service_tier"))?, dropped);
        }
        // Read by themselves; the target has its own name; usage is always told.
        "input" | "instructions" | "user" | "model" | "stream_options" => {}
        _ => return Ok(false),
    }
    Ok(true)
}

/// Numbers and such; whether the member was one of these.
fn tuning<'a>(
    key: &str,
    value: &Value<'a>,
    request: &mut Request<'a>,
    dropped: &mut Dropped,
) -> Result<bool, Refusal> {
    let at = |name| Path::Key(&Path::Body, name);
    match key {
        "temperature" => request.sampling.temperature = Some(value.number(&at("temperature"))?),
        "top_p" => request.sampling.top_p = Some(value.number(&at("top_p"))?),
        // Not OpenAI's, but of servers that speak its protocol.
        "top_k" => request.sampling.top_k = Some(value.number(&at("top_k"))?),
        "truncation" if value.word(&at("truncation"))? != "disabled" => dropped.note("truncation"),
        "truncation" => {}
        _ => return Ok(words::read_knob(&KNOBS, key, value, request)),
    }
    Ok(true)
}

/// Members that the hub has not: some are refused, some are harmless by their value, some are
/// left out.
fn unknown(key: &str, value: &Value<'_>, dropped: &mut Dropped) -> Result<(), Refusal> {
    let at = |name| Path::Key(&Path::Body, name);
    match key {
        "store" if value.boolean(&at("store"))? => {
            let problem = "is true, and the provider of this model keeps no responses";
            return Err(at("store").unsupported_since(problem));
        }
        "include" => {
            let at = at("include");
            for (index, item) in value.items(&at)?.iter().enumerate() {
                let at = at.index(index);
                if item.word(&at)? == LOGPROBS {
                    return Err(at.unsupported());
                }
                dropped.note("include");
            }
        }
        // Where they ask for something, they were refused before.
        "store" | "background" => {}
        "logit_bias" => return Err(at("logit_bias").unsupported()),
        _ => dropped.note(TUNING.iter().find(|name| **name == key).unwrap_or(&"other")),
    }
    Ok(())
}

fn text<'a>(
    value: &Value<'a>,
    at: &Path<'_>,
    request: &mut Request<'a>,
    dropped: &mut Dropped,
) -> Result<(), Refusal> {
    const VERBOSITY: [(&str, Knob); 1] = [("text.verbosity", Knob::Verbosity)];
    for (key, value) in value.members(at)? {
        match key {
            "format" => request.format = format(value, &at.key("format"))?,
            "verbosity" => {
                words::read_knob(&VERBOSITY, "text.verbosity", value, request);
            }
            _ => dropped.note("text.other"),
        }
    }
    Ok(())
}

fn format<'a>(value: &Value<'a>, at: &Path<'_>) -> Result<Format<'a>, Refusal> {
    match value.required_word("type", at)?.as_str() {
        "text" => Ok(Format::Text),
        "json_object" => Ok(Format::Json),
        "json_schema" => words::read_schema(value, at).map(Format::Schema),
        _ => Err(at.key("type").unsupported()),
    }
}

fn reasoning(
    value: &Value<'_>,
    at: &Path<'_>,
    request: &mut Request<'_>,
    dropped: &mut Dropped,
) -> Result<(), Refusal> {
    for (key, value) in value.members(at)? {
        match key {
            "effort" => request.reasoning = words::read_effort(value, &at.key("effort"))?,
            // What providers tell of their thinking is told in any case.
            "summary" | "generate_summary" => dropped.note("reasoning.summary"),
            _ => dropped.note("reasoning.other"),
        }
    }
    Ok(())
}

fn tools<'a>(
    value: &Value<'a>,
    at: &Path<'_>,
    dropped: &mut Dropped,
) -> Result<Vec<Tool<'a>>, Refusal> {
    let tools = value.items(at)?.iter().enumerate();
    tools
        .map(|(index, tool)| {
            let at = at.index(index);
            // All others run at the provider, or take a text of another form.
            if tool.required_word("type", &at)? != "function" {
                return Err(at.key("type").unsupported());
            }
            words::read_function(tool, &at, None, dropped)
        })
        .collect()
}

fn choice<'a>(value: &Value<'a>, at: &Path<'_>) -> Result<Choice<'a>, Refusal> {
    if let Some(word) = value.as_text() {
        return words::read_choice(&word, at);
    }
    if value.required_word("type", at)? != "function" {
        return Err(at.key("type").unsupported());
    }
    Ok(Choice::Named(value.required_text("name", at)?))
}
