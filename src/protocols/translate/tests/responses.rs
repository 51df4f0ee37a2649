//! Responses, on either side.

use super::*;
use serde_json::json;

fn hi(more: &Json) -> Json {
    let mut body = json!({"model": "m", "input": "Hi"});
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    body
}

/// A conversation with all that is understood.
fn conversation() -> Json {
    json!({
        "model": "m", "instructions": "Be brief.", "store": false, "background": false,
        "input": [
            {"role": "developer", "content": "Be kind."},
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "What is \"this\"?"},
                {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"},
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"},
            ]},
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm"}], "encrypted_content": "x"},
            {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [
                {"type": "output_text", "text": "Let me look.", "annotations": [], "logprobs": []},
            ]},
            {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{ \"a\": 1.0}", "status": "completed"},
            {"type": "function_call", "call_id": "call_2", "name": "f", "arguments": ""},
            {"type": "function_call_output", "call_id": "call_1", "output": "15"},
            {"type": "function_call_output", "call_id": "call_2", "output": [
                {"type": "input_text", "text": "16"},
                {"type": "input_image", "image_url": "https://a/b.png"},
            ]},
            {"role": "user", "content": "And?"},
        ],
        "tools": [{"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": true},
            {"type": "function", "name": "g"}],
        "tool_choice": {"type": "function", "name": "f"}, "parallel_tool_calls": false,
        "max_output_tokens": 500, "temperature": 0.5, "user": "u", "stream": true,
        "service_tier": "auto", "truncation": "disabled",
    })
}

