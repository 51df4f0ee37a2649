/*! Writing `toolConfig`. */

use super::family::Family;
use super::said::write_cache;
use crate::protocols::translate::Dropped;
use crate::protocols::translate::anthropic::NO_ARGUMENTS;
use crate::protocols::translate::hub::{Call, Choice, Part, Request, Tool};
use crate::protocols::translate::openai::words;
use crate::protocols::translate::text::Text;
use crate::protocols::translate::write::Writer;
use std::collections::BTreeSet;

/// Writes the tools. Bedrock has no word for "none may be called": without any call in the
/// conversation they are left out, and with one they have to be there.
pub(super) fn write(
    request: &Request<'_>,
    family: Family,
    json: &mut Writer<'_>,
    dropped: &mut Dropped,
) {
    let some = words::has_tools(request, dropped);
    let called = called(request);
    let forbidden = matches!(request.choice, Choice::None);
    if called.is_empty() && (!some || forbidden) {
        return;
    }
    json.open_member("toolConfig");
    json.open_list_member("tools");
    for tool in &request.tools {
        declare(tool, json, dropped);
        write_cache(tool.cache, family, json, dropped);
    }
    let known = |call: &&Call<'_>| {
        let name = call.name.value();
        request.tools.iter().any(|tool| tool.name.value() == name)
    };
    let mut declared = BTreeSet::new();
    for call in called.into_iter().filter(|call| !known(call)) {
        if declared.insert(call.name.value()) {
            specify(&call.name, None, NO_ARGUMENTS, json);
        }
    }
    json.close_list();
    if some {
        choice(&request.choice, json, dropped);
    }
    json.close();
    if some && request.single_call {
        dropped.note(request.caller.parallel_calls());
    }
}

/// The calls in the conversation: a tool that is in it has to be declared.
fn called<'r>(request: &'r Request<'_>) -> Vec<&'r Call<'r>> {
    let blocks = request.turns.iter().flat_map(|turn| &turn.blocks);
    let calls = blocks.filter_map(|block| match &block.part {
        Part::Call(call) => Some(call),
        _ => None,
    });
    calls.collect()
}

fn declare(tool: &Tool<'_>, json: &mut Writer<'_>, dropped: &mut Dropped) {
    // Models that know no structured outputs refuse the word.
    if tool.strict {
        dropped.note("tools.strict");
    }
    let schema = tool.schema.unwrap_or(NO_ARGUMENTS);
    let said = tool.description.as_ref().filter(|text| !text.is_empty());
    specify(&tool.name, said, schema, json);
}

fn specify(name: &Text<'_>, said: Option<&Text<'_>>, schema: &str, json: &mut Writer<'_>) {
    json.open();
    json.open_member("toolSpec");
    json.text_member("name", name);
    if let Some(said) = said {
        json.text_member("description", said);
    }
    json.open_member("inputSchema");
    json.raw_member("json", schema);
    json.close();
    json.close();
    json.close();
}

fn choice(choice: &Choice<'_>, json: &mut Writer<'_>, dropped: &mut Dropped) {
    match choice {
        Choice::Unsaid => {}
        Choice::None => dropped.note("tool_choice"),
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
