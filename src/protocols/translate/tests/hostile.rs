//! Whatever a provider or a caller sends, nothing panics, and what is written is whole.

use super::*;
use crate::tokens::Prompt;
use proptest::prelude::*;

const OPENAI_EVENTS: [&str; 7] = [
    r#"{"id":"chatcmpl-1","choices":[{"index":0,"delta":{"role":"assistant","content":"h\u00e9\n","reasoning":"r"},"finish_reason":null}]}"#,
    r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a\""}},{"index":1,"id":"call_2","function":{"name":"g","arguments":"["}}]}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"refusal":"no"},"finish_reason":"stop"}]}"#,
    r#"{"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":2}}}"#,
    r#"{"error":{"message":"x","type":"server_error"}}"#,
    "[DONE]",
];

const ANTHROPIC_EVENTS: [&str; 9] = [
    r#"{"type":"message_start","message":{"id":"msg_1","usage":{"input_tokens":3,"output_tokens":1}}}"#,
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"a"}}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\ud83d\ude00"}}"#,
    r#"{"type":"content_block_stop","index":0}"#,
    r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}"#,
    r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"a\":1}"}}"#,
    r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":9}}"#,
    r#"{"type":"message_stop"}"#,
    r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
];

const RESPONSES_EVENTS: [&str; 11] = [
    r#"{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","status":"in_progress","output":[]}}"#,
    r#"{"type":"response.reasoning_summary_text.delta","item_id":"rs_1","output_index":0,"summary_index":0,"delta":"h\u00e9"}"#,
    r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","summary":[{"type":"summary_text","text":"h"}]}}"#,
    r#"{"type":"response.output_text.delta","item_id":"msg_1","output_index":1,"content_index":0,"delta":"a\n"}"#,
    r#"{"type":"response.refusal.done","item_id":"msg_1","output_index":1,"content_index":1,"refusal":"no"}"#,
    r#"{"type":"response.output_item.added","output_index":2,"item":{"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":""}}"#,
    r#"{"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":2,"delta":"{\"a\":1}"}"#,
    r#"{"type":"response.output_item.done","output_index":3,"item":{"type":"function_call","call_id":"call_2","name":"g","arguments":"{}"}}"#,
    r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","usage":{"input_tokens":3,"output_tokens":1}}}"#,
    r#"{"type":"response.failed","response":{"error":{"code":"server_error","message":"x"}}}"#,
    "[DONE]",
];

const GEMINI_EVENTS: [&str; 7] = [
    r#"{"responseId":"r1","candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"h\u00e9\n","thought":true},{"text":"a"}]}}],"usageMetadata":{"promptTokenCount":3,"totalTokenCount":4}}"#,
    r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"a":[1]}},"thoughtSignature":"c2ln"},{"functionCall":{"id":"c","name":"g"}}]}}]}"#,
    r#"{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"AA=="}},{"text":""}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"thoughtsTokenCount":1,"promptTokensDetails":[{"modality":"IMAGE","tokenCount":1}]}}"#,
    r#"{"candidates":[{"finishReason":"SAFETY"}]}"#,
    r#"{"promptFeedback":{"blockReason":"OTHER"},"usageMetadata":{"promptTokenCount":3}}"#,
    r#"{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}"#,
    r#"{"candidates":[{"index":1,"content":{"parts":[{"text":"another"}]}}]}"#,
];

const BEDROCK_EVENTS: [&str; 8] = [
    r#"{"messageStart":{"role":"assistant"}}"#,
    r#"{"contentBlockDelta":{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"h\u00e9\n"}},"p":"abc"}}"#,
    r#"{"contentBlockDelta":{"contentBlockIndex":1,"delta":{"text":"\ud83d\ude00"}}}"#,
    r#"{"contentBlockStart":{"contentBlockIndex":2,"start":{"toolUse":{"toolUseId":"t","name":"f"}}}}"#,
    r#"{"contentBlockDelta":{"contentBlockIndex":2,"delta":{"toolUse":{"input":"{\"a\":1}"}}}}"#,
    r#"{"messageStop":{"stopReason":"tool_use"}}"#,
    r#"{"metadata":{"usage":{"inputTokens":3,"outputTokens":2,"cacheReadInputTokens":1}}}"#,
    r#"{"error":{"code":503,"message":"The model is overloaded."}}"#,
];

