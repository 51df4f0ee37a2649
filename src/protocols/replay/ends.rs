/*! How whole answers end. */

use super::parts::{get, items, members, text_of};
use crate::protocols::Api;

/// Whether a document is an answer that ended because the model was done, called tools, or had
/// written as much as it was to: not by a filter, a refusal, an error, or for a reason that
/// nothing is known of.
pub fn ends_well(api: Api, whole: &[u8]) -> bool {
    let whole = std::str::from_utf8(whole);
    let good = whole.ok().and_then(|whole| match api {
        Api::ChatCompletions | Api::Completions => choices(whole),
        Api::Responses => response(whole),
        Api::Messages => message(whole),
        Api::Embeddings => list(whole, "data"),
        Api::Moderations => list(whole, "results"),
        // They are never stored.
        _ => None,
    });
    good.is_some()
}

fn list(whole: &str, name: &str) -> Option<()> {
    let document = members(whole)?;
    let mut any = false;
    items(get(&document, name)?, |_| {
        any = true;
        Some(())
    })?;
    (any && get(&document, "error").is_none()).then_some(())
}

fn choices(whole: &str) -> Option<()> {
    let document = members(whole)?;
    let mut any = false;
    items(get(&document, "choices")?, |choice| {
        any = true;
        let reason = text_of(&members(choice)?, "finish_reason");
        let good = ["stop", "length", "tool_calls", "function_call"];
        good.contains(&reason.as_ref()).then_some(())
    })?;
    (any && get(&document, "error").is_none()).then_some(())
}

fn message(whole: &str) -> Option<()> {
    let message = members(whole)?;
    let reason = text_of(&message, "stop_reason");
    let good = ["end_turn", "max_tokens", "stop_sequence", "tool_use"];
    let is_good = text_of(&message, "type") == "message" && good.contains(&reason.as_ref());
    is_good.then_some(())
}

fn response(whole: &str) -> Option<()> {
    let response = members(whole)?;
    let ended = match text_of(&response, "status").as_ref() {
        "completed" => true,
        "incomplete" => {
            let details = members(get(&response, "incomplete_details")?)?;
            text_of(&details, "reason") == "max_output_tokens"
        }
        _ => false,
    };
    let output = get(&response, "output").is_some();
    (ended && output && get(&response, "error").is_none()).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_and_bad_ends() {
        let choice = |reason: &str| {
            format!(r#"{{"choices":[{{"finish_reason":"stop"}},{{"finish_reason":{reason}}}]}}"#)
        };
        let message = |reason: &str| format!(r#"{{"type":"message","stop_reason":{reason}}}"#);
        for (api, body, good) in [
            (Api::ChatCompletions, choice("\"stop\""), true),
            (Api::ChatCompletions, choice("\"length\""), true),
            (Api::ChatCompletions, choice("\"tool_calls\""), true),
            (Api::ChatCompletions, choice("\"function_call\""), true),
            (Api::Completions, choice("\"length\""), true),
            (Api::ChatCompletions, choice("\"content_filter\""), false),
            (Api::ChatCompletions, choice("\"error\""), false),
            (Api::ChatCompletions, choice("\"\""), false),
            (Api::ChatCompletions, choice("null"), false),
            (Api::ChatCompletions, r#"{"choices":[]}"#.into(), false),
            (Api::ChatCompletions, r#"{"choices":[{}]}"#.into(), false),
            (Api::ChatCompletions, r#"{"choices":[{"finish_reason":"stop"}],"error":{}}"#.into(), false),
            (Api::ChatCompletions, r#"{"choices":[{"finish_reason":"stop"}],"error":null}"#.into(), true),
            (Api::ChatCompletions, r#"{"choices":[{"finish_reason":"stop","finish_reason":"stop"}]}"#.into(), false),
            (Api::ChatCompletions, r#"{"error":{}}"#.into(), false),
            (Api::ChatCompletions, "{".into(), false),
            (Api::Messages, message("\"end_turn\""), true),
            (Api::Messages, message("\"max_tokens\""), true),
            (Api::Messages, message("\"stop_sequence\""), true),
            (Api::Messages, message("\"tool_use\""), true),
            (Api::Messages, message("\"pause_turn\""), false),
            (Api::Messages, message("\"refusal\""), false),
            (Api::Messages, message("null"), false),
            (Api::Messages, r#"{"type":"error","stop_reason":"end_turn"}"#.into(), false),
            (Api::Responses, r#"{"status":"completed","output":[]}"#.into(), true),
            (Api::Responses, r#"{"status":"completed","output":[],"error":null}"#.into(), true),
            (Api::Responses, r#"{"status":"completed","output":[],"error":{}}"#.into(), false),
            (Api::Responses, r#"{"status":"completed"}"#.into(), false),
            (Api::Responses, r#"{"status":"in_progress","output":[]}"#.into(), false),
            (Api::Responses, r#"{"status":"failed","output":[]}"#.into(), false),
            (Api::Responses, r#"{"status":"incomplete","output":[],"incomplete_details":{"reason":"max_output_tokens"}}"#.into(), true),
            (Api::Responses, r#"{"status":"incomplete","output":[],"incomplete_details":{"reason":"content_filter"}}"#.into(), false),
            (Api::Responses, r#"{"status":"incomplete","output":[],"incomplete_details":null}"#.into(), false),
        ] {
            assert_eq!(ends_well(api, body.as_bytes()), good, "{body}");
        }
        assert!(!ends_well(Api::ChatCompletions, b"\xFF"));
    }
}
