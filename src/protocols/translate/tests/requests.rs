use super::*;
use proptest::prelude::*;
use serde_json::json;

const PIXEL: &str = "iVBORw0KGgo=";

fn weather_openai() -> Json {
    json!({"type": "function", "function": {"name": "weather", "description": "Looks outside",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}, "strict": true}})
}

fn weather_anthropic() -> Json {
    json!({"name": "weather", "description": "Looks outside", "strict": true,
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}})
}

#[test]
fn a_conversation_for_anthropic() {
    let (body, dropped) = told(
        OpenAi,
        Anthropic,
        &json!({
            "model": "smart", "stream": true, "stream_options": {"include_usage": true},
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "developer", "content": [{"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}}]},
                {"role": "user", "content": "Hi"},
                {"role": "user", "content": [
                    {"type": "text", "text": "And this?"},
                    {"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{PIXEL}")}},
                    {"type": "image_url", "image_url": {"url": "https://example.com/a.jpg?b=\"c\""}},
                    {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}},
                ]},
                {"role": "assistant", "content": "Looking.", "tool_calls": [
                    {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\": \"Rome\"}"}},
                    {"id": "call_2", "type": "function", "function": {"name": "weather", "arguments": ""}},
                ]},
                {"role": "tool", "tool_call_id": "call_1", "content": "15 degrees"},
                {"role": "tool", "tool_call_id": "call_2", "content": [{"type": "text", "text": "no city"}]},
                {"role": "user", "content": "So?"},
                {"role": "assistant", "content": ""},
            ],
            "tools": [weather_openai(), {"type": "function", "function": {"name": "now"}}],
            "tool_choice": "auto", "parallel_tool_calls": false,
            "max_completion_tokens": 100, "max_tokens": 50,
            "temperature": 0.7, "stop": "END", "user": "u-1", "service_tier": "default",
            "n": 1, "logprobs": false, "logit_bias": {}, "modalities": ["text"], "response_format": {"type": "text"},
        }),
    );
    assert_eq!(dropped, Vec::<&str>::new());
    assert_eq!(
        body,
        json!({
            "model": "claude-sonnet-4-5", "max_tokens": 100, "stream": true,
            "system": [
                {"type": "text", "text": "Be brief."},
                {"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}},
            ],
            "messages": [
                {"role": "user", "content": [
                    {"type": "text", "text": "Hi"},
                    {"type": "text", "text": "And this?"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
                    {"type": "image", "source": {"type": "url", "url": "https://example.com/a.jpg?b=\"c\""}},
                    {"type": "document", "title": "a.pdf", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}},
                ]},
                {"role": "assistant", "content": [
                    {"type": "text", "text": "Looking."},
                    {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Rome"}},
                    {"type": "tool_use", "id": "call_2", "name": "weather", "input": {}},
                ]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "call_1", "content": "15 degrees"},
                    {"type": "tool_result", "tool_use_id": "call_2", "content": "no city"},
                    {"type": "text", "text": "So?"},
                ]},
            ],
            "tools": [weather_anthropic(), {"name": "now", "input_schema": {"type": "object", "properties": {}}}],
            "tool_choice": {"type": "auto", "disable_parallel_tool_use": true},
            "temperature": 0.7, "stop_sequences": ["END"], "metadata": {"user_id": "u-1"}, "service_tier": "standard_only",
        })
    );
}