const ALL: [ChatApi; 3] = [OpenAi, Responses, Anthropic];

const PROVIDERS: [ProviderApi; 5] = [
    ProviderApi::Chat(OpenAi),
    ProviderApi::Chat(Responses),
    ProviderApi::Chat(Anthropic),
    ProviderApi::GenerateContent,
    ProviderApi::Converse,
];

const BODIES: [&str; 8] = [
    r#"{"model":"m","instructions":"s","input":[{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_image","image_url":"data:image/png;base64,AAAA"},{"type":"input_file","filename":"f","file_data":"data:application/pdf;base64,AA=="}]},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":[{"type":"input_text","text":"r"}]}],"tools":[{"type":"function","name":"f","parameters":{"type":"object"},"strict":true}],"tool_choice":"auto","text":{"format":{"type":"json_schema","name":"n","schema":{}},"verbosity":"low"},"reasoning":{"effort":"low"},"temperature":0.5,"store":false}"#,
    r#"{"id":"resp_1","object":"response","status":"completed","output":[{"type":"reasoning","summary":[{"type":"summary_text","text":"t"}]},{"type":"message","content":[{"type":"output_text","text":"a"}]},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}],"usage":{"input_tokens":1,"output_tokens":2}}"#,
    r#"{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}},{"type":"file","file":{"file_data":"data:application/pdf;base64,AA==","filename":"f"}}]},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"r"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"tool_choice":"auto","stop":["a"],"temperature":0.5,"reasoning_effort":"low"}"#,
    r#"{"model":"m","max_tokens":5,"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}],"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]},{"role":"assistant","content":[{"type":"tool_use","id":"c","name":"f","input":{"a":[1]}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c","content":[{"type":"text","text":"r"}],"is_error":true}]}],"tools":[{"name":"f","input_schema":{}}],"thinking":{"type":"enabled","budget_tokens":2000},"output_config":{"effort":"low","format":{"type":"json_schema","schema":{}}}}"#,
    r#"{"id":"chatcmpl-1","choices":[{"index":0,"message":{"role":"assistant","content":"a","tool_calls":[{"id":"c","function":{"name":"f","arguments":"{\"a\":1}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
    r#"{"id":"msg_1","type":"message","content":[{"type":"thinking","thinking":"t"},{"type":"text","text":"a"},{"type":"tool_use","id":"c","name":"f","input":{"a":1}}],"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":2}}"#,
    r#"{"output":{"message":{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"t","signature":"x"}}},{"text":"a"},{"citationsContent":{"content":[{"text":"h\u00e9\n"}],"citations":[{"title":"d"}]}},{"toolUse":{"toolUseId":"c","name":"f","input":{"a":[1]}}}]}},"stopReason":"tool_use","usage":{"inputTokens":3,"outputTokens":2,"cacheReadInputTokens":1,"cacheWriteInputTokens":2,"cacheDetails":[{"ttl":"1h","inputTokens":1}]}}"#,
    r#"{"responseId":"r1","candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"t","thought":true},{"text":"h\u00e9\n"},{"functionCall":{"name":"f","args":{"a":[1]}}},{"inlineData":{"mimeType":"image/png","data":"AA=="}}]},"finishReason":"STOP"}],"promptFeedback":{},"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"thoughtsTokenCount":1,"cachedContentTokenCount":1,"totalTokenCount":6}}"#,
];

fn every_text() -> impl Iterator<Item = &'static str> {
    let events = OPENAI_EVENTS.into_iter().chain(RESPONSES_EVENTS);
    BODIES
        .into_iter()
        .chain(events)
        .chain(ANTHROPIC_EVENTS)
        .chain(GEMINI_EVENTS)
        .chain(BEDROCK_EVENTS)
}

