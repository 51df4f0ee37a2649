//! Documents as streams.

use super::*;
use crate::protocols::texts::{ChannelKey, ChannelKind, answer_texts, event_texts};
use crate::protocols::{EventReader, Progress as Came};
use crate::tokens::Stream as Said;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[test]
fn a_chat_completion() {
    let usage = json!({"prompt_tokens": 2, "completion_tokens": 3});
    let whole = json!({
        "id": "c1", "object": "chat.completion", "created": 7, "model": "m", "system_fingerprint": "fp",
        "x_other": {"a": 1}, "usage": usage,
        "choices": [{"index": 0, "logprobs": null, "finish_reason": "stop", "stop_reason": 2,
                     "message": {"role": "assistant", "content": "hé", "refusal": null, "annotations": []}}],
    });
    let chunk = |choices: Value, more: Value| {
        let mut chunk = json!({"id": "c1", "object": "chat.completion.chunk", "created": 7,
                               "model": "m", "system_fingerprint": "fp", "choices": choices});
        for (name, value) in more.as_object().unwrap() {
            chunk[name] = value.clone();
        }
        chunk
    };
    let choice = |delta: Value| json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": null}]);
    let first = json!({"role": "assistant", "content": "", "refusal": null, "annotations": []});
    let last = json!([{"index": 0, "delta": {}, "logprobs": null, "finish_reason": "stop", "stop_reason": 2}]);
    let events = |usage_so_far: Value| {
        let mut with_others = usage_so_far.clone();
        with_others["x_other"] = json!({"a": 1});
        vec![
            chunk(choice(first.clone()), with_others),
            chunk(choice(json!({"content": "hé"})), usage_so_far.clone()),
            chunk(last.clone(), usage_so_far),
        ]
    };
    let plain = told(Api::ChatCompletions, &whole, false);
    assert_eq!(parsed(&plain), events(json!({})));
    assert_eq!(plain.last().unwrap(), "[DONE]");
    let reports = told(Api::ChatCompletions, &whole, true);
    let mut wanted = events(json!({"usage": null}));
    wanted.push(chunk(json!([]), json!({"usage": usage})));
    assert_eq!(parsed(&reports), wanted);
    assert_eq!(reports.last().unwrap(), "[DONE]");
}

#[test]
fn regression_white_space_between_values_breaks_no_event() {
    for (api, whole) in samples() {
        let pretty = serde_json::to_string_pretty(&whole).unwrap();
        let [dense, pretty] =
            [whole.to_string(), pretty].map(|text| as_stream(api, text.as_bytes(), true));
        assert!(dense.is_some());
        assert_eq!(dense, pretty);
    }
}

#[test]
fn numbers_and_spellings_stay() {
    let whole = r#"{"type":"message","stop_reason":"tool_use","usage":{"output_tokens":1},"content":[{"type":"tool_use","id":"a","name":"f","input":{"z":1.00,"a":123456789012345678901234567890,"é":"\u00e9"}}],"more":1e2}"#;
    let stream = as_stream(Api::Messages, whole.as_bytes(), false).unwrap();
    let mut assembler = Assembler::new(Api::Messages, ROOM);
    for event in data_of(&stream) {
        assembler.event(event.as_bytes());
    }
    let document = String::from_utf8(assembler.finish().unwrap()).unwrap();
    for part in [
        r#"{"z":1.00,"a":123456789012345678901234567890,"é":"\u00e9"}"#,
        r#""more":1e2"#,
    ] {
        assert!(document.contains(part), "{document}");
    }
}

