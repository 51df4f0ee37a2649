//! Gemini's `generateContent`, as callers of all APIs have it.

use super::*;
use ProviderApi::GenerateContent as Gemini;
use serde_json::json;

fn for_model(model: &str) -> Target<'_> {
    Target {
        model,
        max_output: Some(64_000),
        default_output: None,
    }
}

/// What is asked of a model, and what is dropped.
fn asked(from: ChatApi, model: &str, body: &Json) -> (Json, Vec<&'static str>) {
    told_to(from, Gemini, body, &for_model(model))
}

fn said_openai(messages: &Json) -> Json {
    json!({"model": "m", "messages": messages})
}

#[test]
fn a_whole_request_of_chat_completions() {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "additionalProperties": false});
    let body = json!({
        "model": "m", "stream": true, "max_completion_tokens": 100_000,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
            {"role": "user", "content": [
                {"type": "text", "text": "Grüße\n"},
                {"type": "image_url", "image_url": {"url": "data:image/jpg;base64,AAAA"}},
                {"type": "image_url", "image_url": {"url": "https://a.example/b.PNG?x=1"}},
                {"type": "input_audio", "input_audio": {"data": "BBBB", "format": "mp3"}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,CCCC", "filename": "f.pdf"}},
            ]},
            {"role": "assistant", "content": "Let me look.", "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "weather", "arguments": "{\"city\": \"Köln\"}"}},
                {"id": "b", "type": "function", "function": {"name": "time", "arguments": ""}},
                {"id": "c", "type": "function", "function": {"name": "weather", "arguments": "oops"}}]},
            {"role": "tool", "tool_call_id": "b", "content": "12:00"},
            {"role": "tool", "tool_call_id": "c", "content": ""},
            {"role": "tool", "tool_call_id": "a", "content": "{\"rain\": true}"},
            {"role": "user", "content": "And now?"},
        ],
        "tools": [{"type": "function", "function": {"name": "weather", "description": "d", "parameters": schema, "strict": true}},
            {"type": "function", "function": {"name": "time"}}],
        "tool_choice": {"type": "function", "function": {"name": "weather"}}, "parallel_tool_calls": false,
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": true}},
        "stop": ["x", "y"], "temperature": 1.50, "top_p": 0.9, "top_k": 4, "seed": 7,
        "frequency_penalty": 0.5, "presence_penalty": 0.0, "user": "u", "service_tier": "auto",
        "reasoning_effort": "medium",
    });
    let (told, dropped) = asked(OpenAi, "gemini-2.5-flash", &body);
    let call = |name: &str, args: Json| json!({"functionCall": {"name": name, "args": args}});
    let result = |name: &str, response: Json| json!({"functionResponse": {"name": name, "response": response}});
    assert_eq!(
        told,
        json!({
            "systemInstruction": {"parts": [{"text": "Be brief."}, {"text": "Be kind."}]},
            "contents": [
                {"role": "user", "parts": [
                    {"text": "Grüße\n"},
                    {"inlineData": {"mimeType": "image/jpeg", "data": "AAAA"}},
                    {"fileData": {"mimeType": "image/png", "fileUri": "https://a.example/b.PNG?x=1"}},
                    {"inlineData": {"mimeType": "audio/mpeg", "data": "BBBB"}},
                    {"inlineData": {"mimeType": "application/pdf", "data": "CCCC"}},
                ]},
                {"role": "model", "parts": [
                    {"text": "Let me look."},
                    call("weather", json!({"city": "Köln"})),
                    call("time", json!({})),
                    call("weather", json!({"INVALID_JSON": "oops"})),
                ]},
                // In the order of the calls, whatever order they came in.
                {"role": "user", "parts": [
                    result("weather", json!({"rain": true})),
                    result("time", json!({"output": "12:00"})),
                    result("weather", json!({"output": ""})),
                    {"text": "And now?"},
                ]},
            ],
            "tools": [{"functionDeclarations": [
                {"name": "weather", "description": "d", "parametersJsonSchema": schema},
                {"name": "time"},
            ]}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}},
            "generationConfig": {"maxOutputTokens": 64_000, "temperature": 1.50, "topP": 0.9, "topK": 4,
                "stopSequences": ["x", "y"], "seed": 7,
                "responseMimeType": "application/json", "responseJsonSchema": schema,
                "thinkingConfig": {"thinkingBudget": 8192, "includeThoughts": true}},
        })
    );
    assert_eq!(
        dropped,
        [
            "filename",
            "tools.strict",
            "parallel_tool_calls",
            "max_completion_tokens",
            "frequency_penalty",
            "user",
            "service_tier"
        ]
    );
}

