use super::*;
use proptest::prelude::*;
use serde_json::json;

fn chunk(delta: &Json, finish: &Json) -> Json {
    json!({"id": "chatcmpl-9", "object": "chat.completion.chunk", "created": 1, "model": "gpt",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
}

fn call_chunk(call: &Json) -> Json {
    chunk(&json!({"tool_calls": [call]}), &Json::Null)
}

#[test]
fn openai_to_anthropic_event_by_event() {
    let begin = |index: u64, id: &str, name: &str| {
        call_chunk(
            &json!({"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": ""}}),
        )
    };
    let more = |index: u64, text: &str| {
        call_chunk(&json!({"index": index, "function": {"arguments": text}}))
    };
    let (out, ended) = streamed(
        OpenAi,
        Anthropic,
        &[
            // Azure begins with a chunk about the prompt.
            json!({"id": "", "choices": [], "prompt_filter_results": []}),
            chunk(
                &json!({"role": "assistant", "content": "", "refusal": null}),
                &Json::Null,
            ),
            chunk(&json!({"content": "Let me\n"}), &Json::Null),
            chunk(&json!({"content": "look."}), &Json::Null),
            begin(0, "call_a", "f"),
            more(0, "{\"x\":"),
            more(0, "\"}\\\"\"}"),
            begin(1, "call_b", "g"),
            more(1, "{}"),
            chunk(&json!({}), &json!("tool_calls")),
            json!({"id": "chatcmpl-9", "choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 5,
            "prompt_tokens_details": {"cached_tokens": 2}}}),
            json!("[DONE]"),
        ],
    );
    assert!(ended);
    let told: Vec<Json> = events(&out)
        .iter()
        .map(|(name, data)| {
            let data: Json = serde_json::from_str(data).unwrap();
            assert_eq!(data["type"], name.as_str());
            data
        })
        .collect();
    let delta = |index: u64, delta: Json| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let stop = |index: u64| json!({"type": "content_block_stop", "index": index});
    let start = |index: u64, block: Json| json!({"type": "content_block_start", "index": index, "content_block": block});
    let input = |index: u64, text: &str| {
        delta(
            index,
            json!({"type": "input_json_delta", "partial_json": text}),
        )
    };
    assert_eq!(
        told,
        [
            json!({"type": "message_start", "message": {"id": "msg_9", "type": "message", "role": "assistant",
            "model": "smart", "content": [], "stop_reason": null, "stop_sequence": null,
            "usage": {"input_tokens": 0, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 0}}}),
            start(0, json!({"type": "text", "text": ""})),
            delta(0, json!({"type": "text_delta", "text": "Let me\n"})),
            delta(0, json!({"type": "text_delta", "text": "look."})),
            stop(0),
            start(
                1,
                json!({"type": "tool_use", "id": "call_a", "name": "f", "input": {}})
            ),
            input(1, "{\"x\":"),
            input(1, "\"}\\\"\"}"),
            stop(1),
            start(
                2,
                json!({"type": "tool_use", "id": "call_b", "name": "g", "input": {}})
            ),
            input(2, "{}"),
            stop(2),
            json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null},
            "usage": {"input_tokens": 10, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 2, "output_tokens": 5}}),
            json!({"type": "message_stop"}),
        ]
    );
}

