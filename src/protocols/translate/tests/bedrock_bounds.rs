//! What Bedrock and its models refuse, though callers may say it.

use super::*;
use ProviderApi::Converse as Bedrock;
use serde_json::json;

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const NOVA: &str = "us.amazon.nova-pro-v1:0";

fn asked(from: ChatApi, model: &str, body: &Json) -> (Json, Vec<&'static str>) {
    let target = Target { model, ..target() };
    told_to(from, Bedrock, body, &target)
}

fn points(list: &Json) -> usize {
    list.to_string().matches("cachePoint").count()
}

#[test]
fn regression_points_stand_only_where_a_model_takes_them() {
    let point = json!({"type": "ephemeral"});
    let csv = json!({"type": "file", "file": {"file_data": "data:text/csv;base64,AAAA"}});
    let file = json!({"file_data": "data:application/pdf;base64,AAAA"});
    let pdf = json!({"type": "file", "file": file, "cache_control": point});
    let with_point = |mut part: Json| {
        part["cache_control"] = point.clone();
        part
    };
    let text = with_point(json!({"type": "text", "text": "a"}));
    let function = json!({"name": "f", "parameters": {"type": "object"}});
    let tool = json!({"type": "function", "function": function, "cache_control": point});
    for (model, system, tools, in_text, in_pdf, in_csv) in [
        (CLAUDE, 1, 1, 1, 1, 0),
        ("anthropic.claude-3-7-sonnet-20250219-v1:0", 1, 1, 1, 1, 0),
        ("anthropic.claude-3-5-haiku-20241022-v1:0", 1, 1, 1, 1, 0),
        ("anthropic.claude-opus-4-6-v1", 1, 1, 1, 1, 0),
        ("anthropic.claude-3-5-sonnet-20240620-v1:0", 0, 0, 0, 0, 0),
        ("anthropic.claude-3-haiku-20240307-v1:0", 0, 0, 0, 0, 0),
        ("anthropic.claude-v2:1", 0, 0, 0, 0, 0),
        (NOVA, 1, 0, 1, 0, 0),
        ("us.amazon.nova-2-lite-v1:0", 0, 0, 0, 0, 0),
        ("meta.llama3-3-70b-instruct-v1:0", 0, 0, 0, 0, 0),
    ] {
        let user = |part: &Json| {
            let hi = json!({"type": "text", "text": "Hi"});
            json!({"model": "m", "tools": [tool], "messages": [
                {"role": "system", "content": [text]}, {"role": "user", "content": [hi, part]}]})
        };
        for (part, wanted) in [
            (text.clone(), in_text),
            (pdf.clone(), in_pdf),
            (with_point(csv.clone()), in_csv),
        ] {
            let (told, dropped) = asked(OpenAi, model, &user(&part));
            assert_eq!(points(&told["system"]), system, "{model}");
            assert_eq!(points(&told["toolConfig"]), tools, "{model}");
            assert_eq!(points(&told["messages"]), wanted, "{model} {part}");
            let all = system + tools + wanted == 3;
            assert_eq!(!dropped.contains(&"cache_control"), all, "{model} {part}");
        }
    }
    // Behind results Nova takes none.
    let body = json!({"model": "m", "max_tokens": 9, "tools": [{"name": "f", "input_schema": {}}], "messages": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "r", "cache_control": point}]}]});
    assert_eq!(points(&asked(Anthropic, CLAUDE, &body).0), 1);
    let (told, dropped) = asked(Anthropic, NOVA, &body);
    assert_eq!((points(&told), dropped), (0, vec!["cache_control"]));
}