#[test]
fn a_request_for_chat_completions() {
    let (body, dropped) = told(Responses, OpenAi, &conversation());
    assert_eq!(
        body,
        json!({
            "model": "claude-sonnet-4-5",
            "messages": [
                {"role": "system", "content": [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind."}]},
                {"role": "user", "content": [
                    {"type": "text", "text": "What is \"this\"?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                    {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}},
                ]},
                {"role": "assistant", "content": "Let me look.", "tool_calls": [
                    {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{ \"a\": 1.0}"}},
                    {"id": "call_2", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                ]},
                {"role": "tool", "content": "15", "tool_call_id": "call_1"},
                {"role": "tool", "content": "16", "tool_call_id": "call_2"},
                {"role": "user", "content": [
                    {"type": "image_url", "image_url": {"url": "https://a/b.png"}},
                    {"type": "text", "text": "And?"},
                ]},
            ],
            "stream": true, "stream_options": {"include_usage": true},
            "max_completion_tokens": 500, "temperature": 0.5,
            "tools": [
                {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": true}},
                {"type": "function", "function": {"name": "g"}},
            ],
            "tool_choice": {"type": "function", "function": {"name": "f"}}, "parallel_tool_calls": false,
            "user": "u", "service_tier": "auto",
        })
    );
    assert_eq!(dropped, ["input.content.detail", "input.reasoning"]);
}

#[test]
fn a_request_for_anthropic() {
    let (body, dropped) = told(Responses, Anthropic, &conversation());
    assert_eq!(
        body["system"],
        json!([{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind."}])
    );
    let turns = body["messages"].as_array().unwrap();
    let roles: Vec<&Json> = turns.iter().map(|turn| &turn["role"]).collect();
    assert_eq!(roles, ["user", "assistant", "user"]);
    assert_eq!(
        turns[1]["content"],
        json!([
            {"type": "text", "text": "Let me look."},
            {"type": "tool_use", "id": "call_1", "name": "f", "input": {"a": 1.0}},
            {"type": "tool_use", "id": "call_2", "name": "f", "input": {}},
        ])
    );
    assert_eq!(
        turns[2]["content"],
        json!([
            {"type": "tool_result", "tool_use_id": "call_1", "content": "15"},
            {"type": "tool_result", "tool_use_id": "call_2", "content": [
                {"type": "text", "text": "16"},
                {"type": "image", "source": {"type": "url", "url": "https://a/b.png"}},
            ]},
            {"type": "text", "text": "And?"},
        ])
    );
    assert_eq!(
        (&body["max_tokens"], &body["stream"]),
        (&json!(500), &json!(true))
    );
    assert_eq!(
        body["tool_choice"],
        json!({"type": "tool", "name": "f", "disable_parallel_tool_use": true})
    );
    assert_eq!(dropped, ["input.content.detail", "input.reasoning"]);
}

#[test]
fn a_request_of_chat_completions() {
    let body = json!({
        "model": "m", "max_tokens": 90_000, "stream": true, "stream_options": {"include_usage": true},
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [
                {"type": "text", "text": "See:"},
                {"type": "image_url", "image_url": {"url": "https://a/b.png"}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA"}},
            ]},
            {"role": "assistant", "content": "I look.", "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "1"}, {"type": "text", "text": "2"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "b"}]},
        ],
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "tool_choice": "required", "reasoning_effort": "high", "verbosity": "low", "prompt_cache_key": "k",
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "description": "d", "schema": {"type": "object"}}},
        "safety_identifier": "i",
    });
    let (body, dropped) = told(OpenAi, Responses, &body);
    assert_eq!(
        body,
        json!({
            "model": "claude-sonnet-4-5",
            "input": [
                {"type": "message", "role": "system", "content": "Be brief."},
                {"type": "message", "role": "user", "content": [
                    {"type": "input_text", "text": "See:"},
                    {"type": "input_image", "image_url": "https://a/b.png", "detail": "auto"},
                    {"type": "input_file", "filename": "document.pdf", "file_data": "data:application/pdf;base64,AAAA"},
                ]},
                {"type": "message", "role": "assistant", "content": "I look."},
                {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "call_1", "output": [
                    {"type": "input_text", "text": "1"}, {"type": "input_text", "text": "2"}]},
                {"type": "message", "role": "assistant", "content": [
                    {"type": "output_text", "text": "a"}, {"type": "output_text", "text": "b"}]},
            ],
            "stream": true, "max_output_tokens": 64_000,
            "tools": [{"type": "function", "name": "f", "parameters": null, "strict": false}],
            "tool_choice": "required",
            "text": {"format": {"type": "json_schema", "name": "n", "description": "d", "schema": {"type": "object"}}, "verbosity": "low"},
            "reasoning": {"effort": "high"}, "user": "i", "prompt_cache_key": "k",
        })
    );
    assert_eq!(dropped, ["max_tokens"]);
    // And back, where both have the words.
    let (back, dropped) = told(Responses, OpenAi, &body);
    assert_eq!(
        (
            &back["verbosity"],
            &back["prompt_cache_key"],
            &back["reasoning_effort"]
        ),
        (&json!("low"), &json!("k"), &json!("high"))
    );
    let schema = json!({"name": "n", "description": "d", "schema": {"type": "object"}});
    assert_eq!(
        back["response_format"],
        json!({"type": "json_schema", "json_schema": schema})
    );
    assert_eq!(dropped, ["input.content.detail"]);
}

#[test]
fn a_request_of_anthropic() {
    let body = hi_anthropic(&json!({
        "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "t", "signature": "x"},
                {"type": "tool_use", "id": "t_1", "name": "f", "input": {"a":1}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t_1", "is_error": true},
                {"type": "document", "title": "t", "source": {"type": "url", "url": "https://a/b.pdf"}},
            ]},
        ],
        "thinking": {"type": "enabled", "budget_tokens": 5000}, "metadata": {"user_id": "u"}, "top_k": 3,
    }));
    let (body, dropped) = told(Anthropic, Responses, &body);
    assert_eq!(
        body,
        json!({
            "model": "claude-sonnet-4-5",
            "input": [
                {"type": "message", "role": "system", "content": "s"},
                {"type": "function_call", "call_id": "t_1", "name": "f", "arguments": "{\"a\":1}"},
                {"type": "function_call_output", "call_id": "t_1", "output": ""},
                {"type": "message", "role": "user", "content": [{"type": "input_file", "file_url": "https://a/b.pdf"}]},
            ],
            "max_output_tokens": 10, "reasoning": {"effort": "medium"}, "user": "u",
        })
    );
    assert_eq!(
        dropped,
        [
            "messages.content.thinking",
            "cache_control",
            "messages.content.is_error",
            "top_k"
        ]
    );
}

#[test]
fn what_is_dropped() {
    for (more, wanted) in [
        (json!({"metadata": {"a": "b"}}), "metadata"),
        (
            json!({"include": ["reasoning.encrypted_content"]}),
            "include",
        ),
        (
            json!({"reasoning": {"effort": "low", "summary": "auto"}}),
            "reasoning.summary",
        ),
        (json!({"reasoning": {"x": 1}}), "reasoning.other"),
        (json!({"text": {"x": 1}}), "text.other"),
        (json!({"truncation": "auto"}), "truncation"),
        (json!({"max_tool_calls": 3}), "max_tool_calls"),
        (json!({"top_logprobs": 3}), "top_logprobs"),
        (json!({"service_tier": "flex"}), "service_tier"),
        (json!({"something": 1}), "other"),
        (json!({"tool_choice": "required"}), "tool_choice"),
        (
            json!({"input": [{"role": "user", "content": "a", "x": 1}]}),
            "input.other",
        ),
        (
            json!({"input": [{"role": "user", "content": [{"type": "input_text", "text": "a", "x": 1}]}]}),
            "input.content.other",
        ),
        (
            json!({"input": [{"role": "assistant", "content": [
                {"type": "output_text", "text": "a", "annotations": [{"type": "url_citation"}]}]}, {"role": "user", "content": "b"}]}),
            "input.content.annotations",
        ),
        (
            json!({"input": [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}]}),
            "position of system messages",
        ),
    ] {
        for to in [OpenAi, Anthropic] {
            let (_, dropped) = told(Responses, to, &hi(&more));
            assert_eq!(dropped, [wanted], "{more}");
        }
    }
    // Only Anthropic has no words for these.
    for (more, wanted) in [
        (json!({"text": {"verbosity": "low"}}), "text.verbosity"),
        (json!({"prompt_cache_key": "k"}), "prompt_cache_key"),
        (
            json!({"text": {"format": {"type": "json_schema", "name": "n", "description": "d", "schema": {}}}}),
            "text.format.description",
        ),
        (
            json!({"reasoning": {"effort": "low"}, "max_output_tokens": 100}),
            "reasoning.effort",
        ),
    ] {
        assert_eq!(told(Responses, Anthropic, &hi(&more)).1, [wanted], "{more}");
        assert_eq!(told(Responses, OpenAi, &hi(&more)).1, Vec::<&str>::new());
    }
}

#[test]
fn what_is_refused() {
    let unsupported = "unsupported_by_provider";
    let user = |part: Json| json!({"input": [{"role": "user", "content": [part]}]});
    for (more, param, code) in [
        (json!({"store": true}), "store", unsupported),
        (
            json!({"tools": [{"type": "web_search"}]}),
            "tools[0].type",
            unsupported,
        ),
        (
            json!({"tools": [{"type": "custom", "name": "f"}]}),
            "tools[0].type",
            unsupported,
        ),
        (
            json!({"tool_choice": {"type": "allowed_tools"}}),
            "tool_choice.type",
            unsupported,
        ),
        (
            json!({"tool_choice": "some"}),
            "tool_choice",
            "invalid_value",
        ),
        (
            json!({"text": {"format": {"type": "grammar"}}}),
            "text.format.type",
            unsupported,
        ),
        (
            json!({"include": ["message.output_text.logprobs"]}),
            "include[0]",
            unsupported,
        ),
        (
            json!({"input": [{"type": "web_search_call", "id": "ws_1"}]}),
            "input[0].type",
            unsupported,
        ),
        (
            json!({"input": [{"role": "tool", "content": "x"}]}),
            "input[0].role",
            unsupported,
        ),
        (
            json!({"input": [{"role": "user"}]}),
            "input[0].content",
            "missing_required_parameter",
        ),
        (json!({"input": 7}), "input", "invalid_value"),
        (
            json!({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]}),
            "input[0].call_id",
            "missing_required_parameter",
        ),
        (
            user(json!({"type": "input_audio", "input_audio": {}})),
            "input[0].content[0].type",
            unsupported,
        ),
        (
            user(json!({"type": "input_image", "file_id": "file-1"})),
            "input[0].content[0].file_id",
            unsupported,
        ),
        (
            user(json!({"type": "input_image", "image_url": "ftp://a"})),
            "input[0].content[0].image_url",
            "invalid_value",
        ),
        (
            user(json!({"type": "input_file", "file_data": "AAAA"})),
            "input[0].content[0].file_data",
            "invalid_value",
        ),
        (
            json!({"reasoning": {"effort": "huge"}}),
            "reasoning.effort",
            unsupported,
        ),
        (
            json!({"max_output_tokens": -1}),
            "max_output_tokens",
            "invalid_value",
        ),
        (
            json!({"temperature": "hot"}),
            "temperature",
            "invalid_value",
        ),
    ] {
        for to in [OpenAi, Anthropic] {
            let refusal = refused(Responses, to, &hi(&more));
            assert_eq!(
                (refusal.param.as_deref(), refusal.code),
                (Some(param), code),
                "{more}"
            );
        }
    }
    // The path leads to the part of the caller's request.
    let bmp = json!({"type": "input_image", "image_url": "data:image/bmp;base64,AAAA"});
    let result =
        json!({"input": [{"type": "function_call_output", "call_id": "c", "output": [bmp]}]});
    for (more, param) in [
        (user(bmp.clone()), "input[0].content[0]"),
        (result, "input[0].output[0]"),
        (
            json!({"text": {"format": {"type": "json_object"}}}),
            "text.format.type",
        ),
        (json!({"input": ""}), "input"),
    ] {
        let refusal = refused(Responses, Anthropic, &hi(&more));
        assert_eq!(
            (refusal.param.as_deref(), refusal.code),
            (Some(param), unsupported)
        );
    }
    let file = user(json!({"type": "input_file", "file_url": "https://a/b.pdf"}));
    let refusal = refused(Responses, OpenAi, &hi(&file));
    assert_eq!(refusal.param.as_deref(), Some("input[0].content[0]"));
    // What Responses have no word for.
    let refusal = refused(OpenAi, Responses, &hi_openai(&json!({"stop": "x"})));
    assert_eq!(
        (refusal.param.as_deref(), refusal.code),
        (Some("stop"), unsupported)
    );
    let refusal = refused(
        Anthropic,
        Responses,
        &hi_anthropic(&json!({"stop_sequences": ["x"]})),
    );
    assert_eq!(refusal.param.as_deref(), Some("stop_sequences"));
    let refusal = refused(OpenAi, Responses, &json!({"messages": []}));
    assert_eq!(refusal.param.as_deref(), Some("messages"));
}

fn response(output: &Json, more: &Json) -> Json {
    let mut body = json!({"id": "resp_9", "object": "response", "status": "completed", "error": null,
        "incomplete_details": null, "output": output,
        "usage": {"input_tokens": 130, "input_tokens_details": {"cached_tokens": 100}, "output_tokens": 7,
            "output_tokens_details": {"reasoning_tokens": 3}, "total_tokens": 137}});
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    body
}

fn full_output() -> Json {
    json!([
        {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "One."}, {"type": "summary_text", "text": "Two."}],
            "encrypted_content": "x"},
        {"id": "ws_1", "type": "web_search_call", "status": "completed"},
        {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [
            {"type": "output_text", "text": "Yes", "annotations": []}, {"type": "output_text", "text": ".", "annotations": []}]},
        {"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{\"a\": 1}", "status": "completed"},
    ])
}

