use super::*;

const OPENAI: Api = Api::ChatCompletions;

fn requested(body: Value) -> Vec<String> {
    let mut body = body;
    body["model"] = json!("gpt-5.1");
    found(OPENAI, &body)
}

#[test]
fn messages_of_all_roles() {
    let body = json!({"messages": [
        {"role": "system", "content": "be kind"},
        {"content": [{"type": "text", "text": "be brief"}], "role": "developer"},
        {"role": "user", "name": "Ada Lovelace", "content": [
            {"type": "text", "text": "one", "cache_control": {"type": "ephemeral"}},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
            {"type": "image_url", "image_url": {"url": "https://u:p@example.org/a.png"}},
            {"type": "image_url", "image_url": "https://example.org/b.png"},
            {"type": "video_url", "video_url": {"url": "data:text/plain,hello"}},
            {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
            {"type": "input_audio", "input_audio": {"data": "https://example.org/c.wav"}},
            {"type": "file", "file": {"filename": "ada.pdf", "file_data": "data:application/pdf;base64,AAAA"}},
            {"type": "file", "file": {"File_ID": "file-abc"}},
            {"type": "new", "new": {"id": "ada@example.org", "blob": "data:image/png;base64,AAAA"}},
            "bare",
        ]},
        {"role": "assistant", "content": null, "refusal": "no", "audio": {"id": "audio_1"},
            "reasoning_content": "hm", "reasoning_details": [
                {"type": "reasoning.text", "text": "hmm", "signature": "AAAA", "id": "r_1", "index": 0},
                {"type": "reasoning.encrypted", "data": "gAAAA=", "format": "openai-responses-v1"}],
            "annotations": [{"type": "url_citation", "url_citation": {"url": "https://example.org", "title": "T t", "start_index": 1}}],
            "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "mail", "arguments": "{\"to\":1}"}},
                {"id": "call_2", "type": "custom", "custom": {"name": "run", "input": "ls"}},
                {"id": "call_3", "type": "function", "function": {"name": "mail", "arguments": {"to": 1}}}],
            "function_call": {"name": "old", "arguments": "{}"}},
        {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "sent"}]},
        {"role": "function", "name": "old", "content": "done"},
    ]});
    let wanted = [
        "System be kind",
        "System be brief",
        "User Ada Lovelace",
        "User one",
        "!Media",
        "!Remote",
        "Url https://u:p@example.org/a.png",
        "!Remote",
        "Url https://example.org/b.png",
        "!Media",
        "Url data:text/plain,hello",
        "!Media",
        "!Remote",
        "Url https://example.org/c.wav",
        "!Media",
        "FileName ada.pdf",
        "!Stored",
        "User ada@example.org",
        "!Media",
        "User bare",
        "Assistant no",
        "!Remote",
        "Reasoning hm",
        "Reasoning hmm",
        "Assistant https://example.org",
        "Assistant T t",
        "ToolCall json {\"to\":1}",
        "ToolCall ls",
        "ToolCall json {\"to\":1}",
        "ToolCall json {}",
        "ToolResult sent",
        "ToolResult old",
        "ToolResult done",
    ];
    let mut found = requested(body);
    found.sort();
    let mut wanted = wanted.map(str::to_owned).to_vec();
    wanted.sort();
    assert_eq!(found, wanted);
}