/// Every event that was written is a whole one with JSON in it.
fn check_written(out: &[u8]) {
    for (_, data) in events(out) {
        assert!(
            data == "[DONE]" || serde_json::from_str::<Json>(&data).is_ok(),
            "{data}"
        );
    }
}

fn check_stream(from: impl Into<ProviderApi>, to: ChatApi, data: &[Vec<u8>]) {
    let mut stream = Stream::new(from.into(), to, &ABOUT);
    let mut out = Vec::new();
    let failed = data
        .iter()
        .any(|data| stream.event(data, &mut out).is_err());
    let ended = stream.end(&mut out);
    assert!(!(failed && ended));
    check_written(&out);
    let text = String::from_utf8(out).unwrap();
    let terminals = [
        "data: [DONE]\n\n",
        "event: message_stop\n",
        "event: response.completed\n",
        "event: response.incomplete\n",
    ];
    let terminals: usize = terminals.iter().map(|end| text.matches(end).count()).sum();
    assert_eq!(terminals, usize::from(ended));
}

/// All functions that read a body.
fn check_body(body: &[u8]) {
    for caller in ALL {
        for provider in PROVIDERS {
            let (from, to) = (provider, caller);
            if let Ok(told) = request(caller, provider, body, &target()) {
                serde_json::from_slice::<Json>(&told.body).unwrap();
            }
            if let Ok(told) = answer(from, to, body, &ABOUT) {
                serde_json::from_slice::<Json>(&told).unwrap();
            }
            let (status, told) = error(to.protocol(), 500, body);
            assert_eq!(status, 500);
            serde_json::from_slice::<Json>(&told).unwrap();
            check_stream(from, to, &[body.to_vec()]);
        }
    }
}

#[test]
fn every_truncation() {
    for body in every_text() {
        for end in 0..=body.len() {
            check_body(&body.as_bytes()[..end]);
        }
    }
}

