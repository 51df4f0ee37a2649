/*! Reading a request. */

use super::message;
use crate::protocols::Refusal;
use crate::protocols::translate::Dropped;
use crate::protocols::translate::hub::{
    Choice, Effort, Format, MaxOutput, Reasoning, Request, Schema, Tier, Tool,
};
use crate::protocols::translate::path::Path;
use crate::protocols::translate::text::Text;
use crate::protocols::translate::tree::Value;

/// Fields that only tune, and are left out.
const TUNING: [&str; 4] = [
    "cache_control",
    "context_management",
    "inference_geo",
    "speed",
];

/// Reads a request.
pub(in super::super) fn read<'a>(
    body: &Value<'a>,
    dropped: &mut Dropped,
) -> Result<Request<'a>, Refusal> {
    let mut request = Request::default();
    for (key, value) in body.members(&Path::Body)? {
        if !talk(key, value, &mut request, dropped)?
            && !settings(key, value, &mut request, dropped)?
        {
            refuse(key, value)?;
            dropped.note(TUNING.iter().find(|name| **name == key).unwrap_or(&"other"));
        }
    }
    if body.get("messages").is_none() {
        return Err(Path::Body.key("messages").missing());
    }
    Ok(request)
}

/// What is said, and with which tools; whether the member was one of these.
fn talk<'a>(
    key: &str,
    value: &Value<'a>,
    request: &mut Request<'a>,
    dropped: &mut Dropped,
) -> Result<bool, Refusal> {
    let at = |name| Path::Key(&Path::Body, name);
    match key {
        "system" => request.system = message::read_system(value, &at("system"), dropped)?,
        "messages" => message::read_all(value, &at("messages"), request, dropped)?,
        "tools" => request.tools = tools(value, &at("tools"), dropped)?,
        "tool_choice" => {
            let at = at("tool_choice");
            request.choice = choice(value, &at)?;
            if let Some(single) = value.get("disable_parallel_tool_use") {
                request.single_call = single.boolean(&at.key("disable_parallel_tool_use"))?;
            }
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// How it is answered; whether the member was one of these.
fn settings<'a>(
    key: &str,
    value: &Value<'a>,
    request: &mut Request<'a>,
    dropped: &mut Dropped,
) -> Result<bool, Refusal> {
    let at = |name| Path::Key(&Path::Body, name);
    match key {
        "max_tokens" => {
            request.max_output = Some(MaxOutput {
                tokens: value.count(&at("max_tokens"))?,
                field: "max_tokens",
            });
        }
        "stream" => request.stream = value.boolean(&at("stream"))?,
        "stop_sequences" => request.stop = stop(value, &at("stop_sequences"))?,
        "temperature" => request.sampling.temperature = Some(value.number(&at("temperature"))?),
        "top_p" => request.sampling.top_p = Some(value.number(&at("top_p"))?),
        "top_k" => request.sampling.top_k = Some(value.number(&at("top_k"))?),
        "metadata" => request.user = user(value, &at("metadata"), dropped)?,
        "service_tier" => {
            request.tier = match value.word(&at("service_tier"))?.as_str() {
                "auto" => Tier::Auto,
                "standard_only" => Tier::Standard,
                _ => return Err(at("service_tier").unsupported()),
            }
        }
        "thinking" => thinking(value, &at("thinking"), request)?,
        "output_config" => output_config(value, &at("output_config"), request, dropped)?,
        // Its name before it moved into `output_config`.
        "output_format" => request.format = format(value, &at("output_format"))?,
        "model" => {}
        _ => return Ok(false),
    }
    Ok(true)
}

/// Refuses what runs at the provider.
fn refuse(key: &str, value: &Value<'_>) -> Result<(), Refusal> {
    match key {
        "mcp_servers" if !value.list().is_empty() => {
            Err(Path::Body.key("mcp_servers").unsupported())
        }
        "container" => Err(Path::Body.key("container").unsupported()),
        _ => Ok(()),
    }
}

fn stop<'a>(value: &Value<'a>, at: &Path<'_>) -> Result<Vec<Text<'a>>, Refusal> {
    let texts = value.items(at)?.iter().enumerate();
    texts
        .map(|(index, item)| item.text(&at.index(index)))
        .collect()
}

fn user<'a>(
    value: &Value<'a>,
    at: &Path<'_>,
    dropped: &mut Dropped,
) -> Result<Option<Text<'a>>, Refusal> {
    let mut user = None;
    for (key, value) in value.members(at)? {
        match key {
            "user_id" => user = Some(value.text(&at.key("user_id"))?),
            _ => dropped.note("metadata.other"),
        }
    }
    Ok(user)
}