#[test]
fn regression_an_hour_is_said_only_to_models_that_know_it() {
    let system =
        json!([{"type": "text", "text": "s", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]);
    let body = hi_anthropic(&json!({"system": system}));
    for (model, knows) in [
        (CLAUDE, true),
        ("eu.anthropic.claude-haiku-4-5-20251001-v1:0", true),
        ("global.anthropic.claude-opus-4-5-20251101-v1:0", true),
        ("anthropic.claude-sonnet-4-20250514-v1:0", false),
        ("anthropic.claude-opus-4-1-20250805-v1:0", false),
        ("anthropic.claude-opus-4-6-v1", false),
        (NOVA, false),
    ] {
        let (told, dropped) = asked(Anthropic, model, &body);
        let mut point = json!({"type": "default"});
        if knows {
            point["ttl"] = json!("1h");
        }
        assert_eq!(told["system"][1], json!({"cachePoint": point}), "{model}");
        assert_eq!(dropped == ["cache_control.ttl"], !knows, "{model}");
    }
}

fn pdf() -> Json {
    json!({"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA"}})
}

fn said_by_user(parts: &[Json]) -> Json {
    json!({"model": "m", "messages": [{"role": "user", "content": parts}]})
}

#[test]
fn regression_claude_sees_the_pages_of_pdfs() {
    let text = json!({"type": "text", "text": "a"});
    let csv = json!({"type": "file", "file": {"file_data": "data:text/csv;base64,AAAA"}});
    let schema =
        json!({"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}});
    let old = "anthropic.claude-3-haiku-20240307-v1:0";
    let lost = "pictures of files";
    for (model, parts, format, cited, dropped) in [
        (CLAUDE, vec![text.clone(), pdf()], Json::Null, true, &[][..]),
        (CLAUDE, vec![text.clone(), pdf()], schema, false, &[lost]),
        (
            CLAUDE,
            vec![text.clone(), pdf(), csv.clone()],
            Json::Null,
            false,
            &[lost],
        ),
        (CLAUDE, vec![text.clone(), csv], Json::Null, false, &[]),
        (old, vec![text.clone(), pdf()], Json::Null, false, &[]),
        (NOVA, vec![text, pdf()], Json::Null, false, &[]),
    ] {
        let mut body = said_by_user(&parts);
        body["response_format"] = format;
        let (told, left_out) = asked(OpenAi, model, &body);
        let citations = &told["messages"][0]["content"][1]["document"]["citations"];
        let wanted = if cited {
            json!({"enabled": true})
        } else {
            Json::Null
        };
        assert_eq!(*citations, wanted, "{model} {body}");
        assert_eq!(left_out, dropped, "{model} {body}");
    }
    // Converse takes no citations in results.
    let document = json!({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}});
    let body = json!({"model": "m", "max_tokens": 9, "tools": [{"name": "f", "input_schema": {}}], "messages": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": [document]}]}]});
    let (told, dropped) = asked(Anthropic, CLAUDE, &body);
    let result = &told["messages"][2]["content"][0]["toolResult"]["content"];
    assert_eq!(result[0]["document"]["citations"], Json::Null);
    assert_eq!(dropped, [lost]);
}

#[test]
fn regression_texts_that_cite_are_texts() {
    let place = json!({"documentPage": {"documentIndex": 0, "start": 1, "end": 2}});
    let cited = json!({"citationsContent": {"content": [{"text": "It is "}, {"text": "red."}],
        "citations": [{"title": "document-1", "location": place}]}});
    let body = json!({"output": {"message": {"role": "assistant", "content": [{"text": "Well. "}, cited]}},
        "stopReason": "end_turn", "usage": {"inputTokens": 1, "outputTokens": 2}});
    let told = told_answer(Bedrock, OpenAi, &body);
    assert_eq!(told["choices"][0]["message"]["content"], "Well. It is red.");
    let of = |delta: Json| json!({"contentBlockDelta": {"contentBlockIndex": 0, "delta": delta}});
    let stream = [
        of(json!({"text": "It is red."})),
        of(
            json!({"citation": {"title": "document-1", "location": place, "sourceContent": [{"text": "x"}]}}),
        ),
        json!({"messageStop": {"stopReason": "end_turn"}}),
        json!({"metadata": {"usage": {"inputTokens": 1, "outputTokens": 2}}}),
    ];
    let (out, ended) = streamed(Bedrock, OpenAi, &stream);
    assert!(ended);
    let told = assembled_openai(&out);
    assert_eq!(told["choices"][0]["message"]["content"], "It is red.");
}

#[test]
fn regression_blank_texts_are_left_out() {
    let point = json!({"type": "ephemeral"});
    let body = json!({"model": "m", "max_tokens": 9,
    "system": [{"type": "text", "text": " \n\t", "cache_control": point}],
    "tools": [{"name": "f", "description": " ", "input_schema": {"type": "object"}}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "\u{a0} "}, {"type": "text", "text": "\nHi"}]},
        {"role": "assistant", "content": " \r\n"},
        {"role": "user", "content": "there"},
        {"role": "assistant", "content": [{"type": "text", "text": "\n"}, {"type": "tool_use", "id": "a", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": " \n"}]},
    ]});
    let (told, dropped) = asked(Anthropic, CLAUDE, &body);
    let call = json!({"toolUse": {"toolUseId": "a", "name": "f", "input": {}}});
    assert_eq!(
        told["messages"],
        json!([
            {"role": "user", "content": [{"text": "\nHi"}, {"text": "there"}]},
            {"role": "assistant", "content": [call]},
            {"role": "user", "content": [{"toolResult": {"toolUseId": "a", "content": []}}]},
        ])
    );
    assert_eq!(told["system"], Json::Null);
    let spec = &told["toolConfig"]["tools"][0]["toolSpec"];
    assert_eq!(spec["description"], Json::Null);
    assert_eq!(dropped, ["cache_control"]);
    // Blank alone is nothing.
    let blank = hi_openai(&json!({"messages": [{"role": "user", "content": " "}]}));
    let refusal = refused(OpenAi, Bedrock, &blank);
    assert_eq!(refusal.param.as_deref(), Some("messages"));
}

#[test]
fn regression_ids_stay_different_and_short() {
    let long = "x".repeat(65);
    let ids = ["a.1", "a_1", "a:1", "", &long, &"y".repeat(64)];
    let calls = ids.map(
        |id| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}}),
    );
    let mut messages = vec![
        json!({"role": "user", "content": "Hi"}),
        json!({"role": "assistant", "tool_calls": calls}),
    ];
    messages.extend(ids.map(|id| json!({"role": "tool", "tool_call_id": id, "content": "r"})));
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    let body = json!({"model": "m", "tools": tools, "messages": messages});
    let (asked, _) = asked(OpenAi, CLAUDE, &body);
    let of = |turn: usize, kind: &str| -> Vec<String> {
        let blocks = asked["messages"][turn]["content"]
            .as_array()
            .unwrap()
            .iter();
        let id = |block: &Json| block[kind]["toolUseId"].as_str().unwrap().to_owned();
        blocks.map(id).collect()
    };
    let calls = of(1, "toolUse");
    assert_eq!(calls, of(2, "toolResult"));
    let fits = |id: &String| {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        (1..=64).contains(&id.len()) && id.chars().all(good)
    };
    assert!(calls.iter().all(fits), "{calls:?}");
    let different: std::collections::BTreeSet<_> = calls.iter().collect();
    assert_eq!(different.len(), ids.len(), "{calls:?}");
    // What fits stays.
    assert_eq!((calls[1].as_str(), calls[5].len()), ("a_1", 64));
    // Anthropic's are made the same way.
    let (told, _) = told(OpenAi, Anthropic, &body);
    assert_eq!(told["messages"][1]["content"][0]["id"], calls[0].as_str());
}