#[test]
fn what_stands_beside_messages() {
    for (name, value, wanted) in [
        ("stop", json!(["a b", "c"]), vec!["Other a b", "Other c"]),
        (
            "user",
            json!("ada@example.org"),
            vec!["Other ada@example.org"],
        ),
        (
            "metadata",
            json!({"4915112345678": "x"}),
            vec!["Other 4915112345678", "Other x"],
        ),
        (
            "prediction",
            json!({"type": "content", "content": "so"}),
            vec!["Other so"],
        ),
        ("temperature", json!(0.5), vec![]),
        (
            "tool_choice",
            json!({"type": "function", "function": {"name": "f"}}),
            vec![],
        ),
        (
            "tool_choice",
            json!({"type": "function", "function": {"name": "f of x"}}),
            vec!["Other f of x"],
        ),
        ("stream_options", json!({"include_usage": true}), vec![]),
        ("audio", json!({"voice": "alloy", "format": "wav"}), vec![]),
        ("reasoning_effort", json!("low"), vec![]),
        ("web_search_options", json!({}), vec!["!Tools"]),
        ("web_search_options", Value::Null, vec![]),
        ("plugins", json!([]), vec![]),
        (
            "plugins",
            json!([{"id": "web"}]),
            vec!["!Tools", "Other web"],
        ),
        ("enable_search", json!(false), vec![]),
        ("enable_search", json!(true), vec!["!Tools"]),
        ("unheard_of", json!({"a": ["b c"]}), vec!["Other b c"]),
        ("un@heard.of", json!(1), vec!["Other un@heard.of"]),
        (
            "unheard_of",
            json!([4111111111111111_u64, 12345, -123456, 0.1234567]),
            vec!["Other 4111111111111111", "Other -123456"],
        ),
        ("seed", json!(4111111111111111_u64), vec![]),
        (
            "tool_choice",
            json!({"type": "function", "function": {"name": "4111111111111111"}}),
            vec!["Other 4111111111111111"],
        ),
    ] {
        assert_eq!(requested(json!({name: value})), wanted, "{name}");
    }
}

#[test]
fn definitions() {
    let parameters = json!({"type": "object", "required": ["name"], "properties": {
        "name": {"type": "string", "description": "a name", "enum": ["Ada", "Alan"]}, "078-05-1120": {"type": "string"}}});
    let tools = json!([
        {"type": "function", "function": {"name": "f", "description": "does f", "parameters": parameters, "strict": true}},
        {"type": "custom", "custom": {"name": "g", "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "a: b"}}}},
        {"type": "web_search"},
        {"google_search": {}},
        {"function": {"name": "h"}},
    ]);
    let wanted = [
        "Definition does f",
        "Definition a name",
        "Definition 078-05-1120",
        "Definition Ada",
        "Definition Alan",
        "Definition a: b",
        "!Tools",
        "!Tools",
    ];
    let mut found = requested(json!({"tools": tools}));
    let mut wanted = wanted.map(str::to_owned).to_vec();
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted);
    let format =
        json!({"type": "json_schema", "json_schema": {"name": "n", "schema": {"title": "of Ada"}}});
    assert_eq!(
        requested(json!({"response_format": format})),
        ["json!", "Definition of Ada"]
    );
    for (format, wanted) in [
        (json!({"type": "json_object"}), vec!["json!"]),
        (json!({"type": "text"}), vec![]),
        (json!(null), vec![]),
    ] {
        assert_eq!(requested(json!({"response_format": format})), wanted);
    }
}

fn chunk(choices: Value) -> Value {
    json!({"id": "chatcmpl-4111111111111111", "object": "chat.completion.chunk", "created": 17,
        "model": "gpt-5.1", "service_tier": "default", "system_fingerprint": "fp_44709d6fcb",
        "obfuscation": "dG9vIGxvbmc", "usage": null, "choices": choices})
}

fn delta(delta: Value) -> (Vec<String>, Ends) {
    event(
        OPENAI,
        &chunk(json!([{"delta": delta, "index": 2, "finish_reason": null}])),
    )
}

#[test]
fn deltas() {
    for (value, wanted) in [
        (json!({"role": "assistant", "content": ""}), vec![]),
        (json!({"content": "hi"}), vec!["2 Text 0 hi"]),
        (
            json!({"content": null, "refusal": "no"}),
            vec!["2 Refusal 0 no"],
        ),
        (
            json!({"reasoning": "a", "reasoning_content": "b", "reasoning_details": [
                {"type": "reasoning.text", "text": "c", "index": 4, "format": "anthropic-claude-v1"},
                {"type": "reasoning.summary", "summary": "d"},
                {"type": "reasoning.encrypted", "data": "gAAAA", "id": "rs_1"}]}),
            vec![
                "2 Reasoning 0 a",
                "2 ReasoningContent 0 b",
                "2 ReasoningText 4 c",
                "2 ReasoningSummary 1 d",
            ],
        ),
        (
            json!({"tool_calls": [{"index": 3, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}]}),
            vec![],
        ),
        (
            json!({"tool_calls": [{"function": {"arguments": "{\"a"}, "index": 3}, {"index": 4, "custom": {"input": "ls"}}]}),
            vec!["2 Arguments 3 json {\"a", "2 CustomInput 4 ls"],
        ),
        (
            json!({"tool_calls": [{"function": {"arguments": "1"}}, {"function": {"arguments": "2"}}]}),
            vec!["2 Arguments 0 json 1", "2 Arguments 1 json 2"],
        ),
        (
            json!({"tool_calls": [{"id": "call_12345678", "function": {"name": "4111111111111111"}}], "name": "078-05-1120"}),
            vec!["own 4111111111111111", "own 078-05-1120"],
        ),
        (
            json!({"new": {"card": 4111111111111111_u64, "n": 12345}}),
            vec!["own 4111111111111111"],
        ),
        (
            json!({"tool_calls": [{"function": {"arguments": {"a": 4111}}}]}),
            vec!["own json {\"a\":4111}"],
        ),
        (
            json!({"function_call": {"name": "f", "arguments": "{}"}}),
            vec!["2 FunctionCall 0 json {}"],
        ),
        (
            json!({"audio": {"id": "audio_1", "data": "AAAA", "transcript": "hello", "expires_at": 1}}),
            vec!["2 Transcript 0 hello"],
        ),
        (
            json!({"annotations": [{"type": "url_citation", "url_citation":
                {"url": "https://example.org", "title": "Of A", "start_index": 0, "end_index": 3}}]}),
            vec!["own https://example.org", "own Of A"],
        ),
        (
            json!({"images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"image_url": {"url": "https://example.org"}}]}),
            vec!["own https://example.org"],
        ),
        (
            json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "hi"}]}),
            vec!["2 Reasoning 0 hm", "2 Text 0 hi"],
        ),
        (json!({"new": {"id": "a b"}}), vec!["own a b"]),
        (
            json!({"id": "a", "role": "not a role"}),
            vec!["own a", "own not a role"],
        ),
    ] {
        let (mut said, ends) = delta(value.clone());
        let mut wanted: Vec<String> = wanted.into_iter().map(str::to_owned).collect();
        said.sort();
        wanted.sort();
        assert_eq!((said, ends), (wanted, Ends::Nothing), "{value}");
    }
}