#[test]
fn deep_and_many() {
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    check_body(deep.as_bytes());
    let many = format!(r#"{{"messages":[{}0]}}"#, "0,".repeat(300_000));
    let refusal = request(OpenAi, Anthropic.into(), many.as_bytes(), &target()).unwrap_err();
    assert_eq!(refusal.code, "too_many_values");
}

/// Each member of each object removed, or of another type.
#[test]
fn every_member_missing_or_wrong() {
    fn walk(value: &Json, at: String, places: &mut Vec<String>) {
        places.push(at.clone());
        match value {
            Json::Object(members) => members
                .iter()
                .for_each(|(key, value)| walk(value, format!("{at}/{key}"), places)),
            Json::Array(items) => items
                .iter()
                .enumerate()
                .for_each(|(index, value)| walk(value, format!("{at}/{index}"), places)),
            _ => {}
        }
    }
    for body in every_text() {
        let Ok(whole) = serde_json::from_str::<Json>(body) else {
            continue;
        };
        let mut places = Vec::new();
        walk(&whole, String::new(), &mut places);
        for place in places {
            for other in [
                "null",
                "true",
                "-1",
                "1.5",
                "\"\"",
                "\"x\"",
                "[]",
                "{}",
                "[{}]",
                "99999999999999999999",
            ] {
                let mut changed = whole.clone();
                *changed.pointer_mut(&place).unwrap() = serde_json::from_str(other).unwrap();
                check_body(changed.to_string().as_bytes());
            }
        }
    }
}

/// Requests with every member that is read, but free-form ones.
fn full_requests() -> [(ChatApi, Json); 3] {
    let openai = serde_json::json!({
        "model": "m", "stream": true, "max_tokens": 50, "max_completion_tokens": 60,
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": [
                {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}},
                {"type": "image_url", "image_url": {"url": "https://a/b.png", "detail": "low"}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA==", "filename": "f"}},
            ]},
            {"role": "assistant", "content": "c", "refusal": "r", "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}}]},
            {"role": "tool", "tool_call_id": "c", "content": "r"},
            {"role": "user", "content": "b"},
        ],
        "tools": [{"type": "function", "cache_control": {"type": "ephemeral"}, "function": {"name": "f",
            "description": "d", "parameters": {"type": "object"}, "strict": true}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}}, "parallel_tool_calls": false,
        "response_format": {"type": "json_schema", "json_schema": {"schema": {"a": 1}}},
        "stop": ["x"], "temperature": 0.5, "top_p": 1, "top_k": 4, "user": "u", "safety_identifier": "i",
        "service_tier": "auto", "n": 1, "reasoning_effort": "low", "seed": 7,
        "frequency_penalty": 0.5, "presence_penalty": 0.5,
    });
    let anthropic = serde_json::json!({
        "model": "m", "stream": true, "max_tokens": 50,
        "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "a"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
                {"type": "image", "source": {"type": "url", "url": "https://a/b.png"}},
                {"type": "document", "title": "t", "source": {"type": "base64",
                    "media_type": "application/pdf", "data": "AAAA"}},
            ]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "t", "signature": "x"},
                {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "is_error": true,
                "content": [{"type": "text", "text": "r"}]}]},
        ],
        "tools": [{"type": "custom", "name": "f", "description": "d", "input_schema": {"type": "object"},
            "strict": true}],
        "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": true},
        "stop_sequences": ["x"], "temperature": 0.5, "top_p": 1, "top_k": 4,
        "metadata": {"user_id": "u"}, "service_tier": "auto",
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {"a": 1}}},
    });
    let responses = serde_json::json!({
        "model": "m", "stream": true, "max_output_tokens": 50, "store": false, "instructions": "s",
        "input": [
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "a"},
                {"type": "input_image", "image_url": "https://a/b.png", "detail": "low"},
                {"type": "input_file", "file_data": "data:application/pdf;base64,AA==", "filename": "f"},
                {"type": "input_file", "file_url": "https://a/b"},
            ]},
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "r"}]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "r"}]},
        ],
        "tools": [{"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": true}],
        "tool_choice": {"type": "function", "name": "f"}, "parallel_tool_calls": false,
        "text": {"format": {"type": "json_schema", "name": "n", "description": "d", "schema": {"a": 1}, "strict": true},
            "verbosity": "low"},
        "reasoning": {"effort": "low"}, "temperature": 0.5, "top_p": 1, "top_k": 4, "user": "u",
        "safety_identifier": "i", "service_tier": "auto", "truncation": "auto",
        "include": ["reasoning.encrypted_content"], "prompt_cache_key": "k", "prompt_cache_retention": "24h",
    });
    [
        (OpenAi, openai),
        (Responses, responses),
        (Anthropic, anthropic),
    ]
}

/// The JSON of `value` with the member at `place` twice.
fn with_twin(value: &Json, at: &str, place: &str) -> String {
    match value {
        Json::Object(members) => {
            let written = members.iter().map(|(key, value)| {
                let at = format!("{at}/{key}");
                let member = format!("\"{key}\":{}", with_twin(value, &at, place));
                let times = if at == place { 2 } else { 1 };
                vec![member; times].join(",")
            });
            format!("{{{}}}", written.collect::<Vec<_>>().join(","))
        }
        Json::Array(items) => {
            let items = items.iter().enumerate();
            let written =
                items.map(|(index, value)| with_twin(value, &format!("{at}/{index}"), place));
            format!("[{}]", written.collect::<Vec<_>>().join(","))
        }
        _ => value.to_string(),
    }
}

