//! Streams as documents.

use super::*;
use proptest::prelude::*;

const CHAT: Api = Api::ChatCompletions;

#[test]
fn a_chat_completion() {
    let usage = json!({"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5});
    let events = [
        r#"{"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","system_fingerprint":null,"choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"xy"}"#.to_owned(),
        delta(0, json!({"content": "Hé\"l"})),
        r#"{"id":"c1","object":"chat.completion.chunk","created":8,"model":"m","system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"content":"lo\u0020\ud83d\ude00"},"finish_reason":null}],"obfuscation":"z"}"#.to_owned(),
        ends(0, "stop"),
        json!({"id": "c1", "object": "chat.completion.chunk", "created": 7, "model": "m",
               "service_tier": "default", "choices": [], "usage": usage}).to_string(),
        done(),
    ];
    let wanted = json!({
        "id": "c1", "object": "chat.completion", "created": 7, "model": "m",
        "system_fingerprint": "fp_1", "service_tier": "default",
        "choices": [{"index": 0, "finish_reason": "stop", "logprobs": null,
                     "message": {"role": "assistant", "content": "Hé\"llo 😀", "refusal": null}}],
        "usage": usage,
    });
    assert_eq!(assembled(CHAT, &events), Some(wanted));
    for end in 0..events.len() {
        assert_eq!(assembled(CHAT, &events[..end]), None, "{end}");
    }
}

#[test]
fn choices_side_by_side() {
    let events = [
        delta(1, json!({"role": "assistant", "content": "b"})),
        delta(0, json!({"role": "assistant", "content": "a"})),
        chunk(
            json!([{"index": 0, "delta": {"content": "A"}}, {"index": 1, "delta": {"content": "B"}}]),
        ),
        ends(1, "length"),
        delta(0, json!({"content": "!"})),
        ends(0, "stop"),
        done(),
    ];
    let whole = assembled(CHAT, &events).unwrap();
    let choice = |index: usize| {
        let choice = &whole["choices"][index];
        (
            choice["index"].clone(),
            choice["message"]["content"].clone(),
            choice["finish_reason"].clone(),
        )
    };
    assert_eq!(choice(0), (json!(0), json!("aA!"), json!("stop")));
    assert_eq!(choice(1), (json!(1), json!("bB"), json!("length")));
    // One that has not ended.
    assert_eq!(
        assembled(CHAT, &[&events[..5], &events[6..]].concat()),
        None
    );
}

#[test]
fn tools_reasoning_and_refusal() {
    let call = |index: u64, call: Value| {
        let mut call = call;
        call["index"] = json!(index);
        delta(0, json!({"tool_calls": [call]}))
    };
    let events = [
        delta(0, json!({"role": "assistant", "content": ""})),
        delta(0, json!({"reasoning_content": "hm", "reasoning": null})),
        delta(0, json!({"reasoning_content": " so", "content": null})),
        call(
            0,
            json!({"id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}),
        ),
        call(0, json!({"function": {"arguments": "{\"a"}})),
        call(
            1,
            json!({"id": "call_2", "type": "custom", "custom": {"name": "g", "input": "x"}}),
        ),
        call(
            0,
            json!({"id": "call_1", "function": {"name": "f", "arguments": "\":1}"}}),
        ),
        call(
            1,
            json!({"id": null, "type": null, "custom": {"input": "\ny"}}),
        ),
        ends(0, "tool_calls"),
        done(),
    ];
    let wanted = json!({
        "role": "assistant", "content": null, "reasoning": null, "reasoning_content": "hm so",
        "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}},
            {"id": "call_2", "type": "custom", "custom": {"name": "g", "input": "x\ny"}},
        ],
    });
    assert_eq!(
        assembled(CHAT, &events).unwrap()["choices"][0]["message"],
        wanted
    );
    let refusal = [
        delta(0, json!({"role": "assistant", "content": null})),
        delta(0, json!({"refusal": "I can"})),
        delta(0, json!({"refusal": "'t"})),
        ends(0, "stop"),
        done(),
    ];
    let wanted = json!({"role": "assistant", "content": null, "refusal": "I can't"});
    assert_eq!(
        assembled(CHAT, &refusal).unwrap()["choices"][0]["message"],
        wanted
    );
    let former = [
        delta(
            0,
            json!({"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": ""}}),
        ),
        delta(0, json!({"function_call": {"arguments": "{}"}})),
        ends(0, "function_call"),
        done(),
    ];
    let wanted = json!({"role": "assistant", "content": null,
                        "function_call": {"name": "f", "arguments": "{}"}});
    assert_eq!(
        assembled(CHAT, &former).unwrap()["choices"][0]["message"],
        wanted
    );
}

#[test]
fn log_probabilities_and_what_other_servers_add() {
    let tokens = |logprobs: Value| {
        json!({"id": "", "object": "chat.completion.chunk", "created": 0, "model": "",
               "prompt_filter_results": [], "x_groq": {"id": "req"}, "choices": [
            {"index": 0, "delta": {"content": "a"}, "logprobs": logprobs, "stop_reason": null,
             "content_filter_results": {}}]})
        .to_string()
    };
    let events = [
        tokens(json!({"content": [{"token": "a"}, {"token": "b"}], "refusal": null})),
        tokens(json!({"content": [], "refusal": null})),
        tokens(json!({"content": [{"token": "c"}], "refusal": null})),
        json!({"id": "c1", "created": 9, "model": "m", "x_groq": {"id": "req", "usage": {}},
               "citations": ["u"], "choices": [{"index": 0, "delta": {}, "finish_reason": "stop",
               "stop_reason": 3, "content_filter_results": {"hate": {"filtered": false}}}]})
        .to_string(),
        json!({"id": "c1", "citations": ["u"], "choices": []}).to_string(),
        done(),
    ];
    let whole = assembled(CHAT, &events).unwrap();
    let wanted = json!({
        "id": "c1", "object": "chat.completion", "created": 9, "model": "m",
        "prompt_filter_results": [], "x_groq": {"id": "req", "usage": {}}, "citations": ["u"],
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "aaa"},
            "logprobs": {"content": [{"token": "a"}, {"token": "b"}, {"token": "c"}], "refusal": null},
            "finish_reason": "stop", "stop_reason": 3,
            "content_filter_results": {"hate": {"filtered": false}}}],
    });
    assert_eq!(whole, wanted);
}

