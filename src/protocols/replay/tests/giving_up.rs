//! What cannot be told the other way.

use super::*;
use proptest::prelude::*;

/// The document of a stream of one choice, with these events in the middle.
fn chat_with(events: &[String]) -> Option<Value> {
    let first = delta(0, json!({"role": "assistant", "content": "a"}));
    let last = [ends(0, "stop"), done()];
    assembled(Api::ChatCompletions, &[&[first], events, &last].concat())
}

#[test]
fn chunks() {
    assert!(chat_with(&[]).is_some());
    let call = |call: Value| delta(0, json!({"tool_calls": [call]}));
    let good = call(json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": "{"}}));
    assert!(chat_with(std::slice::from_ref(&good)).is_some());
    let thing = delta(0, json!({"thing": "a"}));
    assert!(chat_with(std::slice::from_ref(&thing)).is_some());
    for events in [
        vec!["{".to_owned()],
        vec!["[]".to_owned()],
        vec!["1 2".to_owned()],
        vec![json!({"error": {"message": "m"}}).to_string()],
        vec![json!({"choices": {}}).to_string()],
        vec![json!({"choices": [1]}).to_string()],
        vec![json!({"usage": 1, "choices": []}).to_string()],
        vec![chunk(json!([{"index": "a", "delta": {}}]))],
        vec![chunk(json!([{"index": -1, "delta": {}}]))],
        vec![chunk(json!([{"index": 0, "delta": []}]))],
        vec![chunk(json!([{"index": 0, "message": {"content": "a"}}]))],
        vec![chunk(json!([{"index": 0, "text": "a"}]))],
        vec![chunk(json!([{"index": 0, "delta": {}, "logprobs": []}]))],
        vec![chunk(
            json!([{"index": 0, "delta": {}, "logprobs": {"content": {}}}]),
        )],
        // Another choice never ends.
        vec![delta(1, json!({"content": "a"}))],
        // There is no choice in between.
        vec![ends(2, "stop")],
        vec![delta(0, json!({"content": ["a"]}))],
        vec![delta(0, json!({"content": 1}))],
        vec![delta(0, json!({"role": "user"}))],
        // Pieces of one, or two?
        vec![thing.clone(), thing],
        vec![
            delta(0, json!({"images": [1]})),
            delta(0, json!({"images": [2]})),
        ],
        vec![
            delta(0, json!({"audio": {"id": "a"}})),
            delta(0, json!({"audio": {"data": "b"}})),
        ],
        vec![call(json!({"id": "a", "function": {"name": "f"}}))],
        vec![good.clone(), call(json!({"index": 0, "id": "b"}))],
        vec![
            good.clone(),
            call(json!({"index": 0, "function": {"name": "g"}})),
        ],
        vec![
            good.clone(),
            call(json!({"index": 0, "custom": {"input": "g"}})),
        ],
        vec![
            good,
            call(json!({"index": 0, "function": {"arguments": {}}})),
        ],
        vec![ends(0, "length")],
        // Duplicates.
        vec![r#"{"choices":[],"choices":[]}"#.to_owned()],
        vec![r#"{"choices":[{"index":0,"delta":{"content":"a","content":"b"}}]}"#.to_owned()],
        // What comes behind the end.
        vec![done()],
        // Halves of a character.
        vec![r#"{"choices":[{"index":0,"delta":{"content":"\ud83d"}}]}"#.to_owned()],
    ] {
        assert_eq!(chat_with(&events), None, "{events:?}");
    }
    assert_eq!(assembled(Api::ChatCompletions, &[done()]), None);
    let only_usage = [json!({"choices": [], "usage": {}}).to_string(), done()];
    assert_eq!(assembled(Api::ChatCompletions, &only_usage), None);
    assert_eq!(assembled(Api::ChatCompletions, &[""]), None);
    let mut assembler = Assembler::new(Api::ChatCompletions, ROOM);
    assembler.event(b"\xFF");
    assert!(assembler.gave_up());
    assert_eq!((assembler.held(), assembler.finish()), (0, None));
}

#[test]
fn events_of_messages() {
    let start = json!({"type": "message_start", "message": {"type": "message", "content": [],
        "stop_reason": null, "usage": {"output_tokens": 1}}});
    let block =
        |block: Value| json!({"type": "content_block_start", "index": 0, "content_block": block});
    let delta = |delta: Value| json!({"type": "content_block_delta", "index": 0, "delta": delta});
    let stop = json!({"type": "content_block_stop", "index": 0});
    let end = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {}});
    let text = block(json!({"type": "text", "text": ""}));
    let tool = block(json!({"type": "tool_use", "id": "a", "name": "f", "input": {}}));
    let json_piece = |text: &str| delta(json!({"type": "input_json_delta", "partial_json": text}));
    let with = |middle: &[Value]| {
        let mut events = vec![start.clone()];
        events.extend_from_slice(middle);
        events.extend([end.clone(), json!({"type": "message_stop"})]);
        let events: Vec<String> = events.iter().map(Value::to_string).collect();
        assembled(Api::Messages, &events)
    };
    assert!(with(&[]).is_some());
    assert!(with(&[text.clone(), stop.clone()]).is_some());
    assert!(with(&[tool.clone(), json_piece("{}"), stop.clone()]).is_some());
    for middle in [
        vec![json!({"type": "error", "error": {"type": "overloaded_error"}})],
        vec![json!({"type": "something_new"})],
        vec![json!({"message": "m"})],
        vec![start.clone()],
        vec![stop.clone()],
        vec![text.clone()],
        vec![text.clone(), text.clone(), stop.clone()],
        vec![text.clone(), end.clone(), stop.clone()],
        vec![delta(json!({"type": "text_delta", "text": "a"}))],
        vec![
            json!({"type": "content_block_start", "index": 1, "content_block": {"type": "text"}}),
            stop.clone(),
        ],
        vec![block(json!({"text": "a"})), stop.clone()],
        vec![
            text.clone(),
            delta(json!({"type": "new_delta", "text": "a"})),
            stop.clone(),
        ],
        vec![
            text.clone(),
            delta(json!({"type": "text_delta", "text": 1})),
            stop.clone(),
        ],
        vec![
            text.clone(),
            delta(json!({"type": "text_delta", "text": "a", "more": 1})),
            stop.clone(),
        ],
        vec![
            text.clone(),
            delta(json!({"type": "thinking_delta", "thinking": "a"})),
            stop.clone(),
        ],
        vec![
            text.clone(),
            json!({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "a"}}),
            stop.clone(),
        ],
        vec![tool.clone(), json_piece("{\"a\":"), stop.clone()],
        vec![tool.clone(), json_piece("[]"), stop.clone()],
        vec![tool.clone(), json_piece("{} {}"), stop.clone()],
        vec![json!({"type": "message_delta", "delta": {"content": []}})],
        vec![json!({"type": "message_delta", "delta": {}, "more": 1})],
        vec![json!({"type": "message_stop"})],
    ] {
        assert_eq!(with(&middle), None, "{middle:?}");
    }
    let signed = |text: &str| delta(json!({"type": "signature_delta", "signature": text}));
    let thinking = block(json!({"type": "thinking", "thinking": "", "signature": ""}));
    assert_eq!(with(&[thinking, signed("a"), signed("b"), stop]), None);
}

#[test]
fn too_much() {
    let events = [
        delta(0, json!({"role": "assistant", "content": "a".repeat(1000)})),
        delta(0, json!({"content": "b".repeat(1000)})),
        ends(0, "stop"),
        done(),
    ];
    let with = |max: usize| {
        let mut assembler = Assembler::new(Api::ChatCompletions, max);
        for event in &events {
            assembler.event(event.as_bytes());
            assert!(assembler.held() <= max);
        }
        assembler.finish()
    };
    assert!(with(3000).is_some());
    let length = with(ROOM).unwrap().len();
    for max in [0, 100, 1500, 2100, length - 1] {
        assert_eq!(with(max), None, "{max}");
    }
    let many: Vec<String> = (0..200).map(|index| ends(index, "stop")).collect();
    assert_eq!(
        assembled(Api::ChatCompletions, &[&many[..], &[done()]].concat()),
        None
    );
    let some = [&many[..128], &[done()]].concat();
    assert_eq!(
        assembled(Api::ChatCompletions, &some).unwrap()["choices"]
            .as_array()
            .unwrap()
            .len(),
        128
    );
}

#[test]
fn documents() {
    let choice = |choice: Value| json!({"choices": [choice]});
    let message =
        |message: Value| choice(json!({"index": 0, "message": message, "finish_reason": "stop"}));
    let chat = Api::ChatCompletions;
    let good = message(json!({"role": "assistant", "content": "a"}));
    assert!(as_stream(chat, good.to_string().as_bytes(), true).is_some());
    let block = |block: Value| json!({"type": "message", "stop_reason": "end_turn", "usage": {}, "content": [block]});
    let item = |item: Value| json!({"status": "completed", "output": [item]});
    for (api, whole) in [
        (chat, json!({})),
        (chat, json!([])),
        (chat, json!({"error": {"message": "m"}})),
        (chat, json!({"choices": []})),
        (
            chat,
            choice(json!({"index": 0, "message": {"content": "a"}})),
        ),
        (
            chat,
            choice(json!({"index": 0, "message": {"content": "a"}, "finish_reason": null})),
        ),
        (
            chat,
            choice(json!({"index": 0, "message": {"content": "a"}, "finish_reason": ""})),
        ),
        (
            chat,
            choice(json!({"index": 1, "message": {"content": "a"}, "finish_reason": "stop"})),
        ),
        (
            chat,
            choice(json!({"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"})),
        ),
        (chat, message(json!({"content": ["a"]}))),
        (chat, message(json!({"role": 1, "content": "a"}))),
        (
            chat,
            message(json!({"content": null, "audio": {"id": "a"}})),
        ),
        (
            chat,
            message(json!({"content": null, "tool_calls": [{"id": "a"}]})),
        ),
        (
            chat,
            message(json!({"content": null, "tool_calls": [{"function": {"arguments": {}}}]})),
        ),
        (
            chat,
            message(json!({"content": "a".repeat(10), "thing": "b".repeat(1 << 20)})),
        ),
        (Api::Completions, good),
        (
            Api::Completions,
            choice(json!({"index": 0, "text": null, "finish_reason": "stop"})),
        ),
        (Api::Messages, json!({"type": "error", "error": {}})),
        (
            Api::Messages,
            json!({"type": "message", "stop_reason": null, "usage": {}, "content": []}),
        ),
        (
            Api::Messages,
            json!({"type": "message", "stop_reason": "end_turn", "content": []}),
        ),
        (Api::Messages, block(json!({"text": "a"}))),
        (Api::Messages, block(json!({"type": "text", "text": 1}))),
        (
            Api::Messages,
            block(json!({"type": "tool_use", "input": []})),
        ),
        (Api::Responses, json!({"status": "failed", "output": []})),
        (
            Api::Responses,
            json!({"status": "completed", "output": [], "error": {}}),
        ),
        (Api::Responses, json!({"status": "completed"})),
        (Api::Responses, item(json!({"id": "a"}))),
        (
            Api::Responses,
            item(json!({"type": "message", "content": [{"type": "output_text"}]})),
        ),
        (
            Api::Responses,
            item(json!({"type": "function_call", "name": "f", "arguments": {}})),
        ),
    ] {
        let told = as_stream(api, whole.to_string().as_bytes(), true);
        assert_eq!(
            told,
            None,
            "{}",
            &whole.to_string()[..whole.to_string().len().min(200)]
        );
    }
    for bytes in [&b"{"[..], b"\xFF", b"", b"{} {}"] {
        for api in Api::OF_TEXT {
            assert_eq!(as_stream(api, bytes, false), None);
        }
    }
}

proptest! {
    #[test]
    fn garbage_is_no_answer(
        api in prop::sample::select(Api::OF_TEXT.to_vec()),
        events in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6),
    ) {
        let mut assembler = Assembler::new(api, ROOM);
        for event in &events {
            assembler.event(event);
            let _ = as_stream(api, event, true);
        }
        prop_assert_eq!(assembler.finish(), None);
    }
}

#[test]
fn a_usage_that_grows_takes_room_once() {
    let usage = |tokens: u64| {
        json!({"id": "c1", "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": null}],
               "usage": {"prompt_tokens": 9, "completion_tokens": tokens}})
        .to_string()
    };
    let mut events: Vec<String> = (1..=400).map(usage).collect();
    events.extend([ends(0, "stop"), done()]);
    let mut assembler = Assembler::new(Api::ChatCompletions, 1400);
    for event in &events {
        assembler.event(event.as_bytes());
    }
    assert!(!assembler.gave_up());
    let whole: Value = serde_json::from_slice(&assembler.finish().unwrap()).unwrap();
    assert_eq!(whole["usage"]["completion_tokens"], 400);
    assert_eq!(whole["choices"][0]["message"]["content"], "a".repeat(400));
}