#[test]
fn a_whole_request_of_anthropics() {
    let body = json!({
        "model": "m", "max_tokens": 50,
        "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": [
                {"type": "image", "source": {"type": "base64", "media_type": "image/webp", "data": "AAAA"}},
                {"type": "document", "title": "t", "source": {"type": "url", "url": "https://a.example/b.pdf"}}]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "t", "signature": "x"},
                {"type": "tool_use", "id": "a", "name": "f", "input": {"b": 1, "a": 9007199254740993_u64}},
                {"type": "tool_use", "id": "b", "name": "g", "input": {}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "a", "is_error": true, "content": "{\"no\":1}"},
                {"type": "tool_result", "tool_use_id": "b", "content": [
                    {"type": "text", "text": "here"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "BBBB"}}]}]},
        ],
        "tools": [{"name": "f", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
        "stop_sequences": ["x"], "metadata": {"user_id": "u"},
        "thinking": {"type": "enabled", "budget_tokens": 2000},
    });
    let (told, dropped) = asked(Anthropic, "gemini-3.1-pro-preview", &body);
    assert_eq!(
        told,
        json!({
            "systemInstruction": {"parts": [{"text": "s"}]},
            "contents": [
                {"role": "user", "parts": [
                    {"inlineData": {"mimeType": "image/webp", "data": "AAAA"}},
                    {"fileData": {"mimeType": "application/pdf", "fileUri": "https://a.example/b.pdf"}}]},
                {"role": "model", "parts": [
                    {"functionCall": {"name": "f", "args": {"b": 1, "a": 9007199254740993_u64}},
                        "thoughtSignature": "skip_thought_signature_validator"},
                    {"functionCall": {"name": "g", "args": {}}}]},
                {"role": "user", "parts": [
                    {"functionResponse": {"name": "f", "response": {"error": "{\"no\":1}"}}},
                    {"functionResponse": {"name": "g", "response": {"output": "here"}}},
                    {"inlineData": {"mimeType": "image/png", "data": "BBBB"}}]},
            ],
            "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"type": "object"}}]}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
            "generationConfig": {"maxOutputTokens": 50, "stopSequences": ["x"],
                "thinkingConfig": {"thinkingLevel": "LOW", "includeThoughts": true}},
        })
    );
    assert_eq!(
        dropped,
        [
            "messages.content.thinking",
            "cache_control",
            "filename",
            "tool_choice.disable_parallel_tool_use",
            "metadata.user_id"
        ]
    );
}

#[test]
fn a_request_of_responses() {
    let body = json!({
        "model": "m", "instructions": "s", "max_output_tokens": 9,
        "input": [
            {"role": "user", "content": "Hi"},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{\"a\":1}"},
            {"type": "function_call_output", "call_id": "c", "output": "done"}],
        "tools": [{"type": "function", "name": "f", "parameters": {}, "strict": false}],
        "tool_choice": "auto", "text": {"format": {"type": "json_object"}, "verbosity": "low"}, "user": "u",
        "prompt_cache_key": "k",
    });
    let (told, dropped) = asked(Responses, "gemini-2.5-pro", &body);
    assert_eq!(
        told,
        json!({
            "systemInstruction": {"parts": [{"text": "s"}]},
            "contents": [
                {"role": "user", "parts": [{"text": "Hi"}]},
                {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a": 1}}}]},
                {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "done"}}}]},
            ],
            "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {}}]}],
            "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}},
            "generationConfig": {"maxOutputTokens": 9, "responseMimeType": "application/json"},
        })
    );
    assert_eq!(dropped, ["prompt_cache_key", "text.verbosity", "user"]);
}