#[test]
fn anthropic_to_openai_event_by_event() {
    let (out, ended) = streamed(
        Anthropic,
        OpenAi,
        &[
            json!({"type": "message_start", "message": {"id": "msg_9", "usage": {"input_tokens": 10,
            "cache_read_input_tokens": 5, "cache_creation_input_tokens": 1, "output_tokens": 1}}}),
            json!({"type": "ping"}),
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm"}}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "s"}}),
            json!({"type": "content_block_stop", "index": 0}),
            json!({"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}}),
            json!({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": ""}}),
            json!({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{\"a\""}}),
            json!({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": ":1}"}}),
            json!({"type": "content_block_stop", "index": 1}),
            json!({"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "id": "toolu_2", "name": "g", "input": {}}}),
            json!({"type": "content_block_stop", "index": 2}),
            json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 30}}),
            json!({"type": "message_stop"}),
        ],
    );
    assert!(ended);
    let told = events(&out);
    assert_eq!(told.last().unwrap().1, "[DONE]");
    let chunks: Vec<Json> = told
        .iter()
        .rev()
        .skip(1)
        .rev()
        .map(|(_, data)| serde_json::from_str(data).unwrap())
        .collect();
    let deltas: Vec<Json> = chunks
        .iter()
        .map(|chunk| chunk["choices"][0]["delta"].clone())
        .collect();
    let more = |index: u64, text: &str| json!({"tool_calls": [{"index": index, "function": {"arguments": text}}]});
    let begin = |index: u64, id: &str, name: &str| {
        json!({"tool_calls": [{"index": index, "id": id, "type": "function",
        "function": {"name": name, "arguments": ""}}]})
    };
    assert_eq!(
        deltas,
        [
            json!({"role": "assistant", "content": "", "refusal": null}),
            json!({"reasoning_content": "Hm"}),
            begin(0, "toolu_1", "f"),
            more(0, "{\"a\""),
            more(0, ":1}"),
            begin(1, "toolu_2", "g"),
            more(1, "{}"),
            json!({}),
            Json::Null,
        ]
    );
    assert_eq!(chunks[7]["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(
        chunks[8],
        json!({"id": "chatcmpl-9", "object": "chat.completion.chunk", "created": 1_700_000_000,
        "model": "smart", "choices": [], "usage": {"prompt_tokens": 16, "completion_tokens": 30, "total_tokens": 46,
        "prompt_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 1}}})
    );
}

#[test]
fn calls_that_come_side_by_side_are_told_one_after_the_other() {
    let both = |a: &str, b: &str| {
        chunk(
            &json!({"tool_calls": [
        {"index": 0, "function": {"arguments": a}}, {"index": 1, "function": {"arguments": b}}]}),
            &Json::Null,
        )
    };
    let (out, ended) = streamed(
        OpenAi,
        Anthropic,
        &[
            chunk(
                &json!({"tool_calls": [
            {"index": 0, "id": "a", "function": {"name": "f"}}, {"index": 1, "id": "b", "function": {"name": "g"}}]}),
                &Json::Null,
            ),
            both("{\"x\"", "{\"y\""),
            chunk(&json!({"content": "So."}), &Json::Null),
            both(":1}", ":[2]}"),
            chunk(&json!({}), &json!("tool_calls")),
            json!("[DONE]"),
        ],
    );
    assert!(ended);
    assert_eq!(
        assembled(Anthropic, &out)["content"],
        json!([
            {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
            {"type": "tool_use", "id": "b", "name": "g", "input": {"y": [2]}},
            {"type": "text", "text": "So."},
        ])
    );
}

#[test]
fn lax_servers_are_understood() {
    // No index; the same index for all; id and name in every chunk; the name late.
    let streams = [
        vec![
            json!({"id": "a", "function": {"name": "f", "arguments": "{}"}}),
            json!({"id": "b", "function": {"name": "g", "arguments": "{}"}}),
        ],
        vec![
            json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}),
            json!({"index": 0, "id": "b", "function": {"name": "g", "arguments": "{}"}}),
        ],
        vec![
            json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": "{"}}),
            json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": "}"}}),
            json!({"index": 1, "id": "b", "function": {"name": "g", "arguments": {}}}),
        ],
        vec![
            json!({"index": 5, "id": "a", "function": {"arguments": "{"}}),
            json!({"index": 5, "function": {"name": "f", "arguments": "}"}}),
            json!({"index": 7, "id": "b", "function": {"name": "g"}}),
        ],
    ];
    for calls in streams {
        let mut data: Vec<Json> = calls.iter().map(call_chunk).collect();
        data.push(chunk(&json!({}), &json!("stop")));
        data.push(json!("[DONE]"));
        let (out, ended) = streamed(OpenAi, Anthropic, &data);
        assert!(ended);
        let told = assembled(Anthropic, &out);
        assert_eq!(
            told["content"],
            json!([
                {"type": "tool_use", "id": "a", "name": "f", "input": {}},
                {"type": "tool_use", "id": "b", "name": "g", "input": {}},
            ]),
            "{calls:?}"
        );
        assert_eq!(told["stop_reason"], "tool_use");
    }
}

#[test]
fn a_call_without_a_name_is_not_lost_silently() {
    let call = call_chunk(&json!({"index": 0, "id": "a", "function": {"arguments": "{}"}}));
    for end in [
        chunk(&json!({}), &json!("stop")).to_string(),
        "[DONE]".to_owned(),
    ] {
        let mut stream = Stream::new(OpenAi.into(), Anthropic, &ABOUT);
        let mut out = Vec::new();
        stream.event(call.to_string().as_bytes(), &mut out).unwrap();
        assert!(stream.event(end.as_bytes(), &mut out).is_err());
        assert!(!stream.end(&mut out));
    }
}

#[test]
fn what_waits_is_bounded() {
    let mut stream = Stream::new(OpenAi.into(), Anthropic, &ABOUT);
    let mut out = Vec::new();
    let both = chunk(
        &json!({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{"}},
        {"index": 1, "id": "b", "function": {"name": "g", "arguments": ""}}]}),
        &Json::Null,
    );
    stream.event(both.to_string().as_bytes(), &mut out).unwrap();
    let more = call_chunk(&json!({"index": 1, "function": {"arguments": " ".repeat(1 << 20)}}))
        .to_string();
    let failed = (0..5).find(|_| stream.event(more.as_bytes(), &mut out).is_err());
    assert_eq!(failed, Some(3));
    let written = out.len();
    stream.event(more.as_bytes(), &mut out).unwrap();
    assert_eq!(out.len(), written, "nothing after an error");
    assert!(!stream.end(&mut out));
}

/// The last chunk with usage of a stream in Anthropic's protocol with these counts in its
/// beginning and its end.
fn usage_of(start: &Json, delta: &Json) -> Option<Json> {
    let data = [
        json!({"type": "message_start", "message": {"id": "msg_1", "usage": start}}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": delta}),
        json!({"type": "message_stop"}),
    ];
    let (out, ended) = streamed(Anthropic, OpenAi, &data);
    assert!(ended);
    assembled(OpenAi, &out).get("usage").cloned()
}

#[test]
fn regression_zero_counts_do_not_overwrite_real_ones() {
    let start = json!({"input_tokens": 5000, "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 20, "output_tokens": 1,
        "output_tokens_details": {"thinking_tokens": 1}});
    let zeros = json!({"input_tokens": 0, "cache_read_input_tokens": 0,
        "cache_creation_input_tokens": 0, "output_tokens": 8,
        "output_tokens_details": {"thinking_tokens": 6}});
    let wanted = json!({"prompt_tokens": 5120, "completion_tokens": 8, "total_tokens": 5128,
        "prompt_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 20},
        "completion_tokens_details": {"reasoning_tokens": 6}});
    assert_eq!(usage_of(&start, &zeros), Some(wanted));
    // Some servers know the prompt only at the end.
    let late = json!({"input_tokens": 7, "output_tokens": 8});
    let usage = usage_of(&json!({"input_tokens": 0, "output_tokens": 0}), &late).unwrap();
    assert_eq!(
        (&usage["prompt_tokens"], &usage["completion_tokens"]),
        (&json!(7), &json!(8))
    );
    assert_eq!(usage.get("completion_tokens_details"), None);
}

#[test]
fn regression_where_usage_is_untold_there_is_no_chunk_for_it() {
    for (start, delta) in [
        (json!(null), json!(null)),
        (json!({}), json!({})),
        (json!({"input_tokens": 3, "output_tokens": 1}), json!(null)),
        (json!(null), json!({"output_tokens": 8})),
        (json!({"input_tokens": -3}), json!({"output_tokens": 8})),
    ] {
        assert_eq!(usage_of(&start, &delta), None, "{start} {delta}");
    }
    let data = [
        chunk(&json!({"content": "x"}), &json!("stop")),
        json!("[DONE]"),
    ];
    let (out, _) = streamed(OpenAi, OpenAi, &data);
    assert!(!String::from_utf8(out).unwrap().contains("usage"));
}

#[test]
fn a_stream_without_its_terminal_event() {
    let text = chunk(&json!({"content": "x"}), &Json::Null);
    let stop = chunk(&json!({}), &json!("length"));
    let (out, ended) = streamed(OpenAi, Anthropic, &[text.clone(), stop]);
    assert!(ended, "only [DONE] was missing");
    assert_eq!(assembled(Anthropic, &out)["stop_reason"], "max_tokens");
    let done = json!("[DONE]");
    let (out, ended) = streamed(OpenAi, Anthropic, &[text.clone(), done]);
    assert!(!ended, "half an answer is none");
    assert!(!String::from_utf8(out).unwrap().contains("message_stop"));
    let (out, ended) = streamed(OpenAi, Anthropic, &[text]);
    assert!(!ended);
    assert!(!String::from_utf8(out).unwrap().contains("message_stop"));
    let (out, ended) = streamed(
        Anthropic,
        OpenAi,
        &[
            json!({"type": "message_start", "message": {"id": "msg_1"}}),
            json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}),
        ],
    );
    assert!(ended);
    let whole = assembled(OpenAi, &out);
    assert_eq!(
        (&whole["choices"][0]["finish_reason"], whole.get("usage")),
        (&json!("stop"), None)
    );
    for (from, to) in [(OpenAi, Anthropic), (Anthropic, OpenAi)] {
        assert_eq!(streamed(from, to, &[]), (Vec::new(), false));
    }
}

#[test]
fn errors_inside_a_stream() {
    let (out, ended) = streamed(
        Anthropic,
        OpenAi,
        &[
            json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
            json!({"type": "message_stop"}),
        ],
    );
    assert!(!ended);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "data: {\"error\":{\"message\":\"Overloaded\",\"type\":\"server_error\",\"param\":null,\"code\":\"overloaded\"}}\n\n"
    );
    let (out, ended) = streamed(
        OpenAi,
        Anthropic,
        &[
            json!({"error": {"message": "so", "type": "server_error", "code": "rate_limit_exceeded"}}),
            json!("[DONE]"),
        ],
    );
    assert!(!ended);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"so\"}}\n\n"
    );
}

#[test]
fn classes_of_errors_inside_a_stream() {
    let to_anthropic = [
        (
            json!({"message": "bad", "type": "invalid_request_error"}),
            "invalid_request_error",
        ),
        (
            json!({"message": "The server is overloaded", "type": "server_error"}),
            "overloaded_error",
        ),
        (json!({"message": "so", "code": 429}), "rate_limit_error"),
        (json!({"message": "so", "code": 70_000}), "api_error"),
        (json!({"message": "so"}), "api_error"),
        (json!({}), "api_error"),
        (json!("so"), "api_error"),
    ];
    for (error, wanted) in to_anthropic {
        let (out, _) = streamed(OpenAi, Anthropic, &[json!({"error": error})]);
        let told: Json = serde_json::from_str(&events(&out)[0].1).unwrap();
        assert_eq!(told["error"]["type"], wanted, "{error}");
        assert!(!told["error"]["message"].as_str().unwrap().is_empty());
    }
    let to_openai = [
        (
            "invalid_request_error",
            "prompt is too long: 9 tokens > 8 maximum",
            json!("context_length_exceeded"),
        ),
        ("invalid_request_error", "so", Json::Null),
        ("rate_limit_error", "so", json!("rate_limit_exceeded")),
        ("api_error", "so", Json::Null),
    ];
    for (kind, message, code) in to_openai {
        let (out, _) = streamed(
            Anthropic,
            OpenAi,
            &[json!({"type": "error", "error": {"type": kind, "message": message}})],
        );
        let told: Json = serde_json::from_str(&events(&out)[0].1).unwrap();
        assert_eq!(
            (&told["error"]["code"], &told["error"]["message"]),
            (&code, &json!(message)),
            "{kind}"
        );
    }
}

#[test]
fn stop_sequences_and_refusals() {
    let (out, _) = streamed(
        Anthropic,
        Anthropic,
        &[
            json!({"type": "message_start", "message": {"id": "msg_1"}}),
            json!({"type": "message_delta", "delta": {"stop_reason": "stop_sequence", "stop_sequence": "\n\n"}}),
            json!({"type": "message_stop"}),
        ],
    );
    let whole = assembled(Anthropic, &out);
    assert_eq!(
        (&whole["stop_reason"], &whole["stop_sequence"]),
        (&json!("stop_sequence"), &json!("\n\n"))
    );
    let (out, _) = streamed(
        OpenAi,
        Anthropic,
        &[
            chunk(&json!({"refusal": "No."}), &Json::Null),
            chunk(&json!({}), &json!("stop")),
            json!("[DONE]"),
        ],
    );
    let whole = assembled(Anthropic, &out);
    assert_eq!(
        (&whole["stop_reason"], &whole["content"][0]["text"]),
        (&json!("refusal"), &json!("No."))
    );
}

/// An answer that both protocols can say.
#[derive(Debug, Clone)]
struct Said {
    thinking: String,
    text: String,
    calls: Vec<(String, Json)>,
    stop: usize,
    usage: (u64, u64, u64),
}

fn said() -> impl Strategy<Value = Said> {
    let text = r#"[a-z"\\{}\[\]\n\u{1}é😀 ]{0,20}"#;
    let value = prop_oneof![
        any::<i32>().prop_map(Json::from),
        text.prop_map(Json::from),
        Just(json!([null, {"x": [true, 1.5]}])),
    ];
    let object = prop::collection::btree_map("[a-z\"}]{1,4}", value, 0..3);
    let input = object.prop_map(|members| members.into_iter().collect());
    let calls = prop::collection::vec(("[a-z_]{1,8}", input), 0..4);
    let usage = (0..1000_u64, 0..1000_u64, 0..1000_u64);
    (text, text, calls, 0..3_usize, usage).prop_map(|(thinking, text, calls, stop, usage)| Said {
        thinking,
        text,
        calls,
        stop,
        usage,
    })
}

/// Cuts between characters, everywhere that `cuts` says.
fn pieces(text: &str, cuts: &[usize]) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut sizes = cuts.iter().cycle();
    let mut rest = &chars[..];
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let size = (*sizes.next().unwrap()).min(rest.len());
        let (piece, more) = rest.split_at(size);
        pieces.push(piece.iter().collect());
        rest = more;
    }
    pieces
}

impl Said {
    fn openai(&self, reason: &str) -> Json {
        let calls: Vec<Json> = self.calls.iter().enumerate().map(|(index, (name, input))| {
            json!({"id": format!("call_{index}"), "type": "function", "function": {"name": name, "arguments": input.to_string()}})
        }).collect();
        let (input, cached, output) = self.usage;
        json!({"id": "chatcmpl-9", "choices": [{"index": 0, "finish_reason": reason,
            "message": {"role": "assistant", "content": self.text, "reasoning_content": self.thinking, "tool_calls": calls}}],
            "usage": {"prompt_tokens": input + cached, "completion_tokens": output,
                "completion_tokens_details": {"reasoning_tokens": output / 2},
                "prompt_tokens_details": {"cached_tokens": cached}}})
    }

    fn openai_stream(&self, reason: &str, cuts: &[usize]) -> Vec<Json> {
        let mut data = vec![chunk(
            &json!({"role": "assistant", "content": ""}),
            &Json::Null,
        )];
        data.extend(
            pieces(&self.thinking, cuts)
                .iter()
                .map(|piece| chunk(&json!({"reasoning_content": piece}), &Json::Null)),
        );
        data.extend(
            pieces(&self.text, cuts)
                .iter()
                .map(|piece| chunk(&json!({"content": piece}), &Json::Null)),
        );
        for (index, (name, input)) in self.calls.iter().enumerate() {
            data.push(call_chunk(&json!({"index": index, "id": format!("call_{index}"), "type": "function", "function": {"name": name, "arguments": ""}})));
            data.extend(pieces(&input.to_string(), cuts).iter().map(|piece| {
                call_chunk(&json!({"index": index, "function": {"arguments": piece}}))
            }));
        }
        data.push(chunk(&json!({}), &json!(reason)));
        let mut usage = self.openai(reason);
        usage["choices"] = json!([]);
        data.push(usage);
        data.push(json!("[DONE]"));
        data
    }

    fn anthropic(&self, reason: &str) -> Json {
        let mut content = vec![
            json!({"type": "thinking", "thinking": self.thinking, "signature": "s"}),
            json!({"type": "text", "text": self.text}),
        ];
        content.extend(self.calls.iter().enumerate().map(|(index, (name, input))| {
            json!({"type": "tool_use", "id": format!("toolu_{index}"), "name": name, "input": input})
        }));
        let (input, cached, output) = self.usage;
        json!({"id": "msg_9", "content": content, "stop_reason": reason,
            "usage": {"input_tokens": input, "cache_read_input_tokens": cached, "output_tokens": output,
                "output_tokens_details": {"thinking_tokens": output / 2}}})
    }

    fn responses(&self) -> Json {
        let mut output = vec![
            json!({"type": "reasoning", "id": "rs_0", "summary": [{"type": "summary_text", "text": self.thinking}]}),
            json!({"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": self.text}]}),
        ];
        output.extend(self.calls.iter().enumerate().map(|(index, (name, input))| {
            json!({"type": "function_call", "id": format!("fc_{index}"), "call_id": format!("call_{index}"), "name": name,
                "arguments": input.to_string()})
        }));
        let (input, cached, written) = self.usage;
        let (status, details) = match self.stop {
            1 => ("incomplete", json!({"reason": "max_output_tokens"})),
            _ => ("completed", Json::Null),
        };
        json!({"id": "resp_9", "status": status, "incomplete_details": details, "output": output,
            "usage": {"input_tokens": input + cached, "input_tokens_details": {"cached_tokens": cached},
                "output_tokens": written, "output_tokens_details": {"reasoning_tokens": written / 2}}})
    }

    fn responses_stream(&self, cuts: &[usize]) -> Vec<Json> {
        let whole = self.responses();
        let mut data = vec![json!({"type": "response.created", "response": {"id": "resp_9"}})];
        for (index, item) in whole["output"].as_array().unwrap().iter().enumerate() {
            let mut begun = item.clone();
            let (event, list, text) = match item["type"].as_str().unwrap() {
                "reasoning" => ("reasoning_summary_text", "summary", self.thinking.clone()),
                "message" => ("output_text", "content", self.text.clone()),
                _ => (
                    "function_call_arguments",
                    "arguments",
                    item["arguments"].as_str().unwrap().to_owned(),
                ),
            };
            begun[list] = if list == "arguments" {
                json!("")
            } else {
                json!([])
            };
            data.push(
                json!({"type": "response.output_item.added", "output_index": index, "item": begun}),
            );
            data.push(json!({"type": "keepalive"}));
            for piece in pieces(&text, cuts) {
                data.push(json!({"type": format!("response.{event}.delta"), "output_index": index, "delta": piece,
                    "item_id": item["id"], "content_index": 0, "summary_index": 0}));
            }
            data.push(json!({"type": format!("response.{event}.done"), "output_index": index, "text": text,
                "arguments": text, "item_id": item["id"], "content_index": 0, "summary_index": 0}));
            data.push(
                json!({"type": "response.output_item.done", "output_index": index, "item": item}),
            );
        }
        let last = format!("response.{}", whole["status"].as_str().unwrap());
        data.push(json!({"type": last, "response": whole}));
        data
    }

    fn anthropic_stream(&self, reason: &str, cuts: &[usize]) -> Vec<Json> {
        let whole = self.anthropic(reason);
        let mut usage = whole["usage"].clone();
        usage["output_tokens"] = json!(1);
        let mut data = vec![
            json!({"type": "message_start", "message": {"id": "msg_9", "content": [], "usage": usage}}),
        ];
        for (index, block) in whole["content"].as_array().unwrap().iter().enumerate() {
            let (empty, kind, name, text) = match block["type"].as_str().unwrap() {
                "thinking" => (
                    json!({"type": "thinking", "thinking": ""}),
                    "thinking_delta",
                    "thinking",
                    self.thinking.clone(),
                ),
                "text" => (
                    json!({"type": "text", "text": ""}),
                    "text_delta",
                    "text",
                    self.text.clone(),
                ),
                _ => {
                    let mut empty = block.clone();
                    empty["input"] = json!({});
                    (
                        empty,
                        "input_json_delta",
                        "partial_json",
                        block["input"].to_string(),
                    )
                }
            };
            data.push(
                json!({"type": "content_block_start", "index": index, "content_block": empty}),
            );
            data.push(json!({"type": "ping"}));
            for piece in pieces(&text, cuts) {
                data.push(json!({"type": "content_block_delta", "index": index, "delta": {"type": kind, name: piece}}));
            }
            data.push(json!({"type": "content_block_stop", "index": index}));
        }
        data.push(
            json!({"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": null},
            "usage": {"output_tokens": self.usage.2,
                "output_tokens_details": {"thinking_tokens": self.usage.2 / 2}}}),
        );
        data.push(json!({"type": "message_stop"}));
        data
    }
}