#[test]
fn an_answer_of_responses() {
    let body = response(&full_output(), &json!({}));
    let openai = told_answer(Responses, OpenAi, &body);
    assert_eq!(
        openai["choices"][0],
        json!({"index": 0, "logprobs": null, "finish_reason": "tool_calls", "message": {
            "role": "assistant", "content": "Yes.", "refusal": null, "reasoning_content": "One.\n\nTwo.",
            "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1}"}}]}})
    );
    assert_eq!(
        (&openai["id"], &openai["model"]),
        (&json!("chatcmpl-9"), &json!("smart"))
    );
    assert_eq!(
        openai["usage"],
        json!({"prompt_tokens": 130, "completion_tokens": 7, "total_tokens": 137,
            "prompt_tokens_details": {"cached_tokens": 100}, "completion_tokens_details": {"reasoning_tokens": 3}})
    );
    let anthropic = told_answer(Responses, Anthropic, &body);
    assert_eq!(
        (&anthropic["id"], &anthropic["stop_reason"]),
        (&json!("msg_9"), &json!("tool_use"))
    );
    assert_eq!(
        anthropic["content"][2],
        json!({"type": "tool_use", "id": "call_1", "name": "f", "input": {"a": 1}})
    );
    assert_eq!(anthropic["usage"]["input_tokens"], 30);
}

