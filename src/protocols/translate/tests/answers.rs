use super::*;
use serde_json::json;

fn anthropic_answer(content: &Json, stop: &str) -> Json {
    json!({"id": "msg_01", "type": "message", "role": "assistant", "model": "claude", "content": content,
        "stop_reason": stop, "stop_sequence": null, "usage": {"input_tokens": 10, "output_tokens": 7,
        "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20}})
}

#[test]
fn anthropic_to_openai() {
    let content = json!([
        {"type": "thinking", "thinking": "Hm\n", "signature": "sig"},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "text", "text": "It is \"15\" "},
        {"type": "text", "text": "degrees.", "citations": null},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"b": 1, "a": 1.50}},
        {"type": "tool_use", "id": "toolu_2", "name": "g", "input": {}},
    ]);
    let told = told_answer(Anthropic, OpenAi, &anthropic_answer(&content, "tool_use"));
    assert_eq!(
        told,
        json!({
            "id": "chatcmpl-01", "object": "chat.completion", "created": 1_700_000_000, "model": "smart",
            "choices": [{"index": 0, "logprobs": null, "finish_reason": "tool_calls", "message": {
                "role": "assistant", "content": "It is \"15\" degrees.", "refusal": null,
                "reasoning_content": "Hm\n",
                "tool_calls": [
                    {"id": "toolu_1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1.5,\"b\":1}"}},
                    {"id": "toolu_2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
                ]}}],
            "usage": {"prompt_tokens": 130, "completion_tokens": 7, "total_tokens": 137,
                "prompt_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 20}},
        })
    );
}

#[test]
fn tool_arguments_keep_every_byte() {
    let body = br#"{"content":[{"type":"tool_use","id":"t","name":"f","input":{"z": 1.0, "a": 9007199254740993,"a\u0041":"\u00e9"}}],"stop_reason":"tool_use"}"#;
    let told: Json =
        serde_json::from_slice(&answer(Anthropic.into(), OpenAi, body, &ABOUT).unwrap()).unwrap();
    assert_eq!(
        told["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"],
        r#"{"z": 1.0, "a": 9007199254740993,"a\u0041":"\u00e9"}"#
    );
    let body = json!({"choices": [{"message": {"tool_calls": [{"id": "c", "type": "function",
        "function": {"name": "f", "arguments": "{\"z\": 1.0, \"a\": 9007199254740993}"}}]}}]});
    let told = answer(
        OpenAi.into(),
        Anthropic,
        body.to_string().as_bytes(),
        &ABOUT,
    )
    .unwrap();
    let told = String::from_utf8(told).unwrap();
    assert!(
        told.contains(r#""input":{"z": 1.0, "a": 9007199254740993}"#),
        "{told}"
    );
}

#[test]
fn openai_to_anthropic() {
    let body = json!({"id": "chatcmpl-9", "object": "chat.completion", "created": 1, "model": "gpt",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant",
            "content": "Yes.", "reasoning_content": "Hm",
            "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1}"}}]}}],
        "usage": {"prompt_tokens": 130, "completion_tokens": 7, "total_tokens": 137,
            "prompt_tokens_details": {"cached_tokens": 100}, "completion_tokens_details": {"reasoning_tokens": 3}}});
    assert_eq!(
        told_answer(OpenAi, Anthropic, &body),
        json!({
            "id": "msg_9", "type": "message", "role": "assistant", "model": "smart",
            "content": [
                {"type": "thinking", "thinking": "Hm", "signature": ""},
                {"type": "text", "text": "Yes."},
                {"type": "tool_use", "id": "call_1", "name": "f", "input": {"a": 1}},
            ],
            // Forced tools end with "stop" in OpenAI's.
            "stop_reason": "tool_use", "stop_sequence": null,
            "usage": {"input_tokens": 30, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 100, "output_tokens": 7,
                "output_tokens_details": {"thinking_tokens": 3}},
        })
    );
}

#[test]
fn stop_reasons() {
    let to_openai = [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("stop_sequence", "stop"),
        ("refusal", "content_filter"),
        ("pause_turn", "unknown"),
        ("something_new", "unknown"),
        ("", "unknown"),
    ];
    for (reason, wanted) in to_openai {
        let told = told_answer(Anthropic, OpenAi, &anthropic_answer(&json!([]), reason));
        assert_eq!(told["choices"][0]["finish_reason"], wanted, "{reason}");
        assert_eq!(told["choices"][0]["message"]["content"], "");
    }
    let to_anthropic = [
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("tool_calls", "tool_use"),
        ("function_call", "tool_use"),
        ("content_filter", "refusal"),
        ("eos", "end_turn"),
        ("error", "unknown"),
        ("", "unknown"),
    ];
    for (reason, wanted) in to_anthropic {
        let body = json!({"choices": [{"message": {"content": "x"}, "finish_reason": reason}]});
        assert_eq!(
            told_answer(OpenAi, Anthropic, &body)["stop_reason"],
            wanted,
            "{reason}"
        );
    }
}

#[test]
fn a_refusal_is_text_and_a_reason() {
    let body = json!({"choices": [{"message": {"content": null, "refusal": "I can't."}, "finish_reason": "stop"}]});
    let told = told_answer(OpenAi, Anthropic, &body);
    assert_eq!(
        told["content"],
        json!([{"type": "text", "text": "I can't."}])
    );
    assert_eq!(told["stop_reason"], "refusal");
}

