use super::*;
use serde_json::{Value, json};

const TOLD: EndUsage = EndUsage {
    usage: Usage {
        input: 12,
        output: 7,
        cached: 2,
        ..Usage::NONE
    },
    prompt_told: false,
    asked: false,
};

/// The data of the events that end a stream after `events`; `[DONE]` as a string.
fn ended(protocol: Protocol, events: &[Value], reason: EndReason, told: &EndUsage) -> Vec<Value> {
    let mut ending = Ending::new(protocol, None);
    for event in events {
        ending.note(event.to_string().as_bytes());
    }
    data(&ending.events(reason, told))
}

fn data(events: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(events).unwrap();
    let events = text.strip_suffix("\n\n").unwrap().split("\n\n");
    let data = events.map(|event| {
        let (name, data) = match event.split_once('\n') {
            Some((name, data)) => (name.strip_prefix("event: "), data),
            None => (None, event),
        };
        let data = data.strip_prefix("data: ").unwrap();
        if data == "[DONE]" {
            return Value::from(data);
        }
        let value: Value = serde_json::from_str(data).unwrap();
        assert_eq!(value["type"].as_str(), name, "{value}");
        value
    });
    data.collect()
}

fn chunk(choices: Value) -> Value {
    json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 17, "model": "gpt-5.1",
        "system_fingerprint": null, "choices": choices})
}

fn delta(index: u64) -> Value {
    chunk(json!([{"index": index, "delta": {"content": "x"}, "finish_reason": null}]))
}

fn finished(index: u64) -> Value {
    chunk(json!([{"index": index, "delta": {}, "finish_reason": "stop"}]))
}

fn last(index: u64, reason: &str) -> Value {
    chunk(json!([{"index": index, "delta": {}, "logprobs": null, "finish_reason": reason}]))
}

fn open(protocol: Protocol, events: &[Value]) -> bool {
    let mut ending = Ending::new(protocol, None);
    for event in events {
        ending.note(event.to_string().as_bytes());
    }
    ending.is_open()
}

#[test]
fn each_open_choice_is_finished() {
    let done = json!("[DONE]");
    let filter = chunk(json!([]));
    let both = chunk(json!([{"index": 0, "delta": {}}, {"index": 1, "delta": {}}]));
    for (events, left) in [
        (vec![delta(0)], vec![0]),
        (vec![filter.clone(), delta(0), delta(0)], vec![0]),
        (vec![delta(1), delta(0), delta(1)], vec![0, 1]),
        (vec![both.clone()], vec![0, 1]),
        (vec![both, finished(0)], vec![1]),
        (vec![delta(0), finished(0), finished(0), delta(2)], vec![2]),
    ] {
        assert!(open(Protocol::OpenAi, &events));
        for (reason, word) in [
            (EndReason::Length, "length"),
            (EndReason::Content, "content_filter"),
        ] {
            let mut wanted: Vec<Value> = left.iter().map(|index| last(*index, word)).collect();
            wanted.push(done.clone());
            let got = ended(Protocol::OpenAi, &events, reason, &TOLD);
            assert_eq!(got, wanted, "{events:?}");
        }
    }
}