#[test]
fn what_is_asked_of_thinking_depends_on_the_model() {
    let budget = |tokens: u64| json!({"thinkingBudget": tokens, "includeThoughts": true});
    let level = |word: &str| json!({"thinkingLevel": word, "includeThoughts": true});
    for (model, effort, wanted, lost) in [
        ("gemini-2.0-flash", "high", Json::Null, true),
        ("gemini-1.5-pro", "none", Json::Null, false),
        ("gemma-3-27b-it", "low", Json::Null, true),
        (
            "gemini-2.5-flash",
            "none",
            json!({"thinkingBudget": 0}),
            false,
        ),
        (
            "gemini-2.5-pro",
            "none",
            json!({"thinkingBudget": 128}),
            false,
        ),
        ("gemini-2.5-pro", "minimal", budget(512), false),
        ("gemini-2.5-flash-lite", "low", budget(1024), false),
        ("gemini-2.5-flash", "medium", budget(8192), false),
        (
            "publishers/google/models/gemini-2.5-pro",
            "high",
            budget(24_576),
            false,
        ),
        ("gemini-2.5-pro", "xhigh", budget(24_576), false),
        (
            "gemini-3-flash-preview",
            "none",
            json!({"thinkingLevel": "MINIMAL"}),
            false,
        ),
        (
            "gemini-3-pro-preview",
            "none",
            json!({"thinkingLevel": "LOW"}),
            false,
        ),
        ("gemini-3-flash-preview", "minimal", level("MINIMAL"), false),
        ("gemini-3.1-pro-preview", "minimal", level("LOW"), false),
        ("gemini-3.1-pro-preview", "medium", level("MEDIUM"), false),
        ("gemini-3-pro-preview", "medium", level("HIGH"), false),
        ("gemini-4-argon", "high", level("HIGH"), false),
        ("gemini-flash-latest", "max", level("HIGH"), false),
        ("endpoints/1234567890", "low", Json::Null, true),
        ("endpoints/1234567890", "none", Json::Null, true),
        ("gemini-robotics-er-1.5-preview", "low", Json::Null, true),
    ] {
        let body = hi_openai(&json!({"reasoning_effort": effort}));
        let (told, dropped) = asked(OpenAi, model, &body);
        let config = &told["generationConfig"]["thinkingConfig"];
        assert_eq!(config, &wanted, "{model} {effort}");
        assert_eq!(dropped == ["reasoning_effort"], lost, "{model} {effort}");
    }
    // Each is told by the caller's own words.
    for (more, name) in [
        (
            json!({"thinking": {"type": "enabled", "budget_tokens": 1024}}),
            "thinking",
        ),
        (
            json!({"output_config": {"effort": "low"}}),
            "output_config.effort",
        ),
    ] {
        let (_, dropped) = asked(Anthropic, "endpoints/1234567890", &hi_anthropic(&more));
        assert_eq!(dropped, [name]);
    }
    for (tokens, wanted) in [(1024, 1024), (100, 512), (100_000, 24_576)] {
        let body = hi_anthropic(&json!({"thinking": {"type": "enabled", "budget_tokens": tokens}}));
        let (told, _) = asked(Anthropic, "gemini-2.5-pro", &body);
        assert_eq!(told["generationConfig"]["thinkingConfig"], budget(wanted));
    }
    let (told, _) = asked(OpenAi, "gemini-3-pro-preview", &hi_openai(&json!({})));
    assert_eq!(told["generationConfig"], json!({}));
}