#[test]
fn fullness_is_told_apart() {
    let after = |max: usize, event: &str| {
        let mut assembler = Assembler::new(Api::ChatCompletions, max);
        assembler.event(event.as_bytes());
        (assembler.gave_up(), assembler.is_full())
    };
    let good = delta(0, json!({"content": "a".repeat(1000)}));
    assert_eq!(after(ROOM, &good), (false, false));
    assert_eq!(after(100, &good), (true, true));
    assert_eq!(after(ROOM, "{"), (true, false));
}

#[test]
fn a_long_id_does_not_multiply() {
    let text = "t".repeat(127 << 10);
    let chat = |id: &str| {
        json!({"id": id, "object": "chat.completion", "choices": [{"index": 0,
            "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]})
    };
    let response = |id: &str| {
        json!({"id": "r", "object": "response", "status": "completed", "output": [{"id": id,
            "type": "message", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": text, "annotations": []}]}]})
    };
    let long = "i".repeat(128 << 10);
    for (api, whole) in [
        (Api::ChatCompletions, [chat("c1"), chat(&long)]),
        (Api::Responses, [response("m1"), response(&long)]),
    ] {
        let [told, multiplied] = whole.map(|whole| {
            let whole = whole.to_string();
            as_stream(api, whole.as_bytes(), false).map(|told| (told.len(), whole.len()))
        });
        let (told, whole) = told.expect("a usual id");
        assert!(told < 6 * whole, "{api:?}: {told}");
        assert_eq!(multiplied, None, "{api:?}");
    }
}
