/*! What chat completions and Responses say in the same words. */

use crate::json;
use crate::ledger::Usage as Counts;
use crate::protocols::translate::hub::{
    Choice, Effort, Knob, Reasoning, Request, Schema, Tier, Tool, Tuning, Usage,
};
use crate::protocols::translate::path::Path;
use crate::protocols::translate::text::Text;
use crate::protocols::translate::tree::{Value, unwatched};
use crate::protocols::translate::write::Writer;
use crate::protocols::translate::{About, Dropped};
use crate::protocols::{Refusal, ReportedUsage};

/// The name of a schema, which OpenAI demands and Anthropic's callers do not give.
const SCHEMA_NAME: &str = "answer";

/// The id of a call to which the provider gave none: unique in the conversation.
pub(in super::super) fn call_id(
    id: Option<&Text<'_>>,
    about: &About<'_>,
    number: usize,
) -> Text<'static> {
    match id {
        Some(id) if !id.is_empty() => id.clone().into_owned(),
        _ => Text::of(&format!("call_{}_{number}", about.id)),
    }
}

pub(in super::super) fn read_effort(
    value: &Value<'_>,
    at: &Path<'_>,
) -> Result<Reasoning, Refusal> {
    Ok(Reasoning::Effort(match value.word(at)?.as_str() {
        "none" => return Ok(Reasoning::Off),
        "minimal" => Effort::Minimal,
        "low" => Effort::Low,
        "medium" => Effort::Medium,
        "high" => Effort::High,
        "xhigh" | "max" => Effort::Max,
        _ => return Err(at.unsupported()),
    }))
}

/// The bounds lie between the budgets that the other way gives to each effort. "None" is
/// not said: many models do not know the word, and those that do mean it unasked.
pub(in super::super) const fn effort(reasoning: Reasoning) -> Option<&'static str> {
    Some(match reasoning {
        Reasoning::Unsaid | Reasoning::Off => return None,
        Reasoning::Effort(Effort::Minimal) => "minimal",
        Reasoning::Effort(Effort::Low) | Reasoning::Budget(..=4095) => "low",
        Reasoning::Effort(Effort::Medium) | Reasoning::Budget(..=12_287) => "medium",
        Reasoning::Effort(Effort::High) | Reasoning::Budget(_) => "high",
        Reasoning::Effort(Effort::Max) => "xhigh",
    })
}

pub(in super::super) fn read_tier(word: &str, dropped: &mut Dropped) -> Tier {
    match word {
        "auto" => Tier::Auto,
        "default" => Tier::Standard,
        _ => {
            dropped.note("service_tier");
            Tier::Unsaid
        }
    }
}

pub(in super::super) const fn tier(tier: Tier) -> Option<&'static str> {
    match tier {
        Tier::Unsaid => None,
        Tier::Auto => Some("auto"),
        Tier::Standard => Some("default"),
    }
}

pub(in super::super) fn read_choice<'a>(
    word: &Text<'_>,
    at: &Path<'_>,
) -> Result<Choice<'a>, Refusal> {
    Ok(match word.value().as_ref() {
        "auto" => Choice::Auto,
        "none" => Choice::None,
        "required" => Choice::Any,
        _ => return Err(at.wrong("must be 'auto', 'none', 'required' or an object")),
    })
}

/// Writes which tools are to be called, and whether several at once. The two APIs put a name into
/// different places: `named` does it.
pub(in super::super) fn choice(
    request: &Request<'_>,
    json: &mut Writer<'_>,
    named: fn(&Text<'_>, &mut Writer<'_>),
) {
    match &request.choice {
        Choice::Unsaid => {}
        Choice::Auto => json.member("tool_choice", "auto"),
        Choice::None => json.member("tool_choice", "none"),
        Choice::Any => json.member("tool_choice", "required"),
        Choice::Named(name) => {
            json.open_member("tool_choice");
            json.member("type", "function");
            named(name, json);
            json.close();
        }
    }
    if request.single_call {
        json.raw_member("parallel_tool_calls", "false");
    }
}

/// Whether there are tools; without any, none can be demanded.
pub(in super::super) fn has_tools(request: &Request<'_>, dropped: &mut Dropped) -> bool {
    let some = !request.tools.is_empty();
    if !some && !matches!(request.choice, Choice::Unsaid | Choice::Auto | Choice::None) {
        dropped.note("tool_choice");
    }
    some
}