#[test]
fn bounds_and_numbers() {
    let own = Target {
        model: "gemini-2.5-pro",
        max_output: Some(100),
        default_output: Some(30),
    };
    for (more, most, lost) in [
        (json!({}), 30, false),
        (json!({"max_tokens": 20}), 20, false),
        (json!({"max_tokens": 200}), 100, true),
    ] {
        let (told, dropped) = told_to(OpenAi, Gemini, &hi_openai(&more), &own);
        assert_eq!(told["generationConfig"]["maxOutputTokens"], most, "{more}");
        assert_eq!(dropped == ["max_tokens"], lost, "{more}");
    }
    for (more, wanted, lost) in [
        (json!({"seed": -1}), json!({"seed": -1}), &[][..]),
        (json!({"seed": 0}), json!({"seed": 0}), &[]),
        (json!({"seed": 3_000_000_000_u64}), json!({}), &["seed"]),
        (json!({"frequency_penalty": 0}), json!({}), &[]),
        (
            json!({"presence_penalty": -1.5}),
            json!({"presencePenalty": -1.5}),
            &[],
        ),
        (
            json!({"response_format": {"type": "json_schema", "json_schema": {"description": "d", "schema": {}}}}),
            json!({"responseMimeType": "application/json", "responseJsonSchema": {}}),
            &["response_format.json_schema.description"],
        ),
    ] {
        let (told, dropped) = told(OpenAi, Gemini, &hi_openai(&more));
        assert_eq!(told["generationConfig"], wanted, "{more}");
        assert_eq!(dropped, lost, "{more}");
    }
    // Also where it stands within a result.
    let part = json!({"type": "text", "text": "r", "cache_control": {"type": "ephemeral"}});
    let body = json!({"model": "m", "max_tokens": 9, "messages": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": [part]}]}]});
    assert_eq!(super::told(Anthropic, Gemini, &body).1, ["cache_control"]);
    // Without tools none can be demanded.
    let (told, dropped) = told(
        OpenAi,
        Gemini,
        &hi_openai(&json!({"tool_choice": "required"})),
    );
    assert_eq!(
        (&told["toolConfig"], dropped),
        (&Json::Null, vec!["tool_choice"])
    );
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    let body = hi_openai(&json!({"tools": tools, "tool_choice": "none"}));
    let (told, _) = super::told(OpenAi, Gemini, &body);
    assert_eq!(
        told["toolConfig"],
        json!({"functionCallingConfig": {"mode": "NONE"}})
    );
}

#[test]
fn what_gemini_has_no_words_for_is_refused() {
    let user = |part: Json| said_openai(&json!([{"role": "user", "content": [part]}]));
    let image = |url: &str| user(json!({"type": "image_url", "image_url": {"url": url}}));
    let file = |kind: &str| {
        let data = format!("data:{kind};base64,AAAA");
        user(json!({"type": "file", "file": {"file_data": data}}))
    };
    for (body, param) in [
        (hi_openai(&json!({"n": 2})), "n"),
        (hi_openai(&json!({"logprobs": true})), "logprobs"),
        (hi_openai(&json!({"audio": {"voice": "alloy"}})), "audio"),
        (
            hi_openai(&json!({"stop": ["a", "b", "c", "d", "e", "f"]})),
            "stop",
        ),
        (
            said_openai(&json!([{"role": "system", "content": "alone"}])),
            "messages",
        ),
        (
            said_openai(&json!([{"role": "tool", "tool_call_id": "a", "content": "x"}])),
            "messages[0].content[0]",
        ),
        (
            image("data:image/gif;base64,AAAA"),
            "messages[0].content[0]",
        ),
        (image("http://a.example/b.png"), "messages[0].content[0]"),
        (file("application/zip"), "messages[0].content[0]"),
        (file("application/json"), "messages[0].content[0]"),
    ] {
        let refusal = refused(OpenAi, Gemini, &body);
        assert_eq!(
            (refusal.code, refusal.param.as_deref()),
            ("unsupported_by_provider", Some(param)),
            "{body}"
        );
    }
    for kind in [
        "text/plain",
        "audio/wav",
        "video/mp4",
        "application/pdf",
        "image/heic",
    ] {
        let (told, _) = told(OpenAi, Gemini, &file(kind));
        let data = &told["contents"][0]["parts"][0]["inlineData"];
        assert_eq!(data["mimeType"], kind);
    }
}

/// What is reserved for a part depends on what it is called.
#[test]
fn regression_what_a_part_is_called_is_what_it_holds() {
    let chat = |part: Json| said_openai(&json!([{"role": "user", "content": [part]}]));
    let responses = |part: Json| json!({"model": "m", "store": false, "input": [{"role": "user", "content": [part]}]});
    let messages = |part: Json| json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": [part]}]});
    let is_refused = |from, body: &Json| {
        let refusal = refused(from, Gemini, body);
        assert_eq!(refusal.code, "unsupported_by_provider", "{body}");
    };
    for kind in ["text/plain", "application/pdf", "audio/wav", "video/mp4"] {
        let url = format!("data:{kind};base64,AAAA");
        let image = json!({"type": "image_url", "image_url": {"url": url, "detail": "low"}});
        is_refused(OpenAi, &chat(image));
        let image = json!({"type": "input_image", "image_url": url, "detail": "low"});
        is_refused(Responses, &responses(image));
        let source = json!({"type": "base64", "media_type": kind, "data": "AAAA"});
        is_refused(
            Anthropic,
            &messages(json!({"type": "image", "source": source})),
        );
    }
    for url in [
        "https://a.example/b",
        "https://a.example/b.pdf",
        "https://a.example/b.mp3",
        "https://www.youtube.com/watch?v=a",
        "https://youtu.be/a.png",
        "https://generativelanguage.googleapis.com/v1beta/files/a",
        "https://generativelanguage.googleapis.com/v1beta/files/a.png",
        "gs://bucket/a.png",
    ] {
        let image = json!({"type": "input_image", "image_url": url});
        let image = (!url.starts_with("gs:")).then(|| responses(image));
        image.iter().for_each(|body| is_refused(Responses, body));
        let source = json!({"type": "url", "url": url});
        is_refused(
            Anthropic,
            &messages(json!({"type": "image", "source": source})),
        );
    }
    for url in [
        "https://www.youtube.com/watch?v=a",
        "https://generativelanguage.googleapis.com/v1beta/files/a",
    ] {
        let source = json!({"type": "url", "url": url});
        is_refused(
            Anthropic,
            &messages(json!({"type": "document", "source": source})),
        );
        let file = json!({"type": "input_file", "file_url": url});
        is_refused(Responses, &responses(file));
    }
    let file = json!({"type": "input_file", "file_url": "https://a.example/b"});
    let (told, _) = told(Responses, Gemini, &responses(file));
    let part = &told["contents"][0]["parts"][0];
    assert_eq!(
        part,
        &json!({"fileData": {"fileUri": "https://a.example/b"}})
    );
}

#[test]
fn regression_calls_of_a_model_of_unknown_name_are_not_signed() {
    let call = json!({"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let body = said_openai(&json!([
        {"role": "user", "content": "hi"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": "x"},
    ]));
    for (model, signed) in [
        ("gemini-3-pro-preview", true),
        ("gemini-flash-latest", true),
        ("gemini-2.5-flash", false),
        ("endpoints/1234567890", false),
        ("gemini-robotics-er-1.5-preview", false),
    ] {
        let (told, _) = asked(OpenAi, model, &body);
        let part = &told["contents"][1]["parts"][0];
        assert_eq!(part.get("thoughtSignature").is_some(), signed, "{model}");
    }
}

#[test]
fn sounds_are_refused_where_there_are_no_words() {
    let sound = |sound: Json| {
        said_openai(
            &json!([{"role": "user", "content": [{"type": "input_audio", "input_audio": sound}]}]),
        )
    };
    let good = sound(json!({"data": "AAAA", "format": "wav"}));
    for to in [Anthropic, Responses] {
        let refusal = refused(OpenAi, to, &good);
        assert_eq!(refusal.param.as_deref(), Some("messages[0].content[0]"));
    }
    for (wrong, param) in [
        (
            json!({"format": "wav"}),
            "messages[0].content[0].input_audio.data",
        ),
        (
            json!({"data": "AAAA"}),
            "messages[0].content[0].input_audio.format",
        ),
        (
            json!({"data": "\"}", "format": "wav"}),
            "messages[0].content[0].input_audio.data",
        ),
        (Json::Null, "messages[0].content[0].input_audio"),
    ] {
        assert_eq!(
            refused(OpenAi, Gemini, &sound(wrong)).param.as_deref(),
            Some(param)
        );
    }
}

fn answer_of(parts: &Json, reason: &str) -> Json {
    json!({"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": reason, "index": 0,
            "safetyRatings": []}],
        "usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 7, "thoughtsTokenCount": 20,
            "toolUsePromptTokenCount": 5, "cachedContentTokenCount": 60, "totalTokenCount": 132,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 70}, {"modality": "IMAGE", "tokenCount": 20},
                {"modality": "AUDIO", "tokenCount": 10}]},
        "modelVersion": "gemini-2.5-flash", "responseId": "mAitaLmkHPPlz7IPvtfUqQ4-and-more-than-that"})
}

