use super::*;

const API: Api = Api::Responses;

fn requested(members: Value) -> Vec<String> {
    let mut body = members;
    body["model"] = json!("gpt-5.1");
    let mut found = found(API, &body);
    found.sort();
    found
}

fn sorted(wanted: &[&str]) -> Vec<String> {
    let mut wanted: Vec<String> = wanted.iter().map(|line| (*line).to_owned()).collect();
    wanted.sort();
    wanted
}

#[test]
fn items_of_all_kinds() {
    for (item, wanted) in [
        (json!("bare"), vec!["Other bare"]),
        (
            json!({"role": "user", "content": "of Ada"}),
            vec!["User of Ada"],
        ),
        (
            json!({"content": "be kind", "role": "developer", "type": "message"}),
            vec!["System be kind"],
        ),
        (
            json!({"role": "user", "content": [
                {"type": "input_text", "text": "one"}, "two",
                {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"},
                {"type": "input_image", "image_url": "https://u:p@example.org/a.png"},
                {"type": "input_image", "file_id": "file-abc", "image_url": null},
                {"type": "input_file", "filename": "ada.pdf", "file_data": "data:application/pdf;base64,AAAA"},
                {"type": "input_file", "file_url": "https://example.org/b.pdf"},
                {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
                {"type": "new", "new": {"blob": "data:image/png;base64,AAAA", "note": "three"}}]}),
            vec![
                "User one",
                "User two",
                "!Media",
                "!Remote",
                "Url https://u:p@example.org/a.png",
                "!Stored",
                "FileName ada.pdf",
                "!Media",
                "!Remote",
                "Url https://example.org/b.pdf",
                "!Media",
                "!Media",
                "User three",
            ],
        ),
        (
            json!({"type": "message", "id": "msg_4111111111111111", "role": "assistant", "status": "completed", "content": [
                {"type": "output_text", "text": "hi", "annotations": [{"type": "url_citation", "url": "https://example.org", "title": "T t", "start_index": 1}]},
                {"type": "refusal", "refusal": "no"}]}),
            vec![
                "Assistant hi",
                "Assistant https://example.org",
                "Assistant T t",
                "Assistant no",
            ],
        ),
        (
            json!({"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "mail", "arguments": "{\"to\":1}", "status": "completed"}),
            vec!["ToolCall json {\"to\":1}"],
        ),
        (
            json!({"type": "function_call_output", "call_id": "call_1", "output": "sent"}),
            vec!["ToolResult sent"],
        ),
        (
            json!({"type": "function_call_output", "call_id": "call_1", "output": [
                {"type": "input_text", "text": "seen"}, {"type": "input_image", "image_url": "https://example.org/a.png"}]}),
            vec![
                "ToolResult seen",
                "!Remote",
                "Url https://example.org/a.png",
            ],
        ),
        (
            json!({"type": "custom_tool_call", "call_id": "c", "name": "run", "input": "ls -l"}),
            vec!["ToolCall ls -l"],
        ),
        (
            json!({"type": "custom_tool_call_output", "call_id": "c", "output": "total 0"}),
            vec!["ToolResult total 0"],
        ),
        (
            json!({"type": "reasoning", "id": "rs_1", "encrypted_content": "gAAAA==", "summary": [{"type": "summary_text", "text": "hm"}],
                "content": [{"type": "reasoning_text", "text": "hmm"}]}),
            vec!["Reasoning hm", "Reasoning hmm"],
        ),
        (
            json!({"type": "reasoning", "id": "rs_1", "encrypted_content": "no base64!", "summary": []}),
            vec!["Reasoning no base64!"],
        ),
        (
            json!({"type": "computer_call", "id": "cu_1", "call_id": "c", "action": {"type": "type", "text": "Ada L"},
                "pending_safety_checks": [{"id": "s_1", "code": "x", "message": "be careful"}]}),
            vec!["ToolCall Ada L", "ToolCall x", "ToolCall be careful"],
        ),
        (
            json!({"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot", "image_url": "data:image/png;base64,AAAA"}}),
            vec!["!Media"],
        ),
        (
            json!({"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "iVBORw0KGgo="}),
            vec!["!Media"],
        ),
        (
            json!({"type": "local_shell_call", "call_id": "c", "action": {"type": "exec", "command": ["cat", "ada.txt"], "env": {"KEY": "a b"}}}),
            vec![
                "ToolCall cat",
                "ToolCall ada.txt",
                "ToolCall KEY",
                "ToolCall a b",
            ],
        ),
        (
            json!({"type": "shell_call_output", "call_id": "c", "output": [{"stdout": "of Ada", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}]}),
            vec!["ToolResult of Ada"],
        ),
        (
            json!({"type": "mcp_approval_request", "id": "m", "name": "f", "server_label": "s", "arguments": "{\"a\":1}"}),
            vec!["ToolCall json {\"a\":1}"],
        ),
        (
            json!({"type": "mcp_approval_response", "approval_request_id": "m", "approve": false, "reason": "not Ada"}),
            vec!["Other not Ada"],
        ),
        (
            json!({"type": "mcp_list_tools", "id": "m", "server_label": "s", "tools": [{"name": "f", "description": "does f", "input_schema": {}}]}),
            vec!["ToolResult does f"],
        ),
        (
            json!({"type": "file_search_call", "id": "fs_1", "queries": ["of Ada"], "results": [{"file_id": "file-1", "filename": "a b", "text": "t u", "score": 0.5}]}),
            vec!["ToolCall of Ada", "ToolResult a b", "ToolResult t u"],
        ),
        (
            json!({"type": "code_interpreter_call", "id": "ci_1", "container_id": "cntr_1", "code": "print(1)", "outputs": [{"type": "logs", "logs": "of Ada"}]}),
            vec!["ToolCall print(1)", "ToolResult of Ada"],
        ),
        (
            json!({"type": "unheard_of", "say": {"it": ["so so"]}, "card": 4111111111111111_u64}),
            vec!["Other so so", "Other 4111111111111111"],
        ),
    ] {
        assert_eq!(
            requested(json!({"input": [item]})),
            sorted(&wanted),
            "{item}"
        );
    }
}

#[test]
fn regression_media_in_results_and_actions_are_told() {
    let image = "data:image/png;base64,iVBORw0KGgo=";
    for (item, wanted) in [
        (
            json!({"type": "code_interpreter_call", "outputs": [{"type": "image", "url": image}, {"type": "logs", "logs": "of Ada"}]}),
            vec!["!Media", "ToolResult of Ada"],
        ),
        (
            json!({"type": "mcp_call", "results": [{"image": {"b64_json": "iVBORw0KGgo="}}], "output": "of Ada"}),
            vec!["!Media", "ToolResult of Ada"],
        ),
        (
            json!({"type": "file_search_call", "results": [{"filename": "f", "attributes": {"picture": [image]}}]}),
            vec!["!Media", "ToolResult f"],
        ),
        (
            json!({"type": "local_shell_call", "action": {"env": {"x": image}, "image_url": image}}),
            vec!["!Media", "!Media"],
        ),
        // An address that the provider has looked at is a text.
        (
            json!({"type": "web_search_call", "action": {"type": "open_page", "url": "https://example.org/a"}}),
            vec!["ToolCall https://example.org/a"],
        ),
    ] {
        assert_eq!(
            requested(json!({"input": [item]})),
            sorted(&wanted),
            "{item}"
        );
    }
}

#[test]
fn what_stands_beside_items() {
    for (name, value, wanted) in [
        ("input", json!("of Ada"), vec!["User of Ada"]),
        ("instructions", json!("be kind"), vec!["System be kind"]),
        (
            "previous_input_messages",
            json!([{"role": "system", "content": [{"type": "text", "text": "be kind"}]}]),
            vec!["System be kind"],
        ),
        (
            "metadata",
            json!({"note to": "of Ada"}),
            vec!["Other note to", "Other of Ada"],
        ),
        (
            "user",
            json!("ada@example.org"),
            vec!["Other ada@example.org"],
        ),
        ("safety_identifier", json!("a b"), vec!["Other a b"]),
        ("prompt_cache_key", json!("a b"), vec!["Other a b"]),
        ("include", json!(["reasoning.encrypted_content"]), vec![]),
        ("include", json!(["a b"]), vec!["Other a b"]),
        (
            "reasoning",
            json!({"effort": "low", "summary": "auto"}),
            vec![],
        ),
        (
            "tool_choice",
            json!({"type": "function", "name": "f"}),
            vec![],
        ),
        ("max_output_tokens", json!(1234567), vec![]),
        ("store", json!(false), vec![]),
        (
            "text",
            json!({"verbosity": "low", "format": {"type": "json_schema", "name": "n", "schema": {"title": "of Ada"}}}),
            vec!["json!", "Definition low", "Definition of Ada"],
        ),
        (
            "text",
            json!({"format": {"type": "json_object"}}),
            vec!["json!"],
        ),
        ("text", json!({"format": {"type": "text"}}), vec![]),
        ("text", json!(null), vec![]),
        (
            "tools",
            json!([{"type": "function", "name": "f", "description": "does f", "strict": true, "parameters": {"type": "object", "properties": {"a": {"enum": ["Ada"]}}}}]),
            vec!["Definition does f", "Definition Ada"],
        ),
        (
            "tools",
            json!([{"type": "custom", "name": "g", "format": {"type": "grammar", "syntax": "lark", "definition": "a: b"}}]),
            vec!["Definition a: b"],
        ),
        (
            "tools",
            json!([{"type": "namespace", "name": "n", "description": "of n", "tools": [{"type": "function", "name": "f", "description": "does f"}, {"type": "web_search"}]}]),
            vec!["Definition of n", "Definition does f", "!Tools"],
        ),
        ("tools", json!([{"type": "local_shell"}]), vec![]),
        ("tools", json!([{"type": "web_search"}]), vec!["!Tools"]),
        (
            "tools",
            json!([{"type": "file_search", "vector_store_ids": ["vs_4111111111111111"]}]),
            vec!["!Tools"],
        ),
        (
            "tools",
            json!([{"type": "code_interpreter", "container": "auto it"}]),
            vec!["!Tools", "Definition auto it"],
        ),
        (
            "tools",
            json!([{"type": "image_generation"}]),
            vec!["!Tools"],
        ),
        (
            "tools",
            json!([{"type": "computer_use_preview"}]),
            vec!["!Tools"],
        ),
        ("tools", json!([{"type": "shell"}]), vec!["!Tools"]),
        (
            "tools",
            json!([{"type": "mcp", "server_label": "s s", "server_url": "https://example.org", "authorization": "abc.def"}]),
            vec!["!Tools", "Definition s s", "Url https://example.org"],
        ),
        ("tools", json!([{"google_search": {}}]), vec!["!Tools"]),
        ("unheard_of", json!({"a": ["b c"]}), vec!["Other b c"]),
    ] {
        assert_eq!(
            requested(json!({name: value})),
            sorted(&wanted),
            "{name}: {value}"
        );
    }
}

/// An event about the item 2, content 3.
fn told(name: &str, members: Value) -> Value {
    let mut event = json!({"type": name, "sequence_number": 4111111, "item_id": "msg_4111111111111111",
        "output_index": 2, "obfuscation": "dG9vIGxvbmc"});
    for (key, value) in members.as_object().unwrap() {
        event[key] = value.clone();
    }
    event
}

/// The texts of an event, those that are said again marked by `again`, and what ends.
fn heard(data: &Value) -> (Vec<String>, Ends) {
    let text = data.to_string();
    let texts = event_texts(API, text.as_bytes()).unwrap();
    let lines = lines(&texts.said).into_iter().zip(&texts.said);
    let mark = |(line, said): (String, &Said<'_>)| match (said.repeated, said.echo) {
        (true, _) => format!("again {line}"),
        (_, true) => format!("echo {line}"),
        _ => line,
    };
    let mut lines: Vec<String> = lines.map(mark).collect();
    lines.sort();
    (lines, texts.ends)
}

fn key(kind: ChannelKind, index: u32) -> ChannelKey {
    ChannelKey {
        part: 2,
        kind,
        index,
    }
}

#[test]
fn pieces_and_their_ends() {
    for (event, index, whole, kind) in [
        (
            "response.output_text",
            "content_index",
            "text",
            ChannelKind::Text,
        ),
        (
            "response.refusal",
            "content_index",
            "refusal",
            ChannelKind::Refusal,
        ),
        (
            "response.reasoning_text",
            "content_index",
            "text",
            ChannelKind::Reasoning,
        ),
        (
            "response.reasoning_summary_text",
            "summary_index",
            "text",
            ChannelKind::ReasoningSummary,
        ),
        (
            "response.function_call_arguments",
            "",
            "arguments",
            ChannelKind::Arguments,
        ),
        (
            "response.mcp_call_arguments",
            "",
            "arguments",
            ChannelKind::McpArguments,
        ),
        (
            "response.custom_tool_call_input",
            "",
            "input",
            ChannelKind::CustomInput,
        ),
        (
            "response.code_interpreter_call_code",
            "",
            "code",
            ChannelKind::Code,
        ),
        (
            "response.shell_call_command",
            "command_index",
            "command",
            ChannelKind::Command,
        ),
        (
            "response.apply_patch_call_operation_diff",
            "",
            "diff",
            ChannelKind::Patch,
        ),
        (
            "response.audio.transcript",
            "",
            "transcript",
            ChannelKind::Transcript,
        ),
    ] {
        let place = u32::from(!index.is_empty()) * 3;
        let json = if event.ends_with("arguments") {
            "json "
        } else {
            ""
        };
        let line = format!("2 {kind:?} {place} {json}of Ada");
        let of = |what: &str, member: &str| {
            let mut data = told(&format!("{event}.{what}"), json!({member: "of Ada"}));
            if !index.is_empty() {
                data[index] = json!(3);
            }
            data
        };
        assert_eq!(
            heard(&of("delta", "delta")),
            (vec![line.clone()], Ends::Nothing),
            "{event}"
        );
        let ends = Ends::Channels(vec![key(kind, place)]);
        assert_eq!(
            heard(&of("done", whole)),
            (vec![format!("again {line}")], ends),
            "{event}"
        );
        // What is written is read as what it was.
        let rest = [(key(kind, place), "of Ada".to_owned())];
        let data = of("done", whole).to_string();
        let events = String::from_utf8(rest_events(API, data.as_bytes(), &rest)).unwrap();
        let (_, made) = events.trim_end().split_once("\ndata: ").unwrap();
        let made: Value = serde_json::from_str(made).unwrap();
        assert_eq!(heard(&made), (vec![line], Ends::Nothing), "{event}");
    }
}

#[test]
fn other_events() {
    let message = json!({"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [
        {"type": "output_text", "text": "a", "annotations": [{"type": "url_citation", "title": "T t", "url": "https://example.org"}]},
        {"type": "refusal", "refusal": "b"}]});
    let reasoning = json!({"id": "rs_1", "type": "reasoning", "encrypted_content": "gAAA",
        "summary": [{"type": "summary_text", "text": "c"}], "content": [{"type": "reasoning_text", "text": "d"}]});
    let part = json!({"type": "output_text", "text": "a", "annotations": [], "logprobs": []});
    let contents = |index| {
        Ends::Channels(
            [
                ChannelKind::Text,
                ChannelKind::Refusal,
                ChannelKind::Reasoning,
                ChannelKind::ReasoningSummary,
            ]
            .map(|kind| key(kind, index))
            .to_vec(),
        )
    };
    let item = Ends::Parts(vec![2]);
    for (data, wanted, ends) in [
        (
            told("response.output_item.added", json!({"item": message})),
            vec![
                "2 Text 0 a",
                "2 Refusal 1 b",
                "own T t",
                "own https://example.org",
            ],
            Ends::Nothing,
        ),
        (
            told("response.output_item.done", json!({"item": message})),
            vec![
                "again 2 Text 0 a",
                "again 2 Refusal 1 b",
                "own T t",
                "own https://example.org",
            ],
            item.clone(),
        ),
        (
            told("response.output_item.done", json!({"item": reasoning})),
            vec!["again 2 ReasoningSummary 0 c", "again 2 Reasoning 0 d"],
            item.clone(),
        ),
        (
            told(
                "response.content_part.added",
                json!({"content_index": 3, "part": part}),
            ),
            vec!["2 Text 3 a"],
            Ends::Nothing,
        ),
        (
            told(
                "response.content_part.done",
                json!({"content_index": 3, "part": part}),
            ),
            vec!["again 2 Text 3 a"],
            contents(3),
        ),
        (
            told(
                "response.reasoning_summary_part.done",
                json!({"summary_index": 1, "part": {"type": "summary_text", "text": "s"}}),
            ),
            vec!["again 2 ReasoningSummary 1 s"],
            contents(1),
        ),
        (
            told(
                "response.output_text.annotation.added",
                json!({"content_index": 3, "annotation_index": 0, "annotation": {"type": "file_citation", "file_id": "file-1", "filename": "of Ada", "index": 0}}),
            ),
            vec!["own of Ada"],
            Ends::Nothing,
        ),
        (
            told(
                "response.image_generation_call.partial_image",
                json!({"partial_image_b64": "AAAA", "partial_image_index": 0, "size": "1024x1024"}),
            ),
            vec![],
            Ends::Nothing,
        ),
        (
            told("response.audio.delta", json!({"delta": "AAAA"})),
            vec![],
            Ends::Nothing,
        ),
        (
            told("response.audio.delta", json!({"delta": "of Ada"})),
            vec!["own of Ada"],
            Ends::Nothing,
        ),
        (
            told("response.web_search_call.searching", json!({})),
            vec![],
            Ends::Nothing,
        ),
        (
            told(
                "response.shell_call_output_content.delta",
                json!({"command_index": 1, "delta": {"stdout": "a", "stderr": "b"}}),
            ),
            vec!["2 Output 1 a", "2 Errors 1 b"],
            Ends::Nothing,
        ),
        (
            told(
                "response.shell_call_output_content.done",
                json!({"command_index": 1, "output": [{"stdout": "a b", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}]}),
            ),
            vec!["own a b"],
            Ends::Channels(vec![
                key(ChannelKind::Output, 1),
                key(ChannelKind::Errors, 1),
            ]),
        ),
        (
            json!({"type": "error", "code": "a_code", "message": "of Ada", "param": null, "sequence_number": 3}),
            vec!["own of Ada"],
            Ends::All,
        ),
        (
            json!({"error": {"message": "of Ada"}}),
            vec!["own of Ada"],
            Ends::All,
        ),
        (
            told(
                "response.something.new",
                json!({"say": "so so", "error": null}),
            ),
            vec!["own so so"],
            Ends::Nothing,
        ),
        (
            json!({"type": "response.something.delta", "delta": null}),
            vec![],
            Ends::Nothing,
        ),
    ] {
        assert_eq!(heard(&data), (sorted(&wanted), ends), "{data}");
    }
    assert_eq!(event_texts(API, b"[DONE]").unwrap().ends, Ends::All);
}

#[test]
fn calls_of_tools() {
    for (item, wanted) in [
        (
            json!({"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{\"a\":1}"}),
            vec!["0 Arguments 0 json {\"a\":1}"],
        ),
        (
            json!({"type": "custom_tool_call", "id": "ct_1", "call_id": "c", "name": "f", "input": "ls -l"}),
            vec!["0 CustomInput 0 ls -l"],
        ),
        (
            json!({"type": "mcp_call", "id": "m", "name": "f", "server_label": "s", "arguments": "{}", "output": "of Ada", "error": {"message": "a b"}}),
            vec!["0 McpArguments 0 json {}", "own of Ada", "own a b"],
        ),
        (
            json!({"type": "mcp_approval_request", "id": "m", "name": "f", "server_label": "s", "arguments": "{}"}),
            vec!["own json {}"],
        ),
        (
            json!({"type": "mcp_list_tools", "id": "m", "server_label": "s", "tools": [{"name": "f", "description": "does f"}]}),
            vec!["own does f"],
        ),
        (
            json!({"type": "web_search_call", "id": "w", "status": "completed", "action": {"type": "search", "query": "of Ada", "sources": [{"type": "url", "url": "https://example.org"}]}}),
            vec!["own of Ada", "own https://example.org"],
        ),
        (
            json!({"type": "file_search_call", "id": "f", "queries": ["of Ada"], "results": [{"file_id": "file-1", "filename": "a b", "text": "t u", "attributes": {"year of": "y z"}, "score": 0.1234567}]}),
            vec!["own of Ada", "own a b", "own t u", "own year of", "own y z"],
        ),
        (
            json!({"type": "code_interpreter_call", "id": "ci", "container_id": "cntr_1", "code": "print(1)", "outputs": [{"type": "logs", "logs": "of Ada"}, {"type": "image", "url": "https://example.org/a.png"}]}),
            vec![
                "0 Code 0 print(1)",
                "own of Ada",
                "own https://example.org/a.png",
            ],
        ),
        (
            json!({"type": "shell_call", "id": "s", "call_id": "c", "action": {"commands": ["ls -l", "cat a"], "timeout_ms": 1234567}}),
            vec!["0 Command 0 ls -l", "0 Command 1 cat a"],
        ),
        (
            json!({"type": "apply_patch_call", "id": "a", "call_id": "c", "operation": {"type": "update_file", "path": "of/Ada b", "diff": "+a"}}),
            vec!["0 Patch 0 +a", "own of/Ada b"],
        ),
        (
            json!({"type": "computer_call", "id": "cu", "call_id": "c", "action": {"type": "type", "text": "of Ada"}}),
            vec!["own of Ada"],
        ),
        (
            json!({"type": "image_generation_call", "id": "ig", "status": "completed", "result": "AAAA", "revised_prompt": "of Ada"}),
            vec!["own of Ada"],
        ),
        (
            json!({"type": "compaction", "id": "cmp", "encrypted_content": "AAAA"}),
            vec![],
        ),
        (
            json!({"type": "program_output", "id": "p", "call_id": "c", "result": "abcd"}),
            vec!["own abcd"],
        ),
        (
            json!({"type": "unheard_of", "say": {"id": "a b", "card": 4111111111111111_u64}}),
            vec!["own a b", "own 4111111111111111"],
        ),
        (json!("bare"), vec!["own bare"]),
    ] {
        let mut said = answered(API, &json!({"output": [item]}));
        said.sort();
        assert_eq!(said, sorted(&wanted), "{item}");
    }
}

fn response() -> Value {
    json!({"id": "resp_4111111111111111", "object": "response", "created_at": 1741476777, "status": "completed",
        "completed_at": 1741476778, "background": false, "error": null, "incomplete_details": null,
        "instructions": "be kind", "max_output_tokens": 1234567, "max_tool_calls": null, "model": "gpt-5.1",
        "output": [
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}, {"type": "summary_text", "text": "hmm"}]},
            {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [
                {"type": "output_text", "text": "one", "annotations": [], "logprobs": [{"token": "one", "logprob": -0.1, "bytes": [1], "top_logprobs": []}]},
                {"type": "output_text", "text": "two", "annotations": [], "logprobs": []}]}],
        "parallel_tool_calls": true, "previous_response_id": null, "prompt_cache_key": "a b", "reasoning": {"effort": "low", "summary": null},
        "safety_identifier": null, "service_tier": "default", "store": false, "temperature": 1.0,
        "text": {"format": {"type": "text"}}, "tool_choice": "auto",
        "tools": [{"type": "function", "name": "f", "description": "does f", "parameters": {}}],
        "top_logprobs": 0, "top_p": 1.0, "truncation": "disabled", "user": null, "metadata": {"of": "Ada L"},
        "usage": {"input_tokens": 1234567, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 2, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 3}})
}

