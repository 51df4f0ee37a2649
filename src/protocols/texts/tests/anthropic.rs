use super::*;

const ANTHROPIC: Api = Api::Messages;

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

fn strings(lines: &[&str]) -> Vec<String> {
    sorted(lines.iter().map(|line| (*line).to_owned()).collect())
}

fn block(role: &str, block: Value) -> Vec<String> {
    let body = json!({"model": "claude", "max_tokens": 5, "messages": [{"role": role, "content": [block]}]});
    sorted(found(ANTHROPIC, &body))
}

#[test]
fn blocks_of_requests() {
    for (role, value, wanted) in [
        ("user", json!("bare"), vec!["User bare"]),
        (
            "user",
            json!({"type": "text", "text": "hi", "cache_control": {"type": "ephemeral", "ttl": "1h"}}),
            vec!["User hi"],
        ),
        (
            "assistant",
            json!({"type": "text", "text": "hi", "citations": [{"type": "web_search_result_location", "url": "https://example.org",
                "title": "Of A", "encrypted_index": "AAAA==", "cited_text": "so said"}]}),
            vec![
                "Assistant hi",
                "Assistant https://example.org",
                "Assistant Of A",
                "Assistant so said",
            ],
        ),
        (
            "user",
            json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}),
            vec!["!Media"],
        ),
        (
            "user",
            json!({"type": "image", "source": {"type": "url", "url": "https://example.org/a"}}),
            vec!["!Remote", "Url https://example.org/a"],
        ),
        (
            "user",
            json!({"type": "image", "source": {"type": "file", "file_id": "file_1"}}),
            vec!["!Stored"],
        ),
        (
            "user",
            json!({"type": "container_upload", "file_id": "file_1"}),
            vec!["!Stored"],
        ),
        (
            "user",
            json!({"type": "document", "title": "ada.txt", "context": "of ada", "citations": {"enabled": true},
                "source": {"data": "4111111111111111", "media_type": "text/plain", "type": "text"}}),
            vec![
                "ToolResult ada.txt",
                "ToolResult of ada",
                "ToolResult 4111111111111111",
            ],
        ),
        (
            "user",
            json!({"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "one"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}]}}),
            vec!["ToolResult one", "!Media"],
        ),
        (
            "user",
            json!({"type": "document", "source": {"type": "content", "content": "one"}}),
            vec!["ToolResult one"],
        ),
        (
            "user",
            json!({"type": "document", "source": {"type": "base64", "data": "not base64"}}),
            vec!["!Media", "Other not base64"],
        ),
        (
            "user",
            json!({"type": "search_result", "source": "https://example.org", "title": "Of A", "content": [{"type": "text", "text": "so"}]}),
            vec![
                "Url https://example.org",
                "ToolResult Of A",
                "ToolResult so",
            ],
        ),
        (
            "user",
            json!({"type": "tool_result", "tool_use_id": "toolu_1", "content": "so", "is_error": true}),
            vec!["ToolResult so"],
        ),
        (
            "user",
            json!({"content": [{"type": "text", "text": "so"}, {"type": "document", "source": {"type": "text", "data": "d"}}],
                "tool_use_id": "toolu_1", "type": "tool_result"}),
            vec!["ToolResult so", "ToolResult d"],
        ),
        (
            "assistant",
            json!({"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": [1, "b"]}}),
            vec!["ToolCall json {\"a\":[1,\"b\"]}"],
        ),
        (
            "assistant",
            json!({"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}),
            vec![],
        ),
        (
            "assistant",
            json!({"type": "mcp_tool_use", "id": "mcptoolu_1", "name": "f", "server_name": "s", "input": {"a": 1}}),
            vec!["ToolCall json {\"a\":1}"],
        ),
        (
            "assistant",
            json!({"type": "mcp_tool_result", "tool_use_id": "mcptoolu_1", "is_error": false, "content": [{"type": "text", "text": "so"}]}),
            vec!["ToolResult so"],
        ),
        (
            "assistant",
            json!({"type": "thinking", "thinking": "hm", "signature": "AAAA=="}),
            vec!["Reasoning hm"],
        ),
        (
            "assistant",
            json!({"type": "redacted_thinking", "data": "AAAA=="}),
            vec![],
        ),
        (
            "assistant",
            json!({"type": "redacted_thinking", "data": "ada@example.org"}),
            vec!["Assistant ada@example.org"],
        ),
        (
            "assistant",
            json!({"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [
                {"type": "web_search_result", "url": "https://example.org", "title": "T t", "encrypted_content": "AAAA", "page_age": "1 day"}]}),
            vec![
                "Url https://example.org",
                "ToolResult T t",
                "ToolResult 1 day",
            ],
        ),
        (
            "assistant",
            json!({"type": "code_execution_tool_result", "tool_use_id": "srvtoolu_1", "content": {"type": "code_execution_result",
                "stdout": "out", "stderr": "", "return_code": 0, "content": [{"type": "code_execution_output", "file_id": "file_1"}]}}),
            vec!["ToolResult out", "!Stored"],
        ),
        (
            "user",
            json!({"type": "new", "x": {"y": "z"}, "id": "a b"}),
            vec!["User z", "User a b"],
        ),
    ] {
        assert_eq!(block(role, value.clone()), strings(&wanted), "{value}");
    }
}