#[test]
fn a_whole_answer() {
    let parts = json!([
        {"text": "Hm\n", "thought": true},
        {"text": "It is "},
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
        {"executableCode": {"language": "PYTHON", "code": "1"}},
        {"text": "15.", "thoughtSignature": "c2ln"},
        {"functionCall": {"name": "f", "args": {"b": 1, "a": 1.5}}, "thoughtSignature": "c2ln"},
        {"functionCall": {"id": "own", "name": "g"}},
        {"functionCall": {"name": "h", "args": [1]}},
    ]);
    let body = answer_of(&parts, "STOP");
    let told = told_answer(Gemini, OpenAi, &body);
    let call = |id: &str, name: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}});
    assert_eq!(
        told["choices"],
        json!([{"index": 0, "logprobs": null, "finish_reason": "tool_calls", "message": {
        "role": "assistant", "content": "It is 15.", "refusal": null, "reasoning_content": "Hm\n",
        "tool_calls": [
            call("call_mAitaLmkHPPlz7IPvtfUqQ4-_0", "f", "{\"a\":1.5,\"b\":1}"),
            call("own", "g", "{}"),
            call("call_mAitaLmkHPPlz7IPvtfUqQ4-_2", "h", "[1]"),
        ]}}])
    );
    assert_eq!(
        told["usage"],
        json!({"prompt_tokens": 105, "completion_tokens": 27, "total_tokens": 132,
            "prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": 10, "image_tokens": 20},
            "completion_tokens_details": {"reasoning_tokens": 20}})
    );
    assert_eq!(told["model"], "smart");
    let told = told_answer(Gemini, Anthropic, &body);
    assert_eq!(told["stop_reason"], "tool_use");
    assert_eq!(
        told["content"],
        json!([
            {"type": "thinking", "thinking": "Hm\n", "signature": ""},
            {"type": "text", "text": "It is 15."},
            {"type": "tool_use", "id": "call_mAitaLmkHPPlz7IPvtfUqQ4-_0", "name": "f", "input": {"b": 1, "a": 1.5}},
            {"type": "tool_use", "id": "own", "name": "g", "input": {}},
            {"type": "tool_use", "id": "call_mAitaLmkHPPlz7IPvtfUqQ4-_2", "name": "h", "input": {"INVALID_JSON": "[1]"}},
        ])
    );
    assert_eq!(
        (
            &told["usage"]["input_tokens"],
            &told["usage"]["output_tokens"]
        ),
        (&json!(45), &json!(27))
    );
    let told = told_answer(Gemini, Responses, &body);
    let kinds: Vec<&Json> = told["output"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["type"])
        .collect();
    assert_eq!(
        kinds,
        [
            "reasoning",
            "message",
            "function_call",
            "function_call",
            "function_call"
        ]
    );
    assert_eq!(
        told["usage"]["output_tokens_details"]["reasoning_tokens"],
        20
    );
}