#[test]
fn arguments_that_are_no_object_stay_text() {
    let cases = [
        ("", json!({})),
        (" \n", json!({})),
        ("{\"a\":", json!({"INVALID_JSON": "{\"a\":"})),
        ("[1]", json!({"INVALID_JSON": "[1]"})),
        ("{} {}", json!({"INVALID_JSON": "{} {}"})),
        ("{\"a\":1}", json!({"a": 1})),
    ];
    for (arguments, wanted) in cases {
        let body = json!({"choices": [{"message": {"content": null, "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}]}}]});
        let told = told_answer(OpenAi, Anthropic, &body);
        assert_eq!(told["content"][0]["input"], wanted, "{arguments}");
    }
    // Servers that send an object, or no id.
    let body = json!({"choices": [{"message": {"tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}}]});
    let call = told_answer(OpenAi, Anthropic, &body)["content"][0].clone();
    assert_eq!(
        call,
        json!({"type": "tool_use", "id": "toolu_seed_0", "name": "f", "input": {"a": 1}})
    );
}

#[test]
fn usage_that_cannot_be_is_not_told() {
    for count in [json!(-1), json!(1.5), json!("7"), json!(2_000_000_000_u64)] {
        let mut body = anthropic_answer(&json!([]), "end_turn");
        body["usage"]["output_tokens"] = count.clone();
        assert_eq!(
            told_answer(Anthropic, OpenAi, &body).get("usage"),
            None,
            "{count}"
        );
        let body = json!({"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": 1, "completion_tokens": count}});
        assert_eq!(
            told_answer(OpenAi, Anthropic, &body)["usage"]["input_tokens"],
            0,
            "{count}"
        );
    }
}

#[test]
fn what_is_no_answer() {
    let cases: [(ChatApi, &[u8]); 12] = [
        (Responses, br#"{"error":{"message":"x"}}"#),
        (Responses, br#"{"output":"text"}"#),
        (Responses, br#"{"output":[{"type":"function_call"}]}"#),
        (OpenAi, b""),
        (OpenAi, b"<html>"),
        (OpenAi, br#"{"error":{"message":"x"}}"#),
        (OpenAi, br#"{"choices":[]}"#),
        (
            OpenAi,
            br#"{"choices":[{"message":{"tool_calls":[{"id":"a"}]}}]}"#,
        ),
        (Anthropic, br#"{"type":"error"}"#),
        (Anthropic, br#"{"content":"text"}"#),
        (
            Anthropic,
            br#"{"content":[{"type":"tool_use","name":"f"}]}"#,
        ),
        (Anthropic, b"\xff"),
    ];
    for (from, body) in cases {
        for to in [OpenAi, Responses, Anthropic] {
            assert!(
                answer(from.into(), to, body, &ABOUT).is_err(),
                "{from:?} {body:?}"
            );
        }
    }
}

#[test]
fn regression_thinking_is_counted_apart_in_both_protocols() {
    let mut body = anthropic_answer(&json!([]), "end_turn");
    body["usage"]["output_tokens_details"] = json!({"thinking_tokens": 4});
    let openai = told_answer(Anthropic, OpenAi, &body);
    assert_eq!(
        openai["usage"]["completion_tokens_details"],
        json!({"reasoning_tokens": 4})
    );
    let back = told_answer(OpenAi, Anthropic, &openai);
    assert_eq!(
        back["usage"]["output_tokens_details"],
        json!({"thinking_tokens": 4})
    );
    body["usage"]["output_tokens_details"]["thinking_tokens"] = json!(-4);
    assert_eq!(told_answer(Anthropic, OpenAi, &body).get("usage"), None);
}

/// Usage with every kind of token, in both protocols.
const EVERY_KIND: [&str; 2] = [
    r#"{"prompt_tokens":200,"completion_tokens":30,"total_tokens":230,
        "prompt_tokens_details":{"cached_tokens":100,"cache_write_tokens":30,"audio_tokens":7,"image_tokens":8,
            "cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20}},
        "completion_tokens_details":{"reasoning_tokens":4,"audio_tokens":5}}"#,
    r#"{"input_tokens":70,"cache_creation_input_tokens":30,"cache_read_input_tokens":100,"output_tokens":30,
        "cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20},
        "input_tokens_details":{"audio_tokens":7,"image_tokens":8},
        "output_tokens_details":{"thinking_tokens":4,"audio_tokens":5}}"#,
];

#[test]
fn usage_keeps_all_that_is_priced_apart() {
    let [openai, anthropic] = EVERY_KIND.map(|text| serde_json::from_str::<Json>(text).unwrap());
    let mut from_anthropic = anthropic_answer(&json!([]), "end_turn");
    from_anthropic["usage"] = anthropic.clone();
    let told = told_answer(Anthropic, OpenAi, &from_anthropic);
    assert_eq!(told["usage"], openai);
    let from_openai = json!({"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}], "usage": openai});
    let told = told_answer(OpenAi, Anthropic, &from_openai);
    assert_eq!(told["usage"], anthropic);
}

#[test]
fn both_protocols_say_what_a_call_is_settled_by() {
    use crate::json::Reader;
    let [openai, anthropic] =
        EVERY_KIND.map(|text| Reader::new(text.as_bytes(), |_| None).unwrap());
    let openai = crate::protocols::openai::read_usage(&mut { openai }).unwrap();
    let anthropic = crate::protocols::anthropic::read_usage(&mut { anthropic }).unwrap();
    assert_eq!(openai, anthropic);
    assert!(matches!(
        openai,
        crate::protocols::ReportedUsage::Counted(_)
    ));
}