#[test]
fn regression_empty_members_that_every_delta_repeats_are_nothing() {
    let more =
        |content: &str, details: Value| delta(0, json!({"content": content, "details": details}));
    let events = [
        more("a", json!([])),
        more("b", json!([{"text": "hm"}])),
        more("c", json!([])),
        ends(0, "stop"),
        done(),
    ];
    let wanted = json!({"role": "assistant", "content": "abc", "details": [{"text": "hm"}]});
    assert_eq!(
        assembled(CHAT, &events).unwrap()["choices"][0]["message"],
        wanted
    );
}

#[test]
fn a_completion() {
    let chunk = |text: &str, logprobs: Value, reason: Value| {
        json!({"id": "c", "object": "text_completion", "created": 7, "model": "m", "choices": [
            {"index": 0, "text": text, "logprobs": logprobs, "finish_reason": reason}]})
        .to_string()
    };
    let tokens = |token: &str, at: u64| json!({"tokens": [token], "token_logprobs": [-1.5], "text_offset": [at], "top_logprobs": null});
    let events = [
        chunk("a", tokens("a", 0), Value::Null),
        chunk("b", tokens("b", 1), Value::Null),
        chunk("", Value::Null, json!("stop")),
        done(),
    ];
    let wanted = json!({
        "id": "c", "object": "text_completion", "created": 7, "model": "m", "choices": [
            {"index": 0, "text": "ab", "finish_reason": "stop", "logprobs":
                {"tokens": ["a", "b"], "token_logprobs": [-1.5, -1.5], "text_offset": [0, 1],
                 "top_logprobs": null}}],
    });
    assert_eq!(assembled(Api::Completions, &events), Some(wanted));
}

fn message_events() -> Vec<String> {
    let start = |index: u64, block: Value| json!({"type": "content_block_start", "index": index, "content_block": block});
    let delta = |index: u64, delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let stop = |index: u64| json!({"type": "content_block_stop", "index": index});
    let events = [
        json!({"type": "message_start", "message": {
            "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
            "stop_reason": null, "stop_sequence": null,
            "usage": {"input_tokens": 5, "cache_read_input_tokens": 1, "output_tokens": 1, "service_tier": "standard"}}}),
        json!({"type": "ping"}),
        start(
            0,
            json!({"type": "thinking", "thinking": "", "signature": ""}),
        ),
        delta(0, json!({"type": "thinking_delta", "thinking": "h"})),
        delta(0, json!({"type": "thinking_delta", "thinking": "m"})),
        delta(0, json!({"type": "signature_delta", "signature": "c2ln"})),
        stop(0),
        start(1, json!({"type": "redacted_thinking", "data": "AAAA"})),
        stop(1),
        start(2, json!({"type": "text", "text": ""})),
        delta(2, json!({"type": "text_delta", "text": "a\""})),
        delta(
            2,
            json!({"type": "citations_delta", "citation": {"type": "char_location", "cited_text": "x"}}),
        ),
        delta(2, json!({"type": "text_delta", "text": "b"})),
        delta(
            2,
            json!({"type": "citations_delta", "citation": {"type": "char_location", "cited_text": "y"}}),
        ),
        stop(2),
        json!({"type": "ping"}),
        start(
            3,
            json!({"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}),
        ),
        delta(3, json!({"type": "input_json_delta", "partial_json": ""})),
        delta(
            3,
            json!({"type": "input_json_delta", "partial_json": "{\"a\": 1234567890123456"}),
        ),
        delta(
            3,
            json!({"type": "input_json_delta", "partial_json": "7890, \"b\":\"\\u00e9\"}"}),
        ),
        stop(3),
        start(
            4,
            json!({"type": "tool_use", "id": "toolu_2", "name": "g", "input": {}}),
        ),
        delta(4, json!({"type": "input_json_delta", "partial_json": ""})),
        stop(4),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null},
               "usage": {"output_tokens": 9, "cache_read_input_tokens": null}}),
        json!({"type": "message_stop"}),
    ];
    events.iter().map(Value::to_string).collect()
}