/// `effort` says more than a budget, whichever comes first.
fn thinking(value: &Value<'_>, at: &Path<'_>, request: &mut Request<'_>) -> Result<(), Refusal> {
    match value.required_word("type", at)?.as_str() {
        "disabled" => request.reasoning = Reasoning::Off,
        "adaptive" => {}
        "enabled" => {
            let at = at.key("budget_tokens");
            let budget = value.get("budget_tokens").ok_or_else(|| at.missing())?;
            let budget = budget.count(&at)?;
            if request.reasoning == Reasoning::Unsaid {
                request.reasoning = Reasoning::Budget(budget);
            }
        }
        _ => return Err(at.key("type").unsupported()),
    }
    Ok(())
}

fn output_config<'a>(
    value: &Value<'a>,
    at: &Path<'_>,
    request: &mut Request<'a>,
    dropped: &mut Dropped,
) -> Result<(), Refusal> {
    for (key, value) in value.members(at)? {
        match key {
            "effort" => {
                let effort = effort(value, &at.key("effort"))?;
                if request.reasoning != Reasoning::Off {
                    request.reasoning = Reasoning::Effort(effort);
                }
            }
            "format" => request.format = format(value, &at.key("format"))?,
            _ => dropped.note("output_config.other"),
        }
    }
    Ok(())
}

fn effort(value: &Value<'_>, at: &Path<'_>) -> Result<Effort, Refusal> {
    Ok(match value.word(at)?.as_str() {
        "low" => Effort::Low,
        "medium" => Effort::Medium,
        "high" => Effort::High,
        "xhigh" | "max" => Effort::Max,
        _ => return Err(at.unsupported()),
    })
}

fn format<'a>(value: &Value<'a>, at: &Path<'_>) -> Result<Format<'a>, Refusal> {
    if value.required_word("type", at)? != "json_schema" {
        return Err(at.key("type").unsupported());
    }
    let at = at.key("schema");
    let schema = value.get("schema").ok_or_else(|| at.missing())?;
    Ok(Format::Schema(Schema {
        json: schema.object_text(&at)?,
        name: None,
        description: None,
        strict: true,
    }))
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
    // All other types are tools of the provider's: searching, computers, editors.
    if value.get("type").is_some() && value.required_word("type", at)? != "custom" {
        return Err(at.key("type").unsupported());
    }
    let mut tool = Tool {
        name: value.required_text("name", at)?,
        description: None,
        schema: None,
        strict: false,
        cache: None,
    };
    for (key, value) in value.members(at)? {
        match key {
            "type" | "name" => {}
            "description" => tool.description = Some(value.text(&at.key("description"))?),
            "input_schema" => tool.schema = Some(value.object_text(&at.key("input_schema"))?),
            "strict" => tool.strict = value.boolean(&at.key("strict"))?,
            "cache_control" => tool.cache = value.as_object_text(),
            _ => dropped.note("tools.other"),
        }
    }
    if tool.schema.is_none() {
        return Err(at.key("input_schema").missing());
    }
    Ok(tool)
}

fn choice<'a>(value: &Value<'a>, at: &Path<'_>) -> Result<Choice<'a>, Refusal> {
    Ok(match value.required_word("type", at)?.as_str() {
        "auto" => Choice::Auto,
        "none" => Choice::None,
        "any" => Choice::Any,
        "tool" => Choice::Named(value.required_text("name", at)?),
        _ => return Err(at.key("type").unsupported()),
    })
}