#[test]
fn regression_schemas_of_tools_are_objects() {
    for (schema, wanted) in [
        (json!({}), json!({"type": "object", "properties": {}})),
        (
            json!({"properties": {"type": {"type": "string"}}}),
            json!({"type": "object", "properties": {"type": {"type": "string"}}}),
        ),
        (json!({"anyOf": []}), json!({"type": "object", "anyOf": []})),
        (
            json!({"type": "object", "a": 1}),
            json!({"type": "object", "a": 1}),
        ),
    ] {
        let function = json!({"name": "f", "parameters": schema});
        let body = hi_openai(&json!({"tools": [{"type": "function", "function": function}]}));
        let (at_bedrock, _) = asked(OpenAi, CLAUDE, &body);
        let spec = &at_bedrock["toolConfig"]["tools"][0]["toolSpec"];
        assert_eq!(spec["inputSchema"]["json"], wanted, "{schema}");
        let (at_anthropic, _) = told(OpenAi, Anthropic, &body);
        assert_eq!(at_anthropic["tools"][0]["input_schema"], wanted, "{schema}");
    }
    // Spaces within change nothing.
    let body = r#"{"model":"m","messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"f","parameters": {  } }}]}"#;
    let done = request(OpenAi, Bedrock, body.as_bytes(), &target()).unwrap();
    let told: Json = serde_json::from_slice(&done.body).unwrap();
    let spec = &told["toolConfig"]["tools"][0]["toolSpec"];
    assert_eq!(spec["inputSchema"]["json"]["type"], "object");
}

