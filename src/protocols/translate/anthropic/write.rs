/*! Writing a request. */

use super::thinking::Thinking;
use super::tools::{of_arguments, tool_id};
use super::tuning::{output, sampling};
use crate::protocols::Refusal;
use crate::protocols::translate::hub::{
    Block, Call, Choice, Format, Media, Part, Request, Role, Tier,
};
use crate::protocols::translate::media::other_type;
use crate::protocols::translate::path::Path;
use crate::protocols::translate::write::Writer;
use crate::protocols::translate::{Dropped, Target};

/// Image formats (page "Vision").
const IMAGES: [&str; 4] = ["image/jpeg", "image/png", "image/gif", "image/webp"];

/// Writes a request.
pub(in super::super) fn write(
    request: &Request<'_>,
    target: &Target<'_>,
    dropped: &mut Dropped,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    check(request)?;
    let most = match request.max_output {
        Some(asked) => asked.within(target, dropped),
        None => target
            .default_output
            .or(target.max_output)
            .unwrap_or(Target::DEFAULT_MAX_OUTPUT),
    };
    let thinking = Thinking::of(request, target.model, most, dropped);
    let mut json = Writer::new(out);
    json.open();
    json.member("model", target.model);
    json.count("max_tokens", most);
    if !request.system.is_empty() {
        json.key("system");
        content(&request.system, &mut json)?;
    }
    messages(request, &mut json)?;
    if request.stream {
        json.raw_member("stream", "true");
    }
    sampling(&request.sampling, thinking, &mut json, dropped);
    if !request.stop.is_empty() {
        json.open_list_member("stop_sequences");
        request
            .stop
            .iter()
            .for_each(|stop| json.raw(stop.literal()));
        json.close_list();
    }
    tools(request, &mut json, dropped);
    output(request, thinking, &mut json, dropped);
    settings(request, &mut json);
    let tuning = request.tuning.iter();
    tuning.for_each(|tuning| dropped.note(tuning.field));
    json.close();
    Ok(())
}

/// Refuses what Anthropic has no word for.
fn check(request: &Request<'_>) -> Result<(), Refusal> {
    if request.turns.is_empty() {
        let at = Path::Body.key(request.caller.conversation());
        return Err(at.unsupported_since("has nothing but system messages or empty ones"));
    }
    check_stops(request)?;
    if matches!(request.format, Format::Json) {
        let at = Path::Body.key(request.caller.format());
        return Err(at.key("type").unsupported_since(
            "is not supported by the provider of this model, which takes 'json_schema'",
        ));
    }
    Ok(())
}

/// Refuses white space alone as a text at which to stop.
pub(in super::super) fn check_stops(request: &Request<'_>) -> Result<(), Refusal> {
    let at = Path::Body.key(request.caller.stop());
    for (index, stop) in request.stop.iter().enumerate() {
        if stop.value().trim().is_empty() {
            let problem = "is white space, at which the provider of this model does not stop";
            return Err(at.index(index).unsupported_since(problem));
        }
    }
    Ok(())
}

fn settings(request: &Request<'_>, json: &mut Writer<'_>) {
    if let Some(user) = &request.user {
        json.open_member("metadata");
        json.text_member("user_id", user);
        json.close();
    }
    match request.tier {
        Tier::Unsaid => {}
        Tier::Auto => json.member("service_tier", "auto"),
        Tier::Standard => json.member("service_tier", "standard_only"),
    }
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
        json.open();
        json.text_member("name", &tool.name);
        if let Some(description) = &tool.description {
            json.text_member("description", description);
        }
        json.raw_member("input_schema", &of_arguments(tool.schema));
        if tool.strict {
            json.raw_member("strict", "true");
        }
        write_cache(tool.cache, json);
        json.close();
    }
    json.close_list();
    choice(request, json);
}

fn choice(request: &Request<'_>, json: &mut Writer<'_>) {
    let word = match &request.choice {
        Choice::Unsaid if !request.single_call => return,
        Choice::Unsaid | Choice::Auto => "auto",
        Choice::None => "none",
        Choice::Any => "any",
        Choice::Named(_) => "tool",
    };
    json.open_member("tool_choice");
    json.member("type", word);
    if let Choice::Named(name) = &request.choice {
        json.text_member("name", name);
    }
    // Where no tool may be called, the field is unknown.
    if request.single_call && word != "none" {
        json.raw_member("disable_parallel_tool_use", "true");
    }
    json.close();
}

fn messages(request: &Request<'_>, json: &mut Writer<'_>) -> Result<(), Refusal> {
    json.open_list_member("messages");
    for turn in &request.turns {
        json.open();
        json.member(
            "role",
            match turn.role {
                Role::User => "user",
                Role::Assistant => "assistant",
            },
        );
        json.key("content");
        content(&turn.blocks, json)?;
        json.close();
    }
    json.close_list();
    Ok(())
}

/// One text alone is a string.
fn content(blocks: &[Block<'_>], json: &mut Writer<'_>) -> Result<(), Refusal> {
    if let [
        Block {
            part: Part::Text(text),
            cache: None,
            ..
        },
    ] = blocks
    {
        json.raw(text.literal());
        return Ok(());
    }
    json.open_list();
    for block in blocks {
        json.open();
        part(block, json)?;
        write_cache(block.cache, json);
        json.close();
    }
    json.close_list();
    Ok(())
}

fn write_cache(cache: Option<&str>, json: &mut Writer<'_>) {
    if let Some(cache) = cache {
        json.raw_member("cache_control", cache);
    }
}

fn part(block: &Block<'_>, json: &mut Writer<'_>) -> Result<(), Refusal> {
    match &block.part {
        Part::Text(text) => {
            json.member("type", "text");
            json.text_member("text", text);
        }
        Part::Image(media) => {
            json.member("type", "image");
            source(media, &IMAGES, block, json)?;
        }
        Part::File { media, name } => {
            json.member("type", "document");
            source(media, &["application/pdf"], block, json)?;
            if let Some(name) = name {
                json.text_member("title", name);
            }
        }
        Part::Sound(_) => return Err(block.unsupported_sound()),
        Part::Call(call) => write_call(call, json),
        Part::Result {
            id,
            content: said,
            failed,
        } => {
            json.member("type", "tool_result");
            json.text_member("tool_use_id", &tool_id(id));
            if !said.is_empty() {
                json.key("content");
                content(said, json)?;
            }
            if *failed {
                json.raw_member("is_error", "true");
            }
        }
    }
    Ok(())
}

/// The members of a call's block.
fn write_call(call: &Call<'_>, json: &mut Writer<'_>) {
    json.member("type", "tool_use");
    json.text_member("id", &tool_id(&call.id));
    json.text_member("name", &call.name);
    json.raw_member("input", &call.input.object());
}

fn source(
    media: &Media<'_>,
    kinds: &[&str],
    block: &Block<'_>,
    json: &mut Writer<'_>,
) -> Result<(), Refusal> {
    json.open_member("source");
    match media {
        Media::Base64 { kind, data } => {
            let kind = match kind.as_str() {
                "image/jpg" => "image/jpeg",
                kind => kind,
            };
            if !kinds.contains(&kind) {
                return Err(block.place.unsupported(&other_type(kinds)));
            }
            json.member("type", "base64");
            json.member("media_type", kind);
            json.pieces("data", &[data]);
        }
        Media::Url(url) => {
            if !url.value().starts_with("https://") {
                let problem =
                    "has a URL that is not https, which the provider of this model demands";
                return Err(block.place.unsupported(problem));
            }
            json.member("type", "url");
            json.text_member("url", url);
        }
    }
    json.close();
    Ok(())
}
