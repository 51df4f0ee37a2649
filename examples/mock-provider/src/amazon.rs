//! What Amazon refuses before a model thinks: the rules of Converse, and those of its models for points
//! up to which prompts are cached.

use serde_json::Value;
use std::collections::BTreeSet;

/// What is wrong with a request for a model.
pub(crate) fn refusal(model: &str, request: &Value) -> Option<String> {
    let checks = [top, turns, system, tools];
    let wrong = checks.iter().find_map(|check| check(request));
    wrong.or_else(|| points(model, request))
}

fn list<'v>(holder: &'v Value, name: &str) -> &'v [Value] {
    holder[name].as_array().map_or(&[], Vec::as_slice)
}

fn top(request: &Value) -> Option<String> {
    const KNOWN: [&str; 6] = [
        "messages",
        "system",
        "toolConfig",
        "inferenceConfig",
        "outputConfig",
        "additionalModelRequestFields",
    ];
    let mut members = request.as_object().into_iter().flatten();
    let ours = |name: &str| name.starts_with("mock_") || KNOWN.contains(&name);
    let (name, _) = members.find(|(name, _)| !ours(name))?;
    Some(format!("extraneous key [{name}] is not permitted"))
}

fn turns(request: &Value) -> Option<String> {
    let messages = list(request, "messages");
    let side = |number: usize| match number.is_multiple_of(2) {
        true => "user",
        false => "assistant",
    };
    let good = |(number, message): (usize, &Value)| {
        message["role"] == side(number) && !list(message, "content").is_empty()
    };
    if messages.is_empty() || !messages.iter().enumerate().all(good) {
        return Some("A conversation must alternate between user and assistant roles.".to_owned());
    }
    let calls = messages.iter().map(|message| ids(message, "toolUse"));
    let results = messages.iter().map(|message| ids(message, "toolResult"));
    let mut pairs = [Some(Vec::new())].into_iter().chain(calls).zip(results);
    let answered = pairs.all(|(calls, results)| calls.is_some() && calls == results);
    if !answered {
        return Some("Expected toolResult blocks for other Ids, or Ids come twice.".to_owned());
    }
    let mut documents = BTreeSet::new();
    let mut found = messages.iter().flat_map(|message| {
        let content = list(message, "content");
        let has = |name: &str| content.iter().any(|block| block.get(name).is_some());
        let alone = has("document") && !has("text");
        let alone = alone.then(|| "A text block must be beside documents.".to_owned());
        content.iter().map(block).chain([alone])
    });
    let named = |block: &&Value| block["document"]["name"].is_string();
    let all = messages.iter().flat_map(|message| list(message, "content"));
    let mut names = all
        .filter(named)
        .map(|it| it["document"]["name"].to_string());
    let twice = names.any(|name| !documents.insert(name));
    let twice = twice.then(|| "Documents must have different names.".to_owned());
    found.find_map(|wrong| wrong).or(twice)
}

/// The ids of a message's calls or results, in order; `None` if one comes twice.
fn ids<'v>(message: &'v Value, kind: &str) -> Option<Vec<&'v str>> {
    let blocks = list(message, "content").iter();
    let ids = blocks.filter_map(|block| block.get(kind));
    let mut ids: Vec<_> = ids.filter_map(|it| it["toolUseId"].as_str()).collect();
    ids.sort_unstable();
    let all = ids.len();
    ids.dedup();
    (ids.len() == all).then_some(ids)
}

fn is_blank(text: &Value) -> bool {
    text.as_str().is_none_or(|text| text.trim().is_empty())
}

fn is_name(name: &Value) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let name = name.as_str().unwrap_or_default();
    (1..=64).contains(&name.len()) && name.chars().all(fits)
}

/// A block of what is said, or of a result.
fn block(block: &Value) -> Option<String> {
    let members: Vec<_> = block.as_object().into_iter().flatten().collect();
    let [(kind, block)] = members.as_slice() else {
        return Some("A block has one member.".to_owned());
    };
    let wrong = match kind.as_str() {
        "text" if is_blank(block) => "text content blocks must contain non-whitespace text",
        "toolUse" | "toolResult" if !is_name(&block["toolUseId"]) => {
            "toolUseId must match [a-zA-Z0-9_-]{1,64}"
        }
        "toolUse" if !block["input"].is_object() => "input must be an object",
        "toolResult" if !block["content"].is_array() => "content must be there",
        "toolResult" => return list(block, "content").iter().find_map(in_result),
        "document" if !block["citations"].is_null() && block["format"] != "pdf" => {
            "Only txt and pdf formats are supported when citations are enabled"
        }
        "text" | "toolUse" | "image" | "document" | "cachePoint" => return None,
        _ => "The block is not known.",
    };
    Some(wrong.to_owned())
}

fn in_result(said: &Value) -> Option<String> {
    if !said["document"]["citations"].is_null() {
        return Some("Citations are not supported in tool result documents.".to_owned());
    }
    let known = ["text", "image", "document"]
        .iter()
        .any(|kind| said.get(*kind).is_some());
    match known {
        true => block(said),
        false => Some("The block is not known in a result.".to_owned()),
    }
}

fn system(request: &Value) -> Option<String> {
    let mut blocks = list(request, "system").iter();
    let good = |block: &Value| block.get("cachePoint").is_some() || !is_blank(&block["text"]);
    let empty = request["system"].as_array().is_some_and(Vec::is_empty);
    (empty || !blocks.all(good))
        .then(|| "The text field in the SystemContentBlock object is blank.".to_owned())
}