#[test]
fn a_message() {
    let events = message_events();
    let cited = |text: &str| json!({"type": "char_location", "cited_text": text});
    let wanted = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m",
        "stop_reason": "tool_use", "stop_sequence": null,
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
            {"type": "redacted_thinking", "data": "AAAA"},
            {"type": "text", "text": "a\"b", "citations": [cited("x"), cited("y")]},
            {"type": "tool_use", "id": "toolu_1", "name": "f",
             "input": {"a": 12_345_678_901_234_567_890_u64, "b": "é"}},
            {"type": "tool_use", "id": "toolu_2", "name": "g", "input": {}},
        ],
        "usage": {"input_tokens": 5, "cache_read_input_tokens": 1, "output_tokens": 9, "service_tier": "standard"},
    });
    assert_eq!(assembled(Api::Messages, &events), Some(wanted));
    for end in 0..events.len() {
        assert_eq!(assembled(Api::Messages, &events[..end]), None, "{end}");
    }
    // Whichever event is missing, but for pings and pieces.
    for (place, event) in events.iter().enumerate() {
        let mut others = events.clone();
        others.remove(place);
        let matters = !event.contains("\"ping\"") && !event.contains("_delta\"");
        let matters = matters || event.contains("\"message_delta\"");
        if matters {
            assert_eq!(assembled(Api::Messages, &others), None, "{event}");
        }
    }
}

#[test]
fn a_response() {
    let item = json!({"id": "msg_1", "type": "message", "status": "completed", "role": "assistant",
                      "content": [{"type": "output_text", "text": "hi", "annotations": []}]});
    let mut whole = json!({"id": "resp_1", "object": "response", "status": "completed", "error": null,
                       "output": [item], "usage": {"input_tokens": 1}});
    let events = |whole: &Value, last: &str| {
        [
            json!({"type": "response.created", "sequence_number": 0, "response": {"id": "resp_1", "output": []}}),
            json!({"type": "response.output_item.added", "sequence_number": 1, "output_index": 0, "item": {}}),
            json!({"type": "response.output_text.delta", "sequence_number": 2, "delta": "hi"}),
            json!({"type": "response.output_item.done", "sequence_number": 3, "output_index": 0, "item": item}),
            json!({"type": last, "sequence_number": 4, "response": whole}),
        ]
        .map(|event| event.to_string())
    };
    let good = events(&whole, "response.completed");
    assert_eq!(assembled(Api::Responses, &good), Some(whole.clone()));
    for end in 0..good.len() {
        assert_eq!(assembled(Api::Responses, &good[..end]), None);
    }
    let with_done = [&good[..], &[done()]].concat();
    assert_eq!(assembled(Api::Responses, &with_done), Some(whole.clone()));
    // What the last event leaves out is not known.
    let [created, _, _, _, last] = &good;
    assert_eq!(assembled(Api::Responses, &[created, last]), None);
    assert_eq!(
        assembled(Api::Responses, &events(&whole, "response.incomplete")),
        None
    );
    assert_eq!(
        assembled(Api::Responses, &events(&whole, "response.failed")),
        None
    );
    whole["status"] = json!("incomplete");
    whole["incomplete_details"] = json!({"reason": "max_output_tokens"});
    let cut = events(&whole, "response.incomplete");
    assert_eq!(assembled(Api::Responses, &cut), Some(whole));
}

/// A text in pieces of any lengths, empty ones too.
fn in_pieces(text: &str, cuts: &[prop::sample::Index]) -> Vec<String> {
    let signs: Vec<char> = text.chars().collect();
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(signs.len() + 1)).collect();
    places.push(signs.len());
    places.sort_unstable();
    let mut from = 0;
    places
        .into_iter()
        .map(|to| {
            let piece = signs[from..to].iter().collect();
            from = to;
            piece
        })
        .collect()
}