#[test]
fn a_message() {
    let whole = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
        "stop_sequence": null, "container": {"id": "c"},
        "usage": {"input_tokens": 3, "output_tokens": 9},
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
            {"type": "text", "text": "a", "citations": [{"cited_text": "x"}]},
            {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
            {"type": "web_search_tool_result", "tool_use_id": "t", "content": []},
        ],
    });
    let delta = |index: u64, delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let start = |index: u64, block: Value| json!({"type": "content_block_start", "index": index, "content_block": block});
    let stop = |index: u64| json!({"type": "content_block_stop", "index": index});
    let mut message = whole.clone();
    message["content"] = json!([]);
    message["stop_reason"] = Value::Null;
    message["container"] = Value::Null;
    message["usage"]["output_tokens"] = json!(0);
    let wanted = [
        json!({"type": "message_start", "message": message}),
        start(
            0,
            json!({"type": "thinking", "thinking": "", "signature": ""}),
        ),
        delta(0, json!({"type": "thinking_delta", "thinking": "hm"})),
        delta(0, json!({"type": "signature_delta", "signature": "c2ln"})),
        stop(0),
        start(1, json!({"type": "text", "text": "", "citations": []})),
        delta(1, json!({"type": "text_delta", "text": "a"})),
        delta(
            1,
            json!({"type": "citations_delta", "citation": {"cited_text": "x"}}),
        ),
        stop(1),
        start(
            2,
            json!({"type": "tool_use", "id": "t", "name": "f", "input": {}}),
        ),
        delta(
            2,
            json!({"type": "input_json_delta", "partial_json": "{\"a\":1}"}),
        ),
        stop(2),
        start(
            3,
            json!({"type": "web_search_tool_result", "tool_use_id": "t", "content": []}),
        ),
        stop(3),
        json!({"type": "message_delta", "usage": {"input_tokens": 3, "output_tokens": 9},
               "delta": {"stop_reason": "end_turn", "stop_sequence": null, "container": {"id": "c"}}}),
        json!({"type": "message_stop"}),
    ];
    assert_eq!(parsed(&told(Api::Messages, &whole, false)), wanted);
    let stream = as_stream(Api::Messages, whole.to_string().as_bytes(), false).unwrap();
    let stream = String::from_utf8(stream).unwrap();
    // Clients go by the names.
    for event in stream.split_terminator("\n\n") {
        let (name, data) = event.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(name, format!("event: {}", data["type"].as_str().unwrap()));
    }
}

