//! Bedrock's Converse, as callers of all APIs have it.

use super::*;
use ProviderApi::Converse as Bedrock;
use serde_json::json;

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const LLAMA: &str = "meta.llama3-3-70b-instruct-v1:0";

fn for_model(model: &str) -> Target<'_> {
    Target {
        model,
        max_output: Some(64_000),
        default_output: None,
    }
}

/// What is asked of a model, and what is dropped.
fn asked(from: ChatApi, model: &str, body: &Json) -> (Json, Vec<&'static str>) {
    told_to(from, Bedrock, body, &for_model(model))
}

fn spec(name: &str, schema: &Json) -> Json {
    json!({"toolSpec": {"name": name, "inputSchema": {"json": schema}}})
}

#[test]
fn a_whole_request_of_chat_completions() {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let body = json!({
        "model": "m", "stream": true, "max_completion_tokens": 100_000,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
            {"role": "user", "content": [
                {"type": "text", "text": "Grüße\n"},
                {"type": "image_url", "image_url": {"url": "data:image/jpg;base64,AAAA"}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,CCCC", "filename": "ignore all.pdf"}},
                {"type": "file", "file": {"file_data": "data:text/csv;base64,DDDD"}},
            ]},
            {"role": "assistant", "content": "Let me look.", "tool_calls": [
                {"id": "a.1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\": \"Köln\"}"}},
                {"id": "b", "type": "function", "function": {"name": "time", "arguments": "oops"}}]},
            {"role": "tool", "tool_call_id": "b", "content": "12:00"},
            {"role": "tool", "tool_call_id": "a.1", "content": ""},
            {"role": "user", "content": "And now?"},
        ],
        "tools": [{"type": "function", "function": {"name": "weather", "description": "d", "parameters": schema, "strict": true}},
            {"type": "function", "function": {"name": "time", "description": ""}}],
        "tool_choice": {"type": "function", "function": {"name": "weather"}}, "parallel_tool_calls": false,
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "description": "d", "schema": schema, "strict": true}},
        "stop": ["x", "y"], "temperature": 1.50, "top_p": 1.0, "top_k": 4, "seed": 7, "user": "u",
    });
    let (told, dropped) = asked(OpenAi, CLAUDE, &body);
    let call = |id: &str, name: &str, input: Json| json!({"toolUse": {"toolUseId": id, "name": name, "input": input}});
    let result =
        |id: &str, content: Json| json!({"toolResult": {"toolUseId": id, "content": content}});
    let mut weather = spec("weather", &schema);
    weather["toolSpec"]["description"] = json!("d");
    let none = json!({"type": "object", "properties": {}});
    assert_eq!(
        told,
        json!({
            "system": [{"text": "Be brief."}, {"text": "Be kind."}],
            "messages": [
                {"role": "user", "content": [
                    {"text": "Grüße\n"},
                    {"image": {"format": "jpeg", "source": {"bytes": "AAAA"}}},
                    {"document": {"name": "document-1", "format": "pdf", "source": {"bytes": "CCCC"}}},
                    {"document": {"name": "document-2", "format": "csv", "source": {"bytes": "DDDD"}}},
                ]},
                {"role": "assistant", "content": [
                    {"text": "Let me look."},
                    call("a_1_4a5f06ec672e3c2321239ec8", "weather", json!({"city": "Köln"})),
                    call("b", "time", json!({"INVALID_JSON": "oops"})),
                ]},
                {"role": "user", "content": [
                    result("b", json!([{"text": "12:00"}])),
                    result("a_1_4a5f06ec672e3c2321239ec8", json!([])),
                    {"text": "And now?"},
                ]},
            ],
            "toolConfig": {"tools": [weather, spec("time", &none)], "toolChoice": {"tool": {"name": "weather"}}},
            "inferenceConfig": {"maxTokens": 64_000, "temperature": 1, "stopSequences": ["x", "y"]},
            "additionalModelRequestFields": {"top_k": 4},
            "outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {
                "schema": schema.to_string(), "name": "n", "description": "d"}}}},
        })
    );
    assert_eq!(
        dropped,
        [
            "filename",
            // Of two documents, one can't be cited.
            "pictures of files",
            "tools.strict",
            "parallel_tool_calls",
            "max_completion_tokens",
            "temperature",
            "user",
            "seed"
        ]
    );
}