#[test]
fn there_is_nothing_to_end_before_and_after_an_answer() {
    for events in [
        vec![],
        vec![chunk(json!([]))],
        vec![json!([])],
        vec![delta(0), finished(0)],
        vec![delta(0), delta(1), finished(1), finished(0)],
    ] {
        assert!(!open(Protocol::OpenAi, &events), "{events:?}");
    }
    let mut ending = Ending::new(Protocol::OpenAi, None);
    ending.note(br#"{"choices":[{"index":0"#);
    ending.note(b"[DONE]");
    assert!(!ending.is_open());
}

#[test]
fn usage_is_told_if_it_was_asked_for() {
    let told = EndUsage {
        asked: true,
        ..TOLD
    };
    let got = ended(Protocol::OpenAi, &[delta(0)], EndReason::Length, &told);
    let mut chunk = last(0, "length");
    chunk["usage"] = Value::Null;
    let mut report = chunk.clone();
    report["choices"] = json!([]);
    report["usage"] = json!({"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19,
        "prompt_tokens_details": {"cached_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 0}});
    assert_eq!(got, [chunk, report, json!("[DONE]")]);
}

#[test]
fn the_head_is_the_streams() {
    let mut ending = Ending::new(Protocol::OpenAi, Some("smart \"one\""));
    // Azure's first chunk, which is about the prompt, names nothing.
    ending.note(br#"{"id":"","model":"","choices":[],"prompt_filter_results":[]}"#);
    ending.note(
        r#"{"choices":[{"index":0,"delta":{}}],"id":"a-1","created":3,"model":"gpt","system_fingerprint":"ada@example.org"}"#.as_bytes(),
    );
    let got = data(&ending.events(EndReason::Length, &TOLD));
    let head = ["id", "created", "model"].map(|name| got[0][name].clone());
    assert_eq!(head, [json!("a-1"), json!(3), json!("smart \"one\"")]);
    assert_eq!(got[0].get("system_fingerprint"), None);
}

#[test]
fn state_is_bounded() {
    let mut ending = Ending::new(Protocol::OpenAi, None);
    let mut first = delta(0);
    first["id"] = json!("x".repeat(100_000));
    ending.note(first.to_string().as_bytes());
    for index in 0..1000 {
        ending.note(delta(index).to_string().as_bytes());
    }
    let got = data(&ending.events(EndReason::Length, &TOLD));
    assert_eq!((got.len(), got[0].get("id")), (129, None));
    let mut ending = Ending::new(Protocol::Anthropic, None);
    for index in 0..1000 {
        ending.note(start(index).to_string().as_bytes());
    }
    assert_eq!(data(&ending.events(EndReason::Length, &TOLD)).len(), 66);
}

fn message_start() -> Value {
    json!({"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 12, "output_tokens": 1}}})
}

fn start(index: u64) -> Value {
    json!({"type": "content_block_start", "index": index, "content_block": {"type": "thinking", "thinking": ""}})
}

fn stop(index: u64) -> Value {
    json!({"type": "content_block_stop", "index": index})
}

fn message_delta() -> Value {
    json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null}, "usage": {"output_tokens": 7}})
}

#[test]
fn open_blocks_and_the_message_are_ended() {
    let inner = json!({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": "{\"a"}});
    let ping = json!({"type": "ping"});
    for (events, left) in [
        (vec![message_start()], vec![]),
        (
            vec![message_start(), start(0), inner.clone(), ping],
            vec![0],
        ),
        (
            vec![
                message_start(),
                start(0),
                start(0),
                inner,
                stop(0),
                start(1),
            ],
            vec![1],
        ),
        (vec![message_start(), start(0), start(1)], vec![0, 1]),
        (vec![message_start(), start(0), stop(0), stop(0)], vec![]),
    ] {
        assert!(open(Protocol::Anthropic, &events));
        for (reason, word) in [
            (EndReason::Length, "max_tokens"),
            (EndReason::Content, "refusal"),
        ] {
            for prompt_told in [true, false] {
                let told = EndUsage {
                    prompt_told,
                    ..TOLD
                };
                let mut wanted: Vec<Value> = left.iter().map(|index| stop(*index)).collect();
                let mut usage = json!({"output_tokens": 7});
                if !prompt_told {
                    usage["input_tokens"] = json!(10);
                    usage["cache_read_input_tokens"] = json!(2);
                }
                wanted.push(json!({"type": "message_delta",
                    "delta": {"stop_reason": word, "stop_sequence": null}, "usage": usage}));
                wanted.push(json!({"type": "message_stop"}));
                let got = ended(Protocol::Anthropic, &events, reason, &told);
                assert_eq!(got, wanted, "{events:?}");
            }
        }
    }
}

#[test]
fn a_message_that_has_not_begun_or_is_whole_is_not_ended() {
    let error = json!({"type": "error", "error": {"type": "overloaded_error"}});
    let begun = [message_start(), start(0)];
    for after in [message_delta(), json!({"type": "message_stop"}), error] {
        let events = [begun.as_slice(), &[after]].concat();
        assert!(!open(Protocol::Anthropic, &events), "{events:?}");
    }
    assert!(!open(Protocol::Anthropic, &[start(0)]));
    assert!(open(Protocol::Anthropic, &begun));
    let null = json!({"type": "message_delta", "delta": {"stop_reason": null}});
    assert!(open(Protocol::Anthropic, &[begun[0].clone(), null]));
}