#[test]
fn ids_are_made_where_there_is_none() {
    let mut body = answer_of(
        &json!([{"functionCall": {"name": "f"}}, {"functionCall": {"name": "f"}}]),
        "STOP",
    );
    body.as_object_mut().unwrap().remove("responseId");
    let told = told_answer(Gemini, OpenAi, &body);
    let calls = &told["choices"][0]["message"]["tool_calls"];
    assert_eq!(
        (&calls[0]["id"], &calls[1]["id"]),
        (&json!("call_seed_0"), &json!("call_seed_1"))
    );
    let (out, ended) = streamed(Gemini, OpenAi, &[body]);
    assert!(ended);
    assert_eq!(
        &assembled(OpenAi, &out)["choices"][0]["message"]["tool_calls"],
        calls
    );
}

#[test]
fn reasons_for_the_end() {
    for (reason, openai, anthropic) in [
        ("STOP", "stop", "end_turn"),
        ("MAX_TOKENS", "length", "max_tokens"),
        ("SAFETY", "content_filter", "refusal"),
        ("RECITATION", "content_filter", "refusal"),
        ("LANGUAGE", "content_filter", "refusal"),
        ("BLOCKLIST", "content_filter", "refusal"),
        ("PROHIBITED_CONTENT", "content_filter", "refusal"),
        ("SPII", "content_filter", "refusal"),
        ("IMAGE_SAFETY", "content_filter", "refusal"),
        ("MALFORMED_FUNCTION_CALL", "unknown", "unknown"),
        ("UNEXPECTED_TOOL_CALL", "unknown", "unknown"),
        ("OTHER", "unknown", "unknown"),
        ("FINISH_REASON_UNSPECIFIED", "unknown", "unknown"),
        ("", "unknown", "unknown"),
    ] {
        let body = answer_of(&json!([{"text": "x"}]), reason);
        let told = told_answer(Gemini, OpenAi, &body);
        assert_eq!(told["choices"][0]["finish_reason"], openai, "{reason}");
        let told = told_answer(Gemini, Anthropic, &body);
        assert_eq!(told["stop_reason"], anthropic, "{reason}");
    }
    // All tokens went into thinking: there is no content.
    let body =
        json!({"candidates": [{"content": {"role": "model"}, "finishReason": "MAX_TOKENS"}]});
    let told = told_answer(Gemini, OpenAi, &body);
    assert_eq!(
        (
            &told["choices"][0]["message"]["content"],
            &told["choices"][0]["finish_reason"]
        ),
        (&json!(""), &json!("length"))
    );
}

#[test]
fn a_prompt_that_is_blocked_is_an_answer_that_is_refused() {
    let body = json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
        "usageMetadata": {"promptTokenCount": 9, "totalTokenCount": 9}, "responseId": "r"});
    let told = told_answer(Gemini, OpenAi, &body);
    assert_eq!(
        (
            &told["choices"][0]["message"]["content"],
            &told["choices"][0]["finish_reason"],
            &told["usage"]["prompt_tokens"]
        ),
        (&json!(""), &json!("content_filter"), &json!(9))
    );
    for (to, place, word) in [
        (OpenAi, "/choices/0/finish_reason", "content_filter"),
        (Anthropic, "/stop_reason", "refusal"),
        (Responses, "/incomplete_details/reason", "content_filter"),
    ] {
        let (out, ended) = streamed(Gemini, to, std::slice::from_ref(&body));
        assert!(ended);
        assert_eq!(assembled(to, &out).pointer(place), Some(&json!(word)));
    }
    for broken in [
        "{}",
        r#"{"candidates":[]}"#,
        r#"{"promptFeedback":{}}"#,
        "[]",
    ] {
        assert!(
            answer(Gemini, OpenAi, broken.as_bytes(), &ABOUT).is_err(),
            "{broken}"
        );
    }
}