#[test]
fn a_response() {
    let part = json!({"type": "output_text", "text": "hi", "annotations": [{"type": "url_citation"}], "logprobs": []});
    let message = json!({"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [part]});
    let call = json!({"id": "fc_1", "type": "function_call", "status": "completed", "call_id": "call_1", "name": "f", "arguments": "{}"});
    let whole = json!({"id": "r", "object": "response", "status": "completed", "error": null,
                       "incomplete_details": null, "output": [message, call], "usage": {"input_tokens": 1}});
    let events = parsed(&told(Api::Responses, &whole, false));
    let begun = json!({"id": "r", "object": "response", "status": "in_progress", "error": null,
                       "incomplete_details": null, "output": [], "usage": null});
    let mut first_part = part.clone();
    first_part["text"] = json!("");
    first_part["annotations"] = json!([]);
    let mut first_message = message.clone();
    first_message["content"] = json!([]);
    first_message["status"] = json!("in_progress");
    let mut first_call = call.clone();
    first_call["arguments"] = json!("");
    first_call["status"] = json!("in_progress");
    let at = |event: Value| {
        let mut event = event;
        event["item_id"] = json!("msg_1");
        event["output_index"] = json!(0);
        event["content_index"] = json!(0);
        event
    };
    let wanted = [
        json!({"type": "response.created", "response": begun}),
        json!({"type": "response.in_progress", "response": begun}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": first_message}),
        at(json!({"type": "response.content_part.added", "part": first_part})),
        at(json!({"type": "response.output_text.delta", "delta": "hi", "logprobs": []})),
        at(json!({"type": "response.output_text.done", "text": "hi", "logprobs": []})),
        at(
            json!({"type": "response.output_text.annotation.added", "annotation_index": 0,
                  "annotation": {"type": "url_citation"}}),
        ),
        at(json!({"type": "response.content_part.done", "part": part})),
        json!({"type": "response.output_item.done", "output_index": 0, "item": message}),
        json!({"type": "response.output_item.added", "output_index": 1, "item": first_call}),
        json!({"type": "response.function_call_arguments.delta", "item_id": "fc_1", "output_index": 1, "delta": "{}"}),
        json!({"type": "response.function_call_arguments.done", "item_id": "fc_1", "output_index": 1,
               "arguments": "{}", "name": "f"}),
        json!({"type": "response.output_item.done", "output_index": 1, "item": call}),
        json!({"type": "response.completed", "response": whole}),
    ];
    assert_eq!(events.len(), wanted.len());
    for (number, (event, wanted)) in events.into_iter().zip(wanted).enumerate() {
        let mut wanted = wanted;
        wanted["sequence_number"] = json!(number);
        assert_eq!(event, wanted);
    }
}

/// One document of each API.
fn samples() -> Vec<(Api, Value)> {
    let mut seed = 7;
    Api::OF_TEXT
        .iter()
        .flat_map(|api| {
            (0..8)
                .map(|_| (*api, Dice(&mut seed).document(*api)))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Makes documents of numbers.
struct Dice<'s>(&'s mut u64);

impl Dice<'_> {
    fn below(&mut self, sides: u64) -> u64 {
        *self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (*self.0 >> 33) % sides
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.below(sides) == 0
    }

    fn text(&mut self) -> String {
        const SIGNS: [&str; 10] = [
            "a",
            " ",
            "é",
            "\"",
            "\\",
            "\n",
            "😀",
            "{\"x\":1}",
            "\u{1}",
            "データ",
        ];
        let length = if self.one_in(6) { 900 } else { self.below(6) };
        (0..length)
            .map(|_| SIGNS[usize::try_from(self.below(10)).unwrap()])
            .collect()
    }

    fn said(&mut self) -> String {
        format!("x{}", self.text())
    }

    fn list(&mut self, most: u64, mut item: impl FnMut(&mut Self) -> Value) -> Value {
        let count = self.below(most + 1);
        (0..count).map(|_| item(self)).collect()
    }

    fn object(&mut self) -> Value {
        let mut object = json!({});
        for name in ["a", "b\n", "é"] {
            if self.one_in(2) {
                object[name] = json!(self.text());
            }
        }
        object
    }

    fn document(&mut self, api: Api) -> Value {
        match api {
            Api::ChatCompletions | Api::Completions => self.chunks(api),
            Api::Responses => self.response(),
            Api::Messages => self.message(),
            _ => panic!("they have no streams"),
        }
    }

    fn chunks(&mut self, api: Api) -> Value {
        let chat = api == Api::ChatCompletions;
        let count = 1 + self.below(3);
        let choices: Vec<Value> = (0..count).map(|index| self.choice(index, chat)).collect();
        let object = if chat {
            "chat.completion"
        } else {
            "text_completion"
        };
        let mut whole =
            json!({"id": "c1", "object": object, "created": 7, "model": "m", "choices": choices});
        for (name, value) in [
            ("system_fingerprint", json!("fp")),
            ("service_tier", Value::Null),
            (
                "usage",
                json!({"prompt_tokens": 1, "completion_tokens_details": {"a": 1}}),
            ),
            ("other", json!({"a": [1, null]})),
        ] {
            if self.one_in(2) {
                whole[name] = value;
            }
        }
        whole
    }

    fn choice(&mut self, index: u64, chat: bool) -> Value {
        let mut choice = json!({"index": index, "finish_reason": "stop"});
        if chat {
            choice["message"] = self.chat_message();
        } else {
            choice["text"] = json!(self.text());
        }
        choice["logprobs"] = match self.below(3) {
            0 if chat => {
                json!({"content": self.list(40, |dice| json!({"token": dice.text()})), "refusal": null})
            }
            1 if chat => {
                json!({"content": null, "refusal": self.list(3, |dice| json!({"token": dice.text()}))})
            }
            0 => json!({"tokens": self.list(40, |dice| json!(dice.text())), "top_logprobs": null,
                        "text_offset": self.list(40, |dice| json!(dice.below(9)))}),
            _ => Value::Null,
        };
        if self.one_in(3) {
            choice["content_filter_results"] = self.object();
        }
        choice
    }

    fn chat_message(&mut self) -> Value {
        let mut message = json!({"role": "assistant"});
        let calls = self.list(3, |dice| match dice.below(3) {
            0 => json!({"id": "a", "type": "custom", "custom": {"name": "g", "input": dice.text()}}),
            _ => json!({"id": "b", "type": "function", "function": {"name": "f", "arguments": dice.text()}}),
        });
        message["content"] = match self.below(3) {
            0 => Value::Null,
            _ => json!(self.said()),
        };
        if calls.as_array().is_some_and(|calls| !calls.is_empty()) {
            message["tool_calls"] = calls;
        }
        for (name, value) in [
            ("refusal", Value::Null),
            ("reasoning_content", json!(self.said())),
            ("reasoning", json!(self.said())),
            (
                "annotations",
                self.list(2, |dice| json!({"a": dice.text()})),
            ),
            (
                "function_call",
                json!({"name": "f", "arguments": self.text()}),
            ),
            ("thing", json!({"a": 1})),
            ("audio", Value::Null),
        ] {
            if self.one_in(3) {
                message[name] = value;
            }
        }
        message
    }

    fn message(&mut self) -> Value {
        let content = self.list(4, |dice| match dice.below(6) {
            0 => json!({"type": "text", "text": dice.text()}),
            1 => json!({"type": "text", "text": dice.text(), "citations": null}),
            2 => json!({"type": "text", "text": dice.text(), "citations": dice.list(2, |dice| json!({"cited_text": dice.text()}))}),
            3 => json!({"type": "thinking", "thinking": dice.text(), "signature": dice.said()}),
            4 => json!({"type": "redacted_thinking", "data": dice.text()}),
            _ => json!({"type": "tool_use", "id": "t", "name": "f", "input": dice.object(), "caller": {"type": "direct"}}),
        });
        json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": content,
               "stop_reason": "stop_sequence", "stop_sequence": self.text(), "container": null,
               "usage": {"input_tokens": 3, "output_tokens": 9, "server_tool_use": null}})
    }

    fn response(&mut self) -> Value {
        let item = |dice: &mut Self| match dice.below(4) {
            0 => json!({"id": "rs", "type": "reasoning", "encrypted_content": dice.text(),
                        "summary": dice.list(2, |dice| json!({"type": "summary_text", "text": dice.text()})),
                        "content": dice.list(2, |dice| json!({"type": "reasoning_text", "text": dice.text()}))}),
            1 => {
                json!({"id": "fc", "type": "function_call", "name": "f", "call_id": "c", "arguments": dice.text()})
            }
            2 => {
                json!({"id": "ct", "type": "custom_tool_call", "name": "f", "call_id": "c", "input": dice.text()})
            }
            _ => json!({"id": "msg", "type": "message", "role": "assistant", "status": "completed",
            "content": dice.list(3, |dice| match dice.below(3) {
                0 => json!({"type": "refusal", "refusal": dice.text()}),
                _ => json!({"type": "output_text", "text": dice.text(), "annotations": dice.list(2, |_| json!({"type": "a"})), "logprobs": []}),
            })}),
        };
        json!({"id": "r", "object": "response", "status": "completed", "error": null, "model": "m",
               "incomplete_details": null, "usage": {"input_tokens": 1}, "output": self.list(4, item)})
    }
}

/// The texts of each channel, as guardrails see them.
fn channels(api: Api, stream: &[String]) -> BTreeMap<ChannelKey, String> {
    let mut texts: BTreeMap<ChannelKey, String> = BTreeMap::new();
    for event in stream.iter().filter(|event| *event != "[DONE]") {
        for said in event_texts(api, event.as_bytes()).unwrap().said {
            if let (Some(channel), false) = (said.channel, said.repeated) {
                texts
                    .entry(channel)
                    .or_default()
                    .push_str(&said.text.value());
            }
        }
    }
    texts.retain(|_, text| !text.is_empty());
    texts
}

fn channels_of_whole(api: Api, whole: &Value) -> BTreeMap<ChannelKey, String> {
    let whole = whole.to_string();
    let mut texts = BTreeMap::new();
    for said in answer_texts(api, whole.as_bytes()).unwrap().said {
        let Some(channel) = said.channel else {
            continue;
        };
        let text: &mut String = texts.entry(channel).or_default();
        text.push_str(&said.text.value());
    }
    texts.retain(|_, text| !text.is_empty());
    texts
}

proptest! {
    #[test]
    fn a_document_told_is_the_document(api in prop::sample::select(Api::OF_TEXT.to_vec()), seed in any::<u64>()) {
        let mut seed = seed;
        let whole = Dice(&mut seed).document(api);
        let events = told(api, &whole, true);
        prop_assert_eq!(assembled(api, &events), Some(whole));
        // As it goes through the gateway.
        let mut reader = EventReader::new(api);
        let mut said = Said::default();
        for (place, event) in events.iter().enumerate() {
            let read = reader.read(event.as_bytes(), &mut said).unwrap();
            prop_assert_eq!(read.progress == Came::Ended, place + 1 == events.len());
            prop_assert!(read.progress != Came::Failed);
        }
        // Any end but the last is none.
        let end = usize::try_from(seed % events.len() as u64).unwrap();
        prop_assert_eq!(assembled(api, &events[..end]), None);
    }

    #[test]
    fn guardrails_see_the_same_in_both(api in prop::sample::select(Api::OF_TEXT.to_vec()), seed in any::<u64>()) {
        let mut seed = seed;
        let whole = Dice(&mut seed).document(api);
        let events = told(api, &whole, false);
        let mut stream = channels(api, &events);
        // A message has no text of what a tool gets, but an object.
        stream.retain(|key, _| api != Api::Messages || key.kind != ChannelKind::Arguments);
        prop_assert_eq!(stream, channels_of_whole(api, &whole));
    }

    #[test]
    fn events_that_are_damaged_are_never_another_answer(
        api in prop::sample::select(Api::OF_TEXT.to_vec()),
        seed in any::<u64>(),
        place in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
    ) {
        let mut seed = seed;
        let whole = Dice(&mut seed).document(api);
        let mut events = told(api, &whole, true);
        let place = place.index(events.len());
        // What is left of an event is no event.
        let event = &mut events[place];
        let mut cut = at.index(event.len());
        while !event.is_char_boundary(cut) {
            cut -= 1;
        }
        event.truncate(cut.max(1));
        prop_assert_eq!(assembled(api, &events), None);
    }

    #[test]
    fn what_is_no_json_is_no_answer(
        api in prop::sample::select(Api::OF_TEXT.to_vec()),
        seed in any::<u64>(),
        at in any::<prop::sample::Index>(),
        sign in prop::sample::select(vec![" ", "\n", "\"", "1", "{", "]", ",", "\\", "a", "\u{c}", ""]),
        instead in any::<bool>(),
    ) {
        let mut seed = seed;
        let mut whole = serde_json::to_string_pretty(&Dice(&mut seed).document(api)).unwrap();
        let mut at = at.index(whole.len());
        while !whole.is_char_boundary(at) {
            at -= 1;
        }
        let length = whole[at..].chars().next().map_or(0, char::len_utf8);
        let end = if instead { at + length } else { at };
        whole.replace_range(at..end, sign);
        if serde_json::from_str::<Value>(&whole).is_err() {
            prop_assert_eq!(as_stream(api, whole.as_bytes(), true), None, "{}", whole);
        }
    }
}