#[test]
fn what_stands_beside_messages() {
    for (name, value, wanted) in [
        ("system", json!("be kind"), vec!["System be kind"]),
        (
            "system",
            json!([{"type": "text", "text": "be kind"}]),
            vec!["System be kind"],
        ),
        ("metadata", json!({"user_id": "ada"}), vec!["Other ada"]),
        (
            "stop_sequences",
            json!(["a", "b c"]),
            vec!["Other a", "Other b c"],
        ),
        (
            "thinking",
            json!({"type": "enabled", "budget_tokens": 1024}),
            vec![],
        ),
        ("tool_choice", json!({"type": "tool", "name": "f"}), vec![]),
        ("container", Value::Null, vec![]),
        (
            "container",
            json!("container_1"),
            vec!["!Tools", "Other container_1"],
        ),
        ("mcp_servers", json!([]), vec![]),
        (
            "mcp_servers",
            json!([{"type": "url", "url": "https://example.org", "name": "s", "authorization_token": "sk.a-b_c~d+e/f=",
                "tool_configuration": {"enabled": true, "allowed_tools": ["t"]}}]),
            vec!["!Tools", "Url https://example.org"],
        ),
        (
            "tools",
            json!([
                {"name": "f", "description": "does f", "input_schema": {"type": "object", "properties": {"type": {"type": "string", "description": "a b"}}}},
                {"type": "custom", "name": "g", "input_schema": {"type": "object"}},
                {"type": "bash_20250124", "name": "bash"},
                {"type": "web_search_20250305", "name": "web_search", "user_location": {"type": "approximate", "city": "Ulm"}},
                {"type": "mcp_toolset", "mcp_server_name": "s"}]),
            vec![
                "Definition does f",
                "Definition a b",
                "!Tools",
                "Definition Ulm",
                "!Tools",
                "Definition s",
            ],
        ),
        (
            "output_config",
            json!({"effort": "low", "format": {"type": "json_schema", "schema": {"title": "Of A"}}}),
            vec!["Definition low", "Definition Of A", "json!"],
        ),
        ("unheard_of", json!("a b"), vec!["Other a b"]),
    ] {
        let found = found(ANTHROPIC, &json!({"model": "claude", name: value}));
        assert_eq!(sorted(found), strings(&wanted), "{name}");
    }
}

#[test]
fn blocks_in_blocks_are_known_to_a_depth() {
    let mut block = json!({"type": "document", "source": {"type": "base64", "media_type": "a/b", "data": "AAAA"}});
    for depth in 0..12 {
        let body = json!({"messages": [{"role": "user", "content": [block]}]});
        let found = found(ANTHROPIC, &body);
        assert_eq!(found[0], "!Media", "{depth}");
        assert_eq!(
            found.contains(&"ToolResult AAAA".to_owned()),
            depth >= 6,
            "{depth}"
        );
        block = json!({"type": "tool_result", "content": [block]});
    }
}

