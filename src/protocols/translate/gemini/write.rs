/*! Writing a request. The model and whether to stream are said by its path. */

use super::models::draws;
use super::{said, tuning};
use crate::protocols::Refusal;
use crate::protocols::translate::hub::{Choice, Request, Tool};
use crate::protocols::translate::openai::words;
use crate::protocols::translate::path::Path;
use crate::protocols::translate::write::Writer;
use crate::protocols::translate::{Dropped, Target};

/// Most texts at which to stop.
const MAX_STOPS: usize = 5;

/// Writes a request.
pub(in super::super) fn write(
    request: &Request<'_>,
    target: &Target<'_>,
    dropped: &mut Dropped,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    check(request, target.model)?;
    let mut json = Writer::new(out);
    json.open();
    said::system(request, &mut json, dropped)?;
    said::contents(request, target.model, &mut json, dropped)?;
    tools(request, &mut json, dropped);
    tuning::generation(request, target, &mut json, dropped);
    if request.user.is_some() {
        dropped.note(request.caller.user());
    }
    words::note_tier(request, dropped);
    json.close();
    Ok(())
}

/// Refuses what Gemini has no word for.
fn check(request: &Request<'_>, model: &str) -> Result<(), Refusal> {
    if draws(model) {
        let problem = "is served by a model that answers with images, for which the protocol of \
                       this call has no words";
        return Err(Path::Body.key("model").unsupported_since(problem));
    }
    if request.turns.is_empty() {
        let at = Path::Body.key(request.caller.conversation());
        return Err(at.unsupported_since("has nothing but system messages or empty ones"));
    }
    if request.stop.len() > MAX_STOPS {
        let at = Path::Body.key(request.caller.stop());
        let problem = "has more than 5 texts, which the provider of this model does not take";
        return Err(at.unsupported_since(problem));
    }
    Ok(())
}

fn tools(request: &Request<'_>, json: &mut Writer<'_>, dropped: &mut Dropped) {
    if !words::has_tools(request, dropped) {
        return;
    }
    json.open_list_member("tools");
    json.open();
    json.open_list_member("functionDeclarations");
    let tools = request.tools.iter();
    tools.for_each(|tool| declare(tool, json, dropped));
    json.close_list();
    json.close();
    json.close_list();
    choice(&request.choice, json);
    if request.single_call {
        dropped.note(request.caller.parallel_calls());
    }
}

/// Schemas are told as JSON Schema: the other field, `parameters`, knows a part of OpenAPI's
/// alone and refuses the rest, such as `additionalProperties`.
fn declare(tool: &Tool<'_>, json: &mut Writer<'_>, dropped: &mut Dropped) {
    if tool.cache.is_some() {
        dropped.note("cache_control");
    }
    if tool.strict {
        dropped.note("tools.strict");
    }
    json.open();
    json.text_member("name", &tool.name);
    if let Some(description) = &tool.description {
        json.text_member("description", description);
    }
    if let Some(schema) = tool.schema {
        json.raw_member("parametersJsonSchema", schema);
    }
    json.close();
}

fn choice(choice: &Choice<'_>, json: &mut Writer<'_>) {
    let mode = match choice {
        Choice::Unsaid => return,
        Choice::Auto => "AUTO",
        Choice::None => "NONE",
        Choice::Any | Choice::Named(_) => "ANY",
    };
    json.open_member("toolConfig");
    json.open_member("functionCallingConfig");
    json.member("mode", mode);
    if let Choice::Named(name) = choice {
        json.open_list_member("allowedFunctionNames");
        json.raw(name.literal());
        json.close_list();
    }
    json.close();
    json.close();
}