#[test]
fn what_ends() {
    for (data, wanted) in [
        (
            chunk(json!([{"index": 1, "delta": {}, "finish_reason": "stop"}])),
            Ends::Parts(vec![1]),
        ),
        (
            chunk(json!([{"index": 1, "delta": {}, "finish_reason": ""}])),
            Ends::Nothing,
        ),
        (
            chunk(json!([{"index": 1, "delta": {}, "finish_reason": null}])),
            Ends::Nothing,
        ),
        (
            chunk(json!([{"finish_reason": "stop", "index": 5}, {"finish_reason": "length"}])),
            Ends::Parts(vec![5, 1]),
        ),
        (chunk(json!([])), Ends::Nothing),
        (
            json!({"choices": [], "usage": {"prompt_tokens": 1}}),
            Ends::Nothing,
        ),
        (
            json!({"choices": [{"delta": {}}], "usage": {"prompt_tokens": 1}}),
            Ends::Nothing,
        ),
        (json!({"error": {"message": "too much"}}), Ends::All),
        (json!({"error": null}), Ends::Nothing),
    ] {
        assert_eq!(event(OPENAI, &data).1, wanted, "{data}");
    }
    let done = event_texts(OPENAI, b"[DONE]").unwrap();
    assert_eq!((done.said.len(), done.ends), (0, Ends::All));
    assert!(event_texts(OPENAI, b"[DONE").is_err());
    let error = json!({"error": {"message": "of ada", "code": 429}});
    assert_eq!(event(OPENAI, &error).0, ["own of ada"]);
}