#[test]
fn a_whole_request_of_anthropics() {
    let body = json!({
        "model": "m", "max_tokens": 5000,
        "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "messages": [
            {"role": "user", "content": [
                {"type": "image", "source": {"type": "base64", "media_type": "image/webp", "data": "AAAA"}},
                {"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "t", "signature": "x"},
                {"type": "tool_use", "id": "a", "name": "f", "input": {"b": 1, "a": 9007199254740993_u64}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "a", "is_error": true, "content": [
                    {"type": "text", "text": "here"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "BBBB"}}]}]},
            {"role": "assistant", "content": "Well."},
            {"role": "user", "content": "Go on."},
        ],
        "tools": [{"name": "f", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral"}}],
        "tool_choice": {"type": "auto"},
        "stop_sequences": ["x"], "metadata": {"user_id": "u"},
        "thinking": {"type": "enabled", "budget_tokens": 2000},
    });
    let point = json!({"cachePoint": {"type": "default"}});
    let messages = |status: Json, points: bool| {
        let mut first = vec![
            json!({"image": {"format": "webp", "source": {"bytes": "AAAA"}}}),
            json!({"text": "Hi"}),
        ];
        first.extend(points.then(|| point.clone()));
        let mut result = json!({"toolUseId": "a", "content": [
            {"text": "here"}, {"image": {"format": "png", "source": {"bytes": "BBBB"}}}]});
        if !status.is_null() {
            result["status"] = status;
        }
        json!([
            {"role": "user", "content": first},
            {"role": "assistant", "content": [{"toolUse": {"toolUseId": "a", "name": "f", "input": {"b": 1, "a": 9007199254740993_u64}}}]},
            {"role": "user", "content": [{"toolResult": result}]},
            {"role": "assistant", "content": [{"text": "Well."}]},
            {"role": "user", "content": [{"text": "Go on."}]},
        ])
    };
    let tool = spec("f", &json!({"type": "object"}));
    let (told, dropped) = asked(Anthropic, CLAUDE, &body);
    assert_eq!(
        told,
        json!({
            "system": [{"text": "s"}, {"cachePoint": {"type": "default", "ttl": "1h"}}],
            "messages": messages(json!("error"), true),
            "toolConfig": {"tools": [tool, point], "toolChoice": {"auto": {}}},
            "inferenceConfig": {"maxTokens": 5000, "stopSequences": ["x"]},
            "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 2000}},
        })
    );
    assert_eq!(dropped, ["messages.content.thinking", "metadata.user_id"]);
    // Other models know less.
    let (told, dropped) = asked(Anthropic, LLAMA, &body);
    assert_eq!(
        told,
        json!({
            "system": [{"text": "s"}],
            "messages": messages(Json::Null, false),
            "toolConfig": {"tools": [tool], "toolChoice": {"auto": {}}},
            "inferenceConfig": {"maxTokens": 5000, "stopSequences": ["x"]},
        })
    );
    assert_eq!(
        dropped,
        [
            "messages.content.thinking",
            "cache_control",
            "messages.content.is_error",
            "thinking",
            "metadata.user_id"
        ]
    );
}

#[test]
fn a_request_of_responses() {
    let body = json!({
        "model": "m", "instructions": "s",
        "input": [
            {"role": "user", "content": "Hi"},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{\"a\":1}"},
            {"type": "function_call_output", "call_id": "c", "output": "done"}],
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": false}],
        "tool_choice": "required", "temperature": 0.5, "top_p": 0.5, "reasoning": {"effort": "low"},
    });
    let (told, dropped) = asked(Responses, "us.amazon.nova-pro-v1:0", &body);
    assert_eq!(
        told,
        json!({
            "system": [{"text": "s"}],
            "messages": [
                {"role": "user", "content": [{"text": "Hi"}]},
                {"role": "assistant", "content": [{"toolUse": {"toolUseId": "c", "name": "f", "input": {"a": 1}}}]},
                {"role": "user", "content": [{"toolResult": {"toolUseId": "c", "content": [{"text": "done"}]}}]},
            ],
            "toolConfig": {"tools": [spec("f", &json!({"type": "object"}))], "toolChoice": {"any": {}}},
            "inferenceConfig": {"temperature": 0.5, "topP": 0.5},
        })
    );
    assert_eq!(dropped, ["reasoning.effort"]);
}

/// Bedrock has no word for "none may be called", and what is not declared must not be called.
#[test]
fn tools_that_must_and_must_not_be_there() {
    let tool = json!({"type": "function", "function": {"name": "f"}});
    let call = json!({"id": "c", "type": "function", "function": {"name": "g", "arguments": "{}"}});
    let fresh = json!([{"role": "user", "content": "Hi"}]);
    let running = json!([
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "tool_calls": [call, call]},
        {"role": "tool", "tool_call_id": "c", "content": "r"},
    ]);
    let none: Option<&[&str]> = None;
    for (messages, tools, choice, wanted, dropped) in [
        (&fresh, json!([tool]), json!("none"), none, &[][..]),
        (&fresh, json!([tool]), Json::Null, Some(&["f"][..]), &[]),
        (
            &fresh,
            Json::Null,
            json!("required"),
            None,
            &["tool_choice"],
        ),
        (&running, json!([tool]), json!("none"), none, &[]),
        (&running, Json::Null, Json::Null, none, &[]),
        (&running, json!([tool]), Json::Null, Some(&["f"]), &[]),
    ] {
        let body =
            json!({"model": "m", "messages": messages, "tools": tools, "tool_choice": choice});
        let (told, left_out) = asked(OpenAi, CLAUDE, &body);
        let names = told["toolConfig"]["tools"].as_array().map(|tools| {
            let names = tools.iter().map(|tool| tool["toolSpec"]["name"].clone());
            names.collect::<Vec<_>>()
        });
        assert_eq!(json!(names), json!(wanted), "{body}");
        assert_eq!(told["toolConfig"]["toolChoice"], Json::Null, "{body}");
        assert_eq!(left_out, dropped, "{body}");
    }
}

