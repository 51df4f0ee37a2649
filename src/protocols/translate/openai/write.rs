/*! Writing a request. */

use crate::protocols::Refusal;
use crate::protocols::translate::hub::{
    Block, Call, Choice, Effort, Format, Media, Part, Reasoning, Request, Role, Tier, Turn,
};
use crate::protocols::translate::tree::{Path, Text};
use crate::protocols::translate::write::Writer;
use crate::protocols::translate::{Dropped, Target};

/// Most stop sequences (API reference, `stop`).
const MAX_STOPS: usize = 4;

/// The name of a schema and of a file, which OpenAI demands, where the caller gave none.
const UNNAMED_SCHEMA: &str = "answer";
const UNNAMED_FILE: &str = "document.pdf";

/// Writes a request.
pub(in super::super) fn write(
    request: &Request<'_>,
    target: &Target<'_>,
    dropped: &mut Dropped,
) -> Result<Vec<u8>, Refusal> {
    if request.stop.len() > MAX_STOPS {
        let at = Path::Body.key("stop_sequences");
        return Err(
            at.unsupported_since("has more than the 4 that the provider of this model takes")
        );
    }
    let mut body = Vec::new();
    let mut json = Writer::new(&mut body);
    json.open();
    json.member("model", target.model);
    json.open_list_member("messages");
    messages(request, &mut json, dropped)?;
    json.close_list();
    if request.stream {
        json.raw_member("stream", "true");
        json.raw_member("stream_options", r#"{"include_usage":true}"#);
    }
    if let Some(most) = request.max_output {
        json.count("max_completion_tokens", most);
    }
    sampling(request, &mut json, dropped);
    tools(request, &mut json, dropped);
    settings(request, &mut json);
    json.close();
    Ok(body)
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
            json.member("name", UNNAMED_SCHEMA);
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

fn messages(
    request: &Request<'_>,
    json: &mut Writer<'_>,
    dropped: &mut Dropped,
) -> Result<(), Refusal> {
    if !request.system.is_empty() {
        let blocks: Vec<&Block<'_>> = request.system.iter().collect();
        message("system", &blocks, json, dropped)?;
        json.close();
    }
    for turn in &request.turns {
        match turn.role {
            Role::User => user(turn, json, dropped)?,
            Role::Assistant => assistant(turn, json, dropped)?,
        }
    }
    Ok(())
}

/// Results of tools come first, each as a message of its own: OpenAI wants them right after
/// the calls. Their images follow in the user's message, since a tool's message can hold
/// text only.
fn user(turn: &Turn<'_>, json: &mut Writer<'_>, dropped: &mut Dropped) -> Result<(), Refusal> {
    let mut images = Vec::new();
    let mut said = Vec::new();
    for block in &turn.blocks {
        let Part::Result {
            id,
            content,
            failed,
        } = &block.part
        else {
            said.push(block);
            continue;
        };
        note_cache(block, dropped);
        if *failed {
            dropped.note("messages.content.is_error");
        }
        let is_text = |block: &&Block<'_>| matches!(block.part, Part::Text(_));
        let (texts, others): (Vec<_>, Vec<_>) = content.iter().partition(is_text);
        images.extend(others);
        message("tool", &texts, json, dropped)?;
        json.text_member("tool_call_id", id);
        json.close();
    }
    images.extend(said);
    if !images.is_empty() {
        message("user", &images, json, dropped)?;
        json.close();
    }
    Ok(())
}

fn assistant(turn: &Turn<'_>, json: &mut Writer<'_>, dropped: &mut Dropped) -> Result<(), Refusal> {
    let mut calls = Vec::new();
    let mut said = Vec::new();
    for block in &turn.blocks {
        match &block.part {
            Part::Call(call) => {
                note_cache(block, dropped);
                calls.push(call);
            }
            _ => said.push(block),
        }
    }
    message("assistant", &said, json, dropped)?;
    if !calls.is_empty() {
        json.open_list_member("tool_calls");
        calls.iter().for_each(|call| write_call(call, json));
        json.close_list();
    }
    json.close();
    Ok(())
}

/// One call, whole.
pub(super) fn write_call(call: &Call<'_>, json: &mut Writer<'_>) {
    json.open();
    json.text_member("id", &call.id);
    json.member("type", "function");
    json.open_member("function");
    json.text_member("name", &call.name);
    json.text_member("arguments", &call.input.text());
    json.close();
    json.close();
}

fn note_cache(block: &Block<'_>, dropped: &mut Dropped) {
    if block.cache.is_some() {
        dropped.note("cache_control");
    }
}

/// A message with its content, left open.
fn message(
    role: &str,
    blocks: &[&Block<'_>],
    json: &mut Writer<'_>,
    dropped: &mut Dropped,
) -> Result<(), Refusal> {
    json.open();
    json.member("role", role);
    blocks.iter().for_each(|block| note_cache(block, dropped));
    match blocks {
        [] if role == "assistant" => json.raw_member("content", "null"),
        [] => json.member("content", ""),
        [
            Block {
                part: Part::Text(text),
                ..
            },
        ] => json.text_member("content", text),
        _ => {
            json.open_list_member("content");
            for block in blocks {
                json.open();
                part(block, json)?;
                json.close();
            }
            json.close_list();
        }
    }
    Ok(())
}

fn part(block: &Block<'_>, json: &mut Writer<'_>) -> Result<(), Refusal> {
    match &block.part {
        Part::Text(text) => {
            json.member("type", "text");
            json.text_member("text", text);
        }
        Part::Image(media) => {
            json.member("type", "image_url");
            json.open_member("image_url");
            json.text_member("url", &url(media));
            json.close();
        }
        Part::File { media, name } => {
            if matches!(media, Media::Url(_)) {
                let problem =
                    "is a file behind a URL, which the provider of this model does not fetch";
                return Err(block.place.unsupported(problem));
            }
            json.member("type", "file");
            json.open_member("file");
            match name {
                Some(name) => json.text_member("filename", name),
                None => json.member("filename", UNNAMED_FILE),
            }
            json.text_member("file_data", &url(media));
            json.close();
        }
        // The readers put these where they belong.
        Part::Call(_) | Part::Result { .. } => {
            return Err(block.place.unsupported("cannot stand here"));
        }
    }
    Ok(())
}

fn url<'a>(media: &Media<'a>) -> Text<'a> {
    match media {
        Media::Url(url) => url.clone(),
        Media::Base64 { kind, data } => {
            let kind = Text::of(kind);
            Text::around(&format!("data:{};base64,{data}", kind.inside()))
        }
    }
}
