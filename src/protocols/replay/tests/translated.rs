//! Streams that were translated.

use super::*;
use crate::protocols::translate::{self, About, ChatApi};

const ABOUT: About<'static> = About {
    model: "m",
    created: 7,
    id: "1",
};

/// A document told as a stream, that translated, and this assembled.
fn by_stream(from: Api, to: Api, whole: &Value) -> Option<Value> {
    let [reads, writes] = [from, to].map(|api| ChatApi::of(api).unwrap());
    let mut stream = translate::Stream::new(reads.into(), writes, &ABOUT);
    let mut out = Vec::new();
    for event in told(from, whole, true) {
        stream.event(event.as_bytes(), &mut out).unwrap();
    }
    stream.end(&mut out);
    assembled(to, &data_of(&out))
}

fn whole(from: Api, to: Api, whole: &Value) -> Value {
    let [from, to] = [from, to].map(|api| ChatApi::of(api).unwrap());
    let translated =
        translate::answer(from.into(), to, whole.to_string().as_bytes(), &ABOUT).unwrap();
    serde_json::from_slice(&translated).unwrap()
}

/// With what one of the two leaves out where it is null.
fn with_nulls(whole: Value) -> Value {
    let mut whole = whole;
    for choice in whole["choices"].as_array_mut().into_iter().flatten() {
        choice["logprobs"] = Value::Null;
        choice["message"]["refusal"] = Value::Null;
    }
    whole
}

#[test]
fn a_translated_stream_is_the_translated_document() {
    let usage = json!({"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8});
    let chat = |message: Value, reason: &str| {
        json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 7, "model": "x", "usage": usage,
               "choices": [{"index": 0, "message": message, "finish_reason": reason, "logprobs": null}]})
    };
    let call = |id: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": arguments}});
    let message = |content: Value, reason: &str| {
        json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "x", "content": content,
               "stop_reason": reason, "stop_sequence": null, "usage": {"input_tokens": 5, "output_tokens": 3}})
    };
    let text = json!({"type": "text", "text": "Grüße \"a\"\n😀"});
    let tool =
        |id: &str, input: Value| json!({"type": "tool_use", "id": id, "name": "f", "input": input});
    for (from, to, document) in [
        (
            Api::ChatCompletions,
            Api::Messages,
            chat(
                json!({"role": "assistant", "content": "Grüße \"a\"\n😀", "refusal": null}),
                "stop",
            ),
        ),
        (
            Api::ChatCompletions,
            Api::Messages,
            chat(
                json!({"role": "assistant", "content": "x".repeat(3000)}),
                "length",
            ),
        ),
        (
            Api::ChatCompletions,
            Api::Messages,
            chat(
                json!({"role": "assistant", "content": null,
            "tool_calls": [call("call_1", "{\"a\":1}"), call("call_2", "{}")]}),
                "tool_calls",
            ),
        ),
        (
            Api::ChatCompletions,
            Api::Messages,
            chat(
                json!({"role": "assistant", "reasoning_content": "hm", "content": "a"}),
                "stop",
            ),
        ),
        (
            Api::Messages,
            Api::ChatCompletions,
            message(json!([text]), "end_turn"),
        ),
        (
            Api::Messages,
            Api::ChatCompletions,
            message(json!([text]), "max_tokens"),
        ),
        (
            Api::Messages,
            Api::ChatCompletions,
            message(
                json!([{"type": "thinking", "thinking": "hm", "signature": "c2ln"}, text,
            tool("toolu_1", json!({"a": [1, "é"]})), tool("toolu_2", json!({}))]),
                "tool_use",
            ),
        ),
    ] {
        let response = whole(from, Api::Responses, &document);
        for (from, to, document) in [
            (from, to, &document),
            (from, Api::Responses, &document),
            (Api::Responses, from, &response),
            (Api::Responses, to, &response),
        ] {
            let wanted = whole(from, to, document);
            let stream = by_stream(from, to, document).unwrap();
            let [stream, wanted] = [stream, wanted].map(with_nulls);
            assert_eq!(stream, wanted, "{document}");
        }
    }
}