const SAID: [&str; 4] = [
    "0 ReasoningSummary 0 hm",
    "0 ReasoningSummary 1 hmm",
    "1 Text 0 one",
    "1 Text 1 two",
];

const ECHOES: [&str; 9] = [
    "echo own be kind",
    "echo own a b",
    "echo own text",
    "echo own auto",
    "echo own function",
    "echo own f",
    "echo own does f",
    "echo own Ada L",
    "",
];

#[test]
fn whole_responses() {
    let body = response().to_string();
    let texts = answer_texts(API, body.as_bytes()).unwrap();
    let said: Vec<_> = texts
        .said
        .iter()
        .filter(|said| !said.echo)
        .copied()
        .collect();
    let mut said = lines(&said);
    said.sort();
    assert_eq!(said, SAID);
    assert!(texts.said.iter().all(|said| !said.repeated));
    let [(part, span)] = texts.logprobs.try_into().unwrap();
    assert_eq!(part, 1);
    assert!(body[span.start..span.end].starts_with(r#"[{"#));
    assert!(body[span.start..span.end].contains(r#""token":"one""#));
    assert_eq!(emptied(API), "[]");
    for (name, ends) in [
        ("response.created", Ends::Nothing),
        ("response.in_progress", Ends::Nothing),
        ("response.completed", Ends::All),
        ("response.incomplete", Ends::All),
        ("response.failed", Ends::All),
    ] {
        let event = json!({"type": name, "sequence_number": 1, "response": response()});
        let again = SAID.map(|line| format!("again {line}"));
        let mut wanted: Vec<String> = ECHOES
            .iter()
            .filter(|line| !line.is_empty())
            .map(|line| (*line).to_owned())
            .collect();
        wanted.extend(again);
        wanted.sort();
        assert_eq!(heard(&event), (wanted, ends), "{name}");
    }
    let failed = json!({"id": "resp_1", "status": "failed", "error": {"code": "server_error", "message": "of Ada"}, "output": []});
    assert_eq!(answered(API, &failed), ["own server_error", "own of Ada"]);
    let hostile = json!({"id": "of Ada", "status": "no status", "model": "4111111111111111", "unheard_of": "so so"});
    let mut said = answered(API, &hostile);
    said.sort();
    assert_eq!(
        said,
        sorted(&[
            "own of Ada",
            "own no status",
            "own 4111111111111111",
            "own so so"
        ])
    );
}

#[test]
fn probabilities_are_to_be_removed() {
    let logprobs = json!([{"token": "Ada", "logprob": -0.1, "top_logprobs": []}]);
    let part = json!({"type": "output_text", "text": "Ada", "logprobs": logprobs});
    for event in [
        told(
            "response.output_text.delta",
            json!({"delta": "Ada", "logprobs": logprobs}),
        ),
        told(
            "response.output_text.done",
            json!({"text": "Ada", "logprobs": logprobs}),
        ),
        told("response.content_part.done", json!({"part": part})),
        told(
            "response.output_item.done",
            json!({"item": {"type": "message", "content": [part]}}),
        ),
        told(
            "response.completed",
            json!({"response": {"output": [{"type": "message", "content": [part]}]}}),
        ),
    ] {
        let data = event.to_string();
        let texts = event_texts(API, data.as_bytes()).unwrap();
        let [span] = texts.removed.try_into().unwrap();
        assert_eq!(data[span.start..span.end], logprobs.to_string());
        assert_eq!(texts.said.len(), 1, "{event}");
    }
    let data = told(
        "response.output_text.delta",
        json!({"delta": "Ada", "logprobs": [ ]}),
    )
    .to_string();
    assert!(
        event_texts(API, data.as_bytes())
            .unwrap()
            .removed
            .is_empty()
    );
}

#[test]
fn what_clients_could_join_in_another_way_is_no_event() {
    for text in [
        r#"{"type":"response.something.new.delta","delta":"a"}"#,
        r#"{"type":"response.something.new.delta","delta":{"a":"b"}}"#,
        r#"{"type":"other","delta":"a"}"#,
        r#"{"delta":"a"}"#,
        r#"{"type":"response.output_text.delta","delta":["a"]}"#,
        r#"{"type":"response.output_text.delta","delta":{"stdout":"a"}}"#,
        r#"{"type":"response.shell_call_output_content.delta","delta":"a"}"#,
        r#"{"type":"response.output_text.delta","output_index":"0","delta":"a"}"#,
        r#"{"type":"response.output_text.delta","output_index":1.0,"delta":"a"}"#,
        r#"{"type":"response.output_text.delta","content_index":-1,"delta":"a"}"#,
        r#"{"type":"response.output_text.delta","content_index":1,"content_index":2,"delta":"a"}"#,
        r#"{"type":"response.output_text.delta","delta":"a","delta":"b"}"#,
        r#"{"type":"response.output_text.delta","type":"other","delta":"a"}"#,
        "[DONE",
    ] {
        assert!(event_texts(API, text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn a_blocked_answer_keeps_no_more_than_it_may() {
    let mut body = response();
    body["note"] = json!("secret");
    let kept = [
        (1, "so ".to_owned()),
        (1, "much".to_owned()),
        (0, String::new()),
        (9, "more".to_owned()),
    ];
    let blocked = blocked_answer(API, body.to_string().as_bytes(), &kept);
    let blocked: Value = serde_json::from_slice(&blocked).unwrap();
    let message = |id: &str, text: &str| {
        json!({"id": id, "type": "message", "status": "incomplete", "role": "assistant",
            "content": [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]})
    };
    let wanted = json!({"id": "resp_4111111111111111", "object": "response", "created_at": 1741476777,
        "status": "incomplete", "error": null, "incomplete_details": {"reason": "content_filter"},
        "instructions": null, "metadata": {}, "model": "gpt-5.1", "output": [message("msg_1", "so much"), message("", "more")],
        "parallel_tool_calls": true, "temperature": null, "tool_choice": "auto", "tools": [], "top_p": null,
        "usage": body["usage"]});
    assert_eq!(blocked, wanted);
    let hostile = json!({"id": "of Ada", "created_at": "Ada L", "model": ["Ada L"], "usage": {"a": "Ada L"},
        "output": [{"id": "Ada L"}]});
    let blocked = blocked_answer(API, hostile.to_string().as_bytes(), &[(0, "x".to_owned())]);
    let text = String::from_utf8(blocked).unwrap();
    assert!(!text.contains("Ada"), "{text}");
    let blocked: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(blocked["usage"], Value::Null);
    assert_eq!(blocked["output"], json!([message("", "x")]));
    assert!(serde_json::from_slice::<Value>(&blocked_answer(API, b"{", &[])).is_ok());
}

#[test]
fn items_may_be_told_by_their_ids_alone() {
    let of = |name: &str, members: Value| {
        let mut event = members;
        event["type"] = json!(name);
        let data = event.to_string();
        let texts = event_texts(API, data.as_bytes()).unwrap();
        let key = texts.said.first().and_then(|said| said.channel);
        (key.map(|key| key.part), texts.ends)
    };
    let (one, _) = of(
        "response.function_call_arguments.delta",
        json!({"item_id": "fc_1", "delta": "a"}),
    );
    let (two, _) = of(
        "response.function_call_arguments.delta",
        json!({"item_id": "fc_2", "delta": "a"}),
    );
    assert!(one.is_some() && two.is_some() && one != two);
    for item in [json!({"id": "fc_1"}), json!({"call_id": "fc_1"})] {
        let (_, ends) = of("response.output_item.done", json!({"item": item}));
        assert_eq!(ends, Ends::Parts(vec![one.unwrap()]));
    }
    let whole = json!({"item_id": "fc_2", "arguments": "a"});
    let (again, ends) = of("response.function_call_arguments.done", whole);
    let key = ChannelKey {
        part: two.unwrap(),
        kind: ChannelKind::Arguments,
        index: 0,
    };
    assert_eq!((again, ends), (two, Ends::Channels(vec![key])));
    // Nothing tells which: there is one.
    assert_eq!(
        of("response.output_text.delta", json!({"delta": "a"})).0,
        Some(0)
    );
}