#[test]
fn an_answer_for_responses() {
    let body = json!({"id": "chatcmpl-9", "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
            "role": "assistant", "content": "Yes.", "reasoning_content": "Hm",
            "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": "{\"a\": 1}"}}]}}],
        "usage": {"prompt_tokens": 130, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 100}}});
    assert_eq!(
        told_answer(OpenAi, Responses, &body),
        json!({
            "id": "resp_9", "object": "response", "created_at": 1_700_000_000, "status": "completed",
            "background": false, "error": null, "incomplete_details": null, "model": "smart",
            "instructions": null, "max_output_tokens": null, "metadata": {}, "parallel_tool_calls": true,
            "previous_response_id": null, "temperature": null, "text": {"format": {"type": "text"}},
            "tool_choice": "auto", "tools": [], "top_p": null, "truncation": "disabled", "store": false,
            "output": [
                {"id": "rs_tollgate_9_0", "type": "reasoning", "status": "completed", "summary": [{"type": "summary_text", "text": "Hm"}]},
                {"id": "msg_9_1", "type": "message", "status": "completed", "role": "assistant", "content": [
                    {"type": "output_text", "annotations": [], "logprobs": [], "text": "Yes."}]},
                {"id": "fc_9_2", "type": "function_call", "status": "completed", "call_id": "call_seed_0", "name": "f", "arguments": "{\"a\": 1}"},
            ],
            "usage": {"input_tokens": 130, "input_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 0}, "output_tokens": 7,
                "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 137},
        })
    );
}