#[test]
fn thinking_and_bounds() {
    let low = json!({"reasoning_effort": "low"});
    for (model, more, target, config, additional) in [
        (CLAUDE, json!({}), None, json!({}), Json::Null),
        (
            CLAUDE,
            json!({}),
            Some(900),
            json!({"maxTokens": 900}),
            Json::Null,
        ),
        // A budget is part of the bound, which has to be told then.
        (
            CLAUDE,
            low.clone(),
            None,
            json!({"maxTokens": 64_000}),
            json!({"thinking": {"type": "enabled", "budget_tokens": 2048}}),
        ),
        (
            "anthropic.claude-opus-4-6-v1",
            low.clone(),
            None,
            json!({}),
            json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}),
        ),
        (LLAMA, low, None, json!({}), Json::Null),
        (
            LLAMA,
            json!({"temperature": 2}),
            None,
            json!({"temperature": 1}),
            Json::Null,
        ),
        (
            CLAUDE,
            json!({"temperature": 0.5, "top_p": 0.5}),
            None,
            json!({"temperature": 0.5}),
            Json::Null,
        ),
    ] {
        let target = Target {
            default_output: target,
            ..for_model(model)
        };
        let (told, _) = told_to(OpenAi, Bedrock, &hi_openai(&more), &target);
        assert_eq!(told["inferenceConfig"], config, "{model} {more}");
        assert_eq!(
            told["additionalModelRequestFields"], additional,
            "{model} {more}"
        );
    }
}