#[test]
fn regression_tiers_are_listed() {
    for (from, word) in [
        (OpenAi, "auto"),
        (OpenAi, "default"),
        (OpenAi, "flex"),
        (Anthropic, "standard_only"),
    ] {
        for to in [Bedrock, ProviderApi::GenerateContent] {
            let body = hi_openai(&json!({"max_tokens": 9, "service_tier": word}));
            let (_, dropped) = told(from, to, &body);
            assert_eq!(dropped, ["service_tier"], "{from:?} {word}");
        }
    }
}

#[test]
fn regression_where_no_tool_may_be_called_none_is_there() {
    let image = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "BBBB"},
        "cache_control": {"type": "ephemeral"}});
    let messages = json!([
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [
            {"type": "text", "text": "Let me look."},
            {"type": "tool_use", "id": "a.1", "name": "f", "input": {"b": "ü\n"}, "cache_control": {"type": "ephemeral"}}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "a.1", "is_error": true, "content": [{"type": "text", "text": "no\n"}, image]},
            {"type": "text", "text": "Sum up."}]},
    ]);
    let tools = json!([{"name": "f", "input_schema": {"type": "object"}}]);
    for more in [
        json!({"tools": tools, "tool_choice": {"type": "none"}}),
        json!({}),
    ] {
        let mut body = hi_anthropic(&more);
        body["messages"] = messages.clone();
        let (told, dropped) = asked(Anthropic, CLAUDE, &body);
        assert_eq!(told["toolConfig"], Json::Null);
        assert_eq!(
            told["messages"],
            json!([
                {"role": "user", "content": [{"text": "Hi"}]},
                {"role": "assistant", "content": [
                    {"text": "Let me look."}, {"text": "[Call of the tool f, id a.1]\n{\"b\":\"ü\\n\"}"}]},
                {"role": "user", "content": [
                    {"text": "[Result of the call a.1, which failed]\nno\n"},
                    {"image": {"format": "png", "source": {"bytes": "BBBB"}}},
                    {"cachePoint": {"type": "default"}},
                    {"text": "Sum up."}]},
            ])
        );
        assert_eq!(dropped, ["cache_control"]);
    }
    // Some may be called: what is not declared is none of them.
    let mut body =
        hi_anthropic(&json!({"tools": [{"name": "g", "input_schema": {"type": "object"}}]}));
    body["messages"] = messages;
    let (told, _) = asked(Anthropic, CLAUDE, &body);
    let tools = told["toolConfig"]["tools"].as_array().unwrap();
    assert_eq!(
        (tools.len(), &tools[0]["toolSpec"]["name"]),
        (1, &json!("g"))
    );
    assert_eq!(told["messages"][1]["content"][1]["toolUse"]["name"], "f");
}