#[test]
fn ends() {
    let said = json!([{"type": "message", "content": [{"type": "output_text", "text": "x"}]}]);
    let why =
        |reason: &str| json!({"status": "incomplete", "incomplete_details": {"reason": reason}});
    for (more, openai, anthropic) in [
        (json!({}), "stop", "end_turn"),
        (why("max_output_tokens"), "length", "max_tokens"),
        (why("content_filter"), "content_filter", "refusal"),
        (why("else"), "unknown", "unknown"),
        (json!({"status": "in_progress"}), "unknown", "unknown"),
        (json!({"status": null}), "unknown", "unknown"),
    ] {
        let body = response(&said, &more);
        let told = told_answer(Responses, OpenAi, &body);
        assert_eq!(told["choices"][0]["finish_reason"], openai, "{more}");
        let told = told_answer(Responses, Anthropic, &body);
        assert_eq!(told["stop_reason"], anthropic, "{more}");
    }
    let refusal = json!([{"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}]);
    let told = told_answer(Responses, OpenAi, &response(&refusal, &json!({})));
    assert_eq!(
        (
            &told["choices"][0]["finish_reason"],
            &told["choices"][0]["message"]["content"]
        ),
        (&json!("content_filter"), &json!("No."))
    );
    for (reason, status, details) in [
        ("stop", "completed", Json::Null),
        ("tool_calls", "completed", Json::Null),
        (
            "length",
            "incomplete",
            json!({"reason": "max_output_tokens"}),
        ),
        (
            "content_filter",
            "incomplete",
            json!({"reason": "content_filter"}),
        ),
        ("else", "incomplete", json!({"reason": "unknown"})),
    ] {
        let body = json!({"choices": [{"message": {"content": "x"}, "finish_reason": reason}]});
        let told = told_answer(OpenAi, Responses, &body);
        assert_eq!(
            (&told["status"], &told["incomplete_details"]),
            (&json!(status), &details)
        );
        assert_eq!(told["output"][0]["status"], status, "{reason}");
        assert_eq!(told["usage"], Json::Null);
    }
}

#[test]
fn usage_keeps_all_that_is_priced_apart() {
    let usage = json!({"input_tokens": 200, "output_tokens": 30, "total_tokens": 230,
        "input_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 30, "audio_tokens": 7, "image_tokens": 8,
            "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20}},
        "output_tokens_details": {"reasoning_tokens": 4, "audio_tokens": 5}});
    for to in [OpenAi, Anthropic] {
        let there = told_answer(
            Responses,
            to,
            &response(&json!([]), &json!({"usage": usage})),
        );
        assert_eq!(told_answer(to, Responses, &there)["usage"], usage, "{to:?}");
    }
    let absurd = json!({"usage": {"input_tokens": -1, "output_tokens": 2}});
    let told = told_answer(Responses, OpenAi, &response(&json!([]), &absurd));
    assert_eq!(told.get("usage"), None);
}

fn chunk(delta: &Json, finish: &Json) -> Json {
    json!({"id": "chatcmpl-9", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
}

#[test]
fn event_by_event() {
    let call = |index: u64, more: &Json| {
        let mut call = json!({"index": index});
        call.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        chunk(&json!({"tool_calls": [call]}), &Json::Null)
    };
    let begin = |index: u64, name: &str| {
        call(
            index,
            &json!({"id": format!("call_{index}"), "function": {"name": name, "arguments": ""}}),
        )
    };
    let more = |index: u64, text: &str| call(index, &json!({"function": {"arguments": text}}));
    let (out, ended) = streamed(
        OpenAi,
        Responses,
        &[
            chunk(&json!({"role": "assistant", "content": ""}), &Json::Null),
            chunk(&json!({"content": "Let "}), &Json::Null),
            chunk(&json!({"content": "me."}), &Json::Null),
            begin(0, "f"),
            begin(1, "g"),
            more(1, "{}"),
            more(0, "{\"x\":"),
            more(0, "1}"),
            begin(2, "h"),
            chunk(&json!({}), &json!("tool_calls")),
            json!("[DONE]"),
        ],
    );
    assert!(ended);
    let told: Vec<String> = events(&out)
        .iter()
        .map(|(name, data)| {
            let event: Json = serde_json::from_str(data).unwrap();
            format!(
                "{} {}",
                name.strip_prefix("response.").unwrap(),
                event["output_index"]
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "created null",
            "in_progress null",
            "output_item.added 0",
            "content_part.added 0",
            "output_text.delta 0",
            "output_text.delta 0",
            "output_text.done 0",
            "content_part.done 0",
            "output_item.done 0",
            "output_item.added 1",
            // Side by side.
            "output_item.added 2",
            "function_call_arguments.delta 2",
            "function_call_arguments.delta 1",
            "function_call_arguments.delta 1",
            "function_call_arguments.done 1",
            "output_item.done 1",
            "function_call_arguments.done 2",
            "output_item.done 2",
            "output_item.added 3",
            // Nothing was said of them.
            "function_call_arguments.delta 3",
            "function_call_arguments.done 3",
            "output_item.done 3",
            "completed null",
        ]
    );
    let whole = assembled(Responses, &out);
    let arguments: Vec<&Json> = whole["output"].as_array().unwrap()[1..]
        .iter()
        .map(|item| &item["arguments"])
        .collect();
    assert_eq!(arguments, ["{\"x\":1}", "{}", "{}"]);
}

/// A call whose arguments the end has cut must not look as if it could be run.
#[test]
fn regression_what_the_end_has_cut_is_incomplete() {
    let call = json!({"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{\"x\":"}});
    for (reason, end) in [
        ("tool_calls", "completed"),
        ("length", "incomplete"),
        ("content_filter", "incomplete"),
        ("else", "incomplete"),
    ] {
        let (out, ended) = streamed(
            OpenAi,
            Responses,
            &[
                chunk(&json!({"reasoning_content": "Hm"}), &Json::Null),
                chunk(&json!({"content": "a"}), &Json::Null),
                chunk(&json!({"tool_calls": [call]}), &Json::Null),
                chunk(&json!({}), &json!(reason)),
                json!("[DONE]"),
            ],
        );
        assert!(ended);
        let body = json!({"choices": [{"finish_reason": reason, "message":
            {"reasoning_content": "Hm", "content": "a", "tool_calls": [call]}}]});
        for whole in [
            assembled(Responses, &out),
            told_answer(OpenAi, Responses, &body),
        ] {
            let items = whole["output"].as_array().unwrap();
            let told: Vec<&Json> = items.iter().map(|item| &item["status"]).collect();
            assert_eq!(told, ["completed", "completed", end], "{reason}");
            assert_eq!(
                (&items[2]["arguments"], &whole["status"]),
                (&json!("{\"x\":"), &json!(end)),
                "{reason}"
            );
        }
    }
}

#[test]
fn what_comes_after_something_else_is_another_item() {
    let block = |index: u64, block: Json| json!({"type": "content_block_start", "index": index, "content_block": block});
    let stop = |index: u64| json!({"type": "content_block_stop", "index": index});
    let (out, ended) = streamed(
        Anthropic,
        Responses,
        &[
            json!({"type": "message_start", "message": {"id": "msg_9", "usage": {"input_tokens": 3, "output_tokens": 1}}}),
            block(0, json!({"type": "text", "text": "a"})),
            stop(0),
            block(
                1,
                json!({"type": "tool_use", "id": "t", "name": "f", "input": {}}),
            ),
            json!({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{\"b\":2}"}}),
            stop(1),
            block(2, json!({"type": "text", "text": "c"})),
            stop(2),
            json!({"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": {"output_tokens": 9}}),
            json!({"type": "message_stop"}),
        ],
    );
    assert!(ended);
    let whole = assembled(Responses, &out);
    let kinds: Vec<&Json> = whole["output"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["type"])
        .collect();
    assert_eq!(kinds, ["message", "function_call", "message"]);
    assert_eq!(whole["status"], "incomplete");
    assert_eq!(whole["usage"]["total_tokens"], 12);
}

#[test]
fn errors_are_numbered_events() {
    let (out, ended) = streamed(
        OpenAi,
        Responses,
        &[
            chunk(&json!({"content": "a"}), &Json::Null),
            json!({"error": {"message": "so", "type": "server_error", "code": "rate_limit_exceeded"}}),
            json!("[DONE]"),
        ],
    );
    assert!(!ended);
    let all = events(&out);
    let (name, data) = all.last().unwrap();
    let event: Json = serde_json::from_str(data).unwrap();
    let error = json!({"message": "so", "type": "rate_limit_error", "param": null, "code": "rate_limit_exceeded"});
    assert_eq!(name, "error");
    assert_eq!(
        event,
        json!({"error": error, "type": "error", "code": "rate_limit_exceeded", "message": "so", "param": null,
            "sequence_number": all.len() - 1})
    );
    for (event, code) in [
        (
            json!({"type": "error", "code": "rate_limit_exceeded", "message": "so", "param": null}),
            json!("rate_limit_exceeded"),
        ),
        (
            json!({"type": "error", "error": {"message": "so", "type": "tokens"}}),
            json!("rate_limit_exceeded"),
        ),
        (
            json!({"type": "response.failed", "response": {"id": "resp_1", "status": "failed", "error": {"code": "server_error", "message": "so"}}}),
            Json::Null,
        ),
        (json!({"error": {"message": "so"}}), Json::Null),
    ] {
        let (out, ended) = streamed(Responses, OpenAi, std::slice::from_ref(&event));
        assert!(!ended);
        let told: Json = serde_json::from_str(&events(&out)[0].1).unwrap();
        assert_eq!(
            (&told["error"]["message"], &told["error"]["code"]),
            (&json!("so"), &code),
            "{event}"
        );
    }
}

#[test]
fn a_stream_without_its_last_event_is_none() {
    let created = json!({"type": "response.created", "response": {"id": "resp_9"}});
    let delta = json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "a"});
    for data in [
        vec![],
        vec![created.clone()],
        vec![created.clone(), delta.clone()],
        vec![created, delta, json!("[DONE]")],
    ] {
        for to in [OpenAi, Anthropic] {
            assert!(!streamed(Responses, to, &data).1);
        }
    }
}

/// Servers that say less than OpenAI: items told whole only, or by their ids.
#[test]
fn terse_servers() {
    let ids = [
        json!({"type": "response.created", "response": {"id": "resp_9"}}),
        json!({"type": "response.output_item.added", "item": {"type": "function_call", "call_id": "fc_1", "name": "f", "arguments": ""}}),
        json!({"type": "response.function_call_arguments.delta", "item_id": "fc_1", "delta": "{\"a\""}),
        json!({"type": "response.function_call_arguments.delta", "item_id": "fc_1", "delta": ":1}"}),
        json!({"type": "response.output_item.done", "item": {"type": "function_call", "call_id": "fc_1", "name": "f", "arguments": "{\"a\":1}"}}),
        json!({"type": "response.completed", "response": {"status": "completed"}}),
    ];
    let whole = [
        json!({"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": "a"}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": {"type": "message",
            "content": [{"type": "output_text", "text": "a"}]}}),
        json!({"type": "response.output_item.done", "output_index": 1, "item": {"type": "message",
            "content": [{"type": "refusal", "refusal": "b"}]}}),
        json!({"type": "response.output_item.done", "output_index": 2, "item": {"type": "reasoning",
            "summary": [{"type": "summary_text", "text": "x"}, {"type": "summary_text", "text": "y"}]}}),
        json!({"type": "response.output_item.done", "output_index": 3, "item": {"type": "function_call",
            "call_id": "c", "name": "f", "arguments": "{}"}}),
        json!({"type": "response.completed", "response": {"id": "resp_9", "status": "completed"}}),
    ];
    let (out, ended) = streamed(Responses, OpenAi, &ids);
    assert!(ended);
    let call = &assembled(OpenAi, &out)["choices"][0]["message"]["tool_calls"][0];
    assert_eq!(
        (&call["id"], &call["function"]["arguments"]),
        (&json!("fc_1"), &json!("{\"a\":1}"))
    );
    let (out, ended) = streamed(Responses, OpenAi, &whole);
    assert!(ended);
    let choice = &assembled(OpenAi, &out)["choices"][0];
    assert_eq!(choice["message"]["content"], "ab");
    assert_eq!(choice["message"]["reasoning_content"], "x\n\ny");
    assert_eq!(
        choice["message"]["tool_calls"][0]["function"]["arguments"],
        "{}"
    );
    assert_eq!(choice["finish_reason"], "content_filter");
}

#[test]
fn an_answer_may_not_be_endless() {
    let mut stream = Stream::new(OpenAi.into(), Responses, &ABOUT);
    let long = chunk(&json!({"content": "a".repeat(1 << 20)}), &Json::Null).to_string();
    let mut out = Vec::new();
    let results: Vec<bool> = (0..5)
        .map(|_| stream.event(long.as_bytes(), &mut out).is_ok())
        .collect();
    assert_eq!(results, [true, true, true, false, true]);
    assert!(!stream.end(&mut out));
}

/// Names, ids of calls and the response's own id in that of each item are kept as texts are.
#[test]
fn regression_names_and_ids_of_calls_are_no_way_around_the_bound() {
    let long = "a".repeat(1 << 20);
    let call =
        |id: &str, name: &str| json!({"id": id, "function": {"name": name, "arguments": "{}"}});
    for (response, id, name) in [("r", &*long, "f"), ("r", "c", &*long), (&*long, "c", "f")] {
        let mut stream = Stream::new(OpenAi.into(), Responses, &ABOUT);
        let mut out = Vec::new();
        let results: Vec<bool> = (0..4)
            .map(|index| {
                let mut call = call(id, name);
                call["index"] = json!(index);
                let mut chunk = chunk(&json!({"tool_calls": [call]}), &Json::Null);
                chunk["id"] = json!(response);
                stream.event(chunk.to_string().as_bytes(), &mut out).is_ok()
            })
            .collect();
        assert_eq!(results, [true, true, true, false]);
        assert!(!stream.end(&mut out));
    }
}

/// The events of two texts and two thoughts that come in pieces, side by side.
fn side_by_side() -> Vec<Json> {
    let piece = |kind: &str, index: u64, text: &str| {
        json!({"type": format!("response.{kind}.delta"), "output_index": index,
            "content_index": 0, "summary_index": 0, "delta": text})
    };
    vec![
        json!({"type": "response.created", "response": {"id": "resp_9"}}),
        piece("reasoning_summary_text", 0, "x"),
        piece("reasoning_summary_text", 1, "y"),
        piece("output_text", 2, "a"),
        piece("output_text", 3, "b"),
    ]
}

/// Some servers say only at the end that texts are whole.
#[test]
fn regression_a_text_that_is_told_again_late_comes_once() {
    let texts = [
        ("reasoning", "reasoning_summary_text", "summary", "x"),
        ("reasoning", "reasoning_summary_text", "summary", "y"),
        ("message", "output_text", "content", "a"),
        ("message", "output_text", "content", "b"),
    ];
    let done = texts
        .iter()
        .enumerate()
        .map(|(index, (_, event, _, text))| {
            json!({"type": format!("response.{event}.done"), "output_index": index,
            "content_index": 0, "summary_index": 0, "text": text})
        });
    let items = texts
        .iter()
        .enumerate()
        .map(|(index, (kind, _, list, text))| {
            json!({"type": "response.output_item.done", "output_index": index,
            "item": {"type": kind, *list: [{"text": text}]}})
        });
    let end =
        json!({"type": "response.completed", "response": {"id": "resp_9", "status": "completed"}});
    let created = side_by_side().remove(0);
    let orders = [
        side_by_side()
            .into_iter()
            .chain(done.clone())
            .chain(items.clone()),
        // Nothing comes in pieces: what comes first tells it.
        vec![created.clone()]
            .into_iter()
            .chain(done.clone())
            .chain(items.clone()),
    ];
    let mut streams: Vec<Vec<Json>> = orders.into_iter().map(Iterator::collect).collect();
    streams.push(std::iter::once(created).chain(items).chain(done).collect());
    for mut data in streams {
        data.push(end.clone());
        let (out, ended) = streamed(Responses, OpenAi, &data);
        assert!(ended);
        let message = &assembled(OpenAi, &out)["choices"][0]["message"];
        assert_eq!(
            (&message["content"], &message["reasoning_content"]),
            (&json!("ab"), &json!("x\n\ny")),
            "{data:?}"
        );
    }
}

#[test]
fn texts_may_not_be_endlessly_many() {
    for kind in ["output_text", "reasoning_text"] {
        let mut stream = Stream::new(Responses.into(), OpenAi, &ABOUT);
        let mut out = Vec::new();
        let mut piece = |index: u64| {
            let event = json!({"type": format!("response.{kind}.delta"), "output_index": index, "delta": "a"});
            stream.event(event.to_string().as_bytes(), &mut out).is_ok()
        };
        assert!((0..1024).all(&mut piece), "{kind}");
        assert!(piece(0), "one more piece of a text that is known");
        assert!(!piece(1024), "{kind}");
    }
}