#[test]
fn probabilities_are_to_be_removed() {
    let logprobs =
        json!({"content": [{"token": "Ada", "logprob": -0.1, "bytes": [65], "top_logprobs": []}]});
    let choices = json!([
        {"logprobs": logprobs, "token_ids": [17], "index": 7, "delta": {"content": "Ada"}},
        {"logprobs": null, "index": 8, "message": {"content": "Alan"}}]);
    let data = chunk(choices).to_string();
    let texts = event_texts(OPENAI, data.as_bytes()).unwrap();
    let removed = texts.removed.iter().map(|span| &data[span.start..span.end]);
    let mut removed: Vec<&str> = removed.collect();
    removed.sort_unstable();
    assert_eq!(removed, ["[17]", logprobs.to_string().as_str()]);
    assert_eq!(lines(&texts.said), ["7 Text 0 Ada", "8 Text 0 Alan"]);
    let whole = answer_texts(OPENAI, data.as_bytes()).unwrap();
    assert!(
        whole.logprobs.iter().all(|(choice, _)| *choice == 7),
        "{:?}",
        whole.logprobs
    );
    assert_eq!(whole.logprobs.len(), 2);
}

#[test]
fn whole_answers() {
    let body = json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
        "provider": "Some Cloud", "citations": ["https://example.org"],
        "usage": {"prompt_tokens": 4111111111111111_u64, "cost_details": {"tier": "a"}},
        "choices": [
            {"message": {"role": "assistant", "content": "hi", "refusal": null, "annotations": [],
                "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                    {"id": "call_2", "type": "function", "function": {"name": "f", "arguments": "[]"}}]},
             "finish_reason": "tool_calls", "index": 0, "stop_reason": "a b"},
            {"message": {"content": "ho"}, "finish_reason": "an odd one"}]});
    let wanted = [
        "0 Arguments 0 json {}",
        "0 Arguments 1 json []",
        "0 Text 0 hi",
        "1 Text 0 ho",
        "own Some Cloud",
        "own a b",
        "own an odd one",
        "own https://example.org",
    ];
    let mut said = answered(OPENAI, &body);
    said.sort();
    assert_eq!(said, wanted);
}

fn key(part: u32, kind: ChannelKind, index: u32) -> ChannelKey {
    ChannelKey { part, kind, index }
}