proptest! {
    #[test]
    fn a_stream_says_what_the_whole_answer_says(
        said in said(),
        cuts in prop::collection::vec(1..9_usize, 1..5),
    ) {
        let reason = ["stop", "length", "tool_calls"][said.stop];
        let (out, ended) = streamed(OpenAi, Anthropic, &said.openai_stream(reason, &cuts));
        prop_assert!(ended);
        prop_assert_eq!(assembled(Anthropic, &out), told_answer(OpenAi, Anthropic, &said.openai(reason)));

        let (out, ended) = streamed(OpenAi, Responses, &said.openai_stream(reason, &cuts));
        prop_assert!(ended);
        prop_assert_eq!(assembled(Responses, &out), told_answer(OpenAi, Responses, &said.openai(reason)));

        let reason = ["end_turn", "max_tokens", "tool_use"][said.stop];
        for to in [OpenAi, Responses] {
            let (out, ended) = streamed(Anthropic, to, &said.anthropic_stream(reason, &cuts));
            prop_assert!(ended);
            prop_assert_eq!(assembled(to, &out), told_answer(Anthropic, to, &said.anthropic(reason)));
        }

        let whole = said.responses();
        for to in [OpenAi, Anthropic] {
            let (out, ended) = streamed(Responses, to, &said.responses_stream(&cuts));
            prop_assert!(ended);
            prop_assert_eq!(assembled(to, &out), told_answer(Responses, to, &whole));
        }
    }

    #[test]
    fn an_answer_translated_there_and_back_is_the_same(said in said()) {
        let reason = if said.calls.is_empty() { "stop" } else { "tool_calls" };
        let there = told_answer(OpenAi, Anthropic, &said.openai(reason));
        let back = told_answer(Anthropic, OpenAi, &there);
        let same = told_answer(OpenAi, OpenAi, &said.openai(reason));
        prop_assert_eq!(&back, &same);
        let there = told_answer(OpenAi, Responses, &said.openai(reason));
        prop_assert_eq!(told_answer(Responses, OpenAi, &there), same);
    }
}