fn tools(request: &Value) -> Option<String> {
    let config = &request["toolConfig"];
    if config.is_null() {
        let said = request["messages"].to_string();
        let uses = said.contains("\"toolUse\"") || said.contains("\"toolResult\"");
        return uses.then(|| "The toolConfig field must be defined.".to_owned());
    }
    let specs = list(config, "tools");
    let good = |tool: &Value| {
        let spec = &tool["toolSpec"];
        let described = spec["description"].is_null() || !is_blank(&spec["description"]);
        let typed = spec["inputSchema"]["json"]["type"] == "object";
        tool.get("cachePoint").is_some() || (is_name(&spec["name"]) && described && typed)
    };
    (specs.is_empty() || !specs.iter().all(good)).then(|| {
        "The value at toolConfig.tools is invalid: inputSchema.json.type must be object.".to_owned()
    })
}

/// Points by model and place.
fn points(model: &str, request: &Value) -> Option<String> {
    let turns = list(request, "messages").iter();
    let mut lists: Vec<_> = turns.map(|turn| list(turn, "content")).collect();
    lists.extend([
        list(request, "system"),
        list(&request["toolConfig"], "tools"),
    ]);
    lists.into_iter().find_map(|blocks| {
        let fronts = [None].into_iter().chain(blocks.iter().map(Some));
        let mut places = fronts.zip(blocks);
        places.find_map(|(front, block)| point(model, front, block.get("cachePoint")?))
    })
}

fn point(model: &str, front: Option<&Value>, point: &Value) -> Option<String> {
    const BEFORE: [&str; 6] = [
        "claude-v2",
        "claude-instant",
        "claude-3-opus",
        "claude-3-sonnet",
        "claude-3-haiku",
        "claude-3-5-sonnet",
    ];
    let is_of = |names: &[&str]| names.iter().any(|name| model.contains(name));
    let nova = model.contains("nova");
    let knows = is_of(&["claude", "nova"]) && !is_of(&BEFORE) && !model.contains("nova-2");
    let behind = |kind: &str| front.is_some_and(|front| front.get(kind).is_some());
    let format = front.map_or(&Value::Null, |front| &front["document"]["format"]);
    let wrong = if !knows {
        "You invoked an unsupported model or your request did not allow prompt caching."
    } else if front.is_none() {
        "There is nothing available to cache."
    } else if nova && (behind("toolSpec") || behind("toolResult")) {
        "extraneous key [cachePoint] is not permitted"
    } else if format.is_string() && format != "pdf" {
        "type: Field required"
    } else if point["ttl"] == "1h" && !is_of(&["opus-4-5", "sonnet-4-5", "haiku-4-5"]) {
        "ttl: Extra inputs are not permitted"
    } else {
        return None;
    };
    Some(wrong.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const MODEL: &str = "anthropic.claude-sonnet-4-5-v1%3A0";

    fn said(content: Value) -> Value {
        json!({"messages": [{"role": "user", "content": content}]})
    }

    fn called(id: &str, answered: &str) -> Value {
        json!({"messages": [
            {"role": "user", "content": [{"text": "a"}]},
            {"role": "assistant", "content": [{"toolUse": {"toolUseId": id, "name": "f", "input": {}}}]},
            {"role": "user", "content": [{"toolResult": {"toolUseId": answered, "content": []}}]}],
            "toolConfig": {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}]}})
    }

    fn declared(schema: Value) -> Value {
        let mut request = said(json!([{"text": "a"}]));
        request["toolConfig"] =
            json!({"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": schema}}}]});
        request
    }

    #[test]
    fn it_is_as_strict_as_amazon() {
        let point = json!({"cachePoint": {"type": "default"}});
        let hour = json!({"cachePoint": {"type": "default", "ttl": "1h"}});
        let document =
            |format: &str| json!({"document": {"name": "n", "format": format, "source": {}}});
        let pointed = |block: Value| said(json!([{"text": "a"}, block, point]));
        let mut uncalled = called("c", "c");
        uncalled["toolConfig"] = Value::Null;
        for (model, request, good) in [
            (MODEL, said(json!([{"text": "a"}])), true),
            (MODEL, said(json!([{"text": " \n"}])), false),
            (MODEL, said(json!([])), false),
            (MODEL, said(json!([{"text": "a"}, document("csv")])), true),
            (MODEL, said(json!([document("csv")])), false),
            (
                MODEL,
                said(json!([{"text": "a"}, document("csv"), document("csv")])),
                false,
            ),
            (MODEL, called("c", "c"), true),
            (MODEL, called("c", "d"), false),
            (MODEL, called("a.1", "a.1"), false),
            (MODEL, called("", ""), false),
            (MODEL, called(&"x".repeat(65), &"x".repeat(65)), false),
            (MODEL, uncalled, false),
            (MODEL, declared(json!({"type": "object"})), true),
            (MODEL, declared(json!({})), false),
            (MODEL, pointed(document("pdf")), true),
            (MODEL, pointed(document("csv")), false),
            (MODEL, said(json!([point, {"text": "a"}])), false),
            (MODEL, said(json!([{"text": "a"}, hour])), true),
            ("amazon.nova-pro", said(json!([{"text": "a"}, point])), true),
            ("amazon.nova-pro", said(json!([{"text": "a"}, hour])), false),
            (
                "amazon.nova-2-lite",
                said(json!([{"text": "a"}, point])),
                false,
            ),
            (
                "anthropic.claude-3-haiku",
                said(json!([{"text": "a"}, point])),
                false,
            ),
        ] {
            assert_eq!(
                refusal(model, &request).is_none(),
                good,
                "{model} {request}"
            );
        }
    }
}
