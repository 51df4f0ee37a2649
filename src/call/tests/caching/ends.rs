//! Which ends of answers are good ones.

use super::*;

/// A call of the messages API, whose provider speaks OpenAI's; its record, and what was told.
fn messages(stream: bool, answer: &str) -> (Value, OnData) {
    let bench = bench(|_| {});
    let body = json!({"model": "smart", "max_tokens": 9, "stream": stream,
        "messages": [{"role": "user", "content": "PROMPT"}]});
    let mut run = bench.run();
    let headers = [
        ("x-api-key", "user-secret"),
        ("anthropic-version", "2023-06-01"),
    ];
    let head = run.head("POST", "/v1/messages", &headers, false);
    assert_eq!(head, OnHead::Hold);
    let on = run.body(&body.to_string());
    assert!(matches!(on, OnBody::Forward(_)), "{on:?}");
    run.answer("200", if stream { SSE } else { JSON });
    let on = run.data(answer, true);
    (run.finish(200, "via_upstream"), on)
}

#[test]
fn translated_answers_with_unknown_ends_are_not_stored() {
    for reason in ["error", "abort", "", "network_error"] {
        let (record, told) = messages(false, &answer("half an ans", reason));
        assert_eq!(record["cache_stored"], "bad_end", "{reason}: {record}");
        let (OnData::Replace(told) | OnData::Release(_, told)) = told else {
            panic!("{told:?}")
        };
        let told: Value = serde_json::from_slice(&told).unwrap();
        assert_eq!(told["stop_reason"], "unknown", "{reason}");
    }
    let (record, _) = messages(false, &answer("ANSWER", "stop"));
    assert_eq!(record["cache_stored"], "stored");
}

#[test]
fn translated_streams_without_a_reason_are_incomplete() {
    let said = json!({"role": "assistant", "content": "half an ans"});
    let cut = chunk(said.clone(), Value::Null) + "data: [DONE]\n\n";
    let (record, told) = messages(true, &cut);
    assert_eq!(record["outcome"], "upstream_incomplete", "{record}");
    assert_ne!(record["cache_stored"], "stored", "{record}");
    let (OnData::Replace(told) | OnData::Release(_, told)) = told else {
        panic!("{told:?}")
    };
    let told = String::from_utf8(told).unwrap();
    assert!(told.contains("half an ans"), "{told}");
    assert!(!told.contains("message_stop"), "{told}");
    assert!(told.contains("event: error"), "{told}");
    let whole = chunk(said, json!("stop")) + "data: [DONE]\n\n";
    let (record, _) = messages(true, &whole);
    assert_eq!(record["cache_stored"], "stored", "{record}");
    let ended = chunk(json!({"content": "x"}), json!("abort")) + "data: [DONE]\n\n";
    let (record, _) = messages(true, &ended);
    assert_eq!(record["cache_stored"], "bad_end", "{record}");
}

#[test]
fn untranslated_streams_without_a_reason_are_not_stored() {
    let bench = bench(|_| {});
    let said = json!({"role": "assistant", "content": "half an ans"});
    let cut = chunk(said, Value::Null) + "data: [DONE]\n\n";
    let (record, ..) = bench.answered(&streamed("PROMPT"), &[USER], &cut);
    assert_eq!(record["cache_stored"], "bad_end", "{record}");
}

#[test]
fn a_bound_that_the_target_lowers_is_not_the_callers() {
    for (most, stored) in [(4, "truncated"), (9, "stored")] {
        let bench = bench(|policy| {
            policy["models"]["smart"]["targets"][0]["max_output"] = json!(most);
        });
        let answer = full(&answer("x", "length"));
        let (record, ..) = bench.answered(&chat("PROMPT"), &[USER], &answer);
        assert_eq!(record["cache_stored"], stored, "{most}");
    }
}

/// An OpenAI call whose provider speaks Anthropic's, and ends so.
fn from_messages(reason: &str, output: u64) -> Value {
    let bench = bench(|policy| {
        policy["backends"]["far"]["api"] = json!("anthropic");
    });
    let whole = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude",
        "content": [{"type": "text", "text": "ANSWER"}], "stop_reason": reason,
        "usage": {"input_tokens": 9, "output_tokens": output}});
    let Asked::Sent(mut run) = bench.asks(&chat("PROMPT"), &[USER]) else {
        panic!("the cache has answered")
    };
    run.answer("200", JSON);
    run.data(&whole.to_string(), true);
    run.finish(200, "via_upstream")
}

#[test]
fn a_full_window_is_no_bound_of_the_callers() {
    for (reason, output, stored) in [
        ("model_context_window_exceeded", 4, "truncated"),
        ("max_tokens", 9, "stored"),
        ("pause_turn", 4, "bad_end"),
        ("what", 4, "bad_end"),
        ("end_turn", 4, "stored"),
    ] {
        let record = from_messages(reason, output);
        assert_eq!(record["cache_stored"], stored, "{reason}: {record}");
    }
}

#[test]
fn a_stream_that_cannot_be_told_is_not_too_long() {
    let bench = bench(|_| {});
    let odd = stream_of(&["a"], "stop").replace("\"content\":\"a\"", "\"content\":[1]");
    let (record, ..) = bench.answered(&streamed("PROMPT"), &[USER], &odd);
    assert_eq!(record["cache_stored"], "bad_end");
}

#[test]
fn answers_to_less_than_was_asked_are_not_stored() {
    for (field, stored) in [("top_k", "dropped"), ("temperature", "stored")] {
        let bench = bench(|_| {});
        let body = json!({"model": "smart", "max_tokens": 9, field: 1,
            "messages": [{"role": "user", "content": "PROMPT"}]});
        let mut run = bench.run();
        let headers = [
            ("x-api-key", "user-secret"),
            ("anthropic-version", "2023-06-01"),
        ];
        let head = run.head("POST", "/v1/messages", &headers, false);
        assert_eq!(head, OnHead::Hold);
        let on = run.body(&body.to_string());
        assert!(matches!(on, OnBody::Forward(_)), "{on:?}");
        run.answer("200", JSON);
        run.data(&answer("ANSWER", "stop"), true);
        let record = run.finish(200, "via_upstream");
        assert_eq!(record["cache_stored"], stored, "{field}: {record}");
    }
}