/// Reads the members of a function; its `type` was looked at before.
pub(in super::super) fn read_function<'a>(
    function: &Value<'a>,
    at: &Path<'_>,
    cache: Option<&'a str>,
    dropped: &mut Dropped,
) -> Result<Tool<'a>, Refusal> {
    let mut tool = Tool {
        name: function.required_text("name", at)?,
        description: None,
        schema: None,
        strict: false,
        cache,
    };
    for (key, value) in function.members(at)? {
        match key {
            "name" | "type" => {}
            "description" => tool.description = Some(value.text(&at.key("description"))?),
            "parameters" => tool.schema = Some(value.object_text(&at.key("parameters"))?),
            "strict" => tool.strict = value.boolean(&at.key("strict"))?,
            _ => dropped.note("tools.other"),
        }
    }
    Ok(tool)
}

/// Writes the members of a function but for `strict`.
pub(in super::super) fn function(tool: &Tool<'_>, json: &mut Writer<'_>, dropped: &mut Dropped) {
    if tool.cache.is_some() {
        dropped.note("cache_control");
    }
    json.text_member("name", &tool.name);
    if let Some(description) = &tool.description {
        json.text_member("description", description);
    }
    if let Some(schema) = tool.schema {
        json.raw_member("parameters", schema);
    }
}

/// Reads the members of a schema of answers.
pub(in super::super) fn read_schema<'a>(
    value: &Value<'a>,
    at: &Path<'_>,
) -> Result<Schema<'a>, Refusal> {
    let text = |name| match value.get(name) {
        Some(text) => text.text(&at.key(name)).map(Some),
        None => Ok(None),
    };
    let schema_at = at.key("schema");
    let schema = value.get("schema").ok_or_else(|| schema_at.missing())?;
    Ok(Schema {
        json: schema.object_text(&schema_at)?,
        name: text("name")?,
        description: text("description")?,
        strict: match value.get("strict") {
            Some(strict) => strict.boolean(&at.key("strict"))?,
            None => false,
        },
    })
}

/// Writes them.
pub(in super::super) fn schema(schema: &Schema<'_>, json: &mut Writer<'_>) {
    match &schema.name {
        Some(name) => json.text_member("name", name),
        None => json.member("name", SCHEMA_NAME),
    }
    if let Some(description) = &schema.description {
        json.text_member("description", description);
    }
    if schema.strict {
        json.raw_member("strict", "true");
    }
    json.raw_member("schema", schema.json);
}

/// Reads a member that tunes, if it is one of `knobs`.
pub(in super::super) fn read_knob<'a>(
    knobs: &[(&'static str, Knob)],
    key: &str,
    value: &Value<'a>,
    request: &mut Request<'a>,
) -> bool {
    let known = knobs.iter().find(|(name, _)| *name == key);
    if let Some((field, knob)) = known {
        request.tuning.push(Tuning {
            knob: *knob,
            field,
            json: value.raw,
        });
    }
    known.is_some()
}

/// Reads a `usage` member as Tollgate settles by it.
pub(in super::super) fn read_usage(
    usage: Option<&Value<'_>>,
    read: fn(&mut json::Reader<'_>) -> Result<ReportedUsage, json::Error>,
) -> Usage {
    let read = usage.map(|usage| {
        json::Reader::new(usage.raw.as_bytes(), unwatched).and_then(|mut reader| read(&mut reader))
    });
    match read {
        Some(Ok(ReportedUsage::Counted(counts))) => Usage::Told(counts),
        _ => Usage::Untold,
    }
}

/// The rare parts of a prompt, told only where there was some. OpenAI does not tell apart for
/// which time a cache is written, so Anthropic's words do: the call is settled by what is written
/// here.
pub(in super::super) fn rare_prompt_details(counts: &Counts, json: &mut Writer<'_>) {
    let rare = [
        ("audio_tokens", counts.audio_input),
        ("image_tokens", counts.image_input),
    ];
    json.rare_counts(&rare);
    if counts.cache_write_1h > 0 {
        json.open_member("cache_creation");
        json.count("ephemeral_5m_input_tokens", counts.cache_write);
        json.count("ephemeral_1h_input_tokens", counts.cache_write_1h);
        json.close();
    }
}