#[test]
fn regression_models_before_thinking_are_not_asked_to_think() {
    let body = hi_openai(&json!({"reasoning_effort": "low"}));
    for model in [
        "anthropic.claude-v2:1",
        "anthropic.claude-instant-v1",
        "anthropic.claude-3-haiku-20240307-v1:0",
        "anthropic.claude-3-5-sonnet-20241022-v2:0",
    ] {
        let (told, dropped) = asked(OpenAi, model, &body);
        assert_eq!(told["additionalModelRequestFields"], Json::Null, "{model}");
        assert_eq!(dropped, ["reasoning_effort"], "{model}");
    }
    let (told, _) = asked(OpenAi, "anthropic.claude-3-7-sonnet-20250219-v1:0", &body);
    assert_eq!(
        told["additionalModelRequestFields"]["thinking"]["type"],
        "enabled"
    );
    let target = Target {
        model: "claude-2.1",
        ..target()
    };
    let (_, dropped) = told_to(OpenAi, Anthropic, &body, &target);
    assert_eq!(dropped, ["reasoning_effort"]);
}

#[test]
fn regression_a_file_alone_gets_a_text_beside_it() {
    let (told, _) = asked(OpenAi, CLAUDE, &said_by_user(&[pdf()]));
    let content = &told["messages"][0]["content"];
    assert_eq!(content[0]["document"]["name"], "document-1");
    assert_eq!(content[1], json!({"text": "Attached: a file."}));
    let blank = json!({"type": "text", "text": " "});
    let (told, _) = asked(OpenAi, NOVA, &said_by_user(&[blank, pdf()]));
    assert_eq!(told["messages"][0]["content"].as_array().unwrap().len(), 2);
    let text = json!({"type": "text", "text": "a"});
    let (told, _) = asked(OpenAi, CLAUDE, &said_by_user(&[pdf(), text]));
    assert_eq!(told["messages"][0]["content"].as_array().unwrap().len(), 2);
}

#[test]
fn regression_a_request_has_four_points_at_most_the_last_ones() {
    let point = json!({"type": "ephemeral"});
    let text = |said: &str| json!({"type": "text", "text": said, "cache_control": point});
    let tool = |name: &str| json!({"name": name, "input_schema": {}, "cache_control": point});
    for (tools, system, said, wanted) in [
        (2, 1, 1, [2, 1, 1]),
        (2, 1, 2, [1, 1, 2]),
        (1, 2, 4, [0, 0, 4]),
        (0, 3, 3, [0, 1, 3]),
        (1, 0, 6, [0, 0, 4]),
    ] {
        let texts = |count| {
            (0..count)
                .map(|at| text(&at.to_string()))
                .collect::<Vec<_>>()
        };
        let tools: Vec<_> = (0..tools).map(|at| tool(&format!("f{at}"))).collect();
        let mut body = json!({"model": "m", "max_tokens": 9, "system": texts(system),
            "messages": [{"role": "user", "content": texts(said)}]});
        if !tools.is_empty() {
            body["tools"] = json!(tools);
        }
        let (told, dropped) = asked(Anthropic, CLAUDE, &body);
        let found = ["toolConfig", "system", "messages"].map(|name| points(&told[name]));
        assert_eq!(found, wanted, "{body}");
        let all = tools.len() + system + said;
        assert_eq!(dropped.contains(&"cache_control"), all > 4, "{body}");
        if said == 6 {
            let content = told["messages"][0]["content"].as_array().unwrap();
            assert!(content[1].get("text").is_some() && content[2].get("text").is_some());
            assert!(content.last().unwrap().get("cachePoint").is_some());
        }
    }
}

#[test]
fn regression_a_blank_first_turn_of_the_users_is_not_taken_for_none() {
    for from in [OpenAi, Anthropic] {
        let body = json!({"model": "m", "max_tokens": 9, "messages": [
            {"role": "user", "content": " "}, {"role": "assistant", "content": "Hi"}, {"role": "user", "content": "a"}]});
        let (told, _) = asked(from, CLAUDE, &body);
        let roles = told["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|turn| &turn["role"]);
        assert_eq!(roles.collect::<Vec<_>>(), ["user", "assistant", "user"]);
        assert_eq!(
            told["messages"][0]["content"],
            json!([{"text": "(No text.)"}])
        );
    }
}