#[test]
fn what_bedrock_has_no_words_for_is_refused() {
    let user = |part: Json| json!({"messages": [{"role": "user", "content": [part]}]});
    for (more, param) in [
        (
            user(json!({"type": "image_url", "image_url": {"url": "https://a.example/b.png"}})),
            "messages[0].content[0]",
        ),
        (
            user(json!({"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AAAA"}})),
            "messages[0].content[0]",
        ),
        (
            user(json!({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}})),
            "messages[0].content[0]",
        ),
        (
            json!({"messages": [{"role": "system", "content": "s"}]}),
            "messages",
        ),
        (
            json!({"messages": [{"role": "assistant", "content": "s"}]}),
            "messages",
        ),
        (
            json!({"response_format": {"type": "json_object"}}),
            "response_format.type",
        ),
        (json!({"n": 2}), "n"),
        (json!({"stop": [" "]}), "stop[0]"),
    ] {
        let target = for_model(CLAUDE);
        let body = hi_openai(&more).to_string();
        let refusal = request(OpenAi, Bedrock, body.as_bytes(), &target).unwrap_err();
        assert_eq!(
            (refusal.code, refusal.param.as_deref()),
            ("unsupported_by_provider", Some(param)),
            "{more}"
        );
    }
    // Other models stop at white space.
    let (told, _) = asked(OpenAi, LLAMA, &hi_openai(&json!({"stop": ["\n"]})));
    assert_eq!(told["inferenceConfig"]["stopSequences"], json!(["\n"]));
}

fn answer_of(content: &Json, reason: &str) -> Json {
    json!({
        "output": {"message": {"role": "assistant", "content": content}}, "stopReason": reason,
        "usage": {"inputTokens": 5, "outputTokens": 9, "cacheReadInputTokens": 2, "cacheWriteInputTokens": 4,
            "cacheDetails": [{"ttl": "1h", "inputTokens": 3}], "totalTokens": 20},
        "metrics": {"latencyMs": 1},
    })
}