#[test]
fn usage_that_cannot_be_is_not_told() {
    for (usage, wanted) in [
        (
            json!({"promptTokenCount": 3, "candidatesTokenCount": 2}),
            Some((3, 2)),
        ),
        (json!({"promptTokenCount": 3}), Some((3, 0))),
        // Something that is told nowhere else.
        (
            json!({"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 9}),
            Some((3, 6)),
        ),
        (json!({"promptTokenCount": -3}), None),
        (json!({"promptTokenCount": "3"}), None),
        (
            json!({"promptTokenCount": 3, "candidatesTokenCount": 2_000_000_000_u64}),
            None,
        ),
        (json!({"promptTokenCount": 0}), None),
        (json!({}), None),
        (json!(7), None),
    ] {
        let body = json!({"candidates": [{"finishReason": "STOP"}], "usageMetadata": usage});
        let told = told_answer(Gemini, OpenAi, &body);
        let counts = told["usage"]["prompt_tokens"]
            .as_u64()
            .zip(told["usage"]["completion_tokens"].as_u64());
        assert_eq!(counts, wanted, "{usage}");
    }
}

fn chunk(parts: &Json, more: &Json) -> Json {
    let mut chunk = json!({"candidates": [{"content": {"role": "model", "parts": parts}, "index": 0}], "responseId": "r1"});
    for (name, value) in more.as_object().unwrap() {
        match name.as_str() {
            "finishReason" => chunk["candidates"][0][name] = value.clone(),
            _ => chunk[name] = value.clone(),
        }
    }
    chunk
}

#[test]
fn a_stream_is_told_as_its_whole_answer() {
    let usage = |answer: u64| json!({"usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": answer, "thoughtsTokenCount": 3}});
    let mut last = usage(9);
    last["finishReason"] = json!("STOP");
    let data = [
        chunk(&json!([{"text": "Hm, ", "thought": true}]), &usage(1)),
        chunk(&json!([{"text": "well.", "thought": true}]), &json!({})),
        chunk(&json!([{"text": "Let \"me\"\n"}]), &json!({})),
        chunk(&json!([{"text": "look."}]), &usage(4)),
        chunk(
            &json!([{"functionCall": {"name": "f", "args": {"a": "ü"}}}, {"functionCall": {"name": "g", "args": {}}}]),
            &json!({}),
        ),
        chunk(
            &json!([{"functionCall": {"name": "f", "args": {"a": 2}}}]),
            &json!({}),
        ),
        chunk(&json!([{"text": ""}]), &last),
    ];
    let mut whole = chunk(
        &json!([{"text": "Hm, well.", "thought": true}, {"text": "Let \"me\"\nlook."},
            {"functionCall": {"name": "f", "args": {"a": "ü"}}}, {"functionCall": {"name": "g", "args": {}}},
            {"functionCall": {"name": "f", "args": {"a": 2}}}]),
        &last,
    );
    whole["candidates"][0]["finishReason"] = json!("STOP");
    for to in [OpenAi, Anthropic, Responses] {
        let (out, ended) = streamed(Gemini, to, &data);
        assert!(ended);
        assert_eq!(
            assembled(to, &out),
            told_answer(Gemini, to, &whole),
            "{to:?}"
        );
    }
}

#[test]
fn streams_without_their_end_have_none() {
    for to in [OpenAi, Anthropic, Responses] {
        let (out, ended) = streamed(Gemini, to, &[chunk(&json!([{"text": "a"}]), &json!({}))]);
        assert!(!ended);
        let text = String::from_utf8(out).unwrap();
        assert!(
            !text.contains("[DONE]")
                && !text.contains("message_stop")
                && !text.contains("response.completed")
        );
        // An error ends it.
        let (out, ended) = streamed(
            Gemini,
            to,
            &[
                chunk(&json!([{"text": "a"}]), &json!({})),
                json!({"error": {"code": 503, "message": "The model is overloaded. Please try again later.", "status": "UNAVAILABLE"}}),
                chunk(&json!([{"text": "b"}]), &json!({"finishReason": "STOP"})),
            ],
        );
        assert!(!ended);
        let last = events(&out).pop().unwrap().1;
        let last: Json = serde_json::from_str(&last).unwrap();
        assert_eq!(
            last["error"]["message"],
            "The model is overloaded. Please try again later."
        );
        let kind = if to == Anthropic {
            "overloaded_error"
        } else {
            "server_error"
        };
        assert_eq!(last["error"]["type"], kind);
    }
    let mut stream = Stream::new(Gemini, OpenAi, &ABOUT);
    assert!(stream.event(b"[DONE]", &mut Vec::new()).is_err());
}

#[test]
fn errors_get_the_callers_shape() {
    let google = |code: u16, status: &str, message: &str, reason: &str| {
        json!({"error": {"code": code, "message": message, "status": status,
            "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}]}})
    };
    for (status, body, wanted, openai, anthropic) in [
        (
            400,
            google(400, "INVALID_ARGUMENT", "bad", ""),
            400,
            "invalid_request_error",
            "invalid_request_error",
        ),
        (
            400,
            google(
                400,
                "INVALID_ARGUMENT",
                "API key not valid.",
                "API_KEY_INVALID",
            ),
            401,
            "authentication_error",
            "authentication_error",
        ),
        (
            400,
            json!({"error": {"code": 400, "message": "User location is not supported.", "status": "FAILED_PRECONDITION"}}),
            403,
            "permission_error",
            "permission_error",
        ),
        (
            403,
            google(403, "PERMISSION_DENIED", "no", "SERVICE_DISABLED"),
            403,
            "permission_error",
            "permission_error",
        ),
        (
            404,
            google(404, "NOT_FOUND", "models/x is not found", ""),
            404,
            "invalid_request_error",
            "not_found_error",
        ),
        (
            429,
            google(429, "RESOURCE_EXHAUSTED", "quota", "RATE_LIMIT_EXCEEDED"),
            429,
            "rate_limit_error",
            "rate_limit_error",
        ),
        (
            500,
            google(500, "INTERNAL", "oops", ""),
            500,
            "server_error",
            "api_error",
        ),
        (
            504,
            google(504, "DEADLINE_EXCEEDED", "late", ""),
            504,
            "server_error",
            "timeout_error",
        ),
    ] {
        // Streams that are no events are lists.
        for body in [body.clone(), json!([body])] {
            for (to, kind) in [(OpenAi, openai), (Anthropic, anthropic)] {
                let (told, body) = error(to.protocol(), status, body.to_string().as_bytes());
                let body: Json = serde_json::from_slice(&body).unwrap();
                assert_eq!(
                    (told, &body["error"]["type"]),
                    (wanted, &json!(kind)),
                    "{body}"
                );
            }
        }
    }
    let long = google(
        400,
        "INVALID_ARGUMENT",
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        "",
    );
    let (_, body) = error(Protocol::OpenAi, 400, long.to_string().as_bytes());
    let body: Json = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["error"]["code"], "context_length_exceeded");
}

#[test]
fn regression_results_keep_their_order_where_ids_come_again() {
    let call = |id: &str, name: &str| json!({"id": id, "type": "function", "function": {"name": name, "arguments": "{}"}});
    let result =
        |id: &str, text: &str| json!({"role": "tool", "tool_call_id": id, "content": text});
    let body = json!({"model": "m", "messages": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "tool_calls": [call("0", "f"), call("1", "f")]},
        result("0", "a"), result("1", "b"),
        {"role": "assistant", "tool_calls": [call("0", "f"), call("1", "f"), call("2", "f")]},
        result("2", "e"), result("1", "d"), result("0", "c"),
    ]});
    let (told, _) = asked(OpenAi, "gemini-2.5-flash", &body);
    let said = |turn: usize| -> Vec<Json> {
        let parts = told["contents"][turn]["parts"].as_array().unwrap().iter();
        let output = |part: &Json| part["functionResponse"]["response"]["output"].clone();
        parts.map(output).collect()
    };
    assert_eq!(said(2), ["a", "b"]);
    assert_eq!(said(4), ["c", "d", "e"]);
}

#[test]
fn regression_models_that_draw_are_not_asked_to_chat() {
    for model in [
        "gemini-2.5-flash-image",
        "gemini-3-pro-image-preview",
        "gemini-2.0-flash-preview-image-generation",
    ] {
        let body = hi_openai(&json!({})).to_string();
        let target = Target { model, ..target() };
        let to = ProviderApi::GenerateContent;
        let refusal = request(OpenAi, to, body.as_bytes(), &target).unwrap_err();
        assert_eq!(
            (refusal.code, refusal.param.as_deref()),
            ("unsupported_by_provider", Some("model")),
            "{model}"
        );
    }
}