fn any_cuts() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    prop::collection::vec(any::<prop::sample::Index>(), 0..6)
}

/// The texts of deltas, joined.
fn joined(events: &[String], text: &dyn Fn(&Value) -> Value) -> String {
    let texts = parsed(events).into_iter();
    let texts = texts.filter_map(|event| text(&event).as_str().map(str::to_owned));
    texts.collect()
}

proptest! {
    #[test]
    fn chunks_however_they_are_cut(
        one in "[a\"\\\\\n\u{e9}\u{1F600}]{0,20}",
        other in "[ab ]{1,2000}",
        arguments in "[{}\":,a]{0,20}",
        cuts in any_cuts(),
        turns in prop::collection::vec(0_usize..3, 0..24),
    ) {
        let mut lanes = [
            in_pieces(&one, &cuts).into_iter().map(|text| delta(0, json!({"content": text}))).collect::<Vec<_>>(),
            in_pieces(&other, &cuts).into_iter().map(|text| delta(1, json!({"content": text}))).collect(),
            in_pieces(&arguments, &cuts).into_iter().map(|text| delta(1, json!({"tool_calls": [
                {"index": 0, "function": {"arguments": text}}]}))).collect(),
        ].map(std::collections::VecDeque::from);
        let mut events = vec![
            delta(0, json!({"role": "assistant", "content": ""})),
            delta(1, json!({"role": "assistant", "content": null, "tool_calls": [
                {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}]})),
        ];
        // The lanes come mixed, each in its order.
        events.extend(turns.iter().filter_map(|lane| lanes[*lane].pop_front()));
        events.extend(lanes.into_iter().flatten());
        events.extend([ends(0, "stop"), ends(1, "tool_calls"), done()]);
        let whole = assembled(CHAT, &events).unwrap();
        let [first, second] = [0, 1].map(|index| whole["choices"][index]["message"].clone());
        prop_assert_eq!(first, json!({"role": "assistant", "content": one}));
        prop_assert_eq!(second, json!({"role": "assistant", "content": other, "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": arguments}}]}));
        // And told again.
        let again = told(CHAT, &whole, false);
        let of = |index: u64| move |event: &Value| {
            let choice = &event["choices"][0];
            let delta = &choice["delta"]["content"];
            if choice["index"] == json!(index) { delta.clone() } else { Value::Null }
        };
        prop_assert_eq!(joined(&again, &of(0)), one);
        prop_assert_eq!(joined(&again, &of(1)), other);
        let called = |event: &Value| event["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"].clone();
        prop_assert_eq!(joined(&again, &called), arguments);
    }

    #[test]
    fn messages_however_they_are_cut(
        text in "[a\"\\\\\n\u{e9}\u{1F600}]{0,40}",
        value in "[a\"\\\\\n\u{e9}\u{1F600}]{0,20}",
        cuts in any_cuts(),
    ) {
        let input = json!({"a": value, "b": {"c": [1, 2]}});
        let delta = |index: u64, delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta}).to_string();
        let texts = in_pieces(&text, &cuts);
        let inputs = in_pieces(&input.to_string(), &cuts);
        let mut events = vec![
            json!({"type": "message_start", "message": {"type": "message", "content": [], "usage": {"output_tokens": 1}}}).to_string(),
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}).to_string(),
        ];
        events.extend(texts.iter().map(|text| delta(0, json!({"type": "text_delta", "text": text}))));
        events.extend([
            json!({"type": "content_block_stop", "index": 0}).to_string(),
            json!({"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {}}}).to_string(),
        ]);
        events.extend(inputs.iter().map(|text| delta(1, json!({"type": "input_json_delta", "partial_json": text}))));
        events.extend([
            json!({"type": "content_block_stop", "index": 1}).to_string(),
            json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 4}}).to_string(),
            json!({"type": "message_stop"}).to_string(),
        ]);
        let whole = assembled(Api::Messages, &events).unwrap();
        let wanted = json!([{"type": "text", "text": text}, {"type": "tool_use", "id": "t", "name": "f", "input": input}]);
        prop_assert_eq!(&whole["content"], &wanted);
        let again = told(Api::Messages, &whole, false);
        let said = |event: &Value| event["delta"]["text"].clone();
        prop_assert_eq!(joined(&again, &said), text);
        let asked = |event: &Value| event["delta"]["partial_json"].clone();
        let asked: Value = serde_json::from_str(&joined(&again, &asked)).unwrap();
        prop_assert_eq!(asked, input);
    }
}