#[test]
fn a_whole_answer() {
    let body = answer_of(
        &json!([
            {"reasoningContent": {"reasoningText": {"text": "Hm, well.", "signature": "x"}}},
            {"reasoningContent": {"redactedContent": "AAAA"}},
            {"text": "Let \"me\"\n"}, {"text": "look."},
            {"toolUse": {"toolUseId": "tooluse_1", "name": "f", "input": {"a": "ü"}}},
            {"toolUse": {"toolUseId": "tooluse_2", "name": "g"}},
        ]),
        "tool_use",
    );
    let told = told_answer(Bedrock, OpenAi, &body);
    let message = &told["choices"][0]["message"];
    assert_eq!(message["content"], "Let \"me\"\nlook.");
    assert_eq!(message["reasoning_content"], "Hm, well.");
    let calls = message["tool_calls"].as_array().unwrap();
    let calls: Vec<_> = calls
        .iter()
        .map(|call| {
            (
                &call["id"],
                &call["function"]["name"],
                &call["function"]["arguments"],
            )
        })
        .collect();
    assert_eq!(
        calls,
        [
            (&json!("tooluse_1"), &json!("f"), &json!("{\"a\":\"ü\"}")),
            (&json!("tooluse_2"), &json!("g"), &json!("{}")),
        ]
    );
    assert_eq!(told["choices"][0]["finish_reason"], "tool_calls");
    let usage = &told["usage"];
    assert_eq!(
        (&usage["prompt_tokens"], &usage["completion_tokens"]),
        (&json!(11), &json!(9))
    );
    assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 2);
    let told = told_answer(Bedrock, Anthropic, &body);
    assert_eq!(
        told["usage"],
        json!({"input_tokens": 5, "cache_creation_input_tokens": 4, "cache_read_input_tokens": 2,
        "cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 3}, "output_tokens": 9})
    );
    assert_eq!(told["stop_reason"], "tool_use");
    assert_eq!(told["content"][0]["thinking"], "Hm, well.");
    for bad in [
        json!({}),
        json!({"output": {"message": {}}}),
        answer_of(&json!([{"toolUse": {"name": "f"}}]), "tool_use"),
    ] {
        assert!(
            answer(Bedrock, OpenAi, bad.to_string().as_bytes(), &ABOUT).is_err(),
            "{bad}"
        );
    }
}

#[test]
fn reasons_for_the_end() {
    for (reason, openai, anthropic) in [
        ("end_turn", "stop", "end_turn"),
        ("stop_sequence", "stop", "end_turn"),
        ("max_tokens", "length", "max_tokens"),
        ("model_context_window_exceeded", "length", "max_tokens"),
        ("guardrail_intervened", "content_filter", "refusal"),
        ("content_filtered", "content_filter", "refusal"),
        ("malformed_tool_use", "unknown", "unknown"),
        ("", "unknown", "unknown"),
    ] {
        let body = answer_of(&json!([{"text": "a"}]), reason);
        let told = told_answer(Bedrock, OpenAi, &body);
        assert_eq!(told["choices"][0]["finish_reason"], openai, "{reason}");
        let told = told_answer(Bedrock, Anthropic, &body);
        assert_eq!(told["stop_reason"], anthropic, "{reason}");
    }
}

#[test]
fn usage_that_cannot_be_is_not_told() {
    for usage in [
        json!({"inputTokens": -1, "outputTokens": 2}),
        json!({"inputTokens": 1, "outputTokens": 2_000_000_000}),
        json!({"inputTokens": "1", "outputTokens": 2}),
        json!({"inputTokens": 0, "outputTokens": 0}),
        json!({}),
        Json::Null,
    ] {
        let mut body = answer_of(&json!([{"text": "a"}]), "end_turn");
        body["usage"] = usage.clone();
        assert_eq!(
            told_answer(Bedrock, OpenAi, &body)["usage"],
            Json::Null,
            "{usage}"
        );
    }
}

fn delta(index: u64, delta: &Json) -> Json {
    json!({"contentBlockDelta": {"contentBlockIndex": index, "delta": delta, "p": "abc"}})
}

fn stop(index: u64) -> Json {
    json!({"contentBlockStop": {"contentBlockIndex": index}})
}

fn stream(usage: &Json) -> Vec<Json> {
    let starts = |index: u64, id: &str, name: &str| json!({"contentBlockStart": {"contentBlockIndex": index, "start": {"toolUse": {"toolUseId": id, "name": name}}}});
    vec![
        json!({"messageStart": {"role": "assistant"}}),
        delta(0, &json!({"reasoningContent": {"text": "Hm, "}})),
        delta(0, &json!({"reasoningContent": {"text": "well."}})),
        delta(0, &json!({"reasoningContent": {"signature": "x"}})),
        delta(0, &json!({"reasoningContent": {"redactedContent": "AAAA"}})),
        stop(0),
        delta(1, &json!({"text": "Let \"me\"\n"})),
        delta(1, &json!({"text": "look."})),
        stop(1),
        starts(2, "tooluse_1", "f"),
        delta(2, &json!({"toolUse": {"input": "{\"a\""}})),
        delta(2, &json!({"toolUse": {"input": ":\"ü\"}"}})),
        stop(2),
        starts(3, "tooluse_2", "g"),
        stop(3),
        json!({"somethingNew": {"a": 1}}),
        json!({"messageStop": {"stopReason": "tool_use"}}),
        json!({"metadata": {"usage": usage, "metrics": {"latencyMs": 1}}}),
    ]
}

#[test]
fn a_stream_is_told_as_its_whole_answer() {
    let whole = answer_of(
        &json!([
            {"reasoningContent": {"reasoningText": {"text": "Hm, well.", "signature": "x"}}},
            {"text": "Let \"me\"\nlook."},
            {"toolUse": {"toolUseId": "tooluse_1", "name": "f", "input": {"a": "ü"}}},
            {"toolUse": {"toolUseId": "tooluse_2", "name": "g", "input": {}}},
        ]),
        "tool_use",
    );
    let data = stream(&whole["usage"]);
    for to in [OpenAi, Anthropic, Responses] {
        let (out, ended) = streamed(Bedrock, to, &data);
        assert!(ended);
        assert_eq!(
            assembled(to, &out),
            told_answer(Bedrock, to, &whole),
            "{to:?}"
        );
    }
}

#[test]
fn streams_without_their_end_have_none() {
    let all = stream(&json!({"inputTokens": 1, "outputTokens": 2}));
    for to in [OpenAi, Anthropic, Responses] {
        for until in 1..all.len() {
            let (_, ended) = streamed(Bedrock, to, &all[..until]);
            // Only what counts is missing behind the reason.
            assert_eq!(ended, until == all.len() - 1, "{until}");
        }
        // Without a reason, the answer may have been cut.
        let (_, ended) = streamed(
            Bedrock,
            to,
            &[delta(0, &json!({"text": "a"})), json!({"metadata": {}})],
        );
        assert!(!ended);
        let error = json!({"error": {"code": 429, "message": "Too many tokens, please wait."}});
        let (out, ended) = streamed(
            Bedrock,
            to,
            &[
                delta(0, &json!({"text": "a"})),
                error,
                delta(0, &json!({"text": "b"})),
            ],
        );
        assert!(!ended);
        let last: Json = serde_json::from_str(&events(&out).pop().unwrap().1).unwrap();
        assert_eq!(
            (&last["error"]["type"], &last["error"]["message"]),
            (
                &json!("rate_limit_error"),
                &json!("Too many tokens, please wait.")
            )
        );
    }
    for bad in [
        "[DONE]",
        "{}",
        "[]",
        r#"{"contentBlockDelta":{}}"#,
        r#"{"contentBlockStop":{}}"#,
        r#"{"contentBlockStart":{"contentBlockIndex":0,"start":{"toolUse":{}}}}"#,
    ] {
        let mut stream = Stream::new(Bedrock, OpenAi, &ABOUT);
        assert!(
            stream.event(bad.as_bytes(), &mut Vec::new()).is_err(),
            "{bad}"
        );
    }
}

#[test]
fn errors_get_the_callers_shape() {
    for (status, body, openai, anthropic) in [
        (
            400,
            json!({"message": "bad"}),
            "invalid_request_error",
            "invalid_request_error",
        ),
        (
            404,
            json!({"message": "no such model"}),
            "invalid_request_error",
            "not_found_error",
        ),
        (
            429,
            json!({"message": "slow"}),
            "rate_limit_error",
            "rate_limit_error",
        ),
        (503, json!({"Message": "down"}), "server_error", "api_error"),
    ] {
        for (to, kind) in [(OpenAi, openai), (Anthropic, anthropic)] {
            let (told, new) = error(to.protocol(), status, body.to_string().as_bytes());
            let new: Json = serde_json::from_slice(&new).unwrap();
            let message = body.as_object().unwrap().values().next().unwrap();
            assert_eq!(
                (told, &new["error"]["type"], &new["error"]["message"]),
                (status, &json!(kind), message)
            );
        }
    }
    let long = json!({"message": "Input is too long for requested model."}).to_string();
    let (_, body) = error(Protocol::OpenAi, 400, long.as_bytes());
    let body: Json = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["error"]["code"], "context_length_exceeded");
}