#[test]
fn a_conversation_for_openai() {
    let (body, dropped) = told(
        Anthropic,
        OpenAi,
        &json!({
            "model": "smart", "max_tokens": 100, "stream": true,
            "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}, {"type": "text", "text": "Be kind."}],
            "messages": [
                {"role": "user", "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
                    {"type": "image", "source": {"type": "url", "url": "https://example.com/a.jpg"}},
                    {"type": "document", "title": "a.pdf", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}},
                    {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Plain."}},
                ]},
                {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "Hm", "signature": "s"},
                    {"type": "text", "text": "Looking."},
                    {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Rome"}},
                    {"type": "tool_use", "id": "toolu_2", "name": "shot", "input": {}},
                ]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "toolu_1", "content": "no such city", "is_error": true},
                    {"type": "tool_result", "tool_use_id": "toolu_2", "content": [
                        {"type": "text", "text": "a shot"},
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
                    ]},
                    {"type": "text", "text": "So?"},
                ]},
                {"role": "user", "content": "Well?"},
            ],
            "tools": [weather_anthropic()],
            "tool_choice": {"type": "tool", "name": "weather", "disable_parallel_tool_use": true},
            "temperature": 0.5, "top_p": 0.9, "top_k": 5, "stop_sequences": ["a", "b", "c", "d"],
            "metadata": {"user_id": "u-1"}, "service_tier": "auto", "thinking": {"type": "adaptive"},
            "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": {"type": "object"}}},
        }),
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
    let image = json!({"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{PIXEL}")}});
    assert_eq!(
        body,
        json!({
            "model": "claude-sonnet-4-5", "max_completion_tokens": 100,
            "stream": true, "stream_options": {"include_usage": true},
            "messages": [
                {"role": "system", "content": [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind."}]},
                {"role": "user", "content": [
                    {"type": "text", "text": "What is this?"},
                    image,
                    {"type": "image_url", "image_url": {"url": "https://example.com/a.jpg"}},
                    {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}},
                    {"type": "text", "text": "Plain."},
                ]},
                {"role": "assistant", "content": "Looking.", "tool_calls": [
                    {"id": "toolu_1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"Rome\"}"}},
                    {"id": "toolu_2", "type": "function", "function": {"name": "shot", "arguments": "{}"}},
                ]},
                {"role": "tool", "tool_call_id": "toolu_1", "content": "no such city"},
                {"role": "tool", "tool_call_id": "toolu_2", "content": "a shot"},
                {"role": "user", "content": [image, {"type": "text", "text": "So?"}, {"type": "text", "text": "Well?"}]},
            ],
            "tools": [weather_openai()],
            "tool_choice": {"type": "function", "function": {"name": "weather"}}, "parallel_tool_calls": false,
            "temperature": 0.5, "top_p": 0.9, "stop": ["a", "b", "c", "d"], "user": "u-1", "service_tier": "auto",
            "reasoning_effort": "high",
            "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "strict": true, "schema": {"type": "object"}}},
        })
    );
}