#[test]
fn deltas() {
    for (value, wanted) in [
        (
            json!({"type": "text_delta", "text": "hi"}),
            vec!["3 Text 0 hi"],
        ),
        (
            json!({"type": "thinking_delta", "thinking": "hm"}),
            vec!["3 Reasoning 0 hm"],
        ),
        (
            json!({"type": "input_json_delta", "partial_json": "{\"a"}),
            vec!["3 Arguments 0 json {\"a"],
        ),
        (
            json!({"type": "input_json_delta", "partial_json": ""}),
            vec![],
        ),
        (
            json!({"type": "signature_delta", "signature": "AAAA=="}),
            vec![],
        ),
        (
            json!({"type": "compaction_delta", "content": "so far"}),
            vec!["3 Compaction 0 so far"],
        ),
        (
            json!({"type": "citations_delta", "citation": {"type": "char_location", "cited_text": "so said", "document_index": 0,
                "document_title": "T t", "start_char_index": 0, "end_char_index": 7, "file_id": "file_1"}}),
            vec!["own so said", "own T t"],
        ),
        (json!({"type": "new_delta", "new": "a b"}), vec!["own a b"]),
    ] {
        let data = json!({"type": "content_block_delta", "delta": value, "index": 3});
        assert_eq!(event(ANTHROPIC, &data).0, wanted, "{data}");
        assert_eq!(event(ANTHROPIC, &data).1, Ends::Nothing);
    }
}

#[test]
fn blocks_that_begin() {
    for (value, wanted) in [
        (json!({"type": "text", "text": ""}), vec![]),
        (
            json!({"type": "text", "text": "hi", "citations": null}),
            vec!["3 Text 0 hi"],
        ),
        (
            json!({"type": "thinking", "thinking": "hm", "signature": ""}),
            vec!["3 Reasoning 0 hm"],
        ),
        (
            json!({"type": "redacted_thinking", "data": "AAAA=="}),
            vec![],
        ),
        (
            json!({"type": "tool_use", "id": "toolu_01A09q90qw90lq917835lq9", "name": "f", "input": {}}),
            vec![],
        ),
        (
            json!({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "ada"}}),
            vec!["own json {\"query\":\"ada\"}"],
        ),
        (
            json!({"type": "mcp_tool_use", "id": "mcptoolu_1", "name": "f", "server_name": "s", "input": {}}),
            vec![],
        ),
        (
            json!({"type": "mcp_tool_result", "tool_use_id": "mcptoolu_1", "is_error": false, "content": [{"type": "text", "text": "so"}]}),
            vec!["own so"],
        ),
        (
            json!({"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [
                {"type": "web_search_result", "title": "T t", "url": "https://example.org", "encrypted_content": "AAAA", "page_age": null}]}),
            vec!["own T t", "own https://example.org"],
        ),
        (
            json!({"type": "web_search_tool_result", "content": {"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"}}),
            vec![],
        ),
        (
            json!({"type": "web_fetch_tool_result", "content": {"type": "web_fetch_result", "url": "https://example.org",
                "content": {"type": "document", "title": "T t", "source": {"type": "text", "media_type": "text/plain", "data": "ada"}},
                "retrieved_at": "2026-11-23T02:00:00Z"}}),
            vec!["own T t", "own ada", "own https://example.org"],
        ),
        (
            json!({"type": "web_fetch_tool_result", "content": {"content": {"source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}}}}),
            vec![],
        ),
    ] {
        let data = json!({"type": "content_block_start", "index": 3, "content_block": value});
        assert_eq!(
            sorted(event(ANTHROPIC, &data).0),
            strings(&wanted),
            "{data}"
        );
    }
}

#[test]
fn other_events() {
    let usage = json!({"input_tokens": 5, "service_tier": "standard", "server_tool_use": {"web_search_requests": 1}});
    for (data, wanted, ends) in [
        (json!({"type": "ping"}), vec![], Ends::Nothing),
        (
            json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude",
                "content": [{"type": "text", "text": "hi"}], "stop_reason": null, "stop_sequence": null, "usage": usage}}),
            vec!["own hi"],
            Ends::Nothing,
        ),
        (
            json!({"index": 4, "type": "content_block_stop"}),
            vec![],
            Ends::Parts(vec![4]),
        ),
        (
            json!({"type": "message_delta", "delta": {"stop_reason": "stop_sequence", "stop_sequence": "a b",
                "container": {"id": "container_1", "expires_at": "2026-11-23T02:00:00Z"}}, "usage": usage}),
            vec!["own a b"],
            Ends::All,
        ),
        (
            json!({"type": "message_delta", "delta": {"stop_reason": null}, "usage": usage}),
            vec![],
            Ends::Nothing,
        ),
        (
            json!({"type": "message_delta", "delta": {"stop_reason": "refusal", "stop_details": {"type": "refusal", "explanation": "because of"}}}),
            vec!["own because of"],
            Ends::All,
        ),
        (json!({"type": "message_stop"}), vec![], Ends::All),
        (
            json!({"type": "error", "error": {"type": "overloaded_error", "message": "of ada"}, "request_id": "req_1"}),
            vec!["own of ada", "own overloaded_error"],
            Ends::All,
        ),
        (
            json!({"type": "not a type"}),
            vec!["own not a type"],
            Ends::Nothing,
        ),
        (json!(["a b"]), vec!["own a b"], Ends::Nothing),
    ] {
        let (said, ended) = event(ANTHROPIC, &data);
        assert_eq!((sorted(said), ended), (strings(&wanted), ends), "{data}");
    }
    assert!(event_texts(ANTHROPIC, b"[DONE]").is_err());
}