/// Which members there are, but for those of free-form objects, which are copied as they are.
fn member_places(value: &Json, at: &str, places: &mut Vec<String>) {
    const FREE: [&str; 5] = [
        "content/1/input",
        "input_schema",
        "parameters",
        "schema",
        "cache_control",
    ];
    if FREE.iter().any(|name| at.ends_with(&format!("/{name}"))) {
        return;
    }
    match value {
        Json::Object(members) => members.iter().for_each(|(key, value)| {
            let at = format!("{at}/{key}");
            places.push(at.clone());
            member_places(value, &at, places);
        }),
        Json::Array(items) => items.iter().enumerate().for_each(|(index, value)| {
            member_places(value, &format!("{at}/{index}"), places);
        }),
        _ => {}
    }
}

#[test]
fn regression_no_duplicate_decides_what_is_translated() {
    for (from, whole) in full_requests() {
        let to = if from == Anthropic { OpenAi } else { Anthropic };
        let read = |text: &str| match from {
            OpenAi => {
                crate::protocols::openai::read_chat(text.as_bytes(), Prompt::default()).map(drop)
            }
            Responses => {
                crate::protocols::openai::read_responses(text.as_bytes(), Prompt::default())
                    .map(drop)
            }
            Anthropic => {
                crate::protocols::anthropic::read_messages(text.as_bytes(), Prompt::default())
                    .map(drop)
            }
        };
        read(&whole.to_string()).unwrap();
        for to in [to.into(), ProviderApi::GenerateContent] {
            request(from, to, whole.to_string().as_bytes(), &target()).unwrap();
        }
        let mut places = Vec::new();
        member_places(&whole, "", &mut places);
        assert!(places.len() >= 50, "{}", places.len());
        for place in places {
            let code = read(&with_twin(&whole, "", &place)).map_err(|refusal| refusal.code);
            assert_eq!(code, Err("duplicate_key"), "{place}");
        }
    }
}

proptest! {
    #[test]
    fn mutated_bodies(which in 0..BODIES.len(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = BODIES[which].as_bytes().to_vec();
        let at = at.index(body.len());
        body[at] = byte;
        check_body(&body);
    }

    #[test]
    fn events_in_any_order(
        openai in prop::collection::vec(0..OPENAI_EVENTS.len(), 0..12),
        responses in prop::collection::vec(0..RESPONSES_EVENTS.len(), 0..12),
        anthropic in prop::collection::vec(0..ANTHROPIC_EVENTS.len(), 0..12),
        gemini in prop::collection::vec(0..GEMINI_EVENTS.len(), 0..12),
        bedrock in prop::collection::vec(0..BEDROCK_EVENTS.len(), 0..12),
    ) {
        for to in ALL {
            let data: Vec<_> = responses.iter().map(|at| RESPONSES_EVENTS[*at].as_bytes().to_vec()).collect();
            check_stream(Responses, to, &data);
            let data: Vec<_> = openai.iter().map(|at| OPENAI_EVENTS[*at].as_bytes().to_vec()).collect();
            check_stream(OpenAi, to, &data);
            let data: Vec<_> = anthropic.iter().map(|at| ANTHROPIC_EVENTS[*at].as_bytes().to_vec()).collect();
            check_stream(Anthropic, to, &data);
            let data: Vec<_> = gemini.iter().map(|at| GEMINI_EVENTS[*at].as_bytes().to_vec()).collect();
            check_stream(ProviderApi::GenerateContent, to, &data);
            let data: Vec<_> = bedrock.iter().map(|at| BEDROCK_EVENTS[*at].as_bytes().to_vec()).collect();
            check_stream(ProviderApi::Converse, to, &data);
        }
    }

    #[test]
    fn streams_with_a_mutated_event(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let all = [&OPENAI_EVENTS[..], &RESPONSES_EVENTS, &ANTHROPIC_EVENTS, &GEMINI_EVENTS, &BEDROCK_EVENTS];
        for (from, events) in PROVIDERS.into_iter().zip(all) {
            let mut data: Vec<_> = events.iter().map(|event| event.as_bytes().to_vec()).collect();
            let event = which.get_mut(&mut data);
            let at = at.index(event.len());
            event[at] = byte;
            for to in ALL {
                check_stream(from, to, &data);
            }
        }
    }
}