#[test]
fn schemas_and_inputs_keep_every_byte() {
    let schema =
        r#"{"type": "object","properties": {"z":{"const":1.0},"a":{"maximum":9007199254740993}}}"#;
    let body = format!(
        r#"{{"messages":[{{"role":"user","content":"h\u00e9\/"}}],"tools":[{{"type":"function","function":{{"name":"f","parameters":{schema}}}}}]}}"#
    );
    let done = request(OpenAi, Anthropic.into(), body.as_bytes(), &target()).unwrap();
    let text = String::from_utf8(done.body).unwrap();
    assert!(
        text.contains(&format!(r#""input_schema":{schema}"#)),
        "{text}"
    );
    assert!(text.contains(r#""content":"h\u00e9\/""#), "{text}");
    let back = request(Anthropic, OpenAi.into(), text.as_bytes(), &target()).unwrap();
    assert!(
        String::from_utf8(back.body)
            .unwrap()
            .contains(&format!(r#""parameters":{schema}"#))
    );
}

#[test]
fn the_bound_on_output() {
    let cases = [
        (json!({}), Some(64_000), 64_000),
        (json!({}), None, Target::DEFAULT_MAX_OUTPUT),
        (json!({"max_tokens": 5}), Some(64_000), 5),
        (
            json!({"max_tokens": null, "max_completion_tokens": 6}),
            None,
            6,
        ),
    ];
    for (more, max_output, wanted) in cases {
        let target = Target {
            default_output: None,
            model: "m",
            max_output,
        };
        let (body, _) = told_to(OpenAi, Anthropic, &hi_openai(&more), &target);
        assert_eq!(body["max_tokens"], wanted, "{more}");
    }
}

#[test]
fn regression_no_bound_is_above_what_the_target_can_write() {
    let both = json!({"max_tokens": 64_001, "max_completion_tokens": 70_000});
    let cases = [
        (json!({"max_tokens": 64_001}), 64_000, vec!["max_tokens"]),
        (both, 64_000, vec!["max_completion_tokens"]),
        (
            json!({"max_tokens": 64_001, "max_completion_tokens": 9}),
            9,
            vec![],
        ),
        (json!({"max_tokens": 64_000}), 64_000, vec![]),
    ];
    for (more, wanted, wanted_dropped) in cases {
        let (body, dropped) = told(OpenAi, Anthropic, &hi_openai(&more));
        assert_eq!(body["max_tokens"], wanted, "{more}");
        assert_eq!(dropped, wanted_dropped, "{more}");
    }
    for (asked, wanted, wanted_dropped) in [
        (u64::MAX, 64_000, vec!["max_tokens"]),
        (64_000, 64_000, vec![]),
    ] {
        let more = json!({"max_tokens": asked});
        let (body, dropped) = told(Anthropic, OpenAi, &hi_anthropic(&more));
        assert_eq!(body["max_completion_tokens"], wanted);
        assert_eq!(dropped, wanted_dropped);
    }
    // Thinking fits into what is left.
    let target = Target {
        default_output: None,
        model: "claude-sonnet-4-5",
        max_output: Some(4096),
    };
    let more = json!({"max_completion_tokens": 100_000, "reasoning_effort": "high"});
    let (body, _) = told_to(OpenAi, Anthropic, &hi_openai(&more), &target);
    assert_eq!(body["max_tokens"], 4096);
    assert_eq!(body["thinking"]["budget_tokens"], 2048);
}

#[test]
fn tool_choices() {
    let cases = [
        (json!("auto"), json!({"type": "auto"})),
        (json!("none"), json!({"type": "none"})),
        (json!("required"), json!({"type": "any"})),
        (
            json!({"type": "function", "function": {"name": "weather"}}),
            json!({"type": "tool", "name": "weather"}),
        ),
    ];
    for (openai, anthropic) in cases {
        let body = hi_openai(&json!({"tools": [weather_openai()], "tool_choice": openai}));
        let (there, _) = told(OpenAi, Anthropic, &body);
        assert_eq!(there["tool_choice"], anthropic);
        let (back, _) = told(Anthropic, OpenAi, &there);
        assert_eq!(back["tool_choice"], openai);
    }
    let single = hi_openai(&json!({"tools": [weather_openai()], "parallel_tool_calls": false}));
    let (there, _) = told(OpenAi, Anthropic, &single);
    assert_eq!(
        there["tool_choice"],
        json!({"type": "auto", "disable_parallel_tool_use": true})
    );
    // A choice without tools says nothing.
    let (there, dropped) = told(
        OpenAi,
        Anthropic,
        &hi_openai(&json!({"tools": [], "tool_choice": "required"})),
    );
    assert_eq!(
        (there.get("tool_choice"), dropped),
        (None, vec!["tool_choice"])
    );
}

#[test]
fn sampling_for_anthropic() {
    let cases = [
        (json!({"temperature": 0}), json!({"temperature": 0}), vec![]),
        (json!({"temperature": 1}), json!({"temperature": 1}), vec![]),
        (
            json!({"temperature": 1.5}),
            json!({"temperature": 1}),
            vec!["temperature"],
        ),
        (
            json!({"temperature": 0.5, "top_p": 1}),
            json!({"temperature": 0.5}),
            vec![],
        ),
        (
            json!({"temperature": 1, "top_p": 0.5}),
            json!({"top_p": 0.5}),
            vec![],
        ),
        (
            json!({"temperature": 1, "top_p": 1}),
            json!({"temperature": 1}),
            vec![],
        ),
        (
            json!({"temperature": 0.5, "top_p": 0.5}),
            json!({"temperature": 0.5}),
            vec!["top_p"],
        ),
        (json!({"top_p": 1}), json!({"top_p": 1}), vec![]),
        (
            json!({"reasoning_effort": "low", "temperature": 0.5, "top_p": 0.5}),
            json!({}),
            vec!["temperature", "top_p"],
        ),
        (
            json!({"reasoning_effort": "low", "temperature": 1, "top_p": 0.97}),
            json!({"top_p": 0.97}),
            vec![],
        ),
    ];
    for (openai, anthropic, wanted) in cases {
        let (mut body, dropped) = told(OpenAi, Anthropic, &hi_openai(&openai));
        for name in ["model", "max_tokens", "messages", "thinking"] {
            body.as_object_mut().unwrap().remove(name);
        }
        assert_eq!((body, dropped), (anthropic, wanted), "{openai}");
    }
}

#[test]
fn reasoning_for_anthropic() {
    let asked = |model: &str, most: u64, more: &Json| {
        let target = Target {
            default_output: None,
            model,
            max_output: Some(most),
        };
        let (body, dropped) = told_to(OpenAi, Anthropic, &hi_openai(more), &target);
        (
            body["thinking"].clone(),
            body["output_config"]["effort"].clone(),
            dropped,
        )
    };
    let budget = |tokens: u64| {
        (
            json!({"type": "enabled", "budget_tokens": tokens}),
            Json::Null,
            vec![],
        )
    };
    let adaptive = |effort: &str| (json!({"type": "adaptive"}), json!(effort), vec![]);
    let nothing = || (Json::Null, Json::Null, vec![]);
    let dropped = || (Json::Null, Json::Null, vec!["reasoning_effort"]);
    let low = json!({"reasoning_effort": "low"});
    let high = json!({"reasoning_effort": "high"});
    assert_eq!(asked("claude-sonnet-4-5", 64_000, &low), budget(2048));
    assert_eq!(
        asked("claude-sonnet-4-5-20250929", 64_000, &high),
        budget(16_384)
    );
    assert_eq!(
        asked(
            "us.anthropic.claude-3-7-sonnet-v1:0",
            64_000,
            &json!({"reasoning_effort": "minimal"})
        ),
        budget(1024)
    );
    assert_eq!(
        asked(
            "anthropic/claude-opus-4.1",
            64_000,
            &json!({"reasoning_effort": "medium"})
        ),
        budget(8192)
    );
    assert_eq!(asked("claude-haiku-4-5", 8000, &high), budget(4000));
    assert_eq!(asked("claude-haiku-4-5", 2000, &high), dropped());
    assert_eq!(asked("claude-opus-4-7", 2000, &high), adaptive("high"));
    assert_eq!(
        asked(
            "claude-opus-4-6",
            2000,
            &json!({"reasoning_effort": "xhigh"})
        ),
        adaptive("max")
    );
    assert_eq!(
        asked(
            "claude-opus-4-6",
            2000,
            &json!({"reasoning_effort": "none"})
        ),
        nothing()
    );
    let forced =
        json!({"reasoning_effort": "low", "tools": [weather_openai()], "tool_choice": "required"});
    for model in ["claude-sonnet-4-5", "claude-opus-4-7"] {
        assert_eq!(asked(model, 64_000, &forced), dropped());
    }
    // While tools run, a budget would need the thinking before their calls.
    let running = json!({"reasoning_effort": "low", "messages": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "weather", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "15"}]});
    assert_eq!(asked("claude-sonnet-4-5", 64_000, &running), dropped());
    assert_eq!(asked("claude-opus-4-7", 64_000, &running), adaptive("low"));
}

#[test]
fn reasoning_for_openai() {
    let cases = [
        (
            json!({"thinking": {"type": "enabled", "budget_tokens": 1024}}),
            json!("low"),
        ),
        (
            json!({"thinking": {"type": "enabled", "budget_tokens": 8192}}),
            json!("medium"),
        ),
        (
            json!({"thinking": {"type": "enabled", "budget_tokens": 30_000}}),
            json!("high"),
        ),
        (
            json!({"thinking": {"type": "enabled", "budget_tokens": 30_000}, "output_config": {"effort": "low"}}),
            json!("low"),
        ),
        (
            json!({"thinking": {"type": "disabled"}, "output_config": {"effort": "low"}}),
            Json::Null,
        ),
        (json!({"thinking": {"type": "adaptive"}}), Json::Null),
        (json!({"output_config": {"effort": "max"}}), json!("xhigh")),
    ];
    for (more, wanted) in cases {
        let (body, dropped) = told(Anthropic, OpenAi, &hi_anthropic(&more));
        assert_eq!(
            (&body["reasoning_effort"], dropped),
            (&wanted, vec![]),
            "{more}"
        );
    }
}

#[test]
fn schemas_of_answers() {
    let format = json!({"type": "json_schema", "json_schema": {"name": "answer", "strict": true, "schema": {"type": "object"}}});
    let (there, dropped) = told(
        OpenAi,
        Anthropic,
        &hi_openai(&json!({"response_format": format})),
    );
    assert_eq!(
        there["output_config"],
        json!({"format": {"type": "json_schema", "schema": {"type": "object"}}})
    );
    assert_eq!(dropped, Vec::<&str>::new());
    assert_eq!(told(Anthropic, OpenAi, &there).0["response_format"], format);
    let old = hi_anthropic(
        &json!({"output_format": {"type": "json_schema", "schema": {"type": "object"}}}),
    );
    assert_eq!(told(Anthropic, OpenAi, &old).0["response_format"], format);
}

#[test]
fn ids_of_calls_fit_and_stay_paired() {
    let (body, _) = told(
        OpenAi,
        Anthropic,
        &json!({"messages": [
        {"role": "assistant", "tool_calls": [{"id": "functions.f:0", "type": "function", "function": {"name": "f", "arguments": "{"}}]},
        {"role": "tool", "tool_call_id": "functions.f:0", "content": ""}]}),
    );
    assert_eq!(
        body["messages"],
        json!([
            {"role": "assistant", "content": [{"type": "tool_use", "id": "functions_f_0_d6bdd4de328a22edd610f954", "name": "f", "input": {"INVALID_JSON": "{"}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "functions_f_0_d6bdd4de328a22edd610f954"}]},
        ])
    );
}

/// Requests as both protocols can say them, written the way this room writes them.
fn sayable() -> impl Strategy<Value = Json> {
    let text = r#"[a-z"\\\n\u{1}é😀 ]{1,12}"#;
    let user = prop_oneof![
        text.prop_map(|text| json!(text)),
        (text, "[A-Za-z0-9+/]{4}").prop_map(|(text, data)| json!([
            {"type": "text", "text": text},
            {"type": "image_url", "image_url": {"url": format!("data:image/webp;base64,{data}")}},
            {"type": "file", "file": {"filename": text, "file_data": format!("data:application/pdf;base64,{data}")}},
        ])),
    ];
    let calls = prop::collection::vec((text, any::<u32>()), 0..3);
    let round = (user, prop::option::of(text), calls);
    let body = (
        prop::option::of(text),
        prop::collection::vec(round, 1..4),
        prop::option::of(prop_oneof![Just("low"), Just("medium"), Just("high")]),
        prop::collection::vec("[a-z]{1,3}", 0..5),
        any::<(bool, bool, u16)>(),
    );
    body.prop_map(|(system, rounds, effort, stop, (stream, single, most))| {
        let mut messages = Vec::new();
        messages.extend(system.map(|text| json!({"role": "system", "content": text})));
        for (round, (user, reply, calls)) in rounds.into_iter().enumerate() {
            messages.push(json!({"role": "user", "content": user}));
            let reply = reply.or_else(|| calls.is_empty().then(|| "ok".to_owned()));
            let mut assistant = json!({"role": "assistant", "content": reply});
            if !calls.is_empty() {
                assistant["tool_calls"] = calls.iter().enumerate().map(|(at, (_, number))| {
                    json!({"id": format!("call_{round}_{at}"), "type": "function",
                        "function": {"name": "weather", "arguments": format!("{{ \"n\":{number}.0}}")}})
                }).collect();
            }
            messages.push(assistant);
            messages.extend(calls.iter().enumerate().map(|(at, (result, _))| {
                json!({"role": "tool", "tool_call_id": format!("call_{round}_{at}"), "content": result})
            }));
            // Two users' messages in a row would become one.
            if !calls.is_empty() {
                messages.push(json!({"role": "assistant", "content": "Thanks."}));
            }
        }
        messages.push(json!({"role": "user", "content": "Go on."}));
        let mut body = json!({"model": "claude-sonnet-4-5", "messages": messages, "temperature": 0.25,
            "max_completion_tokens": u64::from(most % 24_000) + 40_000, "tools": [weather_openai()], "tool_choice": "auto"});
        if let Some(effort) = effort {
            body["reasoning_effort"] = json!(effort);
            body.as_object_mut().unwrap().remove("temperature");
        }
        if (1..=4).contains(&stop.len()) {
            body["stop"] = json!(stop);
        }
        if stream {
            body["stream"] = json!(true);
            body["stream_options"] = json!({"include_usage": true});
        }
        if single {
            body["parallel_tool_calls"] = json!(false);
        }
        body
    })
}

proptest! {
    #[test]
    fn there_and_back_is_the_same(body in sayable()) {
        let there = request(OpenAi, Anthropic.into(), body.to_string().as_bytes(), &target()).unwrap();
        prop_assert_eq!(there.dropped, Vec::<&str>::new());
        let back = request(Anthropic, OpenAi.into(), &there.body, &target()).unwrap();
        prop_assert_eq!(back.dropped, Vec::<&str>::new());
        prop_assert_eq!(serde_json::from_slice::<Json>(&back.body).unwrap(), body);
    }

    #[test]
    fn there_and_back_by_responses_is_the_same(body in sayable()) {
        let mut body = body;
        body.as_object_mut().unwrap().remove("stop");
        for from in [OpenAi, Anthropic] {
            let asked = request(OpenAi, from.into(), body.to_string().as_bytes(), &target()).unwrap();
            let there = request(from, Responses.into(), &asked.body, &target()).unwrap();
            prop_assert_eq!(there.dropped, Vec::<&str>::new());
            let back = request(Responses, from.into(), &there.body, &target()).unwrap();
            // The other two have no such word.
            prop_assert!(back.dropped.iter().all(|name| *name == "input.content.detail"));
            let [asked, back] = [asked.body, back.body].map(|body| serde_json::from_slice::<Json>(&body).unwrap());
            prop_assert_eq!(back, asked);
        }
    }

    #[test]
    fn sides_alternate(roles in prop::collection::vec(0..4_usize, 1..12)) {
        let messages: Vec<Json> = roles.iter().map(|role| match role {
            0 => json!({"role": "user", "content": "u"}),
            1 => json!({"role": "assistant", "content": "a"}),
            2 => json!({"role": "tool", "tool_call_id": "t", "content": "r"}),
            _ => json!({"role": "user", "content": ""}),
        }).collect();
        let body = json!({"messages": messages});
        let Ok(done) = request(OpenAi, Anthropic.into(), body.to_string().as_bytes(), &target()) else {
            prop_assert!(roles.iter().all(|role| *role == 3));
            return Ok(());
        };
        let there: Json = serde_json::from_slice(&done.body).unwrap();
        let said: Vec<&Json> = there["messages"].as_array().unwrap().iter().map(|message| &message["role"]).collect();
        prop_assert!(said.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