#[test]
fn whole_answers() {
    let body = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "tool_use",
        "stop_sequence": null, "usage": {"input_tokens": 5}, "content": [
            {"type": "thinking", "thinking": "hm", "signature": "AAAA"},
            {"type": "text", "text": "hi", "citations": [{"type": "page_location", "cited_text": "so said", "document_title": null}]},
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"card": 4111111111111111_u64}}]});
    let wanted = [
        "0 Reasoning 0 hm",
        "1 Text 0 hi",
        "own json {\"card\":4111111111111111}",
        "own so said",
    ];
    assert_eq!(sorted(answered(ANTHROPIC, &body)), wanted);
}

#[test]
fn the_rest_comes_in_deltas() {
    let keys = [
        (2, ChannelKind::Text),
        (0, ChannelKind::Reasoning),
        (3, ChannelKind::Arguments),
        (4, ChannelKind::Compaction),
    ];
    let rest = keys.map(|(part, kind)| {
        (
            ChannelKey {
                part,
                kind,
                index: 0,
            },
            "\"a\n".to_owned(),
        )
    });
    let events = String::from_utf8(rest_events(ANTHROPIC, b"{}", &rest)).unwrap();
    let mut events = events.split_terminator("\n\n");
    for (key, text) in rest {
        let data = events
            .next()
            .unwrap()
            .strip_prefix("event: content_block_delta\ndata: ")
            .unwrap();
        let texts = event_texts(ANTHROPIC, data.as_bytes()).unwrap();
        assert_eq!(texts.said[0].channel, Some(key));
        assert_eq!(
            (texts.said[0].text.value().as_ref(), texts.said.len()),
            (text.as_str(), 1)
        );
    }
    assert_eq!(events.next(), None);
}

#[test]
fn a_blocked_answer_keeps_no_more_than_it_may() {
    let body = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "end_turn",
        "usage": {"input_tokens": 5, "output_tokens": 7}, "note": "secret", "content": [{"type": "text", "text": "secret"}]});
    let kept = [
        (0, String::new()),
        (1, "so".to_owned()),
        (2, "much".to_owned()),
    ];
    let blocked: Value = serde_json::from_slice(&blocked_answer(
        ANTHROPIC,
        body.to_string().as_bytes(),
        &kept,
    ))
    .unwrap();
    let wanted = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "refusal",
        "stop_sequence": null, "usage": {"input_tokens": 5, "output_tokens": 7},
        "content": [{"type": "text", "text": "so"}, {"type": "text", "text": "much"}]});
    assert_eq!(blocked, wanted);
    let hidden = json!({"id": "a secret", "usage": {"note": "a secret"}});
    let blocked: Value = serde_json::from_slice(&blocked_answer(
        ANTHROPIC,
        hidden.to_string().as_bytes(),
        &[],
    ))
    .unwrap();
    assert!(!blocked.to_string().contains("secret"));
    assert_eq!(blocked["usage"]["output_tokens"], 0);
}

#[test]
fn a_head_that_could_be_text_is_not_told_again() {
    for (usage, kept) in [
        (
            json!({"input_tokens": 5, "cache_creation": {"ephemeral_5m_input_tokens": 0}, "service_tier": "standard"}),
            true,
        ),
        (json!({"4111111111111111": 1}), false),
        (json!({"note": "ada@example.org"}), false),
    ] {
        let body =
            json!({"id": "ada@example.org", "model": {"a": "b"}, "usage": usage, "content": []});
        let blocked = blocked_answer(ANTHROPIC, body.to_string().as_bytes(), &[]);
        let blocked: Value = serde_json::from_slice(&blocked).unwrap();
        assert_eq!(
            (&blocked["id"], &blocked["model"]),
            (&json!(""), &json!(""))
        );
        assert_eq!(blocked["usage"] == usage, kept, "{blocked}");
    }
}