/// The data of the chunks.
fn chunks(data: &Value, rest: &[(ChannelKey, &str)]) -> Vec<Value> {
    let rest: Vec<_> = rest
        .iter()
        .map(|(key, text)| (*key, (*text).to_owned()))
        .collect();
    let events =
        String::from_utf8(rest_events(OPENAI, data.to_string().as_bytes(), &rest)).unwrap();
    let events = events.split_terminator("\n\n");
    let data = events.map(|event| event.strip_prefix("data: ").unwrap());
    data.map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

#[test]
fn the_rest_comes_in_chunks_like_the_last() {
    let mut last = chunk(json!([{"index": 1, "delta": {"content": "x"}, "finish_reason": "stop"}]));
    last["usage"] = json!({"prompt_tokens": 3});
    let rest = [
        (key(1, ChannelKind::Text, 0), "a \"b\""),
        (key(0, ChannelKind::ReasoningContent, 0), "c"),
        (key(1, ChannelKind::Arguments, 2), "}"),
        (key(1, ChannelKind::CustomInput, 3), "ls"),
        (key(1, ChannelKind::Transcript, 0), "d"),
        (key(1, ChannelKind::ReasoningText, 4), "e"),
        (key(1, ChannelKind::ReasoningSummary, 5), "f"),
        (key(1, ChannelKind::Refusal, 0), "g"),
        (key(1, ChannelKind::FunctionCall, 0), "h"),
        (key(1, ChannelKind::Reasoning, 0), "i"),
    ];
    let made = chunks(&last, &rest);
    let head = json!({"id": "chatcmpl-4111111111111111", "object": "chat.completion.chunk", "created": 17,
        "model": "gpt-5.1", "service_tier": "default", "system_fingerprint": "fp_44709d6fcb", "usage": null});
    let wanted = [
        (
            1,
            json!({"content": "a \"b\"", "audio": {"transcript": "d"}, "refusal": "g",
            "function_call": {"arguments": "h"}, "reasoning": "i",
            "tool_calls": [{"index": 2, "function": {"arguments": "}"}}, {"index": 3, "custom": {"input": "ls"}}],
            "reasoning_details": [{"type": "reasoning.text", "text": "e", "index": 4},
                {"type": "reasoning.summary", "summary": "f", "index": 5}]}),
        ),
        (0, json!({"reasoning_content": "c"})),
    ];
    let wanted = wanted.map(|(index, delta)| {
        let mut chunk = head.clone();
        chunk["choices"] =
            json!([{"index": index, "delta": delta, "logprobs": null, "finish_reason": null}]);
        chunk
    });
    assert_eq!(made, wanted);
    // What is written is read as what it was.
    for chunk in made {
        let again: Vec<_> = event(OPENAI, &chunk).0;
        let part = chunk["choices"][0]["index"].to_string();
        for (key, text) in rest.iter().filter(|(key, _)| key.part.to_string() == part) {
            let json = if matches!(key.kind, ChannelKind::Arguments | ChannelKind::FunctionCall) {
                "json "
            } else {
                ""
            };
            let line = format!("{part} {:?} {} {json}{text}", key.kind, key.index);
            assert!(again.contains(&line), "{line}: {again:?}");
        }
    }
}

#[test]
fn the_rest_before_the_end_has_all_that_clients_demand() {
    let rest = [(key(0, ChannelKind::Text, 0), "a".to_owned())];
    let events = rest_events(OPENAI, b"[DONE]", &rest);
    let wanted = concat!(
        r#"data: {"id":"","created":0,"model":"","object":"chat.completion.chunk","#,
        r#""choices":[{"index":0,"delta":{"content":"a"},"logprobs":null,"finish_reason":null}]}"#,
        "\n\n"
    );
    assert_eq!(String::from_utf8(events).unwrap(), wanted);
    assert!(rest_events(OPENAI, b"{}", &[]).is_empty());
}

#[test]
fn a_blocked_answer_keeps_no_more_than_it_may() {
    let body = json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 5, "model": "m",
        "usage": {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}, "note": "secret",
        "choices": [
            {"index": 1, "message": {"content": "secret", "tool_calls": [{"id": "secret"}]}, "finish_reason": "stop"},
            {"index": 0, "message": {"content": "secret"}, "logprobs": {"content": ["secret"]}, "finish_reason": "stop"}]});
    let kept = [
        (1, "so ".to_owned()),
        (1, "much".to_owned()),
        (9, "lost".to_owned()),
    ];
    let blocked: Value =
        serde_json::from_slice(&blocked_answer(OPENAI, body.to_string().as_bytes(), &kept))
            .unwrap();
    let choice = |index: u32, content: &str| {
        json!({"index": index, "message": {"role": "assistant", "content": content, "refusal": null},
            "logprobs": null, "finish_reason": "content_filter"})
    };
    let wanted = json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 5, "model": "m",
        "usage": {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5},
        "choices": [choice(1, "so much"), choice(0, "")]});
    assert_eq!(blocked, wanted);
    let hidden = json!({"usage": {"note": "a secret"}, "choices": []});
    let blocked = blocked_answer(OPENAI, hidden.to_string().as_bytes(), &[]);
    assert!(!String::from_utf8(blocked).unwrap().contains("secret"));
}

#[test]
fn a_head_that_could_be_text_is_not_told_again() {
    let head = json!({"id": "ada@example.org", "created": [1], "model": "4111111111111111",
        "service_tier": "a b", "system_fingerprint": {"a": "b"}, "choices": []});
    let made = chunks(&head, &[(key(0, ChannelKind::Text, 0), "a")]);
    let choice =
        json!([{"index": 0, "delta": {"content": "a"}, "logprobs": null, "finish_reason": null}]);
    let wanted = json!({"id": "", "created": 0, "model": "", "object": "chat.completion.chunk", "choices": choice});
    assert_eq!(made, [wanted]);
    let blocked = blocked_answer(OPENAI, head.to_string().as_bytes(), &[]);
    let blocked: Value = serde_json::from_slice(&blocked).unwrap();
    let wanted =
        json!({"id": "", "created": 0, "model": "", "object": "chat.completion", "choices": []});
    assert_eq!(blocked, wanted);
}

#[test]
fn a_number_that_is_found_becomes_a_string() {
    let body = br#"{"card":4111111111111111}"#;
    let sites = all_texts(body).unwrap();
    let [site] = sites.as_slice() else {
        panic!("{sites:?}");
    };
    assert_eq!(site.value(), "4111111111111111");
    assert_eq!(site.span(), Span { start: 8, end: 24 });
    assert_eq!(site.written("<CARD>".to_owned()), "\"<CARD>\"");
}
