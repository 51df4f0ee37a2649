//! What begins an answer: empty events do not.

use super::bedrock::{bedrock, event, exception, judged, passed};
use super::responses::between;
use super::*;
use crate::eventstream::tests::message;

const EVENTS: &str = "application/vnd.amazon.eventstream";

fn delta(delta: &Value) -> Vec<u8> {
    let event_of = json!({"contentBlockIndex": 0, "delta": delta});
    event("contentBlockDelta", &event_of)
}

#[test]
fn regression_an_exception_behind_empty_deltas_moves_on() {
    for (said, begins) in [
        (json!({"text": ""}), false),
        (json!({"reasoningContent": {"text": ""}}), false),
        (json!({"reasoningContent": {"signature": "x"}}), false),
        (json!({"toolUse": {"input": ""}}), false),
        (json!({"text": " "}), true),
        (json!({"reasoningContent": {"text": "a"}}), true),
        (json!({"toolUse": {"input": "{"}}), true),
    ] {
        let mut attempt = bedrock(true);
        answer_head(&mut attempt, "200", EVENTS);
        let slow = exception("throttlingException", "slow");
        let on = attempt.answer_data(&[delta(&said), slow].concat(), true);
        assert_eq!(set(&on, RETRY_HEADER).is_none(), begins, "{said}");
    }
}

#[test]
fn regression_empty_deltas_of_other_streams_begin_nothing() {
    let messages =
        |delta: Value| json!({"type": "content_block_delta", "index": 0, "delta": delta});
    let responses = |kind: &str, delta: &str| json!({"type": kind, "delta": delta});
    for (api, event, begins) in [
        (
            Api::Messages,
            messages(json!({"type": "text_delta", "text": ""})),
            false,
        ),
        (
            Api::Messages,
            messages(json!({"type": "thinking_delta", "thinking": ""})),
            false,
        ),
        (
            Api::Messages,
            messages(json!({"type": "signature_delta", "signature": "x"})),
            false,
        ),
        (
            Api::Messages,
            messages(json!({"type": "input_json_delta", "partial_json": ""})),
            false,
        ),
        (
            Api::Messages,
            messages(json!({"type": "text_delta", "text": "a"})),
            true,
        ),
        (
            Api::Messages,
            messages(json!({"type": "new_delta", "new": {"a": "b"}})),
            true,
        ),
        (
            Api::Responses,
            responses("response.output_text.delta", ""),
            false,
        ),
        (
            Api::Responses,
            responses("response.output_text.delta", "a"),
            true,
        ),
    ] {
        let mut attempt = between(Api::ChatCompletions, api, true);
        answer_head(&mut attempt, "200", SSE);
        let data = format!("data: {event}\n\n");
        let on = attempt.answer_data(data.as_bytes(), false);
        assert_eq!(matches!(on, OnAttempt::Release(..)), begins, "{event}");
    }
}

#[test]
fn regression_events_that_nobody_knows_may_hold_anything() {
    let new = |payload: &[u8]| {
        let headers = [(":event-type", "somethingNew"), (":message-type", "event")];
        message(&headers, payload)
    };
    let text = |text: &str| delta(&json!({"text": text}));
    let start = [(":event-type", "messageStart"), (":message-type", "event")];
    let pieces = [
        message(&start, b""),
        text("a"),
        new(b""),
        new(b"\xFF{no JSON"),
        text("b"),
        event("messageStop", &json!({"stopReason": "end_turn"})),
        event(
            "metadata",
            &json!({"usage": {"inputTokens": 3, "outputTokens": 2}}),
        ),
    ];
    let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
    let told = String::from_utf8(passed(&mut bedrock(true), &pieces)).unwrap();
    assert!(told.contains("[DONE]") && told.contains(r#""b""#), "{told}");
}

#[test]
fn regression_a_filter_without_any_text_moves_on_if_configured() {
    let text = |text: &str| delta(&json!({"text": text}));
    let stop = || event("messageStop", &json!({"stopReason": "content_filtered"}));
    for (pieces, blocked) in [
        (vec![stop()], true),
        (vec![text(""), stop()], true),
        (vec![text("a"), stop()], false),
        (vec![text("a"), text("b"), stop()], false),
    ] {
        for moves_on in [true, false] {
            let mut attempt = judged(true, moves_on);
            answer_head(&mut attempt, "200", EVENTS);
            let on = attempt.answer_data(&pieces.concat(), true);
            let asks = set(&on, RETRY_HEADER);
            let wanted = (blocked && moves_on).then_some("content_policy");
            assert_eq!(asks, wanted, "{on:?}");
        }
    }
    for (content, blocked) in [
        (json!([]), true),
        (json!([{"text": ""}]), true),
        (json!([{"text": "a"}]), false),
    ] {
        let body = json!({"output": {"message": {"role": "assistant", "content": content}},
            "stopReason": "content_filtered", "usage": {"inputTokens": 1, "outputTokens": 1}});
        let mut attempt = judged(false, true);
        answer_head(&mut attempt, "200", "application/json");
        let on = attempt.answer_data(body.to_string().as_bytes(), true);
        let wanted = blocked.then_some("content_policy");
        assert_eq!(set(&on, RETRY_HEADER), wanted, "{body}");
    }
}
