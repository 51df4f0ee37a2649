/*! Writing `toolConfig`. */

use super::family::{Model, Spot};
use super::said::write_cache;
use super::turns::tells_calls;
use crate::protocols::translate::Dropped;
use crate::protocols::translate::anthropic::of_arguments;
use crate::protocols::translate::hub::{Choice, Request, Tool};
use crate::protocols::translate::openai::words;
use crate::protocols::translate::write::Writer;

/// Writes the tools. Bedrock has no word for "none may be called": they are left out then, and what was
/// called is told in texts ([`tells_calls`]). What the conversation has called and the request has not
/// declared is not declared, so that it can't be called again: Bedrock only demands that there are
/// tools.
///
/// As many points of caches as are to `skip` are left out.
pub(super) fn write(
    request: &Request<'_>,
    (model, mut skip): (Model, usize),
    json: &mut Writer<'_>,
    dropped: &mut Dropped,
) {
    if !words::has_tools(request, dropped) || tells_calls(request) {
        return;
    }
    json.open_member("toolConfig");
    json.open_list_member("tools");
    for tool in &request.tools {
        declare(tool, json, dropped);
        write_cache(tool.cache, (model, Spot::Other, &mut skip), json, dropped);
    }
    json.close_list();
    choice(&request.choice, json);
    json.close();
    if request.single_call {
        dropped.note(request.caller.parallel_calls());
    }
}

/// How many points of caches it would write.
pub(super) fn points(request: &Request<'_>, model: Model) -> usize {
    if tells_calls(request) || !model.takes_point(Spot::Other) {
        return 0;
    }
    let tools = request.tools.iter();
    tools.filter(|tool| tool.cache.is_some()).count()
}

fn declare(tool: &Tool<'_>, json: &mut Writer<'_>, dropped: &mut Dropped) {
    // Models that know no structured outputs refuse the word.
    if tool.strict {
        dropped.note("tools.strict");
    }
    json.open();
    json.open_member("toolSpec");
    json.text_member("name", &tool.name);
    let said = tool.description.as_ref();
    if let Some(said) = said.filter(|text| !text.is_blank()) {
        json.text_member("description", said);
    }
    json.open_member("inputSchema");
    json.raw_member("json", &of_arguments(tool.schema));
    json.close();
    json.close();
    json.close();
}

fn choice(choice: &Choice<'_>, json: &mut Writer<'_>) {
    match choice {
        Choice::Unsaid | Choice::None => {}
        Choice::Auto => json.raw_member("toolChoice", r#"{"auto":{}}"#),
        Choice::Any => json.raw_member("toolChoice", r#"{"any":{}}"#),
        Choice::Named(name) => {
            json.open_member("toolChoice");
            json.open_member("tool");
            json.text_member("name", name);
            json.close();
            json.close();
        }
    }
}
